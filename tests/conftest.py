"""Here you find what many tests start from: the seed recordings, and copies of them in which something is different."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from apprunner_watcher import recording
from apprunner_watcher.aws.replay import replay
from apprunner_watcher.recording import Recording
from apprunner_watcher.snapshot import Snapshot

ROOT = Path(__file__).resolve().parent.parent
SEEDS = sorted((ROOT / "events" / "recordings").glob("*.json"))
Change = Callable[[dict[str, Any]], None]


def seed(name: str) -> dict[str, Any]:
    """The content of a seed recording."""
    content: dict[str, Any] = json.loads((ROOT / "events" / "recordings" / f"{name}.json").read_text(encoding="utf-8"))
    return content


@pytest.fixture
def recorded(tmp_path: Path) -> Callable[..., Recording]:
    """A recording made of a seed and a change of it."""

    def make(name: str = "seed-steno-prod-backend-failed", change: Change | None = None) -> Recording:
        content = seed(name)
        if change:
            change(content)
        file = tmp_path / f"{name}.json"
        file.write_text(json.dumps(content))
        return recording.load(file)

    return make


@pytest.fixture
def seen(recorded: Callable[..., Recording]) -> Callable[..., Snapshot]:
    """What gather sees of such a recording."""

    def see(name: str = "seed-steno-prod-backend-failed", change: Change | None = None) -> Snapshot:
        return replay(recorded(name, change)) if change else _unchanged(name)

    return see


@cache
def _unchanged(name: str) -> Snapshot:
    """Snapshots are frozen: many tests may look at the same one."""
    return replay(recording.load(ROOT / "events" / "recordings" / f"{name}.json"))
