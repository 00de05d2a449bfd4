"""The image has a HEALTHCHECK, which App Runner does not use."""

from apprunner_watcher.missing import seen
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Occasion, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, _matches: Matches) -> Finding | None:
    """Find a HEALTHCHECK in the image's configuration."""
    image = snapshot.image
    if not image:
        return None
    config = image.config or (seen(image.config_missing) if image.config_missing else None)
    if not config or not config.healthcheck:
        return None
    return Finding(Confidence.CERTAIN, (Evidence("image", f"HEALTHCHECK is set in {image.identifier}"),))


RULE = Rule(
    id="dockerfile-healthcheck-ignored",
    code="dockerfile-healthcheck-ignored",
    title="The HEALTHCHECK in the Dockerfile has no effect on App Runner",
    phase=Phase.HEALTH,
    looks_at=frozenset({"image"}),
    why="App Runner checks what the service's own settings say: a port, or a path of HTTP.",
    fix=(Step("Set the path, interval and thresholds that it has in the service's health check as well."),),
    false_alarms="Base images bring one along, and other platforms that run the same image may need it.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/manage-configure-healthcheck.html",
    rollback="does-not-help",
    check=check,
    is_remark=True,
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
)
