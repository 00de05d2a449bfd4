"""The program that the command names is not in the image, or not on its PATH."""

import re
from itertools import islice

from apprunner_watcher.knowledge.program import is_console_script, is_shell_script
from apprunner_watcher.rule import Confidence, Evidence, Finding, Match, Matches, Phase, Rule, Step, at_most, weight
from apprunner_watcher.snapshot import Snapshot

# shell syntax, a list that is no JSON, a line that ends with a carriage return, a byte order mark before `#!`
_NO_PROGRAM = re.compile(r"[A-Z_][A-Z0-9_]*=|(?:cd|export|source)$|.*(?:&&|\s|\\r|\^M|#!)|\[")
# what scripts call by the way, and can do without
_HELPER = re.compile(
    r"(?:^|/)(?:git|ps|top|lsof|which|whoami|ip|ifconfig|hostname|curl|wget|nc|netcat|sudo|tput|stty|clear|locale|less|more|jq|file"
    r"|free|uname|dig|nslookup|ping|pg_isready|mysqladmin|redis-cli|psql|mysql|getent|getconf|ldconfig|lsb_release|\[|\[\[|time|fc-list)$"
)
_MOST = 20
_LAST_WORDS = 6  # lines that a package manager or a shell adds
_FOLLOWS = re.compile(r"^\W*$|\b(?:npm|yarn|pnpm|ELIFECYCLE|code|errno|syscall|spawn|error Command|exited?|exit)\b|^\s")


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find the container runtime's, an init's or a shell's own words for a program that is not there."""
    missing = [*matches.application("runtime"), *matches.application("shell"), *matches.application("not executed")]
    refused = matches.service("refused")
    missing = [match for match in (*missing, *refused) if not _NO_PROGRAM.match(_named(match))]
    missing = [match for match in missing if not _is_broken_script(match, matches)]
    confidence = Confidence.CERTAIN if refused else weight(snapshot)
    if not missing or not confidence:
        return None
    missing = missing[:_MOST]
    limits = [_limit(match, snapshot, matches) for match in missing]
    limit, first = min(zip(limits, missing, strict=True), key=lambda one: tuple(Confidence).index(one[0]))
    return Finding(at_most(limit, confidence), (Evidence.of(first.line),), {"command": _named(first)})


def _named(match: Match) -> str:
    return next(text for text in match.found.groups() if text)


def _is_broken_script(match: Match, matches: Matches) -> bool:
    """Whether it was found and could not be executed because of its `#!` line; some inits do not look first."""
    named = _named(match)
    if match in matches.application("not executed"):
        return is_shell_script(named) or is_console_script(named)
    groups = match.found.groupdict()
    return is_shell_script(named) and bool(groups.get("tini") or groups.get("dumb"))


def _limit(match: Match, snapshot: Snapshot, matches: Matches) -> Confidence:
    """How sure the words can be; some have another cause as well."""
    # it was found first: its loader is absent, or its `#!` line is wrong
    if match in matches.application("not executed"):
        return Confidence.POSSIBLE
    # a managed runtime drops what its build installs outside of /app
    if snapshot.configuration.is_from_source:
        return Confidence.POSSIBLE
    named = _named(match)
    if match not in matches.application("shell"):
        # env, nohup and others do not look for the file first
        is_found_perhaps = "/" in named and is_shell_script(named) and bool(match["env"] or match["as_user"])
        return Confidence.LIKELY if is_found_perhaps else Confidence.CERTAIN
    # dash and busybox say so of a loader or interpreter that is absent as well
    is_found_perhaps = "/" in named and bool(match["sh"] or match["by_path"] or match["exec_of_busybox"])
    is_helper = named != snapshot.program and (_HELPER.search(named) or _goes_on(match, snapshot))
    if is_found_perhaps or is_helper:
        return Confidence.POSSIBLE
    return Confidence.LIKELY if matches.application("package manager") else Confidence.CERTAIN


def _goes_on(match: Match, snapshot: Snapshot) -> bool:
    """Whether the log has much to say afterwards: then it was no more than a helper."""
    after = (line for line in snapshot.application_log.below(match.line) if not _FOLLOWS.search(line.said))
    return len(list(islice(after, _LAST_WORDS + 1))) > _LAST_WORDS


_SHELL = r"(?:/(?:usr/)?bin/)?(?:ba|da|a|z)?sh: "
_LOOKED_FOR = (
    r"exec: \"(?P<exec>[^\"]+)\": (?:executable file not found|stat [^\n]{0,200}no such file or directory|no such file or directory)"
    r"|executable file `(?P<crun>[^`]+)` not found"
)

