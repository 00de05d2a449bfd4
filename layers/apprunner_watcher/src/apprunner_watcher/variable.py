"""Here you find what may be known of an environment variable: what a diagnosis needs of its value, and no secret.

A value is read once, into pieces that may be shown and pieces that may not. The variable's `shown` and the secrets that
the redactor looks for are both made of these pieces, so that nothing is hidden here and unknown there.
"""

import hashlib
import hmac
import json
import re
import secrets as randomness
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Literal, get_args
from urllib.parse import unquote, unquote_plus

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

HIDDEN = "***"
LONGEST_SHOWN = 300  # characters, so that 500 variables fit into an item of the table

Kind = Literal["url", "host", "port", "number", "flag", "path", "secret", "text"]
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


# --- stand-ins, for recordings of live services


class _Facts(BaseModel):
    """What a stand-in says of a variable besides `shown`: the fields of `Variable`, each of them required."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    format: str
    length: int
    scheme: str
    marks: tuple[Mark, ...]
    fingerprint: str


_FACTS = TypeAdapter(_Facts)
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
        facts = _FACTS.validate_json(found["facts"])
    except ValidationError:
        return None
    return Variable(name=name, shown=found["shown"] or HIDDEN, **facts.model_dump())


# --- names

_SECRET_NAME = re.compile(
    r"pass(?:word|wd|phrase|code)|pwd|secret|token|credential|private|signature|salt|cookie|session|dsn"
    r"|(?:api|access|account|encryption|signing|master|auth|shared|storage|license|service|client|app|admin|web"
    r"|hook|rsa|ssh|crypt|deploy|publish(?:able)?)[_.-]?key|connection[_.-]?string"
    r"|(?<!by)(?<!com)(?<!sur)(?<!tres)pass$"
    r"|(?:^|[_.-])(?:key|keys|pin|pass|pw|auth|jwt|pat|sig|otp|hmac|cipher|seed|mnemonic)(?:$|[_.-])",
    re.IGNORECASE,
)
# what is said about a secret is none: TOKEN_EXPIRY, PASSWORD_MIN_LENGTH, SESSION_DRIVER, AUTH_URL, maxTokens
_ABOUT_A_SECRET = re.compile(
    r"(?:url|uri|host|hostname|port|endpoint|expir\w*|expires?[_.-]?in|ttl|timeouts?|length|size|counts?|rounds|prefix"
    r"|suffix|names?|header|algorithms?|alg|issuer|audience|domains?|type|path|file|dir|directory|region|enabled?"
    r"|disabled?|required?|secure|same_?site|http_?only|driver|store|life(?:time|span)?|age|minutes?|seconds?|secs|hours?"
    r"|days?|ms|limit|provider|method|mode|strategy|engine|backend|version|intervals?|attempts?|retries|policy"
    r"|(?<!secret_)(?<!secret)id|arn)$"
    r"|^(?:max|min|num|use|enable|disable|require|allow|skip|has|is)[_.-]|(?:max|min|num|total|prompt|completion)_?tokens$",
    re.IGNORECASE,
)
_LONGEST_NAME = 128  # characters
_DESCRIPTIVE_NAME = re.compile(
    r"(?:^|[_.-])(?:name|bucket|model|id|version|prefix|table|queue|topic|index|schema|env|environment|stage|region|zone"
    r"|database|db|user|username|image|tag|cluster|project|account|class|tier|level|locale|lang|language|domain|host"
    r"|group|stream|namespace|release|branch|type|driver|client|runtime)(?:$|[_.-])",
    re.IGNORECASE,
)
_MAIL_NAME = re.compile(r"mail|from|sender|reply|contact|support|admin|user", re.IGNORECASE)


def is_secret_name(name: str) -> bool:
    """Whether what has this name is a secret, and not something about one."""
    return len(name) <= _LONGEST_NAME and bool(_SECRET_NAME.search(name)) and not _ABOUT_A_SECRET.search(name)


# --- reading a value


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a value: as it may be shown, and the secrets in it."""

    shown: str
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Reading:
    kind: Kind
    pieces: tuple[_Piece, ...]
    format: str = ""
    scheme: str = ""
    userinfo: str = ""

    @property
    def shown(self) -> str:
        return "".join(piece.shown for piece in self.pieces)


