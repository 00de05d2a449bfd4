"""The start command uses shell syntax and is run without a shell, or its quoting breaks."""

import re

from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

_SHELL_SYNTAX = re.compile(r"&&|\|\||;|^\s*cd\s|^\s*[A-Z_][A-Z0-9_]*=\S+\s+\S|\$\{?[A-Z_]+")
_HAS_A_SHELL = re.compile(r"^\s*(?:/bin/|/usr/bin/)?(?:ba|da|a|z)?sh\s+-l?c\b")


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a complaint about shell syntax, or a start command with shell syntax after which nothing started."""
    configuration = snapshot.configuration
    start_command = configuration.start_command
    setting = Evidence.setting("StartCommand", start_command)
    if complaints := (*matches.application("complaint"), *matches.service("complaint")):
        evidence = (Evidence.of(complaints[0].line), *([setting] if start_command else []))
        return Finding(Confidence.CERTAIN, evidence)
    # a managed runtime runs its command in a shell
    if configuration.is_from_source or _HAS_A_SHELL.search(start_command) or not _SHELL_SYNTAX.search(start_command):
        return None
    log = snapshot.service_log
    if log.exit and log.exit_code == 0:  # the first word took all the others and was done
        return Finding(Confidence.LIKELY, (Evidence.of(log.exit), setting))
    if not snapshot.application_log.listening and not snapshot.application_log.failing:
        return Finding(Confidence.POSSIBLE, (setting,))
    return None


# what a container runtime is told to execute where a shell was meant
_NOT_A_PROGRAM = r'exec: "(?:cd|export|source|[A-Z_][A-Z0-9_]*=[^"]*|[^"]*&&[^"]*)":'

RULE = Rule(
    id="start-command-needs-shell",
    code="start-command-needs-shell",
    title="The start command needs a shell, App Runner runs it without",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "App Runner splits the start command into words and runs the first. `&&`, `;`, `cd`, `NAME=value` and `$NAME`"
        " are handed to the program as words, or break the quoting."
    ),
    fix=(
        Step("Put the steps into a script in the image, `#!/bin/sh` on top, and let the start command be its path."),
        Step("Or name the shell, with plain double quotes around the whole.", 'sh -c "YOUR COMMAND"'),
    ),
    false_alarms=(
        "A managed runtime runs its commands in a shell of its own; there `&&` works. A syntax error in the middle of a"
        " script of the image is the script's."
    ),
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/service-source-image.html",
    rollback="helps",
    check=check,
    service_patterns={"complaint": re.compile(rf"CannotStartContainerError: [^\n]{{0,300}}?{_NOT_A_PROGRAM}")},
    application_patterns={
        "complaint": re.compile(
            r"(?:unrecognized arguments?|[Uu]nexpected (?:extra )?arguments?|[Uu]nknown (?:argument|option|command))[^\n]{0,80}(?:&&|\|\|)"
            # `sh -c` that was given half of a quoted text, whatever it calls itself; not line 12 of a script
            r"|^\S+: (?:1|-c: line [01]|-c|0): (?:Syntax error: (?:Unterminated quoted string|end of file unexpected|\"&&\" unexpected)|unexpected EOF while looking for matching|syntax error)"
            rf"|{_NOT_A_PROGRAM} executable file not found"
            r"|['\"]\$\{?[A-Z_]+\}?['\"] is not a valid|(?:[Ii]nvalid|bad) (?:port|value|URI)[^\n]{0,60}[:'\"= ]\$\{?[A-Z_]*PORT\b"
        ),
    },
)
