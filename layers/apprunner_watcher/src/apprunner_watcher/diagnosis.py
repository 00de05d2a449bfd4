"""Here you find what it means: a snapshot becomes a verdict, ranked causes, and what could not be judged."""

import logging
import re
import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from apprunner_watcher.api_call import ApiCallEvent
from apprunner_watcher.event import OperationEvent, OperationType, Stage
from apprunner_watcher.log import Line
from apprunner_watcher.missing import Missing, NotSeenError
from apprunner_watcher.rule import (
    APPLICATION_LOG,
    SETTINGS,
    Confidence,
    Evidence,
    Finding,
    Match,
    Matches,
    Occasion,
    Phase,
    Rule,
    Scan,
    Step,
    prepare,
)
from apprunner_watcher.rules import CATALOGUE
from apprunner_watcher.service import ServiceStatus
from apprunner_watcher.snapshot import IN_PROGRESS, OperationStatus, Snapshot

_log = logging.getLogger(__name__)

MOST_CAUSES = 3
# Image deployments take 2 to 5 minutes, source deployments 5 to 20, a failing health check up to 20.
STUCK_AFTER = timedelta(minutes=30)


class Verdict(StrEnum):
    """The outcome of the operation, never whether a cause was found."""

    IN_PROGRESS = "in_progress"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"
    ROLLBACK_FAILED = "rollback_failed"
    STUCK = "stuck"
    REJECTED = "rejected"
    HEALTHY = "healthy"
    UNKNOWN = "unknown"


class Serving(StrEnum):
    """What users of the service get right now."""

    NEW = "new"
    PREVIOUS = "previous"
    NOTHING = "nothing"
    UNKNOWN = "unknown"


class Severity(StrEnum):
    """How soon somebody should look."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Cause:
    """A finding with its rule's texts, placeholders filled."""

    rule: Rule
    confidence: Confidence
    title: str
    evidence: tuple[Evidence, ...]
    fix: tuple[Step, ...]
    context: tuple[Evidence, ...] = ()  # the lines beside the one that proves it