_Reader = Callable[[str, str], _Reading | None]
_QUOTED = re.compile(r"([\"'`])(.*)\1", re.DOTALL)


def _read(name: str, value: str) -> _Reading:
    """Read a value as what it most probably is: without the blanks and quotes around it that should not be there."""
    core = value.strip()
    quoted = _QUOTED.fullmatch(core) if len(core) > 1 else None
    if not quoted or not (inside := quoted[2].strip()):
        return _read_bare(name, core)
    inner, quote = _read_bare(name, inside), _Piece(quoted[1])
    return replace(inner, pieces=(quote, *inner.pieces, quote))


def _read_bare(name: str, value: str) -> _Reading:
    if value in {"", HIDDEN}:
        return _Reading("secret" if value else "text", (_Piece(value),))
    readers = _OF_SECRETS if is_secret_name(name) else _OF_OTHERS
    return next(reading for reader in readers if (reading := reader(name, value)))


def _whole(kind: Kind, value: str, form: str = "") -> _Reading:
    return _Reading(kind, (_Piece(value),), form)


def _hidden(_: str, value: str) -> _Reading:
    return _Reading("text", (_Piece(HIDDEN, _parts(value)),), _format(value))


def _secret(_: str, value: str) -> _Reading:
    return _Reading("secret", (_Piece(HIDDEN, _parts(value)),), _format(value))


def _parts(value: str) -> tuple[str, ...]:
    """A hidden value as a whole, and what in it could be printed alone: strings of a JSON document, random words."""
    if value[0] in "[{" and (document := _document(value)) is not None:
        strings = tuple(_strings(document))
        urls = (secret for one in strings if _URL.fullmatch(one) for secret in secrets_of("", one))
        others = (one for one in strings if len(one) >= SHORTEST_KNOWN and not _URL.fullmatch(one))
        return (value, *urls, *(one for one in others if not _is_ordinary(one)))
    words = value.split()
    return (value, *(word for word in words if len(word) >= SHORTEST_KNOWN and not _is_ordinary(word)))


def _is_ordinary(word: str) -> bool:
    """Whether a word of a longer text is like others in a log: an option, a host, a headline of a key."""
    pieces = re.split(r"[=,;/]+", word.strip("-.:,;()"))
    return all(not one or _is_harmless(one) or _is_made_of_words(one) for one in pieces)


SHORTEST_KNOWN = 8
"""Characters: a shorter value, say "shop", would erase every host name that contains it."""

_PLAIN_WORD = re.compile(r"(?:[A-Z]?[a-z]+|[A-Z]+)(?:[_-](?:[A-Z]?[a-z]+|[A-Z]+)){0,5}")
_LONGEST_WORD = 32


def is_plain_word(text: str) -> bool:
    """Whether it is made of letters as words are: production, twilio_verify, correct-horse. Such a one is anywhere."""
    return len(text) <= _LONGEST_WORD and bool(_PLAIN_WORD.fullmatch(text))


def _document(value: str) -> object:
    try:
        found: object = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return found


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


# --- formats

