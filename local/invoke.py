"""Here you find `make invoke`: the built function under AWS's own Lambda runtime, without a container engine.

AWS's runtime interface emulator and runtime client are what `sam local invoke` runs inside its container.
https://docs.aws.amazon.com/lambda/latest/dg/images-test.html
"""

import argparse
import contextlib
import json
import platform
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from apprunner_watcher.recording import BrokenRecordingError, Recording, load
from local import build
from local.player import FrontDoor
from local.process import FailedError, end_politely_on_sigterm, free_port, serving, wait_until_healthy, workplace
from local.recordings import DEFAULT, UnknownRecordingError, find
from local.settings import BUILD, EMULATOR_PYTHON, FUNCTIONS, LOOPBACK, SAM_PACKAGES
from local.terminal import complain, say, step

_ARCHITECTURES: Final = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
_SECONDS_TO_RUN: Final = 60


@dataclass(frozen=True, slots=True)
class Invocation:
    """What the function returned, what it printed, and which AWS calls it made."""

    result: Any
    log: str
    calls: tuple[str, ...]

    @property
    def failed(self) -> bool:
        """Lambda's sign of an unhandled exception."""
        return isinstance(self.result, dict) and "errorMessage" in self.result


class LocalFunction:
    """The function `watch`, as built, waiting for events."""

    def __init__(self, door: FrontDoor, url: str, log: Path) -> None:
        """Invoke through `url`; its output is in `log`, its AWS is `door`."""
        self.door = door
        self._url = url
        self._log = log

    def invoke(self, event: Mapping[str, Any]) -> Invocation:
        """Hand it one event and wait for the answer."""
        self.door.calls.clear()
        printed = self._log.stat().st_size
        request = urllib.request.Request(self._url, json.dumps(event).encode())  # noqa: S310 - a loopback address of ours
        with urllib.request.urlopen(request, timeout=_SECONDS_TO_RUN) as answer:  # noqa: S310 - the same
            result = json.loads(answer.read() or b"null")
        log = self._log.read_bytes()[printed:].decode(errors="replace")
        return Invocation(result, log, tuple(self.door.calls))


@contextlib.contextmanager
def local_function() -> Iterator[LocalFunction]:
    """Run the built function. It knows no table and no topic, so it prints what it would tell and writes nothing."""
    with workplace() as temporary, FrontDoor() as door:
        build.build(temporary)
        log = temporary / "function.log"
        port, runtime_port = free_port(), free_port()
        env = build.environment(
            temporary,
            AWS_ENDPOINT_URL=door.address,
            AWS_LAMBDA_FUNCTION_NAME="watch",
            AWS_LAMBDA_FUNCTION_TIMEOUT=str(_SECONDS_TO_RUN),
            AWS_LAMBDA_FUNCTION_MEMORY_SIZE="1024",
            LAMBDA_TASK_ROOT=str(FUNCTIONS / "watch"),
            PYTHONPATH=str(BUILD / "WatcherLayer" / "python"),
            PYTHONDONTWRITEBYTECODE="1",
            POWERTOOLS_SERVICE_NAME="watch",
            POWERTOOLS_METRICS_NAMESPACE="AppRunnerWatcher",
        )
        addresses = [
            "--runtime-interface-emulator-address",
            f"{LOOPBACK}:{port}",
            "--runtime-api-address",
            f"{LOOPBACK}:{runtime_port}",
        ]
        command: list[str | Path] = [_emulator(), *addresses, str(EMULATOR_PYTHON), "-m", "awslambdaric", "app.handler"]
        with serving(command, env=env, cwd=FUNCTIONS / "watch", log=log) as process:
            wait_until_healthy(process, f"http://{LOOPBACK}:{port}/", log=log)
            yield LocalFunction(door, f"http://{LOOPBACK}:{port}/2015-03-31/functions/function/invocations", log)


def main() -> int:
    """Invoke the function with one event; 1 where it failed, 2 where a file cannot be read."""
    parser = argparse.ArgumentParser(prog="make invoke", description=__doc__)
    parser.add_argument("event", nargs="?", help="a file that holds an EventBridge event; default: the recording's own")
    parser.add_argument("recording", nargs="?", help="what AWS answers, with the times of the recording")
    arguments = parser.parse_args()
    end_politely_on_sigterm()
    try:
        recording = load(find(arguments.recording or DEFAULT))
        event = json.loads(Path(arguments.event).read_text(encoding="utf-8")) if arguments.event else recording.event
        return _invoke(event, recording)
    except (OSError, ValueError, UnknownRecordingError, BrokenRecordingError) as error:
        complain(error)
        return 2
    except FailedError as error:
        complain(error)
        return 1
    except KeyboardInterrupt:
        return 130


def _invoke(event: Mapping[str, Any], recording: Recording) -> int:
    with contextlib.ExitStack() as running:
        with step("build the function and start it"):
            function = running.enter_context(local_function())
        function.door.play(recording)
        with step("invoke it"):
            invocation = function.invoke(event)
    say(invocation.log)
    say(json.dumps(invocation.result, indent=2, ensure_ascii=False))
    return int(invocation.failed)


def _emulator() -> Path:
    architecture = _ARCHITECTURES[platform.machine()]
    return next(SAM_PACKAGES.glob(f"python*/site-packages/samcli/local/rapid/aws-lambda-rie-{architecture}"))


if __name__ == "__main__":
    sys.exit(main())
