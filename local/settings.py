"""Here you find where things are: the three environments, what is built, and what the local account is called."""

import os
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
SAM: Final = ROOT / ".venv-sam" / "bin" / "sam"
SAM_PACKAGES: Final = ROOT / ".venv-sam" / "lib"
EMULATOR_PYTHON: Final = ROOT / ".venv-emulator" / "bin" / "python"
UV: Final = ROOT / ".venv" / "bin" / "uv"

TEMPLATE: Final = ROOT / "template.yaml"
FUNCTIONS: Final = ROOT / "functions"
LAYERS: Final = ROOT / "layers"
RECORDINGS: Final = ROOT / "events" / "recordings"
BUILD: Final = ROOT / ".aws-sam" / "local"
# a stack that is kept up is used by the demo; the demo's own tests look elsewhere and find none
KEPT_UP: Final = Path(os.environ.get("LOCAL_AWS_STATE", ROOT / ".local-aws"))

LOOPBACK: Final = "127.0.0.1"
STACK: Final = "apprunner-watcher"
REGION: Final = "us-east-1"
# ministack's root caller: any request signed with this key may do everything in its only account
ACCESS_KEY: Final = "test"
SECRET_KEY: Final = "test"  # noqa: S105 - the emulator's documented root credentials, no secret