_HEX = re.compile(r"(?=[0-9a-f]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{16,}", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_FORMATS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("pem", re.compile(r"-----BEGIN [A-Z0-9 ]{1,40}-----.*", re.DOTALL)),
    ("jwt", re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*")),
    ("aws access key id", re.compile(r"(?:AKIA|ASIA)[A-Z0-9]{16}")),
    ("fernet", re.compile(r"[\w-]{43}=")),
    ("uuid", _UUID),
    ("github token", re.compile(r"(?:gh[pousr]_|github_pat_)\w{20,}")),
    ("gitlab token", re.compile(r"gl[a-z]{2,6}-[\w-]{16,}")),
    ("slack token", re.compile(r"xox[abeprs]-[\w-]{8,}|xapp-[\w-]{8,}")),
    ("stripe key", re.compile(r"(?:[sr]k_(?:live|test)_|whsec_)\w{16,}")),
    ("anthropic key", re.compile(r"sk-ant-[\w-]{16,}")),
    ("openai key", re.compile(r"sk-[\w-]{16,}")),
    ("sendgrid key", re.compile(r"SG\.[\w-]{16,}\.[\w-]{16,}")),
    ("laravel key", re.compile(r"base64:[\w+/]{20,}={0,2}")),
    ("django key", re.compile(r"django-insecure-.+")),
    ("hex", _HEX),
    ("base64", re.compile(r"(?=.*\d)(?=.*[a-z])(?=.*[A-Z])(?:[A-Za-z0-9_-]{16,}|[A-Za-z0-9+/]{16,})={0,2}")),
)
_LONGEST_TOKEN = 8 * 1024  # characters: beyond that only a document has a format


def _format(value: str) -> str:
    if value.startswith("-----BEGIN"):
        return "pem"
    if value[0] in "[{" and _document(value) is not None:
        return "json"
    if len(value) > _LONGEST_TOKEN:
        return ""
    return next((name for name, pattern in _FORMATS if pattern.fullmatch(value)), "")


def _token(name: str, value: str) -> _Reading | None:
    """What has the format of a secret is one, whatever its name."""
    form = _format(value)
    if form == "uuid" and re.search(r"id$", name, re.IGNORECASE):
        return _whole("text", value, form)
    return _secret(name, value) if form and form != "json" else None


# --- what cannot be a secret

_FLAG = re.compile(r"true|false|yes|no|on|off|enabled?|disabled?|[tfyn]", re.IGNORECASE)
_NOTHING = re.compile(r"null|nil|none|undefined|nan|n/a|\[object Object\]", re.IGNORECASE)
_TEMPLATE = re.compile(
    r"\$\{[A-Za-z_]\w{0,60}\}|\$\([A-Za-z_]\w{0,60}\)|\$[A-Z_]{3,60}|<[A-Za-z][A-Za-z _-]{0,60}>"
    r"|\{\{ ?(?:resolve:[\w:/.-]{1,200}|[A-Za-z_. ]{1,60}) ?\}\}|\[[A-Za-z][A-Za-z_-]{0,60}\]"
)
_NUMBER = re.compile(r"[+-]?\d{1,12}(?:\.\d{1,6})?")
_QUANTITY = re.compile(r"\d{1,6}(?:ms|s|m|h|d|w)|\d{1,12} ?(?:k|kb|mb|gb|ki|mi|gi|%)", re.IGNORECASE)
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_BARE_HOST = (
    r"(?:localhost|\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-fA-F:.]{2,45}\]"
    rf"|(?:{_LABEL}\.){{1,10}}[a-z][a-z0-9-]{{1,20}}\.?)"
)
_HOST = re.compile(rf"(?:\*\.|\.)?{_BARE_HOST}(?::\d{{1,5}})?(?:/\d{{1,2}})?|::1|[0-9a-f:]*::[0-9a-f:]*")
_LOWER_HOST = re.compile(r"[^A-Z]*")
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
_LETTERS = re.compile(r"[A-Z]?[a-z]{1,14}(?:[A-Z][a-z]{1,14}){0,3}|[A-Z]{1,14}")
_WITH_DIGITS = re.compile(r"\d{1,12}|[vV]\d{1,4}|[A-Za-z0-9]{1,3}")
_BETWEEN_WORDS = re.compile(r"[-_.:]")
_WORDS = re.compile(r"[A-Za-z]+(?:[_.:-][A-Za-z]+){0,3}")
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+){1,2}-\d[a-z]?")
_VERSION = re.compile(r"[A-Za-z]{0,2}\d{1,4}(?:\.\d{1,4}){0,3}|[a-z0-9]{1,3}")
_LONGEST_HARMLESS = 100  # characters


def _is_made_of_words(text: str) -> bool:
    """Whether it is written as names are (shop-assets-2, claude-3-5-sonnet): mostly words, digits by themselves."""
    pieces = _BETWEEN_WORDS.split(text)
    letters = sum(len(piece) for piece in pieces if len(piece) > 2 and _LETTERS.fullmatch(piece))  # noqa: PLR2004
    others = sum(len(piece) for piece in pieces if not piece.isdigit())
    are_usual = all(not piece or _LETTERS.fullmatch(piece) or _WITH_DIGITS.fullmatch(piece) for piece in pieces)
    return are_usual and letters > 0 and 2 * letters >= others


def _is_word(text: str) -> bool:
    return bool(_WORDS.fullmatch(text)) and all(_LETTERS.fullmatch(piece) for piece in _BETWEEN_WORDS.split(text))


