"""Here you find the way to the internet and the way in from it, and what makes a subnet public."""

from dataclasses import replace

from apprunner_watcher.dependency import Resource
from apprunner_watcher.missing import Missing
from apprunner_watcher.network import ANYWHERE, Addresses, InternetGateway, Peer, RouteTable, Subnet, addresses
from apprunner_watcher.reachability.admission import NAT_ANSWERS, acl_of_receiver, acl_of_sender, admission, egress_hop
from apprunner_watcher.reachability.check import (
    HTTPS,
    Block,
    Check,
    Hop,
    Way,
    checked,
    cidr_of,
    from_one,
    listed,
    not_known,
    tcp,
)
from apprunner_watcher.reachability.connector import connector_hop
from apprunner_watcher.reachability.routes import Chosen, choose_route, not_followed
from apprunner_watcher.reachability.view import View, from_all


def way_out(view: View, source: Subnet, port: int | None, to: Addresses = ANYWHERE, name: str = "the internet") -> Way:
    """From a subnet of the connector to a public address: through a NAT gateway, for it has no public one itself."""
    return (
        egress_hop(view, port, Peer(to), name),
        *acl_of_sender(view, source, to, port),
        *_routed_out(view, source, port, to, name),
    )


def _routed_out(view: View, source: Subnet, port: int | None, to: Addresses, name: str) -> Way:
    found = choose_route(view, view.table(source), to, name)
    if isinstance(found, Hop):
        return (found,)
    target, block = found.route.target, _gateway_block(found)
    if target.startswith("nat-"):
        return (Hop("ok", str(found)), *_translated(view, source, target, port, to))
    if target.startswith("igw-"):
        says = f"{found}: {source.id} is a public subnet, and the connector has no public address in it"
        return (Hop("blocked", says, block),)
    if target.startswith(("pcx-", "local")):
        return (Hop("blocked", f"{found}, which does not lead to the internet", block),)
    return (not_followed(found),)


def _translated(view: View, source: Subnet, nat_id: str, port: int | None, to: Addresses) -> Way:
    nat = view.nat_gateway(nat_id)
    if isinstance(nat, Missing):
        return (not_known(nat),)
    block = Block(kind="gateway", id=nat.id, vpc_id=nat.vpc_id)
    if nat.state == "pending":
        return (Hop("unknown", f"NAT gateway {nat.id} is being made"),)
    if nat.state != "available":
        return (Hop("blocked", f"NAT gateway {nat.id} is {nat.state or 'in no state'}", block),)
    where = Subnet(nat.subnet_id, nat.vpc_id, "")
    inner = () if nat.subnet_id == source.id else acl_of_receiver(view, where, addresses(source.cidr), port)
    outer = acl_of_sender(view, where, to, port, NAT_ANSWERS)
    led = to_internet_gateway(view, view.table(where), to, f"NAT gateway {nat.id} in {nat.subnet_id}")
    if led.result == "ok" and not nat.is_public:
        led = Hop("blocked", f"NAT gateway {nat.id} is private: it has no public address", block)
    return (*inner, *outer, led)


def to_internet_gateway(view: View, table: RouteTable | Missing, to: Addresses, who: str) -> Hop:
    """What makes a subnet public: a route to an internet gateway that is attached."""
    found = choose_route(view, table, to, "the internet")
    if isinstance(found, Hop):
        return replace(found, says=f"{who} has no way out: {found.says}") if found.result == "blocked" else found
    target, block = found.route.target, _gateway_block(found)
    if target.startswith(("nat-", "pcx-", "local")):
        return Hop("blocked", f"{who} is in no public subnet: {found}", block)
    if not target.startswith("igw-"):
        return not_followed(found)
    # an active route says that the gateway is attached; gateways that were read may contradict
    gateway = view.internet_gateway(target)
    if isinstance(gateway, InternetGateway) and found.table.vpc_id not in gateway.vpc_ids:
        return Hop("blocked", f"{target} is not attached to {found.table.vpc_id}", block)
    return Hop("ok", f"{who} leads out: {found}")


def _gateway_block(found: Chosen) -> Block:
    return Block(kind="gateway", id=found.route.target, route_table_id=found.table.id, vpc_id=found.table.vpc_id)


def reaches_internet(view: View) -> Check:
    """Whether the connector reaches public addresses, on tcp 443."""
    way = from_all(view, lambda source: way_out(view, source, HTTPS))
    return checked("the service reaches the internet", "internet", (connector_hop(view.connector), *way))


def public_entry(view: View, name: str, resource: Resource, port: int | None) -> Way:
    """From a public address that is not known to a public database: its security groups, then its subnets."""
    subnets = [view.subnet(one) for one in resource.subnet_ids]
    ways: list[Way] = [_way_in(view, name, one, port) for one in subnets]
    nowhere: Way = (Hop("unknown", f"AWS does not say in which subnets {name} is"),)
    return (*(from_one(ways) if ways else nowhere), _ingress_from_public(view, name, resource, port))


def _way_in(view: View, name: str, subnet: Subnet | Missing, port: int | None) -> Way:
    if isinstance(subnet, Missing):
        return (not_known(subnet),)
    led = to_internet_gateway(view, view.table(subnet), ANYWHERE, f"{name} in {subnet.id}")
    return (led, *acl_of_receiver(view, subnet, ANYWHERE, port, NAT_ANSWERS))


def _ingress_from_public(view: View, name: str, resource: Resource, port: int | None) -> Hop:
    ids = resource.security_group_ids
    found = admission(view, ids, "ingress", port, Peer(ANYWHERE))
    if found.result == "ok":
        return Hop("ok", f"{found.group_id} admits every address on {tcp(port)}")
    if found.result == "unknown":
        says = f"the public address that the service comes from is not known, and {found.why}"
        return Hop("unknown", f"whether the security groups of {name} admit it is not known: {says}")
    block = Block(
        kind="security-group-ingress",
        id=ids[0],
        group_id=ids[0],
        protocol="tcp",
        port=port,
        cidr=cidr_of(ANYWHERE),
        direction="ingress",
        vpc_id=resource.vpc_id,
    )
    return Hop("blocked", f"{listed(ids)} of {name} admits no public address on {tcp(port)}", block)
