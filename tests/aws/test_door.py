"""The function's door: what it returns, what it prints, and what it does with an event that it cannot read."""

import importlib.util
import json
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import boto3
import pytest

from apprunner_watcher.aws import replay
from apprunner_watcher.aws.clients import Clients
from apprunner_watcher.recording import Recording
from apprunner_watcher.redaction import Fingerprints
from apprunner_watcher.watch import Watcher
from tests.aws.conftest import Aws
from tests.conftest import ROOT, seed

KEY = "a-made-up-key-of-thirty-two-bytes"
FAILED = "seed-steno-prod-backend-failed"


class Context:
    """What Lambda hands to a handler, as far as it is used."""

    function_name = "watch"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:watch"
    aws_request_id = "r"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@pytest.fixture
def door(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The door, loaded as Lambda loads it, in moto's account."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # the folder is deployed as it is
    for name, value in {
        "TABLE_NAME": aws.table,
        "INCIDENTS_TOPIC_ARN": aws.topic,
        "FAILURE_QUEUE_URL": aws.sqs.create_queue(QueueName="failed")["QueueUrl"],
        "RETENTION_DAYS": "30",
        "IMAGE_INSPECTION": "manifest",
        "FINGERPRINT_KEY_ARN": boto3.client("secretsmanager").create_secret(Name="key", SecretString=KEY)["ARN"],
        "POWERTOOLS_SERVICE_NAME": "watch",
        "POWERTOOLS_METRICS_NAMESPACE": "AppRunnerWatcher",
    }.items():
        monkeypatch.setenv(name, value)
    spec = importlib.util.spec_from_file_location("door_of_watch", ROOT / "functions" / "watch" / "app.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "door_of_watch", module)
    spec.loader.exec_module(module)
    return module


def reads_from(door: ModuleType, recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the door's watcher read a recording and write to moto."""
    replaying = Clients(replay.Stage(recording, "us-east-1").session)
    own = door.watcher
    monkeypatch.setattr(door, "watcher", Watcher(replaying, own.table, own.topic, own.sight))


def printed(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_an_incident_is_told_and_logged_with_its_seconds_and_nothing_that_costs_money_is_counted(
    door: ModuleType,
    aws: Aws,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    recorded: Callable[..., Recording],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reads_from(door, recorded(), monkeypatch)
    assert door.handler(seed(FAILED)["event"], Context()) == {
        "outcome": "told",
        "service": "steno-prod-backend",
        "verdict": "rolled_back",
        "cause": "credentials-expected-in-env",
    }
    assert len(aws.messages()) == 1
    (log,) = [record for record in caplog.records if record.name == "watch"]
    assert log.getMessage() == "event handled"
    assert vars(log)["outcome"] == "told"
    assert vars(log)["seconds_from_event"] > 0
    assert "_aws" not in capsys.readouterr().out
    assert "DoNotLeak" not in str(vars(log))


def test_the_fingerprints_are_made_with_the_stacks_key(door: ModuleType) -> None:
    assert door.watcher.sight.fingerprints() == Fingerprints(KEY.encode())


def test_images_are_looked_into_as_far_as_the_stack_says(door: ModuleType) -> None:
    assert door.watcher.sight.inspection == "manifest"


@pytest.mark.parametrize("event", [{}, [], None, "text", 7, {**seed(FAILED)["event"], "detail-type": "Something Else"}])
def test_what_cannot_be_read_is_set_aside_counted_and_logged_once(
    event: object,
    door: ModuleType,
    aws: Aws,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert door.handler(event, Context()) == {"outcome": "not-understood"}
    queue = aws.sqs.get_queue_url(QueueName="failed")["QueueUrl"]
    (message,) = aws.sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"])["Messages"]
    assert json.loads(message["Body"]) == event
    assert message["MessageAttributes"]["reason"]["StringValue"]
    (log,) = [record for record in caplog.records if record.name == "watch"]
    assert log.levelname == "WARNING"
    (metrics,) = printed(capsys.readouterr().out)
    assert metrics["EventsNotUnderstood"] == [1]
    assert aws.messages() == []
    assert aws.items() == []


def test_only_unexpected_errors_raise(door: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def watch(self, *_: object) -> None:
            msg = "a defect"
            raise ZeroDivisionError(msg)

    monkeypatch.setattr(door, "watcher", Broken())
    with pytest.raises(ZeroDivisionError):
        door.handler(seed(FAILED)["event"], Context())


def test_nothing_configured_means_nothing_written(
    aws: Aws, recorded: Callable[..., Recording], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("TABLE_NAME", "INCIDENTS_TOPIC_ARN", "FAILURE_QUEUE_URL"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "AppRunnerWatcher")
    spec = importlib.util.spec_from_file_location("door_alone", ROOT / "functions" / "watch" / "app.py")
    assert spec
    assert spec.loader
    door = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(door)
    reads_from(door, recorded(), monkeypatch)
    assert door.handler(seed(FAILED)["event"], Context())["outcome"] == "told"
    assert door.handler({}, Context())["outcome"] == "not-understood"
    assert "AWS credentials are required in production" in capsys.readouterr().out
    assert aws.items() == []
    assert aws.messages() == []
