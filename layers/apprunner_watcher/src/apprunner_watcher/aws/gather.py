"""Here you find what we can see: AWS's answers about a service, read side by side and redacted, as a snapshot."""

import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from apprunner_watcher.aws import answers
from apprunner_watcher.aws.logs import Lines, LogGroup, Stream
from apprunner_watcher.aws.read import read
from apprunner_watcher.event import CustomDomainEvent, OperationEvent, OperationType, Stage
from apprunner_watcher.log import ApplicationLog, Line, ServiceLog
from apprunner_watcher.missing import Missing
from apprunner_watcher.redaction import Redactor
from apprunner_watcher.snapshot import (
    Attempt,
    Configuration,
    Operation,
    Operations,
    OperationStatus,
    Parts,
    ServiceStatus,
    Snapshot,
)

if TYPE_CHECKING:
    from apprunner_watcher.aws.clients import Clients

READS = {
    "apprunner:DescribeService": "arn:{partition}:apprunner:{region}:{account}:service/*/*",
    "apprunner:ListOperations": "arn:{partition}:apprunner:{region}:{account}:service/*/*",
    "logs:DescribeLogStreams": "arn:{partition}:logs:{region}:{account}:log-group:/aws/apprunner/*:*",
    "logs:GetLogEvents": "arn:{partition}:logs:{region}:{account}:log-group:/aws/apprunner/*:log-stream:*",
}
"""The IAM actions of the reads, and what they are allowed on."""

_CALLS_AT_ONCE = 12
_MOST_FAILING_STREAMS = 6
_MOST_SERVING_STREAMS = 2
_LINES_OF_A_GROUP = 10_000
_LINES_OF_A_SERVING_STREAM = 200
_CLOCK_SLACK = timedelta(seconds=5)
_LATE_LINES = timedelta(minutes=1)
_LONGEST_OPERATION = timedelta(minutes=45)

_OPERATION_STARTED = re.compile(r"(?:Deployment|Service (?:creation|update|pause|resume|deletion)) started\.$")
_DEPLOYMENT_ID = re.compile(r"Deployment with ID : ([0-9a-f]{32})")


def gather(
    event: OperationEvent | CustomDomainEvent,
    clients: "Clients",
    now: datetime,
    recall: Callable[[], Sequence[Attempt]] = tuple,
) -> Snapshot:
    """Read what AWS knows of the event's service.

    `recall` gives the attempts that were noted earlier; it runs beside the reads. Calls go out in two rounds: those
    that need no more than the ARN, then the log streams that the first round named.
    """
    apprunner, logs, arn = clients.apprunner, clients.logs, event.service_arn
    name_and_id = arn.partition(":service/")[2]
    service_group = LogGroup(logs, f"/aws/apprunner/{name_and_id}/service")
    application_group = LogGroup(logs, f"/aws/apprunner/{name_and_id}/application")
    with ThreadPoolExecutor(_CALLS_AT_ONCE) as pool:
        described = pool.submit(
            read,
            "service and configuration",
            "apprunner:DescribeService",
            lambda: answers.described(apprunner.describe_service(ServiceArn=arn)),
        )
        listed = pool.submit(
            read,
            "operations",
            "apprunner:ListOperations",
            lambda: answers.operations(apprunner.list_operations(ServiceArn=arn, MaxResults=20)),
        )
        recalled = pool.submit(read, "configuration noted at the start", "dynamodb:Query", recall)
        events_read = pool.submit(read, "service log", "logs:GetLogEvents", lambda: service_group.tail("events"))
        streams_read = pool.submit(read, "application log", "logs:DescribeLogStreams", application_group.newest_streams)

        operations, events, streams = listed.result(), events_read.result(), streams_read.result()
        span = _span(event, operations, events, now)
        deployment = _deployment(pool, service_group, events, span)
        containers = _containers(pool, application_group, streams, span)

        service, attempts = described.result(), recalled.result()
        redactor = Redactor({} if isinstance(service, Missing) else answers.environment(service))
        service_log = _service_log(events, deployment.result() if deployment else None, span, redactor)
        return Snapshot(
            event,
            now,
            Parts(
                service=service if isinstance(service, Missing) else answers.service(service),
                configuration=_configuration(service, span.operation, event, service_log, attempts),
                operations=operations,
                service_log=service_log,
                application_log=_application_log(streams, containers, span, redactor),
                others=_gaps(attempts, deployment.result() if deployment else None, containers),
            ),
        )


