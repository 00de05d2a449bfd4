"""A snapshot becomes a verdict and ranked causes; what cannot be judged is said; no rule hides the others."""

import dataclasses
import json
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apprunner_watcher.aws.replay import replay
from apprunner_watcher.diagnosis import MOST_CAUSES, Serving, Severity, Verdict, diagnose
from apprunner_watcher.log import Line
from apprunner_watcher.missing import Missing
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Occasion, Phase, Rule, Step
from apprunner_watcher.rules import CATALOGUE
from apprunner_watcher.snapshot import Parts, Snapshot
from tests.conftest import SEEDS, seed

See = Callable[..., Snapshot]
LINE = Evidence("application log, instance/a", "a line")


def rule(
    name: str,
    confidence: Confidence = Confidence.LIKELY,
    phase: Phase = Phase.START,
    *,
    evidence: tuple[Evidence, ...] = (LINE,),
    generic: bool = False,
    check: Callable[[Snapshot, Matches], Finding | None] | None = None,
) -> Rule:
    return Rule(
        id=name,
        code=name,
        title=f"Title of {name}",
        phase=phase,
        looks_at=frozenset(),
        why="",
        fix=(),
        false_alarms="",
        docs="https://example.com",
        rollback="helps",
        check=check or (lambda _s, _m: Finding(confidence, evidence)),
        is_generic=generic,
    )


def codes(snapshot: Snapshot, *rules: Rule) -> list[str]:
    return [cause.rule.code for cause in diagnose(snapshot, rules).causes]


@pytest.mark.parametrize("file", SEEDS, ids=lambda file: file.stem)
def test_the_seeds_give_what_is_expected(file: Any, seen: See) -> None:
    expected = seed(file.stem)["expect"]
    causes = diagnose(seen(file.stem)).causes
    claimed = {cause.rule.code for cause in causes if cause.confidence is not Confidence.POSSIBLE}
    assert not claimed & set(expected["never"])
    ranks = list(reversed(Confidence))
    at_most = Confidence(expected.get("at_most", "certain"))
    assert all(ranks.index(cause.confidence) <= ranks.index(at_most) for cause in causes)
    if not expected["causes"]:
        assert not claimed
        return
    assert causes[0].rule.code in expected["causes"]
    quoted = "\n".join(one.saw for one in causes[0].evidence)
    assert all(text in quoted for text in expected.get("evidence", []))


@pytest.mark.parametrize(
    ("name", "verdict", "serving", "severity"),
    [
        ("seed-steno-prod-backend-failed", Verdict.ROLLED_BACK, Serving.PREVIOUS, Severity.WARNING),
        ("seed-steno-prod-backend-stuck", Verdict.IN_PROGRESS, Serving.PREVIOUS, Severity.INFO),
        ("seed-nerava-v32", Verdict.FAILED, Serving.NOTHING, Severity.CRITICAL),
        ("seed-nerava-debug-image", Verdict.FAILED, Serving.NOTHING, Severity.CRITICAL),
        ("seed-nerava-backend-in-progress", Verdict.IN_PROGRESS, Serving.NOTHING, Severity.INFO),
        ("seed-tara-after-fix", Verdict.HEALTHY, Serving.NEW, Severity.INFO),
    ],
)
def test_verdict_serving_severity(name: str, verdict: Verdict, serving: Serving, severity: Severity, seen: See) -> None:
    diagnosis = diagnose(seen(name))
    assert (diagnosis.verdict, diagnosis.serving, diagnosis.severity) == (verdict, serving, severity)


