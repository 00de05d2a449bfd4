"""The image was pulled, nothing ever ran, and the failure came within seconds."""

from collections.abc import Mapping
from datetime import timedelta

from apprunner_watcher.changes import changes
from apprunner_watcher.image import APP_RUNNER_PLATFORM, Image
from apprunner_watcher.knowledge.local_run import docker_run
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
from apprunner_watcher.service import ServiceStatus
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
    connector = snapshot.configuration.vpc_connector_arn
    return Finding(
        # with a health check begun, something may have run; without one nothing did
        Confidence.POSSIBLE if log.health_check_started else Confidence.LIKELY,
        (
            Evidence.of(ready),
            Evidence.of(last),
            Evidence("application log", "no line of the new version"),
            *([Evidence.setting("VpcConnectorArn", connector)] if connector else []),
        ),
        {**_where_to_look(snapshot), "service_arn": snapshot.service.arn},
    )


def _where_to_look(snapshot: Snapshot) -> Mapping[str, str]:
    """What the steps are filled with; left out where it is not known."""
    image, configuration = snapshot.parts.image, snapshot.configuration
    known = image if isinstance(image, Image) else None
    changed = changes(snapshot)
    values = {
        "connector": configuration.vpc_connector_arn,
        "image": known.identifier if known else snapshot.service_log.pulled_image or configuration.image,
        "right_platform": "yes" if known and APP_RUNNER_PLATFORM in known.platforms else "",
        "changed": changed.in_short(),
        "since": changed.since,
        "docker_run": docker_run(snapshot),
    }
    was_not_created = snapshot.service.status == ServiceStatus.CREATE_FAILED
    values["was_not_created" if was_not_created else "is_running"] = "yes"
    if values["right_platform"]:
        del values["image"]
    return {name: value for name, value in values.items() if value}


RULE = Rule(
    id="container-never-started",
    code="container-never-started",
    title="Its container never ran, although the image was there",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "operations", "service", "service_log"}),
    why=(
        "It failed within seconds, without an exit code and without a line of output."
        " That points to what surrounds the container: a VPC connector that says ACTIVE and does not work, an image"
        " for another architecture, a quota of Fargate, or a passing fault of the platform."
    ),
    fix=(
        Step(
            "Try again once: the same shape has been seen to pass without any change.",
            "aws apprunner start-deployment --service-arn {service_arn}",
            when="is_running",
        ),
        Step(
            "Try again once, with an update that changes nothing: the same shape has been seen to pass so.",
            CHANGE_SOURCE_CONFIGURATION,
            when="was_not_created",
        ),
        Step(
            "Try once without the VPC connector. If the container then runs, make a new connector and use that.",
            "aws apprunner update-service --service-arn {service_arn}"
            " --network-configuration EgressConfiguration={{EgressType=DEFAULT}}\n"
            "# the connector was {connector}",
        ),
        Step(
            "Check that the image is built for linux/amd64.",
            "docker buildx imagetools inspect {image}",
        ),
        Step("Leave the processor out: the image is built for linux/amd64.", when="right_platform"),
        Step("Look at what changed since {since}: {changed}.", when="changed"),
        Step(
            "See whether it runs locally, with the variables set in your shell as the service has them.", "{docker_run}"
        ),
        Step("Compare the Fargate On-Demand vCPU quota of the account with its use, if other services fail alike."),
    ),
    false_alarms="A container that runs for minutes in silence is another case: silent-exit.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/troubleshooting-create-failure.html",
    rollback="does-not-help",
    check=check,
    is_generic=True,
)
