"""The image is not built for linux/amd64."""

import re

from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

_SCRIPT = re.compile(r"\.(?:sh|bash|py|rb|pl)$|entrypoint[\w.-]*$", re.IGNORECASE)


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find `exec format error` of a binary in an image that never serves; of a script or of nobody it may have another reason."""
    if snapshot.came_up:
        return None
    image = snapshot.service_log.pulled_image or "YOUR_IMAGE"
    if refused := (*matches.application("refused"), *matches.service("refused")):
        program = refused[0]["program"] or refused[0]["ran"]
        is_binary = bool(program) and not _SCRIPT.search(program)
        confidence = Confidence.CERTAIN if is_binary else Confidence.LIKELY
        return Finding(confidence, (Evidence.of(refused[0].line),), {"image": image})
    if copies := matches.service("not_copied"):
        return Finding(Confidence.POSSIBLE, (Evidence.of(copies[0].line),), {"image": image})
    return None


# The program that the kernel refuses to execute. A running program that fails to start another one is not it: Go says
# fork/exec, Python [Errno 8].
_REFUSED = re.compile(
    r"(?<!fork/)\bexec \"?(?P<program>/[^\s:\"]+)\"?: exec format error|\bexec user process caused[: \"]+exec format error"
    r"|^\S*sh: (?:line )?(?:\d+: )?(?P<ran>\S+): (?:cannot execute binary file: )?Exec format error"
)

RULE = Rule(
    id="image-architecture",
    code="image-architecture",
    title="The image is built for another processor, not linux/amd64",
    phase=Phase.IMAGE,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "The kernel refuses to execute the image's program. An image that was built on an Apple Silicon or other ARM"
        " machine without naming a platform is arm64."
    ),
    fix=(
        Step(
            "Build for amd64, push, and deploy again.", "docker buildx build --platform linux/amd64 -t {image} --push ."
        ),
        Step("Check what is in the repository.", "docker buildx imagetools inspect {image}"),
    ),
    false_alarms=(
        "A script without a `#!` line gives the same error; then the image's platform is right. A helper program that a"
        " running application cannot start is not the image."
    ),
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/service-source-image.html",
    rollback="helps",
    check=check,
    application_patterns={"refused": _REFUSED},
    service_patterns={
        "refused": _REFUSED,
        "not_copied": re.compile(r"Failed to copy the image from ECR"),
    },
)