def operations(content: dict[str, Any]) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = content["aws"]["apprunner:ListOperations"][0]["response"]["OperationSummaryList"]
    return listed


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ("FAILED", Verdict.FAILED),
        ("ROLLBACK_FAILED", Verdict.ROLLBACK_FAILED),
        ("IN_PROGRESS", Verdict.FAILED),  # the list lags behind the event
        ("ROLLBACK_IN_PROGRESS", Verdict.FAILED),
        ("A_NEW_STATUS", Verdict.FAILED),
    ],
)
def test_the_verdict_of_a_failed_event(status: str, verdict: Verdict, seen: See) -> None:
    def change(content: dict[str, Any]) -> None:
        operations(content)[0]["Status"] = status

    assert diagnose(seen(change=change)).verdict is verdict


def test_a_success_event_of_a_rolled_back_operation_is_not_believed(seen: See) -> None:
    def change(content: dict[str, Any]) -> None:
        content["event"]["detail"]["operationStatus"] = "DeploymentCompletedSuccessfully"

    assert diagnose(seen(change=change)).verdict is Verdict.ROLLED_BACK


def test_an_operation_that_takes_too_long_is_stuck(seen: See) -> None:
    def change(content: dict[str, Any]) -> None:
        content["recorded_at"] = "2025-11-13T07:43:00Z"  # 31 minutes after the start

    diagnosis = diagnose(seen("seed-steno-prod-backend-stuck", change))
    assert (diagnosis.verdict, diagnosis.severity) == (Verdict.STUCK, Severity.WARNING)


def test_history(seen: See) -> None:
    history = diagnose(seen("seed-nerava-v32-rollback")).history
    assert history
    assert history.failed_in_a_row == 6
    assert history.last_success_at


def test_certain_before_likely_before_possible(seen: See) -> None:
    ranked = codes(
        seen(),
        rule("possible", Confidence.POSSIBLE, Phase.BUILD),
        rule("likely", Confidence.LIKELY, Phase.IMAGE),
        rule("certain", Confidence.CERTAIN, Phase.HEALTH),
    )
    assert ranked == ["certain", "likely", "possible"]


def test_the_earlier_phase_explains_the_later(seen: See) -> None:
    assert codes(seen(), rule("health", phase=Phase.HEALTH), rule("start", phase=Phase.START)) == ["start", "health"]


def test_what_was_seen_first_comes_first(seen: See) -> None:
    snapshot = seen()
    lines = snapshot.application_log.failing
    first, later = Evidence.of(lines[0]), Evidence.of(lines[-1])
    assert codes(snapshot, rule("later", evidence=(later,)), rule("first", evidence=(first,))) == ["first", "later"]


def test_a_generic_cause_steps_back_behind_a_finer_one(seen: See) -> None:
    snapshot = seen()
    generic = rule("generic", generic=True)
    assert codes(snapshot, generic, rule("finer")) == ["finer"]
    assert codes(snapshot, generic, rule("hint", Confidence.POSSIBLE)) == ["generic", "hint"]
    assert codes(snapshot, generic) == ["generic"]


def test_what_explains_another_cause_comes_before_it(seen: See) -> None:
    snapshot = seen()
    effect = dataclasses.replace(rule("effect", Confidence.CERTAIN, Phase.BUILD), gives_way_to=frozenset({"reason"}))
    assert codes(snapshot, effect, rule("reason", phase=Phase.LIVE)) == ["reason", "effect"]
    assert codes(snapshot, effect, rule("reason", Confidence.POSSIBLE)) == ["effect", "reason"]
    assert codes(snapshot, effect, rule("another")) == ["effect", "another"]
    chain = dataclasses.replace(rule("reason"), gives_way_to=frozenset({"root"}))
    assert codes(snapshot, effect, chain, rule("root", phase=Phase.LIVE)) == ["root", "reason", "effect"]


def test_a_line_proves_one_cause(seen: See) -> None:
    snapshot = with_lines(seen(), "one line\nanother line")
    one, another = (Evidence.of(line) for line in snapshot.application_log.failing)
    rules = (rule("first", evidence=(one,)), rule("same", evidence=(one,)), rule("other", evidence=(another,)))
    causes = diagnose(snapshot, rules).causes
    assert {cause.rule.code: cause.confidence.value for cause in causes} == {
        "first": "likely",
        "same": "possible",
        "other": "likely",
    }


