"""Commands that run locally what App Runner ran: what they are made of, and that a shell reads them right."""

import shlex
import subprocess
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from apprunner_watcher.image import Image, ImageConfig
from apprunner_watcher.knowledge.local_run import command, docker_run, speaking_command
from apprunner_watcher.snapshot import Snapshot

Seen = Callable[..., Snapshot]


def configured(snapshot: Snapshot, **fields: Any) -> Snapshot:
    changed = snapshot.configuration.model_copy(update=fields)
    return replace(snapshot, parts=replace(snapshot.parts, configuration=changed))


def with_image(snapshot: Snapshot, **fields: Any) -> Snapshot:
    image = Image(identifier="shop:v1", region="", repository="shop", config=ImageConfig(**fields))
    return replace(snapshot, parts=replace(snapshot.parts, image=image))


def test_an_image_runs_with_its_port_and_the_names_of_its_variables(seen: Seen) -> None:
    snapshot = with_image(configured(seen("seed-nerava-v32"), start_command="node server.js", memory="512"))
    words = shlex.split(docker_run(snapshot).replace("\\\n", " "))
    assert words[:3] == ["docker", "run", "--rm"]
    assert words[words.index("--memory") + 1] == "512m"
    assert words[words.index("-p") + 1] == "8000:8000"
    assert {"PORT=8000", "ENV", "DATABASE_URL", "OTP_PROVIDER"} <= set(words)
    assert words[words.index("shop:v1") + 1 :][:2] == ["node", "server.js;"]


def test_no_value_of_a_variable_is_in_it(seen: Seen) -> None:
    run = docker_run(seen("seed-nerava-v32"))
    assert "stub" not in run
    assert "postgresql" not in run


def test_source_code_runs_in_an_image_of_its_runtime(seen: Seen) -> None:
    run = docker_run(seen("seed-tara-main"))
    assert "public.ecr.aws/docker/library/python:3.8" in run
    assert "'pip install -r requirements.txt && python main.py'" in run


@pytest.mark.parametrize(
    ("runtime", "image"),
    [
        ("PYTHON_311", "library/python:3.11"),
        ("NODEJS_22", "library/node:22"),
        ("CORRETTO_11", "library/amazoncorretto:11"),
        ("PHP_81", "library/php:8.1"),
        ("DOTNET_6", "mcr.microsoft.com/dotnet/sdk:6.0"),
        ("COBOL_85", ""),
        ("", ""),
    ],
)
def test_each_runtime_has_its_image(seen: Seen, runtime: str, image: str) -> None:
    run = docker_run(configured(seen("seed-tara-main"), runtime=runtime))
    assert image in run
    assert bool(run) == bool(image)


def test_a_command_of_which_something_is_hidden_is_not_given(seen: Seen) -> None:
    snapshot = configured(seen("seed-tara-main"), start_command="python main.py --token ***")
    assert not docker_run(snapshot)
    assert not speaking_command(snapshot)


def test_names_that_a_shell_would_read_are_quoted(seen: Seen) -> None:
    snapshot = configured(seen("seed-tara-main"), secret_sources={"A; touch evil": "arn:x"})
    assert "-e 'A; touch evil'" in docker_run(snapshot)


@pytest.mark.parametrize(
    ("fields", "runs"),
    [
        ({"cmd": ("node", "server.js")}, "node server.js"),
        ({"entrypoint": ("/entry.sh",), "cmd": ("serve",)}, "/entry.sh serve"),
        ({"cmd": ("/bin/sh", "-c", "python main.py")}, "python main.py"),
        ({}, ""),
    ],
)
def test_the_image_says_what_runs_where_no_start_command_does(seen: Seen, fields: Any, runs: str) -> None:
    assert command(with_image(configured(seen(), start_command=""), **fields)) == runs


def test_a_speaking_command_prints_how_it_ends(seen: Seen) -> None:
    speaking = speaking_command(configured(seen(), start_command="false"))
    words = shlex.split(speaking)
    printed = subprocess.run(words, capture_output=True, text=True, check=False).stdout
    assert printed == "starting\nexit code 1\n"


def test_a_command_with_quotes_is_not_wrapped(seen: Seen) -> None:
    assert not speaking_command(configured(seen(), start_command="sh -c 'node server.js'"))
