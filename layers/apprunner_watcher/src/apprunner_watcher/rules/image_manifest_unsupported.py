"""The image's manifest or index cannot be used: it names no platform, or is of an unknown kind."""

from apprunner_watcher.image import APP_RUNNER_PLATFORM, UNKNOWN_PLATFORM, Image
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

_USABLE = frozenset({
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
})  # fmt: skip


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find an image that was not pulled, and whose manifest has a flaw or is complained about."""
    log = snapshot.service_log
    if log.pulled or log.provisioning:
        return None
    image = snapshot.parts.image if isinstance(snapshot.parts.image, Image) else None
    flaw = _flaw(image) if image else ""
    seen = (Evidence("image", flaw),) if flaw else ()
    if told := matches.service("unsupported"):
        return Finding(Confidence.CERTAIN, (Evidence.of(told[0].line), *seen), _values(image))
    # a reason that App Runner gives comes first
    if not flaw or log.pull_failed_because or not log.pull_failed:
        return None
    # an index may be good for more than is known; what is no image never is
    is_sure = bool(image and image.artifact) and snapshot.configuration.standing == "attempted"
    confidence = Confidence.CERTAIN if is_sure else Confidence.LIKELY
    return Finding(confidence, (Evidence.of(log.pull_failed), *seen), _values(image))


def _flaw(image: Image) -> str:
    """What is wrong with the manifest, as ECR has it; empty where nothing is."""
    if image.artifact:
        return f"{image.identifier} is no image, but {image.artifact}"
    if image.media_type and image.media_type not in _USABLE:
        return f"{image.identifier} has a manifest of type {image.media_type}"
    if UNKNOWN_PLATFORM in image.platforms and APP_RUNNER_PLATFORM not in image.platforms:
        return f"{image.identifier} is an index that does not say for which platform its image is"
    return ""


def _values(image: Image | None) -> dict[str, str]:
    return {"image": image.identifier if image else "YOUR_IMAGE"}


RULE = Rule(
    id="image-manifest-unsupported",
    code="image-manifest-unsupported",
    title="The image's manifest cannot be used",
    phase=Phase.IMAGE,
    looks_at=frozenset({"configuration", "service_log"}),
    why=(
        "App Runner looks for the image for linux/amd64. An index whose entries have no platform, an old schema 1"
        " manifest, or an artifact that is no image (a Helm chart, a signature, a cache) gives it none."
    ),
    fix=(
        Step("See what the registry has.", "docker buildx imagetools inspect --raw {image}"),
        Step(
            "Push an image with a Docker v2 or OCI manifest that names its platform: with buildah or podman"
            " `--format docker`, and not as a manifest list without platforms.",
            "docker buildx build --platform linux/amd64 --provenance=false -t {image} --push .",
        ),
    ),
    false_alarms=(
        "Attestations of BuildKit stand in an index for the platform `unknown` beside the image, and do no harm. An index"
        " for another processor only is image-architecture."
    ),
    docs="https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-manifest-formats.html",
    rollback="helps",
    check=check,
    service_patterns={
        "unsupported": (
            r"^(?!\[\w*Build\])[^\n]{0,400}?(?i:(?:unsupported|unknown|unexpected|unrecogni[sz]ed|invalid) (?:(?:oci|docker|image) )?(?:manifest|media ?type|schema|layer (?:media ?)?type|config (?:media ?)?type|type application/)"
            r"|(?:manifest|media ?type)[^\n]{0,160}(?:(?:is )?not supported|unsupported|no longer supported|is invalid|unrecogni[sz]ed|should be)|manifest schema ?(?:version )?v?1\b"
            # an index whose entries are for nothing that is named
            r"|\b(?:manifest|index)\b[^\n]{0,80}(?:\bno|without|not (?:contain|have|include|specify)|missing|lacks)(?: an?y?)? platform (?:information|descriptor|field|entry)?"
            # containerd, of a manifest that has been put together by hand
            r"|mismatched image rootfs and manifest layers)"
        )
    },
)