def _is_harmless(text: str) -> bool:
    """Whether a value is of a kind that is no secret where its name does not say that it is one."""
    if len(text) > _LONGEST_HARMLESS:
        return False
    kinds = (_FLAG, _NOTHING, _TEMPLATE, _NUMBER, _QUANTITY, _REGION, _VERSION)
    return text == "*" or any(kind.fullmatch(text) for kind in kinds) or _is_host(text) or _is_word(text)


def _is_host(text: str) -> bool:
    return bool(_HOST.fullmatch(text)) and bool(_LOWER_HOST.fullmatch(text))


def _flag(_: str, value: str) -> _Reading | None:
    return _whole("flag", value) if _FLAG.fullmatch(value) else None


def _nothing(_: str, value: str) -> _Reading | None:
    return _whole("text", value) if _NOTHING.fullmatch(value) or _TEMPLATE.fullmatch(value) else None


_PORTS = range(1, 65536)


def _number(name: str, value: str) -> _Reading | None:
    if value.isascii() and value.isdigit() and len(value) <= 5 and int(value) in _PORTS:  # noqa: PLR2004
        return _whole("port" if re.search(r"port(?:$|_)", name, re.IGNORECASE) else "number", value)
    return _whole("number", value) if _NUMBER.fullmatch(value) or _QUANTITY.fullmatch(value) else None


def _host(name: str, value: str) -> _Reading | None:
    hosts = [host.strip() for host in value.split(",")]
    is_named = bool(_HOST_NAME.search(name))
    if len(hosts) > _MOST_ITEMS or len(value) > 10 * _LONGEST_HARMLESS:
        return None
    if _NO_HOST_NAME.search(name) or any(_FILE.fullmatch(host) for host in hosts):
        return None
    are_hosts = all(_is_host(host) or (is_named and _SERVICE_NAME.fullmatch(host)) for host in hosts)
    return _whole("host", value) if are_hosts else None


_MOST_ITEMS = 30


def _list(name: str, value: str) -> _Reading | None:
    """Origins, languages, modules: shown where none of them could be a secret."""
    items = [item.strip() for item in value.split(",")]
    if not 1 < len(items) <= _MOST_ITEMS or not all(items):
        return None
    readings = [next(found for one in _OF_ITEMS if (found := one(name, item))) for item in items]
    if any(piece.secrets for reading in readings for piece in reading.pieces):
        return None
    return _Reading(readings[0].kind, (_Piece(value),), "list", readings[0].scheme)


def _path(_: str, value: str) -> _Reading | None:
    is_path = re.match(r"\.{0,2}/|~/|[A-Z]:\\", value) or value.endswith("/")
    segments = re.split(r"[/\\]", value.removeprefix("~"))
    are_words = all(not segment or _is_word(segment) or _is_made_of_words(segment) for segment in segments)
    return _whole("path", value) if is_path and are_words and len(value) <= 2 * _LONGEST_HARMLESS else None


def _options(name: str, value: str) -> _Reading | None:
    """NODE_OPTIONS, JAVA_TOOL_OPTIONS: limits of memory stand there."""
    options = [_OPTION.fullmatch(word) for word in value.split()] if _OPTIONS_NAME.search(name) else []
    are_harmless = (
        one and not is_secret_name(one["name"]) and (not one["value"] or _is_harmless(one["value"])) for one in options
    )
    return _whole("text", value) if options and all(are_harmless) else None


def _urls(name: str, value: str) -> _Reading | None:
    return _list(name, value) if value.count("://") > 1 and value.count("://") == value.count(",") + 1 else None


def _text(name: str, value: str) -> _Reading | None:
    if len(value) > 2 * _LONGEST_HARMLESS:
        return None
    if _ARN.fullmatch(value):
        return _whole("text", value, "arn")
    if _EMAIL.fullmatch(value) and _MAIL_NAME.search(name):
        return _whole("text", value, "email")
    is_a_name = bool(_DESCRIPTIVE_NAME.search(name)) and _is_made_of_words(value)
    is_harmless = _is_harmless(value) or _TIME_ZONE.fullmatch(value) or _FILE.fullmatch(value)
    return _whole("text", value) if is_a_name or is_harmless else None


# --- URLs and other forms of connection strings

