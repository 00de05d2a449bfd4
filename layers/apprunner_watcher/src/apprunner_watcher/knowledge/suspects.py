"""Here you find which variables an application may refuse in production, by what is known of their values."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from apprunner_watcher.redaction import HIDDEN, Variable
from apprunner_watcher.redaction.variables import Mark


@dataclass(frozen=True, slots=True)
class Suspect:
    """A variable, and why a check at start may refuse it."""

    variable: Variable
    reason: str

    def __str__(self) -> str:
        """`OTP_PROVIDER (stub: a stand-in)`: the value only where it cannot be a secret."""
        shown = self.variable.shown
        is_telling = shown.strip() and shown != HIDDEN and len(shown) <= _LONGEST_SHOWN
        return f"{self.variable.name} ({f'{shown}: ' if is_telling else ''}{self.reason})"


def suspects(variables: Iterable[Variable]) -> tuple[Suspect, ...]:
    """Each suspicious variable with the reason that tells most; those first that checks refuse most often."""
    found = [(rank, Suspect(one, reason)) for one in variables for rank, reason in _most_telling(one)]
    return tuple(suspect for _, suspect in sorted(found, key=lambda each: each[0]))


_LONGEST_SHOWN = 40  # characters
_OF_MARKS: dict[Mark, str] = {
    "empty": "empty",
    "placeholder": "a placeholder",
    "default": "a default that everybody knows",
    "localhost": "the container itself",
    "wildcard": "admits everybody",
    "line break": "has a line break in it",
    "blank at the ends": "has blanks at its ends",
    "quoted": "has quotes around it, which are part of the value",
    "unencoded percent": "has a % that is not encoded",
    "unencoded character": "has a character that a URL must encode",
}
_STAND_IN = re.compile(
    r"(?:stub|mock|fake|dummy|noop|no-op|none|null|console|memory|in[-_]?memory|local|file|debug|sandbox)",
    re.IGNORECASE,
)
_TAKES_A_PROVIDER = re.compile(
    r"(?:provider|backend|driver|adapter|engine|transport|store|storage|mailer|gateway|broker|mode)$", re.IGNORECASE
)
_SWITCH = re.compile(r"(?:^|_)(?:debug|demo_mode|mock|stub|fake|dev|insecure)(?:$|_)", re.IGNORECASE)
_ON = frozenset({"1", "true", "yes", "on", "enabled"})
_STAGE = re.compile(r"^(?:(?:\w+_)?env(?:ironment)?|stage)$", re.IGNORECASE)
_NO_PRODUCTION = frozenset({"dev", "development", "local", "test", "testing"})
_CIPHER_KEY = re.compile(r"(?:encrypt(?:ion)?|fernet|cipher|aes|crypt)\w*key$", re.IGNORECASE)
_SIGNING_KEY = re.compile(
    r"(?:jwt|session|cookie|auth|app|django|flask|token|signing|secret)\w*(?:secret|key)", re.IGNORECASE
)
# 128, 192 and 256 bits as characters, in hexadecimal and in base64 (Fernet's has 44)
_LENGTHS_OF_KEYS = frozenset({16, 24, 32, 43, 44, 48, 64, 88})
_SHORTEST_SECRET = 32  # characters: what most checks ask for


def _most_telling(one: Variable) -> Iterator[tuple[int, str]]:
    """The first reason, with its rank; nothing where nothing speaks against the variable."""
    return islice(((rank, reason) for rank, reason in enumerate(_reasons(one)) if reason), 1)


def _reasons(one: Variable) -> Iterator[str]:
    """Every reason that there could be, the most telling first, empty where it is none."""
    value = one.shown.strip().lower()
    yield from _marked(one, "empty", "placeholder", "default")
    yield "a stand-in" if _TAKES_A_PROVIDER.search(one.name) and _STAND_IN.fullmatch(value) else ""
    yield "is on" if _SWITCH.search(one.name) and value in _ON else ""
    yield "SQLite, which a container forgets" if one.scheme.startswith("sqlite") else ""
    yield from _marked(one, "localhost", "wildcard")
    yield _of_key(one)
    yield "not production" if _STAGE.search(one.name) and value in _NO_PRODUCTION else ""
    yield from _marked(one, "line break", "blank at the ends", "quoted", "unencoded percent", "unencoded character")
    # a blank in a text is usual; in a secret or an address it is a slip
    yield "has a blank inside" if "blank inside" in one.marks and one.kind in {"secret", "url", "host"} else ""


def _marked(one: Variable, *marks: Mark) -> Iterator[str]:
    return (_OF_MARKS[mark] if mark in one.marks else "" for mark in marks)


def _of_key(one: Variable) -> str:
    """What is odd about the length of a key. One with a known format (PEM, JWT) has the length of that."""
    if one.kind != "secret" or not one.length or one.format in {"pem", "jwt", "fernet", "arn", "json"}:
        return ""
    if _CIPHER_KEY.search(one.name) and one.length not in _LENGTHS_OF_KEYS:
        return f"{one.length} characters, and keys mostly have 32, 44 (Fernet) or 64 (hexadecimal)"
    if _SIGNING_KEY.search(one.name) and one.length < _SHORTEST_SECRET:
        return f"{one.length} characters, and checks often ask for {_SHORTEST_SECRET}"
    return ""
