"""Here you find what the containers printed: where the application listens, what it answers, and how it ended."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import groupby

from apprunner_watcher.log.access_log import BEGINS, NAMES_PATH, answered, begins, ends, names
from apprunner_watcher.log.line import Line
from apprunner_watcher.log.listening import ADDRESSES, SAYS_IT_LISTENS, is_loopback, place
from apprunner_watcher.log.trace import MAY_BEGIN, extents
from apprunner_watcher.missing import Missing
from apprunner_watcher.patterns import pattern_set


@dataclass(frozen=True, slots=True)
class Listening:
    """A line in which the application says where it listens; `host` is empty where it does not say."""

    line: Line
    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether nobody outside of the container can reach it."""
        return is_loopback(self.host)


@dataclass(frozen=True, slots=True)
class Answer:
    """A line of an access log, with the HTTP status that it tells."""

    line: Line
    status: int


def _listening(line: Line) -> Listening | None:
    found = place(line.text)
    return Listening(line, *found) if found else None


# The words with which runtimes, servers and package managers say that the process has ended, or that nothing of the
# application could be loaded.
_DIED = (
    r"Worker failed to boot|Exception in worker process|App failed to load|Error loading ASGI app"
    r"|Could not find a production build in|Application startup failed\. Exiting|APPLICATION FAILED TO START"
    r"|^Node\.js v\d+\.\d+|Unable to load application|unable to load app \d|no app loaded\. going in full dynamic mode"
    r"|\bELIFECYCLE\b|app crashed - waiting for file changes|^Unhandled exception\. "
)
# Most lines tell none of it: one pass says which of them are worth a closer look.
_READINGS = (SAYS_IT_LISTENS, _DIED, NAMES_PATH, MAY_BEGIN, BEGINS)
_LISTENS, _DIES, _NAMES_PATH, _MAY_TRACE, _BEGINS = range(len(_READINGS))


@dataclass(frozen=True, slots=True)
class Trace:
    """A stack trace: the line it begins in, all its lines, and the line and the words that name the root exception."""

    head: Line
    lines: tuple[Line, ...]
    root: Line
    says: str


def traces(lines: Sequence[Line]) -> tuple[Trace, ...]:
    """The stack traces in these lines, in order. One may be spread over many lines or stand in a single one."""
    found: list[Trace] = []
    for (_, wrapped), group in groupby(lines, lambda line: (line.stream, id(line) if line.logged else 0)):
        of_stream = list(group)
        if wrapped:
            found.extend(_wrapped_trace(of_stream[0]))
        else:
            found.extend(_traces([(line, row) for line in of_stream for row in line.text.split("\n")]))
    return tuple(found)


def _wrapped_trace(line: Line) -> Iterable[Trace]:
    """The trace that a logger put into a field of its own, whatever its runtime, or into its message."""
    if not line.logged:
        return ()
    rows = (line.logged.stack or line.logged.message).split("\n")
    if found := _traces([(line, row) for row in rows]):
        return found[:1]
    return [Trace(line, (line,), line, line.logged.error or line.logged.message)] if line.logged.stack else ()


_NAMES_CAUSE = re.compile(r"^\s*(?:[Cc]aused by: |\[cause\]: )|^.*---> ")


def _traces(rows: Sequence[tuple[Line, str]]) -> list[Trace]:
    found = []
    for one in extents([row for _, row in rows]):
        lines = [line for line, _ in groupby(line for line, _ in rows[one.first : one.last + 1])]
        root, says = rows[one.root]
        found.append(Trace(lines[0], tuple(lines), root, _NAMES_CAUSE.sub("", says).strip()))
    return found


