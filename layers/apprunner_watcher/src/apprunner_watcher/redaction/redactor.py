"""Here you find what we never say: secrets are taken out here, before a snapshot exists."""

import base64
import html
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

import re2

from apprunner_watcher.redaction.values import HIDDEN, SHORTEST_KNOWN, is_plain_word, is_secret_name
from apprunner_watcher.redaction.variables import is_usual, secrets_of

LONGEST_LINE = 8 * 1024  # characters

# "JWT_SECRET must be set" and "SECRET_KEY: Field required" are evidence and stay
_NO_VALUE = re.compile(
    r"[\"']?(?:undefined|null|none|nil|true|false|unset|missing|empty|required|invalid|\*+|[\[{(<]+)?[\"']?",
    re.IGNORECASE,
)

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
        ("://",),
        re.compile(r"(?<!\w)(https://(?:hooks\.slack\.com/services|discord(?:app)?\.com/api/webhooks)/)[\w/-]{8,}+"),
        rf"\1{HIDDEN}",
    ),
    (
        ("@tcp(", "@unix("),
        re.compile(r"(?<![^\s\"'=])[^\s:@\"'=]{1,64}:[^\s\"']{1,200}@(tcp|unix)\("),
        rf"{HIDDEN}@\1(",
    ),
    (
        ("-----BEGIN",),
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|$)",
            re.DOTALL,
        ),
        HIDDEN,
    ),
    (("eyJ",), re.compile(r"(?<![\w-])eyJ[\w-]{8,}+\.[\w-]{8,}+\.[\w-]*+"), HIDDEN),
    (("AKIA", "ASIA"), re.compile(r"(?<!\w)(?:AKIA|ASIA)[A-Z0-9]{16}(?!\w)"), HIDDEN),
    (
        ("gh", "glpat-", "xox", "xapp-"),
        re.compile(
            r"(?<!\w)(?:gh[pousr]_\w{20,}+|github_pat_\w{20,}+|glpat-[\w-]{16,}+|(?:xox[abeprs]|xapp)-[\w-]{8,}+)"
        ),
        HIDDEN,
    ),
    (
        ("sk-", "sk_", "pk-", "pk_", "rk-", "rk_", "AIza"),
        re.compile(r"(?<![\w-])(?:sk|pk|rk)[_-][\w-]{20,}+|(?<!\w)AIza[\w-]{30,}+"),
        HIDDEN,
    ),
    (("SG.",), re.compile(r"(?<![\w.-])SG\.[\w-]{16,}+\.[\w-]{16,}+"), HIDDEN),
    # Stripe's webhooks, npm, PyPI, DigitalOcean, Hugging Face, Google, Shopify, Vault, Sentry, Supabase, New Relic, Groq,
    # Replicate, Databricks, Fernet tokens, age
    (
        (
            "whsec_",
            "npm_",
            "pypi-",
            "do",
            "hf_",
            "ya29.",
            "GOCSPX-",
            "shp",
            "hvs.",
            "sntry",
            "sbp_",
            "NRAK-",
            "gsk_",
            "r8_",
            "dapi",
            "gAAAAA",
            "AGE-SECRET-KEY-",
        ),
        re.compile(
            r"(?<![\w-])(?:whsec_|npm_|pypi-|do[opr]_v1_|hf_|ya29\.|GOCSPX-|shp(?:at|ca|pa|ss)_|hvs\.|sntry[su]_|sbp_|NRAK-|gsk_|r8_|dapi|gAAAAA|AGE-SECRET-KEY-)[\w-]{20,}+=*"
        ),
        HIDDEN,
    ),
    (("SK",), re.compile(r"(?<!\w)SK[0-9a-f]{32}(?!\w)"), HIDDEN),  # Twilio
    ((":AA",), re.compile(r"(?<!\d)\d{8,10}:AA[\w-]{33}(?!\w)"), HIDDEN),  # Telegram
    (
        ("earer", "EARER"),
        re.compile(r"(?<!\w)(Bearer)\s+[\w.~+/-]{12,}+=*", re.IGNORECASE),
        rf"\1 {HIDDEN}",
    ),
    # not "basic authentication failed"
    (
        ("asic", "ASIC"),
        re.compile(r"(?<!\w)((?i:Basic))\s+(?=[a-z.,:/-]*[A-Z0-9+=])[\w.~+/-]{12,}+=*"),
        rf"\1 {HIDDEN}",
    ),
)
_HEADER = re.compile(
    r"(?<![\w-])(?P<name>(?:Set-)?Cookie|(?:Proxy-)?Authorization|X-(?:Api-Key|Auth-Token|Csrf-Token|Amz-Security-Token))"
    r"(?P<between>\\{0,7}[\"']?\s{0,3}:\s{0,3}\\{0,7}[\"']?)(?P<value>[^\"'\\\n]++)",
    re.IGNORECASE,
)
_USER_AND_PASSWORD = re.compile(
    r"(?<!\S)(?P<option>(?:-u|--user|--proxy-user)[ =][\"']?)(?P<user>[^\s:\"'/]++):(?P<password>[^\s\"']++)"
)
_OPTION = re.compile(r"(?<!\S)--?(?P<name>[\w.-]++)\s++(?P<value>\"[^\"]*+\"?|'[^']*+'?|[^\s\"'-]\S*+)")
_NAME = re.compile(r"(?<![\w.-])(?P<name>[\w.-]++)(?P<between>(?:\\{0,7}[\"'])?\s{0,3}(?:=>|[=:])\s{0,3})")
_VALUE = re.compile(
    r"""(?P<escaped>\\{1,7}["']).*?(?:(?P=escaped)|$)"""
    r"""|"(?:[^"\\]|\\.)*+"?|'(?:[^'\\]|\\.)*+'?|[^\s,;&"'\])}\\]++""",
    re.DOTALL,
)
_PEM_START = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_PEM_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_LONGEST_KEY = 200  # lines
_WORDS_OF_A_SENTENCE = 4  # no line of a key has as many, not even behind a time


