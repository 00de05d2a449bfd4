"""The instance has too little memory for the application."""

import re

from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

_KILLED = 137  # 128 + SIGKILL
# the next size, with the least CPU that App Runner offers for it
_NEXT = {
    "512": ("512", "1024"),
    "1024": ("1024", "2048"),
    "2048": ("1024", "4096"),
    "3072": ("1024", "4096"),
    "4096": ("4096", "8192"),
    "6144": ("4096", "8192"),
    "8192": ("4096", "12288"),
}


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a runtime that says so, or a container that was killed."""
    log = snapshot.service_log
    configured = snapshot.configuration.memory
    memory = Evidence.setting("Memory", configured)
    cpu, more = _NEXT.get(configured, ("4096", "12288"))
    values = {"memory": configured, "cpu": cpu, "more": more, "service_arn": snapshot.service.arn}
    # gunicorn guesses at memory as well when it kills a worker that is too slow
    is_timeout = bool(matches.application("timeout"))
    if (heap := matches.application("says_so")) and not snapshot.came_up:
        return Finding(Confidence.CERTAIN, (Evidence.of(heap[0].line), memory), values)
    if log.exit and log.exit_code == _KILLED and not is_timeout:
        was_stopped = not log.has_ended_by_itself or matches.application("stopped")
        confidence = Confidence.POSSIBLE if was_stopped else Confidence.LIKELY
        return Finding(confidence, (Evidence.of(log.exit), memory), values)
    if (killed := matches.application("killed")) and not is_timeout and not snapshot.came_up:
        return Finding(Confidence.LIKELY, (Evidence.of(killed[0].line), memory), values)
    return None


RULE = Rule(
    id="out-of-memory",
    code="out-of-memory",
    title="The application needs more memory than {memory} MB",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service", "service_log"}),
    why="The runtime's heap reached its limit, or the container was killed at the instance's limit (exit code 137).",
    fix=(
        Step(
            "Give the instance more memory.",
            "aws apprunner update-service --service-arn {service_arn} --instance-configuration Cpu={cpu},Memory={more}",
        ),
        Step(
            "Or need less: fewer workers, or a heap limit that fits (node --max-old-space-size, java"
            " -XX:MaxRAMPercentage)."
        ),
    ),
    false_alarms=(
        "A container that App Runner stops after a failed health check ends with 143, or 137 where it does not heed"
        " SIGTERM. gunicorn's `Perhaps out of memory?` after WORKER TIMEOUT is worker-timeout."
    ),
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/architecture.html",
    rollback="helps",
    check=check,
    application_patterns={
        "says_so": re.compile(
            r"JavaScript heap out of memory|java\.lang\.OutOfMemoryError: (?!unable to create)|insufficient memory for the Java Runtime"
            r"|(?<![\w.\"'])MemoryError(?:$|:)|_ArrayMemoryError: Unable to allocate|DefaultCPUAllocator: (?:can't allocate|not enough) memory"
            r"|fatal error: runtime: (?:out of memory|cannot allocate memory)|memory allocation of \d+ bytes failed|failed to allocate memory \(NoMemoryError\)"
            r"|Allowed memory size of \d+ bytes exhausted|System\.OutOfMemoryException"
        ),
        "killed": re.compile(
            r"^(?:\S+: (?:line )?\d+: +(?:\d+ )?)?Killed(?:$|\s{2,})|^(?:npm (?:ERR!|error) )?(?:signal )?SIGKILL$|signal 9 \(SIGKILL\)"
            r"|exited with signal SIGKILL|was sent SIGKILL! Perhaps out of memory\?"
        ),
        "timeout": re.compile(r"WORKER TIMEOUT"),
        # App Runner asks first; who does not heed it is killed as well
        "stopped": re.compile(r"SIGTERM|\bsignal 15\b|Handling signal: term|TERM signal"),
    },
)
