"""Here you find how the logs of one operation are read: App Runner's own words, and what its containers printed."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from apprunner_watcher.aws.logs import Lines, LogGroup, Share, Stream, Streams
from apprunner_watcher.aws.read import read
from apprunner_watcher.event import CustomDomainEvent, OperationEvent, Stage
from apprunner_watcher.log import ApplicationLog, Line, ServiceLog
from apprunner_watcher.missing import Missing
from apprunner_watcher.snapshot import OperationStatus

if TYPE_CHECKING:
    from apprunner_watcher.aws.clients import Clients
    from apprunner_watcher.aws.read import Reading, Reads
    from apprunner_watcher.redaction import Redactor
    from apprunner_watcher.snapshot import Operation, Operations

READS = {
    "logs:DescribeLogStreams": "arn:{partition}:logs:{region}:{account}:log-group:/aws/apprunner/*:*",
    "logs:GetLogEvents": "arn:{partition}:logs:{region}:{account}:log-group:/aws/apprunner/*:log-stream:*",
}
"""The IAM actions of the reads, and what they are allowed on."""

_OF_A_GROUP = Share(10_000, 4 * 1024 * 1024)
_OF_EVENTS = Share(2_000, 512 * 1024)  # a dozen lines an operation
_OF_A_SERVING_STREAM = Share(200, 128 * 1024)
_MOST_FAILING_STREAMS = 6
_MOST_SERVING_STREAMS = 2
_CLOCK_SLACK = timedelta(seconds=5)
_LATE_LINES = timedelta(minutes=1)
_LONGEST_OPERATION = timedelta(minutes=45)

_OPERATION_STARTED = re.compile(r"(?:Deployment|Service (?:creation|update|pause|resume|deletion)) started\.$")
_DEPLOYMENT_ID = re.compile(r"Deployment with ID : ([0-9a-f]{32})")


@dataclass(frozen=True, slots=True)
class Span:
    """The operation that the event is about, and the time that its log lines may come from."""

    operation: "Operation | None"
    start: datetime
    end: datetime

    @property
    def since(self) -> datetime:
        """Its start on whichever of AWS's clocks."""
        return self.start - _CLOCK_SLACK

    def holds(self, at: datetime) -> bool:
        """Whether a line of this time may be its own."""
        return self.since <= at <= self.end


@dataclass(frozen=True)
class Logs:
    """What was read, what it belongs to, and what was left out or not read beside."""

    span: Span
    service: ServiceLog | Missing
    application: ApplicationLog | Missing
    gaps: tuple[Missing, ...]


def read_logs(  # noqa: PLR0913, PLR0917  # what it reads, and with what
    reads: "Reads",
    clients: "Clients",
    event: OperationEvent | CustomDomainEvent,
    now: datetime,
    operations: "Callable[[], Operations | Missing]",
    redactor: "Callable[[], Redactor]",
) -> Logs:
    """Read the logs of the event's operation.

    `operations` and `redactor` wait for what they give: the one is asked for when the first calls are back, the other
    when all are.
    """
    name_and_id = event.service_arn.partition(":service/")[2]
    service_group = LogGroup(clients.logs, f"/aws/apprunner/{name_and_id}/service")
    application_group = LogGroup(clients.logs, f"/aws/apprunner/{name_and_id}/application")
    events_reading = reads.begin(
        "service log", "logs:GetLogEvents", lambda: service_group.last_lines("events", _OF_EVENTS)
    )
    streams_reading = reads.begin("application log", "logs:DescribeLogStreams", application_group.streams)

    events, streams = events_reading.result(), streams_reading.result()
    span = _span(event, operations(), events, now)
    deployment = _deployment(reads, service_group, events, span)
    streams = _back_to_the_start(reads, application_group, streams, span)
    containers = _containers(reads, application_group, streams, span)

    own = deployment.result() if deployment else None
    printed = containers.result()
    clean = redactor()
    return Logs(
        span,
        _service_log(events, own, span, clean),
        _application_log(streams, printed, span, clean),
        tuple(_gaps(events, own, streams, printed, span)),
    )


