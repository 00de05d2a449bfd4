"""Here you find what a rule is: one known cause, how to see it, why it happens and what to change."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from functools import cached_property
from typing import Literal

from apprunner_watcher.api_call import ApiCallEvent
from apprunner_watcher.log import Line, unescaped
from apprunner_watcher.patterns import pattern_set
from apprunner_watcher.snapshot import Snapshot

CONFIGURATION, NETWORK = "configuration", "network"
APPLICATION_LOG = "application log, "
SETTINGS = frozenset({CONFIGURATION, NETWORK})  # what evidence shows of settings, and not of what happened


class Confidence(StrEnum):
    """A promise: `certain` is right practically always, `likely` in nine of ten cases, `possible` is a hint."""

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"


class Phase(IntEnum):
    """When in a deployment the cause strikes. An earlier phase explains a later one."""

    CALL = 0
    BUILD = 1
    PERMISSIONS = 2
    IMAGE = 3
    START = 4
    LISTEN = 5
    HEALTH = 6
    LIVE = 7


@dataclass(frozen=True, slots=True)
class Evidence:
    """A line or setting that proves it, verbatim after redaction."""

    where: str
    saw: str
    at: datetime | None = None

    @classmethod
    def of(cls, line: Line) -> "Evidence":
        """A log line."""
        log = APPLICATION_LOG if line.stream.startswith("instance/") else "service log, "
        return cls(f"{log}{line.stream}", line.text, line.at)

    @classmethod
    def call(cls, event: ApiCallEvent) -> "Evidence":
        """A call to App Runner's API that was refused."""
        return cls(
            f"{event.action}, called by {event.caller}", f"{event.error_code}: {event.error_message}", event.time
        )

    @classmethod
    def setting(cls, name: str, value: object) -> "Evidence":
        """A setting of the service's configuration."""
        return cls(CONFIGURATION, f"{name}: {value}")


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check returns: never prose. `values` fill the {placeholders} of the rule's title and fix."""

    confidence: Confidence
    evidence: tuple[Evidence, ...]
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a fix: an imperative sentence, and the command for it where there is one.

    It is shown only where the finding fills the placeholders of its command, and has the value that `when` names: so
    one rule can hold the steps for Node.js and those for Python.
    """

    text: str
    command: str = ""
    when: str = ""


# UpdateService takes a source configuration as a whole. The fetched file holds the values of the variables.
CHANGE_SOURCE_CONFIGURATION = (
    "aws apprunner describe-service --service-arn {service_arn} --query Service.SourceConfiguration > source.json\n"
    "# change it in source.json, then\n"
    "aws apprunner update-service --service-arn {service_arn} --source-configuration file://source.json\n"
    "rm source.json"
)


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """A pattern found in a line of a log, at this place."""

    log: Sequence[Line] = field(repr=False)
    at: int
    found: re.Match[str]

    @property
    def line(self) -> Line:
        """The line that it is found in."""
        return self.log[self.at]

    @property
    def before(self) -> str:
        """What its neighbour in the same stream says, if there is one: some messages take two lines."""
        return self._neighbour(self.at - 1)

    @property
    def after(self) -> str:
        """The same of the neighbour behind it."""
        return self._neighbour(self.at + 1)

    def _neighbour(self, at: int) -> str:
        return self.log[at].said if 0 <= at < len(self.log) and self.log[at].stream == self.line.stream else ""

    def __getitem__(self, group: int | str) -> str:
        """The text of a group, empty where it took no part."""
        return self.found[group] or ""


_Name = tuple[str, str]  # of a pattern: the id of its rule, and what the rule calls it


class Scan:
    """Where the patterns of all rules are found. Each log is passed over once, when it is first asked for.

    Asking for a log that is Missing raises `NotSeenError`.
    """

    def __init__(self, rules: Sequence["Rule"], snapshot: Snapshot) -> None:
        """Nothing is searched yet."""
        self._rules = rules
        self._snapshot = snapshot

    @cached_property
    def application(self) -> Mapping[_Name, tuple[Match, ...]]:
        """By rule id and name of the pattern: where it is found in the failing version's log, in time order."""
        return _scan(_application_patterns(self._rules), self._snapshot.application_log.failing)

    @cached_property
    def service(self) -> Mapping[_Name, tuple[Match, ...]]:
        """The same for App Runner's own log."""
        patterns = {(rule.id, name): one for rule in self._rules for name, one in rule.service_patterns.items()}
        return _scan(patterns, self._snapshot.service_log.lines)


@dataclass(frozen=True, slots=True)
class Matches:
    """Where the patterns of one rule are found."""

    rule_id: str
    scan: Scan

    def application(self, name: str) -> tuple[Match, ...]:
        """Where the application pattern is found, in time order."""
        return self.scan.application[self.rule_id, name]

    def service(self, name: str) -> tuple[Match, ...]:
        """Where the service log pattern is found, in time order."""
        return self.scan.service[self.rule_id, name]

    def of(self, *names: str) -> tuple[tuple[str, Match], ...]:
        """Where any of these application patterns is found, with the name of the pattern, in time order."""
        found = ((name, match) for name in names for match in self.application(name))
        return tuple(sorted(found, key=lambda one: one[1].line.at))


