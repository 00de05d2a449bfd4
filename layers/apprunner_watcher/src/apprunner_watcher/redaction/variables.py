"""Here you find what may be known of an environment variable: what a diagnosis needs of its value, and no secret."""

import hashlib
import hmac
import json
import re
import secrets as randomness
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from apprunner_watcher.redaction.connection_strings import LONE_PERCENT, URL, address, connection
from apprunner_watcher.redaction.values import (
    FLAG,
    HIDDEN,
    LONGEST_HARMLESS,
    LONGEST_SHOWN,
    NOTHING,
    NUMBER,
    QUANTITY,
    SHORTEST_KNOWN,
    TEMPLATE,
    Kind,
    Piece,
    Reading,
    document_of,
    format_of,
    is_harmless,
    is_host,
    is_made_of_words,
    is_secret_name,
    is_word,
)

Mark = Literal[
    "empty",
    "blank inside",
    "blank at the ends",
    "line break",
    "quoted",
    "placeholder",
    "default",
    "localhost",
    "wildcard",
    "unencoded percent",
    "unencoded character",
]
_MARKS: tuple[Mark, ...] = get_args(Mark)


class Variable(BaseModel):
    """An environment variable without its secret: `shown` is the value itself only where it cannot be one.

    `kind`: what the value is, `secret` where its name or its format says so. `format`: how it is written (fernet, jwt,
    pem, uuid, hex, base64, json, arn, ado.net, libpq …), empty where that has no name. `length`: characters, 0 where it
    is not known. `scheme`: the URL's, in lower case. `fingerprint`: see `Fingerprints`; empty where the value is empty
    or not known. Items that older versions wrote have `name` and `shown` alone.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    shown: str
    kind: Kind = "text"
    format: str = ""
    length: int = 0
    scheme: str = ""
    marks: tuple[Mark, ...] = ()
    fingerprint: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether the variable is set to nothing, or to blanks."""
        return not self.shown.strip()


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """Makes fingerprints of values, by which one can see that two are equal and nothing else.

    They are keyed because a password that people choose could be found by trying: without the key nobody can try.
    `key`: at least 16 random bytes.
    """

    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse a key that could be guessed."""
        if len(self.key) < _SHORTEST_KEY:
            msg = f"a key of fingerprints has at least {_SHORTEST_KEY} bytes"
            raise ValueError(msg)

    @classmethod
    def throw_away(cls) -> "Fingerprints":
        """Fingerprints with a random key that nobody keeps: good for comparing within one run."""
        return cls(randomness.token_bytes(2 * _SHORTEST_KEY))

    def of(self, value: str) -> str:
        """`key id:fingerprint` of a value, both hexadecimal; empty for an empty value."""
        return f"{self._hash('key', '')[:4]}:{self._hash('value', value)[:16]}" if value else ""

    def _hash(self, what: str, value: str) -> str:
        text = f"{what}\0{value}".encode("utf-8", "surrogatepass")
        return hmac.new(self.key, text, hashlib.sha256).hexdigest()


_SHORTEST_KEY = 16  # bytes


def same(a: str, b: str) -> bool | None:
    """Whether two fingerprints are of the same value; None where their keys differ, or one of them is not known."""
    if not a or not b or a.partition(":")[0] != b.partition(":")[0]:
        return None
    return hmac.compare_digest(a, b)


@cache
def _own_fingerprints() -> Fingerprints:
    return Fingerprints.throw_away()


def variable(name: str, value: str, fingerprints: Fingerprints | None = None) -> Variable:
    """What may be known of an environment variable. Without `fingerprints` the process's own throw-away key is used."""
    if stood_in := _stood_in(name, value):
        return stood_in
    reading = _read(name, value)
    shown = reading.shown if value.strip() else value
    is_known = HIDDEN not in value
    return Variable(
        name=name,
        shown=shown if len(shown) <= LONGEST_SHOWN else f"{shown[: LONGEST_SHOWN - 1]}…",
        kind=reading.kind,
        format=reading.format,
        length=len(value) if is_known else 0,
        scheme=reading.scheme,
        marks=_marks(value, reading) if value != HIDDEN else (),
        fingerprint=(fingerprints or _own_fingerprints()).of(value) if is_known else "",
    )


