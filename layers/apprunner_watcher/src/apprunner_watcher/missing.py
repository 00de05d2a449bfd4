"""Here you find what could not be read: never silence, always what and why, and what to allow where that is why."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import TypeVar

_Part = TypeVar("_Part")


@dataclass(frozen=True, slots=True)
class Missing:
    """A part that could not be read: what, why, and the IAM action that would allow it where that is the reason."""

    what: str
    why: str
    allow: str = ""


class NotSeenError(LookupError):
    """Somebody asked for a part that is Missing, so nothing can be judged from it."""

    def __init__(self, missing: Missing) -> None:
        """Keep what is missing."""
        super().__init__(f"{missing.what}: {missing.why}")
        self.missing = missing


def seen(part: _Part | Missing) -> _Part:
    """The part. Raises `NotSeenError` where it is Missing."""
    if isinstance(part, Missing):
        raise NotSeenError(part)
    return part


def gaps(part: object) -> Iterator[Missing]:
    """What is Missing in a part: the part itself, or fields of it, down to the last."""
    if isinstance(part, Missing):
        yield part
    elif isinstance(part, tuple):
        for one in part:
            yield from gaps(one)
    elif is_dataclass(part) and not isinstance(part, type):
        for one in fields(part):
            yield from gaps(getattr(part, one.name))
