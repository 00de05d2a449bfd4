"""Here you find `make demo-down`: what `make demo-up` started ends, without a trace."""

import os
import signal
import sys
from typing import Final

from local import running
from local.stack import NothingHappenedError, until
from local.terminal import complain, say, step

_SECONDS_TO_STOP: Final = 30.0


def main() -> int:
    """Stop it; 1 where it does not end."""
    state = running.state()
    if not state:
        say("Nothing is up.")
        return 0
    try:
        with step("stop the local AWS"):
            os.kill(state["pid"], signal.SIGTERM)
            until(lambda: running.state() is None or None, "end of its process", seconds=_SECONDS_TO_STOP)
    except NothingHappenedError as error:
        complain(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
