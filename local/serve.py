"""Here you find a recording served as AWS until Ctrl-C, for `sam local invoke --env-vars events/local.json`.

It is served with its own times, which are those of the files in events/. A container reaches the host by another
address than loopback, so the address to listen on can be given.
"""

import argparse
import sys
import threading
from typing import Final

from apprunner_watcher.recording import BrokenRecordingError, load
from local.player import FrontDoor
from local.process import end_politely_on_sigterm
from local.recordings import DEFAULT, UnknownRecordingError, find
from local.settings import LOOPBACK
from local.terminal import complain, say

_PORT: Final = 4599


def main() -> int:
    """Serve; 2 where the recording cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m local.serve", description=__doc__)
    parser.add_argument("recording", nargs="?", help="a path, or a name of this repository")
    parser.add_argument("--host", default=LOOPBACK, help="where to listen; default %(default)s")
    parser.add_argument("--port", default=_PORT, type=int, help="default %(default)s")
    parser.add_argument("--delay", default=0, type=int, help="milliseconds before every answer; default %(default)s")
    arguments = parser.parse_args()
    end_politely_on_sigterm()
    try:
        recording = load(find(arguments.recording or DEFAULT))
        with FrontDoor(listen=(arguments.host, arguments.port), delay=arguments.delay / 1000) as door:
            door.play(recording)
            say(f"{recording.id} answers at http://{arguments.host}:{arguments.port} until Ctrl-C.")
            threading.Event().wait()
    except (UnknownRecordingError, BrokenRecordingError, OSError) as error:
        complain(error)
        return 2
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
