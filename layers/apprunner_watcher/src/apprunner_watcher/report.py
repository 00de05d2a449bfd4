"""Here you find how we say it: a diagnosis becomes the published JSON, a subject line and a mail in plain text."""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from apprunner_watcher.api_call import SERVICE_ARN, ApiCallEvent, Call
from apprunner_watcher.changes import Changes, changes
from apprunner_watcher.decision import Decision
from apprunner_watcher.diagnosis import Cause, Diagnosis, NotJudged, Serving, Verdict
from apprunner_watcher.event import CustomDomainEvent, OperationEvent
from apprunner_watcher.missing import Missing, NotSeenError
from apprunner_watcher.reachability import Check
from apprunner_watcher.rule import Evidence
from apprunner_watcher.service import Configuration
from apprunner_watcher.snapshot import Snapshot

LONGEST_SUBJECT = 99  # SNS: less than 100 characters, ASCII to be safe, no line break
_LONGEST_QUOTE = 1_000
_LAST_LINES = 8
_LONGEST_TRACE = 30
_LONGEST_VALUE = 120
_MOST_CHANGES = 12
_MARKS = {"ok": "[ok]     ", "blocked": "[BLOCKED]", "unknown": "[unknown]"}
_DIGEST = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")
_ACTION = re.compile(r"\b[a-z0-9-]+:[A-Z]\w+")  # rds:DescribeDBInstances
_WIDTH = 88

_OPERATION_WORDS = {
    "CREATE_SERVICE": "service creation",
    "UPDATE_SERVICE": "service update",
    "START_DEPLOYMENT": "deployment",
    "PAUSE_SERVICE": "pausing",
    "RESUME_SERVICE": "resuming",
    "DELETE_SERVICE": "deletion",
}
_VERDICT_WORDS = {
    Verdict.IN_PROGRESS: "is in progress",
    Verdict.FAILED: "failed",
    Verdict.ROLLED_BACK: "failed and was rolled back by App Runner",
    Verdict.ROLLBACK_FAILED: "failed, and App Runner's rollback failed as well",
    Verdict.STUCK: "is stuck",
    Verdict.REJECTED: "was refused",
    Verdict.HEALTHY: "went through",
    Verdict.UNKNOWN: "ended in a state that could not be read",
}
_SERVING_WORDS = {
    Serving.NEW: "Users get the new version.",
    Serving.PREVIOUS: "Users still get the previous version.",
    Serving.NOTHING: "Users get nothing: the service does not run.",
    Serving.UNKNOWN: "What users get right now could not be read.",
}
_STANDING_WORDS = {
    "restored": (
        "The configuration that was attempted is not known: nobody noted it when the operation started, and App Runner"
        " shows the previous one again."
    ),
    "unsure": (
        "The configuration that was attempted is not known for sure: nobody noted it when the operation started, and"
        " App Runner may show the previous one again."
    ),
}


@dataclass(frozen=True, slots=True)
class Report:
    """What is told and recorded. `data` is the published JSON contract (`diagnose --json`)."""

    subject: str
    text: str
    data: dict[str, Any]


def report(snapshot: Snapshot, diagnosis: Diagnosis, decision: Decision) -> Report:
    """Put a diagnosis into words."""
    changed = changes(snapshot)
    data = _data(snapshot, diagnosis, decision, changed)
    return Report(_subject(snapshot, diagnosis), _text(snapshot, diagnosis, decision, changed, data), data)


def report_of_test(requested_by: str) -> Report:
    """The words of a `[TEST]` message."""
    text = (
        "This is a test of App Runner Watcher.\n\n"
        "The event rule, the function, the table and this topic are connected: a failed deployment of an App Runner\n"
        "service in this account and Region will be explained here.\n\n"
        f"Requested by {requested_by} with `apprunner-watcher send-test`. Nothing needs to be done.\n"
    )
    data = {"service": {"name": "test", "arn": ""}, "verdict": "test", "severity": "info", "causes": []}
    return Report("[TEST] App Runner Watcher is connected", text, data)