def _span(
    event: OperationEvent | CustomDomainEvent,
    operations: "Operations | Missing",
    events: Lines | Missing,
    now: datetime,
) -> Span:
    operation = None if isinstance(operations, Missing) else operations.of(event)
    if not operation or isinstance(operations, Missing):
        return Span(None, _start_in_log(event, events), now)
    later = [one.started_at for one in operations.listed if one.started_at > operation.started_at]
    # of what succeeded, what the running service has printed since tells as well
    ended_at = None if operation.status == OperationStatus.SUCCEEDED else operation.ended_at
    last = (ended_at or now) + _LATE_LINES
    # up to where the next operation begins: its lines stand in the same stream
    end = min([last, *(at - _CLOCK_SLACK for at in later)])
    return Span(operation, operation.started_at, end)


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
    reads: "Reads", group: LogGroup, events: Lines | Missing, span: Span
) -> "Reading[Lines | Missing | None] | None":
    """The deployment's own stream, named for the id in the log (AWS documents the operation's; users see another)."""
    own = () if isinstance(events, Missing) else [line for line in events.lines if span.holds(line.at)]
    named = next((found[1] for line in own if (found := _DEPLOYMENT_ID.search(line.text))), "")
    stream_id = named or (span.operation.id.replace("-", "") if span.operation else "")
    if not stream_id:
        return None
    share = _OF_A_GROUP.without(_OF_EVENTS)

    def call() -> Lines | Missing | None:
        named_so = group.both_ends_if_there(f"deployment/{stream_id}", share, span.since, span.end)
        return named_so or _begun_within(span, group, share)

    return reads.begin("deployment log", "logs:GetLogEvents", call)


def _begun_within(span: Span, group: LogGroup, share: Share) -> Lines | Missing | None:
    """The deployment's stream by its time: the id is a guess where the log names none."""
    streams = read("deployment log", "logs:DescribeLogStreams", group.streams)
    if streams is None or isinstance(streams, Missing):
        return streams
    own = [one for one in streams.listed if one.name.startswith("deployment/") and span.holds(one.first_line_at)]
    first = min(own, key=lambda one: one.first_line_at, default=None)
    return group.both_ends(first.name, share, span.since, span.end, first.last_line_at) if first else None


def _back_to_the_start(
    reads: "Reads", group: LogGroup, streams: Streams | Missing | None, span: Span
) -> Streams | Missing | None:
    """All streams that have lines of this operation: so many containers crash that one page may not hold them."""
    if streams is None or isinstance(streams, Missing) or streams.reach_back_to(span.start):
        return streams
    more = reads.begin(
        "application log", "logs:DescribeLogStreams", lambda: group.more_streams(streams, span.start)
    ).result()
    return streams if isinstance(more, Missing) else more


@dataclass(frozen=True, slots=True)
class _Printed:
    """What the failing version's containers printed, and those of the version that still serves."""

    failing: tuple[Lines | Missing, ...]
    serving: tuple[Lines | Missing, ...]
    unread: int  # containers of the failing version


@dataclass(frozen=True, slots=True)
class _Containers:
    """The same, being read."""

    failing: "tuple[Reading[Lines], ...]" = ()
    serving: "tuple[Reading[Lines], ...]" = ()
    unread: int = 0

    def result(self) -> _Printed:
        """Wait for it."""
        return _Printed(
            tuple(reading.result() for reading in self.failing),
            tuple(reading.result() for reading in self.serving),
            self.unread,
        )


