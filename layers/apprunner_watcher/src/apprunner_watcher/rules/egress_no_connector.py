"""The dependency is private, or admits only private addresses, and the service has no VPC connector."""

from collections.abc import Sequence

from apprunner_watcher.dependency import Dependency
from apprunner_watcher.knowledge.fallback import fallback
from apprunner_watcher.knowledge.obstacle import Proof, blocked_dependencies, checks, dependencies, proved
from apprunner_watcher.knowledge.outbound import FAILED, Failure, failures, is_of_a_vpc
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Occasion, Phase, Rule, Step, at_most, weight
from apprunner_watcher.snapshot import Snapshot

_IN_THE_WAY = frozenset({"public-access", "security-group-ingress"})


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a dependency that only its VPC leads to, and DEFAULT egress, in an application that cannot do without it."""
    confidence = weight(snapshot)
    if snapshot.configuration.egress_type != "DEFAULT" or not confidence:
        return None
    failed = failures(matches.application("failed"))
    if snapshot.is_live:
        failed = tuple(one for one in failed if not one.match.line.is_passing)
    blocked = [one for one, _ in blocked_dependencies(snapshot, _IN_THE_WAY)]
    proof = proved(snapshot, blocked, failed, confidence) or _told(snapshot, failed, confidence)
    if not proof:
        return None
    block = proof.check.blocked_by if proof.check else None
    values = {
        "dependency": proof.about or "its database",
        "is_open": "yes" if block and block.kind == "security-group-ingress" else "",
    }
    if block and block.vpc_id:
        values["vpc_id"] = block.vpc_id
    egress = Evidence.setting("EgressType", snapshot.configuration.egress_type)
    return Finding(proof.confidence, (*proof.evidence, egress), values)


def _told(snapshot: Snapshot, failed: Sequence[Failure], confidence: Confidence) -> Proof | None:
    """The application names a private place, or one that may be; AWS says nothing of it."""
    reached = {
        one.about.host
        for one in checks(snapshot)
        if one.result == "ok" and isinstance(one.about, Dependency) and one.about.resource
    }
    for one in failed:
        if reached.intersection(one.hosts):
            continue
        # an address that refuses has been reached: it is near
        if any(map(is_of_a_vpc, one.hosts)) or (one.private_address and one.is_unanswered):
            return Proof(at_most(Confidence.LIKELY, confidence), None, one)
    unnamed = [one for one in failed if not one.place and one.is_plain and not one.match.line.is_passing]
    if snapshot.is_live or fallback(snapshot, failed):
        return None
    if unnamed and (only := _only_dependency(snapshot)) and only not in reached:
        return Proof(at_most(Confidence.LIKELY, confidence), None, unnamed[0])
    return None


def _only_dependency(snapshot: Snapshot) -> str:
    """The host of a database of AWS, where the environment names no other dependency."""
    hosts = {one.host for one in dependencies(snapshot) if one.protocol != "http"}
    host = hosts.pop() if len(hosts) == 1 else ""
    return host if is_of_a_vpc(host) else ""


RULE = Rule(
    id="egress-no-connector",
    code="egress-no-connector",
    title="Without a VPC connector the service cannot reach {dependency}",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "dependencies", "network", "operations", "service_log"}),
    why=(
        "With DEFAULT egress the service comes from public addresses of App Runner that change, and from outside of"
        " every VPC. A private database or cache does not exist for it, and a security group that admits only private"
        " addresses drops what it sends."
    ),
    fix=(
        Step(
            "Find private subnets of the VPC that the dependency is in, in two zones.",
            "aws ec2 describe-subnets --filters Name=vpc-id,Values={vpc_id}"
            " --query 'Subnets[].[SubnetId,AvailabilityZone,MapPublicIpOnLaunch]' --output table",
        ),
        Step(
            "Make a VPC connector in private subnets of the dependency's VPC, and give the service VPC egress with it."
        ),
        Step("Admit the connector's security group in the dependency's security group on its port."),
        Step(
            "Add a NAT gateway for the subnets if the application needs the internet as well: with VPC egress all of"
            " its traffic goes through the VPC."
        ),
        Step(
            "Open the security group to every address only for a test: App Runner has no fixed addresses to admit.",
            when="is_open",
        ),
    ),
    false_alarms="A dependency that is named in the environment and not needed at start fails later, or never.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/network-vpc.html",
    rollback="does-not-help",
    check=check,
    application_patterns={"failed": FAILED},
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
)