_SOON = 200  # lines
_ANSWERED = re.compile(
    r"\b(?:GET|POST|PUT|PATCH|DELETE|HEAD) [^\s\"]{1,300}(?: HTTP/[\d.]{1,3}\"?)?[\" ]{1,3}[23]\d\d\b"
    r"|\bCompleted [23]\d\d\b|\"statusCode\":\s?[23]\d\d\b"
)
_IS_READY = re.compile(
    r"\b(?:fully )?up and running\b|\bready to (?:receive|handle) (?:web )?(?:requests|connections|traffic)\b"
    r"|\bbooted in \d|\b(?:initiali[sz]ation|startup) complete\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class ApplicationLog:
    """What the containers printed: the failing version's streams have their first line after the operation's start.

    App Runner creates the log group with the first line of a service's first container: `group_exists` is evidence.
    """

    failing: tuple[Line, ...]
    serving: tuple[Line, ...]
    group_exists: bool = True

    @cached_property
    def _streams(self) -> Mapping[str, tuple[Line, ...]]:
        streams: dict[str, list[Line]] = defaultdict(list)
        for line in self.failing:
            streams[line.stream].append(line)
        return {stream: tuple(lines) for stream, lines in streams.items()}

    @cached_property
    def _places(self) -> Mapping[int, int]:
        """By the id of a line: its place in its stream. Equal lines may stand there more than once."""
        return {id(line): at for lines in self._streams.values() for at, line in enumerate(lines)}

    def near(self, line: Line, *, above: int = 0, below: int = 0) -> tuple[Line, ...]:
        """One of the failing version's lines with as many neighbours of its stream, in the order of the log."""
        at = self._places[id(line)]
        return self._streams[line.stream][max(0, at - above) : at + 1 + below]

    def below(self, line: Line, most: int | None = None) -> tuple[Line, ...]:
        """All lines that follow one of the failing version's lines in its stream, or so many of them."""
        at = self._places[id(line)] + 1
        return self._streams[line.stream][at : None if most is None else at + most]

    @cached_property
    def _texts(self) -> Sequence[tuple[int, str]]:
        """The texts of the failing version's lines, and what a logger wrapped into some; each with its line's place."""
        wrapped = ((at, line.said) for at, line in enumerate(self.failing) if line.logged)
        return [*((at, line.text) for at, line in enumerate(self.failing)), *wrapped]

    @cached_property
    def _read(self) -> Mapping[int, Mapping[int, re.Match[str]]]:
        """By the number of a reading: the places of the failing version's lines that tell of it, in order."""
        read: dict[int, dict[int, re.Match[str]]] = defaultdict(dict)
        for one, reading, found in pattern_set(_READINGS).search([text for _, text in self._texts]):
            read[reading].setdefault(self._texts[one][0], found)
        return {reading: dict(sorted(read[reading].items())) for reading in range(len(_READINGS))}

    @cached_property
    def listening(self) -> tuple[Listening, ...]:
        """Where the failing version says that it listens for requests."""
        lines = [self.failing[at] for at in self._read[_LISTENS]]
        named = pattern_set(ADDRESSES).search([line.text for line in lines])
        found = (_listening(lines[at]) for at in dict.fromkeys(at for at, _, _ in named))
        return tuple(one for one in found if one)

    def comes_up_behind(self, last: Line) -> bool:
        """Whether the application says only behind this line that it listens, or that it is ready."""
        listening = next((one.line for one in self.listening if one.line.stream == last.stream), None)
        is_first = listening is not None and self._places[id(listening)] > self._places[id(last)]
        return is_first or any(_IS_READY.search(line.said) for line in self.below(last, _SOON))

    def answers_behind(self, last: Line) -> bool:
        """Whether the application's access log has a good answer behind this line."""
        return any(_ANSWERED.search(line.said) for line in self.below(last, _SOON))

    @cached_property
    def died(self) -> Line | None:
        """The line in which the failing version's runtime or server says that it gives up."""
        return next((self.failing[at] for at in self._read[_DIES]), None)

    @cached_property
    def traces(self) -> tuple[Trace, ...]:
        """The failing version's stack traces, in the order of its lines."""
        is_wrapped = (line.logged and (line.logged.stack or "\n" in line.logged.message) for line in self.failing)
        may_be = bool(self._read[_MAY_TRACE]) or any(is_wrapped)
        return traces(self.failing) if may_be else ()

    def trace_of(self, line: Line) -> Trace | None:
        """The stack trace that one of the failing version's lines belongs to."""
        return self._trace_of.get(id(line))

    @cached_property
    def _trace_of(self) -> Mapping[int, Trace]:
        return {id(line): trace for trace in reversed(self.traces) for line in trace.lines}

    def answers(self, path: str) -> tuple[Answer, ...]:
        """What the failing version's access log says it answered to GET and HEAD of this path."""
        if found := tuple(self._logged_answers(path)):
            return found
        named = ((self.failing[at], names(found, path)) for at, found in self._read[_NAMES_PATH].items())
        return tuple(Answer(line, status) for line, status in named if status)

    def _logged_answers(self, path: str) -> Iterator[Answer]:
        asked, stream = "", ""
        beginning = self._read[_BEGINS]
        texts = [(at, text) for at, text in self._texts if path in text]
        told: dict[int, int] = {}
        for one, status in answered([text for _, text in texts], path):
            told.setdefault(texts[one][0], status)
        for at, line in enumerate(self.failing):
            if line.stream != stream:
                asked, stream = "", line.stream
            if at in beginning:
                asked = begins(beginning[at])
            elif asked and (ended := ends(line.text, path, asked)) is not None:
                if ended:
                    yield Answer(line, ended)
                asked = ""
            elif at in told:
                yield Answer(line, told[at])


_LOGS_ARRIVE_WITHIN = timedelta(minutes=3)


def needs_second_look(ended_at: datetime | None, now: datetime, application: ApplicationLog | Missing) -> bool:
    """Whether the application's lines may still be on their way: App Runner hands them over late."""
    if ended_at is None or isinstance(application, Missing):
        return False
    return not application.failing and now - ended_at < _LOGS_ARRIVE_WITHIN
