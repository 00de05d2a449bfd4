"""Here you find who is let through: security groups, which are stateful, and network ACLs, which are not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from apprunner_watcher.missing import Missing
from apprunner_watcher.network import Addresses, Peer, Permission, Ports, Subnet, admits, let_through
from apprunner_watcher.reachability.check import Block, Hop, Result, Way, cidr_of, listed, tcp
from apprunner_watcher.reachability.view import View

# Linux's own choice of ports that answers come to, and a NAT gateway's
# https://docs.aws.amazon.com/vpc/latest/userguide/custom-network-acl.html#nacl-ephemeral-ports
ANSWERS = range(32768, 61000)


NAT_ANSWERS = range(1024, 65536)


def egress_hop(view: View, port: int | None, peer: Peer, to: str) -> Hop:
    """The connector's security groups on the way out: one that admits it is enough."""
    ids = view.connector.security_group_ids
    found = admission(view, ids, "egress", port, peer)
    if found.result == "ok":
        return Hop("ok", f"{found.group_id} of the connector lets it out to {to} on {tcp(port)}")
    if found.result == "unknown":
        return Hop("unknown", f"whether the connector's security groups let it out is not known: {found.why}")
    block = Block(
        kind="security-group-egress",
        id=ids[0],
        group_id=ids[0],
        source_group_id=ids[0],
        protocol="tcp",
        port=port,
        cidr=cidr_of(peer.addresses),
        direction="egress",
    )
    return Hop("blocked", f"{listed(ids)} of the connector lets nothing out to {to} on {tcp(port)}", block)


def ingress_hop(view: View, group_ids: Sequence[str], port: int | None, peer: Peer, owner: str) -> Hop:
    """The destination's security groups, for a packet of the connector."""
    found = admission(view, group_ids, "ingress", port, peer)
    sender = view.connector.security_group_ids
    if found.result == "ok":
        return Hop("ok", f"{found.group_id} admits {_admitted(found.rule, peer)} on {tcp(port)}")
    if found.result == "unknown" or not sender:
        why = found.why or "App Runner names no security group of the connector"
        return Hop("unknown", f"whether the security groups of {owner} admit the connector is not known: {why}")
    block = Block(
        kind="security-group-ingress",
        id=group_ids[0],
        group_id=group_ids[0],
        source_group_id=sender[0],
        protocol="tcp",
        port=port,
        cidr=cidr_of(peer.addresses),
        direction="ingress",
    )
    whom = f"the connector's security group {listed(sender)}"
    return Hop("blocked", f"{listed(group_ids)} of {owner} does not admit {whom} on {tcp(port)}", block)


def _admitted(rule: Permission | None, peer: Peer) -> str:
    if rule and (groups := [one for one in rule.group_ids if one in peer.group_ids]):
        return f"the connector's security group {groups[0]}"
    if rule:
        return f"the connector's addresses (by {listed((*rule.cidrs, *rule.prefix_list_ids))})"
    return "the connector"


@dataclass(frozen=True, slots=True)
class _Admission:
    result: Result
    group_id: str = ""
    rule: Permission | None = None
    why: str = ""


def admission(
    view: View, group_ids: Sequence[str], direction: Literal["ingress", "egress"], port: int | None, peer: Peer
) -> _Admission:
    """What security groups say together: a packet passes that a rule of one of them admits."""
    if not group_ids:
        return _Admission("unknown", why="AWS names none")
    doubts: list[str] = []
    by_address: _Admission | None = None
    for group_id in group_ids:
        group = view.group(group_id)
        if isinstance(group, Missing):
            doubts.append(f"{group.what} could not be read: {group.why}")
            continue
        for rule in group.ingress if direction == "ingress" else group.egress:
            covers = admits(rule, port, peer, view.lists)
            if covers == "all" and peer.group_ids.intersection(rule.group_ids):
                return _Admission("ok", group_id, rule)
            if covers == "all":
                by_address = by_address or _Admission("ok", group_id, rule)
            elif covers == "part":
                doubts.append(f"{group_id} has a rule for {_of_rule(rule)}")
    return by_address or (_Admission("unknown", why="; ".join(doubts)) if doubts else _Admission("blocked"))


def _of_rule(rule: Permission) -> str:
    return f"{listed((*rule.cidrs, *rule.prefix_list_ids, *rule.group_ids))}, which may be another address or port"


def _acl(view: View, subnet: Subnet, far: Addresses, direction: Literal["ingress", "egress"], ports: Ports) -> Hop:
    acl = view.acl(subnet)
    if isinstance(acl, Missing):
        return Hop("ok", f"{acl.what} could not be read", caveat="network ACLs could not be read")
    is_one = len(ports) == 1
    traffic = f"tcp {ports.start}" if is_one else f"answers to tcp {ports.start}-{ports.stop - 1}"
    way = "into" if direction == "ingress" else "out of"
    where = f"{way} {subnet.id}, {'from' if direction == 'ingress' else 'to'} {cidr_of(far) or 'addresses not known'}"
    covers = let_through(acl, direction, far, ports)
    if covers == "all":
        return Hop("ok", f"network ACL {acl.id} lets {traffic} {where}")
    if covers == "part":
        return Hop("unknown", f"network ACL {acl.id} lets only some of {traffic} {where}")
    block = Block(
        kind="network-acl",
        id=acl.id,
        protocol="tcp",
        port=ports.start if is_one else None,
        cidr=cidr_of(far),
        direction=direction,
        vpc_id=subnet.vpc_id,
    )
    return Hop("blocked", f"network ACL {acl.id} denies {traffic} {where}", block)


def acl_of_sender(view: View, subnet: Subnet, far: Addresses, port: int | None, answers: Ports = ANSWERS) -> Way:
    """The packet out, and its answer in: network ACLs are stateless."""
    out = (_acl(view, subnet, far, "egress", range(port, port + 1)),) if port is not None else ()
    return (*out, _acl(view, subnet, far, "ingress", answers))


def acl_of_receiver(view: View, subnet: Subnet, far: Addresses, port: int | None, answers: Ports = ANSWERS) -> Way:
    """The packet in, and its answer out."""
    into = (_acl(view, subnet, far, "ingress", range(port, port + 1)),) if port is not None else ()
    return (*into, _acl(view, subnet, far, "egress", answers))
