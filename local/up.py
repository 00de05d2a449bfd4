"""Here you find `make demo-up`: the local AWS stays up in the background, to play with."""

import argparse
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from apprunner_watcher.recording import BrokenRecordingError, load
from local import running
from local.process import FailedError, end_politely_on_sigterm
from local.recordings import DEFAULT, UnknownRecordingError, find
from local.settings import ACCESS_KEY, REGION, ROOT, SECRET_KEY
from local.stack import NothingHappenedError, Stack, local_aws, until
from local.terminal import complain, say, step

_SECONDS_TO_START: Final = 180.0


def main() -> int:
    """Start it unless it runs, let a recorded incident happen in it, and say how to go on."""
    parser = argparse.ArgumentParser(prog="make demo-up", description=__doc__)
    parser.add_argument("recording", nargs="?", help="what happens there first: a path, or a name of this repository")
    parser.add_argument("--serve", action="store_true", help="be the process in the background")
    arguments = parser.parse_args()
    end_politely_on_sigterm()
    if arguments.serve:
        return _serve()
    try:
        _start(find(arguments.recording or DEFAULT))
    except (UnknownRecordingError, BrokenRecordingError) as error:
        complain(error)
        return 2
    except (FailedError, NothingHappenedError) as error:
        complain(error)
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        return 130
    return 0


def _start(recording: Path) -> None:
    services = load(recording).event["resources"]
    if not running.state():
        with step("start the local AWS and deploy the watcher"):
            _start_in_the_background()
    stack = Stack(running.address())
    with step(f"play {recording.stem}"):
        stack.play(recording)
    say("\nIn the shell where you want to play:\n")
    say(
        f"export AWS_ENDPOINT_URL={stack.address} AWS_ACCESS_KEY_ID={ACCESS_KEY} "
        f"AWS_SECRET_ACCESS_KEY={SECRET_KEY} AWS_DEFAULT_REGION={REGION}\n"
    )
    say("There, .venv/bin/apprunner-watcher status, or send-test,")
    for service in services:
        say(f"or diagnose {service}")
    say("`make demo RECORDING=…` plays in it too and is quick now; `make demo-down` removes it.")


def _start_in_the_background() -> None:
    running.FOLDER.mkdir(exist_ok=True)
    with running.LOG.open("w", encoding="utf-8") as log:
        command = [sys.executable, "-m", "local.up", "--serve"]
        server = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)

    def look() -> object:
        if server.poll() is not None:
            msg = f"it did not come up:\n{running.LOG.read_text(encoding='utf-8')[-4000:]}"
            raise FailedError(msg)
        return running.state()

    try:
        until(look, "local AWS", seconds=_SECONDS_TO_START)
    except BaseException:
        server.terminate()
        server.wait()
        raise


def _serve() -> int:
    try:
        with local_aws() as stack:
            running.STATE.write_text(json.dumps({"pid": os.getpid(), "address": stack.address}), encoding="utf-8")
            signal.pause()
    except KeyboardInterrupt:
        return 0
    finally:
        running.STATE.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
