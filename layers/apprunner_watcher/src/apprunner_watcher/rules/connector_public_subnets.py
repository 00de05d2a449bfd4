"""The VPC connector's subnets are public, so that its traffic has no way out."""

from apprunner_watcher.knowledge.obstacle import without_internet
from apprunner_watcher.knowledge.outbound import FAILED, failures
from apprunner_watcher.rule import NETWORK, Evidence, Finding, Matches, Occasion, Phase, Rule, Step, weight
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a public host that does not answer, and a route of the connector's subnets to an internet gateway."""
    confidence = weight(snapshot)
    if snapshot.configuration.egress_type != "VPC" or not confidence:
        return None
    failed = failures(matches.application("failed"))
    if snapshot.is_live:
        failed = tuple(one for one in failed if not one.match.line.is_passing)
    proof = without_internet(snapshot, failed, confidence)
    block = proof.check.blocked_by if proof and proof.check else None
    if not proof or not block or not block.id.startswith("igw-"):
        return None
    values = {"vpc_id": block.vpc_id} if block.vpc_id else {}
    subnets = f"connector subnets {', '.join(block.subnet_ids)}"
    return Finding(proof.confidence, (*proof.evidence, Evidence(NETWORK, subnets)), values)


RULE = Rule(
    id="connector-public-subnets",
    code="connector-public-subnets",
    title="The VPC connector is in public subnets, from which it has no way out",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "dependencies", "network", "operations", "service_log"}),
    why=(
        "The connector's network interfaces have private addresses only. A route to an internet gateway serves who has"
        " a public address, and drops what they send."
    ),
    fix=(
        Step(
            "Find private subnets of the VPC, whose route 0.0.0.0/0 leads to a NAT gateway.",
            "aws ec2 describe-route-tables --filters Name=vpc-id,Values={vpc_id}",
        ),
        Step("Make a new VPC connector in private subnets and give it to the service: a connector cannot be changed."),
    ),
    false_alarms="An application that needs nothing but the VPC works from public subnets as well.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/network-vpc.html",
    rollback="does-not-help",
    check=check,
    application_patterns={"failed": FAILED},
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
)
