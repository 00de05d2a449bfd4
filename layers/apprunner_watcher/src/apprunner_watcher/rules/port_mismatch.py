"""The application listens on another port than the service's."""

from apprunner_watcher.rule import (
    CHANGE_SOURCE_CONFIGURATION,
    Confidence,
    Evidence,
    Finding,
    Matches,
    Phase,
    Rule,
    Step,
)
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, _: Matches) -> Finding | None:
    """Find an application that says where it listens, and nowhere says the service's port."""
    port = snapshot.checked_port
    places = snapshot.application_log.listening
    if not places or any(place.port == port for place in places) or snapshot.health_check_answers:
        return None
    first = places[0]
    is_plain = bool(first.host) and len({place.port for place in places}) == 1
    confidence = Confidence.CERTAIN if is_plain else Confidence.LIKELY
    return Finding(
        Confidence.POSSIBLE if snapshot.has_ended else confidence,  # what ended it comes first
        (Evidence.of(first.line), Evidence.setting("Port", port)),
        {"listens": str(first.port), "port": str(port), "service_arn": snapshot.service.arn},
    )


RULE = Rule(
    id="port-mismatch",
    code="port-mismatch",
    title="The application listens on port {listens}, not on {port}",
    phase=Phase.LISTEN,
    looks_at=frozenset({"application_log", "configuration", "service", "service_log"}),
    why="App Runner sends health checks and requests to the service's port only, and nothing answers there.",
    fix=(
        Step("Listen on the port in the PORT variable, which App Runner sets to {port}, and deploy that."),
        Step(
            "Or set Port, the service's port, to {listens}.",
            CHANGE_SOURCE_CONFIGURATION,
        ),
    ),
    false_alarms="Second ports (metrics, debugger, WebSocket) are named in logs as well; they do not count.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/develop.html",
    rollback="helps",
    check=check,
)
