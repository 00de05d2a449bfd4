"""An update changed the health check's settings, and they are not the ones that last worked."""

from dataclasses import dataclass

from apprunner_watcher.event import OperationType
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step
from apprunner_watcher.service import Configuration
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, _: Matches) -> Finding | None:
    """Find an update whose health check differs from that of the last healthy state, and fails."""
    if not snapshot.is_unhealthy or snapshot.operation.type != OperationType.UPDATE_SERVICE:
        return None
    before = _before(snapshot)
    if not before:
        return None
    was, now = _Checked.by(before), _Checked(snapshot.checked_path, snapshot.checked_port)
    if was == now:
        return None
    started = snapshot.service_log.health_check_started
    return Finding(
        _confidence(snapshot, before),
        (
            *((Evidence.of(started),) if started else (Evidence.setting("HealthCheckConfiguration", now),)),
            Evidence("last healthy configuration", f"HealthCheckConfiguration: {was}"),
        ),
        {
            "was": str(was),
            "now": str(now),
            "service_arn": snapshot.service.arn,
            ("http" if was.path else "tcp"): "yes",
            **({"another_port": str(was.port)} if was.port != now.port else {}),
        },
    )


@dataclass(frozen=True, slots=True)
class _Checked:
    path: str  # empty where the check only opens the port
    port: int

    @classmethod
    def by(cls, configuration: Configuration) -> "_Checked":
        health_check = configuration.health_check
        return cls(health_check.path if health_check.protocol == "HTTP" else "", configuration.port)

    def __str__(self) -> str:
        return f"HTTP {self.path} on port {self.port}" if self.path else f"TCP on port {self.port}"


def _before(snapshot: Snapshot) -> Configuration | None:
    """The configuration that last worked: App Runner shows it again after an update that was taken back.

    What it shows is that one for certain where App Runner's log says that something else was checked.
    """
    if snapshot.configuration.standing != "attempted":
        return snapshot.configuration if snapshot.service_log.health_check_started else None
    healthy = snapshot.last_healthy
    return healthy.configuration if healthy else None


def _confidence(snapshot: Snapshot, before: Configuration) -> Confidence:
    now = snapshot.configuration
    if now.standing != "attempted":
        pulled = snapshot.service_log.pulled_image
        return Confidence.LIKELY if not pulled or before.image.startswith(pulled) else Confidence.POSSIBLE
    if before.image != now.image:
        return Confidence.POSSIBLE  # the new image may well come with a new path
    is_all = before.model_copy(update={"health_check": now.health_check, "standing": now.standing}) == now
    return Confidence.CERTAIN if is_all else Confidence.LIKELY


RULE = Rule(
    id="health-check-overwritten",
    code="health-check-overwritten",
    title="This update changed the health check: {was}, now {now}",
    phase=Phase.HEALTH,
    looks_at=frozenset({"application_log", "attempts", "configuration", "operations", "service", "service_log"}),
    why=(
        "The check that failed is not the one that the service last passed. An edit in the console, or a tool that does"
        " not know the setting, writes the whole configuration and puts its own defaults (TCP, or another path) in."
    ),
    fix=(
        Step(
            "Put the health check back, with the path that last worked ({was}).",
            "aws apprunner update-service --service-arn {service_arn}"
            " --health-check-configuration Protocol=HTTP,Path=/YOUR/PATH",
            when="http",
        ),
        Step(
            "Put the health check back ({was}).",
            "aws apprunner update-service --service-arn {service_arn} --health-check-configuration Protocol=TCP",
            when="tcp",
        ),
        Step("Set Port back to {another_port}, or let the application listen on the new one.", when="another_port"),
        Step("Declare the health check in the tool that last edited the service (Terraform, CDK, Copilot), too."),
    ),
    false_alarms="A new path that comes with a new image may be meant: then it is the image that does not answer it.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/manage-configure-healthcheck.html",
    rollback="does-not-help",
    check=check,
)
