"""The entrypoint may not be executed, or read, by the container's user."""

import re

from apprunner_watcher.image import Image
from apprunner_watcher.knowledge.build_log import is_printed
from apprunner_watcher.knowledge.program import is_shell_script, refusal
from apprunner_watcher.rule import Confidence, Evidence, Finding, Match, Matches, Phase, Rule, Step, at_most, weight
from apprunner_watcher.snapshot import Snapshot

# a shell says the same of a file that it may not write: `> /dev/stdout`
_WRITTEN_TO = re.compile(
    r"^/(?:dev|proc|sys|run|tmp|etc|var/(?:log|run|lib|cache|tmp))/|\.(?:conf|cfg|json|ya?ml|log|env|txt|pid|html?|xml|ini|toml|lock|sock|pem|key|crt)$|(?:^|/)\.[\w-]+$"
)


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find the container runtime, a shell or an interpreter that may not execute or read what it is told to."""
    refused = [*matches.application("refused"), *matches.application("unreadable"), *_of_start(matches)]
    if not refused and snapshot.has_ended:
        refused = [*matches.application("of a child"), *matches.application("bare")]
    refused = [match for match in refused if not _WRITTEN_TO.search(_named(match))]
    confidence = Confidence.CERTAIN if _of_start(matches) else weight(snapshot)
    if not refused or not confidence:
        return None
    first = refused[0]
    named = _named(first)
    image = snapshot.parts.image
    user = image.config.user if isinstance(image, Image) and image.config else ""
    return Finding(
        at_most(_limit(first, named, snapshot), confidence),
        (Evidence.of(first.line), *([Evidence("image", f"USER: {user}")] if user else [])),
        {"file": named or "the entrypoint", "image": snapshot.service_log.pulled_image or "YOUR_IMAGE"},
    )


def _of_start(matches: Matches) -> list[Match]:
    """What App Runner says of the start; a build that may not execute its own script is another matter."""
    return [match for match in matches.service("refused") if not is_printed(match.line)]


def _named(match: Match) -> str:
    return next((text for text in match.found.groups() if text), "")


def _limit(match: Match, named: str, snapshot: Snapshot) -> Confidence:
    """Surely the entrypoint, or perhaps a helper of a script."""
    groups = match.found.groupdict()
    if groups.get("node"):
        return Confidence.LIKELY
    if groups.get("user"):  # it is the user that may not be changed
        return Confidence.POSSIBLE
    if "bare" in groups or "child" in groups:
        is_program = (
            bool(groups.get("child") or groups.get("python"))
            or is_shell_script(named)
            or named == snapshot.program
            or bool(_PROGRAM.search(named))
        )
        return Confidence.LIKELY if is_program else Confidence.POSSIBLE
    is_of_script = _LATER_LINE.search(match.line.said) and not is_shell_script(named) and named != snapshot.program
    return Confidence.LIKELY if is_of_script else Confidence.CERTAIN


_PROGRAM = re.compile(r"/s?bin/[^/]+$|^\./[\w-]+$")
_LATER_LINE = re.compile(r": (?:line )?(?:[2-9]|\d\d+): ")
_DENIED = "(?i:permission denied)|operation not permitted"
_REFUSED = rf"{refusal(_DENIED)}|\bopen executable: (?i:permission denied)|\bfailed to launch: (?:direct )?(?:exec|bash exec)\b[^\n]{{0,40}}: (?i:permission denied)|(?:/|\bsh: |\bexec: )(?P<bad>[\w./-]+): (?:/[\w./-]+: )?bad interpreter: Permission denied"

RULE = Rule(
    id="entrypoint-permission-denied",
    code="entrypoint-permission-denied",
    title="The container's user may not execute or read {file}",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "The file has no execute bit, or lies where the image's user may not go (such as /root). Windows and some"
        " archives lose the bit, and COPY keeps what it finds."
    ),
    fix=(
        Step("Give the bit in the Dockerfile: COPY --chmod=755 the file, or RUN chmod +x before USER."),
        Step("Keep it in the repository: git update-index --chmod=+x on the file, and commit."),
        Step("If the image names a USER, own the files by it (COPY --chown) and install nothing it needs under /root."),
        Step("Prove it on the image.", "docker run --rm --platform linux/amd64 {image}"),
    ),
    false_alarms=(
        "A running application that may not write a file is path-not-writable. A low port that may not be bound is"
        " privileged-port."
    ),
    docs="https://docs.docker.com/reference/dockerfile/#copy---chown---chmod",
    rollback="helps",
    check=check,
    application_patterns={
        "refused": _REFUSED,
        # it may be a helper, or a file that is written to
        "of a child": (
            r"\bfork/exec (?P<child>[^\s:]+): permission denied|\bPermission denied: '(?P<python>[./][^']*\.sh)'|\bspawn (?P<node_child>[./]\S+) EACCES"
            r"|(?:failed switching to|su-exec: setgroups|gosu: setgroups)(?P<user> \"[\w:-]+\"|:): (?i:operation not permitted)|(?:su-exec|gosu): setgroups(?P<group>\(\d+\))?: Operation not permitted"
        ),
        "bare": r"^(?P<bare>(?:\.|/[\w.+-]+)(?:/[\w.+-]+)+): [Pp]ermission denied$",
        "unreadable": (
            # the shells and interpreters that are given a file
            r"\b(?:ba|da|a)?sh: (?:\d+: )?[Cc]an(?:'t|not) open '?(?P<sh>[^\s':]+)'?: Permission denied"
            r"|\bpython[\d.]*: can't open file '?(?P<python>[^']+?)'?: \[Errno 13\]"
            r"|\bruby: Permission denied -- (?P<ruby>\S+)|Can't open perl script \"(?P<perl>[^\"]+)\": Permission denied"
            r"|\bEACCES: permission denied, open '(?P<node>[^']*\.[cm]?js|[^']*/package\.json)'"
            # supervisord, runit, uv, the node of an npm that may not start a shell
            r"|command at '(?P<not_executable>[^']+)' is not executable|no permission to run command '(?P<no_permission>[^']+)'|unable to start (?P<runit>\./run): access denied"
            r"|couldn't exec (?P<supervisord>\S+): EACCES|Failed to spawn: `(?P<uv>[^`]+)`[^\n]{0,60}Permission denied"
        ),
    },
    service_patterns={"refused": _REFUSED},
)
