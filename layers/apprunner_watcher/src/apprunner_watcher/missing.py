"""Here you find what could not be read: never silence, always what and why, and what to allow where that is why."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar, cast

from pydantic import BaseModel

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
        return
    for inner in _inside(part).values() if not isinstance(part, tuple) else part:
        yield from gaps(inner)


def rewritten(part: _Part, rewrite: Callable[[Missing], Missing]) -> _Part:
    """The part, with whatever is Missing in it written anew."""
    found: Any = part
    if isinstance(found, Missing):
        found = rewrite(found)
    elif isinstance(found, tuple):
        found = tuple(rewritten(one, rewrite) for one in found)
    elif any(gaps(found)):
        anew = {name: rewritten(inner, rewrite) for name, inner in _inside(found).items()}
        found = found.model_copy(update=anew) if isinstance(found, BaseModel) else replace(found, **anew)
    return cast("_Part", found)


def _inside(part: object) -> dict[str, object]:
    """The fields of a dataclass or model; none of anything else."""
    if isinstance(part, BaseModel):
        return dict(part)
    if is_dataclass(part) and not isinstance(part, type):
        return {one.name: getattr(part, one.name) for one in fields(part)}
    return {}