RULE = Rule(
    id="start-command-not-found",
    code="start-command-not-found",
    title="The start command is not in the image: {command}",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "The container's command names a program or script that does not exist in the image under that name, on that"
        " PATH or in that working directory."
    ),
    fix=(
        Step(
            "Look where it is in the image.",
            "docker run --rm --entrypoint sh YOUR_IMAGE -c 'pwd; ls -la; printenv PATH'",
        ),
        Step("Name it with its full path in the start command, or install or copy it in the Dockerfile."),
        Step(
            "If the service keeps a start command from an earlier version, set the right one:"
            " an update that leaves it out keeps the old one."
        ),
    ),
    false_alarms=(
        "`exec /start.sh: no such file or directory` of a script that is there comes from CRLF line ends or a wrong `#!`"
        " line. A helper that a script calls by the way may be absent and do no harm."
    ),
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/service-source-image.html",
    rollback="helps",
    check=check,
    gives_way_to=frozenset({"build-output-not-carried"}),
    application_patterns={
        "runtime": (
            rf"{_LOOKED_FOR}"
            # inits, and what runs a program as another user
            r"|\[FATAL tini \(\d+\)\] exec (?P<tini>\S+) failed: No such file or directory|\[dumb-init\] (?P<dumb>\S+): No such file or directory"
            r"|\benv: (?:can't execute )?['\u2018]?(?P<env>[\w./-]+)['\u2019]?: No such file or directory"
            r"|(?:su-exec|nohup|chroot|setpriv|catatonit)[^\n]{0,40}?: (?:failed to (?:run command|execute) )?['\u2018]?(?P<as_user>[\w./-]+)['\u2019]?: No such file or directory"
            # gVisor, s6, supervisord, CNB's launcher
            r"|failed to load (?P<gvisor>\S+): no such file or directory|unable to exec (?P<s6>\S+): No such file or directory|can't find command '(?P<supervisord>[^']+)'|failed to launch: determine start command: (?:process type )?(?P<launcher>\S+)"
            # tools that run a command of the project
            r"|^Command not found: (?P<poetry>\S+)|^\[Errno 2\] No such file or directory: b'(?P<older_poetry>[^']+)'|the command (?P<pipenv>\S+) could not be found within PATH|Failed to spawn: `(?P<uv>[^`]+)`"
            r"|bundler: command not found: (?P<bundler>\S+)|Command '(?P<pdm>[^']+)' is not found in your PATH|(?P<dotnet>dotnet-\S+) does not exist|\bno such (?:sub)?command: `(?P<cargo>[^`]+)`"
            r"|\b(?:rb|py|node|j|go|pl)env: (?P<shim>[^\s:]+): command not found|No version is set for command (?P<asdf>[^\s;]+)"
            r"|\bunable to start (?P<runit>\./run): file does not exist"
        ),
        # of the shell that was given the command, or of a script
        "shell": (
            rf"(?:^|[\s|]){_SHELL}(?:line )?(?:\d+: )?(?:exec: )?(?P<sh>[^\s:]+): (?:command )?not found"
            rf"|(?:^|[\s|]){_SHELL}(?:\d+: )?[Cc]an(?:'t|not) open '?(?P<script>[^\s':]+)'?(?:: No such file or directory|$|: (?i:no such file))"
            rf"|(?:^|[\s|]){_SHELL}(?:line \d+: )?(?:exec: )?(?P<bash>[./][^\s:]+|[\w-]+/[^\s:]+|[^\s:]+\.sh): No such file or directory"
            r"|\bsudo: (?P<sudo>[\w./-]+): command not found"
            # bash, of a program that a script starts by its path
            r"|(?:^|[\s/])[\w.-]*(?:entry-?point|start|run|boot|server|launch)[\w.-]*: (?:line )?\d+: (?:exec: )?(?P<by_path>\.{0,2}/[^\s:]+): No such file or directory"
            r"|: (?:line )?\d+: exec: (?P<exec_of_script>[^\s:]+): not found|: exec: (?:line )?\d+: (?P<exec_of_busybox>[^\s:]+): not found|^(?P<launched>node|npm|yarn|pnpm|python3?|gunicorn|uvicorn|java|php|ruby|bundle|erl|elixir|mix|rails|dotnet|celery|streamlit|bun|deno|caddy|nginx): command not found|(?:entrypoint|start|run|boot)\S*: (?:line )?\d+: (?P<of_script>[^\s:]+): (?:command )?not found"
        ),
        # npm, yarn and pnpm say first what they run: they start `sh -c` with what package.json says
        "package manager": r"^> \S+@\S+ \w|^\$ \w|^yarn run v|npm (?:ERR!|error) |ELIFECYCLE",
        "not executed": r"(?:^|[\s:|\]])exec (?P<exec>[^\s\":]+): no such file or directory",
    },
    service_patterns={"refused": rf"(?:CannotStartContainer|[Ii]nvalid start command)[^\n]{{0,400}}?(?:{_LOOKED_FOR})"},
)
