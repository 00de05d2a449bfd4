"""The container starts and dies, or never opens its port, without one line of application log."""

import re
from collections.abc import Mapping
from datetime import timedelta

from apprunner_watcher.changes import changes
from apprunner_watcher.event import OperationType
from apprunner_watcher.knowledge.local_run import command, docker_run, speaking_command
from apprunner_watcher.knowledge.suspects import suspects
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

# "App Runner provides five minutes of instance startup time": until then silence means nothing.
_STARTUP_TIME = timedelta(minutes=5)
_LONG_SILENCE = timedelta(minutes=10)
# Failing sooner than this after provisioning, nothing ever ran: container-never-started.
_TOO_SOON = timedelta(seconds=45)
_MOST_SUSPECTS = 6
_PYTHON = re.compile(r"PYTHON|\bpython|uvicorn|gunicorn|flask|django|celery", re.IGNORECASE)
_NODE = re.compile(r"NODEJS|\b(?:node|npm|yarn|pnpm|npx|next|bun)\b|NODE_VERSION", re.IGNORECASE)


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
        {
            **_where_to_look(snapshot),
            "has_never_run": "yes" if is_hint and not is_waiting else "",
            "service_arn": snapshot.service.arn,
        },
    )


def _where_to_look(snapshot: Snapshot) -> Mapping[str, str]:
    """What the steps are filled with; empty where it is not known."""
    configuration = snapshot.configuration
    found = suspects(configuration.variables)
    runs = f"{configuration.runtime} {command(snapshot)} {' '.join(one.name for one in configuration.variables)}"
    changed = changes(snapshot)
    is_python = bool(_PYTHON.search(runs))
    run, speaking = docker_run(snapshot), speaking_command(snapshot)
    values = {
        "suspects": ", ".join(map(str, found[:_MOST_SUSPECTS])),
        "no_suspects": "" if found else "yes",
        "changed": changed.in_short(),
        "since": changed.since,
        "docker_run": run,
        "no_docker_run": "" if run else "yes",
        "speaking_command": speaking,
        "no_speaking_command": "" if speaking else "yes",
        "python": "yes" if is_python and not configuration.variable("PYTHONUNBUFFERED") else "",
        "node": "yes" if not is_python and _NODE.search(runs) else "",
    }
    return {name: value for name, value in values.items() if value}


def _duration(span: timedelta) -> str:
    minutes, seconds = divmod(round(span.total_seconds()), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


RULE = Rule(
    id="silent-exit",
    code="silent-exit",
    title="The container prints nothing and never serves",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "operations", "service", "service_log"}),
    why=(
        "It was started, and not one line reached the application log, so the reason stands nowhere yet. Usual reasons: the"
        " application ends while it loads its modules or checks its configuration, before logging is set up; its output"
        " is buffered and lost; or it waits for something before it listens."
    ),
    fix=(
        Step(
            "See the crash locally. Set the variables in your shell first, as the service has them: `-e NAME` passes on"
            " what is set there. Exit code 0: nothing stays in the foreground; 1: it prints why; 137: memory; it keeps"
            " running: a dependency that only AWS has.",
            "{docker_run}",
        ),
        Step(
            "Run the start command locally in the same runtime, with the service's variables, and see how it ends.",
            when="no_docker_run",
        ),
        Step("Look first at variables that checks at start refuse: {suspects}.", when="suspects"),
        Step(
            "Compare the variables with what the application demands at start: none that is set looks wrong, so look for"
            " one that is not set.",
            when="no_suspects",
        ),
        Step("Look at what changed since {since}: {changed}.", when="changed"),
        Step(
            "Check that the image is for linux/amd64: nothing of this service has ever run, and another processor's image"
            " can fail without a line.",
            when="has_never_run",
        ),
        Step(
            "Make App Runner's log speak: deploy once with this start command, which prints how the process ends.",
            '# in source.json: "StartCommand", its quotes written as \\"\n{speaking_command}\n'
            + CHANGE_SOURCE_CONFIGURATION,
        ),
        Step(
            "Make the log speak: wrap the image's command into a script that prints a line before it, and its exit code after it.",
            when="no_speaking_command",
        ),
        Step(
            "Set PYTHONUNBUFFERED=1, and print errors to stderr with flush before every sys.exit: what is buffered when the"
            " process dies is lost.",
            when="python",
        ),
        Step(
            "Write the error with console.error before every process.exit, and set process.exitCode in its place: exit does"
            " not wait for loggers such as winston or pino.",
            when="node",
        ),
    ),
    false_alarms="Application logs arrive late at times: a second look some minutes later may show the reason.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/troubleshooting-create-failure.html",
    rollback="helps",
    check=check,
    is_generic=True,
)
