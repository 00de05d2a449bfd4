"""Native code of the application crashes."""

import re

from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

_SIGNAL_11 = 139  # 128 + SIGSEGV


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find exit code 139, or the words of a runtime for it."""
    log = snapshot.service_log
    if log.exit and log.exit_code == _SIGNAL_11:
        return Finding(Confidence.CERTAIN, (Evidence.of(log.exit),))
    said = matches.application("says_so")
    # a supervisor starts a crashed worker again: once is an accident, more often is why nothing serves
    if said and (not snapshot.came_up or len(said) > 1):
        return Finding(Confidence.LIKELY, (Evidence.of(said[0].line),))
    return None


RULE = Rule(
    id="segmentation-fault",
    code="segmentation-fault",
    title="The application crashes in native code (segmentation fault)",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "Exit code 139 is signal 11. Usual reasons: a native module built for another C library (Alpine's musl and"
        " glibc) or another processor, or a defect of the module's version."
    ),
    fix=(
        Step(
            "Install native modules inside the image's own base, not copied from elsewhere; try a Debian base instead of Alpine."
        ),
        Step("See it locally.", 'docker run --rm --platform linux/amd64 YOUR_IMAGE; echo "exit code $?"'),
    ),
    false_alarms=(
        "A worker that its supervisor restarts after a segmentation fault may still serve. Go's `[signal SIGSEGV:"
        " segmentation violation]` is a nil pointer in the application's own code."
    ),
    docs="https://github.com/aws/apprunner-roadmap/issues/110",
    rollback="helps",
    check=check,
    application_patterns={
        "says_so": re.compile(r"[Ss]egmentation fault|(?<!\[signal )\bSIGSEGV\b|\(signal 11\)|signal 11 \(")
    },
)
