"""A database or cache admits connections from any address, or is publicly accessible."""

from collections.abc import Iterator, Mapping

from apprunner_watcher.dependency import Dependency
from apprunner_watcher.missing import seen
from apprunner_watcher.network import Permission, SecurityGroup
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Occasion, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

_EVERYBODY = frozenset({"0.0.0.0/0", "::/0"})


def check(snapshot: Snapshot, _matches: Matches) -> Finding | None:
    """Find rules of security groups that admit everybody to a dependency's port, and public databases."""
    evidence: list[Evidence] = []
    values: dict[str, str] = {}
    for dependency in snapshot.dependencies:
        for seen_as, facts in _openings(dependency, snapshot):
            evidence.append(seen_as)
            values = {**facts, **values}  # the commands are for the first opening of its kind
    if not evidence:
        return None
    names = dict.fromkeys(str(one) for one in snapshot.dependencies if any(str(one) in each.saw for each in evidence))
    return Finding(Confidence.CERTAIN, tuple(evidence), {"dependencies": " and ".join(names), **values})


def _openings(dependency: Dependency, snapshot: Snapshot) -> Iterator[tuple[Evidence, Mapping[str, str]]]:
    resource = dependency.resource
    if resource is None:
        return
    found = seen(resource)
    port = dependency.port or found.port
    if found.is_public:
        evidence = Evidence(f"{found.kind} {found.id}", f"PubliclyAccessible: true ({dependency})")
        yield evidence, {"database": found.id}
    if not found.security_group_ids:
        return
    for group in seen(snapshot.network.security_groups):
        if group.id in found.security_group_ids:
            yield from _rules_for_everybody(group, port, str(dependency))


def _rules_for_everybody(
    group: SecurityGroup, port: int | None, name: str
) -> Iterator[tuple[Evidence, Mapping[str, str]]]:
    for permission in group.ingress:
        for cidr in _EVERYBODY.intersection(permission.cidrs):
            if _is_for(permission, port):
                what = (
                    "every protocol" if permission.protocol == "-1" else f"{permission.protocol} {_ports(permission)}"
                )
                evidence = Evidence(f"security group {group.id}", f"admits {what} from {cidr} ({name})")
                yield evidence, _command_values(group, permission, cidr)


def _is_for(permission: Permission, port: int | None) -> bool:
    if permission.protocol not in {"tcp", "6", "-1"}:
        return False
    first, last = permission.from_port, permission.to_port
    return port is None or first is None or last is None or first <= port <= last


def _ports(permission: Permission) -> str:
    if permission.from_port is None:
        return "all ports"
    same = permission.from_port == permission.to_port
    return str(permission.from_port) if same else f"{permission.from_port}-{permission.to_port}"


def _command_values(group: SecurityGroup, permission: Permission, cidr: str) -> Mapping[str, str]:
    is_all = permission.protocol == "-1"
    ports = (
        []
        if is_all or permission.from_port is None
        else [f"FromPort={permission.from_port}", f"ToPort={permission.to_port}"]
    )
    ranges = f"Ipv6Ranges=[{{CidrIpv6={cidr}}}]" if ":" in cidr else f"IpRanges=[{{CidrIp={cidr}}}]"
    return {
        "group_id": group.id,
        "permission": ",".join([f"IpProtocol={permission.protocol}", *ports, ranges]),
    }


RULE = Rule(
    id="dependency-open-to-world",
    code="dependency-open-to-world",
    title="{dependencies} can be reached from any address",
    phase=Phase.START,
    looks_at=frozenset({"dependencies", "network"}),
    why=(
        "A database or cache that admits every address is guarded by its password alone. App Runner needs no such rule:"
        " through a VPC connector it comes with the connector's security group."
    ),
    fix=(
        Step(
            "Remove the rule, once nobody outside of the VPC needs it any more.",
            'aws ec2 revoke-security-group-ingress --group-id {group_id} --ip-permissions "{permission}"',
        ),
        Step(
            "Make the database private.",
            "aws rds modify-db-instance --db-instance-identifier {database} --no-publicly-accessible --apply-immediately",
        ),
    ),
    false_alarms="A rule for everybody does little where the resource is private and its subnets have no way in from outside.",
    docs="https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html",
    rollback="does-not-help",
    check=check,
    is_remark=True,
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
)
