"""Here you find how a CloudWatch log group is read: bounded, and with the head and the tail of what is too long."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from apprunner_watcher.log import without_console_prefix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_logs.type_defs import DescribeLogStreamsResponseTypeDef, OutputLogEventTypeDef

_STREAMS_OF_A_PAGE = 50  # the most that one call gives
_PAGES_OF_STREAMS = 3
_LINES_OF_A_PAGE = 10_000  # the most that one call gives; 1 MB is the other limit
_PAGES = 12  # a page may be empty, or hold less than it could, before the end
_ROWS_OF_A_TRACE = 200

# what a row of a stack trace begins with that is not its first
_IN_A_TRACE = re.compile(r"[ \t]|Caused by: |\.\.\. \d|#\d+ |goroutine |created by ")


@dataclass(frozen=True, slots=True)
class Share:
    """How much may be read."""

    lines: int
    size: int  # bytes, of the lines as CloudWatch holds them

    def split(self, parts: int) -> "Share":
        """One of so many equal shares of it."""
        return Share(max(1, self.lines // parts), max(1, self.size // parts))

    def without(self, other: "Share") -> "Share":
        """What of it is left."""
        return Share(self.lines - other.lines, self.size - other.size)

    def plus(self, lines: "list[RawLine]") -> "Share":
        """It, and room for these lines."""
        return Share(self.lines + len(lines), self.size + sum(line.size for line in lines))


@dataclass(frozen=True, slots=True)
class RawLine:
    """A line as CloudWatch holds it, without the prefix that some put before it: nothing is redacted yet."""

    at: datetime
    text: str

    @property
    def size(self) -> int:
        """Its bytes."""
        return len(self.text) if self.text.isascii() else len(self.text.encode("utf-8", "surrogatepass"))


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of one stream, oldest first; not complete where some were left out: behind the `head` first ones."""

    stream: str
    lines: tuple[RawLine, ...]
    complete: bool
    head: int = 0


@dataclass(frozen=True, slots=True)
class Stream:
    """A log stream, and when its first and its last line were written (CloudWatch may learn late of the last)."""

    name: str
    first_line_at: datetime
    last_line_at: datetime


@dataclass(frozen=True, slots=True)
class Streams:
    """The streams of a group with the newest lines, and the token for more of them, empty where these are all."""

    listed: tuple[Stream, ...]
    token: str

    def reach_back_to(self, moment: datetime) -> bool:
        """Whether every stream that has a line from after it is among them."""
        return not self.token or any(one.last_line_at <= moment for one in self.listed)


