"""The tag or digest is not in the repository, or there is no such repository."""

from apprunner_watcher.image import Identifier, Image
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find App Runner or ECR saying that the image is not there, before any pull."""
    log, told = snapshot.service_log, matches.service("absent")
    image = snapshot.parts.image if isinstance(snapshot.parts.image, Image) else None
    if log.pulled or log.provisioning or (image and image.region != snapshot.service.arn.split(":")[3]):
        return None
    is_absent = image is not None and image.exists is False
    if not told and (not is_absent or log.pull_failed_because):
        return None
    failed = told[0].line if told else log.pull_failed
    identifier = image.identifier if image else log.pulled_image or ""
    repository = Identifier.parse(identifier).repository
    return Finding(
        Confidence.CERTAIN if failed and not _may_be_another(snapshot, told) else Confidence.LIKELY,
        (*([Evidence.of(failed)] if failed else []), *(_of_ecr(image) if image else ())),
        {
            "image": identifier.partition("/")[2] or "the one of the service",
            **({"repository": repository} if repository else {}),
        },
    )


def _may_be_another(snapshot: Snapshot, told: tuple[object, ...]) -> bool:
    """Whether ECR was asked for an image that may not be the one that was to be pulled."""
    return not told and snapshot.configuration.standing != "attempted"


def _of_ecr(image: Image) -> tuple[Evidence, ...]:
    """What ECR does not have, and what is the newest that it has."""
    if image.exists is not False:
        return ()
    if image.absent == "repository":
        return (Evidence("image", f"ECR has no repository {image.repository} in {image.region}"),)
    absent = Evidence("image", f"ECR has no image {image.tag or image.digest} in repository {image.repository}")
    newest = next((one for one in image.neighbours if one.tags), None)
    return (absent, *([Evidence("image", f"the newest tag there: {newest.tags[0]}")] if newest else []))


RULE = Rule(
    id="image-not-found",
    code="image-not-found",
    title="The image is not in its repository: {image}",
    phase=Phase.IMAGE,
    looks_at=frozenset({"configuration", "service", "service_log"}),
    why=(
        "The tag or digest was never pushed, was removed by a lifecycle policy, or is spelled otherwise; or the"
        " repository has another name or was never created."
    ),
    fix=(
        Step(
            "List what is there.",
            "aws ecr describe-images --repository-name {repository}"
            " --query 'sort_by(imageDetails,&imagePushedAt)[-5:].imageTags'",
        ),
        Step("Push the image, or update the service to a tag that exists."),
        Step("Let the pipeline push first and deploy then, and let it push the tag that the service names."),
    ),
    false_alarms=(
        "An image that was pulled exists, whatever a later line says. One in another Region is image-wrong-region."
    ),
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/service-source-image.html",
    rollback="helps",
    check=check,
    service_patterns={
        # a line of the build may say the same of another image
        "absent": (
            r"^(?!\[\w*Build\])[^\n]{0,300}?(?:ECR image doesn't exist|(?i:image (?:not found|does(?: not|n't) exist)|manifest unknown)"
            r"|(?:Image|Repository)NotFoundException|manifest for \S+ not found|[Rr]epository with name '[^']{1,256}' does not exist"
            r"|(?i:\bthe (?:image|tag|digest|image tag)\b(?!'s? index)[^\n]{0,80}(?:could not be found|was not found|not found in)|repository does not exist(?! or may))"
            r"|Reason: (?i:(?:the )?(?:requested )?(?:image|tag|digest|manifest|repository)\b[^\n]{0,60}(?:not found|does(?: not|n't) exist))"
            r"|The image with imageId [^\n]{0,200}does not exist|failed to (?:resolve (?:ref(?:erence)?|image)|copy: )[^\n]{0,300}: not found)"
        )
    },
)