@dataclass(frozen=True, slots=True)
class NotJudged:
    """A rule that could not judge, and why."""

    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class History:
    """What the last operations tell, this one included."""

    failed_in_a_row: int
    last_success_at: datetime | None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The answer. `causes` has at most three, the first is the answer; none means "not known".

    `remarks` are worth fixing and did not make the operation fail.
    """

    verdict: Verdict
    serving: Serving
    severity: Severity
    causes: tuple[Cause, ...]
    remarks: tuple[Cause, ...]
    history: History | None
    not_judged: tuple[NotJudged, ...]
    not_seen: tuple[Missing, ...]
    looked_at: int  # rules that were asked


def diagnose(snapshot: Snapshot, catalogue: tuple[Rule, ...] = CATALOGUE) -> Diagnosis:
    """Judge a snapshot. Pure: the same snapshot gives the same answer; never raises for what a snapshot holds."""
    verdict = _verdict(snapshot)
    serving = _serving(snapshot, verdict)
    occasion = _occasion(snapshot)
    asked = _asked(catalogue, occasion)
    scan = Scan(asked, snapshot)
    findings: list[tuple[Rule, Finding]] = []
    not_judged: list[NotJudged] = []
    for rule in asked:
        try:
            finding = rule.check(snapshot, Matches(rule.id, scan))
            if finding and not rule.is_remark:
                finding = _weighed(finding, _matched(rule, finding, scan), snapshot)
        except NotSeenError as not_seen:
            not_judged.append(NotJudged(rule.id, str(not_seen)))
        except Exception:  # noqa: BLE001  # one broken rule must not hide what the others see; the trace goes to the log
            _log.exception("rule %s crashed", rule.id)
            not_judged.append(NotJudged(rule.id, "the rule crashed, see the function's log"))
        else:
            if finding:
                findings.append((rule, finding))
    return Diagnosis(
        verdict=verdict,
        serving=serving,
        severity=_severity(verdict, serving),
        causes=_ranked([(rule, finding) for rule, finding in findings if not rule.is_remark], snapshot),
        remarks=tuple(_cause(rule, finding) for rule, finding in findings if rule.is_remark),
        history=_history(snapshot),
        not_judged=tuple(not_judged),
        not_seen=snapshot.missing,
        looked_at=len(asked),
    )


def prepare_for_deployments() -> None:
    """Do now what the first diagnosis of a deployment would take a quarter of a second longer for."""
    prepare(_asked(CATALOGUE, Occasion.DEPLOYMENT))


def _asked(catalogue: tuple[Rule, ...], occasion: Occasion) -> tuple[Rule, ...]:
    return tuple(rule for rule in catalogue if occasion in rule.occasions)


def _occasion(snapshot: Snapshot) -> Occasion:
    if isinstance(snapshot.event, ApiCallEvent):
        return Occasion.CALL
    if not isinstance(snapshot.event, OperationEvent):
        return Occasion.CUSTOM_DOMAIN
    return Occasion.LIVE if snapshot.is_live else Occasion.DEPLOYMENT


_VERDICT_OF_STATUS: Mapping[str, Verdict] = {
    OperationStatus.SUCCEEDED: Verdict.HEALTHY,
    OperationStatus.FAILED: Verdict.FAILED,
    OperationStatus.ROLLBACK_SUCCEEDED: Verdict.ROLLED_BACK,
    OperationStatus.ROLLBACK_FAILED: Verdict.ROLLBACK_FAILED,
}


def _verdict(snapshot: Snapshot) -> Verdict:
    """ListOperations is believed before the event: only there a rollback shows. But the list may lag behind."""
    event = snapshot.event
    if isinstance(event, ApiCallEvent) and event.error_code:
        return Verdict.REJECTED
    if not isinstance(event, OperationEvent):
        return Verdict.UNKNOWN
    try:
        operation = snapshot.operation
    except NotSeenError:
        return _verdict_of_event(event)
    if operation.status in _VERDICT_OF_STATUS:
        return _VERDICT_OF_STATUS[operation.status]
    if operation.status in IN_PROGRESS and event.stage is Stage.STARTED:
        is_stuck = snapshot.taken_at - operation.started_at > STUCK_AFTER
        return Verdict.STUCK if is_stuck else Verdict.IN_PROGRESS
    return _verdict_of_event(event)


def _verdict_of_event(event: OperationEvent) -> Verdict:
    outcomes = {Stage.STARTED: Verdict.UNKNOWN, Stage.SUCCEEDED: Verdict.HEALTHY, Stage.FAILED: Verdict.FAILED}
    return outcomes[event.stage]


def _serving(snapshot: Snapshot, verdict: Verdict) -> Serving:
    try:
        status = snapshot.service.status
    except NotSeenError:
        return Serving.UNKNOWN
    if status in {ServiceStatus.CREATE_FAILED, ServiceStatus.PAUSED, ServiceStatus.DELETED}:
        return Serving.NOTHING
    event = snapshot.event
    creates = isinstance(event, OperationEvent) and event.operation is OperationType.CREATE_SERVICE
    if verdict is Verdict.HEALTHY:
        return Serving.NEW if status == ServiceStatus.RUNNING else Serving.UNKNOWN
    if verdict in {Verdict.IN_PROGRESS, Verdict.STUCK, Verdict.FAILED, Verdict.ROLLED_BACK, Verdict.REJECTED}:
        return Serving.NOTHING if creates else Serving.PREVIOUS
    return Serving.UNKNOWN


def _severity(verdict: Verdict, serving: Serving) -> Severity:
    if verdict in {Verdict.HEALTHY, Verdict.IN_PROGRESS}:
        return Severity.INFO
    if serving is Serving.NOTHING or verdict is Verdict.ROLLBACK_FAILED:
        return Severity.CRITICAL
    return Severity.WARNING


def _history(snapshot: Snapshot) -> History | None:
    try:
        operation = snapshot.operation
    except NotSeenError:
        return None
    success = snapshot.operations.last_success_before(operation)
    return History(
        failed_in_a_row=snapshot.operations.failed_in_a_row_until(operation),
        last_success_at=success.ended_at if success else None,
    )


_ORDER = tuple(Confidence)


def _ranked(findings: Sequence[tuple[Rule, Finding]], snapshot: Snapshot) -> tuple[Cause, ...]:
    """Certain before likely before possible; then the earlier phase; then what was seen first.

    What explains another cause comes before it, however sure the two are, unless it is no more than possible. A
    generic cause says where to look: it steps back as soon as a finer one is at least likely.
    """
    weighed = list(findings)
    if any(not rule.is_generic and finding.confidence is not Confidence.POSSIBLE for rule, finding in weighed):
        weighed = [(rule, finding) for rule, finding in weighed if not rule.is_generic]
    order = _order_of_lines(snapshot) if len(weighed) > 1 else lambda _: _FIRST
    weighed.sort(
        key=lambda one: (
            _ORDER.index(one[1].confidence),
            one[0].is_generic,
            one[0].phase,
            min((order(each) for each in one[1].evidence if each.at), default=_FIRST),
        )
    )
    best_of_code: dict[str, Cause] = {}
    for rule, finding in weighed:
        best_of_code.setdefault(rule.code, _cause(rule, finding))
    causes = tuple(_explained(list(best_of_code.values())))[:MOST_CAUSES]
    return (_in_context(causes[0], snapshot), *causes[1:]) if causes else ()


def _explained(causes: list[Cause]) -> Iterator[Cause]:
    """The same causes, each behind those that explain it. What is explained is no more than a possible cause itself.

    Nor is what rests on the same line as a cause before it: a line proves one.
    """
    told: set[str] = set()
    proofs: set[Evidence] = set()
    while causes:
        explaining = {one.rule.code for one in causes if one.confidence is not Confidence.POSSIBLE}
        first = next((one for one in causes if not one.rule.gives_way_to & explaining - {one.rule.code}), causes[0])
        causes.remove(first)
        is_explained = first.rule.gives_way_to & told or first.evidence[0] in proofs
        yield replace(first, confidence=Confidence.POSSIBLE) if is_explained else first
        if first.confidence is not Confidence.POSSIBLE:
            told.add(first.rule.code)
            proofs.update(one for one in first.evidence if one.at)


_LINES_AROUND = 3
# frames of stack traces, rulers and arrows: they say where, and not what
_SAYS_NOTHING = re.compile(r"^[\W_]*$|^\s+at |^\s*File \"|^\s*from \S+:\d|^\s*\.{3} \d+ |^\t")


def _in_context(cause: Cause, snapshot: Snapshot) -> Cause:
    """The same cause; with the line that proves it stand its neighbours, since a message often takes several lines."""
    proof = next((one for one in cause.evidence if one.where.startswith(APPLICATION_LOG)), None)
    log = snapshot.parts.application_log
    if not proof or isinstance(log, Missing):
        return cause
    stream = proof.where.removeprefix(APPLICATION_LOG)
    lines = [line for line in log.failing if line.stream == stream]
    at = next((place for place, line in enumerate(lines) if (line.at, line.text) == (proof.at, proof.saw)), None)
    if at is None:
        return cause
    seen = {one.saw for one in cause.evidence}
    around = [*_telling(lines[:at][::-1], seen, 1)[::-1], *_telling(lines[at + 1 :], seen, _LINES_AROUND)]
    return replace(cause, context=tuple(Evidence.of(line) for line in around))


def _telling(lines: Sequence[Line], seen: set[str], most: int) -> list[Line]:
    """The first lines that say something and have not been quoted."""
    near = lines[: 4 * most]
    return [line for line in near if not _SAYS_NOTHING.search(line.text) and line.text not in seen][:most]


_Place = tuple[float, int, float]
_FIRST: _Place = (0.0, 0, 0.0)


def _order_of_lines(snapshot: Snapshot) -> Callable[[Evidence], _Place]:
    """When something was seen. Of the lines of one stack trace the one that names the root exception counts first."""
    log = snapshot.parts.application_log
    traced: dict[tuple[datetime | None, str], _Place] = {}
    if not isinstance(log, Missing):
        for trace in log.traces:
            for line in trace.lines:
                is_root = line is trace.root
                traced.setdefault(
                    (line.at, line.text), (trace.head.at.timestamp(), 0 if is_root else 1, _seconds(line.at))
                )

    def place(evidence: Evidence) -> _Place:
        seconds = _seconds(evidence.at)
        return traced.get((evidence.at, evidence.saw), (seconds, 0, seconds))

    return place


def _seconds(at: datetime | None) -> float:
    return at.timestamp() if at else 0.0


def _weighed(finding: Finding, matched: Sequence[Match], snapshot: Snapshot) -> Finding | None:
    """What is left of a claim that rests on less than it says.

    No claim above `possible` rests on a configuration alone that may not be the one that was attempted, nor on lines
    with which the application did not stop: it says that it does without, or came to listen later. Of a service that is
    live such lines say nothing at all.
    """
    rests_on_settings = all(one.where in SETTINGS for one in finding.evidence)
    if rests_on_settings and snapshot.configuration.standing != "attempted":
        return replace(finding, confidence=Confidence.POSSIBLE)
    if not _is_overcome(finding, matched, snapshot):
        return finding
    return None if snapshot.is_live else replace(finding, confidence=Confidence.POSSIBLE)


def _matched(rule: Rule, finding: Finding, scan: Scan) -> Sequence[Match]:
    """All that the rule looks for and is in the application's log, where that is what it shows."""
    is_told = finding.evidence[0].where.startswith(APPLICATION_LOG)
    # of a health check or of a browser the answers to other requests say nothing
    names = rule.application_patterns if is_told and rule.phase <= Phase.START else ()
    return [match for name in names for match in scan.application[rule.id, name]]


