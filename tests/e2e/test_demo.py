"""`make demo` tells the story, and leaves nothing behind however it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from local.recordings import find
from local.settings import ROOT

pytestmark = pytest.mark.e2e


def demo(temporary: Path, recording: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "local.demo", str(find(recording))],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary), "LOCAL_AWS_STATE": str(temporary / "none"), "COLUMNS": "120"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def left_behind(temporary: Path) -> list[str]:
    """Files in the temporary folder of the demo, and processes that were given it."""
    mark = f"TMPDIR={temporary}".encode()
    processes = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes():
                processes.append(process.name)
        except OSError:
            continue
    return [*processes, *map(str, temporary.iterdir())]


def test_demo_shows_message_record_and_seconds(tmp_path: Path) -> None:
    running = demo(tmp_path, "seed-nerava-debug-image")
    output, _ = running.communicate(timeout=120)
    assert running.returncode == 0, output
    assert "OTP_PROVIDER=stub is not allowed" in output
    assert '"sk": "incident#' in output
    assert "cold: " in output
    assert "warm: " in output
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("after", ["sam build", "sam deploy"])
def test_interrupted_demo_leaves_nothing_behind(tmp_path: Path, after: str) -> None:
    running = demo(tmp_path, "seed-nerava-debug-image")
    assert running.stdout
    for line in running.stdout:
        if after in line:
            break
    running.send_signal(signal.SIGINT)
    output, _ = running.communicate(timeout=30)
    assert running.returncode == 130, output
    assert left_behind(tmp_path) == []


def test_unknown_recording_is_one_line(tmp_path: Path) -> None:
    running = subprocess.run(
        [sys.executable, "-m", "local.demo", "no-such-recording"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert running.returncode == 2
    assert len(running.stderr.splitlines()) == 1