def secrets_of(name: str, value: str) -> tuple[str, ...]:
    """The strings that must not appear anywhere: what of the value is not shown, also in parts and decoded."""
    if not value.strip() or _stood_in(name, value):
        return ()
    found = (secret for piece in _read(name, value).pieces for secret in piece.secrets)
    return tuple(dict.fromkeys(secret for secret in found if secret.strip() and secret != HIDDEN))


_FACTS = frozenset(Variable.model_fields) - {"name", "shown"}
_STAND_IN = re.compile(r"(?P<shown>.*)\*\*\*(?P<facts>\{\"kind\":.{0,600}\})", re.DOTALL)


def stand_in(variable: Variable) -> str:
    """A value to record in place of the real one: read by `variable`, it gives an equal Variable, and no secret.

    What is shown whole stays as it is where reading it again finds the same; its fingerprint is then made anew.
    """
    if variable.is_empty or _says_it_all(variable):
        return variable.shown
    facts = variable.model_dump(mode="json", exclude={"name", "shown"})
    shown = "" if variable.shown == HIDDEN else variable.shown
    return f"{shown}{HIDDEN}{json.dumps(facts, separators=(',', ':'))}"


def _says_it_all(one: Variable) -> bool:
    again = variable(one.name, one.shown)
    is_the_value = bool(again.fingerprint) or not one.fingerprint
    return is_the_value and again.model_copy(update={"fingerprint": one.fingerprint}) == one


def _stood_in(name: str, value: str) -> Variable | None:
    found = _STAND_IN.fullmatch(value) if value.endswith("}") and HIDDEN in value else None
    if not found:
        return None
    try:
        facts = json.loads(found["facts"])
        return Variable(name=name, shown=found["shown"] or HIDDEN, **facts) if facts.keys() == _FACTS else None
    except (ValueError, ValidationError):
        return None


_DESCRIPTIVE_NAME = re.compile(
    r"(?:^|[_.-])(?:name|bucket|model|id|version|prefix|table|queue|topic|index|schema|env|environment|stage|region|zone"
    r"|database|db|user|username|image|tag|cluster|project|account|class|tier|level|locale|lang|language|domain|host"
    r"|group|stream|namespace|release|branch|type|driver|client|runtime)(?:$|[_.-])",
    re.IGNORECASE,
)
_MAIL_NAME = re.compile(r"mail|from|sender|reply|contact|support|admin|user", re.IGNORECASE)
_Reader = Callable[[str, str], Reading | None]
_QUOTED = re.compile(r"([\"'`])(.*)\1", re.DOTALL)


def _read(name: str, value: str) -> Reading:
    """Read a value as what it most probably is: without the blanks and quotes around it that should not be there."""
    core = value.strip()
    quoted = _QUOTED.fullmatch(core) if len(core) > 1 else None
    if not quoted or not (inside := quoted[2].strip()):
        return _read_bare(name, core)
    inner, quote = _read_bare(name, inside), Piece(quoted[1])
    return replace(inner, pieces=(quote, *inner.pieces, quote))


def _read_bare(name: str, value: str) -> Reading:
    if value in {"", HIDDEN}:
        return Reading("secret" if value else "text", (Piece(value),))
    readers = _OF_SECRETS if is_secret_name(name) else _OF_OTHERS
    return next(reading for reader in readers if (reading := reader(name, value)))


def _whole(kind: Kind, value: str, form: str = "") -> Reading:
    return Reading(kind, (Piece(value),), form)


def _hidden(_: str, value: str) -> Reading:
    return Reading("text", (Piece(HIDDEN, _parts(value)),), format_of(value))


