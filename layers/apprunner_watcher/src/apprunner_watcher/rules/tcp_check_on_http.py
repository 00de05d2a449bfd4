"""The health check only opens the port of a service that speaks HTTP."""

import re

from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Occasion, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

# servers that speak nothing else, and URLs
_HTTP = re.compile(
    r"\bhttps?\b|uvicorn|gunicorn|werkzeug|hypercorn|puma|tomcat|jetty|netty|undertow|kestrel|express|next\.js|fastify|nest",
    re.IGNORECASE,
)


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a TCP check, and a line by which the application is an HTTP server on the port that is checked."""
    if snapshot.configuration.health_check.protocol != "TCP":
        return None
    log = snapshot.application_log
    served = [match.line for match in matches.application("request")]
    listens = [
        one.line for one in log.listening if one.port == snapshot.configuration.port and _HTTP.search(one.line.said)
    ]
    lines = listens or served
    if not lines or log.died:
        return None
    return Finding(
        Confidence.CERTAIN, (Evidence.setting("HealthCheckConfiguration.Protocol", "TCP"), Evidence.of(lines[0]))
    )


RULE = Rule(
    id="tcp-check-on-http",
    code="tcp-check-on-http",
    title="The health check does not ask the application, it only opens its port",
    phase=Phase.HEALTH,
    looks_at=frozenset({"application_log", "configuration"}),
    why="A server that opens its port and answers every request with an error passes a TCP check, and gets the traffic.",
    fix=(
        Step(
            "Set the health check to HTTP, with a path that answers 200 without a login when the application is ready."
        ),
    ),
    false_alarms="Where no path answers without a login or a certain Host header, TCP may be the right choice.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/manage-configure-healthcheck.html",
    rollback="does-not-help",
    check=check,
    application_patterns={"request": (r"\"(?:GET|HEAD|POST) /\S{0,500} HTTP/[12]")},
    is_remark=True,
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
)
