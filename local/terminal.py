"""Here you find how progress is shown: each step with the seconds that it took."""

import contextlib
import sys
import time
from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape

console = Console(soft_wrap=True, highlight=False)


@contextlib.contextmanager
def step(what: str) -> Iterator[None]:
    """Show a step while it runs, and how long it took; in plain lines where there is no terminal."""
    began = time.monotonic()
    with console.status(escape(what)):
        yield
    console.print(f"[green]ok[/] {time.monotonic() - began:5.1f} s  {escape(what)}")


def say(text: str = "") -> None:
    """Print text as it is, without reading markup into it."""
    console.print(text, markup=False)


def complain(error: BaseException) -> None:
    """Say on stderr what went wrong, with what the error has to add."""
    sys.stderr.write("\n".join([str(error), *getattr(error, "__notes__", [])]) + "\n")


def headline(text: str) -> None:
    """Begin a part of the output."""
    console.print()
    console.print(text, style="bold", markup=False)
