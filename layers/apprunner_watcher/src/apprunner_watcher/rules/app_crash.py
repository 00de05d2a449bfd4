"""The application's own code raises while it starts, and no finer cause is known."""

import re

from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

_LONGEST = 45  # of a title
_MESSAGE_BELOW = re.compile(r"^thread '[^']*' panicked at .*:$")  # Rust's


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find an uncaught error in an application that then ended: the root of the first one of its first container."""
    errors = matches.application("error") or matches.application("fatal")
    if not errors or not snapshot.has_ended:
        return None
    of_first = [match for match in errors if match.line.stream == errors[0].line.stream]
    # Java prints the root last, the others first
    causes = [match for match in of_first if match.line.text.startswith("Caused by:")]
    root = causes[-1] if causes else of_first[0]
    error = next(text for text in root.found.groups() if text)
    if _MESSAGE_BELOW.search(error):
        error = root.after or error
    return Finding(
        Confidence.POSSIBLE,  # as long as the finer codes of the vocabulary have no rules yet
        (Evidence.of(root.line),),
        {"error": f"{error[:_LONGEST]}…" if len(error) > _LONGEST else error},
    )


RULE = Rule(
    id="app-crash",
    code="app-crash",
    title="Crash at start: {error}",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "service_log"}),
    why="An error that nothing catches ends the process before it serves.",
    fix=(
        Step("Cure the error that is quoted; the frames below it in the application log name the place."),
        Step(
            "See it locally with the same variables.",
            "docker run --rm --platform linux/amd64 --env-file service.env YOUR_IMAGE",
        ),
    ),
    false_alarms="Errors that are logged and handled do not end the process: then there is no exit code.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/troubleshooting-create-failure.html",
    rollback="helps",
    check=check,
    application_patterns={
        "error": re.compile(
            # not a line of source code or a frame of a trace, which name errors as well
            r"^(?!\s*(?:except|raise|rescue|throw|class|File|at|from|import)\b)[^\n]{0,200}?(?<![\w.$\\/])"
            r"(?P<error>(?:[A-Za-z_][\w$]*(?:\.|::|\\))*(?:[A-Z]\w*)?(?:Error|Exception|Fault)(?: \[\w+\])?(?:: .{1,200}|:?$))"
            r"|^(?P<ruby>.{1,160} \((?:[A-Z]\w*::)*[A-Z]\w*(?:Error|Exception)\))$"
            r"|^(?P<panic>panic: .{0,200})|(?P<rust>thread '[^']*' panicked at .{0,200})|^\*\* (?P<elixir>\(\w+Error\) .{0,200})"
        ),
        # a logger's last words
        "fatal": re.compile(
            r"\"(?:level|severity)\":\s*(?:60\b|\"(?i:fatal|panic|critical|emergency)\")[^\n]{0,500}?\"(?:msg|message)\":\s*\"(?P<json>[^\"]{1,200})"
            r"|(?:\b(?:FATAL|CRITICAL|PANIC)\b|\[(?:emerg|crit|alert)\])\W*(?P<text>.{1,200})|\blevel=(?:fatal|panic) (?P<logfmt>.{1,200})"
            r"|^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d (?P<go>[^\n]{0,100}?(?:[Ff]ail|[Ee]rror|cannot|unable|could not).{0,100})"
        ),
    },
    is_generic=True,
)