_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.:_-]{0,40}):(?P<slashes>//)(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_DATABASE = re.compile(
    r"(?:r2dbc:|jdbc:)?(?:postgres(?:ql)?|postgis|pgsql|mysql2?|mariadb|rediss?|valkeys?|mongodb|amqps?|mssql|sqlserver"
    r"|oracle|cockroachdb|clickhouse|neo4j|bolt|cassandra|ecto|db2|kafka|nats|stomp|mqtts?|couchdb|influxdb|trino"
    r"|snowflake|jdbc)(?:[+:][\w+.-]+)?",
    re.IGNORECASE,
)
_OTHER_SCHEME = re.compile(
    r"(?:https?|wss?|s?ftp|smtps?|imaps?|ldaps?|sqlite3?(?:\+\w+)?|tcp|udp|tls|ssl|grpcs?|sqs|s3|gs|file|unix|memory"
    r"|memcached?|elasticsearch|cloudinary|jdbc:[a-z0-9:]+|sb|git|ssh|git\+\w+)",
    re.IGNORECASE,
)
_SOME_SCHEME = re.compile(r"[a-z]{2,15}(?:\+[a-z]{2,15})?", re.IGNORECASE)
_HOSTS = re.compile(
    rf"(?:{_BARE_HOST}|{_LABEL})?(?::\d{{0,5}})?(?:,(?:{_BARE_HOST}|{_LABEL})(?::\d{{1,5}})?){{0,20}}", re.IGNORECASE
)
_DOTTED_HOSTS = re.compile(rf"{_BARE_HOST}(?::\d{{1,5}})?", re.IGNORECASE)
_AUTHORITY = re.compile(r"[^/?#;\\]*")
_AFTER_HOST = re.compile(r"(?P<path>[^?#;]*)(?P<tail>.*)", re.DOTALL)
_PLAIN_QUERY = re.compile(r"(?:/[^?;@]*)?[?;](?:[A-Za-z][\w.-]*=[^&;]*(?:[&;]|$))+")
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def _address(value: str, *, any_scheme: bool) -> _Reading | None:
    url = _URL.fullmatch(value)
    if not url:
        return None
    scheme, rest = url["scheme"].lower(), url["rest"]
    is_known = _DATABASE.fullmatch(scheme) or _OTHER_SCHEME.fullmatch(scheme)
    if not is_known and not (any_scheme and _SOME_SCHEME.fullmatch(scheme)):
        return None
    userinfo, after = _split_userinfo(rest, is_database=bool(_DATABASE.fullmatch(scheme)))
    before = _Piece(f"{value[: url.start('rest')]}")
    pieces = (before, *_userinfo(userinfo), *_after_userinfo(after))
    return _Reading("url", pieces, "", scheme, userinfo or "")


def _split_userinfo(rest: str, *, is_database: bool) -> tuple[str | None, str]:
    """Userinfo (None where there is none) and what follows it, also where the password is not encoded.

    In doubt it is userinfo: then more is hidden than need be.
    """
    userinfo, at, after = rest.rpartition("@")
    if not at:
        return None, rest
    authority = _AUTHORITY.match(rest)
    standard = authority[0][: LONGEST_SHOWN + 1] if authority else ""
    if "@" not in standard and _HOSTS.fullmatch(standard):
        is_plain = _PLAIN_QUERY.fullmatch(rest[len(standard) :]) if is_database else _DOTTED_HOSTS.fullmatch(standard)
        if is_plain:
            return None, rest
    return userinfo, after


def _userinfo(userinfo: str | None) -> tuple[_Piece, ...]:
    if userinfo is None:
        return ()
    user, colon, password = userinfo.partition(":")
    found = [password] if colon else []
    if user and not _is_word(user) and not _is_made_of_words(user):
        found.append(user)
    decoded = [unquote(secret) for secret in found]
    return (_Piece(f"{HIDDEN}@", tuple(secret for secret in (*found, *decoded) if secret)),)


def _after_userinfo(after: str) -> tuple[_Piece, ...]:
    authority = _AUTHORITY.match(after)
    host = authority[0] if authority else ""
    if len(host) > LONGEST_SHOWN or not _HOSTS.fullmatch(host):
        return (_Piece(HIDDEN, (after,)),)
    parts = _AFTER_HOST.fullmatch(after[len(host) :])
    path, tail = (parts["path"], parts["tail"]) if parts else ("", "")
    # of a long path nobody needs more than its beginning; the rest counts as a secret
    cut = len(path) if len(path) <= _LONGEST_PATH else path.rfind("/", 0, _LONGEST_PATH) + 1
    rest = path[cut:]
    segments = (piece for piece in re.split(r"(/)", path[:cut]) if piece)
    end = (_Piece(HIDDEN, (rest,)),) if rest else ()
    return (_Piece(host), *map(_segment, segments), *end, *_tail(tail))


