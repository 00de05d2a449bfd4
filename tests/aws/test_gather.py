"""Gather reads side by side, marks what it could not read, and survives whatever stands in a log."""

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from apprunner_watcher.aws import replay as replaying
from apprunner_watcher.aws.clients import Clients
from apprunner_watcher.aws.gather import gather
from apprunner_watcher.aws.replay import replay
from apprunner_watcher.decision import decide
from apprunner_watcher.diagnosis import diagnose
from apprunner_watcher.event import OperationEvent, parse
from apprunner_watcher.missing import Missing
from apprunner_watcher.recording import Recording
from apprunner_watcher.redaction import LONGEST_LINE
from apprunner_watcher.report import report
from apprunner_watcher.snapshot import Snapshot
from tests.conftest import Change

See = Callable[..., Snapshot]
FAILED = "seed-steno-prod-backend-failed"
SERVICE = "/aws/apprunner/steno-prod-backend/a255d885f1b043759fcf3b98ffa38607"
INSTANCE = "instance/c26fa632d12d813fc9f9791175c5726b"
DENIED = {
    "Code": "AccessDeniedException",
    "Message": "User: arn:aws:sts::971422717446:assumed-role/w/f is not authorized to perform: it",
}


def denied(action: str) -> Change:
    def change(content: dict[str, Any]) -> None:
        content["aws"][action] = [{"error": DENIED}]

    return change


def text_of(snapshot: Snapshot) -> str:
    return report(snapshot, diagnose(snapshot), decide()).text


def test_a_failed_recall_is_named(recorded: Callable[..., Recording]) -> None:
    recording = recorded()
    event = parse(recording.event)
    assert isinstance(event, OperationEvent)

    def recall() -> tuple[()]:
        raise ClientError({"Error": {"Code": DENIED["Code"], "Message": DENIED["Message"]}}, "Query")

    snapshot = gather(event, Clients(replaying.Stage(recording, "us-east-1").session), recording.recorded_at, recall)
    assert "dynamodb:Query" in {missing.allow for missing in snapshot.missing}


def test_a_time_out_is_missing_and_an_error_of_the_program_too_and_logged(
    recorded: Callable[..., Recording], caplog: pytest.LogCaptureFixture
) -> None:
    recording = recorded()
    event = parse(recording.event)
    assert isinstance(event, OperationEvent)
    clients = Clients(replaying.Stage(recording, "us-east-1").session)

    def time_out() -> tuple[()]:
        raise ConnectTimeoutError(endpoint_url="https://example.com")

    snapshot = gather(event, clients, recording.recorded_at, time_out)
    assert any("ConnectTimeoutError" in missing.why for missing in snapshot.missing)

    def defect() -> tuple[()]:
        msg = "a defect"
        raise ZeroDivisionError(msg)

    snapshot = gather(event, clients, recording.recorded_at, defect)
    assert isinstance(snapshot.parts.attempts, Missing)
    assert "see its log" in snapshot.parts.attempts.why
    assert "ZeroDivisionError in" in caplog.text
    assert "a defect" not in caplog.text


def test_a_deleted_service_gives_an_incident_that_says_so(seen: See) -> None:
    gone = {"Code": "ResourceNotFoundException", "Message": "Service with arn … does not exist."}

    def change(content: dict[str, Any]) -> None:
        content["aws"]["apprunner:DescribeService"] = [{"error": gone}]
        content["aws"]["apprunner:ListOperations"] = [{"error": gone}]
        content["logs"] = {}

    snapshot = seen(FAILED, change)
    assert isinstance(snapshot.parts.service, Missing)
    assert isinstance(snapshot.parts.service_log, Missing)
    assert "does not exist" in text_of(snapshot)


def test_an_absent_application_group_is_evidence_and_an_absent_service_group_is_missing(seen: See) -> None:
    def change(content: dict[str, Any]) -> None:
        content["logs"] = {name: streams for name, streams in content["logs"].items() if "application" not in name}

    snapshot = seen(FAILED, change)
    assert not snapshot.application_log.group_exists
    assert snapshot.application_log.failing == ()

    def nothing(content: dict[str, Any]) -> None:
        content["logs"] = {}

    assert isinstance(seen(FAILED, nothing).parts.service_log, Missing)


def test_what_was_not_recorded_is_neither_an_error_nor_evidence(seen: See) -> None:
    def change(content: dict[str, Any]) -> None:
        del content["aws"]["apprunner:ListOperations"]

    snapshot = seen(FAILED, change)
    assert isinstance(snapshot.parts.operations, Missing)
    assert "NotRecorded" in snapshot.parts.operations.why


def application_lines(*texts: str) -> Change:
    def change(content: dict[str, Any]) -> None:
        content["logs"][f"{SERVICE}/application"] = {INSTANCE: [["2025-11-13T07:12:58Z", text] for text in texts]}

    return change


def test_a_line_of_256_kb_is_cut(seen: See) -> None:
    line = seen(FAILED, application_lines("x" * 256 * 1024)).application_log.failing[0]
    assert len(line.text) < LONGEST_LINE + 100