_SHORTEST_MARK = 3  # characters: the others are in too many lines


def _prefilter() -> "re2._Regexp":
    """Found in every line that holds anything that is hidden for its looks: nearly no line is searched further."""
    marks = {mark for marks, _, _ in _PATTERNS for mark in marks if len(mark) >= _SHORTEST_MARK} | {
        "do[opr]_v1",
        "gh[pousr]_|github_",
    }
    names = r"pass|pwd|secret|token|credential|private|signature|salt|cookie|session|dsn|key|pin|auth|jwt|pat|sig|otp|hmac|cipher|seed|mnemonic|connection|pw"
    quoted = [mark if "[" in mark else re2.escape(mark) for mark in sorted(marks)]
    return re2.compile(
        rf"{'|'.join(quoted)}|SK[0-9a-f]{{32}}|(?i:{names})[^\s=:\"'\\]*[\\]*[\"']?(?s:.{{0,3}})[=:]"
        rf"|-[\w.-]*(?i:{names})[\w.-]*\s|(?:-u|--user|--proxy-user)[ =]|(?i:basic)",
        _options(),
    )


_MEMORY = 64 * 1024 * 1024  # bytes, at most, for an automaton of RE2; it takes what it needs


def _options() -> re2.Options:
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    return options


_MAY_HOLD_A_SECRET = _prefilter()


