"""The start command uses shell syntax and is run without a shell, or its quoting breaks."""

import re

from apprunner_watcher.rule import Confidence, Evidence, Finding, Match, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

_SHELL_SYNTAX = re.compile(r"&&|\|\||;|^\s*cd\s|^\s*[A-Z_][A-Z0-9_]*=\S+\s+\S|\$\{?[A-Z_]+")
_OPERATOR = re.compile(r"&&|\|\||;")
_WORD_OF_LINE = re.compile(r"[\w./:@=-]+")
_OF_NGINX = re.compile(r"directive|\[emerg\]")
_HAS_A_SHELL = re.compile(r"^\s*(?:/bin/|/usr/bin/)?(?:ba|da|a|z)?sh\s+-\w{0,3}c\b")


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a complaint about shell syntax, or a start command with shell syntax after which nothing started."""
    configuration = snapshot.configuration
    start_command = configuration.start_command
    setting = Evidence.setting("StartCommand", start_command)
    has_syntax = bool(_SHELL_SYNTAX.search(start_command))
    service = matches.service("complaint")
    # nginx leaves variables in its configuration as they are, too
    variables = [match for match in matches.application("variable") if not _OF_NGINX.search(match.line.said)]
    said = [*matches.application("complaint"), *variables, *matches.application("words"), *service]
    if said and (service or not snapshot.came_up):
        evidence = (Evidence.of(said[0].line), *([setting] if start_command else []))
        return Finding(_of_words(said[0], matches, has_syntax=has_syntax), evidence)
    # a managed runtime runs its command in a shell
    if configuration.is_from_source or _HAS_A_SHELL.search(start_command) or not has_syntax:
        return None
    behind = set(_OPERATOR.split(start_command, maxsplit=1)[-1].split()) if _OPERATOR.search(start_command) else set()
    if excess := [
        one for one in matches.application("excess") if behind.intersection(_WORD_OF_LINE.findall(one.line.said))
    ]:
        return Finding(Confidence.CERTAIN, (Evidence.of(excess[0].line), setting))
    log = snapshot.service_log
    if log.exit and log.exit_code == 0:  # the first word took all the others and was done
        return Finding(Confidence.LIKELY, (Evidence.of(log.exit), setting))
    if not snapshot.application_log.listening and not snapshot.application_log.failing:
        return Finding(Confidence.POSSIBLE, (setting,))
    return None


def _of_words(match: Match, matches: Matches, *, has_syntax: bool) -> Confidence:
    """Some words come from a script with a fault, or from a command that was written as one word, as well."""
    is_sure = has_syntax or match not in matches.application("words")
    return Confidence.CERTAIN if is_sure else Confidence.LIKELY


# what is executed where a shell was meant: its built-ins, variables, operators, a list for JSON that was none
_WORD = r"(?:cd|export|source|set|ulimit|umask|unset|eval|[A-Z_][A-Z0-9_]*=[^\s\"'`]*|[^\n\"'`]{0,100}(?:&&|\|\|)[^\n\"'`]*)"
_NOT_A_PROGRAM = (
    rf"exec: \"{_WORD}\":|executable file `{_WORD}` not found|\bexec: (?:cd|export|source|[A-Z_][A-Z0-9_]*=\S*): not found"
    rf"|exec {_WORD} failed: No such file|\[dumb-init\] {_WORD}: No such file|\benv: ['\u2018]?(?:cd|export|source)['\u2019]?: No such file"
)

RULE = Rule(
    id="start-command-needs-shell",
    code="start-command-needs-shell",
    title="The start command needs a shell, App Runner runs it without",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "App Runner splits the start command into words and runs the first. `&&`, `;`, `cd`, `NAME=value` and `$NAME`"
        " are handed to the program as words, or break the quoting. So does an image's CMD or ENTRYPOINT in JSON form;"
        " one whose JSON has single quotes is no JSON, and goes to a shell with its brackets."
    ),
    fix=(
        Step("Put the steps into a script in the image, `#!/bin/sh` on top, and let the start command be its path."),
        Step("Or name the shell, with plain double quotes around the whole.", 'sh -c "YOUR COMMAND"'),
        Step("Set variables in the service's configuration, not before the command."),
    ),
    false_alarms=(
        "A managed runtime runs its commands in a shell of its own; there `&&` works. A syntax error in the middle of a"
        " script of the image is the script's."
    ),
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/service-source-image.html",
    rollback="helps",
    check=check,
    service_patterns={
        "complaint": rf"(?:CannotStartContainer|[Ii]nvalid start command)[^\n]{{0,400}}?(?:{_NOT_A_PROGRAM})"
    },
    application_patterns={
        "complaint": (
            # an operator among the arguments: argparse, click, commander, prisma, oclif
            r"(?:unrecognized arguments?|[Uu]nexpected (?:extra )?arguments?|[Uu]nknown (?:argument|option|command)|[Nn]o such (?:command|option)|bad option|[Ii]nvalid (?:argument|option))[^\n]{0,80}(?:&&|\|\|)"
            # or taken for a file, a folder, a module, a time
            r"|(?:no such (?:file|directory)|[Cc]annot (?:find|access|stat|open|resolve)|can't (?:open|find)|[Cc]ould not (?:find|open|resolve)|not found|[Ii]nvalid)[^\n]{0,80}['\"\u2018`/ ](?:&&|\|\|)['\"\u2019`]?(?:\W|$)"
            r"|['\"\u2018](?:[^'\"\n ]{0,100}/)?(?:&&|\|\|)['\"\u2019]:? (?:No such file|not found|is not)"
            # `sh -c` that was given half of a quoted text, whatever it calls itself; not line 12 of a script
            r"|(?:^|[\s|])[^\s:]+: (?:1|(?:-c: )?line [01]|-c|0): (?:Syntax error: (?:Unterminated quoted string|end of file unexpected(?! \(expecting)|\"&&\" unexpected)|unexpected EOF while looking for matching|syntax error: unterminated quoted string|[Ii]llegal option -$)|(?:^|[\s|])\S*sh: syntax error: unterminated quoted string"
            r"|\bsh: -c: (?:line \d+: )?(?:unexpected EOF while looking|syntax error)|\bsh: (?:0: )?-c(?:: option)? requires an argument"
            # the docker-entrypoint.sh of Node's image
            r"|Cannot find module '/(?:[^'\n]{0,100}/)?(?:[A-Z_][A-Z0-9_]*=[^']*|cd|&&)'"
            # rake, make, npm, which take it for one more task
            r"|[Dd]on't know how to (?:build|make) (?:task )?['\"]?(?:&&|\|\|)|No rule to make target [`'](?:&&|\|\|)"
            rf"|{_NOT_A_PROGRAM}"
            # a list with single quotes is no JSON, so it goes to a shell
            r"|(?:^|[\s|])\S*sh: (?:line )?(?:\d+: )?\[ ?['\"]?[\w./-]+['\"]?,?: (?:command )?not found"
        ),
        # what stands behind the operator, given to the program before it: yargs, commander, click, argparse, clap
        "excess": (
            r"\bUnknown arguments?: |\b(?:[Tt]oo many|[Gg]ot unexpected extra|[Uu]nrecognized|[Uu]nexpected|[Ee]xtra) arguments?\b|Found argument '[^'\n]+' which wasn't expected"
        ),
        # a name that nobody filled in
        "variable": (
            r"['\"]\$\{?[A-Z_]+\}?['\"] is (?:not a|invalid)|(?i:invalid|malformed|bad|unknown|received|for input string|unable to parse|cannot parse|could not parse|failed to parse|parsing)[^\n]{0,80}[:'\"= (/]\$\{?[A-Z_]*PORT\b"
            # a default, which a shell alone fills in; numbers of servers
            r"|(?i:invalid|not a valid|could not convert|unable to parse|failed to parse)[^\n]{0,80}['\"= :]\$\{[A-Z_]+:[-=+?][^}\n]{0,80}\}|(?i:invalid)[^\n]{0,80}'\$\{?[A-Z_]*(?:WORKERS|CONCURRENCY|THREADS|TIMEOUT)\b"
            r"|Invalid (?:maximum|initial) heap size: -Xm[xs]\$|Unrecognized (?:VM )?option[: ]{1,2}['\"]?\$\{?[A-Z_]{2,}"
            # taken for a class, a module, a file, a socket
            r"|(?:Could not find or load main class|ClassNotFoundException:|Could not import|Cannot find module|can't open file|Unable to access jarfile|EACCES: permission denied|No such file or directory:?)[ '\":-]{1,4}(?:[^\s'\"$]{0,80}/)?\$\{?[A-Z_]{2,}"
            r"|[:'\"= (/]\$\{?[A-Z_]*PORT\}?['\")]?:? (?:is )?(?:not a valid|invalid|unknown port|is not a)"
        ),
        "words": (
            r"(?:^|[\s/:])cd: too many arguments"
            # the whole command as one word; Node's image gives it to node as a file
            r"|Cannot find module '/(?:[\w.-]{1,40}/){0,4}(?:node|npm|npx|yarn|pnpm|next|nest|serve|ts-node|pm2(?:-runtime)?|tsx|bun) [^'\n/ ][^'\n]{0,100}'"
            r"|exec: \"(?:python3?|node|npm|npx|yarn|pnpm|java|dotnet|gunicorn|uvicorn|flask|bundle|rails|php|sh|bash|/bin/(?:ba)?sh|[./][\w./-]+) [^\"]+\": (?:executable file not found|stat )"
        ),
    },
)
