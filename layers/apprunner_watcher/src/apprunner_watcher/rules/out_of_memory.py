"""The instance has too little memory for the application."""

import re

from apprunner_watcher.knowledge.misread import READS_A_LENGTH, is_misread
from apprunner_watcher.metrics import Metrics
from apprunner_watcher.rule import (
    Confidence,
    Evidence,
    Finding,
    Match,
    Matches,
    Occasion,
    Phase,
    Rule,
    Step,
    at_most,
    outlived,
)
from apprunner_watcher.snapshot import Snapshot

_KILLED = 137  # 128 + SIGKILL
_SERVER_ERROR = 500
_AT_THE_LIMIT = 95.0  # percent of an instance's memory
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
_RUNTIMES = ("node", "java", "php", "python", "other")


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a runtime or platform that says so, or a container or worker that was killed."""
    log = snapshot.service_log
    runtime, said = _said(snapshot, matches)
    collections = matches.application("last_collections")
    if not said and collections and snapshot.has_ended and not outlived(snapshot, collections):
        runtime, said = "node", collections[0]
    if said:
        # a request that needed too much may have been the only victim; a heap that is full ends the process
        is_survived = snapshot.came_up if not snapshot.is_live else runtime in {"python", "php"}
        confidence = Confidence.LIKELY if is_survived or runtime == "unsure" else Confidence.CERTAIN
        return _finding(snapshot, (Evidence.of(said.line),), confidence, runtime)
    # gunicorn guesses at memory as well when it kills a worker that is too slow
    if matches.application("timeout"):
        return None
    # that a process was killed is no guess, even where it is logged as a warning
    asked_at = min((match.line.at for match in matches.application("stopped")), default=None)
    killings = [
        match
        for match in matches.application("killed")
        if not (snapshot.is_live and match.line.is_passing) and not (asked_at and asked_at < match.line.at)
    ]
    killed = killings[0] if killings else None
    is_full = _used(snapshot)
    if log.exit and log.exit_code == _KILLED:
        was_stopped = not log.has_ended_by_itself or bool(matches.application("stopped"))
        is_proved = bool(killed or is_full) and not was_stopped
        confidence = Confidence.CERTAIN if is_proved else Confidence.POSSIBLE if was_stopped else Confidence.LIKELY
        told = (Evidence.of(killed.line),) if killed else ()
        return _finding(snapshot, (*told, Evidence.of(log.exit), *is_full), confidence)
    # one worker may have been an accident; and the master of several says that it listens before any of them works
    is_repeated = len(killings) > 1 and (snapshot.is_live or not snapshot.health_check_answers)
    is_answered = any(answer.status < _SERVER_ERROR for answer in snapshot.health_check_answers)
    is_only_master_up = snapshot.is_unhealthy and not is_answered
    if killed and (is_repeated or is_only_master_up or not (snapshot.is_live or snapshot.came_up)):
        confidence = Confidence.CERTAIN if is_full and not snapshot.is_live else Confidence.LIKELY
        return _finding(snapshot, (Evidence.of(killed.line), *is_full), confidence)
    return None


def _said(snapshot: Snapshot, matches: Matches) -> tuple[str, Match | None]:
    """The first line that says so, and whose runtime says it."""
    found = [
        (match.line.at, name, match)
        for name in (*_RUNTIMES, "unsure")
        for match in matches.application(name)
        if (not match.line.is_passing or _ENDS_THE_JVM.search(match.line.said))
        and not _OF_SOMEBODY_ELSE.search(match.line.said)
        and not is_misread(snapshot, match, matches.application("reads_a_length"))
    ]
    _, name, first = min(found, key=lambda one: one[0], default=(None, "", None))
    return name, first


def _used(snapshot: Snapshot) -> tuple[Evidence, ...]:
    """The metric of memory, where it was at the limit."""
    metrics = snapshot.parts.metrics
    memory = metrics.of("MemoryUtilization") if isinstance(metrics, Metrics) else None
    if not memory or memory.highest < _AT_THE_LIMIT:
        return ()
    return (Evidence("metrics", f"MemoryUtilization: up to {memory.highest:.0f} %"),)


def _finding(snapshot: Snapshot, evidence: tuple[Evidence, ...], confidence: Confidence, runtime: str = "") -> Finding:
    configured = snapshot.configuration.memory
    cpu, more = _NEXT.get(configured, ("4096", "12288"))
    values = {"memory": configured, "cpu": cpu, "more": more, "service_arn": snapshot.service.arn}
    if runtime:
        values[runtime] = "yes"
    if more.isdecimal():
        values["heap"] = str(int(more) * 3 // 4)
    limit = at_most(Confidence.LIKELY, confidence) if snapshot.is_live and not runtime else confidence
    return Finding(limit, (*evidence, Evidence.setting("Memory", configured)), values)


# "warning: INFO: os::commit_memory(…) failed": then it aborts
_ENDS_THE_JVM = re.compile(r"os::commit_memory\b")
# a cache's or database's own memory
_OF_SOMEBODY_ELSE = re.compile(
    r"maxmemory|OOM command not allowed|psycopg|\bPG::|SQLSTATE|\bPOSTGRES|shared memory|CUDA|circuit_breaking|ResponseError|HeapDumpOn|ExitOnOutOf|CrashOnOutOf|OnOutOfMemoryError="
)

RULE = Rule(
    id="out-of-memory",
    code="out-of-memory",
    title="The application runs out of memory ({memory} MB)",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service", "service_log"}),
    why=(
        "The runtime's heap reached its own limit, or the container was killed at the instance's (exit code 137, SIGKILL):"
        " nothing is logged then but what others say of it."
    ),
    fix=(
        Step(
            "Give the instance more memory.",
            "aws apprunner update-service --service-arn {service_arn} --instance-configuration Cpu={cpu},Memory={more}",
        ),
        Step(
            "Raise Node's own limit with it, which does not know the instance's: as a variable of the service, three quarters"
            " of the memory.",
            "NODE_OPTIONS=--max-old-space-size={heap}",
            when="node",
        ),
        Step(
            "Let the JVM take its share, which is a quarter if nothing is said: as a variable of the service, without an -Xmx"
            " beside it.",
            "JAVA_TOOL_OPTIONS=-XX:MaxRAMPercentage=75",
            when="java",
        ),
        Step("Raise PHP's own limit in php.ini, or load less at a time.", "memory_limit = 512M", when="php"),
        Step(
            "Or need less: fewer workers (each loads everything anew), no development server, no builds at start, smaller"
            " models, data in pieces."
        ),
    ),
    false_alarms=(
        "A container that App Runner stops after a failed health check ends with 143, or 137 where it does not heed"
        " SIGTERM. gunicorn's `Perhaps out of memory?` after WORKER TIMEOUT is worker-timeout."
    ),
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/architecture.html",
    rollback="helps",
    check=check,
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
    application_patterns={
        # V8 of all versions, Deno, Bun
        "node": (
            r"JavaScript heap out of memory|\bAllocation failed - process out of memory|FATAL ERROR: [^\n]{0,80}Allocation failed|Fatal (?:JavaScript|process) (?:out of memory|OOM)"
            r"|FatalProcessOutOfMemory|ReportOOMFailure|OOMErrorHandler|V8 [Jj]avascript OOM"  # its native stack
            r"|ERR_WORKER_OUT_OF_MEMORY|reaching memory limit: JS heap|\bArray buffer allocation failed|Bun has run out of memory|\bspawn ENOMEM\b|WebAssembly[^\n]{0,60}(?:[Oo]ut of memory|could not allocate memory)"
        ),
        # what V8 prints above its error, which a log that is cut may not hold
        "last_collections": (
            r"<--- Last few GCs --->|\bMark-(?:sweep|Compact) [^\n]{0,200}\bcurrent mu = 0\.0\d[^\n]{0,20} (?:allocation failure|last resort)"
        ),
        # the JVM; the memory calculator of buildpacks; Netty
        "java": (
            r"java\.lang\.OutOfMemoryError(?!: unable to create)(?=$|[:\s])|insufficient memory for the Java Runtime|Could not reserve enough space for \S+ object heap"
            r"|Native memory allocation \(\w+\) failed|fixed memory regions require \S+ which is greater than|[Uu]nable to calculate memory configuration|OutOfDirectMemoryError: "
            r"|GC overhead limit exceeded|os::commit_memory\b[^\n]{0,80} failed"
        ),
        # the limit of processes, or of .NET's heap, may be behind it as well; a Map or array that outgrew V8
        "unsure": (
            r"GC heap initialization failed|HRESULT: 0x8007000E|OutOfMemoryError: unable to create (?:new )?native thread|Fatal JavaScript invalid (?:size error|array length)"
        ),
        "php": (
            r"Allowed memory size of \d+ bytes exhausted|PHP Fatal error: +Out of memory|^Fatal error: Out of memory \(allocated"
        ),
        "python": (
            r"(?<![\w.\"'])MemoryError(?:$|:)|Cannot recover from MemoryErrors|\bUnable to allocate \S+ [KMGT]iB for an array|DefaultCPUAllocator: (?:can't allocate|not enough) memory|ArrowMemoryError: "
            r"|\[Errno 12\] (?:Cannot allocate|Out of) memory|OOM when allocating tensor"
        ),
        # Go, Rust, Ruby, .NET, C++, Erlang, Perl; the kernel, and platforms that tell of it
        "other": (
            r"fatal error: (?:runtime: )?(?:out of memory|cannot allocate memory)|\bruntime: out of memory|memory allocation of \d+ bytes failed|failed to allocate memory(?: \(NoMemoryError\)|$)|\bNoMemoryError\b"
            r"|System\.OutOfMemoryException|std::bad_alloc|eheap_alloc: Cannot allocate|^Out of memory[.!]$|LLVM ERROR: out of memory"
            r"|Out of memory: Kill(?:ed)? process|[Mm]emory cgroup out of memory|oom-kill:|oom_reaper|\bOOM ?Killed\b|ggml\w*: [^\n]{0,80}(?:insufficient|failed to allocate)"
            r"|cannot allocate vector of size \d|Failed to allocate memory for requested buffer of size"  # R, ONNX Runtime
            r"|requires more (?:system )?memory \([\d.]+ ?[KMG]i?B\) than is available"  # Ollama
            r"|Memory limit of \S+ (?:\w+ )?exceeded|Memory quota vastly exceeded|Container killed due to memory usage|\(out of memory\)$|Cannot allocate memory - |\bfork\b[^\n]{0,30}: (?:\[Errno 12\] )?(?:Cannot allocate|Out of) memory|\bENOMEM\b|os error 12\)"
        ),
        "killed": (
            # shells, npm, yarn; gunicorn, Celery, uWSGI, PHP-FPM, nginx, Apache, Unicorn
            r"^(?:\S+: (?:line )?\d+: +(?:\d+ )?)?Killed(?:$|\s{2,})|^(?:npm (?:ERR!|error) )?(?:signal )?SIGKILL$|signal:? 9 \(SIGKILL\)|signal: 9, SIGKILL|\bsignal: killed\b"
            r"|[Ee]xited with signal:? SIGKILL|was sent SIGKILL! Perhaps out of memory\?|[Cc]ommand failed with signal \"SIGKILL\"|signal: '?SIGKILL"
            r"|died, killed by signal 9 :\(|exited on signal 9\b|exit signal Killed \(9\)|npm (?:ERR!|error) (?:errno|code) 137|\b(?:[Ee]xited with (?:code|status)|exit status|exit code:?|[Ee]xit) 137\b|SIGKILL \(signal 9\)|via signal \[SIGKILL\]|terminated by (?:signal )?SIGKILL|Memory quota exceeded"
            r"|was terminated due to signal 9\b|exited with exit value \[[^\]]{1,40}\]: 137\b"
        ),
        "timeout": r"WORKER TIMEOUT|HARAKIRI|Terminating timed out worker|timeout \(\d+s > \d+s\), killing",
        "reads_a_length": READS_A_LENGTH,
        # App Runner asks first; who does not heed it is killed as well
        "stopped": r"SIGTERM|\bsignal 15\b|Handling signal: term|TERM signal",
    },
)
