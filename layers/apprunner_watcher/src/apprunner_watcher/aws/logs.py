"""Here you find how a CloudWatch log group is read: bounded, and with the head and the tail of what is too long."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_logs.type_defs import OutputLogEventTypeDef

_NEWEST_STREAMS = 50  # the most that one call gives
_A_PAGE_IS_FULL = 900_000  # bytes; a page holds 1 MB at most
_EMPTY_PAGES = 3  # GetLogEvents may answer with an empty page before the end


@dataclass(frozen=True, slots=True)
class RawLine:
    """A line as CloudWatch holds it: nothing is redacted yet."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of one stream, oldest first; not complete where the middle was left out."""

    stream: str
    lines: tuple[RawLine, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class Stream:
    """A log stream, and when its first line was written."""

    name: str
    first_line_at: datetime


class LogGroup:
    """One log group."""

    def __init__(self, client: "CloudWatchLogsClient", name: str) -> None:
        """Nothing is read yet."""
        self._client = client
        self._name = name

    def newest_streams(self) -> tuple[Stream, ...] | None:
        """The streams with the newest lines, or None: there is no such group."""
        try:
            found = self._client.describe_log_streams(
                logGroupName=self._name, orderBy="LastEventTime", descending=True, limit=_NEWEST_STREAMS
            )
        except self._client.exceptions.ResourceNotFoundException:
            return None
        return tuple(
            Stream(one["logStreamName"], _time(one["firstEventTimestamp"]))
            for one in found["logStreams"]
            if "firstEventTimestamp" in one
        )

    def tail(self, stream: str, limit: int = 10_000, since: datetime | None = None) -> Lines:
        """The newest lines of a stream, one page."""
        page = self._client.get_log_events(
            logGroupName=self._name,
            logStreamName=stream,
            startFromHead=False,
            limit=limit,
            startTime=_milliseconds(since) if since else 0,
        )
        events = page["events"]
        return Lines(stream, _lines(events), complete=not _is_full(events, limit))

    def head_and_tail_if_there(self, stream: str, since: datetime, limit: int) -> Lines | None:
        """`head_and_tail` of a stream that may not exist."""
        try:
            return self.head_and_tail(stream, since, limit)
        except self._client.exceptions.ResourceNotFoundException:
            return None

    def head_and_tail(self, stream: str, since: datetime, limit: int) -> Lines:
        """A stream's lines from a time on: whole, or its first and its last `limit` lines."""
        head: list[OutputLogEventTypeDef] = []
        token = ""
        for _ in range(_EMPTY_PAGES):
            page = self._client.get_log_events(
                logGroupName=self._name,
                logStreamName=stream,
                startFromHead=True,
                limit=limit,
                startTime=_milliseconds(since),
                **({"nextToken": token} if token else {}),  # type: ignore[arg-type]  # the stubs know no optional keys
            )
            head = page["events"]
            if head or page["nextForwardToken"] == token:
                break
            token = page["nextForwardToken"]
        lines = _lines(head)
        if not _is_full(head, limit):
            return Lines(stream, lines, complete=True)
        tail = self.tail(stream, limit, since)
        newer = tuple(line for line in tail.lines if line.at > lines[-1].at)
        return Lines(stream, (*lines, *newer), complete=len(newer) < len(tail.lines))


def _is_full(events: "list[OutputLogEventTypeDef]", limit: int) -> bool:
    return len(events) >= limit or sum(len(event["message"]) for event in events) > _A_PAGE_IS_FULL


def _lines(events: "list[OutputLogEventTypeDef]") -> tuple[RawLine, ...]:
    return tuple(RawLine(_time(event["timestamp"]), event["message"]) for event in events)


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
