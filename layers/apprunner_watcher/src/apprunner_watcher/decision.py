"""Here you find what we may do about it. The rollback part is not there yet, so the answer is always to stand down."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Decision:
    """An action is data; the reason is read by the user."""

    action: Literal["roll_back", "ask_first", "stand_down"]
    reason: str


def decide() -> Decision:
    """Decide what to do. Nothing can change the answer as long as the rollback part is missing, so it takes nothing."""
    return Decision("stand_down", "the rollback part is not installed")
