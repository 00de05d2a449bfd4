"""Here you find processes that leave nothing behind: neither a child nor a temporary folder, however the work ends."""

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Final

from local.settings import LOOPBACK

_SECONDS_TO_STOP: Final = 5.0


class FailedError(RuntimeError):
    """A command failed or a process did not come up. The message ends with what it printed."""


def run(command: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path) -> str:
    """Run a command to its end and return its output. Its whole process group ends if this process is interrupted."""
    with _group(command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, output=subprocess.PIPE) as process:
        output, _ = process.communicate()
    if process.returncode:
        msg = f"{Path(command[0]).name} {command[1]} failed:\n{output}"
        raise FailedError(msg)
    return str(output)


@contextlib.contextmanager
def serving(
    command: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path, log: Path
) -> Iterator[subprocess.Popen[str]]:
    """Keep a process running. Its stdin is a pipe that closes when this process is gone, so that it can follow."""
    with (
        log.open("a", encoding="utf-8") as output,
        _group(command, env=env, cwd=cwd, stdin=subprocess.PIPE, output=output.fileno()) as process,
    ):
        yield process


def wait_until_healthy(process: subprocess.Popen[str], url: str, *, log: Path, seconds: float = 30) -> None:
    """Wait until something answers at this address, with whatever status."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=1).close()  # noqa: S310 - a loopback address of ours
        except urllib.error.HTTPError as error:
            error.close()
            return
        except OSError:
            time.sleep(0.02)
        else:
            return
    msg = f"{url} does not answer:\n{log.read_text(encoding='utf-8')[-2000:]}"
    raise FailedError(msg)


def free_port() -> int:
    """Find a loopback port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def workplace() -> Iterator[Path]:
    """Lend a temporary folder: child processes get it as TMPDIR, and it goes with all that they left there."""
    with tempfile.TemporaryDirectory(prefix="apprunner-watcher-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def end_politely_on_sigterm() -> None:
    """Treat SIGTERM as Ctrl-C, so that `with` blocks are left in order."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    # a shell that starts a job in the background has it ignore Ctrl-C
    signal.signal(signal.SIGINT, interrupt)


@contextlib.contextmanager
def _group(
    command: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path, stdin: int, output: int
) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command,
        env=dict(env),
        cwd=cwd,
        stdin=stdin,
        stdout=output,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    """End the process and the children that it left in its group; a second Ctrl-C must not stop this halfway."""
    with _undisturbed():
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_SECONDS_TO_STOP)
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
