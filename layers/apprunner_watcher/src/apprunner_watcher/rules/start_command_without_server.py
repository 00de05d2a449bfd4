"""The start command starts a worker, a scheduler or a mere wait, and nothing that answers a health check."""

import re

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

_NO_SERVER = re.compile(
    r"(?:^|[/\s'\"])(?:"
    # Python
    r"celery\b[^\n]{0,200}\b(?:worker|beat)\b|rq worker\b|rqworker\b|dramatiq\b|huey_consumer\b|(?:arq|taskiq worker|procrastinate worker)\b"
    r"|manage\.py (?:qcluster|rqworker|rqscheduler|process_tasks|db_worker|runworker)\b|airflow (?:scheduler|triggerer|celery worker|dag-processor)\b"
    # Ruby
    r"|sidekiq\b|shoryuken\b|good_job start\b|bin/(?:jobs|delayed_job)\b|(?:rake|rails) (?:jobs:work|resque:\w+|solid_queue:start)\b"
    # PHP
    r"|(?:artisan|console) (?:queue:(?:work|listen)|schedule:(?:work|run)|horizon|messenger:consume)\b"
    # Node.js
    r"|(?:npm|yarn|pnpm|bun) (?:run )?(?:[\w-]+:)?(?:worker|queue|jobs?|scheduler|cron|consumer)s?(?:[:-]\w+)?(?=\s|$|['\"])|n8n worker\b"
    r"|python3? (?:-u )?-m [\w.]*\b(?:worker|consumer|scheduler)s?(?=\s|$|['\"])"
    # any language: what the file is for stands in its name
    r"|(?:node|python3?|ruby|php|bun|ts-node|tsx)\s(?:-\w+ |--[\w=-]+ )*(?:[\w.-]+/)*(?:[\w-]*[_-])?(?:worker|consumer|scheduler|cron)s?\.(?:[cm]?[jt]s|py|rb|php)\b"
    # none at all
    r"|(?:cron|crond|supercronic)\b|sleep (?:infinity|inf|\d+)|tail -[fF]n?\b"
    r")"
)
_STEPS = re.compile(r"&&|\|\||;")
_IN_BACKGROUND = re.compile(r"(?<!&)&(?!&)")


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find what is no web server in the start command, or at work in the log, where the health check fails."""
    log, configuration = snapshot.service_log, snapshot.configuration
    failed = log.health_check_failed
    if not failed or snapshot.has_ended or log.health_check_passed:
        return None
    if snapshot.application_log.listening or snapshot.application_log.traces:
        return None
    at_work = [Evidence.of(match.line) for match in matches.application("at work")[:1]]
    command = configuration.start_command
    is_named = bool(_NO_SERVER.search(_STEPS.split(command)[-1])) and not _IN_BACKGROUND.search(command)
    setting = [Evidence.setting("StartCommand", command)] if command else []
    values = {"service_arn": snapshot.service.arn}
    if is_named and configuration.standing == "attempted":
        return Finding(Confidence.LIKELY, (*setting, *at_work, Evidence.of(failed)), values)
    if is_named or at_work:  # the image may start it by itself
        return Finding(Confidence.POSSIBLE, (*at_work, *setting, Evidence.of(failed)), values)
    return None


RULE = Rule(
    id="start-command-without-server",
    code="start-command-stale",
    title="The start command starts no web server",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service", "service_log"}),
    why=(
        "App Runner sends its health check to a port. A worker, a scheduler or a wait opens none, however well it works:"
        " it was meant for another service that shares the image, or was set for a test and stayed."
    ),
    fix=(
        Step(
            "Set the start command to the web server's, or to what the image runs by itself.",
            CHANGE_SOURCE_CONFIGURATION,
        ),
        Step(
            "Run workers and schedulers elsewhere (ECS, EventBridge Scheduler with Lambda): App Runner gives little"
            " processor time to a service that no request comes to."
        ),
        Step("If both must be in one container, start the worker in the background, and the server with `exec`."),
    ),
    false_alarms="A worker that opens the service's port as well, for its health or its metrics, answers the check.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/develop.html",
    rollback="does-not-help",
    check=check,
    # what keeps it, and a server beside it, from coming up
    gives_way_to=frozenset(
        {
            "dependency-credentials-wrong",
            "dependency-name-unresolved",
            "dependency-on-localhost",
            "dependency-unreachable",
            "egress-no-connector",
            "env-var-missing",
            "port-mismatch",
            "bind-address",
            "security-group-blocks",
        }
    ),
    application_patterns={
        "at work": (
            # Celery, RQ, Sidekiq, Delayed Job, Good Job, Laravel, Symfony, cron
            r"\bcelery@\S+ ready\.|\bbeat: Starting\.\.\.|\*\*\* Listening on [\w., -]{1,80}\.\.\.$|\bWorker rq:worker:\S+[^\n]{0,20} started"
            r"|Starting processing, hit Ctrl-C to stop|\[Worker\([^)]{1,80}\)\] Starting job worker|\[GoodJob\] \[\d+\] (?:GoodJob )?[^\n]{0,20}started scheduler"
            r"|Processing jobs from the \[[^\]]{1,60}\] queues?|Schedule worker started successfully|Horizon started successfully|Consuming messages from transports?"
        )
    },
)