class Redactor:
    """Takes secrets out of text: what looks like one anywhere, and the service's own known values exactly."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        """`variables`: the service's environment as App Runner holds it, names to values."""
        secrets = {name: secrets_of(name, value) for name, value in variables.items()}
        public = {value for name, value in variables.items() if not secrets[name]}
        known: dict[str, None] = {}
        words: dict[str, None] = {}
        beside_name: list[tuple[str, str]] = []
        for name, found in secrets.items():
            for secret in found:
                if len(secret) < SHORTEST_KNOWN or is_usual(secret) or secret in public:
                    beside_name.append((name, secret))
                elif is_plain_word(secret):
                    words[secret] = None
                else:
                    known[secret] = None
        self._known = _alternations(known)
        self._words = re.compile(_standing_alone(words)) if words else None
        self._beside_name = re.compile(_beside(beside_name)) if beside_name else None

    def text(self, text: str) -> str:
        """`text` without secrets."""
        return self._without_looks("\n".join(self._without_known(_encodable(text).split("\n"))))

    def lines(self, lines: Iterable[str]) -> list[str]:
        """Log lines without secrets, terminal codes and control characters, cut to `LONGEST_LINE`, in order.

        A private key that is printed over several lines disappears as a whole, and so does a known value.
        """
        whole = _without_keys([printable(line) for line in lines])
        return [_cut(self._without_looks(line)) for line in self._without_known(whole)]

    def _without_known(self, lines: Sequence[str]) -> list[str]:
        """Lines without the known values, also where one goes on in the next line.

        They are searched as one text, without the breaks and the blanks around them.
        """
        bare = [line.strip() for line in lines]
        joined = "".join(bare)
        found = _merged(span for known in self._known for match in known.finditer(joined) if (span := match.span()))
        if not found:
            return list(lines)
        clean = list(lines)
        starts = [0, *accumulate(map(len, bare))]
        # from the end, so that the places before stay what they are
        for start, end in reversed(found):
            first, last = bisect_right(starts, start) - 1, bisect_right(starts, end - 1) - 1
            for at in range(last, first - 1, -1):
                blanks = len(lines[at]) - len(lines[at].lstrip())
                begin = blanks + max(start - starts[at], 0)
                stop = blanks + min(end - starts[at], len(bare[at]))
                clean[at] = f"{clean[at][:begin]}{HIDDEN}{clean[at][stop:]}" if stop > begin else clean[at]
        return clean

    def _without_looks(self, text: str) -> str:
        if _MAY_HOLD_A_SECRET.search(text):
            text = _without_shapes(text)
        # words come last: a token that went from beside one may have let it stand for itself
        if self._words:
            text = self._words.sub(lambda found: found["kept"] or HIDDEN, text)
        if self._beside_name:
            text = self._beside_name.sub(lambda found: f"{found['beside']}{HIDDEN}", text)
        return text


def _without_shapes(text: str) -> str:
    """`text` without what looks like a secret."""
    for marks, pattern, replacement in _PATTERNS:
        if any(mark in text for mark in marks):
            text = pattern.sub(replacement, text)
    text = _HEADER.sub(_without_header, text)
    if "-u" in text:
        text = _USER_AND_PASSWORD.sub(_without_password, text)
    if "-" in text:
        text = _OPTION.sub(_without_argument, text)
    return _without_values(text)


def _without_header(header: re.Match[str]) -> str:
    value = header["value"]
    is_sentence = not any(letter.isdigit() or letter == "=" for letter in value) or HIDDEN in value
    return header[0] if is_sentence else f"{header['name']}{header['between']}{HIDDEN}"


def _without_password(option: re.Match[str]) -> str:
    """`-u user:password`, but not the user and group of a container."""
    user, password = option["user"], option["password"]
    is_group = user == password or (user.isdigit() and password.isdigit())
    return option[0] if is_group else f"{option['option']}{user}:{HIDDEN}"


def _without_argument(option: re.Match[str]) -> str:
    """`--password hunter2`, but not "--password is required"."""
    value = option["value"]
    if not is_secret_name(option["name"]) or value.startswith(("=", ":")) or HIDDEN in value or value.isalpha():
        return option[0]
    return option[0][: -len(value)] + HIDDEN


