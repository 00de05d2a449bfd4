"""A start command that an earlier update left behind overrides the image's own."""

import shlex

from apprunner_watcher.event import OperationType
from apprunner_watcher.image import Image
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
from apprunner_watcher.snapshot import Attempt, Snapshot


def check(snapshot: Snapshot, _: Matches) -> Finding | None:
    """Find a start command that was there before, over an image whose own command is another."""
    configuration, image = snapshot.configuration, snapshot.parts.image
    start_command = configuration.start_command.strip()
    if not start_command or not isinstance(image, Image) or not image.config or snapshot.came_up:
        return None
    own = (*image.config.entrypoint, *image.config.cmd)
    is_first = snapshot.operation.type == OperationType.CREATE_SERVICE
    if is_first or not own or _is_same(start_command, own):
        return None
    healthy = snapshot.last_healthy
    if healthy and not _is_left_behind(healthy, start_command, own):
        return None
    failed = snapshot.service_log.exit or snapshot.service_log.health_check_failed
    return Finding(
        Confidence.LIKELY if healthy and failed else Confidence.POSSIBLE,
        (
            Evidence.setting("StartCommand", start_command),
            Evidence("image", f"its own command: {' '.join(own)}"),
            *([Evidence.of(failed)] if failed else []),
        ),
        {"service_arn": snapshot.service.arn},
    )


def _is_same(start_command: str, own: tuple[str, ...]) -> bool:
    """Whether the two run the same, as a shell reads them."""
    try:
        words = shlex.split(start_command)
    except ValueError:
        words = start_command.split()
    return " ".join(words) in " ".join(own)


def _is_left_behind(healthy: Attempt, start_command: str, own: tuple[str, ...]) -> bool:
    """Whether the start command is as it was and the image's own command is not."""
    config = healthy.image.config if healthy.image else None
    if not config or healthy.configuration.start_command.strip() != start_command:
        return False
    return (*config.entrypoint, *config.cmd) not in {(), own}


RULE = Rule(
    id="start-command-stale",
    code="start-command-stale",
    title="The service's start command overrides the image's own",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "operations", "service", "service_log"}),
    why=(
        "An update that leaves the start command out keeps the old one, so one that was set for a test or for an earlier"
        " image goes on to replace what the image would run."
    ),
    fix=(
        Step("Compare the two; keep one of them: the image's own is versioned with the code."),
        Step(
            "Set the start command to what the image runs by itself: an empty one is ignored.",
            CHANGE_SOURCE_CONFIGURATION,
        ),
    ),
    false_alarms="A start command that is meant to differ from the image's own is none, as long as it fits the image.",
    docs="https://docs.aws.amazon.com/apprunner/latest/api/API_ImageConfiguration.html",
    rollback="does-not-help",
    check=check,
    is_generic=True,
)