class LogGroup:
    """One log group."""

    def __init__(self, client: "CloudWatchLogsClient", name: str) -> None:
        """Nothing is read yet."""
        self._client = client
        self._name = name

    def streams(self) -> Streams | None:
        """The streams with the newest lines, or None: there is no such group."""
        try:
            return _streams(self._describe(""))
        except self._client.exceptions.ResourceNotFoundException:
            return None

    def more_streams(self, known: Streams, since: datetime) -> Streams:
        """These streams and older ones, back to those whose last line is from before `since`, within bounds."""
        for _ in range(_PAGES_OF_STREAMS - 1):
            if known.reach_back_to(since):
                break
            older = _streams(self._describe(known.token))
            known = Streams((*known.listed, *older.listed), older.token if older.token != known.token else "")
        return known

    def _describe(self, token: str) -> "DescribeLogStreamsResponseTypeDef":
        return self._client.describe_log_streams(
            logGroupName=self._name,
            orderBy="LastEventTime",
            descending=True,
            limit=_STREAMS_OF_A_PAGE,
            **({"nextToken": token} if token else {}),
        )

    def last_lines(
        self, stream: str, share: Share, since: datetime | None = None, until: datetime | None = None
    ) -> Lines:
        """The newest lines of a stream, of one page: one that is not full is taken for all. Times are inclusive."""
        newest, is_whole = self._read(stream, share, _Asked(since, until, from_head=False), one_page=True)
        return Lines(stream, tuple(reversed(newest)), complete=is_whole)

    def both_ends_if_there(self, stream: str, share: Share, since: datetime, until: datetime) -> Lines | None:
        """`both_ends` of a stream that may not exist."""
        try:
            return self.both_ends(stream, share, since, until)
        except self._client.exceptions.ResourceNotFoundException:
            return None

    def both_ends(
        self, stream: str, share: Share, since: datetime, until: datetime, last_line_at: datetime | None = None
    ) -> Lines:
        """A stream's lines of a time: whole, or, where they exceed the share, the first and the last of them.

        Times are inclusive. `last_line_at`: where the stream ends, as far as is known: a page that ends just there is
        the last one, and CloudWatch need not be asked for another.
        """
        half = share.split(2)
        head, is_whole = self._read(stream, half, _Asked(since, until, from_head=True), ends_at=last_line_at)
        if is_whole:
            return Lines(stream, tuple(head), complete=True)
        meet_at = head[-1].at if head else since
        known = [line for line in head if line.at == meet_at]  # CloudWatch gives them a second time
        newest, do_meet = self._read(stream, half.plus(known), _Asked(meet_at, until, from_head=False))
        if do_meet:
            return Lines(stream, (*head, *newest[::-1][len(known) :]), complete=True)
        tail = _Taken(half)
        for line in newest:
            if line.at == meet_at or not tail.take(line):
                break
        head = _without_open_trace(head)
        rest = _without_rest_of_trace(tail.lines[::-1])
        return Lines(stream, (*head, *rest), complete=False, head=len(head))

    def _read(
        self,
        stream: str,
        share: Share,
        asked: "_Asked",
        *,
        ends_at: datetime | None = None,
        one_page: bool = False,
    ) -> tuple[list[RawLine], bool]:
        """The lines that are met from one end of the stream on, and whether they reach the other end."""
        taken = _Taken(share)
        for events, is_end in self._pages(stream, share, asked):
            for event in events if asked.from_head else reversed(events):
                if not taken.take(RawLine(_time(event["timestamp"]), without_console_prefix(event["message"]))):
                    return taken.lines, False
            if is_end or (taken.lines and (one_page or taken.lines[-1].at == ends_at)):
                return taken.lines, True
        return taken.lines, False

    def _pages(
        self, stream: str, share: Share, asked: "_Asked"
    ) -> "Iterator[tuple[list[OutputLogEventTypeDef], bool]]":
        """The events of each page, oldest first, and whether it is the last one: its token is the one that was sent.

        https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html: a page that is
        empty, or not full, need not be the last.
        """
        token = ""
        for _ in range(_PAGES):
            page = self._client.get_log_events(
                logGroupName=self._name,
                logStreamName=stream,
                limit=min(share.lines + 1, _LINES_OF_A_PAGE),
                **asked.parameters(),
                **({"nextToken": token} if token else {}),  # type: ignore[arg-type]  # the stubs know no optional keys
            )
            following = page["nextForwardToken"] if asked.from_head else page["nextBackwardToken"]
            yield page["events"], following == token
            if following == token:
                return
            token = following


@dataclass(frozen=True, slots=True)
class _Asked:
    """Of which time lines are asked for, inclusive, and from which end of the stream on."""

    since: datetime | None
    until: datetime | None
    from_head: bool

    def parameters(self) -> dict[str, Any]:
        """The same for CloudWatch, which excludes the end."""
        start = {"startTime": _milliseconds(self.since)} if self.since else {}
        end = {"endTime": _milliseconds(self.until) + 1} if self.until else {}
        return {"startFromHead": self.from_head, **start, **end}


class _Taken:
    """Lines that are taken until a share is full; the first one has room, however long it is."""

    def __init__(self, share: Share) -> None:
        """Nothing is taken yet."""
        self._share = share
        self._size = 0
        self.lines: list[RawLine] = []

    def take(self, line: RawLine) -> bool:
        """Take this line as well. False: it has no room."""
        size = self._size + line.size
        if self.lines and (len(self.lines) == self._share.lines or size > self._share.size):
            return False
        self._size = size
        self.lines.append(line)
        return True


def _without_open_trace(head: list[RawLine]) -> list[RawLine]:
    """`head` without the stack trace that it ends in: the cut goes through it."""
    rows = sum(1 for _ in takewhile(_is_in_a_trace, reversed(head)))
    return head[: -rows - 1] if 0 < rows < min(len(head) - 1, _ROWS_OF_A_TRACE) else head


def _without_rest_of_trace(tail: list[RawLine]) -> list[RawLine]:
    """`tail` without the rows of a stack trace whose beginning is left out."""
    rows = sum(1 for _ in takewhile(_is_in_a_trace, tail))
    return tail[rows:] if rows < min(len(tail), _ROWS_OF_A_TRACE) else tail


def _is_in_a_trace(line: RawLine) -> bool:
    return bool(_IN_A_TRACE.match(line.text))


def _streams(page: "DescribeLogStreamsResponseTypeDef") -> Streams:
    listed = (
        Stream(one["logStreamName"], _time(one["firstEventTimestamp"]), _time(one["lastEventTimestamp"]))
        for one in page["logStreams"]
        if "firstEventTimestamp" in one and "lastEventTimestamp" in one
    )
    return Streams(tuple(listed), page.get("nextToken", ""))


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)
