"""Here you find what we never say: secrets are taken out here, before a snapshot exists."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, unquote

from pydantic import BaseModel, ConfigDict

HIDDEN = "***"
LONGEST_LINE = 8 * 1024  # characters
_SHORTEST_KNOWN_VALUE = 8  # a shorter value, say "postgres", would erase every host name that contains it

_SECRET_NAME = re.compile(
    r"pass(?:word|wd|phrase)|pwd|secret|token|credential|private|signature|salt|cookie|session|dsn"
    r"|(?:api|access|encryption|signing|master|auth)[_.-]?key|connection[_.-]?string"
    r"|(?:^|[_.-])(?:key|pin|pass|auth|jwt|pat)(?:$|[_.-])",
    re.IGNORECASE,
)
# "JWT_SECRET must be set" and "SECRET_KEY: Field required" are evidence and stay
_NO_VALUE = re.compile(
    r"[\"']?(?:undefined|null|none|nil|true|false|unset|missing|empty|required|invalid|\*+)?[\"']?", re.IGNORECASE
)
_LONGEST_NAME = 128

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

# Possessive quantifiers and lookbehinds: each pattern passes over a line once, whatever stands in it. The marks come
# first because few lines hold any: a pattern is tried where one of its marks is.
_PATTERNS: tuple[tuple[tuple[str, ...], re.Pattern[str], str], ...] = (
    # an unencoded "/" or "@" in a password: only where the scheme says that a password is usual
    (
        ("://",),
        re.compile(
            r"(?<![\w+.-])((?:postgres(?:ql)?|mysql|mariadb|rediss?|mongodb|amqps?|mssql|sqlserver|jdbc)[\w+:]{0,20}://)"
            r"[^\s:/@\"'<>]{0,100}:[^\s\"'<>]{0,200}@",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}@",
    ),
    (
        ("://",),
        re.compile(r"(?<![a-z0-9+.-])([a-z][a-z0-9+.-]*+://)[^\s/?#\"'<>@]++@", re.IGNORECASE),
        rf"\1{HIDDEN}@",
    ),
    (
        ("-----BEGIN",),
        re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|$)", re.DOTALL),
        HIDDEN,
    ),
    (("eyJ",), re.compile(r"(?<![\w-])eyJ[\w-]{8,}+\.[\w-]{8,}+\.[\w-]*+"), HIDDEN),
    (("AKIA", "ASIA"), re.compile(r"(?<!\w)(?:AKIA|ASIA)[A-Z0-9]{16}(?!\w)"), HIDDEN),
    (
        ("gh", "glpat-", "xox"),
        re.compile(r"(?<!\w)(?:gh[pousr]_\w{20,}+|github_pat_\w{20,}+|glpat-[\w-]{16,}+|xox[abeprs]-[\w-]{8,}+)"),
        HIDDEN,
    ),
    (
        ("sk-", "sk_", "pk-", "pk_", "rk-", "rk_", "AIza"),
        re.compile(r"(?<![\w-])(?:sk|pk|rk)[_-][\w-]{20,}+|(?<!\w)AIza[\w-]{30,}+"),
        HIDDEN,
    ),
    (("SG.",), re.compile(r"(?<![\w.-])SG\.[\w-]{16,}+\.[\w-]{16,}+"), HIDDEN),
    (
        ("earer", "EARER", "asic", "ASIC"),
        re.compile(r"(?<!\w)(Bearer|Basic)\s+[\w.~+/-]{12,}+=*", re.IGNORECASE),
        rf"\1 {HIDDEN}",
    ),
)
_PAIR = re.compile(
    r"""(?<![\w.-])(?P<name>[\w.-]++)(?P<between>["']?\s{0,3}[=:]\s{0,3})"""
    r"""(?P<value>"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+'|[^\s,;&"'\])}]++)"""
)
_PEM_START = re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----")
_PEM_END = re.compile(r"-----END [A-Z ]{0,40}PRIVATE KEY-----")


class Variable(BaseModel):
    """An environment variable without its secret: `shown` is the value itself only where it cannot be one."""

    model_config = ConfigDict(frozen=True)

    name: str
    shown: str

    @property
    def is_empty(self) -> bool:
        """Whether the variable is set to nothing, or to blanks."""
        return not self.shown.strip()


class Redactor:
    """Takes secrets out of text: what looks like one anywhere, and the service's own known values exactly."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        """`variables`: the service's environment as App Runner holds it, names to values."""
        known: set[str] = set()
        beside_name: list[str] = []
        for name, value in variables.items():
            secrets = _secret_parts(name, value)
            forms = {form for secret in secrets for form in (secret, quote(secret, safe=""))}
            known |= {form for form in forms if len(form) >= _SHORTEST_KNOWN_VALUE}
            beside_name += [
                rf"(\b{re.escape(name)}\s*[=:]\s*[\"']?){re.escape(secret)}"
                for secret in secrets
                if len(secret) < _SHORTEST_KNOWN_VALUE
            ]
        self._known = sorted(known, key=len, reverse=True)
        self._beside_name = [re.compile(pattern) for pattern in beside_name]

    def text(self, text: str) -> str:
        """`text` without secrets."""
        for value in self._known:
            if value in text:
                text = text.replace(value, HIDDEN)
        for pattern in self._beside_name:
            text = pattern.sub(rf"\1{HIDDEN}", text)
        for marks, pattern, replacement in _PATTERNS:
            if any(mark in text for mark in marks):
                text = pattern.sub(replacement, text)
        return _PAIR.sub(_without_value, text)

    def lines(self, lines: Iterable[str]) -> list[str]:
        """Log lines without secrets, terminal codes and control characters, cut to `LONGEST_LINE`, in order.

        A private key that is printed over several lines disappears as a whole.
        """
        clean = []
        inside_key = False
        for line in lines:
            text = printable(line)
            if inside_key:
                inside_key = not _PEM_END.search(text)
                clean.append(HIDDEN)
                continue
            inside_key = bool(_PEM_START.search(text)) and not _PEM_END.search(text)
            text = self.text(text)
            if len(text) > LONGEST_LINE:
                text = f"{text[:LONGEST_LINE]} … [cut: {len(text) - LONGEST_LINE} more characters]"
            clean.append(text)
        return clean


def _without_value(pair: re.Match[str]) -> str:
    """`name=value`, `name: value`, `"name": "value"` without the value, where the name says that it is a secret."""
    name, between, value = pair["name"], pair["between"], pair["value"]
    if len(name) > _LONGEST_NAME or not _SECRET_NAME.search(name) or _NO_VALUE.fullmatch(value):
        return pair[0]
    is_assignment = "=" in between or between[0] in "\"'"
    reads_like_a_word = len(value) < _SHORTEST_KNOWN_VALUE or not any(letter.isdigit() for letter in value)
    if not is_assignment and reads_like_a_word:
        return pair[0]  # a sentence: "password: too short"
    quotes = value[0] if value[0] in "\"'" else ""
    return f"{name}{between}{quotes}{HIDDEN}{quotes}"


def printable(text: str) -> str:
    """`text` without terminal colours, control characters and halves of characters that no encoder accepts."""
    text = _CONTROL.sub(" ", _ANSI.sub("", text)) if not text.isprintable() else text
    return text.encode("utf-8", "replace").decode("utf-8").rstrip()


def variable(name: str, value: str) -> Variable:
    """What may be known of an environment variable."""
    shown = _shown(name, value)
    return Variable(name=name, shown=shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}…")


_URL = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.:-]*://)(?:(?P<userinfo>.*)@)?(?P<host>[^/?#\s@]*)(?P<path>[^?#]*)(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_DURATION = re.compile(r"\d{1,6}(?:ms|s|m|h|d|w)")
_HARMLESS = re.compile(
    r"[+-]?\d{1,6}(?:\.\d{1,4})?"  # a number
    r"|\d{1,12}(?:k|kb|mb|gb)?"  # a size
    r"|[a-z]{2}(?:-[a-z]+)+-\d"  # a Region
    r"|\*"
    r"|[A-Za-z]+(?:[_-][A-Za-z]+){0,3}"  # a word: production, stub, twilio_verify
    r"|(?:[a-z0-9-]+\.)+[a-z]{2,}(?::\d+)?"  # a host
    r"|localhost(?::\d+)?|\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?"
)
_LONGEST_HARMLESS = 100
_LONGEST_SHOWN = 300  # so that 500 variables fit into an item of the table
_RANDOM_SEGMENT = re.compile(r"[^/]{16,}")