def _secret(_: str, value: str) -> Reading:
    return Reading("secret", (Piece(HIDDEN, _parts(value)),), format_of(value))


def _parts(value: str) -> tuple[str, ...]:
    """A hidden value as a whole, and what in it could be printed alone: strings of a JSON document, random words."""
    if value[0] in "[{" and (document := document_of(value)) is not None:
        strings = tuple(_strings(document))
        urls = (secret for one in strings if URL.fullmatch(one) for secret in secrets_of("", one))
        others = (one for one in strings if len(one) >= SHORTEST_KNOWN and not URL.fullmatch(one))
        return (value, *urls, *(one for one in others if not _is_ordinary(one)))
    words = value.split()
    return (value, *(word for word in words if len(word) >= SHORTEST_KNOWN and not _is_ordinary(word)))


def _is_ordinary(word: str) -> bool:
    """Whether a word of a longer text is like others in a log: an option, a host, a headline of a key."""
    pieces = re.split(r"[=,;/]+", word.strip("-.:,;()"))
    return all(not one or is_harmless(one) or is_made_of_words(one) for one in pieces)


def _strings(document: object) -> Iterable[str]:
    """The strings of a JSON document; without recursion, because it may be nested as deeply as its author liked."""
    todo = [document]
    while todo:
        one = todo.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            todo += one.values()
        elif isinstance(one, list):
            todo += one


def _token(name: str, value: str) -> Reading | None:
    """What has the format of a secret is one, whatever its name."""
    form = format_of(value)
    if form == "uuid" and re.search(r"id$", name, re.IGNORECASE):
        return _whole("text", value, form)
    return _secret(name, value) if form and form != "json" else None