_ARN = re.compile(r"arn:aws[\w-]*:[\w-]*:[\w-]*:\d*:[\w+=,.@:/*-]*")


def _without_values(text: str) -> str:
    """`name=value`, `name: value`, `"name": "value"` without the values, where a name says that it is a secret."""
    kept, done = [], 0
    arns = [arn.span() for arn in _ARN.finditer(text)] if "arn:aws" in text else []
    for pair in _NAME.finditer(text):
        is_in_arn = any(start <= pair.start() < end for start, end in arns)
        if pair.start() < done or is_in_arn or not is_secret_name(pair["name"]):
            continue
        value = _VALUE.match(text, pair.end())
        if value and _is_value(pair, value):
            opening = value["escaped"] or (value[0][0] if value[0][0] in "\"'" else "")
            closing = opening if value[0].endswith(opening) and len(value[0]) > len(opening) else ""
            kept += [text[done : pair.end()], opening, HIDDEN, closing]
            done = value.end()
    return "".join([*kept, text[done:]]) if kept else text


def _is_value(pair: re.Match[str], value: re.Match[str]) -> bool:
    """Whether it is the value of a setting, and not the next words of a sentence ("password: too short")."""
    bare = value[0].strip("\\\"'")
    if _NO_VALUE.fullmatch(bare):
        return False
    is_quoted = pair["between"][0] in "\\\"'" or value[0][0] in "\\\"'"
    if "=" in pair["between"] or is_quoted:
        return True
    has_digit = any(letter.isdigit() for letter in bare)
    return has_digit and (len(bare) >= SHORTEST_KNOWN or (_stands_alone(pair, value) and not bare.isdigit()))


def _stands_alone(pair: re.Match[str], value: re.Match[str]) -> bool:
    """Whether nothing else is in the line, as in YAML."""
    return not value.string[value.end() :].strip(" ,;}\"'") and not pair.string[: pair.start()].strip(" -\t")


def _without_keys(lines: Sequence[str]) -> list[str]:
    """Lines in which those of private keys are hidden. A headline alone, without a key behind it, hides no others."""
    clean, rest_of_key = [], 0
    for line in lines:
        if rest_of_key and len(line.split()) < _WORDS_OF_A_SENTENCE:
            rest_of_key = 0 if _PEM_END.search(line) else rest_of_key - 1
            clean.append(HIDDEN)
            continue
        opens = "-----BEGIN" in line and _PEM_START.search(line) and not _PEM_END.search(line)
        rest_of_key = _LONGEST_KEY if opens else 0
        clean.append(line)
    return clean


def _cut(text: str) -> str:
    if len(text) <= LONGEST_LINE:
        return text
    return f"{text[:LONGEST_LINE]} … [cut: {len(text) - LONGEST_LINE} more characters]"