@dataclass(frozen=True, slots=True)
class _Span:
    """The operation that the event is about, and the time that its log lines may come from."""

    operation: Operation | None
    start: datetime
    end: datetime

    def holds(self, at: datetime) -> bool:
        return self.start - _CLOCK_SLACK <= at <= self.end


def _span(
    event: OperationEvent | CustomDomainEvent, operations: Operations | Missing, events: Lines | Missing, now: datetime
) -> _Span:
    operation = operations.of(event) if isinstance(operations, Operations) else None
    if not operation or isinstance(operations, Missing):
        return _Span(None, _start_in_log(event, events), now)
    later = [one.started_at for one in operations.listed if one.started_at > operation.started_at]
    # up to where the next operation begins: its lines stand in the same stream
    end = min([(operation.ended_at or now) + _LATE_LINES, *(at - _CLOCK_SLACK for at in later)])
    return _Span(operation, operation.started_at, end)


def _start_in_log(event: OperationEvent | CustomDomainEvent, events: Lines | Missing) -> datetime:
    """When the operation probably started, where ListOperations does not say."""
    if isinstance(event, OperationEvent) and event.stage is Stage.STARTED:
        return event.time
    if not isinstance(events, Missing):
        starts = [line.at for line in events.lines if line.at <= event.time and _OPERATION_STARTED.search(line.text)]
        if starts:
            return starts[-1]
    return event.time - _LONGEST_OPERATION


def _deployment(
    pool: ThreadPoolExecutor, group: LogGroup, events: Lines | Missing, span: _Span
) -> Future[Lines | Missing | None] | None:
    """The deployment's own stream, named for the id in the log (AWS documents the operation's; users see another)."""
    named = (
        next(
            (found[1] for line in events.lines if span.holds(line.at) and (found := _DEPLOYMENT_ID.search(line.text))),
            "",
        )
        if not isinstance(events, Missing)
        else ""
    )
    stream_id = named or (span.operation.id.replace("-", "") if span.operation else "")
    if not stream_id:
        return None
    stream, half = f"deployment/{stream_id}", _LINES_OF_A_GROUP // 2
    since = span.start - _CLOCK_SLACK

    def call() -> Lines | None:
        return group.head_and_tail_if_there(stream, since, half)  # the id is a guess where the log names none

    return pool.submit(read, "deployment log", "logs:GetLogEvents", call)


@dataclass(frozen=True, slots=True)
class _Containers:
    """The failing version's streams and those of the version that still serves, being read."""

    failing: tuple[Future[Lines | Missing], ...] = ()
    serving: tuple[Future[Lines | Missing], ...] = ()
    unread: int = 0


def _containers(
    pool: ThreadPoolExecutor, group: LogGroup, streams: tuple[Stream, ...] | Missing | None, span: _Span
) -> _Containers:
    if not streams or isinstance(streams, Missing):
        return _Containers()
    oldest_first = sorted(streams, key=lambda stream: stream.first_line_at)
    failing = [one for one in oldest_first if span.start < one.first_line_at <= span.end]
    serving = [one for one in oldest_first if one.first_line_at <= span.start]
    half = _LINES_OF_A_GROUP // 2 // max(1, min(len(failing), _MOST_FAILING_STREAMS))

    def read_stream(stream: Stream) -> Future[Lines | Missing]:
        def call() -> Lines:
            return group.head_and_tail(stream.name, span.start, half)

        return pool.submit(read, "application log", "logs:GetLogEvents", call)

    def read_tail(stream: Stream) -> Future[Lines | Missing]:
        def call() -> Lines:
            return group.tail(stream.name, _LINES_OF_A_SERVING_STREAM, span.start)

        return pool.submit(read, "application log of the serving version", "logs:GetLogEvents", call)

    return _Containers(
        # containers that crash are started again and again: the first ones tell the most
        tuple(read_stream(one) for one in failing[:_MOST_FAILING_STREAMS]),
        tuple(read_tail(one) for one in serving[-_MOST_SERVING_STREAMS:]),
        unread=max(0, len(failing) - _MOST_FAILING_STREAMS),
    )


