"""Here you find `make demo`: an App Runner event goes into the deployed stack, and the explanation comes out of it."""

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from apprunner_watcher.recording import BrokenRecordingError, load
from local import running
from local.process import FailedError, end_politely_on_sigterm, workplace
from local.recordings import DEFAULT, UnknownRecordingError, another, find
from local.stack import UNHEARD, NothingHappenedError, Played, Stack, local_aws
from local.terminal import complain, headline, say, step


def main() -> int:
    """Run the demo; 2 where the recording cannot be read, 1 where the stack did not do its work."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("recording", nargs="?", help="a path, or a name of this repository")
    end_politely_on_sigterm()
    try:
        return _show(find(parser.parse_args().recording or DEFAULT))
    except (UnknownRecordingError, BrokenRecordingError) as error:
        complain(error)
        return 2
    except (FailedError, NothingHappenedError) as error:
        complain(error)
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("stopped; nothing is left behind\n")
        return 130


def _show(path: Path) -> int:
    recording = load(path)
    say(f"{recording.id}: {recording.title}")
    with _stack() as stack, workplace() as folder:
        with step("cold: the event goes in, and the function starts anew"):
            cold_path = another(path, folder)
            cold = stack.play(cold_path, cold=True)
        with step("warm: the same happens to another service"):
            warm = stack.play(another(path, folder))
        if cold.message:
            headline("What its owner reads")
            say(f"Subject: {cold.message.subject}\n")
            say(cold.message.text)
        headline("What the table keeps")
        _print_records(stack, cold_path)
        if cold.message:
            headline("From event to message")
            _print_seconds(cold, warm)
        else:
            headline(f"Nothing to tell: {_reason(cold, recording.event['detail-type'])}.")
    return 0


@contextlib.contextmanager
def _stack() -> Iterator[Stack]:
    """Use the stack of `make demo-up` where it runs, else one for this demo alone."""
    if address := running.address():
        yield Stack(address)
    else:
        with local_aws(step) as stack:
            yield stack


def _reason(played: Played, detail_type: str) -> str:
    if played.outcome["outcome"] == UNHEARD:
        return f"no rule of the stack matches this event, {detail_type!r}"
    if played.outcome["outcome"] == "noted":
        return f"the operation is {played.outcome['verdict'].replace('_', ' ')}; what it attempts was noted"
    return f"the outcome of this event is {played.outcome['outcome']!r}"


def _print_records(stack: Stack, path: Path) -> None:
    records = [record for service in load(path).event["resources"] for record in stack.records(service)]
    for record in records:
        say(json.dumps(record, indent=2, ensure_ascii=False, default=_plain))


def _print_seconds(cold: Played, warm: Played) -> None:
    for name, played in (("cold", cold), ("warm", warm)):
        say(f"{name}: {played.seconds:.2f} s" if played.seconds is not None else f"{name}: not told")


def _plain(value: object) -> object:
    """DynamoDB's numbers and sets, as JSON has them."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return sorted(value) if isinstance(value, set) else str(value)


if __name__ == "__main__":
    sys.exit(main())
