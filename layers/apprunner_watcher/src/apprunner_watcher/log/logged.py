"""Here you find what a logger wrapped into a line of JSON: its level, its message, the error and where that came from.

The names of the fields are those of pino, bunyan, winston, zap, zerolog, slog, logrus, structlog, loguru,
python-json-logger, AWS Powertools, Serilog, .NET's JSON console, logback, Log4j, ECS, OpenTelemetry, Monolog, tracing
and Google Cloud, compared without regard to case.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_LONGEST = 16 * 1024  # characters; a line is cut to half of that before
# docker compose and pm2 put the program's name before the line, App Runner's builds put theirs
_PREFIX = re.compile(r"(?:[\w./-]{1,40}\s{0,20}\|\s?){1,2}|\[[\w.-]{1,20}\] ")
_CAUSES = 4  # an error's cause has a cause…

_ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

_LEVELS = {
    name: level
    for level, names in {
        "trace": "trace trce silly verbose finest",
        "debug": "debug dbug fine finer d",
        "info": "info information notice http success log i",
        "warning": "warning warn w",
        "error": "error err severe fail e",
        "fatal": "fatal critical crit alert emergency emerg panic dpanic f",
    }.items()
    for name in names.split()
}
"""What loggers call their levels, and what we do."""

_PINO = {10: "trace", 20: "debug", 30: "info", 40: "warning", 50: "error", 60: "fatal"}
_SYSLOG = ("fatal", "fatal", "fatal", "error", "warning", "info", "info", "debug")  # RFC 5424, used by GELF
_MONOLOG = {100: "debug", 200: "info", 250: "info", 300: "warning", 400: "error", 500: "fatal", 550: "fatal"}

_FIELDS = {
    name: what
    for what, names in {
        "level": "level levelname level_name severity severitytext severity_text loglevel log_level log.level lvl @l",
        "message": "message msg @m @mt short_message renderedmessage",
        "event": "event body",  # structlog's message, OpenTelemetry's; anything, where there is a message
        "error": "err error exception exc_info exc thrown @x error.message exception.message",
        "type": "error.type error.kind exception.type exception_name exception_type exceptionclass",
        "stack": "stack stack_trace stacktrace error.stack error.stack_trace exception.stacktrace errorverbose"
        " traceback backtrace full_message",
        "more": "log fields record context",
    }.items()
    for name in names.split()
}
_ERROR_FIELDS = {
    name: what
    for what, names in {
        "type": "type name class kind exceptiontype exc_type exceptionname",
        "message": "message msg value exc_value localizedmessage detail",
        "stack": "stack stack_trace stacktrace extendedstacktrace trace traceback backtrace",
        "cause": "cause innerexception inner previous",
    }.items()
    for name in names.split()
}


@dataclass(frozen=True, slots=True)
class Logged:
    """What a line of JSON says. Each text is empty where the line has none."""

    level: str  # trace, debug, info, warning, error, fatal
    message: str
    error: str
    stack: str  # with the line breaks of the trace
    said: str  # all of it on one line

    @property
    def is_harmless(self) -> bool:
        """Whether its level is no more than a warning."""
        return self.level in {"trace", "debug", "info", "warning"}


def logged(text: str) -> Logged | None:
    """What a logger says in this line, None where it is no line of a logger that writes JSON. Never raises."""
    if not text.endswith("}") or len(text) > _LONGEST:
        return None
    if text[0] != "{":
        prefix = _PREFIX.match(text)
        if not prefix or not text.startswith("{", prefix.end()):
            return None
        text = text[prefix.end() :]
    try:
        entry = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return _understood(entry) if isinstance(entry, dict) else None


def _understood(entry: Mapping[str, Any]) -> Logged | None:
    found: dict[str, Any] = {}
    _collect(entry, found)
    message, stack_of_message = _message(found.get("message") or found.get("event"))
    error, stack_of_error = _error(found.get("error"))
    if error and isinstance(kind := found.get("type"), str):
        error = _named(kind, error)
    stack = _text(found.get("stack")) or stack_of_error or stack_of_message
    level = _level(found.get("level", "info" if "@t" in entry else ""))  # Serilog leaves "Information" out
    if not (message or error or stack):
        return None
    message, error, stack = _clean(message), _clean(error), _clean(stack)
    return Logged(level, message, error, stack, _said(message, error, stack))


def _collect(entry: Mapping[str, Any], found: dict[str, Any], depth: int = 1) -> None:
    """Put the fields that we know into `found`; what stands first and further out counts."""
    for name, value in entry.items():
        field = _FIELDS.get(name.lower())
        if not field or value is None:
            continue
        if field != "more":
            found.setdefault(field, value)
        elif isinstance(value, dict) and depth:
            _collect(value, found, depth - 1)
        elif name == "log" and isinstance(value, str):
            found.setdefault("event", value)  # the container runtime's own JSON


def _message(value: object) -> tuple[str, str]:
    """A message, which may be an error, and then its stack trace."""
    return (value.strip(), "") if isinstance(value, str) else _error(value)


def _error(value: object, causes: int = _CAUSES) -> tuple[str, str]:
    """An error in the words of its logger, and its stack trace."""
    if isinstance(value, str):
        return (_last_words(value), value) if "\n" in value else (value, "")
    if isinstance(value, list):
        return _error_of_list(value, causes)
    if not isinstance(value, dict):
        return "", ""
    found: dict[str, Any] = {}
    for name, inner in value.items():
        if (field := _ERROR_FIELDS.get(name.lower())) and inner:
            found.setdefault(field, inner)
    error, stack = _text(found.get("message")), _text(found.get("stack"))
    if isinstance(kind := found.get("type"), str):
        error = _named(kind, error)
    if cause := found.get("cause"):
        stack = _with_causes(stack or error, [cause], causes)
    return error, stack


def _error_of_list(values: list[Any], causes: int) -> tuple[str, str]:
    """The rows of a trace, or structlog's errors, of which each is the cause of the one before."""
    errors = [one for one in values if isinstance(one, dict)]
    if not errors:
        return _error(_text(values), causes)
    error, stack = _error(errors[0], causes)
    return error, _with_causes(stack or error, errors[1:], causes)


