"""What is said is bounded, fits where it is sent, and says what could not be seen."""

import dataclasses
import re
from collections.abc import Callable
from typing import Any

import pytest

from apprunner_watcher.decision import decide
from apprunner_watcher.diagnosis import diagnose
from apprunner_watcher.missing import Missing
from apprunner_watcher.report import LONGEST_SUBJECT, Report, report, report_of_test, subject_line
from apprunner_watcher.snapshot import Snapshot
from tests.conftest import SEEDS

See = Callable[..., Snapshot]
FAILED = "seed-steno-prod-backend-failed"


def said(snapshot: Snapshot) -> Report:
    return report(snapshot, diagnose(snapshot), decide())


@pytest.mark.parametrize("file", SEEDS, ids=lambda file: file.stem)
def test_subjects_are_what_sns_accepts(file: Any, seen: See) -> None:
    """Printable ASCII, no line break, less than 100 characters."""
    subject = said(seen(file.stem)).subject
    assert subject.isascii()
    assert subject.isprintable()
    assert len(subject) <= LONGEST_SUBJECT


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("plain", "plain"),
        ("two\nlines\tand\x00more", "two lines and more"),
        ("Ошибка: done", ": done"),
        ("", "App Runner Watcher"),
        ("接続", "App Runner Watcher"),
        ("word " * 40, "word " * 18 + "word..."),
        ("x" * 200, "x" * 96 + "..."),
    ],
)
def test_subject_line(text: str, subject: str) -> None:
    assert subject_line(text) == subject


def test_the_mail_says_why_what_to_change_and_what_users_get(seen: See) -> None:
    text = said(seen()).text
    order = [
        "steno-prod-backend: the deployment failed and was rolled back by App Runner.",
        "Users still get the previous version.",
        "Region us-east-1, account 971422717446.",
        "It is the 4th failure in a row",
        "WHY (certain)",
        "  > AWS credentials are required in production",
        "WHAT TO CHANGE",
        "ROLLBACK",
        "the rollback part is not installed.",
        "Service: https://us-east-1.console.aws.amazon.com/apprunner/",
    ]
    places = [text.find(one) for one in order]
    assert -1 not in places
    assert places == sorted(places)


def test_not_known_is_an_answer_with_the_last_lines(seen: See) -> None:
    def change(content: dict[str, Any]) -> None:
        for group, streams in content["logs"].items():
            if group.endswith("application"):
                for lines in streams.values():
                    lines[:] = [[at, "something went sideways"] for at, _ in lines[:2]]

    text = said(seen(change=change)).text
    assert "Not known: none of" in text
    assert "  > something went sideways" in text


def test_gaps_stand_in_the_mail_with_the_action_to_allow(seen: See) -> None:
    snapshot = seen()
    denied = Missing("application log", "access denied", "logs:GetLogEvents")
    blind = dataclasses.replace(snapshot, parts=dataclasses.replace(snapshot.parts, application_log=denied))
    text = said(blind).text
    assert "COULD NOT SEE\n- application log: access denied\n  Allow logs:GetLogEvents to the watcher's role." in text
    assert "Could not judge" in text


def test_a_gap_that_leaves_two_parts_empty_is_said_once(seen: See) -> None:
    snapshot = seen()
    denied = Missing("service and configuration", "access denied", "apprunner:DescribeService")
    parts = dataclasses.replace(snapshot.parts, service=denied, configuration=denied)
    assert said(dataclasses.replace(snapshot, parts=parts)).text.count("- service and configuration") == 1


def test_a_restored_configuration_is_said(seen: See) -> None:
    assert "App Runner shows the previous one again." in said(seen("seed-nerava-v32-rollback")).text.replace("\n", " ")
    assert "attempted is not known" not in said(seen()).text


def test_a_success_is_not_explained(seen: See) -> None:
    assert re.search(r"nothing to explain: none of \d+ rules", said(seen("seed-tara-after-fix")).text)


def test_a_custom_domain_is_not_called_healthy(seen: See) -> None:
    def change(content: dict[str, Any]) -> None:
        content["event"]["detail-type"] = "AppRunner Custom Domain Validation Status Update"

    message = said(seen("seed-tara-after-fix", change))
    assert message.data["verdict"] == "unknown"
    assert message.data["causes"] == []
    assert "found a validation record that is missing" in message.text
    assert "nothing to explain" not in message.text


