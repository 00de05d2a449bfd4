"""The tag or digest is not in the repository."""

import re

from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find App Runner saying that the image is not there."""
    absent = matches.service("absent")
    if not absent or snapshot.service_log.pulled:
        return None
    _, _, name = (snapshot.service_log.pulled_image or "").partition("/")
    repository = name.partition("@")[0].rpartition(":")[0] or name.partition("@")[0]
    return Finding(
        Confidence.CERTAIN,
        (Evidence.of(absent[0].line),),
        {"image": name or "the one of the service", "repository": repository or "YOUR_REPOSITORY"},
    )


RULE = Rule(
    id="image-not-found",
    code="image-not-found",
    title="The image is not in its repository: {image}",
    phase=Phase.IMAGE,
    looks_at=frozenset({"service_log"}),
    why="The tag or digest was never pushed, was removed by a lifecycle policy, or is spelled otherwise.",
    fix=(
        Step(
            "List what is there.",
            "aws ecr describe-images --repository-name {repository}"
            " --query 'sort_by(imageDetails,&imagePushedAt)[-5:].imageTags'",
        ),
        Step("Push the image, or update the service to a tag that exists."),
    ),
    false_alarms="An image that was pulled exists, whatever a later line says.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/service-source-image.html",
    rollback="helps",
    check=check,
    service_patterns={
        # a line of the build may say the same of another image
        "absent": re.compile(
            r"^(?!\[\w*Build\])[^\n]{0,200}?(?:ECR image doesn't exist|(?i:image (?:not found|does not exist)|manifest unknown))"
        )
    },
)
