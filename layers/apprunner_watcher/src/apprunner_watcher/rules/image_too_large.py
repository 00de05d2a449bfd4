"""The image does not fit the ephemeral storage."""

from apprunner_watcher.image import Image
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

_STORAGE = 3_000_000_000  # bytes, for the image compressed and unpacked: https://docs.aws.amazon.com/apprunner/latest/dg/develop.html
_AS_LARGE_AT_LEAST = 2  # unpacked and compressed together; usual is three times and more


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find storage that runs out before anything runs, or an image that leaves no room, and that never ran."""
    log = snapshot.service_log
    image = snapshot.parts.image if isinstance(snapshot.parts.image, Image) else None
    size = image.size_bytes or 0 if image else 0
    seen = (Evidence("image", f"{size / 1e9:.1f} GB compressed"),) if size else ()
    values = {"size": f" ({size / 1e9:.1f} GB compressed)" if size else ""}
    if (full := matches.service("full")) and not log.built:
        return Finding(Confidence.CERTAIN, (Evidence.of(full[0].line), *seen), values)
    failed = log.pull_failed or log.refused or log.health_check_failed or log.exit
    if size * _AS_LARGE_AT_LEAST < _STORAGE or not failed or snapshot.application_log.failing:
        return None
    if log.pull_failed and not log.pull_failed_because:
        return Finding(Confidence.LIKELY, (Evidence.of(log.pull_failed), *seen), values)
    if log.pull_failed:
        return None
    return Finding(Confidence.POSSIBLE, (Evidence.of(failed), *seen), values)


RULE = Rule(
    id="image-too-large",
    code="image-too-large",
    title="The image is too large for App Runner{size}",
    phase=Phase.IMAGE,
    looks_at=frozenset({"application_log", "service_log"}),
    why=(
        "An instance has 3 GB of ephemeral storage, which holds the image compressed and unpacked, and everything that"
        " the application writes."
    ),
    fix=(
        Step("See which layers weigh the most: docker history on the image, or dive."),
        Step(
            "Make it smaller: a slim base, a multi-stage build, no build tools, no caches of package managers, the CPU"
            " builds of torch and the like, a .dockerignore."
        ),
        Step("Load models and data at start, or from S3 and EFS elsewhere, not from the image."),
    ),
    false_alarms="What the application itself writes fills the same storage later: storage-full.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/develop.html",
    rollback="helps",
    check=check,
    service_patterns={
        "full": (
            r"^(?!\[\w*Build\])[^\n]{0,400}?(?:(?i:pull|copy|image|layer|unpack|extract|snapshot|containerd)[^\n]{0,400}(?:no space left on device|disk quota exceeded|(?:not enough|insufficient) (?:disk |free |ephemeral )?(?:space|storage))"
            r"|(?i:(?:not enough|insufficient) (?:disk |free |ephemeral )?(?:space|storage) [^\n]{0,60}image)|ApplyLayer [^\n]{0,300}no space left on device"
            r"|(?i:image(?: size)?|layer)[^\n]{0,60}(?i:too (?:large|big)|exceeds? [^\n]{0,40}(?:limit|maximum|storage|quota|size)|larger than))"
        )
    },
)