def _is_overcome(finding: Finding, matched: Sequence[Match], snapshot: Snapshot) -> bool:
    """Whether what the application says of the problem is also that it went on."""
    proof = finding.evidence[0]
    line = next((one.line for one in matched if (one.line.at, one.line.text) == (proof.at, proof.saw)), None)
    if line and line.is_dismissed:
        return True
    if not matched or not all(
        one.where in SETTINGS or one.where.startswith(APPLICATION_LOG) for one in finding.evidence
    ):
        return False
    log, last = snapshot.application_log, max((one.line for one in matched), key=lambda line: line.at)
    if snapshot.is_live:
        # what is beyond doubt is so for some requests, and not for others
        return log.comes_up_behind(last) or (finding.confidence is not Confidence.CERTAIN and log.answers_behind(last))
    return log.answers_behind(last) or (snapshot.has_ended and log.comes_up_behind(last))


class _Values(dict[str, str]):
    """A placeholder that the finding did not fill stays readable instead of raising."""

    def __missing__(self, key: str) -> str:
        return f"<{key}>"


def _cause(rule: Rule, finding: Finding) -> Cause:
    values = _Values(finding.values)
    return Cause(
        rule=rule,
        confidence=finding.confidence,
        title=rule.title.format_map(values),
        evidence=finding.evidence,
        fix=tuple(
            Step(step.text.format_map(values), step.command.format_map(values))
            for step in rule.fix
            # a command with a gap is no help
            if _names(step.command) <= finding.values.keys() and (not step.when or finding.values.get(step.when))
        ),
    )


def _names(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}
