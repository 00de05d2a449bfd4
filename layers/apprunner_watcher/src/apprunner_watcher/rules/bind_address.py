"""The application listens on loopback or on the container's internal host name only."""

import re

from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

_INTERNAL_NAME = re.compile(r"ip-\d{1,3}(?:-\d{1,3}){3}")


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find an application that says it listens where nobody outside of the container can reach it."""
    places = snapshot.application_log.listening
    if snapshot.health_check_answers or snapshot.has_ended:
        return None
    unreachable = [place for place in places if place.is_loopback or _INTERNAL_NAME.match(place.host)]
    if not unreachable or len(unreachable) < len(places):
        return None
    first = unreachable[0]
    only_local = matches.application("only_local")
    if first.host.startswith("127.") or first.host == "::1" or only_local:
        confidence = Confidence.CERTAIN
    elif _INTERNAL_NAME.match(first.host):
        confidence = Confidence.LIKELY
    else:
        confidence = Confidence.POSSIBLE  # many servers print "localhost" and listen everywhere
    return Finding(
        confidence,
        (Evidence.of(first.line), *(Evidence.of(match.line) for match in only_local[:1])),
        {"host": first.host, "port": str(first.port)},
    )


RULE = Rule(
    id="bind-address",
    code="bind-address",
    title="The application listens on {host} only",
    phase=Phase.LISTEN,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "Health checks and requests come from outside of the container and cannot reach it there. Next.js and others listen on the name in"
        " HOSTNAME, and App Runner sets HOSTNAME to the container's internal name."
    ),
    fix=(
        Step(
            "Listen on 0.0.0.0: `--host 0.0.0.0` (uvicorn, Flask, Vite), `--bind 0.0.0.0:{port}` (gunicorn),"
            " `-b 0.0.0.0` (Rails), `app.listen({port}, '0.0.0.0')` (Node)."
        ),
        Step(
            "For a Next.js standalone server set it in the command, since App Runner overrides the variable.",
            "HOSTNAME=0.0.0.0 node server.js",
        ),
    ),
    false_alarms="Many servers print `localhost` although they listen everywhere: that alone is no more than possible.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/develop.html",
    rollback="helps",
    check=check,
    application_patterns={
        # Vite, Nuxt and Astro; PHP's own server prints the name that it was bound to
        "only_local": re.compile(r"use --host to expose|PHP [\d.]+ Development Server \(http://localhost:"),
    },
)
