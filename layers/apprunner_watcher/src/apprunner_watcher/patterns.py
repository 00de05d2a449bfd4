"""Here you find how the patterns of all rules are searched: in one pass over a line, in linear time.

RE2 takes from each pattern the words without which it cannot be found, looks for all those words at once, and then for
the few patterns whose words are there. Only what it finds is searched with `re`, which knows the groups and the
lookarounds that RE2 lacks. Nearly every line of a log holds none of them. (One automaton for all patterns, RE2's Set,
outgrows its memory on lines that differ, and then takes milliseconds for each.)
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache

import re2

_LOOKAROUNDS = ("(?!", "(?=", "(?<!", "(?<=")
_ESCAPED_CHARACTER = re.compile(r"\\u([0-9a-f]{4})")


_MEMORY = 64 * 1024 * 1024  # bytes, at most, for the automaton of one pattern; it takes what it needs
_MOST = 100_000  # characters of patterns in one filter: the memory for its words cannot be chosen


class PatternSet:
    """Patterns that are searched together."""

    def __init__(self, patterns: Iterable[re.Pattern[str]]) -> None:
        """Raises `re2.error` for a pattern that RE2 cannot read even without its lookarounds."""
        options = re2.Options()
        options.log_errors = False
        options.max_mem = _MEMORY
        self._filters: list[tuple[int, re2.Filter]] = []  # with the place of its first pattern
        left = 0
        for place, pattern in enumerate(patterns):
            text = ("(?i)" if pattern.flags & re.IGNORECASE else "") + broader(pattern.pattern)
            left -= len(text)
            if left < 0:
                self._filters.append((place, re2.Filter()))
                left = _MOST - len(text)
            self._filters[-1][1].Add(text, options)
        for _, one in self._filters:
            one.Compile()

    def candidates(self, text: str) -> Sequence[int]:
        """The places of the patterns that may be found in `text`, in no order. The others are not in it."""
        encoded = text.encode("utf-8", "surrogatepass")
        found: list[int] = []
        for first, one in self._filters:
            if places := one.Match(encoded):
                found.extend(first + place for place in places)
        return found


@cache
def pattern_set(patterns: tuple[re.Pattern[str], ...]) -> PatternSet:
    """The set of these patterns, compiled once."""
    return PatternSet(patterns)


def broader(pattern: str) -> str:
    """A pattern that RE2 can read and that is found wherever `pattern` is: without its lookarounds."""
    kept, at = [], 0
    while at < len(pattern):
        if pattern.startswith(_LOOKAROUNDS, at):
            at = _end_of_group(pattern, at)
            continue
        end = _end_of_atom(pattern, at)
        kept.append(pattern[at:end])
        at = end
    return _ESCAPED_CHARACTER.sub(lambda escaped: chr(int(escaped[1], 16)), "".join(kept))


def _end_of_atom(pattern: str, at: int) -> int:
    """Where the escape, the character class or the character that begins here ends."""
    if pattern[at] == "\\":
        return at + 2
    if pattern[at] != "[":
        return at + 1
    at += 2 if pattern[at + 1] == "^" else 1
    at += pattern[at] == "]"  # a bracket that comes first is one of the characters
    while pattern[at] != "]":
        at += 2 if pattern[at] == "\\" else 1
    return at + 1


def _end_of_group(pattern: str, at: int) -> int:
    """Where the group that begins here ends."""
    depth = 0
    while True:
        depth += {"(": 1, ")": -1}.get(pattern[at], 0)
        at = _end_of_atom(pattern, at)
        if depth == 0:
            return at
