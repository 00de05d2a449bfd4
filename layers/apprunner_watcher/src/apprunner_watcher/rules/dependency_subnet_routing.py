"""The subnets that a dependency is in have no usable route to or from the service."""

from apprunner_watcher.dependency import Dependency, Resource
from apprunner_watcher.knowledge.obstacle import blocked_dependencies, is_refuted, proved
from apprunner_watcher.knowledge.outbound import FAILED, failures, is_private
from apprunner_watcher.reachability import Block, Check
from apprunner_watcher.rule import Finding, Matches, Occasion, Phase, Rule, Step, weight
from apprunner_watcher.snapshot import Snapshot

_BLOCKERS = frozenset({"route", "gateway", "peering"})


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a database in subnets without an internet gateway, or in another VPC that no route leads to."""
    confidence = weight(snapshot)
    if not confidence:
        return None
    told = failures(matches.application("failed"))
    # in a live service what is tried again is no cause
    failed = [one for one in told if not one.is_refused and not (snapshot.is_live and one.match.line.is_passing)]
    ways = blocked_dependencies(snapshot, _BLOCKERS)
    blocked = [one for one, by in ways if _is_of_dependency(snapshot, one, by) and not is_refuted(one, told)]
    proof = proved(snapshot, blocked, failed, confidence)
    block = proof.check.blocked_by if proof and proof.check else None
    if not proof or not block:
        return None
    values = {"dependency": proof.about, "peering": block.id if block.kind == "peering" else ""}
    if block.vpc_id:
        values["vpc_id"] = block.vpc_id
    return Finding(proof.confidence, proof.evidence, values)


def _is_of_dependency(snapshot: Snapshot, found: Check, by: Block) -> bool:
    """Whether the way ends at the dependency's VPC, and not where the connector has no way to the internet."""
    about = found.about
    if not isinstance(about, Dependency):
        return False
    if snapshot.configuration.egress_type != "VPC" or by.kind == "peering" or is_private(about.host):
        return True
    if not isinstance(about.resource, Resource):
        return False
    return not about.resource.is_public or by.vpc_id == about.resource.vpc_id


RULE = Rule(
    id="dependency-subnet-routing",
    code="dependency-subnet-routing",
    title="No route joins the service and {dependency}",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "dependencies", "network", "operations", "service_log"}),
    why=(
        "A public address of a database is of use only in subnets with a route to an internet gateway, and a database in"
        " another VPC only where a peering is active and both sides have a route to it."
    ),
    fix=(
        Step(
            "Look at the routes of the VPC.",
            "aws ec2 describe-route-tables --filters Name=vpc-id,Values={vpc_id}",
        ),
        Step("Make the VPC connector in the VPC that the database is in: then no other route is needed."),
        Step("Or accept the peering, and add routes to it in the tables of both sides.", when="peering"),
        Step("Or put a public database into subnets whose route 0.0.0.0/0 leads to an internet gateway."),
    ),
    false_alarms="Ways through transit gateways and appliances are not read, and not called blocked.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/network-vpc.html",
    rollback="does-not-help",
    check=check,
    application_patterns={"failed": FAILED},
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
)