def _data(snapshot: Snapshot, diagnosis: Diagnosis, decision: Decision, changed: Changes) -> dict[str, Any]:
    event = snapshot.event
    history = diagnosis.history
    return {
        "service": {"name": _service_name(snapshot), "arn": getattr(event, "service_arn", "")},
        "operation": {**_operation(snapshot), "called_by": _called_by(snapshot)},
        "verdict": diagnosis.verdict.value,
        "serving": diagnosis.serving.value,
        "severity": diagnosis.severity.value,
        "causes": [_cause(cause) for cause in diagnosis.causes],
        "remarks": [_cause(remark) for remark in diagnosis.remarks],
        "checks": [
            {"what": one.what, "result": one.result, "because": one.because, "path": list(one.path)}
            for one in _checks(snapshot)
        ],
        "changes": [{"what": one.what, "before": one.before, "after": one.after} for one in changed.listed],
        "history": {
            "failed_in_a_row": history.failed_in_a_row if history else None,
            "last_success_at": _iso(history.last_success_at) if history and history.last_success_at else None,
        },
        "not_judged": [{"rule": one.rule, "reason": one.reason} for one in diagnosis.not_judged],
        "not_seen": [{"what": one.what, "why": one.why, "allow": one.allow} for one in diagnosis.not_seen],
        "decision": {"action": decision.action, "reason": decision.reason},
    }


def _checks(snapshot: Snapshot) -> tuple[Check, ...]:
    try:
        return snapshot.checks
    except NotSeenError:
        return ()


def _domains(snapshot: Snapshot) -> tuple[tuple[str, str], ...]:
    """The service's custom domains, and how far they are; nothing where that could not be read."""
    try:
        return tuple((one.name, one.status) for one in snapshot.custom_domains)
    except NotSeenError:
        return ()


def _service_name(snapshot: Snapshot) -> str:
    return getattr(snapshot.event, "service_name", "")


def _operation(snapshot: Snapshot) -> dict[str, str]:
    if isinstance(snapshot.event, ApiCallEvent):
        return {"id": "", "type": snapshot.event.action, "status": snapshot.event.error_code}
    try:
        operation = snapshot.operation
    except NotSeenError:
        kind = snapshot.event.operation.value if isinstance(snapshot.event, OperationEvent) else ""
        return {"id": "", "type": kind, "status": ""}
    return {"id": operation.id, "type": operation.type, "status": operation.status}


def _called_by(snapshot: Snapshot) -> dict[str, str] | None:
    """Who called App Runner, where that is known."""
    call = _call(snapshot)
    if not call:
        return None
    return {"arn": call.caller, "action": call.action, "agent": call.user_agent, "at": _iso(call.time)}


def _call(snapshot: Snapshot) -> Call | None:
    if isinstance(snapshot.event, ApiCallEvent):
        return snapshot.event
    try:
        return snapshot.began_by
    except NotSeenError:
        return None


def _cause(cause: Cause) -> dict[str, Any]:
    return {
        "code": cause.rule.code,
        "rule": cause.rule.id,
        "confidence": cause.confidence.value,
        "title": cause.title,
        "evidence": [
            {"where": one.where, "at": _iso(one.at) if one.at else None, "saw": _quote(one)}
            for one in (*cause.evidence, *cause.context)
        ],
        "why": cause.rule.why,
        "fix": [{"text": step.text, "command": step.command} for step in cause.fix],
        "rollback": cause.rule.rollback,
        "docs": cause.rule.docs,
    }


