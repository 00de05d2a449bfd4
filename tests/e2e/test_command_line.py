"""The command line against the deployed stack, as somebody uses it who has exported what `make demo-up` prints."""

import json
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from apprunner_watcher.recording import load
from local import build
from local.stack import Stack
from tests.e2e.conftest import Play

pytestmark = pytest.mark.e2e


def command_line(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("apprunner-watcher"), *arguments],
        env=build.environment(Path(tempfile.gettempdir()), AWS_ENDPOINT_URL=stack.address),
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )


def test_test_message_arrives(stack: Stack) -> None:
    sent = command_line(stack, "send-test")
    assert sent.returncode == 0, sent.stderr
    [message] = stack.messages()
    assert message.subject.startswith("[TEST]")


def test_status_finds_the_stack(stack: Stack) -> None:
    status = command_line(stack, "status")
    assert stack.outputs["WatchFunctionName"] in status.stdout, status.stderr


def test_live_service_is_diagnosed_as_its_recording(stack: Stack, copy: Play) -> None:
    path = copy("seed-steno-prod-backend-failed")
    stack.show(path, datetime.now(UTC))
    live = command_line(stack, "diagnose", "--json", load(path).event["resources"][0])
    recorded = command_line(stack, "diagnose", "--json", str(path))
    assert live.returncode == 0, live.stderr
    causes = [json.loads(said.stdout)["causes"][0]["code"] for said in (live, recorded)]
    assert causes[0] == causes[1]


def test_event_of_a_live_service_can_be_invoked(stack: Stack, copy: Play) -> None:
    path = copy("seed-steno-prod-backend-failed")
    stack.show(path, datetime.now(UTC))
    made = command_line(stack, "event", load(path).event["resources"][0])
    assert made.returncode == 0, made.stderr
    assert stack.invoke(json.loads(made.stdout))["outcome"] == "told"