def _encodable(text: str) -> str:
    """`text` without halves of characters, which no encoder accepts."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def printable(text: str) -> str:
    """`text` without terminal colours, control characters and halves of characters that no encoder accepts."""
    text = _CONTROL.sub(" ", _ANSI.sub("", text)) if not text.isprintable() else text
    return _encodable(text).rstrip()


# --- the service's own values, in all the spellings in which they may be printed

_PIECE = 200  # characters: a longer value is known in pieces, and what stands around one of them goes with it
_LONGEST_PATTERN = 100_000  # characters of an alternation: RE2 stays fast, however many values there are
_LEAST_BASE64 = 8


def _alternations(values: Iterable[str]) -> tuple["re2._Regexp", ...]:
    """The values as few patterns, each of them searched in linear time. The longest come first: they hold others."""
    batches: list[list[str]] = [[]]
    size = 0
    for pattern in (form for value in sorted(values, key=len, reverse=True) for form in _forms(value)):
        if size + len(pattern) > _LONGEST_PATTERN and batches[-1]:
            batches.append([])
            size = 0
        batches[-1].append(pattern)
        size += len(pattern)
    return tuple(re2.compile("|".join(batch), _options()) for batch in batches if batch)


def _forms(value: str) -> Iterator[str]:
    """Patterns of a value as it is, encoded, escaped and in base64."""
    value = _encodable(value)
    if len(value) <= _PIECE:
        yield _spelled(value)
        yield from _in_base64(value)
        return
    for line in value.splitlines():
        for at in range(0, len(line), _PIECE):
            if len(piece := line[at : at + _PIECE].strip()) >= SHORTEST_KNOWN:
                yield rf"\S*{_spelled(piece)}\S*" if len(line) > _PIECE else _spelled(piece)
    for form in _in_base64(value[:_PIECE]):
        yield rf"{form}\S*"


def _spelled(value: str) -> str:
    """A pattern of a value whose characters may be encoded for a URL, or escaped for JSON, HTML or a program."""
    return "".join(_CHARACTER.get(one) or _character(one) for one in value)


_CHARACTER: dict[str, str] = {}


def _character(one: str) -> str:
    if one.isascii() and one.isalnum():
        form = one
    elif one.isspace():
        form = r"(?:\s|\\+[nrt]|%(?:25)*(?:20|0[aAdD9])|\+|&#1[03];)*"
    else:
        percent = "".join(f"%(?:25)*(?i:{byte:02x})" for byte in one.encode())
        units = one.encode("utf-16-be").hex()
        escaped = "".join(rf"\\+u(?i:{units[at : at + 4]})" for at in range(0, len(units), 4))
        named = html.escape(one)
        entities = [re2.escape(named)] if named != one else []
        entities += ["&apos;"] if one == "'" else []
        code = ord(one)
        literal = re2.escape(one)
        short = rf"\\+x(?i:{code:02x})" if code < 256 else ""  # noqa: PLR2004  # two hexadecimal digits
        forms = [rf"\\*{literal}", percent, escaped, short, rf"&#0?{code};", rf"&#(?i:x0?{code:x});", *entities]
        form = f"(?:{'|'.join(form for form in forms if form)})"
    _CHARACTER[one] = form
    return form


def _in_base64(value: str) -> Iterator[str]:
    """What is the same in base64 whatever stands before and behind the value: one pattern for each alignment."""
    content = value.encode()
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + content).decode().rstrip("=")
        first = (0, 2, 3)[before]
        sure = encoded[first : (before + len(content)) * 8 // 6]
        if len(sure) >= _LEAST_BASE64:
            yield sure.replace("+", r"(?:[+-]|%2[bB])").replace("/", r"(?:[/_]|%2[fF]|\\+/)") + "[A-Za-z0-9+/_-]?={0,2}"


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


# a word is hidden where it stands for itself, and is no part of a name
_KEPT = r"arn:aws[\w:/.+=,@*-]+|(?:https?|wss?)://[^\s/@\"']+(?=[/\s\"']|$)"


def _standing_alone(words: Iterable[str]) -> str:
    longest_first = sorted(words, key=len, reverse=True)
    return rf"(?P<kept>{_KEPT})|(?<![\w./-])(?:{'|'.join(map(re.escape, longest_first))})(?![\w/-]|\.\w|:\d)"


def _beside(pairs: Iterable[tuple[str, str]]) -> str:
    """Short values, and those that everybody knows, are hidden beside their name only."""
    by_name: dict[str, list[str]] = {}
    for name, value in pairs:
        by_name.setdefault(name, []).append(re.escape(value))
    options = (
        rf"{re.escape(name)}\\{{0,7}}[\"']?\s*[=:]\s*\\{{0,7}}[\"']?(?={'|'.join(sorted(values, key=len, reverse=True))})"
        for name, values in by_name.items()
    )
    values = sorted({value for values in by_name.values() for value in values}, key=len, reverse=True)
    return rf"(?P<beside>\b(?:{'|'.join(options)}))(?:{'|'.join(values)})"
