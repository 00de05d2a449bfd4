"""Here you find the real `sam build` and `sam deploy`, against the local AWS."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from local.process import run
from local.settings import (
    ACCESS_KEY,
    BUILD,
    EMULATOR_PYTHON,
    FUNCTIONS,
    LAYERS,
    REGION,
    ROOT,
    SAM,
    SECRET_KEY,
    STACK,
    TEMPLATE,
    UV,
)

_INPUTS: Final = BUILD / "inputs.sha256"
# What a user's own shell may say about AWS; none of it may reach the local one, nor the local one's calls AWS.
_OWN_AWS: Final = "AWS_"


def environment(temporary: Path, **more: str) -> dict[str, str]:
    """Make the environment of a child process: the user's, without their AWS account, with the local one."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OWN_AWS)}
    return {
        **inherited,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "SAM_CLI_TELEMETRY": "0",
        "TMPDIR": str(temporary),
        **more,
    }


def build(temporary: Path) -> None:
    """Build as for a deployment, the layer for the emulator's interpreter; not again where nothing has changed."""
    inputs = _digest()
    if _INPUTS.exists() and _INPUTS.read_text() == inputs:
        return
    path = os.pathsep.join([str(UV.parent), os.environ["PATH"]])
    target = {"LAYER_TARGET": f"--python {EMULATOR_PYTHON}", "LAYER_COMPILER": str(EMULATOR_PYTHON)}
    command: list[str | Path] = [SAM, "build", "--template-file", TEMPLATE, "--build-dir", BUILD]
    run(command, env=environment(temporary, PATH=path, **target), cwd=ROOT)
    _INPUTS.write_text(inputs)


def deploy(temporary: Path, endpoint: str) -> None:
    """Deploy what was built. The template is as shipped; two parameters differ.

    One is the endpoint. The other one lets the function look into images as far as the command line does, so that both
    give the same answer.
    """
    command: list[str | Path] = [
        SAM,
        "deploy",
        "--template-file",
        BUILD / "template.yaml",
        "--stack-name",
        STACK,
        "--region",
        REGION,
    ]
    options = ["--resolve-s3", "--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--no-progressbar"]
    parameters = ["--parameter-overrides", f"AwsEndpointUrl={endpoint}", "ImageInspection=config"]
    run([*command, *options, *parameters], env=environment(temporary, AWS_ENDPOINT_URL=endpoint), cwd=ROOT)


def _digest() -> str:
    digest = hashlib.sha256(str(EMULATOR_PYTHON.resolve()).encode())
    for file in _inputs():
        digest.update(str(file.relative_to(ROOT)).encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _inputs() -> Iterator[Path]:
    yield TEMPLATE
    for folder in (FUNCTIONS, LAYERS):
        yield from sorted(
            file
            for file in folder.rglob("*")
            if file.is_file() and "__pycache__" not in file.parts and ".egg-info" not in str(file)
        )