def _service_log(
    events: Lines | Missing, deployment: Lines | Missing | None, span: _Span, redactor: Redactor
) -> ServiceLog | Missing:
    if isinstance(events, Missing):
        return events
    own = deployment if isinstance(deployment, Lines) else Lines("", (), complete=True)
    return ServiceLog(events=_redacted(events, span, redactor), deployment=_redacted(own, span, redactor))


def _application_log(
    streams: tuple[Stream, ...] | Missing | None, containers: _Containers, span: _Span, redactor: Redactor
) -> ApplicationLog | Missing:
    if isinstance(streams, Missing):
        return streams
    failing = [future.result() for future in containers.failing]
    serving = [future.result() for future in containers.serving]
    if denied := next((one for one in failing if isinstance(one, Missing)), None):
        return denied
    return ApplicationLog(
        failing=_in_order(_redacted(one, span, redactor) for one in failing if isinstance(one, Lines)),
        serving=_in_order(_redacted(one, span, redactor) for one in serving if isinstance(one, Lines)),
        group_exists=streams is not None,
    )


def _gaps(
    attempts: Sequence[Attempt] | Missing, deployment: Lines | Missing | None, containers: _Containers
) -> tuple[Missing, ...]:
    """What was not read beside the parts themselves, and what was cut."""
    results = (attempts, deployment, *(future.result() for future in containers.serving))
    gaps = [one for one in results if isinstance(one, Missing)]
    read_streams = (deployment, *(future.result() for future in containers.failing))
    if any(isinstance(one, Lines) and not one.complete for one in read_streams):
        gaps.append(Missing("the middle of a long log", "only its first and its last lines were read"))
    if containers.unread:
        gaps.append(Missing(f"the logs of {containers.unread} more containers", "the first ones were read"))
    return tuple(gaps)


def _redacted(read_lines: Lines, span: _Span, redactor: Redactor) -> tuple[Line, ...]:
    within = [line for line in read_lines.lines if span.holds(line.at)]
    texts = redactor.lines(line.text for line in within)
    return tuple(Line(line.at, text, read_lines.stream) for line, text in zip(within, texts, strict=True))


def _in_order(streams: Iterable[tuple[Line, ...]]) -> tuple[Line, ...]:
    """Stream after stream, the oldest first: a stack trace stays together."""
    return tuple(line for stream in streams for line in stream)


def _configuration(
    service: answers.Described | Missing,
    operation: Operation | None,
    event: OperationEvent | CustomDomainEvent,
    service_log: ServiceLog | Missing,
    attempts: Sequence[Attempt] | Missing,
) -> Configuration | Missing:
    """What the operation attempted: as noted at its start, else as DescribeService shows it now, with its standing."""
    if operation and not isinstance(attempts, Missing):
        noted = next((one for one in attempts if one.is_of(operation)), None)
        if noted:
            return noted.configuration
    if isinstance(service, Missing):
        return service
    present = answers.configuration(service, "attempted")
    pulled = service_log.pulled_image if isinstance(service_log, ServiceLog) else None
    standing = _standing(present, service.get("Status", ""), operation, event, pulled)
    return present.model_copy(update={"standing": standing})


def _standing(
    present: Configuration,
    service_status: str,
    operation: Operation | None,
    event: OperationEvent | CustomDomainEvent,
    pulled: str | None,
) -> Literal["attempted", "restored", "unsure"]:
    """Only an update changes the configuration, and only one that did not go through may have been taken back."""
    if not isinstance(event, OperationEvent) or event.operation is not OperationType.UPDATE_SERVICE:
        return "attempted"
    if service_status == ServiceStatus.CREATE_FAILED:
        return "attempted"  # there is no earlier configuration to go back to
    status = operation.status if operation else ""
    if status in {OperationStatus.SUCCEEDED, OperationStatus.IN_PROGRESS, OperationStatus.PENDING}:
        return "attempted"
    if event.stage is not Stage.FAILED and not status:
        return "attempted"
    if pulled and present.image and not present.image.startswith(pulled):
        return "restored"  # App Runner says that it pulled another image than it shows now
    return "unsure"
