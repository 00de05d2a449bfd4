"""The application's own code raises while it starts, and no finer cause is known."""

import re
from collections.abc import Sequence

from apprunner_watcher.knowledge.local_run import docker_run
from apprunner_watcher.knowledge.mistake import is_own, place_of
from apprunner_watcher.log import Line, Trace
from apprunner_watcher.rule import Confidence, Evidence, Finding, Match, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

_LONGEST = 45  # of a title
_LAST = 8  # lines before the end
# what tells that something failed, and not what
_NOISE = re.compile(
    r"\bnpm (?:ERR!|error)|ELIFECYCLE|error Command failed|exit(?:ed)? (?:with )?(?:code|status)|^\s*at |\berrno\b"
)
_MESSAGE_BELOW = re.compile(r"^thread '[^']*'(?: \(\d+\))? panicked at .*:$")  # Rust's
_PLACE = re.compile(r"^\S+\.rb:\d+:in [`'][^\n]{0,100}?': ")  # Ruby's
_ERROR = re.compile(r"[A-Z]\w*(?:Error|Exception|Fault)\b|^panic: |panicked at")


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find an uncaught error in an application that then ended: the root of the first one of its first container."""
    errors = matches.application("error") or matches.application("fatal")
    has_raised = bool(errors) and not snapshot.came_up and _fails_its_check(snapshot)
    if not snapshot.has_ended and not has_raised:
        return None
    values = {"docker_run": docker_run(snapshot)}
    if not errors:
        line = _last_words(snapshot, matches.application("last_words"))
        return (
            Finding(Confidence.POSSIBLE, (Evidence.of(line),), {**values, "error": _cut(line.said)}) if line else None
        )
    trace = _only_trace(snapshot, errors[0].line)
    if trace and _ERROR.search(trace.says):
        values["error"] = _cut(trace.says)
        is_sure = snapshot.has_ended and is_own(trace, snapshot)
        confidence = Confidence.LIKELY if is_sure else Confidence.POSSIBLE
        lines = (trace.root, place_of(trace))
        return Finding(confidence, tuple(Evidence.of(line) for line in lines if line), values)
    root, error = _root(errors)
    return Finding(Confidence.POSSIBLE, (Evidence.of(root),), {**values, "error": _cut(error)})


def _fails_its_check(snapshot: Snapshot) -> bool:
    """Whether it may have been left running, by a supervisor or by threads that went on, without ever serving."""
    return bool(snapshot.service_log.health_check_failed) and not snapshot.is_live


def _last_words(snapshot: Snapshot, found: Sequence[Match]) -> Line | None:
    """What it complained of right before it ended with an error; what was raised, where nothing complains."""
    if snapshot.service_log.exit_code in {0, None}:
        return None
    if traces := snapshot.application_log.traces:
        return traces[0].root
    last = snapshot.application_log.failing[-_LAST:]
    told = [
        one.line for one in found if one.line in last and not one.line.is_passing and not _NOISE.search(one.line.said)
    ]
    return told[0] if told else None


def _only_trace(snapshot: Snapshot, first: Line) -> Trace | None:
    """The stack trace that the first error stands in, where its container printed no other one."""
    of_stream = [one for one in snapshot.application_log.traces if one.root.stream == first.stream]
    is_one = len({one.says for one in of_stream}) == 1
    return of_stream[0] if is_one and (first in of_stream[0].lines or first.at <= of_stream[0].head.at) else None


def _root(errors: Sequence[Match]) -> tuple[Line, str]:
    of_first = [match for match in errors if match.line.stream == errors[0].line.stream]
    # Java prints the root last, the others first
    causes = [match for match in of_first if match.line.text.startswith("Caused by:")]
    root = causes[-1] if causes else of_first[0]
    error = next(text for text in root.found.groups() if text)
    return root.line, (root.after or error) if _MESSAGE_BELOW.search(error) else error


def _cut(error: str) -> str:
    error = _PLACE.sub("", error.strip())
    return f"{error[:_LONGEST]}…" if len(error) > _LONGEST else error


RULE = Rule(
    id="app-crash",
    code="app-crash",
    title="Crash at start: {error}",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why="An error that nothing catches ends the process before it serves.",
    fix=(
        Step("Cure the error that is quoted; the frames around it in the application log name the place."),
        Step(
            "See it locally, with the variables set in your shell as the service has them: `-e NAME` passes on what is set there.",
            "{docker_run}",
        ),
    ),
    false_alarms=(
        "Errors that are logged and handled do not end the process. A value that is `undefined`, `None` or `nil` is often a"
        " variable that the service does not set."
    ),
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/troubleshooting-create-failure.html",
    rollback="helps",
    check=check,
    application_patterns={
        "error": (
            # not a line of source code or a frame of a trace, which name errors as well
            r"^(?!\s*(?:except|raise|rescue|throw|class|File|at|from|import)\b)[^\n]{0,200}?(?<![\w.$\\/])"
            r"(?P<error>(?:[A-Za-z_][\w$]*(?:\.|::|\\))*(?:[A-Z]\w*)?(?:Error|Exception|Fault)(?: \[\w+\])?(?:: .{1,200}|:?$))"
            r"|^(?P<ruby>.{1,160} \((?:[A-Z]\w*::)*[A-Z]\w*(?:Error|Exception)\))$"
            r"|^(?P<panic>panic: .{0,200})|(?P<rust>thread '[^']*'(?: \(\d+\))? panicked at .{0,200})|^\s*\*\* (?P<elixir>\([\w.]+Error\) .{0,200})"
            r"|^(?P<named>(?:[a-z_]\w*\.)+[A-Z]\w+: .{1,200})"  # Python, whose errors may be called anything
            r"|(?P<rejected>\[?UnhandledPromiseRejection\w*: .{1,200}|Unhandled (?:promise )?[Rr]ejection\b.{0,200})"
            r"|(?P<cpp>terminate called after throwing an instance of .{1,200}|terminate called without an active exception)"
            r"|(?P<other>PHP (?:Fatal|Parse) error: .{1,200}|Fatal Python error: .{1,200}|Unhandled exception:? .{0,200}|lua: .{1,200}|ERROR: LoadError: .{1,200}|goroutine \d+ \[running\]:.{0,20}|Kernel pid terminated .{1,200}|^error: Uncaught .{1,200})"
        ),
        # a logger's last words
        "fatal": (
            r"\"(?:level|severity)\":\s*(?:60\b|\"(?i:fatal|panic|critical|emergency)\")[^\n]{0,500}?\"(?:msg|message)\":\s*\"(?P<json>[^\"]{1,200})"
            r"|(?:\b(?:FATAL|CRITICAL|PANIC)\b|\[(?:emerg|crit|alert)\])\W*(?P<text>.{1,200})|\blevel=(?:fatal|panic) (?P<logfmt>.{1,200})"
            r"|^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d (?P<go>[^\n]{0,100}?(?:[Ff]ail|[Ee]rror|cannot|unable|could not).{0,100})"
        ),
        # in a container that ended with an error, and says nothing plainer
        "last_words": (
            r"(?i)\b(?:error|fatal|fail(?:ed|ure|s)?|cannot|can't|could not|couldn't|unable to|invalid|unexpected|unknown|unrecognized|unsupported|exception|abort(?:ed|ing)|panicked|uncaught|unhandled|not found|missing|refus(?:ed|ing)|denied|must (?:be|have|set)|is required)\b"
        ),
    },
    is_generic=True,
)