def prepare(rules: Sequence["Rule"]) -> None:
    """Make the search for these rules ready before there is a log: it takes a quarter of a second, once."""
    pattern_set(_distinct(_application_patterns(rules)))


def _application_patterns(rules: Sequence["Rule"]) -> Mapping[_Name, str]:
    return {(rule.id, name): one for rule in rules for name, one in rule.application_patterns.items()}


def _distinct(patterns: Mapping[_Name, str]) -> tuple[str, ...]:
    """Several rules may look for the same."""
    return tuple(dict.fromkeys(patterns.values()))


def _scan(patterns: Mapping[_Name, str], lines: tuple[Line, ...]) -> Mapping[_Name, tuple[Match, ...]]:
    distinct = _distinct(patterns)
    # what a logger wrapped, as if it stood alone; and the line of JSON itself, whose other fields tell as well
    texts: list[tuple[int, str]] = []
    for at, line in enumerate(lines):
        texts.append((at, line.said))
        if line.logged:
            texts.append((at, unescaped(line.text)))
    matches: dict[str, dict[int, Match]] = {pattern: {} for pattern in distinct}
    for one, place, found in pattern_set(distinct).search([text for _, text in texts]):
        at, _ = texts[one]
        matches[distinct[place]].setdefault(at, Match(lines, at, found))
    return {key: tuple(matches[pattern].values()) for key, pattern in patterns.items()}


def weight(snapshot: Snapshot) -> Confidence | None:
    """How much an error in the application's log explains; None: nothing, it came up all the same.

    In a service that is live (`Occasion.LIVE`) it is at most `likely`: the rule itself says what is beyond doubt.
    """
    if snapshot.is_live:
        return Confidence.LIKELY
    if snapshot.has_ended:
        return Confidence.CERTAIN
    if not snapshot.came_up:
        return Confidence.LIKELY
    return Confidence.POSSIBLE if snapshot.fails_unseen else None


def weight_of_last_words(snapshot: Snapshot) -> Confidence | None:
    """The same for words that no process survives: they are certain also where no log says that it ended."""
    confidence = weight(snapshot)
    return Confidence.CERTAIN if confidence is Confidence.LIKELY and not snapshot.is_live else confidence


def gravest(found: Sequence[Match], confidence: Confidence) -> tuple[Match, Confidence]:
    """The first match that is not passed over by the application itself; a warning or a retry is at most `likely`."""
    for match in found:
        if not match.line.is_passing:
            return match, confidence
    return found[0], at_most(Confidence.LIKELY, confidence)


def outlived(snapshot: Snapshot, found: Sequence[Match]) -> bool:
    """Whether another stack trace comes after all that was found: the application may have lived with it until then."""
    lines = [match.line for match in found]
    last = snapshot.application_log.traces[-1:]
    return any(trace.head.at > lines[-1].at and not any(line in lines for line in trace.lines) for trace in last)


def at_most(limit: Confidence, confidence: Confidence) -> Confidence:
    """The weaker of the two."""
    return max(limit, confidence, key=tuple(Confidence).index)


def refused(snapshot: Snapshot, pattern: str) -> re.Match[str] | None:
    """Where the error of a call that was refused, its code and its message, holds the pattern."""
    call = snapshot.call
    return re.search(pattern, f"{call.error_code}: {call.error_message}")


class Occasion(StrEnum):
    """What a rule can be asked about."""

    DEPLOYMENT = "deployment"  # an operation that failed, was rolled back, or has not ended yet
    LIVE = "live"  # an operation that succeeded, and how the application has done since
    CALL = "call"  # a call to App Runner's API that was refused
    CUSTOM_DOMAIN = "custom domain"  # the certificate validation of a custom domain


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One known cause. The texts are reviewed as texts; `check` returns evidence only."""

    id: str  # file name and id are the same, with hyphens
    code: str  # of the published vocabulary: what the user must change
    title: str  # no full stop; {placeholders} come from the finding
    phase: Phase
    looks_at: frozenset[str]  # the parts of the snapshot without which it cannot judge, or not always
    why: str
    fix: tuple[Step, ...]
    false_alarms: str  # what looks like it and is not
    docs: str
    rollback: Literal["helps", "does-not-help", "unsafe"]  # could the last healthy image cure it?
    check: Callable[[Snapshot, Matches], Finding | None]
    application_patterns: Mapping[str, str] = field(default_factory=dict)  # by a name: patterns of `re`
    service_patterns: Mapping[str, str] = field(default_factory=dict)
    occasions: frozenset[Occasion] = frozenset({Occasion.DEPLOYMENT})
    gives_way_to: frozenset[str] = frozenset()  # the codes that explain this one: found as well, they come first
    is_generic: bool = False  # says where to look; steps back behind any finer cause
    is_remark: bool = False  # worth fixing, and not why the operation failed; never outranks a cause