def _quote(evidence: Evidence) -> str:
    saw = evidence.saw
    return (
        saw
        if len(saw) <= _LONGEST_QUOTE
        else f"{saw[:_LONGEST_QUOTE]} … [cut: {len(saw) - _LONGEST_QUOTE} more characters]"
    )


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _at(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _subject(snapshot: Snapshot, diagnosis: Diagnosis) -> str:
    operation = _operation_words(snapshot)
    answer = diagnosis.causes[0].title if diagnosis.causes else "cause not known"
    if isinstance(snapshot.event, CustomDomainEvent):
        return subject_line(f"{_name(snapshot)}: custom domain not validated - {answer}")
    return subject_line(f"{_name(snapshot)}: {operation} {diagnosis.verdict.value.replace('_', ' ')} - {answer}")


def _name(snapshot: Snapshot) -> str:
    return _service_name(snapshot) or "App Runner"


def _operation_words(snapshot: Snapshot) -> str:
    kind = _operation(snapshot)["type"]
    return kind if isinstance(snapshot.event, ApiCallEvent) else _OPERATION_WORDS.get(kind, "operation")


def subject_line(text: str) -> str:
    """`text` as SNS accepts it for a subject: printable ASCII on one line, less than 100 characters."""
    ascii_text = re.sub(r"[^ -~]+", " ", text).strip() or "App Runner Watcher"
    if len(ascii_text) <= LONGEST_SUBJECT:
        return ascii_text
    whole_words, _, _ = ascii_text[: LONGEST_SUBJECT - 3].rpartition(" ")
    return f"{whole_words or ascii_text[: LONGEST_SUBJECT - 3]}..."


def _text(snapshot: Snapshot, diagnosis: Diagnosis, decision: Decision, changed: Changes, data: dict[str, Any]) -> str:
    sections = (
        _headline(snapshot, diagnosis, data),
        *(_cause_section(number, cause) for number, cause in enumerate(diagnosis.causes)),
        *([] if diagnosis.causes else [_no_cause(snapshot, diagnosis)]),
        _changed(changed, diagnosis),
        _checked(snapshot),
        _remarked(diagnosis.remarks),
        _now(diagnosis, decision),
        _second_look(snapshot),
        _gaps(snapshot, diagnosis),
        _links(data["service"]["arn"]),
    )
    return "\n\n".join("\n".join(lines) for section in sections if (lines := list(section))) + "\n"


def _headline(snapshot: Snapshot, diagnosis: Diagnosis, data: dict[str, Any]) -> Iterator[str]:
    if isinstance(snapshot.event, CustomDomainEvent):
        yield f"{data['service']['name']}: the validation of a custom domain moved."
        yield from (f"{name} is {status}." for name, status in _domains(snapshot))
        return
    if isinstance(snapshot.event, ApiCallEvent):
        yield from _headline_of_call(snapshot.event, diagnosis)
        return
    yield f"{data['service']['name']}: the {_operation_words(snapshot)} {_VERDICT_WORDS[diagnosis.verdict]}."
    yield _SERVING_WORDS[diagnosis.serving]
    region, account = data["service"]["arn"].split(":")[3:5]
    yield f"Region {region}, account {account}."
    history = diagnosis.history
    if history and history.failed_in_a_row > 1:
        since = (
            f"the last success was at {_at(history.last_success_at)}"
            if history.last_success_at
            else "none of the last operations succeeded"
        )
        yield f"It is the {_ordinal(history.failed_in_a_row)} failure in a row; {since}."
    try:
        started = snapshot.operation
    except NotSeenError:
        return
    end = f", ended {_at(started.ended_at)}" if started.ended_at else ""
    yield f"Started {_at(started.started_at)}{end}."
    if call := _call(snapshot):
        yield f"{call.action} was called by {_caller(call)}."


def _headline_of_call(call: ApiCallEvent, diagnosis: Diagnosis) -> Iterator[str]:
    yield f"{call.service_name or 'App Runner'}: {call.action} {_VERDICT_WORDS[diagnosis.verdict]}."
    yield "Nothing was changed: the service is as it was before the call."
    yield f"Region {call.region}, account {call.account}."
    yield f"Called at {_at(call.time)} by {_caller(call)}."


def _caller(call: Call) -> str:
    return f"{call.caller} with {call.user_agent[:_LONGEST_VALUE]}" if call.user_agent else call.caller


def _sentence(title: str) -> str:
    """A title may end with words of the application, whole or cut."""
    return title if title.endswith((".", "…", "!", "?")) else f"{title}."


def _cause_section(number: int, cause: Cause) -> Iterator[str]:
    if number == 0:
        yield f"WHY ({cause.confidence.value})"
    else:
        yield f"OR ({cause.confidence.value})"
    yield from _wrapped(_sentence(cause.title))
    yield ""
    for one in cause.evidence:
        yield f"  > {_quote(one)}"
        yield f"    {one.where}{f', {_at(one.at)}' if one.at else ''}"
    if cause.context:
        yield "  beside it:"
        yield from (f"  | {_quote(one)}" for one in cause.context)
    if number > 0:
        return
    yield ""
    yield from _wrapped(cause.rule.why)
    yield ""
    yield "WHAT TO CHANGE"
    for count, step in enumerate(cause.fix, 1):
        yield from _wrapped(f"{count}. {step.text}", hanging="   ")
        yield from (f"     {line}" for line in step.command.splitlines())
    yield f"   More: {cause.rule.docs}"
    if cause.rule.false_alarms and cause.confidence.value != "certain":
        yield from _wrapped(f"Mind: {cause.rule.false_alarms}")


def _no_cause(snapshot: Snapshot, diagnosis: Diagnosis) -> Iterator[str]:
    if diagnosis.verdict is Verdict.HEALTHY:
        yield from _wrapped(
            f"There is nothing to explain: none of {diagnosis.looked_at} rules for services that run found a cause."
        )
        return
    if isinstance(snapshot.event, CustomDomainEvent):
        yield "WHY"
        yield from _wrapped(
            f"Not known: none of {diagnosis.looked_at} rules found a validation record that is missing."
        )
        return
    yield "WHY"
    yield from _wrapped(f"Not known: none of {diagnosis.looked_at} rules found its cause in what could be seen.")
    if isinstance(snapshot.event, ApiCallEvent):
        yield "App Runner said:"
        yield f"  > {_quote(Evidence.call(snapshot.event))}"
        return
    lines = _last_lines(snapshot)
    if lines:
        yield "The last lines of the new version:"
        yield from (f"  > {line}" for line in lines)


def _last_lines(snapshot: Snapshot) -> list[str]:
    """The last lines, from the beginning of the stack trace that they are part of."""
    try:
        log = snapshot.application_log
    except NotSeenError:
        return []
    first = max(0, len(log.failing) - _LAST_LINES)
    for trace in log.traces[-1:]:
        head = log.failing.index(trace.head)
        first = head if first - _LONGEST_TRACE < head < first < head + len(trace.lines) else first
    return [line.text[:_LONGEST_QUOTE] for line in log.failing[first:]]


def _changed(changed: Changes, diagnosis: Diagnosis) -> Iterator[str]:
    if not changed.since:
        if diagnosis.history and diagnosis.history.last_success_at and diagnosis.verdict is not Verdict.HEALTHY:
            yield "CHANGED since it last worked: not known, nobody noted how it was then."
        return
    yield from _wrapped(f"CHANGED since {changed.since}")
    if not changed.listed:
        yield "  nothing that could be seen"
    for one in changed.listed[:_MOST_CHANGES]:
        yield from _wrapped(f"- {one.what}: {_short(one.before)} -> {_short(one.after)}", hanging="  ")
    if more := len(changed.listed[_MOST_CHANGES:]) + changed.unlisted:
        yield f"  and {more} more"


def _short(value: str) -> str:
    return _DIGEST.sub(r"\1…", value)[:_LONGEST_VALUE]


def _checked(snapshot: Snapshot) -> Iterator[str]:
    """The checklist. What is in order takes one line; of what is blocked, the way is shown to where it ends."""
    checks = _checks(snapshot)
    if not checks:
        return
    yield "CHECKED"
    for one in checks:
        yield f"{_MARKS[one.result]} {one.what}"
        *passed, last = one.path or (one.because,)
        if one.result == "blocked":
            yield from (f"          - {hop}" for hop in passed)
            yield f"          x {last}"
        elif one.result == "unknown":
            yield from _wrapped(f"          {one.because}", hanging="          ")


def _remarked(remarks: tuple[Cause, ...]) -> Iterator[str]:
    if remarks:
        yield "ALSO WORTH FIXING"
    for remark in remarks:
        yield from _wrapped(_sentence(remark.title))
        for one in remark.evidence:
            yield f"  > {_quote(one)}"
            yield f"    {one.where}"
        for step in remark.fix:
            yield from _wrapped(f"- {step.text}", hanging="  ")
            yield from (f"    {line}" for line in step.command.splitlines())


def _second_look(snapshot: Snapshot) -> Iterator[str]:
    if snapshot.needs_second_look:
        yield from _wrapped(
            "The application's log was still empty when this was written, moments after the operation ended. Lines may"
            " come late: look at the log again in a few minutes."
        )


def _now(diagnosis: Diagnosis, decision: Decision) -> Iterator[str]:
    if diagnosis.verdict in {Verdict.HEALTHY, Verdict.IN_PROGRESS, Verdict.REJECTED, Verdict.UNKNOWN}:
        return
    yield "ROLLBACK"
    if diagnosis.verdict is Verdict.ROLLED_BACK:
        yield "App Runner has put the previous version back by itself. The watcher did nothing:"
    else:
        yield "The watcher did nothing:"
    yield f"{decision.reason}."


def _gaps(snapshot: Snapshot, diagnosis: Diagnosis) -> Iterator[str]:
    configuration = snapshot.parts.configuration
    is_call = isinstance(snapshot.event, ApiCallEvent)
    if isinstance(configuration, Configuration) and configuration.standing in _STANDING_WORDS and not is_call:
        yield from _wrapped(_STANDING_WORDS[configuration.standing])
    if diagnosis.not_seen:
        yield "COULD NOT SEE"
        yield from _not_seen(diagnosis.not_seen)
    if diagnosis.not_judged:
        rules = _listed(diagnosis.not_judged)
        yield from _wrapped(f"Could not judge {len(diagnosis.not_judged)} of {diagnosis.looked_at} rules: {rules}.")


def _not_seen(missing: tuple[Missing, ...]) -> Iterator[str]:
    """What is missing for the same kind of reason stands together; permissions are named to the letter."""
    by_reason: dict[str, list[str]] = {}
    for one in missing:
        if one.allow:
            yield from _wrapped(f"- {one.what}: {one.why}", hanging="  ")
            yield f"  Allow {one.allow} to the watcher's role."
        else:
            by_reason.setdefault(_ACTION.sub("the call", one.why), []).append(one.what)
    for reason, what in by_reason.items():
        yield from _wrapped(f"- {', '.join(dict.fromkeys(what))}: {reason}", hanging="  ")


def _listed(not_judged: tuple[NotJudged, ...], most: int = 8) -> str:
    names = [one.rule for one in not_judged]
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _links(arn: str) -> Iterator[str]:
    found = SERVICE_ARN.fullmatch(arn)
    if not found:
        return
    region, name, service_id = found["region"], found["name"], found["id"]
    console = f"https://{region}.console.aws.amazon.com"
    group = f"/aws/apprunner/{name}/{service_id}/application".replace("/", "$252F")
    yield f"Service: {console}/apprunner/home?region={region}#/services/dashboard?service_arn={arn}"
    yield f"Log:     {console}/cloudwatch/home?region={region}#logsV2:log-groups/log-group/{group}"


def _wrapped(text: str, hanging: str = "") -> list[str]:
    return textwrap.wrap(text, _WIDTH, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False)


def _ordinal(number: int) -> str:
    suffix = "th" if number % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"
