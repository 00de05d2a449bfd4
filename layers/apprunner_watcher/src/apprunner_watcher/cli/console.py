"""Here you find where the command line prints: answers to stdout, what went wrong to stderr."""

from rich.console import Console

COULD_NOT_READ = 2
"""The exit status when a target cannot be read."""

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)
