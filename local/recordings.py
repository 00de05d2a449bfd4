"""Here you find recordings by name, and copies that are another incident of another service."""

import re
import uuid
from pathlib import Path

from local.settings import RECORDINGS

DEFAULT = "seed-steno-prod-backend-failed"

_SERVICE_ID = re.compile(r"arn:aws[\w-]*:apprunner:[\w-]+:\d{12}:service/[^/\"]+/([0-9a-f]{32})")
_OPERATION_ID = re.compile(r'"Id": ?"([0-9a-f-]{36})"')


class UnknownRecordingError(ValueError):
    """There is no recording of this name."""


def find(name: str) -> Path:
    """Find a recording by its path, or by its name among those of this repository."""
    if Path(name).is_file():
        return Path(name)
    if (path := RECORDINGS / f"{name}.json").is_file():
        return path
    msg = f"{name}: no such file, and no recording of that name in {RECORDINGS}"
    raise UnknownRecordingError(msg)


def another(path: Path, folder: Path) -> Path:
    """Copy a recording so that the same thing happens to another service: with new ids of service and operations."""
    text = path.read_text(encoding="utf-8")
    for found in {*_SERVICE_ID.findall(text)}:
        text = text.replace(found, uuid.uuid4().hex)
    for found in {*_OPERATION_ID.findall(text)}:
        text = text.replace(found, str(uuid.uuid4()))
    copy = folder / f"{path.stem}-{uuid.uuid4().hex[:8]}.json"
    copy.write_text(text, encoding="utf-8")
    return copy
