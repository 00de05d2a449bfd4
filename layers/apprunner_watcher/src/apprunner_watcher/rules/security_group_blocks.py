"""A security group or network ACL between the service and a dependency refuses the port."""

import re
from collections.abc import Mapping, Sequence

from apprunner_watcher.dependency import Dependency
from apprunner_watcher.reachability import Block, Check
from apprunner_watcher.rule import NETWORK, Confidence, Evidence, Finding, Match, Matches, Phase, Rule, Step, weight
from apprunner_watcher.snapshot import Snapshot

_BLOCKERS = {
    "security-group-ingress": "Security group",
    "security-group-egress": "Security group",
    "network-acl": "Network ACL",
}


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a dependency whose way is blocked, in an application that never serves."""
    if snapshot.configuration.egress_type != "VPC":
        return None  # no rule of a group can admit App Runner's own addresses for good: what is missing is a connector
    blocked = [(one, one.blocked_by) for one in snapshot.checks if one.blocked_by and one.blocked_by.kind in _BLOCKERS]
    blocked = [(one, by) for one, by in blocked if isinstance(one.about, Dependency)]
    if not blocked or not weight(snapshot):
        return None
    late = matches.application("timed out")
    named = next(((one, by, match) for one, by in blocked if (match := _naming(one.about, late))), None)
    if named:
        found, by, match = named
        return _finding(Confidence.CERTAIN, found, by, (Evidence.of(match.line),))
    found, by = blocked[0]
    if late:
        return _finding(Confidence.LIKELY, found, by, (Evidence.of(late[0].line),))
    is_silent = not snapshot.application_log.failing
    return _finding(Confidence.LIKELY if is_silent else Confidence.POSSIBLE, found, by, ())


def _naming(about: Dependency | str, late: Sequence[Match]) -> Match | None:
    """A line that says that the connection to this dependency timed out, by its name or its port."""
    if not isinstance(about, Dependency):
        return None
    port = re.compile(rf"[:\s]{about.port}\b") if about.port else None
    return next(
        (one for one in late if about.host in one.line.text or (port and port.search(one.line.text))),
        None,
    )


def _finding(confidence: Confidence, found: Check, by: Block, lines: tuple[Evidence, ...]) -> Finding:
    network = Evidence(NETWORK, found.because)
    return Finding(confidence, (*lines, network), {**_values(by), "dependency": str(found.about)})


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
    looks_at=frozenset({"application_log", "configuration", "dependencies", "network", "service_log"}),
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
    application_patterns={
        "timed out": re.compile(
            r"\b(?:ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT|ConnectTimeoutError|ConnectTimeout)\b|[Tt]imed out|[Tt]imeout expired|i/o timeout"
            r"|context deadline exceeded|Communications link failure|Can't reach database server at|ServerSelectionTimeoutError"
            r"|connection timeout|Timeout acquiring a connection|server selection timeout"
        ),
    },
)
