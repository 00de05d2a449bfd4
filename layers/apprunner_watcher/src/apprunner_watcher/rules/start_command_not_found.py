"""The executable or script that the command names is not in the image, or not where it is looked for."""

import re

from apprunner_watcher.rule import Confidence, Evidence, Finding, Match, Matches, Phase, Rule, Step, at_most, weight
from apprunner_watcher.snapshot import Snapshot

_NEEDS_A_SHELL = re.compile(r"[A-Z_][A-Z0-9_]*=|cd$|.*&&")
_BUILD_OUTPUT = re.compile(r"/(?:dist|build|out|lib|\.next|\.output|target)/")


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find the runtime's, the shell's or App Runner's own words for a command or script that is not there."""
    missing = [
        *matches.application("runtime"),
        *matches.application("shell"),
        *matches.application("package_script"),
        # Node names no requiring file when the missing one is the script that it was started with
        *(m for m in matches.application("script") if not m["node"] or matches.application("node_no_parent")),
        *matches.application("not_executed"),
        *matches.service("refused"),
    ]
    missing = [match for match in missing if not _NEEDS_A_SHELL.match(_named(match))]
    confidence = Confidence.CERTAIN if matches.service("refused") else weight(snapshot)
    if not missing or not confidence:
        return None
    first = missing[0]
    return Finding(
        at_most(_limit(first, snapshot, matches), confidence),
        (Evidence.of(first.line),),
        {"command": _named(first)},
    )


def _named(match: Match) -> str:
    return next(text for text in match.found.groups() if text)


def _limit(match: Match, snapshot: Snapshot, matches: Matches) -> Confidence:
    """How sure the words can be; some have another cause as well."""
    if match in matches.application("not_executed"):
        # the file was found before it was executed: its `#!` line has CRLF, or its interpreter or loader is absent
        return Confidence.POSSIBLE
    node = match.found.groupdict().get("node") or ""
    if snapshot.configuration.is_from_source and not node:
        return Confidence.POSSIBLE  # a managed runtime drops what its build installs outside of /app
    by_package_manager = match in matches.application("shell") and matches.application("package_manager")
    if by_package_manager or match in matches.application("package_script") or _BUILD_OUTPUT.search(node):
        return Confidence.LIKELY  # a dependency, or the build's output, may be what is missing
    return Confidence.CERTAIN


RULE = Rule(
    id="start-command-not-found",
    code="start-command-not-found",
    title="The start command is not in the image: {command}",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "The container's command names a program or file that does not exist in the image under that name, that PATH"
        " or that working directory."
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
        "A module that a started program does not find is module-missing. `exec /start.sh: no such file or directory`"
        " of a script that is there comes from CRLF line ends or a wrong `#!` line."
    ),
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/service-source-image.html",
    rollback="helps",
    check=check,
    application_patterns={
        "runtime": re.compile(
            r"exec: \"([^\"]+)\": (?:executable file not found in|stat [^\n]{0,200}no such file or directory)"
            r"|\[FATAL tini \(\d+\)\] exec (\S+) failed: No such file or directory|^\[dumb-init\] (\S+): No such file or directory"
            r"|\benv: (?:can't execute )?['\u2018]?([\w./-]+)['\u2019]?: No such file or directory"
        ),
        # of the shell that was given the command, or of a script that ends with `exec`
        "shell": re.compile(
            r"^(?:/bin/)?(?:ba|da|a)?sh: (?:line )?(?:\d+: )?(?:exec: )?([^\s:]+): (?:command )?not found"
            r"|^(?:/bin/)?(?:ba|da|a)?sh: (?:\d+: )?(?:can't open|cannot open) '?([^\s':]+)'?"
            r"|: (?:line )?\d+: exec: ([^\s:]+): not found"
        ),
        # npm, yarn and pnpm say first what they run: they start `sh -c` with what package.json says
        "package_manager": re.compile(r"^> \S+@\S+ \w|^\$ \w|^yarn run v"),
        "package_script": re.compile(
            r"[Mm]issing script:? \"?([\w:-]+)|error Command \"([\w:-]+)\" not found"
            r"|Could not read package\.json: Error: ENOENT: no such file or directory, open '([^']+)'|ERR_PNPM_NO_SCRIPT\S*\s+Missing script:? (\S+)"
            r"|Error loading ASGI app\. Could not import module \"([^\"]+)\""
        ),
        "script": re.compile(
            r"python[\d.]*: can't open file '([^']+)': \[Errno 2\]"
            r"|\bError: Cannot find module '(?P<node>/[^']+)'"
            r"|\bUnable to access jarfile (\S+)|Could not find or load main class (\S+)"
            r"|^Could not open input file: (\S+)|\bruby: No such file or directory -- (\S+)|bundler: command not found: (\S+)"
            r"|The application '([^']+)' does not exist|but (dotnet-\S+) does not exist"
        ),
        "not_executed": re.compile(r"^exec (\S+): no such file or directory"),
        "node_no_parent": re.compile(r"requireStack: \[\]"),
    },
    service_patterns={
        "refused": re.compile(
            r"CannotStartContainerError: [^\n]{0,300}?exec: \"([^\"]+)\": (?:executable file not found|stat )"
        )
    },
)