def _shown(name: str, value: str) -> str:
    if url := _URL.fullmatch(value):
        userinfo = f"{HIDDEN}@" if url["userinfo"] is not None else ""
        rest = f"{url['rest'][0]}{HIDDEN}" if url["rest"] else ""
        return f"{url['scheme']}{userinfo}{url['host']}{_RANDOM_SEGMENT.sub(HIDDEN, url['path'])}{rest}"
    if not value.strip() or _DURATION.fullmatch(value):
        return value  # JWT_EXPIRES_IN=7d
    is_harmless = len(value) <= _LONGEST_HARMLESS and _HARMLESS.fullmatch(value)
    return value if is_harmless and not _SECRET_NAME.search(name) else HIDDEN


def _secret_parts(name: str, value: str) -> list[str]:
    """The strings that must not appear: a hidden value as a whole and its words, or the password of a URL."""
    if not value.strip() or value == HIDDEN:
        return []
    if url := _URL.fullmatch(value):
        _, _, password = (url["userinfo"] or "").partition(":")
        tail = _RANDOM_SEGMENT.findall(url["path"]) + ([url["rest"][1:]] if "=" in url["rest"] else [])
        parts = [password, unquote(password), *(part for part in tail if len(part) >= 2 * _SHORTEST_KNOWN_VALUE)]
        return [part for part in dict.fromkeys(parts) if part and part != HIDDEN]
    if _shown(name, value) != HIDDEN:
        return []
    words = [word for word in value.split() if len(word) >= _SHORTEST_KNOWN_VALUE]
    return list(dict.fromkeys([value, value.strip(), *words]))
