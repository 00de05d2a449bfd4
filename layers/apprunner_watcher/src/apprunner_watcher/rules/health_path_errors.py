"""The health check asks for a path that the application answers with a server error."""

from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

_SERVER_ERRORS = range(500, 600)


def check(snapshot: Snapshot, _: Matches) -> Finding | None:
    """Find an access log in which every answer to the health check is a server error."""
    answers = snapshot.health_check_answers
    if not answers or any(answer.status not in _SERVER_ERRORS for answer in answers):
        return None
    path = snapshot.checked_path
    return Finding(
        Confidence.LIKELY,
        (Evidence.of(answers[0].line), Evidence.setting("HealthCheckConfiguration.Path", path)),
        {"path": path, "status": str(answers[0].status)},
    )


RULE = Rule(
    id="health-path-errors",
    code="health-path-errors",
    title="The health check of {path} is answered {status}",
    phase=Phase.HEALTH,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "The application is up, and its health route itself fails: it raises, or reports a dependency (database,"
        " cache) that it cannot reach."
    ),
    fix=(
        Step("Read the error that the application logs beside these answers, and cure what it names."),
        Step("Let the route at {path} say whether this process can serve, and report dependencies elsewhere."),
    ),
    false_alarms="A few 503 while the application warms up are ordinary: here every answer is an error.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/manage-configure-healthcheck.html",
    rollback="helps",
    check=check,
    is_generic=True,
)
