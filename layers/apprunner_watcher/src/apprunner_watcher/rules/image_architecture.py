"""The image is not built for linux/amd64."""

from collections.abc import Iterator

from apprunner_watcher.image import APP_RUNNER_PLATFORM, UNKNOWN_PLATFORM, Image
from apprunner_watcher.knowledge.program import is_of_base_image, is_shell_script, is_told_by_init, refusal
from apprunner_watcher.rule import Confidence, Evidence, Finding, Match, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find an image for another platform, by what ECR knows of it or by how its program is refused."""
    if snapshot.came_up:
        return None
    image = snapshot.parts.image if isinstance(snapshot.parts.image, Image) else None
    name = image.identifier if image else snapshot.service_log.pulled_image or "YOUR_IMAGE"
    found = next(_found(snapshot, matches, image.platforms if image else ()), None)
    return Finding(*found, {"image": name}) if found else None


def _found(
    snapshot: Snapshot, matches: Matches, platforms: tuple[str, ...]
) -> Iterator[tuple[Confidence, tuple[Evidence, ...]]]:
    """What tells it, the surest first."""
    said = [*matches.application("says so"), *matches.service("says so")]
    refused = [*matches.application("refused"), *matches.service("refused")]
    lines = tuple(Evidence.of(match.line) for match in (*said, *refused)[:2])
    is_for_it = APP_RUNNER_PLATFORM in platforms
    # a program that has printed something was not of another platform: the tag is on another image by now
    if platforms and not is_for_it and UNKNOWN_PLATFORM not in platforms and (lines or _is_silent(snapshot)):
        yield Confidence.CERTAIN, (*lines, Evidence("image", f"its platform: {', '.join(platforms)}"))
    if said:
        yield Confidence.LIKELY if is_for_it else Confidence.CERTAIN, lines
    if refused and (confidence := _of_refusal(refused[0], snapshot, is_for_it=is_for_it)):
        yield confidence, lines
    if emulated := matches.application("emulated"):
        # what an emulator runs may crash of itself
        confidence = Confidence.POSSIBLE if emulated[0]["signal"] else Confidence.LIKELY
        yield confidence, (Evidence.of(emulated[0].line),)
    if unfit := [] if platforms else [*matches.application("no descriptor"), *matches.service("no descriptor")]:
        yield Confidence.LIKELY, (Evidence.of(unfit[0].line),)
    if copies := () if platforms else matches.service("not copied"):
        yield Confidence.POSSIBLE, (Evidence.of(copies[0].line),)


def _is_silent(snapshot: Snapshot) -> bool:
    return not snapshot.application_log.failing


def _of_refusal(match: Match, snapshot: Snapshot, *, is_for_it: bool) -> Confidence | None:
    """How surely it is the processor: a script without a usable `#!` line is refused with the same words."""
    named = match["program"] or match["alone"]
    program = named or snapshot.program
    if match["as_script"]:  # what a shell makes of a program that the kernel refused
        return Confidence.LIKELY
    if is_shell_script(program) and (not is_of_base_image(program) or is_told_by_init(match.line.said)):
        return None
    if is_for_it:  # a program that was built elsewhere and copied into the image
        return Confidence.LIKELY if named and not is_of_base_image(named) else None
    return Confidence.CERTAIN if named and not is_of_base_image(named) else Confidence.LIKELY


_REFUSED = (
    rf"{refusal('(?i:exec format error)|ENOEXEC')}"
    # s6; bash, of a program in the path; no more than the error; CNB's launcher, gosu
    r"|\bstarting container process caused:? \"?(?:exec: )?(?i:exec format error)|^execv[pe]{0,2}(?:\(\))?: (?i:exec format error)"
    r"|^s6-[\w-]{1,30}: (?:fatal|warning): unable to (?:exec|spawn)[^\n]{0,80}: Exec format error"
    r"|(?:^|[|\]]\s{0,4})(?:(?P<alone>/[\w./+-]+): cannot execute binary file: )?(?:(?:standard_init_linux\.go:\d+|error|ERROR|Error): )?"
    r"(?:failed to launch: [\w ]{0,20}: )?(?i:exec format error)(?:: unknown)?\W{0,3}$"
    r"|\b1: (?P<as_script>\S{0,3}\s?ELF\S{0,20}: not found|[Ss]yntax error: (?:word unexpected|unexpected word) \(expecting \"\)\"\))"
)
_SAYS_SO = (
    # Docker, of what was pulled on amd64
    r"requested image's platform \(linux/(?:arm|ppc|s390|riscv|386)[\w/]{0,12}\) does not match the detected host platform \(linux/amd64"
    r"|no child with platform linux/amd64 in (?:index|manifest)|no image found in [\w ]{5,20} for architecture \"?amd64"
    r"|no matching manifest for (?:linux/)?(?:amd64|x86_64)|no match for platform in manifest[^\n]{0,200}linux/amd64"
    r"|[Ii]mage (?:operating system|OS|platform|architecture)[^\n]{0,60}(?:arm64|aarch64)[^\n]{0,60}(?:does not match|not supported|incompatible|cannot be used)"
    # Cloud Run
    r"|[Cc]ontainer manifest type '[^']{1,80}' must support amd64/linux"
    r"|image operating system \"windows\" cannot be used|a Windows version [^\n]{0,40}-based image is incompatible"
    r"|image with reference \S+ was found but (?:its platform \(linux/arm|does not match the specified platform: wanted linux/amd64)"
)
_NO_DESCRIPTOR = r"does not contain descriptor matching platform|no match for platform in manifest"

RULE = Rule(
    id="image-architecture",
    code="image-architecture",
    title="The image is built for another processor, not linux/amd64",
    phase=Phase.IMAGE,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "App Runner runs linux/amd64 only, and the kernel refuses to execute a program for another processor. An image"
        " that was built or pulled on an Apple Silicon or other ARM machine without naming a platform is arm64."
    ),
    fix=(
        Step(
            "Build for amd64, push, and deploy again.", "docker buildx build --platform linux/amd64 -t {image} --push ."
        ),
        Step("Check what is in the repository.", "docker buildx imagetools inspect {image}"),
        Step(
            "If the image is for amd64 and one program in it is not, build that program for amd64 (GOARCH=amd64,"
            " --target x86_64-unknown-linux-gnu, dotnet -r linux-x64)."
        ),
    ),
    false_alarms=(
        "A script without a `#!` line gives the same error; then the image's platform is right. A helper program that a"
        " running application cannot start is not the image."
    ),
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/service-source-image.html",
    rollback="helps",
    check=check,
    application_patterns={
        "refused": _REFUSED,
        "says so": _SAYS_SO,
        "emulated": (
            r"rosetta error: |\bqemu(?:-\w{1,10})?(?:-static)?: (?:(?P<signal>uncaught target signal)|Could not open '/lib|[^\n]{0,40}[Ee]xec format error)"
        ),
        "no descriptor": _NO_DESCRIPTOR,
    },
    service_patterns={
        "refused": _REFUSED,
        "says so": _SAYS_SO,
        "no descriptor": _NO_DESCRIPTOR,
        "not copied": r"Failed to copy the image from ECR",
    },
)
