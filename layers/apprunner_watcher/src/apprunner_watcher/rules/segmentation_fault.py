"""Native code of the application crashes."""

import re

from apprunner_watcher.knowledge.local_run import docker_run
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Occasion, Phase, Rule, Step, weight
from apprunner_watcher.snapshot import Snapshot

# PHP-FPM and supervisord call the end of what they watch a warning, or no more than news
_OF_WORKER = re.compile(
    r"\[pool \S+\] child \d+ exited on signal|exited: \S+ \(terminated by SIGSEGV(?: \(core dumped\))?; not expected"
)
_SIGNAL_11 = 139  # 128 + SIGSEGV
_OTHER_SIGNALS = {132: "illegal instruction", 135: "bus error"}  # 128 + SIGILL, 128 + SIGBUS


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find exit code 139, or the words of a kernel, shell, server or runtime for it."""
    log = snapshot.service_log
    values = {"how": "segmentation fault", "docker_run": docker_run(snapshot)}
    if log.exit and log.exit_code == _SIGNAL_11:
        # .NET ends with that signal after an exception that nobody caught, too
        is_managed = matches.application("managed") and not matches.application("says_so")
        confidence = Confidence.POSSIBLE if is_managed else Confidence.CERTAIN
        return Finding(confidence, (Evidence.of(log.exit), *_said(matches)), values)
    said = list(matches.application("says_so"))
    if len(said) == 1 or snapshot.is_live:
        said = [match for match in said if not match.line.is_passing or _OF_WORKER.search(match.line.said)]
    # a supervisor starts a crashed worker again: once is an accident, more often is why nothing serves
    is_repeated = len(said) > 1
    if said and (is_repeated or not (snapshot.came_up or snapshot.is_live)):
        confidence = Confidence.LIKELY if is_repeated else weight(snapshot) or Confidence.LIKELY
        return Finding(Confidence.CERTAIN if snapshot.has_ended else confidence, (Evidence.of(said[0].line),), values)
    if (corrupted := matches.application("corrupted")) and snapshot.has_ended:
        return Finding(Confidence.LIKELY, (Evidence.of(corrupted[0].line),), {**values, "how": "corrupted memory"})
    if log.exit and log.exit_code in _OTHER_SIGNALS and not snapshot.is_live:
        how = _OTHER_SIGNALS[log.exit_code]
        return Finding(Confidence.POSSIBLE, (Evidence.of(log.exit),), {**values, "how": how})
    return None


def _said(matches: Matches) -> tuple[Evidence, ...]:
    return tuple(Evidence.of(match.line) for match in matches.application("says_so")[:1])


RULE = Rule(
    id="segmentation-fault",
    code="segmentation-fault",
    title="The application crashes in native code ({how})",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "Exit code 139 is signal 11: a program touched memory that is not its own. Usual reasons: a native module built for"
        " another C library (Alpine's musl and glibc), for another processor or another version of the runtime; or a defect"
        " of the module's version."
    ),
    fix=(
        Step(
            "Install native modules inside the image's own base, not copied from elsewhere (keep node_modules and"
            " site-packages out of the build context); try a Debian base in place of Alpine."
        ),
        Step("See it locally, with the variables set in your shell as the service has them.", "{docker_run}"),
        Step(
            "Find the module: PYTHONFAULTHANDLER=1 (Python), the package segfault-handler (Node.js), hs_err_pid*.log (Java)"
            " name it. Then go back to the version of it that the last healthy image had."
        ),
    ),
    false_alarms=(
        "A worker that its supervisor restarts after a segmentation fault may still serve. Go's `[signal SIGSEGV:"
        " segmentation violation]` is a nil pointer in the application's own code."
    ),
    docs="https://github.com/aws/apprunner-roadmap/issues/110",
    rollback="helps",
    check=check,
    gives_way_to=frozenset({"native-module-platform", "out-of-memory"}),
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
    application_patterns={
        "managed": r"^Unhandled exception\. [A-Z]\w*\.|^\s+(?:System|Microsoft)\.[\w.]{1,100}Exception: |^\s+at System\.",
        "says_so": (
            # shells, uWSGI, Apache, Ruby, faulthandler
            r"[Ss]egmentation [Ff]ault|\bsegfault at [0-9a-f]+ ip\b"
            # the JVM, gunicorn, Celery, PHP-FPM, Rust, npm; not Go's nil pointer
            r"|(?<!\[signal )\bSIGSEGV\b|\bsignal 11 ?\(|[(:]\s?signal:? 11\b|(?:exited on|killed by|terminated by|received|[Cc]aught) signal 11\b|\bsignal 11 received"
            # npm, yarn, make and platforms, for a child that died of it
            r"|(?:npm (?:ERR!|error) (?:errno|code)|[Ee]xit(?:ed)?(?: with)?(?: status| code)?:?|exit status) 139\b"
            r"|Fatal error\. System\.AccessViolationException|signal arrived during cgo execution|unexpected signal during runtime execution"
            r"|\bBus error(?: \(core dumped\))?$|\bIllegal instruction(?: \(core dumped\))?$"
        ),
        # glibc's last words, before it aborts with 134
        "corrupted": (
            r"^(?:free|realloc|malloc|munmap_chunk)\(\): (?:invalid|corrupted|double free|unaligned|memory corruption)|^double free or corruption|^corrupted (?:size|double-linked)"
            r"|\*\*\* stack smashing detected|^malloc_consolidate\(\): "
        ),
    },
)
