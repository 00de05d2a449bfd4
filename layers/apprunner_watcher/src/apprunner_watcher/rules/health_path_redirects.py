"""The health check asks for a path that the application answers with a redirect."""

from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SERVER_ERRORS = range(500, 600)


def check(snapshot: Snapshot, _: Matches) -> Finding | None:
    """Find an access log in which every answer to the health check is a redirect."""
    told = [answer for answer in snapshot.health_check_answers if answer.status not in _SERVER_ERRORS]
    if not told or not {answer.status for answer in told} <= _REDIRECTS:
        return None
    path = snapshot.checked_path
    return Finding(
        _confidence(snapshot, len(told)),
        (
            Evidence.of(told[0].line),
            *([Evidence.of(told[-1].line)] if len(told) > 1 else []),
            Evidence.setting("HealthCheckConfiguration.Path", path),
        ),
        {"path": path, "status": str(told[0].status), "service_arn": snapshot.service.arn},
    )


def _confidence(snapshot: Snapshot, count: int) -> Confidence:
    if not snapshot.is_unhealthy:
        return Confidence.POSSIBLE
    # AWS does not document how its health check judges a redirect: it has failed, and nothing else was answered
    return Confidence.CERTAIN if snapshot.service_log.health_check_failed and count > 1 else Confidence.LIKELY


RULE = Rule(
    id="health-path-redirects",
    code="health-path-redirects",
    title="The health check of {path} is redirected ({status})",
    phase=Phase.HEALTH,
    looks_at=frozenset({"application_log", "configuration", "service", "service_log"}),
    why=(
        "The application sends the health check elsewhere: to HTTPS, to a login page or to another spelling of the"
        " path. The health check speaks plain HTTP to the container and does not follow."
    ),
    fix=(
        Step("Answer {path} with 200 directly: exempt it from force-HTTPS and login redirects, mind a trailing slash."),
        Step(
            "Or let the health check ask for a path that answers 200.",
            "aws apprunner update-service --service-arn {service_arn}"
            " --health-check-configuration Protocol=HTTP,Path=/YOUR/PATH",
        ),
    ),
    false_alarms="Redirects of other paths are ordinary; only answers to the health check's own path count here.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/manage-configure-healthcheck.html",
    rollback="helps",
    check=check,
)