def test_colours_control_characters_and_half_characters_are_taken_out(seen: See) -> None:
    snapshot = seen(FAILED, application_lines("\x1b[31mError: \x00boom\x1b[0m \ud83d"))
    assert snapshot.application_log.failing[0].text == "Error:  boom ?"
    text_of(snapshot).encode("utf-8")


def test_fifty_thousand_lines_are_read_at_both_ends(seen: See) -> None:
    def change(content: dict[str, Any]) -> None:
        lines = [[f"2025-11-13T07:{13 + n // 10_000}:{n // 200 % 60:02}Z", f"line {n}"] for n in range(50_000)]
        content["logs"][f"{SERVICE}/application"] = {INSTANCE: lines}

    snapshot = seen(FAILED, change)
    log = snapshot.application_log
    assert log.failing[0].text == "line 0"
    assert log.failing[-1].text == "line 49999"
    assert len(log.failing) <= 10_000
    assert "the middle of a long log" in text_of(snapshot)


def test_more_containers_than_are_read_are_counted(seen: See) -> None:
    def change(content: dict[str, Any]) -> None:
        content["logs"][f"{SERVICE}/application"] = {
            f"instance/{n:032x}": [[f"2025-11-13T07:13:{n:02}Z", f"container {n}"]] for n in range(9)
        }

    snapshot = seen(FAILED, change)
    assert [line.text for line in snapshot.application_log.failing] == [f"container {n}" for n in range(6)]
    assert "the logs of 3 more containers" in text_of(snapshot)


def test_a_deployment_without_a_stream_of_its_own_is_no_gap(seen: See) -> None:
    def change(content: dict[str, Any]) -> None:
        streams = content["logs"][f"{SERVICE}/service"]
        content["logs"][f"{SERVICE}/service"] = {"events": streams["events"]}

    snapshot = seen(FAILED, change)
    assert snapshot.service_log.deployment == ()
    assert not [one for one in snapshot.missing if "log" in one.what]


def test_a_deployment_stream_that_no_id_names_is_known_by_its_time(seen: See) -> None:
    stream = f"deployment/{'0a' * 16}"

    def change(content: dict[str, Any]) -> None:
        streams = content["logs"][f"{SERVICE}/service"]
        events = [[at, line.replace("Deployment with ID : ", "")] for at, line in streams["events"]]
        old = [["2025-11-13T05:00:00Z", "[Build] another deployment"]]
        own = [["2025-11-13T07:12:30Z", "[Build] sh: 1: tsc: not found"]]
        content["logs"][f"{SERVICE}/service"] = {"events": events, f"deployment/{'0b' * 16}": old, stream: own}

    assert [(line.stream, line.text) for line in seen(FAILED, change).service_log.deployment] == [
        (stream, "[Build] sh: 1: tsc: not found")
    ]


def test_a_deployment_stream_that_may_not_be_read_is_a_gap(recorded: Callable[..., Recording]) -> None:
    recording = recorded()
    event = parse(recording.event)
    assert isinstance(event, OperationEvent)
    stage = replaying.Stage(recording, "us-east-1")

    def refuse(params: dict[str, Any], **_: object) -> None:
        if params.get("logStreamName", "").startswith("deployment/"):
            raise ClientError({"Error": {"Code": DENIED["Code"], "Message": DENIED["Message"]}}, "GetLogEvents")

    stage.session.events.register("before-parameter-build.cloudwatch-logs.GetLogEvents", refuse)
    snapshot = gather(event, Clients(stage.session), recording.recorded_at)
    assert [one.what for one in snapshot.missing if one.allow] == ["deployment log"]


def test_streams_belong_to_the_version_by_their_first_line(seen: See) -> None:
    log = seen("seed-nerava-v32-rollback").application_log
    assert log.failing == ()
    assert {line.stream for line in log.serving} == {"instance/0370d12631b02f762abaf5f446b7f5c7"}
    assert len({line.stream for line in seen(FAILED).application_log.failing}) == 3


def test_lines_of_other_operations_are_left_out(seen: See) -> None:
    log = seen("seed-tara-after-fix").service_log
    assert log.lines[0].text == "[AppRunner] Deployment started."
    assert "failed" not in " ".join(line.text for line in log.lines)
    earlier = seen(FAILED).service_log
    assert {line.stream for line in earlier.deployment} == {"deployment/5650cc342e7b7e44de41e210603cecd9"}
    assert len([line for line in earlier.events if line.text.endswith("Deployment started.")]) == 1


def test_without_operations_the_log_tells_when_it_started(seen: See) -> None:
    log = seen(FAILED, denied("apprunner:ListOperations")).service_log
    assert log.lines[0].text == "[AppRunner] Deployment started."
    assert log.lines[0].at.isoformat() == "2025-11-13T07:12:00+00:00"


