"""The command line: one JSON object per target, one line for what cannot be read, and whether all is connected."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import boto3
import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner, Result

from apprunner_watcher import cli
from apprunner_watcher.aws import replay
from apprunner_watcher.aws.stack import Stack, Subscription
from apprunner_watcher.event import OperationEvent, Stage, parse
from apprunner_watcher.recording import Recording
from tests.aws.conftest import REGION, Aws
from tests.conftest import ROOT, SEEDS, seed

RECORDINGS = str(ROOT / "events" / "recordings")
ARN = "arn:aws:apprunner:us-east-1:971422717446:service/steno-prod-backend/a255d885f1b043759fcf3b98ffa38607"
RECORD = Callable[..., Recording]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, arguments)


def objects(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_folder_gives_json_lines() -> None:
    result = run("diagnose", "--json", RECORDINGS)
    assert result.exit_code == 0
    said = objects(result)
    assert {Path(one["recording"]).stem for one in said} == {file.stem for file in SEEDS}
    for one in said:
        assert list(one) == [
            "recording",
            "service",
            "operation",
            "verdict",
            "serving",
            "severity",
            "causes",
            "remarks",
            "checks",
            "changes",
            "history",
            "not_judged",
            "not_seen",
            "decision",
        ]
        assert one["decision"] == {"action": "stand_down", "reason": "the rollback part is not installed"}
        for cause in one["causes"]:
            assert {"code", "rule", "confidence", "title", "evidence", "why", "fix", "rollback"} <= set(cause)
            assert all(set(evidence) == {"where", "at", "saw"} for evidence in cause["evidence"])
            assert all(set(step) == {"text", "command"} for step in cause["fix"])


def test_what_cannot_be_read_is_one_line_and_the_others_are_diagnosed(tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text('{"format": 1}')
    result = run("diagnose", "--json", str(broken), str(tmp_path / "none.json"), str(SEEDS[0]))
    assert result.exit_code == 2
    assert len(objects(result)) == 1
    lines = result.stderr.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"{broken}: ")
    assert "No such file" in lines[1]


def test_an_arn_that_is_none_does_not_stop_the_others() -> None:
    result = run("diagnose", "--json", "arn:aws:s3:::bucket", str(SEEDS[0]))
    assert result.exit_code == 2
    assert len(objects(result)) == 1
    assert result.stderr.strip() == "arn:aws:s3:::bucket: not the ARN of an App Runner service"


def test_an_event_that_is_not_understood_is_a_target_that_cannot_be_read(tmp_path: Path) -> None:
    file = tmp_path / "other.json"
    file.write_text(json.dumps({**seed(SEEDS[0].stem), "event": {}}))
    result = run("diagnose", str(file))
    assert result.exit_code == 2
    assert "event" in result.stderr


def test_an_empty_folder_is_said(tmp_path: Path) -> None:
    result = run("diagnose", str(tmp_path))
    assert result.exit_code == 2
    assert "no recording" in result.stderr


def test_for_people_it_is_the_mail() -> None:
    result = run("diagnose", f"{RECORDINGS}/seed-nerava-debug-image.json")
    assert "WHAT TO CHANGE" in result.stdout
    assert "OTP_PROVIDER=stub is not allowed in production" in result.stdout


def test_log_lines_are_no_markup(tmp_path: Path) -> None:
    content = seed("seed-nerava-debug-image")
    group = next(name for name in content["logs"] if name.endswith("application"))
    stream = next(iter(content["logs"][group].values()))
    stream[-1][1] = "[red]OTP_PROVIDER=stub is not allowed in production[/nothing]"
    file = tmp_path / "markup.json"
    file.write_text(json.dumps(content))
    assert "[red]OTP_PROVIDER=stub is not allowed in production[/nothing]" in run("diagnose", str(file)).stdout


@pytest.fixture
def live(recorded: RECORD, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let every boto3 session of the command line be answered by a recording."""

    def answer(recording: Recording | None = None) -> None:
        session = replay.Stage(recording or recorded(), REGION).session
        monkeypatch.setattr(boto3, "Session", lambda **_: session)

    return answer


def test_a_live_service_is_diagnosed_like_its_recording(live: Callable[..., None]) -> None:
    live()
    (said,) = objects(run("diagnose", "--json", ARN))
    assert "recording" not in said
    assert said["causes"][0]["code"] == "credentials-expected-in-env"


def test_a_live_service_that_cannot_be_read_is_one_line(live: Callable[..., None], recorded: RECORD) -> None:
    def gone(content: dict[str, Any]) -> None:
        error = {"Code": "ResourceNotFoundException", "Message": "Service does not exist."}
        content["aws"]["apprunner:ListOperations"] = [{"error": error}]

    live(recorded(change=gone))
    result = run("diagnose", ARN)
    assert result.exit_code == 2
    assert result.stderr.strip() == f"{ARN}: ResourceNotFoundException: Service does not exist."


def test_event_is_what_the_function_understands(live: Callable[..., None]) -> None:
    live()
    happened = parse(json.loads(run("event", ARN).stdout))
    assert isinstance(happened, OperationEvent)
    assert (happened.service_arn, happened.stage) == (ARN, Stage.FAILED)
    other = parse(json.loads(run("event", ARN, "--status", "UpdateServiceStarted").stdout))
    assert isinstance(other, OperationEvent)
    assert other.stage is Stage.STARTED


@pytest.mark.parametrize("arn", ["nonsense", "arn:aws:s3:::bucket", "arn:aws:apprunner:us-east-1:1:service/a"])
def test_event_wants_the_arn_of_a_service(arn: str) -> None:
    result = run("event", arn)
    assert result.exit_code == 2
    assert "not the ARN of an App Runner service" in result.stderr


