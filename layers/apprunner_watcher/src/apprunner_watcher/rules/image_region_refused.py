"""A call was refused because its private ECR image lies in another Region than the service."""

from apprunner_watcher.image import Identifier
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Occasion, Phase, Rule, Step, refused
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, _: Matches) -> Finding | None:
    """Find an image of another Region in a call whose image or repository was refused."""
    call = snapshot.call
    named = refused(snapshot, _ECR_IMAGE)
    image = call.requested.image or (named[0] if named else "")
    region = Identifier.parse(image).region
    if not region or region == call.region or not refused(snapshot, _ABOUT_IMAGE):
        return None
    return Finding(
        Confidence.CERTAIN if refused(snapshot, _ABOUT_REGION) else Confidence.LIKELY,
        (Evidence.call(call), Evidence("requested", f"image: {image}, for a service in {call.region}")),
        {"image_region": region, "region": call.region},
    )


_ABOUT_IMAGE = r"(?i)^(?:InvalidRequest|Validation|ResourceNotFound|RepositoryNotFound|InvalidParameter)\w*: [^\n]{0,300}\b(?:image|repository|ECR|region)"
_ECR_IMAGE = r"\d{12}\.dkr\.ecr\.[\w-]+\.amazonaws\.com/[\w./:@-]+"
_ABOUT_REGION = r"(?i)\bregions?\b"

RULE = Rule(
    id="image-region-refused",
    code="image-wrong-region",
    title="The image lies in {image_region}, the service in {region}",
    phase=Phase.CALL,
    occasions=frozenset({Occasion.CALL}),
    looks_at=frozenset(),
    why="App Runner pulls private images from the ECR of its own Region only.",
    fix=(
        Step("Push the image to a repository in {region}, and name that one."),
        Step("Or let ECR replicate the repository to {region}, or create the service in {image_region}."),
    ),
    false_alarms="An image that is in the right Region and not there is image-not-found.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/service-source-image.html",
    rollback="does-not-help",
    check=check,
)
