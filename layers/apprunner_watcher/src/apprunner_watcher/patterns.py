"""Here you find how the patterns of all rules are searched: in one pass over a line, in linear time.

No pattern is found in a text that holds none of its words. So the words of all patterns are looked for at once; where
one of them stands, RE2 looks for its pattern. Only what RE2 finds is searched with `re`, which knows the groups and the
lookarounds that RE2 lacks. Nearly every line of a log holds none of the words.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import accumulate

import re2
from ahocorasick_rs import BytesAhoCorasick

from apprunner_watcher.words import words

_LOOKAROUNDS = ("(?!", "(?=", "(?<!", "(?<=")
_ESCAPED_CHARACTER = re.compile(r"\\u([0-9a-f]{4})")
_END = b"\n"
_ANY_TEXT = frozenset({_END.decode()})  # stands in for the word of a pattern that asks for none
_AT_ONCE = 1000  # texts
_MEMORY = 64 * 1024 * 1024  # bytes, at most, for the automaton of one pattern; it takes what it needs


@dataclass
class _Pattern:
    text: str

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        return re.compile(self.text)

    @cached_property
    def automaton(self) -> re2.Set:
        """It says whether a text may hold the pattern, and nothing of where, which is what RE2 is fastest at."""
        options = re2.Options()
        options.log_errors = False
        options.max_mem = _MEMORY
        automaton = re2.Set.SearchSet(options)
        automaton.Add("(?m)" + broader(self.text))  # so it is also found in texts that are joined
        automaton.Compile()
        return automaton


class PatternSet:
    """Patterns of `re` that are searched together."""

    def __init__(self, patterns: Iterable[str]) -> None:
        """Only the words are made ready. A pattern is compiled when the first text holds a word of it."""
        self._patterns = tuple(map(_Pattern, patterns))
        asking: dict[str, list[int]] = defaultdict(list)
        for place, pattern in enumerate(self._patterns):
            for word in words(pattern.text) or _ANY_TEXT:
                asking[word].append(place)
        self._asking = tuple(asking.values())  # by word: the places of the patterns that ask for it
        self._words = BytesAhoCorasick([word.encode() for word in asking])

    def search(self, texts: Sequence[str]) -> Iterator[tuple[int, int, re.Match[str]]]:
        """Where a pattern is found: the place of the text, that of the pattern, and its first match; in this order.

        Raises `re2.error` for a pattern that RE2 cannot read even without its lookarounds.
        """
        for first in range(0, len(texts), _AT_ONCE):
            some = texts[first : first + _AT_ONCE]
            for at, place in sorted(self._candidates([_encoded(text) for text in some])):
                if found := self._patterns[place].compiled.search(some[at]):
                    yield first + at, place, found

    def _candidates(self, texts: Sequence[bytes]) -> Iterator[tuple[int, int]]:
        """The places of texts and patterns where RE2 finds one; in no order."""
        for place, holding in self._holding_a_word(texts).items():
            automaton = self._patterns[place].automaton
            if automaton.Match(_END.join(texts[at] for at in holding)):  # hardly ever
                yield from ((at, place) for at in holding if automaton.Match(texts[at]))

    def _holding_a_word(self, texts: Sequence[bytes]) -> Mapping[int, set[int]]:
        """By the place of a pattern: the places of the texts that hold one of its words."""
        lowered = [_lower(text) for text in texts]
        ends = list(accumulate(len(text) + len(_END) for text in lowered))
        by_word: dict[int, list[int]] = defaultdict(list)
        at = 0
        for word, _, end in self._words.find_matches_as_indexes(_END.join([*lowered, b""]), overlapping=True):
            while end > ends[at]:
                at += 1
            by_word[word].append(at)
        holding: dict[int, set[int]] = defaultdict(set)
        for word, places in by_word.items():
            for pattern in self._asking[word]:
                holding[pattern].update(places)
        return holding


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _lower(text: bytes) -> bytes:
    return text.lower() if text.isascii() else _encoded(text.decode("utf-8", "surrogatepass").lower())


@cache
def pattern_set(patterns: tuple[str, ...]) -> PatternSet:
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
