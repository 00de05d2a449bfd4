"""The health check asks for a path that the application answers with 404."""

from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

_NOT_FOUND = frozenset({404, 410})
_METHOD_NOT_ALLOWED = 405  # the route is there, and not for GET
_SERVER_ERRORS = range(500, 600)


def check(snapshot: Snapshot, _: Matches) -> Finding | None:
    """Find an access log in which every answer to the health check is 404, be it after errors while it warms up."""
    answers = snapshot.health_check_answers
    told = [answer for answer in answers if answer.status not in _SERVER_ERRORS]
    if not told or not {answer.status for answer in told} <= {*_NOT_FOUND, _METHOD_NOT_ALLOWED}:
        return None
    path = snapshot.checked_path
    return Finding(
        _confidence(snapshot, is_plain=len(told) == len(answers) and told[0].status in _NOT_FOUND),
        (
            Evidence.of(told[0].line),
            *([Evidence.of(told[-1].line)] if len(told) > 1 else []),
            Evidence.setting("HealthCheckConfiguration.Path", path),
        ),
        {
            "path": path,
            "status": str(told[0].status),
            "count": str(len(told)),
            "all": str(len(answers)),
            "service_arn": snapshot.service.arn,
        },
    )


def _confidence(snapshot: Snapshot, *, is_plain: bool) -> Confidence:
    if not snapshot.is_unhealthy:
        return Confidence.POSSIBLE
    return Confidence.CERTAIN if is_plain else Confidence.LIKELY


RULE = Rule(
    id="health-path-not-found",
    code="health-path-not-found",
    title="The health check of {path} is answered {status} ({count} of {all})",
    phase=Phase.HEALTH,
    looks_at=frozenset({"application_log", "configuration", "service", "service_log"}),
    why=(
        "The application is up and reachable on the right port, but it has no route at the path of the health check."
        " App Runner counts that as unhealthy and gives up."
    ),
    fix=(
        Step(
            "Add a route at {path} that answers GET with 200, before all prefixes and catch-all routes, and deploy it."
        ),
        Step(
            "Or let the health check ask for a path that the application has.",
            "aws apprunner update-service --service-arn {service_arn}"
            " --health-check-configuration Protocol=HTTP,Path=/YOUR/PATH",
        ),
    ),
    false_alarms=(
        "A 404 at the public URL while no instance is healthy comes from App Runner's proxy (server: envoy) and says"
        " nothing of the application's routes: only the application's own access log counts here."
    ),
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/manage-configure-healthcheck.html",
    rollback="helps",
    check=check,
    # a router that knows its sites by name answers 404 as well
    gives_way_to=frozenset({"host-header-rejected", "build-output-missing"}),
)
