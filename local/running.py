"""Here you find out whether a local AWS is kept up, and where."""

import json
import os
from typing import Any, Final

from local.settings import KEPT_UP

FOLDER: Final = KEPT_UP
STATE: Final = FOLDER / "state.json"
LOG: Final = FOLDER / "up.log"


def state() -> dict[str, Any] | None:
    """Read the process id and the address of what runs. What a killed process left behind counts as nothing."""
    try:
        state: dict[str, Any] = json.loads(STATE.read_text(encoding="utf-8"))
        os.kill(state["pid"], 0)
    except (FileNotFoundError, ValueError, ProcessLookupError):
        return None
    return state


def address() -> str:
    """Where it answers; empty where nothing is up."""
    return str((state() or {}).get("address", ""))
