"""Here you find how much the error lines of a dependency prove."""

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import islice

from apprunner_watcher.log import ApplicationLog, Line
from apprunner_watcher.patterns import pattern_set
from apprunner_watcher.rule import Confidence, Match, at_most, gravest, weight
from apprunner_watcher.snapshot import Snapshot

_CONNECTED = (
    r"(?i)\bconnected (?:successfully )?to (?:the )?(?:database|db|postgres|mysql|mariadb|mongo|redis|sql server)"
    r"|\b(?:database|db|postgres(?:ql)?|mysql|mariadb|mongo(?:db)?|redis)\b[^\n]{0,30}\b(?:connected|ready|available|reachable)\b"
    r"|\bconnection\b[^\n]{0,40}\b(?:established|successful|succeeded|restored)\b"
    r"|\b(?:application|server|app|service) (?:has |was |is )?(?:successfully )?"
    r"(?:started|now running|up and running|listening)\b"
)
_NOT_YET = re.compile(r"\b(?:not|isn't|never|no|un\w+|fail\w*|error\w*|wait\w*|until)\b", re.IGNORECASE)


def proved(
    snapshot: Snapshot, found: Sequence[Match], *, heals: bool = True, least: int = 2
) -> tuple[Match, Confidence] | None:
    """The gravest of these errors and how much it explains; None where it explains nothing.

    In a live service it takes `least` of them, and none counts that is passing, if it is one that `heals` by itself.
    Elsewhere an error after which the application is connected after all is at most `likely`.
    """
    confidence = weight(snapshot)
    if not found or not confidence:
        return None
    if snapshot.is_live:
        lasting = [match for match in found if not (match.line.is_passing if heals else match.line.is_warning)]
        return (lasting[0], confidence) if len(list(islice(_reports(lasting), least))) == least else None
    first, confidence = gravest(found, confidence)
    last = max(found, key=lambda match: match.line.at)
    if is_overcome(snapshot.application_log, last.line):
        return first, at_most(Confidence.LIKELY, confidence)
    return first, confidence


_ONE_REPORT = timedelta(seconds=1)


def _reports(found: Sequence[Match]) -> Iterator[Line]:
    """What was told, each once: an error that is printed as an object says it twice at once, in two ways."""
    told: list[Line] = []
    for line in (match.line for match in found):
        if not any(abs(line.at - one.at) < _ONE_REPORT and one.said != line.said for one in told):
            told.append(line)
            yield line


def is_overcome(log: ApplicationLog, error: Line) -> bool:
    """Whether a line behind the error, in the same stream, says that there is a connection."""
    behind = [line.said for line in log.below(error)]
    return any(not _NOT_YET.search(behind[at]) for at, _, _ in pattern_set((_CONNECTED,)).search(behind))
