"""The VPC connector was deleted, or says ACTIVE and carries nothing."""

from collections.abc import Sequence
from datetime import timedelta

from apprunner_watcher.dependency import Dependency
from apprunner_watcher.knowledge.obstacle import checks
from apprunner_watcher.knowledge.outbound import FAILED, Failure, failures
from apprunner_watcher.reachability import Check
from apprunner_watcher.rule import NETWORK, Confidence, Evidence, Finding, Matches, Phase, Rule, Step, weight
from apprunner_watcher.snapshot import Snapshot

_SOON = timedelta(minutes=2)
_SEVERAL = 2


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a connector that is INACTIVE; else one over which nothing is reached although everything around it is right."""
    if snapshot.configuration.egress_type != "VPC":
        return None
    connector = next((one for one in checks(snapshot) if one.topic == "connector"), None)
    if connector and connector.blocked_by and connector.blocked_by.kind == "connector":
        return Finding(Confidence.LIKELY, (Evidence(NETWORK, connector.because),), {})
    if not connector or connector.result != "ok":
        return None
    if weight(snapshot) and (lost := _lost(snapshot, failures(matches.application("failed")))):
        evidence = (Evidence.of(lost[0][0].match.line), Evidence(NETWORK, lost[0][1].because))
        places = {str(way.about) for _, way in lost}
        return Finding(Confidence.LIKELY if len(places) >= _SEVERAL else Confidence.POSSIBLE, evidence, {})
    is_hint = _never_ran(snapshot)
    return Finding(Confidence.POSSIBLE, (Evidence(NETWORK, connector.because),), {}) if is_hint else None


def _lost(snapshot: Snapshot, failed: Sequence[Failure]) -> list[tuple[Failure, Check]]:
    """What was not answered although nothing is in the way; nothing where that does not hold for all that failed."""
    unanswered = [one for one in failed if one.is_unanswered]
    lost = [(one, way) for one in unanswered if (way := _open_way(snapshot, one))]
    return lost if len(lost) == len(unanswered) else []


def _open_way(snapshot: Snapshot, failure: Failure) -> Check | None:
    """The check that finds nothing in the way of what failed."""
    return next(
        (
            one
            for one in checks(snapshot)
            if one.topic == "dependency"
            and one.result == "ok"
            and isinstance(one.about, Dependency)
            and failure.is_about(one.about)
        ),
        None,
    )


def _never_ran(snapshot: Snapshot) -> bool:
    """Whether the image was there, nothing ran, and the failure came within a minute or two."""
    log = snapshot.service_log
    ready = log.pulled or log.built
    if not ready or log.exit or log.refused or log.health_check_started or snapshot.application_log.failing:
        return False
    operation = snapshot.operation
    return not operation.is_in_progress and (operation.ended_at or snapshot.taken_at) - ready.at <= _SOON


RULE = Rule(
    id="connector-inoperative",
    code="connector-inoperative",
    title="The VPC connector does not carry the service's traffic",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "dependencies", "network", "operations", "service_log"}),
    why=(
        "A connector that was deleted carries nothing. One that says ACTIVE has been seen not to work, too: routes, security"
        " groups and subnets are right, and neither the container starts nor a connection comes about."
    ),
    fix=(
        Step("Deploy once with DEFAULT egress: if the container runs then, it is the connector."),
        Step("Make a new VPC connector with the same subnets and security groups, and give that to the service."),
        Step("Ask AWS Support if the new connector does not work either."),
    ),
    false_alarms="A database that is stopped, overloaded or busy with TLS does not answer either.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/network-vpc.html",
    rollback="does-not-help",
    check=check,
    application_patterns={"failed": FAILED},
)