@pytest.mark.parametrize(
    ("event_status", "operation", "pulled", "expected"),
    [
        ("UpdateServiceFailed", {"Type": "UPDATE_SERVICE", "Status": "ROLLBACK_SUCCEEDED"}, ":v2", "restored"),
        ("UpdateServiceFailed", {"Type": "UPDATE_SERVICE", "Status": "ROLLBACK_SUCCEEDED"}, "", "unsure"),
        ("UpdateServiceFailed", {"Type": "UPDATE_SERVICE", "Status": "ROLLBACK_SUCCEEDED"}, ":latest", "unsure"),
        ("UpdateServiceCompletedSuccessfully", {"Type": "UPDATE_SERVICE", "Status": "SUCCEEDED"}, "", "attempted"),
        ("UpdateServiceStarted", {"Type": "UPDATE_SERVICE", "Status": "IN_PROGRESS"}, "", "attempted"),
        ("DeploymentFailed", {"Type": "START_DEPLOYMENT", "Status": "ROLLBACK_SUCCEEDED"}, ":v2", "attempted"),
        ("CreateServiceFailed", {"Type": "CREATE_SERVICE", "Status": "FAILED"}, "", "attempted"),
    ],
)
def test_the_standing_of_the_configuration(
    event_status: str, operation: dict[str, str], pulled: str, expected: str, seen: See
) -> None:
    def change(content: dict[str, Any]) -> None:
        content["configuration"] = "restored"  # nobody noted it at the start
        content["event"]["detail"]["operationStatus"] = event_status
        if event_status.endswith("Started"):
            content["event"]["time"] = "2025-11-13T07:12:00Z"
        listed = content["aws"]["apprunner:ListOperations"][0]["response"]["OperationSummaryList"]
        listed[0] |= operation
        image = "971422717446.dkr.ecr.us-east-1.amazonaws.com/steno-prod-backend"
        events = content["logs"][f"{SERVICE}/service"]["events"]
        content["logs"][f"{SERVICE}/service"]["events"] = [
            [at, text.replace(image, f"{image}{pulled}")] for at, text in events
        ]

    assert seen(FAILED, change).configuration.standing == expected


def test_where_nothing_ever_ran_there_is_nothing_to_restore(seen: See) -> None:
    def change(content: dict[str, Any]) -> None:
        content["configuration"] = "restored"  # nobody noted it at the start

    snapshot = seen("seed-nerava-debug-image", change)
    assert snapshot.operation.type == "UPDATE_SERVICE"
    assert snapshot.configuration.standing == "attempted"


def test_what_was_noted_at_the_start_is_the_attempted_configuration(recorded: Callable[..., Recording]) -> None:
    def change(content: dict[str, Any]) -> None:
        content["event"]["detail"]["operationStatus"] = "UpdateServiceFailed"
        content["aws"]["apprunner:ListOperations"][0]["response"]["OperationSummaryList"][0]["Type"] = "UPDATE_SERVICE"

    assert replay(recorded(FAILED, change)).configuration.standing == "attempted"
    nobody_was_there = dataclasses.replace(recorded(FAILED, change), configuration="restored")
    assert replay(nobody_was_there).configuration.standing == "unsure"


def test_no_secret_of_a_seed_reaches_anything(seen: See) -> None:
    for name, secrets in CANARIES.items():
        snapshot = seen(name)
        said = report(snapshot, diagnose(snapshot), decide())
        attempt = dataclasses.replace(snapshot).attempt()
        everything = f"{snapshot!r}{vars(snapshot.parts)!r}{said!r}{attempt!r}"
        for secret in secrets:
            assert secret not in everything


CANARIES = {
    "seed-steno-prod-backend-stuck": [
        "fakeDbPwDoNotLeak7tQ2mXv9",
        "fakeJwtDoNotLeakA9xKqLm3Vd8YwRt5ZbNc2HsPf7GjUe4TiOa6QvXk1M",
        "fakeJwtTailDoNotLeakW8z",
        "fakeEncKeyDoNotLeak4Hc8Zr1Wm6Yp2",
    ],
    "seed-steno-prod-backend-failed": [
        "fakeDbPwDoNotLeak7tQ2mXv9",
        "fakeJwtDoNotLeakA9xKqLm3Vd8YwRt5ZbNc2HsPf7GjUe4TiOa6QvXk1M",
        "fakeJwtTailDoNotLeakW8z",
        "fakeEncKeyDoNotLeak4Hc8Zr1Wm6Yp2",
    ],
    "seed-nerava-debug-image": ["fakeNeravaPwDoNotLeak5Gd9Kx2Rq7"],
}


def test_host_names_and_ports_survive(seen: See) -> None:
    database = seen(FAILED).configuration.variable("DATABASE_URL")
    assert database
    assert database.shown == (
        "postgresql://***@steno-prod-db.crws0amqe1e3.us-east-1.rds.amazonaws.com:5432/steno_prod?schema=public"
    )


def test_a_later_operation_bounds_the_lines(seen: See) -> None:
    def change(content: dict[str, Any]) -> None:
        listed = content["aws"]["apprunner:ListOperations"][0]["response"]["OperationSummaryList"]
        content["event"]["time"] = listed[1]["EndedAt"]  # the operation before the last one

    snapshot = seen(FAILED, change)
    assert snapshot.operation.started_at - snapshot.service_log.lines[0].at < timedelta(seconds=5)
    assert snapshot.service_log.lines[-1].text == "[AppRunner] Service status is set to RUNNING."
    assert snapshot.application_log.failing == ()
