"""Here you find the words of a pattern: one of them stands in every text that the pattern is found in."""

from collections.abc import Iterable, Iterator
from re import _constants as c  # type: ignore[attr-defined]  # the standard library's own reader of patterns,
from re import _parser  # type: ignore[attr-defined]  # which is not documented: see decision 7
from typing import Any

Words = frozenset[str]
_Node = tuple[Any, Any]  # what it is, and what it holds

_NO_WIDTH = frozenset({c.AT, c.ASSERT, c.ASSERT_NOT})
_REPEATS = frozenset({c.MAX_REPEAT, c.MIN_REPEAT, c.POSSESSIVE_REPEAT})


def words(pattern: str) -> Words:
    """The words, in lower case, of which a text must hold one; empty where the pattern asks for no word."""
    return _words(_parser.parse(pattern))


def _words(nodes: Iterable[_Node], run: str = "") -> Words:
    """The words of these nodes, which stand side by side, behind a run of letters. The longest are the best."""
    best: Words = frozenset()
    for kind, held in _side_by_side(nodes):
        if letter := _letter(kind, held):
            run += letter
            continue
        best = _longer(best, run)
        if kind is c.BRANCH:
            branches = [_words(branch, run) for branch in held[1]]
            best = _longer(best, *frozenset().union(*branches) if all(branches) else ())
        elif kind in _REPEATS and held[0]:
            best = _longer(best, *_words(held[-1], run))
        run = ""
    return _longer(best, run)


def _side_by_side(nodes: Iterable[_Node]) -> Iterator[_Node]:
    for kind, held in nodes:
        if kind is c.SUBPATTERN or kind is c.ATOMIC_GROUP:
            yield from _side_by_side(held[-1] if kind is c.SUBPATTERN else held)
        elif kind not in _NO_WIDTH:
            yield kind, held


def _letter(kind: object, held: Any) -> str | None:
    """The letter that stands there, in whatever case."""
    letters = held if kind is c.IN else [(kind, held)]
    named = {chr(code).lower() if is_a is c.LITERAL else None for is_a, code in letters}
    return named.pop() if len(named) == 1 else None


def _longer(best: Words, *others: str) -> Words:
    return max(best, frozenset(others), key=_length)


def _length(alternatives: Words) -> int:
    """Bytes of the shortest: a sign of Chinese says more than a letter."""
    return min((len(word.encode()) for word in alternatives), default=0)
