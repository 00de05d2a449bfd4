"""The container starts and dies, or never opens its port, without one line of application log."""

from datetime import timedelta

from apprunner_watcher.event import OperationType
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step
from apprunner_watcher.service import ServiceStatus
from apprunner_watcher.snapshot import Snapshot

# "App Runner provides five minutes of instance startup time": until then silence means nothing.
_STARTUP_TIME = timedelta(minutes=5)
_LONG_SILENCE = timedelta(minutes=10)
# Failing sooner than this after provisioning, nothing ever ran: container-never-started.
_TOO_SOON = timedelta(seconds=45)


def check(snapshot: Snapshot, _: Matches) -> Finding | None:
    """Find an image that was pulled or built, was given its time, and wrote nothing."""
    log = snapshot.service_log
    if snapshot.application_log.failing or log.health_check_passed or log.refused:
        return None
    ready = log.pulled or log.built
    began = log.health_check_started or log.provisioning
    if not ready or not began:
        return None
    operation = snapshot.operation
    waited = (operation.ended_at or snapshot.taken_at) - began.at
    if operation.is_in_progress and waited < _STARTUP_TIME:
        return None
    if waited < _TOO_SOON and not log.exit:
        return None
    has_failed_before = snapshot.operations.failed_in_a_row_until(operation) > 0
    is_waiting = operation.is_in_progress and not (waited > _LONG_SILENCE or has_failed_before)
    # where nothing of this service has ever run, the image's architecture or the platform may be behind it as well
    has_never_run = (
        operation.type == OperationType.CREATE_SERVICE or snapshot.service.status == ServiceStatus.CREATE_FAILED
    )
    is_hint = is_waiting or (has_never_run and not snapshot.application_log.group_exists)
    failed = log.exit or log.health_check_failed
    return Finding(
        Confidence.POSSIBLE if is_hint else Confidence.LIKELY,
        (
            Evidence.of(ready),
            Evidence.of(began),
            *([Evidence.of(failed)] if failed else []),
            Evidence("application log", f"no line of the new version in {_duration(waited)}"),
        ),
        {"image": log.pulled_image or "YOUR_IMAGE", "port": str(log.health_check_port or 8080)},
    )


def _duration(span: timedelta) -> str:
    minutes, seconds = divmod(round(span.total_seconds()), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


RULE = Rule(
    id="silent-exit",
    code="silent-exit",
    title="The container prints nothing and never serves",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "operations", "service", "service_log"}),
    why=(
        "The image was fetched and started, and not one line reached the application log. Usual reasons: the"
        " application exits while it loads its modules or checks its configuration, before logging is set up; or its"
        " output is buffered and lost; or it hangs before it listens."
    ),
    fix=(
        Step(
            "Start the same image locally with the same variables and see how it ends.",
            'docker run --rm --platform linux/amd64 --env-file service.env -p {port}:{port} {image}; echo "exit code $?"',
        ),
        Step(
            "Make it speak: turn off output buffering (PYTHONUNBUFFERED=1), log to stdout and stderr from the first"
            " line on, and print the error before every exit.",
        ),
        Step(
            "Compare the variables with what the application checks at start: unset, default, stub or localhost values."
        ),
    ),
    false_alarms="Application logs arrive late at times: a second look some minutes later may show the reason.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/troubleshooting-create-failure.html",
    rollback="helps",
    check=check,
    is_generic=True,
)
