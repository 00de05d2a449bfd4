"""The health check gives up sooner than the application starts."""

from datetime import datetime

from apprunner_watcher.log import Listening
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Occasion, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, _matches: Matches) -> Finding | None:
    """Compare interval times unhealthy threshold with the time from the check's begin to where the application listens."""
    began = snapshot.service_log.health_check_started
    listening = _first(snapshot, began.at) if began else None
    if not began or not listening:
        return None
    settings = snapshot.configuration.health_check
    patience = settings.interval * settings.unhealthy_threshold
    start = round((listening.line.at - began.at).total_seconds())
    if start <= patience:
        return None
    product = f"{settings.interval} s x {settings.unhealthy_threshold} = {patience} s"
    return Finding(
        Confidence.CERTAIN,
        (
            Evidence.setting("HealthCheckConfiguration: Interval x UnhealthyThreshold", product),
            Evidence.of(listening.line),
        ),
        {"patience": str(patience), "start": str(start)},
    )


def _first(snapshot: Snapshot, began: datetime) -> Listening | None:
    """Where the first container of the deployment says that it listens; later ones were started for other reasons."""
    log = snapshot.application_log
    reached = [one for one in log.listening if one.port == snapshot.checked_port and not one.is_loopback]
    stream = next((line.stream for line in log.failing if line.at >= began), "") if reached else ""
    return next((one for one in reached if one.line.stream == stream), None)


RULE = Rule(
    id="patience-shorter-than-start",
    code="patience-shorter-than-start",
    title="The health check is patient for {patience} s, and the application took {start} s to listen",
    phase=Phase.HEALTH,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "An instance counts as unhealthy after UnhealthyThreshold failed checks, Interval apart. App Runner grants a new"
        " instance some minutes beside, which nothing promises: whether a start succeeds is then a matter of luck."
    ),
    fix=(
        Step(
            "Raise Interval (to 20 s at most) and UnhealthyThreshold (to 20 at most) until their product exceeds the start twice."
        ),
        Step("Or open the port first, and do what takes long (migrations, caches, models) behind it."),
    ),
    false_alarms="A single slow start, while images and connections were cold, says little of the others.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/manage-configure-healthcheck.html",
    rollback="does-not-help",
    check=check,
    is_remark=True,
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
)
