"""Here you find where stack traces stand in a log: from which row to which, and the row that names the root.

A row is a text without line breaks. Each runtime has a mark by which its traces are found, cheap to look for in every
row; where a trace begins and ends is looked at only there.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

# every mark of a trace, for a first look at a whole text: most logs have none
MAY_BEGIN = (
    r"Traceback \(most recent|(?:^|\n)\s*at \S|---> |(?:^|\n)(?:panic: |fatal error: )|panicked at |\.rb:\d"
    r"|(?:^|\n)\s*(?:Stack trace:|\[stacktrace\]|Caused by:)"
)
_MESSAGE_ROWS = 12  # how many rows a message may take
_PROPERTY_ROWS = 200  # what Node.js prints of an error's properties, its causes among them

_PYTHON = "Traceback (most recent call last)"
_CHAINED = ("During handling of the above exception", "The above exception was the direct cause")
_ERROR_NAME = re.compile(r"(?:[Ee]rror|Exception|Throwable|Failure|Fault)\b")
_FRAME = re.compile(r"\s+at .*(?:\(|:\d|<anonymous>)")
_INNER = re.compile(r"\s*---> ")
_CAUSE = re.compile(r"\s*(?:[Cc]aused by|Wrapped by|Suppressed): \S|\s*---> |\s*\[cause\]: ")
_JOINS = re.compile(r"\s*(?:\.\.\. \d+ (?:more|common)|--- End of )")
_NAMES_ROOT = re.compile(r"\s*(?:[Cc]aused by: |\[cause\]: )|.*---> ")
_WRAPS = re.compile(r"\s*Wrapped by: ")
_PANICS = ("panic: ", "fatal error: ")
_GO_FRAME = re.compile(r"goroutine \d+ \[|\t|\[signal |\S+\(.*\)$|created by |exit status \d|panic: |$")
_RUBY_ERROR = re.compile(r"\S+\.rb:\d+:in [`'].*?': \S")
_RUBY_FRAME = re.compile(r"\s+(?:\d+: )?from \S|\s*\S+\.rb:\d+:in ")
_PHP_MARKS = ("Stack trace:", "[stacktrace]")
_PHP_FRAME = re.compile(r"#\d+ |\s+thrown in |Next |Stack trace:|\"\}")
_RUST_ERROR = re.compile(r"thread '[^']*'(?: \(\d+\))? panicked at ")
_RUST_FRAME = re.compile(r"note: |stack backtrace:|\s+\d+: |\s+at ")


@dataclass(frozen=True, slots=True)
class Extent:
    """A stack trace: the places of its first row, of its last and of the one that names the root exception."""

    first: int
    last: int
    root: int


def extents(rows: Sequence[str]) -> Iterator[Extent]:
    """The stack traces in these rows of one stream, in order; none overlaps another."""
    at = floor = 0
    while at < len(rows):
        reader = _reader(rows[at])
        if reader and (found := reader(rows, at, floor)):
            yield found
            at = floor = found.last + 1
        else:
            at += 1


# rows, the place of the mark, the first place that no earlier trace has taken
_Reader = Callable[[Sequence[str], int, int], Extent | None]


def _python(rows: Sequence[str], at: int, _floor: int) -> Extent:
    first, root = at, -1
    while True:
        last = _error_below(rows, at)
        root = last if root < 0 else root  # what was raised first is printed first
        chained = _traceback_after(rows, last)
        if chained is None:
            return Extent(first, _details(rows, last), root)
        at = chained


def _error_below(rows: Sequence[str], traceback: int) -> int:
    """The row that names the error: the first one below the frames that is indented no further than the beginning."""
    indent, last = _indent(rows[traceback]), traceback
    for at in range(traceback + 1, len(rows)):
        last = at
        if _indent(rows[at]) <= indent and rows[at].strip():
            break
    return last


def _traceback_after(rows: Sequence[str], error: int) -> int | None:
    """Where the traceback begins that was raised while this error was handled, or because of it."""
    for at in range(error + 1, min(len(rows), error + _MESSAGE_ROWS)):
        if _PYTHON in rows[at]:
            return None
        if rows[at].lstrip().startswith(_CHAINED):
            return next(
                (next_at for next_at in range(at + 1, min(len(rows), at + 4)) if _PYTHON in rows[next_at]), None
            )
    return None


def _details(rows: Sequence[str], error: int) -> int:
    """The last row of an error's message: indented rows, and, as pydantic does it, names with indented rows below."""
    last = error
    for at in range(error + 1, min(len(rows), error + 1 + _PROPERTY_ROWS)):
        is_name = " " not in rows[at] and at + 1 < len(rows) and rows[at + 1][:1] in {" ", "\t"}
        if not rows[at].strip() or not (rows[at][0] in " \t" or is_name):
            break
        last = at
    return last