_LONGEST_PATH = 2 * LONGEST_SHOWN
_RANDOM_FROM = 16
"""Characters from which on a segment of a path that is not made of words is a secret: a webhook's, a bot's."""
_MIXED = re.compile(r"(?=.*\d)(?=.*[a-z])(?=.*[A-Z]).{8,}")


def _segment(segment: str) -> _Piece:
    if len(segment) < SHORTEST_KNOWN and "@" not in segment:
        return _Piece(segment)
    is_random = len(segment) >= _RANDOM_FROM and not (_is_word(segment) or _is_made_of_words(segment))
    if is_random or _MIXED.fullmatch(segment) or _format(segment) not in {"", "uuid", "json"}:
        return _Piece(HIDDEN, (segment, unquote(segment)))
    return _Piece(segment)


def _tail(tail: str) -> tuple[_Piece, ...]:
    """The parameters behind a host and path: `?sslmode=require&pool_size=5`, `;databaseName=shop;user=u`."""
    return tuple(
        _Piece(piece) if piece in {"?", "&", ";", "#"} else _pair(piece)
        for piece in re.split(r"([?&;#])", tail)
        if piece
    )


_KEY = re.compile(r"(?P<key>\s*[A-Za-z][A-Za-z_. -]{0,40}\s*)=(?P<value>.*)", re.DOTALL)
_SERVER = re.compile(rf"(?:tcp:)?(?:{_BARE_HOST}|{_LABEL})(?:[,:]\d{{1,5}})?(?:\\\w{{1,30}})?")
_ABOUT_A_SERVER = re.compile(
    r"(?:server|host(?:addr|name)?|data ?source|addr(?:ess)?|network address|port|database(?: ?name)?|initial ?catalog"
    r"|db(?:name)?|user(?: ?(?:id|name))?|uid|login|account ?name|schema|endpoint|options|application_name"
    r"|sharedaccesskeyname|entitypath)",
    re.IGNORECASE,
)


def _pair(pair: str) -> _Piece:
    """`key=value`, the value only where neither it nor its key is a secret."""
    found = _KEY.fullmatch(pair)
    if not found:
        return _Piece(pair) if not pair.strip() else _Piece(HIDDEN, (pair, unquote(pair)))
    key, value = found["key"], found["value"]
    bare = value.strip().strip("'\"")
    if inner := _address(bare, any_scheme=False):
        return _Piece(f"{key}={inner.shown}", tuple(secret for piece in inner.pieces for secret in piece.secrets))
    is_about_server = bool(_ABOUT_A_SERVER.fullmatch(key.strip()))
    is_name = _SERVER.fullmatch(bare) or _is_made_of_words(bare)
    if not is_secret_name(key.strip()) and (not bare or _is_harmless(bare) or (is_about_server and is_name)):
        return _Piece(pair)
    return _Piece(f"{key}={HIDDEN}", tuple(one for one in (bare, unquote(bare), unquote_plus(bare)) if one))


_SEMICOLON_KEY = re.compile(
    r"(?:^|;)\s*(?:server|host|hostname|data source|datasource|addr|address|endpoint|accountname"
    r"|defaultendpointsprotocol)\s*=",
    re.IGNORECASE,
)
_LIBPQ_KEY = re.compile(r"(?:^|\s)(?:host|hostaddr|dbname|service)\s*=")
_LIBPQ = re.compile(r"(\s*\w+\s*=\s*(?:'(?:[^'\\]|\\.)*+'|[^\s']\S*|))(?=\s|$)")
_REDIS_OPTIONS = re.compile(
    rf"(?P<hosts>(?:{_BARE_HOST}|{_LABEL}):\d{{2,5}}(?:,(?:{_BARE_HOST}|{_LABEL}):\d{{2,5}}){{0,10}})"
    r"(?P<options>(?:,\s*[A-Za-z]+=[^,]*)+)"
)
_GO_MYSQL = re.compile(
    r"(?P<userinfo>.*)@(?P<host>(?:tcp|unix)\([\w.:/-]{1,200}\))(?P<path>/[\w-]*)(?P<tail>(?:\?.*)?)", re.DOTALL
)
_ORACLE = re.compile(
    r"(?P<scheme>jdbc:oracle:\w{2,5}):(?:(?P<userinfo>.*))?@(?P<host>(?://)?[\w.-]+(?::\d{1,5})?(?:[:/][\w.]+)?)",
    re.DOTALL | re.IGNORECASE,
)
_NO_SCHEME = re.compile(rf"(?P<userinfo>[^\s@/:]+:.+)@(?P<host>(?:{_BARE_HOST})(?::\d{{2,5}})?)(?P<path>(?:/[\w-]*)?)")


