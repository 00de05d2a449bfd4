"""Automatic deployment follows a tag that every build moves."""

import re

from apprunner_watcher.image import Identifier
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Occasion, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

_MOVES = re.compile(
    r"latest|main|master|trunk|head|develop(?:ment)?|dev|stag(?:e|ing)|test|qa|uat|prod(?:uction)?|live|release|stable|edge|nightly|current|next|canary",
    re.IGNORECASE,
)


def check(snapshot: Snapshot, _matches: Matches) -> Finding | None:
    """Find automatic deployments of an image whose tag is named for a branch, a stage or nothing."""
    configuration = snapshot.configuration
    if not configuration.auto_deployments_enabled or not configuration.image:
        return None
    identifier = Identifier.parse(configuration.image)
    if identifier.digest or not _MOVES.fullmatch(identifier.tag):
        return None
    evidence = (
        Evidence.setting("ImageIdentifier", configuration.image),
        Evidence.setting("AutoDeploymentsEnabled", "true"),
    )
    return Finding(Confidence.CERTAIN, evidence, {"tag": identifier.tag})


RULE = Rule(
    id="mutable-tag-auto-deploy",
    code="mutable-tag-auto-deploy",
    title="Whatever is pushed as {tag} is deployed at once",
    phase=Phase.IMAGE,
    looks_at=frozenset({"configuration"}),
    why=(
        "Every push of the tag is a deployment, also one from a laptop or of another branch, and it collides with an update"
        " that runs. What ran before has lost its name: there is no tag to go back to."
    ),
    fix=(
        Step("Give every build a tag of its own (the commit), and let the pipeline deploy it with UpdateService."),
        Step("Make tags immutable in the ECR repository."),
    ),
    false_alarms="In a service that is only for trying things out, this is what one wants.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/manage-deploy.html",
    rollback="does-not-help",
    check=check,
    is_remark=True,
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
)
