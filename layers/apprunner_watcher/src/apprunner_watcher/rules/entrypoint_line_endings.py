"""The entrypoint script has CRLF line ends, or a `#!` line that names what is not there."""

from collections.abc import Iterator

from apprunner_watcher.image import APP_RUNNER_PLATFORM, Image
from apprunner_watcher.knowledge.program import (
    is_console_script,
    is_of_base_image,
    is_shell_script,
    is_told_by_init,
    refusal,
)
from apprunner_watcher.rule import Confidence, Evidence, Finding, Match, Matches, Phase, Rule, Step, at_most, weight
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a carriage return in what a shell complains about, or a script that is there and cannot be executed."""
    confidence = weight(snapshot)
    found = list(_found(snapshot, matches))
    if not confidence or not found:
        return None
    limit, first = min(found, key=lambda one: tuple(Confidence).index(one[0]))
    program = first.found.groupdict().get("program") or ""
    return Finding(
        at_most(limit, confidence),
        (Evidence.of(first.line),),
        {"script": program if is_shell_script(program) else "a script"},
    )


def _found(snapshot: Snapshot, matches: Matches) -> Iterator[tuple[Confidence, Match]]:
    """The complaints, each with how sure its words can be."""
    for match in matches.application("carriage return"):
        yield Confidence.CERTAIN, match
    for match in (*matches.application("absent"), *matches.service("absent")):
        if limit := _of_absence(match, snapshot):
            yield limit, match
    for match in (*matches.application("format"), *matches.service("format")):
        if limit := _of_format(match, snapshot):
            yield limit, match
    for match in (*matches.application("broken words"), *matches.application("other language")):
        yield Confidence.LIKELY, match
    for match in matches.application("of a child"):
        if is_shell_script(match["python"] or match["go"]):
            yield Confidence.LIKELY, match
    for match in matches.application("odd words"):
        yield Confidence.POSSIBLE, match


def _of_absence(match: Match, snapshot: Snapshot) -> Confidence | None:
    """Of a script that was found: what its `#!` line names was not. Some inits look for no file first."""
    if match["looked_up"]:
        return Confidence.POSSIBLE if is_shell_script(match["looked_up"]) else None
    program = match["program"] or match["bash"] or match["sudo"] or snapshot.program
    if is_shell_script(program) or is_console_script(program):
        return Confidence.LIKELY
    return None if program else Confidence.POSSIBLE


def _of_format(match: Match, snapshot: Snapshot) -> Confidence | None:
    """Of a script without a usable `#!` line, where it is not the image's platform."""
    image = snapshot.parts.image
    platforms = image.platforms if isinstance(image, Image) else ()
    named = match["program"]
    if (platforms and APP_RUNNER_PLATFORM not in platforms) or (named and not is_shell_script(named)):
        return None
    program = named or snapshot.program
    if named and is_told_by_init(match.line.said):
        return Confidence.LIKELY
    if platforms:
        return Confidence.LIKELY if not program or is_shell_script(program) else Confidence.POSSIBLE
    return Confidence.POSSIBLE if is_shell_script(program) and not is_of_base_image(program) else None


_ABSENT = (
    # runc and crun look for the file first
    r"(?:^|[\s:|\]\"])exec(?: container process)?(?: \(missing dynamic library\?\))? [`'\"]?(?P<program>[^\s\"'`:]+)[`'\"]?: (?i:no such file or directory)"
    r"|\bexec user process caused:?[ \"]+no such file or directory"
    r"|(?:^|[\s|])(?P<bash>\S+): cannot execute: required file not found|\bsudo: unable to execute (?P<sudo>\S+): No such file"
    r"|(?:\[FATAL tini \(\d+\)\] exec |\[dumb-init\] )(?P<looked_up>[^\s:]+)(?: failed)?: No such file or directory"
)
_FORMAT = rf"{refusal('(?i:exec format error)')}|(?:^|[|\]:]\s{{0,4}})(?i:exec format error)\W{{0,3}}$"

