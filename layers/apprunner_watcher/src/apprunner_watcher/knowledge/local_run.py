"""Here you find how to run locally what App Runner ran: the same image or runtime, port and names of variables.

What stands in a command comes from AWS's answers, each word quoted for a shell.
"""

import re
import shlex
from collections.abc import Iterable

from apprunner_watcher.image import APP_RUNNER_PLATFORM, Image
from apprunner_watcher.missing import Missing
from apprunner_watcher.redaction import HIDDEN
from apprunner_watcher.service import Configuration
from apprunner_watcher.snapshot import Snapshot

_WIDTH = 100  # characters of a row of a command
_RUNTIME = re.compile(r"(?P<language>[A-Z]+)_(?P<version>\d+)")
# public images with what App Runner's managed runtimes have
_BASES = {
    "PYTHON": "public.ecr.aws/docker/library/python:",
    "NODEJS": "public.ecr.aws/docker/library/node:",
    "CORRETTO": "public.ecr.aws/docker/library/amazoncorretto:",
    "GO": "public.ecr.aws/docker/library/golang:",
    "PHP": "public.ecr.aws/docker/library/php:",
    "RUBY": "public.ecr.aws/docker/library/ruby:",
    "DOTNET": "mcr.microsoft.com/dotnet/sdk:",
}
_SHELLS = frozenset({"sh", "/bin/sh", "bash", "/bin/bash"})
_BREAKS_QUOTES = re.compile(r"[\"'`$\\\n]")


def docker_run(snapshot: Snapshot) -> str:
    """A command that runs the same locally and says how it ends; empty where it is not known what was run."""
    configuration = snapshot.configuration
    what = _from_source(configuration) if configuration.is_from_source else _from_image(snapshot)
    if not what or HIDDEN in " ".join(what):
        return ""
    port = snapshot.checked_port
    names = dict.fromkeys((*(one.name for one in configuration.variables), *configuration.secrets))
    memory = ["--memory", f"{configuration.memory}m"] if configuration.memory.isdecimal() else []
    options = [["--platform", APP_RUNNER_PLATFORM], memory, ["-p", f"{port}:{port}"], ["-e", f"PORT={port}"]]
    words = [
        "docker run --rm",
        *(shlex.join(option) for option in options if option),
        *(shlex.join(["-e", name]) for name in names if name != "PORT"),
        *what,
    ]
    return _in_rows(words) + '; echo "exit code $?"'


def command(snapshot: Snapshot) -> str:
    """What the container runs: the start command, or the image's own; empty where neither is known."""
    configured, image = snapshot.configuration.start_command, snapshot.parts.image
    if configured or not isinstance(image, Image) or not image.config:
        return configured
    words = (*image.config.entrypoint, *image.config.cmd)
    if len(words) == 3 and words[0] in _SHELLS and words[1] == "-c":  # noqa: PLR2004  # sh -c "the command"
        return words[2]
    return shlex.join(words)


def speaking_command(snapshot: Snapshot) -> str:
    """A start command that prints how the process ends; empty where the command has quotes, which would break."""
    runs = command(snapshot)
    if not runs or HIDDEN in runs or _BREAKS_QUOTES.search(runs):
        return ""
    return f'sh -c "echo starting; {runs}; echo exit code $?"'


def _from_image(snapshot: Snapshot) -> list[str]:
    image, log = snapshot.parts.image, snapshot.parts.service_log
    pulled = None if isinstance(log, Missing) else log.pulled_image
    name = image.identifier if isinstance(image, Image) else pulled or snapshot.configuration.image
    return [shlex.quote(name), *map(shlex.quote, snapshot.configuration.start_command.split())] if name else []


def _from_source(configuration: Configuration) -> list[str]:
    """The commands in a public image of the same language; nothing where they stand in the repository alone."""
    runtime = _RUNTIME.fullmatch(configuration.runtime)
    base = _BASES.get(runtime["language"], "") if runtime else ""
    if not runtime or not base or not configuration.start_command:
        return []
    commands = " && ".join(filter(None, (configuration.build_command, configuration.start_command)))
    image = base + _version(runtime["language"], runtime["version"])
    return ['-v "$PWD":/app -w /app', image, f"sh -c {shlex.quote(commands)}"]


def _version(language: str, digits: str) -> str:
    """`PYTHON_311` is 3.11, `PYTHON_3` is 3.8, `NODEJS_22` is 22, `DOTNET_6` is 6.0."""
    if language == "DOTNET":
        return f"{digits}.0"
    if (language, digits) == ("PYTHON", "3"):
        return "3.8"
    is_pair = language in {"PYTHON", "PHP", "RUBY"} and len(digits) > 1
    return f"{digits[0]}.{digits[1:]}" if is_pair else digits


def _in_rows(words: Iterable[str]) -> str:
    rows: list[str] = []
    for word in words:
        if rows and len(rows[-1]) + len(word) < _WIDTH:
            rows[-1] += f" {word}"
        else:
            rows.append(word)
    return " \\\n  ".join(rows)
