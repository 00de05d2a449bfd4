"""The health check asks for a path that the application answers with 404."""

from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, _: Matches) -> Finding | None:
    """Find an access log in which every answer to the health check is 404."""
    answers = snapshot.health_check_answers
    if {answer.status for answer in answers} != {404}:
        return None
    path = snapshot.checked_path
    return Finding(
        Confidence.CERTAIN if len(answers) > 1 else Confidence.LIKELY,
        (
            Evidence.of(answers[0].line),
            *([Evidence.of(answers[-1].line)] if len(answers) > 1 else []),
            Evidence.setting("HealthCheckConfiguration.Path", path),
        ),
        {"path": path, "count": str(len(answers)), "service_arn": snapshot.service.arn},
    )


RULE = Rule(
    id="health-path-not-found",
    code="health-path-not-found",
    title="The health check of {path} is answered 404 ({count} of {count})",
    phase=Phase.HEALTH,
    looks_at=frozenset({"application_log", "configuration", "service", "service_log"}),
    why=(
        "The application is up and reachable on the right port, but it has no route at the path of the health check."
        " App Runner counts that as unhealthy and gives up."
    ),
    fix=(
        Step("Add a route at {path} that answers 200, before all prefixes and catch-all routes, and deploy it."),
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
)