def _containers(reads: "Reads", group: LogGroup, streams: Streams | Missing | None, span: Span) -> _Containers:
    if streams is None or isinstance(streams, Missing):
        return _Containers()
    oldest_first = sorted(streams.listed, key=lambda stream: stream.first_line_at)
    failing = [one for one in oldest_first if span.start < one.first_line_at <= span.end]
    serving = [one for one in oldest_first if one.first_line_at <= span.start][-_MOST_SERVING_STREAMS:]
    # containers that crash are started again and again: the first ones tell the most
    first_ones = failing[:_MOST_FAILING_STREAMS]
    left = _OF_A_GROUP
    for _ in serving:
        left = left.without(_OF_A_SERVING_STREAM)
    share = left.split(max(1, len(first_ones)))

    def read_whole(stream: Stream) -> "Reading[Lines]":
        def call() -> Lines:
            return group.both_ends(stream.name, share, span.start, span.end, stream.last_line_at)

        return reads.begin("application log", "logs:GetLogEvents", call)

    def read_last(stream: Stream) -> "Reading[Lines]":
        def call() -> Lines:
            return group.last_lines(stream.name, _OF_A_SERVING_STREAM, span.start, span.end)

        return reads.begin("application log of the serving version", "logs:GetLogEvents", call)

    return _Containers(
        tuple(read_whole(one) for one in first_ones),
        tuple(read_last(one) for one in serving),
        unread=len(failing) - len(first_ones),
    )


def _service_log(
    events: Lines | Missing, deployment: Lines | Missing | None, span: Span, redactor: "Redactor"
) -> ServiceLog | Missing:
    if isinstance(events, Missing):
        return events
    own = _redacted(deployment, span, redactor) if isinstance(deployment, Lines) else ()
    return ServiceLog(events=_redacted(events, span, redactor), deployment=own)


def _application_log(
    streams: Streams | Missing | None,
    printed: _Printed,
    span: Span,
    redactor: "Redactor",
) -> ApplicationLog | Missing:
    if isinstance(streams, Missing):
        return streams
    if denied := next((one for one in printed.failing if isinstance(one, Missing)), None):
        return denied
    return ApplicationLog(
        failing=_one_after_the_other(printed.failing, span, redactor),
        serving=_one_after_the_other(printed.serving, span, redactor),
        group_exists=streams is not None,
    )


def _one_after_the_other(streams: Iterable[Lines | Missing], span: Span, redactor: "Redactor") -> tuple[Line, ...]:
    """Stream after stream, the oldest first: a stack trace stays together."""
    return tuple(line for one in streams if isinstance(one, Lines) for line in _redacted(one, span, redactor))


def _redacted(read: Lines, span: Span, redactor: "Redactor") -> tuple[Line, ...]:
    within = [line for line in read.lines if span.holds(line.at)]
    texts = redactor.lines(line.text for line in within)
    # an event may hold several rows; rules look at one at a time
    rows = ((line.at, row) for line, text in zip(within, texts, strict=True) for row in text.split("\n"))
    return tuple(Line(at, row, read.stream) for at, row in rows)


def _gaps(
    events: Lines | Missing,
    deployment: Lines | Missing | None,
    streams: Streams | Missing | None,
    printed: _Printed,
    span: Span,
) -> Iterable[Missing]:
    """What was not read beside the parts themselves, and what was cut."""
    yield from (one for one in (deployment, *printed.serving) if isinstance(one, Missing))
    if isinstance(events, Lines) and not events.complete and events.lines[0].at > span.since:
        yield Missing("the beginning of the service log", f"only its last {len(events.lines)} lines were read")
    yield from (_cut(one) for one in (deployment, *printed.failing) if isinstance(one, Lines) and not one.complete)
    if printed.unread:
        yield Missing(f"the logs of {printed.unread} more containers", "the first ones were read")
    if isinstance(streams, Streams) and not streams.reach_back_to(span.start):
        yield Missing("the logs of the first containers", f"only the newest {len(streams.listed)} were listed")


def _cut(read: Lines) -> Missing:
    """How much is left out CloudWatch does not tell; from when to when, the lines do."""
    what = "the middle of a long log"
    head, tail = read.lines[: read.head], read.lines[read.head :]
    why = f"only the first {len(head)} and the last {len(tail)} lines of {read.stream} were read"
    if head and tail:
        why += f", nothing between {head[-1].at:%H:%M:%S} and {tail[0].at:%H:%M:%S} UTC"
    return Missing(what, why)
