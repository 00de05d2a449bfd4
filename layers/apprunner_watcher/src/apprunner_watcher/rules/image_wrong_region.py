"""A private ECR image lies in another Region than the service."""

from apprunner_watcher.image import Identifier
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find an image of another Region, in an operation that pulled none."""
    log = snapshot.service_log
    identifier = log.pulled_image or snapshot.configuration.image
    image = Identifier.parse(identifier)
    region = snapshot.service.arn.split(":")[3]
    if not image.is_ecr or image.region == region or log.pulled or log.provisioning:
        return None
    told = matches.service("told")
    failed = told[0].line if told else log.pull_failed
    is_ended = not snapshot.operation.is_in_progress
    if not failed and not is_ended:
        return None
    setting = Evidence.setting("ImageIdentifier", identifier)
    return Finding(
        Confidence.CERTAIN if failed else Confidence.LIKELY,
        (*([Evidence.of(failed)] if failed else []), setting, Evidence("service", f"Region: {region}")),
        {"there": image.region, "here": region, "repository": image.repository},
    )


RULE = Rule(
    id="image-wrong-region",
    code="image-wrong-region",
    title="The image lies in {there}, the service in {here}",
    phase=Phase.IMAGE,
    looks_at=frozenset({"configuration", "operations", "service", "service_log"}),
    why="App Runner pulls private images from ECR in the service's own Region only.",
    fix=(
        Step(
            "Create the repository in the service's Region.", "aws ecr create-repository --repository-name {repository}"
        ),
        Step("Push the image there, or let ECR replicate the repository, and name that image in the service."),
        Step("Or create the service in the Region of the image."),
    ),
    false_alarms="Public images (public.ecr.aws) have no Region. An image that was pulled is not it.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/service-source-image.html",
    rollback="helps",
    check=check,
    service_patterns={"told": (r"(?i:(?:image|repository)[^\n]{0,80}(?:another|different|same|wrong) region)")},
)
