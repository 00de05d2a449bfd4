"""Here you find what a text is: the name of a secret, the format of one, or something that cannot be one.

A value is read once, into pieces that may be shown and pieces that may not. What is shown of a variable and the secrets
that the redactor looks for are both made of these pieces, so that nothing is hidden here and unknown there.
"""

import json
import re
from dataclasses import dataclass
from typing import Literal

HIDDEN = "***"
LONGEST_SHOWN = 300  # characters, so that 500 variables fit into an item of the table
Kind = Literal["url", "host", "port", "number", "flag", "path", "secret", "text"]
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


def is_secret_name(name: str) -> bool:
    """Whether what has this name is a secret, and not something about one."""
    return len(name) <= _LONGEST_NAME and bool(_SECRET_NAME.search(name)) and not _ABOUT_A_SECRET.search(name)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a value: as it may be shown, and the secrets in it."""

    shown: str
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """What a value is read as. `userinfo`: of a URL, with its password."""

    kind: Kind
    pieces: tuple[Piece, ...]
    format: str = ""
    scheme: str = ""
    userinfo: str = ""

    @property
    def shown(self) -> str:
        """The value, without its secrets."""
        return "".join(piece.shown for piece in self.pieces)


SHORTEST_KNOWN = 8
"""Characters: a shorter value, say "shop", would erase every host name that contains it."""
_PLAIN_WORD = re.compile(r"(?:[A-Z]?[a-z]+|[A-Z]+)(?:[_-](?:[A-Z]?[a-z]+|[A-Z]+)){0,5}")
_LONGEST_WORD = 32


def is_plain_word(text: str) -> bool:
    """Whether it is made of letters as words are: production, twilio_verify, correct-horse. Such a one is anywhere."""
    return len(text) <= _LONGEST_WORD and bool(_PLAIN_WORD.fullmatch(text))


def document_of(value: str) -> object:
    """The JSON document that a value is; None where it is none."""
    try:
        found: object = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return found


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
LONGEST_TOKEN = 8 * 1024  # characters: beyond that only a document has a format


def format_of(value: str) -> str:
    """How a value is written, by which a secret may be known; empty where that has no name."""
    if value.startswith("-----BEGIN"):
        return "pem"
    if value[0] in "[{" and document_of(value) is not None:
        return "json"
    if len(value) > LONGEST_TOKEN:
        return ""
    return next((name for name, pattern in _FORMATS if pattern.fullmatch(value)), "")


FLAG = re.compile(r"true|false|yes|no|on|off|enabled?|disabled?|[tfyn]", re.IGNORECASE)
NOTHING = re.compile(r"null|nil|none|undefined|nan|n/a|\[object Object\]", re.IGNORECASE)
TEMPLATE = re.compile(
    r"\$\{[A-Za-z_]\w{0,60}\}|\$\([A-Za-z_]\w{0,60}\)|\$[A-Z_]{3,60}|<[A-Za-z][A-Za-z _-]{0,60}>"
    r"|\{\{ ?(?:resolve:[\w:/.-]{1,200}|[A-Za-z_. ]{1,60}) ?\}\}|\[[A-Za-z][A-Za-z_-]{0,60}\]"
)
NUMBER = re.compile(r"[+-]?\d{1,12}(?:\.\d{1,6})?")
QUANTITY = re.compile(r"\d{1,6}(?:ms|s|m|h|d|w)|\d{1,12} ?(?:k|kb|mb|gb|ki|mi|gi|%)", re.IGNORECASE)
LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
BARE_HOST = (
    r"(?:localhost|\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-fA-F:.]{2,45}\]"
    rf"|(?:{LABEL}\.){{1,10}}[a-z][a-z0-9-]{{1,20}}\.?)"
)
_HOST = re.compile(rf"(?:\*\.|\.)?{BARE_HOST}(?::\d{{1,5}})?(?:/\d{{1,2}})?|::1|[0-9a-f:]*::[0-9a-f:]*")
_LOWER_HOST = re.compile(r"[^A-Z]*")
_LETTERS = re.compile(r"[A-Z]?[a-z]{1,14}(?:[A-Z][a-z]{1,14}){0,3}|[A-Z]{1,14}")
_WITH_DIGITS = re.compile(r"\d{1,12}|[vV]\d{1,4}|[A-Za-z0-9]{1,3}")
_BETWEEN_WORDS = re.compile(r"[-_.:]")
_WORDS = re.compile(r"[A-Za-z]+(?:[_.:-][A-Za-z]+){0,3}")
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+){1,2}-\d[a-z]?")
_VERSION = re.compile(r"[A-Za-z]{0,2}\d{1,4}(?:\.\d{1,4}){0,3}|[a-z0-9]{1,3}")
LONGEST_HARMLESS = 100  # characters


def is_made_of_words(text: str) -> bool:
    """Whether it is written as names are (shop-assets-2, claude-3-5-sonnet): mostly words, digits by themselves."""
    pieces = _BETWEEN_WORDS.split(text)
    letters = sum(len(piece) for piece in pieces if len(piece) > 2 and _LETTERS.fullmatch(piece))  # noqa: PLR2004  # shorter ones may be anything
    others = sum(len(piece) for piece in pieces if not piece.isdigit())
    are_usual = all(not piece or _LETTERS.fullmatch(piece) or _WITH_DIGITS.fullmatch(piece) for piece in pieces)
    return are_usual and letters > 0 and 2 * letters >= others


def is_word(text: str) -> bool:
    """Whether it is words alone: production, next-auth, en_US."""
    return bool(_WORDS.fullmatch(text)) and all(_LETTERS.fullmatch(piece) for piece in _BETWEEN_WORDS.split(text))


def is_harmless(text: str) -> bool:
    """Whether a value is of a kind that is no secret where its name does not say that it is one."""
    if len(text) > LONGEST_HARMLESS:
        return False
    kinds = (FLAG, NOTHING, TEMPLATE, NUMBER, QUANTITY, _REGION, _VERSION)
    return text == "*" or any(kind.fullmatch(text) for kind in kinds) or is_host(text) or is_word(text)


def is_host(text: str) -> bool:
    """Whether it is a host name or address, with or without a port."""
    return bool(_HOST.fullmatch(text)) and bool(_LOWER_HOST.fullmatch(text))
