"""A security group or network ACL between the service and a dependency refuses the port."""

from collections.abc import Mapping, Sequence

from apprunner_watcher.knowledge.obstacle import Proof, blocked_dependencies, is_refuted, proved, reaches_api
from apprunner_watcher.knowledge.outbound import FAILED, Failure, failures
from apprunner_watcher.reachability import Block
from apprunner_watcher.rule import Confidence, Finding, Matches, Occasion, Phase, Rule, Step, at_most, weight
from apprunner_watcher.snapshot import Snapshot

_BLOCKERS = {
    "security-group-ingress": "Security group",
    "security-group-egress": "Security group",
    "network-acl": "Network ACL",
}


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a dependency whose way is blocked, in an application that never serves."""
    confidence = weight(snapshot)
    if not confidence:
        return None
    # no rule of a group can admit App Runner's own addresses for good: without a VPC what is missing is a connector
    kinds = frozenset(_BLOCKERS if snapshot.configuration.egress_type == "VPC" else {"network-acl"})
    told = failures(matches.application("failed"))
    # in a live service what is tried again is no cause
    failed = [one for one in told if not one.is_refused and not (snapshot.is_live and one.match.line.is_passing)]
    blocked = [one for one, _ in blocked_dependencies(snapshot, kinds) if not is_refuted(one, told)]
    proof = proved(snapshot, blocked, failed, confidence) or _of_api(snapshot, failed, confidence)
    if not proof or not proof.check or not proof.check.blocked_by:
        return None
    values = {**_values(proof.check.blocked_by), "dependency": proof.about}
    return Finding(proof.confidence, proof.evidence, values)


def _of_api(snapshot: Snapshot, failed: Sequence[Failure], confidence: Confidence) -> Proof | None:
    """An AWS API whose endpoint in the VPC does not admit the connector."""
    for one in failed:
        found = reaches_api(snapshot, one.api) if snapshot.configuration.egress_type == "VPC" else None
        if found and found.blocked_by and found.blocked_by.kind in _BLOCKERS:
            return Proof(confidence if not snapshot.is_live else at_most(Confidence.LIKELY, confidence), found, one)
    return None


def _values(by: Block) -> Mapping[str, str]:
    port = str(by.port) if by.port else ""
    values = {"blocker": f"{_BLOCKERS[by.kind]} {by.id}", "port": port}
    if by.kind == "security-group-ingress" and by.group_id and by.source_group_id and port:
        values |= {"group_id": by.group_id, "source_group_id": by.source_group_id}
    if by.kind == "security-group-egress" and by.cidr and port:
        values |= {"connector_group_id": by.group_id, "cidr": by.cidr}
    if by.kind == "network-acl" and by.cidr and by.direction:
        values |= {"acl_id": by.id}
    return values


RULE = Rule(
    id="security-group-blocks",
    code="security-group-blocks",
    title="{blocker} keeps the service from {dependency}",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "dependencies", "network", "operations", "service_log"}),
    why=(
        "What a security group or network ACL does not admit is dropped without an answer, so the application waits"
        " until its client gives up. The service comes with the security groups of its VPC connector."
    ),
    fix=(
        Step(
            "Admit the connector's security group in that of the dependency.",
            "aws ec2 authorize-security-group-ingress --group-id {group_id} --source-group {source_group_id}"
            " --protocol tcp --port {port}",
        ),
        Step(
            "Let the connector's security group out to the dependency.",
            "aws ec2 authorize-security-group-egress --group-id {connector_group_id} --protocol tcp --port {port} --cidr {cidr}",
        ),
        Step(
            "Look at the network ACL: it needs an entry for the port, and one for the answers to ports from 1024 on.",
            "aws ec2 describe-network-acls --network-acl-ids {acl_id}",
        ),
        Step("Deploy again once the rule is there; running connections need nothing else."),
    ),
    false_alarms="The blocked dependency may be one that the application does not need to start.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/network-vpc.html",
    rollback="does-not-help",
    check=check,
    application_patterns={"failed": FAILED},
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
)
