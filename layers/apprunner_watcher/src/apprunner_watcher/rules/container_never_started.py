"""The image was pulled, nothing ever ran, and the failure came within seconds."""

from datetime import timedelta

from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

_SOON = timedelta(minutes=2)


def check(snapshot: Snapshot, _: Matches) -> Finding | None:
    """Find a pulled image that failed soon, without exit code, failed health check or any application log."""
    log = snapshot.service_log
    operation = snapshot.operation
    ready = log.pulled or log.built
    if operation.is_in_progress or not ready or log.health_check_failed or log.health_check_passed or log.exit:
        return None
    if snapshot.application_log.failing or log.refused:
        return None
    ended = operation.ended_at or snapshot.taken_at
    if ended - ready.at > _SOON:
        return None
    last = log.lines[-1]
    return Finding(
        # with a health check begun, something may have run; without one nothing did
        Confidence.POSSIBLE if log.health_check_started else Confidence.LIKELY,
        (Evidence.of(ready), Evidence.of(last), Evidence("application log", "no line of the new version")),
        {"service_arn": snapshot.service.arn},
    )


RULE = Rule(
    id="container-never-started",
    code="container-never-started",
    title="The image was fetched, but its container never ran",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "operations", "service", "service_log"}),
    why=(
        "It failed within seconds after the image was there, without an exit code and without a line of output."
        " That points to what surrounds the container: a VPC connector that says ACTIVE and does not work, an image"
        " for another architecture, or a passing fault of the platform."
    ),
    fix=(
        Step(
            "Try again once: the same shape has been seen to pass without any change.",
            "aws apprunner start-deployment --service-arn {service_arn}",
        ),
        Step("Check that the image is built for linux/amd64.", "docker buildx imagetools inspect YOUR_IMAGE"),
        Step("If the service uses a VPC connector, create a new one and use that; or try once with default egress."),
    ),
    false_alarms="A container that runs for minutes in silence is another case: silent-exit.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/troubleshooting-create-failure.html",
    rollback="does-not-help",
    check=check,
    is_generic=True,
)
