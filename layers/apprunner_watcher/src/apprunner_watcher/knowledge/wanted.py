"""Here you find how a service misses a variable that its application wants, and what a rule finds then."""

import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import islice

from apprunner_watcher.log import Line
from apprunner_watcher.rule import (
    CHANGE_SOURCE_CONFIGURATION,
    Confidence,
    Evidence,
    Finding,
    Match,
    Step,
    at_most,
    weight,
)
from apprunner_watcher.snapshot import Snapshot

_KILLED = frozenset({137, 139})  # by memory or a crash: what misses a variable ends itself
# of their own: the instance role makes them needless
_AWS_KEYS = frozenset({"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"})
_OPTIONAL = re.compile(
    r"(?i)\bdisabl|\boptional|\bfall(?:ing|s)? ?back|\bdefault(?:s|ing)? to|\bskip|\bignor|\bcontinu|\bgoing on\b"
    r"|\b(?:using|use|uses|assum\w+) (?:the |a |an )?(?:default|built-in|in-memory|random|(?:system |os )?env)"
    r"|[,;(:-][\w -]{1,40} (?:is |are )?(?:off|inactive|unverified)\b|\bwill not be\b|\bnot enabled\b|\bwon't be\b|\bgenerat(?:ed|ing) (?:a |one )"
)
# DEBUG and INFO are levels of loggers, and words as well
_IS_ERROR = re.compile(r"(?:Error|Exception|ImproperlyConfigured|panicked)\b")
_WARNS = re.compile(r"(?i)warn")
# The last lines of a log that ends: nothing else was said before the end.
_LAST = 4
_SAYS_NOTHING = re.compile(
    r"^\s*(?:$|at |npm |error Command failed|"
    r"Node\.js v|info Visit|\[?nodemon|error: script|exit(?:ed|ing)?(?: (?:with|code|status)|\W{0,3}(?:\d|$))|\^|[}\])]|For more|File \""
    # Go, Rust, Python's servers, supervisors
    r"|goroutine \d|\S{1,200}\.go:\d+(?: \+0x|$)|[\w./*-]{1,200}\([^)]{0,200}\)$|note: run with|\d+: \S{1,100}::|\[\S+ \S+ \S+\] \[\d+\] \[INFO\]|\[?cont-(?:init|finish)|s6-|\S+ exited|PM2)"
)
SET_IT = Step(
    "Set it; a secret belongs into Secrets Manager or Parameter Store and is referenced by its ARN"
    " (RuntimeEnvironmentSecrets).",
    CHANGE_SOURCE_CONFIGURATION,
)
"""The step of every rule that misses a variable."""
SET_AGAIN = "set in the configuration that App Runner shows, which may be the previous one"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A variable that the application misses, as a line says, and whether its words demand it."""

    line: Line
    name: str
    is_demand: bool = True
    named_in: Line | None = None  # where the message itself does not hold the name


def missed(wanted: Iterable[Wanted], snapshot: Snapshot) -> Finding | None:
    """The first demand for a variable that the service does not set, in an application that never serves."""
    confidence = weight(snapshot)
    in_order = sorted(wanted, key=lambda one: (is_source_code(one.line), one.line.at))
    absent = [one for one in in_order if not is_optional(one.line) and state_of(one.name, snapshot)]
    if not absent or not confidence:
        return None
    first = next((one for one in absent if one.is_demand), absent[0])
    state = state_of(first.name, snapshot)
    if not first.is_demand and (not is_last(first.line, snapshot) or is_drowned(first.line, snapshot)):
        return None
    if snapshot.service_log.exit_code in _KILLED:
        confidence = at_most(Confidence.POSSIBLE, confidence)
    if not first.is_demand or state == SET_AGAIN:
        confidence = at_most(Confidence.LIKELY, confidence)
    alike = [one for one in absent if one.is_demand == first.is_demand and state_of(one.name, snapshot) == state]
    names = list(dict.fromkeys([first.name, *(one.name for one in alike)]))
    lines = [first.named_in, first.line] if first.named_in else [first.line]
    settings = f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} {state}"
    return Finding(
        confidence,
        (*map(Evidence.of, lines), Evidence.setting("RuntimeEnvironmentVariables", settings)),
        {"name": first.name, "others": ", ".join(names[1:]), "service_arn": snapshot.service.arn},
    )


_SOURCE_CODE = re.compile(
    r"^\s*(?:\d+ ?\||>|\|)?\s*(?:throw |raise |console\.|logger?\.|panic\(|if |return |print\()|\$\{\w"
)


def is_source_code(line: Line) -> bool:
    """Whether it is a row of source code, as runtimes show the one that raises: the message itself says more."""
    return bool(_SOURCE_CODE.search(line.text))


def is_optional(line: Line) -> bool:
    """Whether the application says that it goes on without the variable."""
    return is_harmless(line) or bool(_OPTIONAL.search(line.text))


def is_harmless(line: Line) -> bool:
    """Whether the application calls it no more than a warning."""
    if line.logged or not _IS_ERROR.search(line.text):
        return line.is_warning
    return line.is_warning and bool(_WARNS.search(line.text))


def state_of(name: str, snapshot: Snapshot) -> str:
    """How the service misses the variable; empty: it does not, whatever a line means."""
    configuration = snapshot.configuration
    variable = configuration.variable(name)
    if name in _AWS_KEYS:
        return ""
    if name not in configuration.secrets and not variable:
        return "not set"
    if variable and variable.is_empty:
        return "empty"
    return "" if configuration.standing == "attempted" else SET_AGAIN


def usually(found: Mapping[str, Iterable[Match]], may_be_wrong: AbstractSet[str], snapshot: Snapshot) -> Finding | None:
    """What a library misses that does not know the variable's name, only the option's: by the name that is usual.

    Where a variable of the usual name is set, the code reads another one: `likely` at most, as where the same words
    are said of a value that is wrong.
    """
    confidence = weight(snapshot)
    matches = [(match, name) for name, of_name in found.items() for match in of_name if not is_optional(match.line)]
    if not matches or not confidence:
        return None
    match, name = min(matches, key=lambda one: one[0].line.at)
    state = state_of(name, snapshot)
    finding = Finding(
        confidence,
        (
            Evidence.of(match.line),
            Evidence.setting("RuntimeEnvironmentVariables", f"{name} (the usual name) is {state or 'set'}"),
        ),
        {"name": name, "service_arn": snapshot.service.arn},
    )
    is_sure = state == "not set" and name not in may_be_wrong
    return finding if is_sure else replace(finding, confidence=at_most(Confidence.LIKELY, confidence))


MOST_LOOKED_AROUND = 100  # matches: a container that is started again and again says the same
_ROWS = 10  # of a trace, above the error
_READ = re.compile(
    r"(?:getenv|environ(?:\.get)?|process\.env|ENV(?:\.fetch)?|Getenv)[\[(.]{1,2}[\"']?(?P<name>[A-Z][A-Z0-9_]{2,80})\b"
)


def read_above(line: Line, snapshot: Snapshot) -> tuple[str, Line | None]:
    """The variable that is read in the source code that a trace shows above its error, and that row of it."""
    for one in reversed(snapshot.application_log.near(line, above=_ROWS)):
        if found := _READ.search(one.said):
            return found["name"], one
    return "", None


def first_of(match: re.Match[str]) -> str:
    """The text of the first group that took part."""
    return next((text for text in match.groups() if text), "")


# Languages, linkers, databases and web servers say the same of their own names.
NO_VARIABLE = re.compile(
    r"SQLALCHEMY_BINDS|\bJAVA_HOME\b|\bno-undef\b|ReferenceError|NameError|ImportError|AttributeError|Undefined constant|uninitialized constant|cannot import name|version [`']|^undefined: "
    # another way, and not the only one
    r"|\b[Yy]ou (?:can|may|could) (?:also )?(?:specify|change|override|choose|use|select|increase|adjust|configure|disable|suppress|silence|enable|control)\b"
    r"|\bRequires (?:env|net|read|write|run|sys) access to "  # Deno's permissions
    r"|provide an export named|(?i:permission denied|\bwritable\b|read-only)|(?i:\b(?:table|column|relation|sequence|view|constraint|schema|index|role)\b[ :=]{1,2}[`'\"\[]?[A-Z])"
    r"|(?i:\b(?:script|argument|flag|file|command|target|task|property|dependency|library|constant|class|module|package|function|method|symbol|type|enum|field|header|cookie|topic|queue|bucket|template|tag|error code|status|code)\b[ :=]{1,2}[`'\"\[]?)[A-Z]"
)


_IS_LOUDER = re.compile(r"\b[A-Z]?\w*(?:Error|Exception)\b|\bpanic: |\b(?:FATAL|fatal)\b")
_ABOUT_SETTINGS = re.compile(r"(?i)\benv|variable|config|setting|missing|required|not set|undefined")
_BELOW = 12  # lines


def is_drowned(line: Line, snapshot: Snapshot) -> bool:
    """Whether an error about something else comes below it: then the line may have been about what is optional."""
    below = (one.said for one in snapshot.application_log.below(line, _BELOW))
    return any(_IS_LOUDER.search(said) and not _ABOUT_SETTINGS.search(said) for said in below)


def is_last(line: Line, snapshot: Snapshot) -> bool:
    """Whether nothing else is said before the end, but for what the end itself prints."""
    below = (one for one in snapshot.application_log.below(line) if not _SAYS_NOTHING.search(one.text))
    return not _SAYS_NOTHING.search(line.text) and len(list(islice(below, _LAST))) < _LAST