def printed(line: str) -> Callable[[dict[str, Any]], None]:
    """Change a recording: each container printed this line, and nothing else."""

    def change(content: dict[str, Any]) -> None:
        group = next(name for name in content["logs"] if name.endswith("application"))
        for lines in content["logs"][group].values():
            lines[:] = [[at, line] for at, _ in lines[:1]]

    return change


def test_braces_and_markup_of_log_lines_stay_what_they_are(seen: See) -> None:
    line = "AWS credentials are required in production {0} {name} %s <b>&amp;"
    assert f"  > {line}" in said(seen(change=printed(line))).text


@pytest.mark.parametrize("error", ["ValueError: not enough.", f"ValueError: {'much ' * 20}"])
def test_a_title_that_has_an_end_gets_no_other(error: str, seen: See) -> None:
    text = said(seen(change=printed(error))).text
    assert re.search(r"^Crash at start: ValueError: [^.…]+[.…]$", text, re.MULTILINE)


def test_a_test_message_is_marked() -> None:
    message = report_of_test("me")
    assert message.subject.startswith("[TEST]")
    assert "Requested by me" in message.text


def test_the_seed_in_progress_shows_the_whole_checklist_of_its_document(seen: See) -> None:
    """Its author collected this by hand, and looked for the fault where there was none."""
    snapshot = seen("seed-nerava-backend-in-progress")
    told = said(snapshot)
    checks = {one["what"]: one for one in told.data["checks"]}
    in_order = {
        "connector nerava-vpc-connector is active",
        "subnets shared with database nerava-db",
        "subnets shared with cache nerava-redis",
        "connector reaches database nerava-db:5432",
        "connector reaches cache nerava-redis:6379",
    }
    assert {what for what in in_order if checks[what]["result"] == "ok"} == in_order
    for port, name in (("5432", "database nerava-db"), ("6379", "cache nerava-redis")):
        because = checks[f"connector reaches {name}:{port}"]["because"]
        assert "sg-0e4cc786d9053f05f admits" in because
        assert "sg-00bc5ec63287eacdd" in because
        assert f"tcp {port}" in because
    assert checks["the service reaches the internet"]["result"] == "unknown"  # nobody looked at the route tables
    assert {"subnet-0c3e9b306737c3fb2", "subnet-0dd152da6d977861c"} <= set(
        re.findall(r"subnet-\w+", checks["subnets shared with database nerava-db"]["because"])
    )
    remarks = {one["code"]: one for one in told.data["remarks"]}
    assert set(remarks) == {"secret-in-plain-text", "dependency-open-to-world", "default-security-group"}
    assert "--group-id sg-0e4cc786d9053f05f" in remarks["dependency-open-to-world"]["fix"][0]["command"]
    assert "[ok]      connector reaches cache nerava-redis:6379" in told.text
    assert "ALSO WORTH FIXING" in told.text


def test_a_way_that_is_blocked_is_shown_to_where_it_ends(seen: See) -> None:
    snapshot = seen("seed-steno-prod-backend-failed")
    text = said(snapshot).text
    assert "[BLOCKED] the service reaches the internet" in text
    assert "          x rtb-01 has no route to the internet" in text


def test_what_changed_is_told_with_the_sizes_of_the_images(seen: See) -> None:
    snapshot = seen("seed-nerava-v32-rollback")
    told = said(snapshot)
    assert {"what": "image size, compressed", "before": "112.0 MB", "after": "112.3 MB"} in told.data["changes"]
    assert "CHANGED since the configuration that App Runner has put back" in told.text
    assert "v24-lazy-import" in told.text
    assert "- image digest: sha256:ad37dc5666b2… -> sha256:29199f4a7a2b…" in told.text


def test_what_is_not_known_to_have_changed_is_said_so(seen: See) -> None:
    def unseen(content: dict[str, Any]) -> None:
        content["aws"].pop("ecr:DescribeImages")
        content["configuration"] = "attempted"

    snapshot = seen("seed-nerava-v32-rollback", unseen)
    assert "CHANGED since it last worked: not known" in said(snapshot).text


def test_the_last_lines_begin_where_their_stack_trace_does(seen: See) -> None:
    def change(content: dict[str, Any]) -> None:
        group = next(name for name in content["logs"] if name.endswith("application"))
        for lines in content["logs"][group].values():
            at = lines[0][0]
            frames = [f"    at step{number} (/app/dist/main.js:{number}:7)" for number in range(12)]
            lines[:] = [[at, text] for text in ("so far, so good", "OddFailure: what nobody has a rule for", *frames)]

    text = said(seen(FAILED, change)).text
    assert "OddFailure: what nobody has a rule for" in text
    assert "so far, so good" not in text