def test_event_refuses_a_status_that_the_function_would_not_understand(live: Callable[..., None]) -> None:
    live()
    result = run("event", ARN, "--status", "Exploded")
    assert result.exit_code == 2
    assert "Exploded" in result.stderr


def test_an_operation_of_an_unknown_type_is_one_line(live: Callable[..., None], recorded: RECORD) -> None:
    def newer(content: dict[str, Any]) -> None:
        listed = content["aws"]["apprunner:ListOperations"][0]["response"]["OperationSummaryList"]
        listed[0]["Type"] = "TELEPORT_SERVICE"

    live(recorded(change=newer))
    result = run("diagnose", ARN)
    assert result.exit_code == 2
    assert "TELEPORT_SERVICE" in result.stderr


class Installed(Stack):
    """A stack in moto. CloudFormation, App Runner and IAM's simulation are not there: their answers are given."""

    denied: tuple[str, ...] = ()
    described: ClassVar[dict[str, Any]] = {}

    @property
    def _described(self) -> Any:
        return self.described

    def services(self) -> Any:
        return iter(())

    def missing_permissions(self) -> tuple[str, ...]:
        return self.denied


@pytest.fixture
def installed(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> type[Installed]:
    """A stack whose outputs name moto's table and topic."""
    outputs = {"TableName": aws.table, "IncidentsTopicArn": aws.topic, "WatchFunctionName": "watch"}
    described = {
        "StackId": f"arn:aws:cloudformation:{REGION}:123456789012:stack/apprunner-watcher/1",
        "Outputs": [{"OutputKey": name, "OutputValue": value} for name, value in outputs.items()],
    }
    monkeypatch.setattr(cli, "Stack", Installed)
    monkeypatch.setattr(Installed, "described", described)
    monkeypatch.setattr(Installed, "denied", ())
    return Installed


def test_status_of_a_connected_stack(installed: type[Installed]) -> None:
    result = run("status")
    assert result.exit_code == 0, result.stdout
    assert "confirmed" in result.stdout
    assert "may read all that it needs" in result.stdout


def test_status_names_what_is_missing(installed: type[Installed], aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "denied", ("logs:GetLogEvents",))
    monkeypatch.setattr(
        installed, "subscriptions", lambda _: (Subscription("email", "me@example.com", confirmed=False),)
    )
    result = run("status")
    assert result.exit_code == 1
    assert "nobody gets the messages" in result.stdout
    assert "me@example.com: not confirmed yet" in result.stdout
    assert "logs:GetLogEvents" in result.stdout


def test_status_goes_on_where_iam_may_not_be_asked(installed: type[Installed], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Stack) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "SimulatePrincipalPolicy")

    monkeypatch.setattr(installed, "missing_permissions", refuse)
    result = run("status")
    assert result.exit_code == 0
    assert "permissions: not known, since you may not ask IAM (AccessDenied)" in result.stdout
    assert "no App Runner services" in result.stdout


def test_status_of_another_kind_of_stack_is_one_line(
    installed: type[Installed], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installed, "described", {"StackId": "x", "Outputs": []})
    result = run("status")
    assert result.exit_code == 2
    assert "none of App Runner Watcher" in result.stderr


def test_status_without_a_stack_is_one_line(installed: type[Installed], monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(_: Stack) -> Any:
        message = "Stack with id none does not exist"
        raise ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "DescribeStacks")

    monkeypatch.setattr(installed, "_described", property(nothing))
    result = run("status", "--stack", "none")
    assert result.exit_code == 2
    assert "stack none: ValidationError" in result.stderr


def test_send_test_waits_until_it_is_told(
    installed: type[Installed], aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The function's part is played here; tests/e2e plays it with the function."""

    def send(self: Stack, requested_by: str) -> str:
        assert requested_by.startswith("arn:aws:")
        for item in (
            {"sk": {"S": "event#e1"}, "incident": {"S": "incident#x"}},
            {"sk": {"S": "incident#x"}, "told_at": {"S": "now"}},
        ):
            aws.dynamodb.put_item(TableName=aws.table, Item={"pk": {"S": "test"}, **item})
        return "e1"

    monkeypatch.setattr(installed, "send_test", send)
    result = run("send-test")
    assert result.exit_code == 0, result.stderr
    assert "e1" in result.stdout


def test_send_test_says_when_nothing_was_told(installed: type[Installed], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "wait_until_told", lambda *_: False)
    result = run("send-test")
    assert result.exit_code == 1
    assert "failure queue" in result.stderr


def test_a_refused_test_event_is_one_line(installed: type[Installed], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> str:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "PutEvents")

    monkeypatch.setattr(installed, "send_test", refuse)
    result = run("send-test")
    assert result.exit_code == 2
    assert result.stderr.strip() == "stack apprunner-watcher: AccessDeniedException: no"


def test_a_recording_whose_cause_is_known_counts_at_once(live: Callable[..., None], tmp_path: Path) -> None:
    live()
    file = tmp_path / "ours.json"
    result = run(
        "record", ARN, "-o", str(file), "--cause", "credentials-expected-in-env", "--why", "we removed the check"
    )
    assert result.exit_code == 0, result.output
    assert json.loads(file.read_text())["expect"] == {
        "causes": ["credentials-expected-in-env"],
        "why": "we removed the check",
    }
    assert "1 of 1 right (100%)" in run("score", str(file)).stdout


def test_a_cause_that_is_no_code_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    result = run("record", ARN, "-o", str(tmp_path / "ours.json"), "--cause", "port-mismatsch")
    assert result.exit_code == 2
    assert "port-mismatsch: not a code" in result.stderr
    assert list(tmp_path.iterdir()) == []