def _with_causes(stack: str, causes: list[Any], most: int) -> str:
    for cause in causes[:most] if most else ():
        error, stack_of_cause = _error(cause, most - 1)
        if error and error not in stack:
            stack = f"{stack}\nCaused by: {stack_of_cause or error}"
    return stack


def _named(kind: str, message: str) -> str:
    return message if message.startswith(kind) or not message else f"{kind}: {message}"


def _last_words(trace: str) -> str:
    """The line of a trace that names the error: Python's stands at its end, that of others at its beginning."""
    rows = trace.strip().split("\n")
    return rows[-1] if "Traceback (most recent call last)" in rows[0] else rows[0]


def _text(value: object) -> str:
    if isinstance(value, list):
        return "\n".join(one for one in value if isinstance(one, str))
    return value if isinstance(value, str) else ""


def _level(value: object) -> str:
    if isinstance(value, dict):
        value = value.get("name", "")  # loguru
    if isinstance(value, str):
        name = _ANSI.sub("", value).strip().lower()
        if not name.isdecimal():
            return _LEVELS.get(name, "")
        value = int(name[:4])
    if not isinstance(value, int) or isinstance(value, bool):
        return ""
    if 0 <= value < len(_SYSLOG):
        return _SYSLOG[value]
    return _PINO.get(value) or _MONOLOG.get(value, "")


def _clean(text: str) -> str:
    """`text` without what JSON can hide and no terminal or encoder should see; its line breaks stay."""
    if text.isascii() and text.isprintable():
        return text
    return _CONTROL.sub(" ", _ANSI.sub("", text)).encode("utf-8", "replace").decode("utf-8")


def _said(message: str, error: str, stack: str) -> str:
    parts = [message] if message and message not in stack else []
    if error and error not in stack and error not in message:
        parts.append(error)
    parts.append(stack)
    return " ".join(part for part in parts if part).replace("\n", " ")
