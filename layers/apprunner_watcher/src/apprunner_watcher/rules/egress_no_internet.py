"""Egress goes through a VPC that has no way to the internet, and the application needs one."""

from dataclasses import replace

from apprunner_watcher.knowledge.obstacle import without_internet
from apprunner_watcher.knowledge.outbound import FAILED, failures
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Occasion, Phase, Rule, Step, weight
from apprunner_watcher.snapshot import Snapshot

_SEVERAL = 3


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a public host that does not answer, and subnets of the connector that do not lead to a NAT gateway."""
    confidence = weight(snapshot)
    if snapshot.configuration.egress_type != "VPC" or not confidence:
        return None
    failed = failures(matches.application("failed"))
    if snapshot.is_live:
        failed = tuple(one for one in failed if not one.match.line.is_passing)
    proof = without_internet(snapshot, failed, confidence)
    if not proof:
        return None
    if snapshot.is_live and not proof.check:
        if not proof.failure or sum(one.place == proof.failure.place for one in failed) < _SEVERAL:
            return None  # in a live service one odd line is no cause
        proof = replace(proof, confidence=Confidence.POSSIBLE)
    host = proof.failure.place if proof.failure else proof.about
    block = proof.check.blocked_by if proof.check else None
    values = {"host": host or "the internet"}
    if block and block.vpc_id:
        values["vpc_id"] = block.vpc_id
    egress = Evidence.setting("EgressType", snapshot.configuration.egress_type)
    return Finding(proof.confidence, (*proof.evidence, egress), values)


RULE = Rule(
    id="egress-no-internet",
    code="egress-no-internet",
    title="With egress through the VPC the service cannot reach {host}",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "dependencies", "network", "operations", "service_log"}),
    why=(
        "With a VPC connector all traffic of the application goes through the connector's subnets, and its network"
        " interfaces have no public addresses. Only a route to a NAT gateway in a public subnet leads to the internet."
    ),
    fix=(
        Step(
            "Look at the routes of the connector's subnets: 0.0.0.0/0 must lead to a NAT gateway.",
            "aws ec2 describe-route-tables --filters Name=vpc-id,Values={vpc_id}",
        ),
        Step(
            "Make a NAT gateway in a public subnet, and a route from the connector's private subnets to it.",
        ),
        Step("Or go back to DEFAULT egress, if the application needs nothing that is private."),
    ),
    false_alarms=(
        "One host that does not answer may be down, or admit known addresses only. App Runner's own traffic (images, logs, secrets) does"
        " not pass the VPC and needs no NAT gateway."
    ),
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/network-vpc.html",
    rollback="does-not-help",
    check=check,
    application_patterns={"failed": FAILED},
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
)
