"""The tag was pushed again since the deployment began: which image it took can no longer be told."""

from apprunner_watcher.image import Identifier
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Occasion, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, _matches: Matches) -> Finding | None:
    """Compare when the tag's image was pushed with when the deployment began, unless that was noted: then it is known by its digest."""
    image = snapshot.image
    if not image or Identifier.parse(image.identifier).digest or not image.pushed_at:
        return None
    began = snapshot.operation.started_at
    if image.pushed_at <= began:
        return None
    pushed = f"{image.identifier} was pushed at {image.pushed_at:%Y-%m-%d %H:%M:%S} UTC"
    return Finding(
        Confidence.CERTAIN,
        (
            Evidence("image", pushed, image.pushed_at),
            Evidence("operation", f"it began at {began:%Y-%m-%d %H:%M:%S} UTC", began),
        ),
        {"tag": image.tag or "latest"},
    )


RULE = Rule(
    id="unknown-running-image",
    code="unknown-running-image",
    title="The tag {tag} was pushed again since this operation began: it may have taken another image",
    phase=Phase.IMAGE,
    looks_at=frozenset({"image", "operations"}),
    why="App Runner reads a tag once, when it deploys, and does not say which image it was. Later pushes give the name to others.",
    fix=(
        Step("Deploy tags that are never pushed again, or digests (repository@sha256:…): then what runs has a name."),
    ),
    false_alarms="A push in the seconds between the begin of the operation and its pull may be the one that was taken.",
    docs="https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html",
    rollback="does-not-help",
    check=check,
    is_remark=True,
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
)