def test_causes_that_explain_each_other_are_all_given(seen: See) -> None:
    first = dataclasses.replace(rule("first"), gives_way_to=frozenset({"second"}))
    second = dataclasses.replace(rule("second"), gives_way_to=frozenset({"first"}))
    assert set(codes(seen(), first, second)) == {"first", "second"}


def with_lines(snapshot: Snapshot, text: str) -> Snapshot:
    at = snapshot.taken_at
    lines = tuple(
        Line(at + timedelta(milliseconds=number), row, "instance/new") for number, row in enumerate(text.splitlines())
    )
    log = dataclasses.replace(snapshot.application_log, failing=lines)
    return Snapshot(snapshot.event, at, dataclasses.replace(snapshot.parts, application_log=log))


JAVA = """\
org.springframework.beans.factory.BeanCreationException: Error creating bean with name 'flyway'
\tat org.springframework.beans.factory.support.AbstractBeanFactory.doGetBean(AbstractBeanFactory.java:325)
Caused by: java.net.UnknownHostException: db
\tat java.base/sun.nio.ch.NioSocketImpl.connect(NioSocketImpl.java:567)
Exception: something later"""


def test_of_a_chain_of_exceptions_the_root_comes_first(seen: See) -> None:
    snapshot = with_lines(seen(), JAVA)
    head, _, root, _, later = (Evidence.of(line) for line in snapshot.application_log.failing)
    rules = [rule("later", evidence=(later,)), rule("head", evidence=(head,)), rule("root", evidence=(root,))]
    assert codes(snapshot, *rules) == ["root", "head", "later"]


def test_a_rule_is_asked_only_about_its_occasions(seen: See) -> None:
    deployment, live = rule("deployment"), dataclasses.replace(rule("live"), occasions=frozenset({Occasion.LIVE}))
    assert codes(seen(), deployment, live) == ["deployment"]
    assert codes(seen("seed-tara-after-fix"), deployment, live) == ["live"]


def test_a_step_is_shown_where_its_values_are_known(seen: See) -> None:
    steps = (Step("Node.", when="node"), Step("Python.", when="python"), Step("Always."), Step("Gap.", "run {image}"))
    one = dataclasses.replace(
        rule("one", check=lambda _s, _m: Finding(Confidence.LIKELY, (LINE,), {"node": "20", "python": ""})), fix=steps
    )
    (cause,) = diagnose(seen(), (one,)).causes
    assert [step.text for step in cause.fix] == ["Node.", "Always."]


def test_no_more_than_three_and_no_code_twice(seen: See) -> None:
    rules = [rule(f"cause-{number}") for number in range(5)]
    assert len(codes(seen(), *rules)) == MOST_CAUSES
    same = dataclasses.replace(rule("other"), code="cause-0", id="second-rule")
    assert codes(seen(), rules[0], same) == ["cause-0"]


def test_no_claim_rests_on_a_configuration_that_may_not_be_the_attempted_one(seen: See) -> None:
    snapshot = seen("seed-nerava-v32-rollback")
    assert snapshot.configuration.standing == "restored"
    setting = Evidence.setting("Port", 8000)
    alone = diagnose(snapshot, (rule("x", Confidence.CERTAIN, evidence=(setting,)),)).causes[0]
    assert alone.confidence is Confidence.POSSIBLE
    with_a_line = diagnose(snapshot, (rule("x", Confidence.CERTAIN, evidence=(setting, LINE)),)).causes[0]
    assert with_a_line.confidence is Confidence.CERTAIN
    attempted = diagnose(seen(), (rule("x", Confidence.CERTAIN, evidence=(setting,)),)).causes[0]
    assert attempted.confidence is Confidence.CERTAIN