_SERVICE_NAME = re.compile(r"[a-z][a-z0-9]*(?:[_-][a-z0-9]+){0,6}(?::\d{1,5})?")
_HOST_NAME = re.compile(r"host(?:name|s)?(?:$|_)|server|endpoint|address|broker|bootstrap|node", re.IGNORECASE)
_NO_HOST_NAME = re.compile(r"module|class|settings|package|version|file|model|_app$", re.IGNORECASE)
_FILE = re.compile(
    r"[a-z_.-]+\.(?:py|[jt]sx?|mjs|jar|war|json|ya?ml|toml|html?|sh|rb|php|conf|cfg|ini|env|log|db|pem|crt|txt|xml)"
)
_OPTION = re.compile(r"-{1,2}(?P<name>[A-Za-z][\w.-]{0,60})(?:[=:](?P<value>[^\s=]{1,60}))?")
_OPTIONS_NAME = re.compile(r"(?:options|opts|args|flags|params)$", re.IGNORECASE)
_TIME_ZONE = re.compile(r"[A-Z][a-z]{2,14}(?:/[A-Z][a-z]{2,14}(?:_[A-Z][a-z]{1,14})?){1,2}")
_ARN = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:\d*:[\w+=,.@:/*-]{1,300}")
_EMAIL = re.compile(r"(?:[\w .-]{1,60}<)?[\w.+-]{1,64}@(?:[a-z0-9-]+\.){1,6}[a-z]{2,20}>?")


def _flag(_: str, value: str) -> Reading | None:
    return _whole("flag", value) if FLAG.fullmatch(value) else None


def _nothing(_: str, value: str) -> Reading | None:
    return _whole("text", value) if NOTHING.fullmatch(value) or TEMPLATE.fullmatch(value) else None


_PORTS = range(1, 65536)


def _number(name: str, value: str) -> Reading | None:
    if value.isascii() and value.isdigit() and len(value) <= 5 and int(value) in _PORTS:  # noqa: PLR2004  # digits of 65535
        return _whole("port" if re.search(r"port(?:$|_)", name, re.IGNORECASE) else "number", value)
    return _whole("number", value) if NUMBER.fullmatch(value) or QUANTITY.fullmatch(value) else None


def _host(name: str, value: str) -> Reading | None:
    hosts = [host.strip() for host in value.split(",")]
    is_named = bool(_HOST_NAME.search(name))
    if len(hosts) > _MOST_ITEMS or len(value) > 10 * LONGEST_HARMLESS:
        return None
    if _NO_HOST_NAME.search(name) or any(_FILE.fullmatch(host) for host in hosts):
        return None
    are_hosts = all(is_host(host) or (is_named and _SERVICE_NAME.fullmatch(host)) for host in hosts)
    return _whole("host", value) if are_hosts else None


_MOST_ITEMS = 30


def _list(name: str, value: str) -> Reading | None:
    """Origins, languages, modules: shown where none of them could be a secret."""
    items = [item.strip() for item in value.split(",")]
    if not 1 < len(items) <= _MOST_ITEMS or not all(items):
        return None
    readings = [next(found for one in _OF_ITEMS if (found := one(name, item))) for item in items]
    if any(piece.secrets for reading in readings for piece in reading.pieces):
        return None
    return Reading(readings[0].kind, (Piece(value),), "list", readings[0].scheme)


def _path(_: str, value: str) -> Reading | None:
    is_path = re.match(r"\.{0,2}/|~/|[A-Z]:\\", value) or value.endswith("/")
    segments = re.split(r"[/\\]", value.removeprefix("~"))
    are_words = all(not segment or is_word(segment) or is_made_of_words(segment) for segment in segments)
    return _whole("path", value) if is_path and are_words and len(value) <= 2 * LONGEST_HARMLESS else None


def _options(name: str, value: str) -> Reading | None:
    """NODE_OPTIONS, JAVA_TOOL_OPTIONS: limits of memory stand there."""
    options = [_OPTION.fullmatch(word) for word in value.split()] if _OPTIONS_NAME.search(name) else []
    are_harmless = (
        one and not is_secret_name(one["name"]) and (not one["value"] or is_harmless(one["value"])) for one in options
    )
    return _whole("text", value) if options and all(are_harmless) else None


def _urls(name: str, value: str) -> Reading | None:
    return _list(name, value) if value.count("://") > 1 and value.count("://") == value.count(",") + 1 else None


def _text(name: str, value: str) -> Reading | None:
    if len(value) > 2 * LONGEST_HARMLESS:
        return None
    if _ARN.fullmatch(value):
        return _whole("text", value, "arn")
    if _EMAIL.fullmatch(value) and _MAIL_NAME.search(name):
        return _whole("text", value, "email")
    is_a_name = bool(_DESCRIPTIVE_NAME.search(name)) and is_made_of_words(value)
    is_other = is_harmless(value) or _TIME_ZONE.fullmatch(value) or _FILE.fullmatch(value)
    return _whole("text", value) if is_a_name or is_other else None


def _any_url(_: str, value: str) -> Reading | None:
    return address(value, any_scheme=True) or connection(value)


_PASSWORD_NAME = re.compile(r"pass|pwd|secret|salt|pin$|_key$", re.IGNORECASE)


def _known_url(name: str, value: str) -> Reading | None:
    """A connection string under the name of a secret (SENTRY_DSN); a password that looks like one is none."""
    return None if _PASSWORD_NAME.search(name) else address(value, any_scheme=False) or connection(value)


_OF_SECRETS: tuple[_Reader, ...] = (_flag, _nothing, _known_url, _secret)
_OF_OTHERS: tuple[_Reader, ...] = (
    *(_flag, _nothing, _number, _urls, _any_url, _host, _token),
    *(_path, _text, _options, _list, _hidden),
)
_OF_ITEMS: tuple[_Reader, ...] = (_flag, _nothing, _number, _any_url, _host, _token, _path, _text, _hidden)
_PLACEHOLDER = re.compile(
    r"(?:^|[^a-z0-9])(?:change|replace|insert|put|enter|fill)[-_ ]?(?:me|this|it|in|here|with|your)(?:$|[^a-z0-9])"
    r"|(?:^|[^a-z0-9])your[-_ ]?(?:own|api|secret|password|token|key|db|database|user|host|jwt|[a-z]+[-_ ]here)"
    r"|^(?:x{3,}|\.{3,}|todo|fixme|tbd|stub|dummy|fake|sample|example|placeholder|foo|bar|foobar|pass|password|passwd"
    r"|secret|token|key)$"
    r"|(?:^|[^a-z0-9])(?:placeholder|dummy|todo|fixme|replace[-_]?me)(?:$|[^a-z0-9])"
    r"|^<[^<>]*>$|^\$\{[^{}]*\}$|^\{\{.*\}\}$|^\$\([^()]*\)$|^\$[A-Z_]{3,}$|^\[[A-Za-z_-]+\]$"
    r"|^(?:undefined|null|nan|nil|n/a)$|\[object Object\]",
    re.IGNORECASE,
)
_DEFAULT = re.compile(
    r"(?:postgres|mysql|redis|mongo|root|admin|administrator|guest|rabbitmq|test|user|default|password|passw0rd"
    r"|p@ssw0rd|secret|s3cret|super[-_]?secret|change[-_]?(?:me|it|this)|changeit|letmein|qwerty|minioadmin|elastic|sa"
    r"|toor|keyboard cat|shhhh*|example)\d{0,4}|1234(?:5(?:6(?:7(?:8(?:90?)?)?)?)?)?"
    r"|(?:dev|development|local|insecure|default|test|my|your)[-_ ][a-z_ -]*(?:secret|key|password|token)[a-z_ -]*"
    r"|django-insecure-.*|[a-z_-]*[-_](?:change[-_]?me|dev[-_]only|not[-_]for[-_]production)(?:[-_][a-z_-]*)?",
    re.IGNORECASE,
)
_LOCALHOST = re.compile(r"(?:^|[/@,=(\s:])(?:localhost|127(?:\.\d{1,3}){3}|\[?::1\]?)(?=$|[:/,;?)&\s])", re.IGNORECASE)
_UNENCODED = re.compile(r"[/@#?\[\]\s]")


def is_usual(value: str) -> bool:
    """Whether a secret is one that everybody knows: postgres, changeme. It is a word like others in a log."""
    return len(value) <= LONGEST_HARMLESS and bool(_DEFAULT.fullmatch(value))


def _marks(value: str, reading: Reading) -> tuple[Mark, ...]:
    core = value.strip()
    if not core:
        return ("empty",)
    quoted = _QUOTED.fullmatch(core) if len(core) > 1 else None
    bare = quoted[2] if quoted else core
    _, _, password = reading.userinfo.partition(":")
    judged = [bare, password, *(one for piece in reading.pieces for one in piece.secrets)]
    judged = [one for one in judged if one and len(one) <= LONGEST_SHOWN]
    is_place = reading.kind in {"url", "host"}
    is_hidden = any(piece.secrets for piece in reading.pieces)
    holds: dict[Mark, bool] = {
        "blank inside": bool(re.search(r"\s", core)),
        "blank at the ends": value != core,
        "line break": "\n" in value or "\r" in value,
        "quoted": bool(quoted),
        "placeholder": any(_PLACEHOLDER.search(one) for one in judged),
        "default": is_hidden and any(is_usual(one) for one in judged),
        "localhost": is_place and bool(_LOCALHOST.search(reading.shown)),
        "wildcard": bare == "*" or (is_place and "*." in reading.shown.replace(HIDDEN, "")),
        "unencoded percent": bool(LONE_PERCENT.search(reading.userinfo)),
        "unencoded character": bool(_UNENCODED.search(reading.userinfo)) and bool(reading.scheme),
    }
    return tuple(mark for mark in _MARKS if holds.get(mark))
