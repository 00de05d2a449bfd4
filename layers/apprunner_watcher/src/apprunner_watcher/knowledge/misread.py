"""Here you find when Java's "out of memory" is none: Kafka's client takes the broker's TLS record for a length."""

from collections.abc import Sequence

from apprunner_watcher.rule import Match
from apprunner_watcher.snapshot import Snapshot

READS_A_LENGTH = r"org\.apache\.kafka\.common\.(?:memory\.MemoryPool|network\.NetworkReceive)"
"""The frames in which it makes room for an answer of that length."""
_FRAMES = 8


def is_misread(snapshot: Snapshot, error: Match, frames: Sequence[Match]) -> bool:
    """Whether the error comes from one of these frames."""
    below = snapshot.application_log.near(error.line, above=0, below=_FRAMES) if frames else ()
    return any(frame.line in below for frame in frames)