def test_a_healthy_operation_has_no_cause(seen: See) -> None:
    assert codes(seen("seed-tara-after-fix"), rule("eager", Confidence.CERTAIN)) == []


def test_a_rule_that_crashes_cannot_judge_and_hides_nothing(seen: See, caplog: pytest.LogCaptureFixture) -> None:
    def crash(_: Snapshot, __: Matches) -> Finding | None:
        msg = "a defect"
        raise ZeroDivisionError(msg)

    with caplog.at_level(logging.ERROR):
        diagnosis = diagnose(seen(), (rule("broken", check=crash), rule("works")))
    assert [cause.rule.id for cause in diagnosis.causes] == ["works"]
    assert [one.rule for one in diagnosis.not_judged] == ["broken"]
    assert "a defect" in caplog.text


# a refused call says by itself why
DEPENDENT = [one for one in CATALOGUE if one.occasions != {Occasion.CALL}]


@pytest.mark.parametrize("one", DEPENDENT, ids=lambda one: one.id)
def test_no_rule_judges_what_nobody_saw(one: Rule, seen: See) -> None:
    def change(content: dict[str, Any]) -> None:
        if one.occasions == {Occasion.CUSTOM_DOMAIN}:
            content["event"]["detail-type"] = "AppRunner Custom Domain Validation Status Update"

    snapshot = seen(change=change)
    blind = {name: Missing(name, "access denied") for name in vars(snapshot.parts) if name != "others"}
    diagnosis = diagnose(dataclasses.replace(snapshot, parts=Parts(**blind)), (one,))  # type: ignore[arg-type]  # by name
    assert not diagnosis.causes
    assert [judged.rule for judged in diagnosis.not_judged] == [one.id]
    assert "access denied" in diagnosis.not_judged[0].reason


SNAPSHOTS = st.sampled_from([file.stem for file in SEEDS])
PARTS = st.sets(st.sampled_from(["service", "configuration", "operations", "service_log", "application_log"]))


@given(name=SNAPSHOTS, missing=PARTS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
def test_for_any_missing_parts_nothing_crashes_and_nothing_is_made_up(name: str, missing: set[str], seen: See) -> None:
    snapshot = _seen_before.get(name) or _seen_before.setdefault(name, seen(name))
    whole = {cause.rule.id for cause in _uncapped(snapshot)}
    parts = dataclasses.replace(snapshot.parts, **{part: Missing(part, "not read") for part in missing})  # type: ignore[arg-type]  # by name
    less = dataclasses.replace(snapshot, parts=parts)
    diagnosis = diagnose(less)
    assert not any("crashed" in one.reason for one in diagnosis.not_judged)
    assert {cause.rule.id for cause in _uncapped(less)} <= whole | _healthy(snapshot, less)
    assert missing <= {one.what for one in diagnosis.not_seen}


_seen_before: dict[str, Snapshot] = {}


def _uncapped(snapshot: Snapshot) -> list[Any]:
    return [cause for rule_ in CATALOGUE for cause in diagnose(snapshot, (rule_,)).causes]


def _healthy(snapshot: Snapshot, less: Snapshot) -> set[str]:
    """Without the operations a healthy verdict may no longer be known; then rules are asked that were not before."""
    was_healthy = diagnose(snapshot, ()).verdict is Verdict.HEALTHY
    return (
        {rule_.id for rule_ in CATALOGUE}
        if was_healthy and diagnose(less, ()).verdict is not Verdict.HEALTHY
        else set()
    )


def test_the_answer_does_not_depend_on_the_time(recorded: Callable[..., Any]) -> None:
    for file in SEEDS:
        recording = recorded(file.stem)
        answers = []
        for days in (0, 365):
            shifted = recording.shifted(recording.recorded_at + timedelta(days=days))
            causes = diagnose(replay(shifted)).causes
            answers.append(json.dumps([(c.rule.id, c.confidence, [e.saw for e in c.evidence]) for c in causes]))
        assert answers[0] == answers[1]
