"""The built function under AWS's runtime: how users without a container engine try it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from apprunner_watcher.recording import load
from local.invoke import LocalFunction, local_function
from local.recordings import find
from local.settings import ROOT

pytestmark = pytest.mark.e2e

# beside them lie the files for `sam local invoke --env-vars`
EVENTS = [path for path in sorted((ROOT / "events").glob("*.json")) if '"detail-type"' in path.read_text()]
READ = re.compile(r"[\w-]+:(Describe|Get|BatchGet|List|Simulate)\w+")


@pytest.fixture(scope="module")
def function() -> Iterator[LocalFunction]:
    with local_function() as function:
        yield function


@pytest.fixture(autouse=True)
def nothing_recorded(function: LocalFunction) -> None:
    function.door.play(None)


@pytest.mark.parametrize("file", EVENTS, ids=lambda path: path.stem)
def test_every_event_runs_and_writes_nothing(function: LocalFunction, file: Path) -> None:
    invocation = function.invoke(json.loads(file.read_text(encoding="utf-8")))
    assert not invocation.failed
    assert invocation.result["outcome"] in {"told", "nothing-to-tell"}
    assert [one for one in invocation.calls if not READ.fullmatch(one)] == []


def test_message_is_printed_and_nothing_is_written(function: LocalFunction) -> None:
    recording = load(find("seed-steno-prod-backend-failed"))
    function.door.play(recording)
    invocation = function.invoke(recording.event)
    assert invocation.result["outcome"] == "told"
    assert "AWS credentials are required in production" in invocation.log
    assert invocation.calls
    assert [one for one in invocation.calls if not READ.fullmatch(one)] == []


def test_event_that_is_not_understood_does_not_fail(function: LocalFunction) -> None:
    assert function.invoke({"detail-type": "Weather"}).result["outcome"] == "not-understood"