def _connection(value: str) -> _Reading | None:
    """Connection strings that are no URLs: ADO.NET's, libpq's, Redis clients', Go's and Oracle's."""
    if len(value) > _LONGEST_TOKEN:
        return None
    if ";" in value and "=" in value and _SEMICOLON_KEY.search(value):
        return _Reading("url", _tail(value), "ado.net")
    if _LIBPQ_KEY.search(value):
        pairs = _LIBPQ.split(value)
        if not any(between.strip() for between in pairs[::2]):
            return _Reading("url", tuple(_spaced_pair(pair) for pair in pairs if pair), "libpq")
    if options := _REDIS_OPTIONS.fullmatch(value):
        pairs = [piece for piece in re.split(r"(,)", options["options"]) if piece]
        return _Reading(
            "url", (_Piece(options["hosts"]), *(_Piece(one) if one == "," else _pair(one) for one in pairs)), "redis"
        )
    return _with_userinfo(value)


def _spaced_pair(pair: str) -> _Piece:
    blanks = pair[: len(pair) - len(pair.lstrip())]
    shown = _pair(pair.lstrip())
    return _Piece(f"{blanks}{shown.shown}", shown.secrets)


def _with_userinfo(value: str) -> _Reading | None:
    if oracle := _ORACLE.fullmatch(value):
        start = _Piece(f"{oracle['scheme']}:")
        userinfo = (oracle["userinfo"] or "").replace("/", ":", 1) or None
        pieces = (start, *(_userinfo(userinfo) or (_Piece("@"),)), _Piece(oracle["host"]))
        return _Reading("url", pieces, "oracle", oracle["scheme"].lower(), userinfo or "")
    if mysql := _GO_MYSQL.fullmatch(value):
        pieces = (*_userinfo(mysql["userinfo"]), _Piece(mysql["host"] + mysql["path"]), *_tail(mysql["tail"]))
        return _Reading("url", pieces, "go mysql")
    if bare := _NO_SCHEME.fullmatch(value):
        return _Reading("url", (*_userinfo(bare["userinfo"]), _Piece(bare["host"] + bare["path"])))
    return None


def _any_url(_: str, value: str) -> _Reading | None:
    return _address(value, any_scheme=True) or _connection(value)


_PASSWORD_NAME = re.compile(r"pass|pwd|secret|salt|pin$|_key$", re.IGNORECASE)


def _known_url(name: str, value: str) -> _Reading | None:
    """A connection string under the name of a secret (SENTRY_DSN); a password that looks like one is none."""
    return None if _PASSWORD_NAME.search(name) else _address(value, any_scheme=False) or _connection(value)


_OF_SECRETS: tuple[_Reader, ...] = (_flag, _nothing, _known_url, _secret)
_OF_OTHERS: tuple[_Reader, ...] = (
    *(_flag, _nothing, _number, _urls, _any_url, _host, _token),
    *(_path, _text, _options, _list, _hidden),
)
_OF_ITEMS: tuple[_Reader, ...] = (_flag, _nothing, _number, _any_url, _host, _token, _path, _text, _hidden)


# --- marks

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
    return len(value) <= _LONGEST_HARMLESS and bool(_DEFAULT.fullmatch(value))


def _marks(value: str, reading: _Reading) -> tuple[Mark, ...]:
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
        "unencoded percent": bool(_PERCENT.search(reading.userinfo)),
        "unencoded character": bool(_UNENCODED.search(reading.userinfo)) and bool(reading.scheme),
    }
    return tuple(mark for mark in _MARKS if holds.get(mark))