RULE = Rule(
    id="entrypoint-line-endings",
    code="entrypoint-line-endings",
    title="The entrypoint cannot be executed: line ends or first line of {script}",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "The kernel looks for the interpreter that the script's first line names, and finds none: with CRLF line ends"
        " the name ends with a carriage return (`bash\\r`), or the image does not have it, or there is no `#!` line."
        " A shell that reads such a script takes the carriage returns for parts of words."
    ),
    fix=(
        Step("Convert the script in the Dockerfile: RUN sed -i 's/\\r$//' on it, before ENTRYPOINT."),
        Step("Keep Git from converting it again: `*.sh text eol=lf` in .gitattributes; commit, and check out anew."),
        Step(
            "Let the first line be `#!/bin/sh` or another interpreter that the image has: Alpine has no bash, and a"
            " virtual environment that was copied must lie where it was made."
        ),
        Step("If the script is right, check that it is where the command looks, and the image built for linux/amd64."),
    ),
    false_alarms=(
        "A program without `#!` line that is refused like this lacks its loader (libc-mismatch) or is built for another"
        " processor (image-architecture). A file that is not there is start-command-not-found."
    ),
    docs="https://docs.github.com/en/get-started/git-basics/configuring-git-to-handle-line-endings",
    rollback="helps",
    check=check,
    application_patterns={
        "absent": _ABSENT,
        "format": _FORMAT,
        "carriage return": (
            # env, dash, busybox, Python: a name that ends with it, spelled \r or ^M, or made a blank
            r"(?:\\r|\^M)['\"\u2019]?: (?:[Nn]o such file|[\w ]{0,10}not found|bad interpreter|invalid option|\[Errno 2\])"
            r"|\benv: (?:can't execute )?['\u2018]?(?:ba|da|a|z)?(?:sh|node|python3?|ruby|perl|php) ['\u2019]?: No such file"
            # bash
            r"|\$'[^'\n]{0,80}\\r'(?:: | ?$|'$)|unexpected token [`']\$'|unexpected token `[^'\n]{0,20} '|\bbad interpreter: No such file"
            # options in a `#!` line, and a byte order mark before it
            r"|\benv: use -\[v\]S to pass options in shebang lines|#! ?/(?:usr/)?bin/[\w/ ]{2,30}: (?:not found|No such file or directory)"
        ),
        "broken words": (
            # `set -e` of dash, busybox and bash
            r"\bset: (?:line \d+: )?[Ii]llegal option - *$|\bset: - *: invalid option|\bset: (?:pipefail *)?: ?invalid option name|^\s*: invalid option name"
            r"|[Ss]yntax error: (?:word unexpected|unexpected word) \(expecting \"(?:in|do|then)\"\)"
            r"|[Ss]yntax error: (?:end of file unexpected|unexpected end of file) \(expecting \"(?:then|do)\"\)"
            # an empty line
            r"|\b(?:line )?\d+: (?:\S+: )?\s{0,3}: (?:command )?not found|^\s*: (?:command )?not found"
            # what a log keeps of a name that ended with one
            r"|^['\u2019]?: No such file or directory$"
        ),
        # a script in another language that a shell reads
        "other language": (
            r"\.(?:py|js|mjs|cjs|ts|rb|php|pl): (?:line )?\d+: (?:import|from|def|class|const|let|var|require|use|print|async|module|export default|package|\w{1,20}\(|<\?php)\S{0,40}: (?:command )?not found"
            r"|\.(?:py|js|mjs|cjs|ts|rb|php|pl): (?:line )?\d+: [Ss]yntax error(?:: \"\(\" unexpected| near unexpected token| ?: unexpected \"\(\"|: unexpected word)"
            r"|\bimport(?:-im6\.q\d+)?: unable to open X server"
        ),
        # a program that starts it, and goes no further
        "of a child": (
            r"\[Errno 8\] [Ee]xec format error: ['\"](?P<python>[^'\"]+)|\bfork/exec (?P<go>[^\s:]+): exec format error"
        ),
        "odd words": (
            r"\.sh: (?:line )?\d+: [Ss]yntax error: (?:unexpected end of file|end of file unexpected)"
            r"|\bset: (?:line \d+: )?[Ii]llegal option -o pipefail|[Ss]yntax error: (?:newline unexpected|unexpected newline)"
        ),
    },
    service_patterns={"absent": _ABSENT, "format": _FORMAT},
)