def _frames(rows: Sequence[str], at: int, floor: int) -> Extent:
    """Node.js, Java and .NET: an error, and below it frames that begin with "at"."""
    first = _error_above(rows, at, floor)
    last = at
    while (following := _goes_on(rows, last, first)) is not None:
        last = following
    named = [place for place in range(first, last + 1) if _NAMES_ROOT.match(rows[place])]
    if any(_WRAPS.match(rows[place]) for place in range(first, last + 1)) or not named:
        return Extent(first, last, first)
    outermost = min(_indent(rows[place]) for place in named)  # a suppressed exception's own causes stand further in
    of_this = [place for place in named if _indent(rows[place]) == outermost or "[cause]" in rows[place]]
    return Extent(first, last, of_this[-1])


def _error_above(rows: Sequence[str], mark: int, floor: int) -> int:
    above = range(mark - 1, max(floor, mark - _MESSAGE_ROWS) - 1, -1)
    for at in above:
        if _ERROR_NAME.search(rows[at]) and not _INNER.match(rows[at]):
            return at
    return mark - 1 if mark > floor and rows[mark - 1].strip() else mark


def _goes_on(rows: Sequence[str], last: int, first: int) -> int | None:
    """The next place that belongs to the trace, None where it ends."""
    if rows[last].endswith("{") and (end := _end_of_properties(rows, last, _indent(rows[first]))):
        return end
    following = last + 1
    if following >= len(rows):
        return None
    if any(pattern.match(rows[following]) for pattern in (_FRAME, _CAUSE, _JOINS)):
        return following
    if not _CAUSE.match(rows[last]):
        return None
    message = range(following, min(len(rows), following + _MESSAGE_ROWS))  # a cause's message may take several rows
    return next((at for at in message if _FRAME.match(rows[at])), None)


def _end_of_properties(rows: Sequence[str], opened: int, indent: int) -> int | None:
    for at in range(opened + 1, min(len(rows), opened + 1 + _PROPERTY_ROWS)):
        if rows[at].lstrip().startswith("}") and _indent(rows[at]) <= indent:
            return at
    return None


def _go(rows: Sequence[str], at: int, _floor: int) -> Extent:
    below = range(at + 1, min(len(rows), at + _MESSAGE_ROWS))
    start = next((place for place in below if rows[place].startswith("goroutine ")), None)
    return Extent(at, _while(_GO_FRAME, rows, start) if start else at, at)


def _ruby(rows: Sequence[str], at: int, _floor: int) -> Extent:
    last, root = at, at
    while True:
        below = range(last + 1, min(len(rows), last + _MESSAGE_ROWS if last == root else last + 2))
        following = next((place for place in below if _RUBY_FRAME.match(rows[place])), None)
        if following is None:
            return Extent(at, last, root)
        if _RUBY_ERROR.match(rows[following].lstrip()):
            root = following  # an error's cause is printed below it
        last = following


def _php(rows: Sequence[str], at: int, floor: int) -> Extent:
    first, last = _error_above(rows, at, floor), at
    while last + 1 < len(rows):
        following = last + 1 if rows[last + 1].strip() else last + 2  # a blank row stands before "Next"
        if following >= len(rows) or not _PHP_FRAME.match(rows[following]):
            break
        last = following
    return Extent(first, last, first)  # "Next" names what was thrown because of it


def _rust(rows: Sequence[str], at: int, _floor: int) -> Extent:
    root = at + 1 if rows[at].endswith(":") and at + 1 < len(rows) else at
    below = range(root + 1, min(len(rows), root + _MESSAGE_ROWS))
    start = next((place for place in below if _RUST_FRAME.match(rows[place])), None)
    return Extent(at, _while(_RUST_FRAME, rows, start) if start else root, root)


def _anyhow(rows: Sequence[str], at: int, floor: int) -> Extent | None:
    """Rust's anyhow, eyre: `Error: …`, a blank row, `Caused by:`, and the causes, indented, the root last."""
    first, last = _error_above(rows, at, floor), _while(re.compile(r"\s+\S"), rows, at)
    return Extent(first, last, last) if last > at else None


def _while(pattern: re.Pattern[str], rows: Sequence[str], at: int) -> int:
    """The last of the rows below this one that the pattern is found at the beginning of, without blank ones."""
    last = at
    for place in range(at + 1, len(rows)):
        if not pattern.match(rows[place]):
            break
        last = place if rows[place].strip() else last
    return last


def _indent(row: str) -> int:
    return len(row) - len(row.lstrip())


def _reader(row: str) -> _Reader | None:
    """Who reads the trace that this row is a mark of."""
    bare = row.lstrip()
    return next((reader for is_mark, reader in _MARKS if is_mark(row, bare)), None)


# by the row, and the row without its indentation
_MARKS: tuple[tuple[Callable[[str, str], object], _Reader], ...] = (
    (lambda row, _: _PYTHON in row, _python),
    (lambda row, bare: bare.startswith("at ") and _FRAME.match(row), _frames),
    (lambda _, bare: bare.startswith("---> "), _frames),
    (lambda row, _: row.startswith(_PANICS), _go),
    (lambda row, _: "panicked at " in row and _RUST_ERROR.search(row), _rust),
    (lambda row, bare: ".rb:" in row and _RUBY_ERROR.match(bare), _ruby),
    (lambda _, bare: bare.startswith(_PHP_MARKS), _php),
    (lambda _, bare: bare == "Caused by:", _anyhow),
)
