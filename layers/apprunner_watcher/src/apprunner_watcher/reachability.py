"""Here you find whether packets get from the service to what it depends on, hop by hop: ok, blocked, or not known.

A way is: the connector's security groups; the source subnet's network ACL; its route table, and over a peering the way
back; the destination subnet's network ACL; the destination's security groups and port. What decides between many ways:

- App Runner spreads instances over all subnets of the connector: what is reached from some of them only is `blocked`,
  and the check says from which. A resource is in one of its subnets: `blocked` where it would be in every one of them,
  `unknown` where it would be in some.
- Nothing is `blocked` because of something that is Missing. One thing that is Missing does not stand in the way of `ok`
  either: a network ACL, since the one that VPCs come with admits everything; the path says so. Inside one VPC the
  `local` route always exists, so that its route tables are not needed.
- Routes over transit and virtual private gateways, and through appliances, are `unknown`: those are not read.

What App Runner does itself is no matter of the customer's VPC: pulling images, pushing logs, retrieving secrets. "The
traffic that these actions generate isn't routed through your VPC." So there are no checks of ECR, logs and secrets
unless the application itself needs those APIs. Whether TLS or a password is demanded is no matter of the network.
https://docs.aws.amazon.com/apprunner/latest/dg/network-vpc.html
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Literal, TypeVar

from apprunner_watcher.dependency import Dependency, Resource
from apprunner_watcher.missing import Missing
from apprunner_watcher.network import (
    ANYWHERE,
    Addresses,
    InternetGateway,
    NatGateway,
    Network,
    NetworkAcl,
    Peer,
    Peering,
    Permission,
    Ports,
    PrefixList,
    Route,
    RouteTable,
    SecurityGroup,
    Subnet,
    Vpc,
    VpcConnector,
    VpcEndpoint,
    addresses,
    admits,
    let_through,
    look_up,
    network_acl_of,
    route_table_of,
    subnet_of,
)

Result = Literal["ok", "blocked", "unknown"]

BlockKind = Literal[
    "connector",  # it is not active
    "connector-subnets",  # they have no free addresses
    "dns",
    "security-group-egress",
    "security-group-ingress",
    "network-acl",
    "route",
    "gateway",  # an internet or NAT gateway that does not lead out
    "peering",
    "public-access",  # private, and the service has no connector
    "endpoint",  # an AWS API without a VPC endpoint, and without the internet
    "localhost",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """What is in the way, with the values that a command against it needs; empty where they do not apply.

    `id` is of the thing that blocks: a connector, security group, network ACL, route table, gateway, peering, endpoint,
    VPC (dns) or resource (public-access). `subnet_ids` are those of the connector from which it fails.
    """

    kind: BlockKind
    id: str = ""
    group_id: str = ""  # the security group that needs another rule
    source_group_id: str = ""  # the connector's security group, which it should admit
    protocol: str = ""
    port: int | None = None
    cidr: str = ""  # the block that a rule, entry or route should be for
    direction: Literal["ingress", "egress", ""] = ""
    subnet_ids: tuple[str, ...] = ()
    route_table_id: str = ""
    vpc_id: str = ""
    service: str = ""  # the AWS API, as endpoint services are named: s3, bedrock-runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question about the network, answered. `because` is a sentence without its full stop.

    `path`: the hops in order, each with its ids, to where it ends or is stopped.
    `about`: the dependency, or the name of the AWS API; empty for the internet and for the connector itself.
    """

    what: str
    result: Result
    because: str
    topic: Literal["connector", "subnets", "dns", "dependency", "api", "internet"]
    path: tuple[str, ...] = ()
    blocked_by: Block | None = None
    about: Dependency | str = ""


def checks(
    egress_is_vpc: bool,  # noqa: FBT001  # it is what App Runner calls EgressType, VPC or DEFAULT
    network: Network,
    dependencies: tuple[Dependency, ...],
    apis: tuple[str, ...] = (),
) -> tuple[Check, ...]:
    """Everything that can be said of the network.

    `apis`: the AWS APIs that the application calls, as endpoint services are named (s3, bedrock-runtime).
    """
    if not egress_is_vpc:
        return _without_vpc(network, dependencies, apis)
    connector = network.connector or Missing("VPC connector", "the configuration names none")
    if isinstance(connector, Missing):
        return _without_connector(connector, dependencies, apis)
    view = _View(network, connector)
    return (
        _connector_is_active(connector),
        _subnets_have_addresses(view),
        _names_resolve(view),
        *(check for one in dependencies if (check := _shares_subnets(view, one))),
        *(_reaches_dependency(view, one) for one in dependencies),
        *(_reaches_api(view, one) for one in apis),
        _reaches_internet(view),
    )


# --- What is known ----------------------------------------------------------------------------------------------------

_T = TypeVar("_T")
_HTTPS = 443
# Linux's own choice of ports that answers come to, and a NAT gateway's
# https://docs.aws.amazon.com/vpc/latest/userguide/custom-network-acl.html#nacl-ephemeral-ports
_ANSWERS = range(32768, 61000)
_NAT_ANSWERS = range(1024, 65536)


@dataclass(frozen=True, slots=True)
class _Hop:
    """A step of a way: what it says stands in the path, and decides where it is the worst of its way."""

    result: Result
    says: str
    block: Block | None = None
    caveat: str = ""  # what could not be looked at and is taken for granted


_Way = tuple[_Hop, ...]


def _unknown(missing: Missing) -> _Hop:
    return _Hop("unknown", f"{missing.what} could not be read: {missing.why}")


def _decisive(way: _Way) -> _Hop:
    """The first hop that blocks, else the first that is not known, else the last."""
    for result in ("blocked", "unknown"):
        if found := next((hop for hop in way if hop.result == result), None):
            return found
    return way[-1]


def _find(what: str, among: tuple[_T, ...] | Missing, fits: Callable[[_T], bool]) -> _T | Missing:
    if isinstance(among, Missing):
        return among
    return next((one for one in among if fits(one)), None) or Missing(what, "EC2 does not show it in this account")


@dataclass(frozen=True, slots=True)
class _View:
    """The network, asked for one thing at a time; what is not in a table that was read is Missing as well."""

    network: Network
    connector: VpcConnector

    @property
    def sources(self) -> tuple[Subnet | Missing, ...]:
        """The connector's subnets."""
        return tuple(self.subnet(one) for one in self.connector.subnet_ids)

    @property
    def home(self) -> str:
        """The connector's VPC; empty where it is not known."""
        return next((one.vpc_id for one in self.sources if isinstance(one, Subnet)), "")

    @property
    def lists(self) -> dict[str, PrefixList]:
        lists = self.network.prefix_lists
        return {} if isinstance(lists, Missing) else {one.id: one for one in lists}

    def subnet(self, subnet_id: str) -> Subnet | Missing:
        subnets = self.network.subnets
        if isinstance(subnets, Missing):
            return subnets
        return subnet_of(subnets, subnet_id) or Missing(subnet_id, "EC2 does not show it in this account")

    def group(self, group_id: str) -> SecurityGroup | Missing:
        return _find(group_id, self.network.security_groups, lambda one: one.id == group_id)

    def table(self, subnet: Subnet) -> RouteTable | Missing:
        tables = self.network.route_tables
        if isinstance(tables, Missing):
            return tables
        return route_table_of(tables, subnet) or Missing(f"the route table of {subnet.id}", "EC2 does not show it")

    def acl(self, subnet: Subnet) -> NetworkAcl | Missing:
        acls = self.network.network_acls
        if isinstance(acls, Missing):
            return acls
        return network_acl_of(acls, subnet) or Missing(f"the network ACL of {subnet.id}", "EC2 does not show it")

    def nat_gateway(self, nat_id: str) -> NatGateway | Missing:
        return _find(nat_id, self.network.nat_gateways, lambda one: one.id == nat_id)

    def internet_gateway(self, gateway_id: str) -> InternetGateway | Missing:
        return _find(gateway_id, self.network.internet_gateways, lambda one: one.id == gateway_id)

    def peering(self, peering_id: str) -> Peering | Missing:
        return _find(peering_id, self.network.peerings, lambda one: one.id == peering_id)

    def vpc(self, vpc_id: str) -> Vpc | Missing:
        return _find(vpc_id, self.network.vpcs, lambda one: one.id == vpc_id)


# --- The connector itself ---------------------------------------------------------------------------------------------


def _connector_is_active(connector: VpcConnector) -> Check:
    hop = _connector_hop(connector)
    return _check(f"connector {connector.name} is active", "connector", (hop,))


def _connector_hop(connector: VpcConnector) -> _Hop:
    """https://docs.aws.amazon.com/apprunner/latest/api/API_VpcConnector.html: an inactive one was deleted."""
    if connector.status == "ACTIVE":
        return _Hop("ok", f"connector {connector.name} is ACTIVE")
    if connector.status == "INACTIVE":
        block = Block(kind="connector", id=connector.arn)
        return _Hop("blocked", f"connector {connector.name} is INACTIVE: it was deleted and carries nothing", block)
    return _Hop("unknown", f"connector {connector.name} has the status {connector.status or '(none)'}")


def _subnets_have_addresses(view: _View) -> Check:
    exhausted = tuple(one.id for one in view.sources if isinstance(one, Subnet) and one.free_addresses == 0)
    hops = tuple(_addresses_hop(one, exhausted) for one in view.sources)
    what = "the connector's subnets have free addresses"
    return _check(what, "connector", hops or (_Hop("unknown", "App Runner names no subnets of the connector"),))


def _addresses_hop(subnet: Subnet | Missing, exhausted: tuple[str, ...]) -> _Hop:
    if isinstance(subnet, Missing):
        return _unknown(subnet)
    if subnet.free_addresses is None:
        return _Hop("unknown", f"EC2 does not say how many addresses are free in {subnet.id}")
    if subnet.free_addresses:
        return _Hop("ok", f"{subnet.id} has {subnet.free_addresses} free addresses")
    block = Block(kind="connector-subnets", id=subnet.id, subnet_ids=exhausted, vpc_id=subnet.vpc_id)
    return _Hop("blocked", f"{subnet.id} ({subnet.cidr}) has no free addresses", block)


def _names_resolve(view: _View) -> Check:
    vpc = view.vpc(view.home)
    if isinstance(vpc, Missing):
        missing = Missing(vpc.what or "the connector's VPC", vpc.why)
        return _check("names resolve in the connector's VPC", "dns", (_unknown(missing),))
    return _check(f"names resolve in {vpc.id}", "dns", (_dns_hop(vpc),))


def _dns_hop(vpc: Vpc) -> _Hop:
    """https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html: on in VPCs, unless turned off."""
    if vpc.dns_support is None:
        return _Hop("unknown", f"EC2 does not say whether {vpc.id} has DNS support")
    if vpc.dns_support:
        return _Hop("ok", f"{vpc.id} has DNS support")
    block = Block(kind="dns", id=vpc.id, vpc_id=vpc.id)
    return _Hop("blocked", f"{vpc.id} has DNS support turned off, so names do not resolve in it", block)


def _dns_way(view: _View, vpc_id: str) -> _Way:
    """The hop of the name, where it cannot be passed; DNS that was not read is taken for granted."""
    vpc = view.vpc(vpc_id)
    if isinstance(vpc, Missing) or vpc.dns_support is not False:
        return ()
    return (_dns_hop(vpc),)


def _shares_subnets(view: _View, dependency: Dependency) -> Check | None:
    """Where a dependency is, seen from the connector: shared subnets, or the local route of one VPC."""
    resource = dependency.resource
    if not isinstance(resource, Resource) or not view.home or resource.vpc_id != view.home:
        return None
    shared = [one for one in view.connector.subnet_ids if one in resource.subnet_ids]
    says = (
        f"{_name(dependency)} may be in the connector's own subnets {_listed(shared)}"
        if shared
        else f"no subnet is shared, but both are in {view.home}, whose local route joins its subnets"
    )
    hop = _Hop("ok", says)
    return _check(f"subnets shared with {_name(dependency, port=False)}", "subnets", (hop,), about=dependency)


# --- Security groups and network ACLs ---------------------------------------------------------------------------------


def _egress(view: _View, port: int | None, peer: Peer, to: str) -> _Hop:
    """The connector's security groups on the way out: one that admits it is enough."""
    ids = view.connector.security_group_ids
    found = _admission(view, ids, "egress", port, peer)
    if found.result == "ok":
        return _Hop("ok", f"{found.group_id} of the connector lets it out to {to} on {_tcp(port)}")
    if found.result == "unknown":
        return _Hop("unknown", f"whether the connector's security groups let it out is not known: {found.why}")
    block = Block(
        kind="security-group-egress",
        id=ids[0],
        group_id=ids[0],
        source_group_id=ids[0],
        protocol="tcp",
        port=port,
        cidr=_cidr(peer.addresses),
        direction="egress",
    )
    return _Hop("blocked", f"{_listed(ids)} of the connector lets nothing out to {to} on {_tcp(port)}", block)


def _ingress(view: _View, group_ids: Sequence[str], port: int | None, peer: Peer, owner: str) -> _Hop:
    """The destination's security groups, for a packet of the connector."""
    found = _admission(view, group_ids, "ingress", port, peer)
    sender = view.connector.security_group_ids
    if found.result == "ok":
        return _Hop("ok", f"{found.group_id} admits {_admitted(found.rule, peer)} on {_tcp(port)}")
    if found.result == "unknown" or not sender:
        why = found.why or "App Runner names no security group of the connector"
        return _Hop("unknown", f"whether the security groups of {owner} admit the connector is not known: {why}")
    block = Block(
        kind="security-group-ingress",
        id=group_ids[0],
        group_id=group_ids[0],
        source_group_id=sender[0],
        protocol="tcp",
        port=port,
        cidr=_cidr(peer.addresses),
        direction="ingress",
    )
    whom = f"the connector's security group {_listed(sender)}"
    return _Hop("blocked", f"{_listed(group_ids)} of {owner} does not admit {whom} on {_tcp(port)}", block)


def _admitted(rule: Permission | None, peer: Peer) -> str:
    if rule and (groups := [one for one in rule.group_ids if one in peer.group_ids]):
        return f"the connector's security group {groups[0]}"
    if rule:
        return f"the connector's addresses (by {_listed((*rule.cidrs, *rule.prefix_list_ids))})"
    return "the connector"


@dataclass(frozen=True, slots=True)
class _Admission:
    result: Result
    group_id: str = ""
    rule: Permission | None = None
    why: str = ""


def _admission(
    view: _View, group_ids: Sequence[str], direction: Literal["ingress", "egress"], port: int | None, peer: Peer
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
    return f"{_listed((*rule.cidrs, *rule.prefix_list_ids, *rule.group_ids))}, which may be another address or port"


def _acl(view: _View, subnet: Subnet, far: Addresses, direction: Literal["ingress", "egress"], ports: Ports) -> _Hop:
    acl = view.acl(subnet)
    if isinstance(acl, Missing):
        return _Hop("ok", f"{acl.what} could not be read", caveat="network ACLs could not be read")
    is_one = len(ports) == 1
    traffic = f"tcp {ports.start}" if is_one else f"answers to tcp {ports.start}-{ports.stop - 1}"
    way = "into" if direction == "ingress" else "out of"
    where = f"{way} {subnet.id}, {'from' if direction == 'ingress' else 'to'} {_cidr(far) or 'addresses not known'}"
    covers = let_through(acl, direction, far, ports)
    if covers == "all":
        return _Hop("ok", f"network ACL {acl.id} lets {traffic} {where}")
    if covers == "part":
        return _Hop("unknown", f"network ACL {acl.id} lets only some of {traffic} {where}")
    block = Block(
        kind="network-acl",
        id=acl.id,
        protocol="tcp",
        port=ports.start if is_one else None,
        cidr=_cidr(far),
        direction=direction,
        vpc_id=subnet.vpc_id,
    )
    return _Hop("blocked", f"network ACL {acl.id} denies {traffic} {where}", block)


def _acl_of_sender(view: _View, subnet: Subnet, far: Addresses, port: int | None, answers: Ports = _ANSWERS) -> _Way:
    """The packet out, and its answer in: network ACLs are stateless."""
    out = (_acl(view, subnet, far, "egress", range(port, port + 1)),) if port is not None else ()
    return (*out, _acl(view, subnet, far, "ingress", answers))


def _acl_of_receiver(view: _View, subnet: Subnet, far: Addresses, port: int | None, answers: Ports = _ANSWERS) -> _Way:
    """The packet in, and its answer out."""
    into = (_acl(view, subnet, far, "ingress", range(port, port + 1)),) if port is not None else ()
    return (*into, _acl(view, subnet, far, "egress", answers))


# --- A place in a VPC -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a destination may be: one of its subnets, or somewhere in its VPC.

    `vpc_id` is empty and `group_ids` is None where they are not known.
    """

    name: str
    vpc_id: str
    subnet: Subnet | None
    addresses: Addresses
    group_ids: tuple[str, ...] | None


def _places(view: _View, name: str, vpc_id: str, subnet_ids: Iterable[str], groups: tuple[str, ...]) -> list[_Place]:
    subnets = [view.subnet(one) for one in subnet_ids]
    known = [one if isinstance(one, Subnet) else None for one in subnets] or [None]
    return [_Place(name, vpc_id, one, addresses(one.cidr) if one else None, groups) for one in known]


def _way_to(view: _View, source: Subnet, place: _Place, port: int | None) -> _Way:
    to_peer = Peer(place.addresses, frozenset(place.group_ids or ()))
    from_peer = Peer(addresses(source.cidr), frozenset(view.connector.security_group_ids))
    is_one_subnet = bool(place.subnet and place.subnet.id == source.id)  # no ACL is passed inside one
    leaving = () if is_one_subnet else _acl_of_sender(view, source, place.addresses, port)
    entering = (
        () if is_one_subnet or not place.subnet else _acl_of_receiver(view, place.subnet, addresses(source.cidr), port)
    )
    admitted = (
        _Hop("unknown", f"what guards {place.name} is not known: it is an address, and no resource was found for it")
        if place.group_ids is None
        else _ingress(view, place.group_ids, port, from_peer, place.name)
    )
    return (
        _egress(view, port, to_peer, place.name),
        *leaving,
        *_routed(view, source, place),
        *entering,
        admitted,
    )


def _routed(view: _View, source: Subnet, place: _Place) -> _Way:
    table = view.table(source)
    is_inside = place.vpc_id == source.vpc_id
    # the local route cannot be deleted: https://docs.aws.amazon.com/vpc/latest/userguide/RouteTables.html
    if is_inside and (isinstance(table, Missing) or not _shows_local(table) or place.addresses is None):
        return (_Hop("ok", f"the local route of {source.vpc_id} leads there"),)
    found = _chosen(view, table, place.addresses, place.name)
    if isinstance(found, _Hop):
        return (found,)
    if found.route.target != "local":
        return _beyond(view, source, found, place)
    if is_inside or not place.vpc_id:
        return (_Hop("ok", str(found)),)
    says = f"{place.name} is in {place.vpc_id}, and {found} keeps its addresses at home"
    return (_Hop("blocked", says, found.block(place.addresses)),)


def _shows_local(table: RouteTable) -> bool:
    return any(route.target == "local" for route in table.routes)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The route that a table has."""

    table: RouteTable
    route: Route

    def __str__(self) -> str:
        return f"{self.table.id} routes {self.route.destination} to {self.route.target}"

    def block(self, to: Addresses) -> Block:
        return _route_block(self.table, _cidr(to))


def _route_block(table: RouteTable, cidr: str) -> Block:
    return Block(kind="route", id=table.id, route_table_id=table.id, cidr=cidr, vpc_id=table.vpc_id)


def _chosen(view: _View, table: RouteTable | Missing, to: Addresses, name: str) -> _Chosen | _Hop:
    """The active route, or the hop where the way ends."""
    if isinstance(table, Missing):
        return _unknown(table)
    found = look_up(table, to, view.lists)
    if not found.is_sure:
        return _Hop("unknown", f"{table.id} has different routes to addresses that {name} may have")
    if found.route is None:
        return _Hop("blocked", f"{table.id} has no route to {name}{_in(to)}", _route_block(table, _cidr(to)))
    chosen = _Chosen(table, found.route)
    if not found.route.is_active:
        says = f"{chosen} is a black hole: {found.route.target} is gone or detached"
        return _Hop("blocked", says, _route_block(table, found.route.destination))
    return chosen


def _beyond(view: _View, source: Subnet, found: _Chosen, place: _Place) -> _Way:
    """A route that leads out of the VPC, to a private address."""
    target = found.route.target
    if target.startswith("pcx-"):
        return (_Hop("ok", str(found)), *_peered(view, source, target, place))
    if target.startswith("igw-"):
        return (_lost(found, place),)
    if target.startswith("nat-"):
        return (_Hop("ok", str(found)), _through_nat(view, target, place))
    return (_not_followed(found),)


def _lost(found: _Chosen, place: _Place) -> _Hop:
    return _Hop("blocked", f"{found}: the internet has no route to {place.name}", found.block(place.addresses))


def _not_followed(found: _Chosen) -> _Hop:
    return _Hop("unknown", f"{found}, and what is behind it is not read")


def _through_nat(view: _View, nat_id: str, place: _Place) -> _Hop:
    """A NAT gateway sends on what its own subnet's table has a route for."""
    nat = view.nat_gateway(nat_id)
    table = nat if isinstance(nat, Missing) else view.table(Subnet(nat.subnet_id, nat.vpc_id, ""))
    found = _chosen(view, table, place.addresses, place.name)
    if isinstance(found, _Hop):
        return found
    return _lost(found, place) if found.route.target.startswith("igw-") else _not_followed(found)


def _peered(view: _View, source: Subnet, peering_id: str, place: _Place) -> _Way:
    peering = view.peering(peering_id)
    if isinstance(peering, Missing):
        return (_unknown(peering),)
    block = Block(kind="peering", id=peering.id, vpc_id=place.vpc_id)
    if peering.status != "active":
        return (_Hop("blocked", f"peering {peering.id} is {peering.status or 'not active'}", block),)
    if place.vpc_id and peering.vpc_ids and place.vpc_id not in peering.vpc_ids:
        return (_Hop("blocked", f"peering {peering.id} joins {_listed(peering.vpc_ids)}, not {place.vpc_id}", block),)
    return (_Hop("ok", f"peering {peering.id} is active"), _way_back(view, source, peering.id, place))


def _way_back(view: _View, source: Subnet, peering_id: str, place: _Place) -> _Hop:
    """The answers: the destination's table must have a route to the same peering."""
    if place.subnet is None:
        return _Hop("unknown", f"the way back from {place.name} is not known: EC2 does not show its subnet")
    found = _chosen(view, view.table(place.subnet), addresses(source.cidr), "the connector, for the answers,")
    if isinstance(found, _Hop):
        return found
    if found.route.target == peering_id:
        return _Hop("ok", f"back: {found}")
    if found.route.target.startswith(("igw-", "nat-", "pcx-", "local")):
        says = f"answers do not come back over {peering_id}: {found}"
        return _Hop("blocked", says, found.block(addresses(source.cidr)))
    return _not_followed(found)


# --- The internet -----------------------------------------------------------------------------------------------------


def _way_out(
    view: _View, source: Subnet, port: int | None, to: Addresses = ANYWHERE, name: str = "the internet"
) -> _Way:
    """From a subnet of the connector to a public address: through a NAT gateway, for it has no public one itself."""
    return (
        _egress(view, port, Peer(to), name),
        *_acl_of_sender(view, source, to, port),
        *_routed_out(view, source, port, to, name),
    )


def _routed_out(view: _View, source: Subnet, port: int | None, to: Addresses, name: str) -> _Way:
    found = _chosen(view, view.table(source), to, name)
    if isinstance(found, _Hop):
        return (found,)
    target, block = found.route.target, _gateway_block(found)
    if target.startswith("nat-"):
        return (_Hop("ok", str(found)), *_translated(view, source, target, port, to))
    if target.startswith("igw-"):
        says = f"{found}: {source.id} is a public subnet, and the connector has no public address in it"
        return (_Hop("blocked", says, block),)
    if target.startswith(("pcx-", "local")):
        return (_Hop("blocked", f"{found}, which does not lead to the internet", block),)
    return (_not_followed(found),)


def _translated(view: _View, source: Subnet, nat_id: str, port: int | None, to: Addresses) -> _Way:
    nat = view.nat_gateway(nat_id)
    if isinstance(nat, Missing):
        return (_unknown(nat),)
    block = Block(kind="gateway", id=nat.id, vpc_id=nat.vpc_id)
    if nat.state == "pending":
        return (_Hop("unknown", f"NAT gateway {nat.id} is being made"),)
    if nat.state != "available":
        return (_Hop("blocked", f"NAT gateway {nat.id} is {nat.state or 'in no state'}", block),)
    where = Subnet(nat.subnet_id, nat.vpc_id, "")
    inner = () if nat.subnet_id == source.id else _acl_of_receiver(view, where, addresses(source.cidr), port)
    outer = _acl_of_sender(view, where, to, port, _NAT_ANSWERS)
    led = _to_internet_gateway(view, view.table(where), to, f"NAT gateway {nat.id} in {nat.subnet_id}")
    if led.result == "ok" and not nat.is_public:
        led = _Hop("blocked", f"NAT gateway {nat.id} is private: it has no public address", block)
    return (*inner, *outer, led)


def _to_internet_gateway(view: _View, table: RouteTable | Missing, to: Addresses, who: str) -> _Hop:
    """What makes a subnet public: a route to an internet gateway that is attached."""
    found = _chosen(view, table, to, "the internet")
    if isinstance(found, _Hop):
        return replace(found, says=f"{who} has no way out: {found.says}") if found.result == "blocked" else found
    target, block = found.route.target, _gateway_block(found)
    if target.startswith(("nat-", "pcx-", "local")):
        return _Hop("blocked", f"{who} is in no public subnet: {found}", block)
    if not target.startswith("igw-"):
        return _not_followed(found)
    # an active route says that the gateway is attached; gateways that were read may contradict
    gateway = view.internet_gateway(target)
    if isinstance(gateway, InternetGateway) and found.table.vpc_id not in gateway.vpc_ids:
        return _Hop("blocked", f"{target} is not attached to {found.table.vpc_id}", block)
    return _Hop("ok", f"{who} leads out: {found}")


def _gateway_block(found: _Chosen) -> Block:
    return Block(kind="gateway", id=found.route.target, route_table_id=found.table.id, vpc_id=found.table.vpc_id)


def _reaches_internet(view: _View) -> Check:
    way = _from_all(view, lambda source: _way_out(view, source, _HTTPS))
    return _check("the service reaches the internet", "internet", (_connector_hop(view.connector), *way))


# --- Dependencies -----------------------------------------------------------------------------------------------------

_INNER_NAMES = (".internal", ".local", ".lan", ".corp", ".intranet", ".private", ".home.arpa")
_DEFAULT_PORTS = {
    "postgres": 5432,
    "mysql": 3306,
    "sqlserver": 1433,
    "oracle": 1521,
    "redis": 6379,
    "memcached": 11211,
    "mongodb": 27017,
    "amqp": 5672,
    "kafka": 9092,
}


def _reaches_dependency(view: _View, dependency: Dependency) -> Check:
    way = _way_inside(dependency) or (_connector_hop(view.connector), *_way_to_dependency(view, dependency))
    return _check(f"connector reaches {_name(dependency)}", "dependency", way, about=dependency)


def _way_inside(dependency: Dependency) -> _Way:
    """For a host that never leaves the instance; else nothing."""
    address = _address(dependency.host)
    host = dependency.host.strip("[]").lower().rstrip(".")
    if (
        host == "localhost"
        or host.endswith(".localhost")
        or (address and (address.is_loopback or address.is_unspecified))
    ):
        block = Block(kind="localhost", port=_port(dependency))
        return (_Hop("blocked", f"{dependency.host} is the container itself, where nothing else runs", block),)
    if address and address.is_link_local:
        return (_Hop("unknown", f"{dependency.host} is App Runner's own: it does not pass through a VPC"),)
    return ()


def _way_to_dependency(view: _View, dependency: Dependency) -> _Way:
    resource, port = dependency.resource, _port(dependency)
    if isinstance(resource, Missing):
        return (_unknown(resource),)
    if isinstance(resource, Resource):
        return _way_to_resource(view, dependency, resource)
    address = _address(dependency.host)
    if isinstance(address, IPv6Address):
        return (_Hop("unknown", f"{dependency.host} is an IPv6 address: only IPv4 is looked at"),)
    if address is None and _is_inner(dependency.host):
        return (_Hop("unknown", f"{dependency.host} is a private name: what it resolves to is not known"),)
    if address and not address.is_global:
        place = _place_of(view, dependency, address)
        return _from_all(view, lambda source: _way_to(view, source, place, port))
    to = addresses(str(address)) if address else ANYWHERE
    return _from_all(view, lambda source: _way_out(view, source, port, to, _name(dependency)))


def _place_of(view: _View, dependency: Dependency, address: IPv4Address) -> _Place:
    """Where a private address is, as far as the subnets that were read show. In two VPCs it may be the same."""
    to = addresses(str(address))
    subnets = () if isinstance(view.network.subnets, Missing) else view.network.subnets
    within = [one for one in subnets if (block := addresses(one.cidr)) and to and to.subnet_of(block)]
    subnet = next((one for one in within if one.vpc_id == view.home), within[0] if len(within) == 1 else None)
    return _Place(_name(dependency), subnet.vpc_id if subnet else "", subnet, to, None)


def _way_to_resource(view: _View, dependency: Dependency, resource: Resource) -> _Way:
    port, name = _port(dependency), _name(dependency)
    if not resource.vpc_id:
        return (_Hop("unknown", f"AWS does not say in which VPC {name} is"),)
    places = _places(view, name, resource.vpc_id, resource.subnet_ids, resource.security_group_ids)
    if resource.is_public and view.home and resource.vpc_id != view.home:
        entry = _public_entry(view, name, resource, port)
        out = _from_all(view, lambda source: _way_out(view, source, port, ANYWHERE, name))
        return (
            _Hop("ok", f"{name} is public and in {resource.vpc_id}: its name resolves to a public address"),
            *out,
            *entry,
        )

    def from_source(source: Subnet) -> _Way:
        return _from_one([_way_to(view, source, place, port) for place in places])

    dns = () if _address(dependency.host) else _dns_way(view, resource.vpc_id)
    return (*dns, *(_resolved(view, resource, name)), *_from_all(view, from_source))


def _resolved(view: _View, resource: Resource, name: str) -> _Way:
    """The name of a public database gives its private address inside its VPC, which needs both DNS settings.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_VPC.WorkingWithRDSInstanceinaVPC.html
    """
    if not resource.is_public:
        return ()
    vpc = view.vpc(resource.vpc_id)
    if isinstance(vpc, Missing) or vpc.dns_hostnames is None:
        caveat = "the VPC's DNS settings could not be read"
        return (_Hop("ok", f"{name} is public; inside its VPC its name gives the private address", caveat=caveat),)
    if not vpc.dns_hostnames:
        return (
            _Hop(
                "unknown",
                f"{name} is public, and {vpc.id} has DNS host names off: its name may give the public address",
            ),
        )
    return (_Hop("ok", f"{name} is public; inside {vpc.id} its name gives the private address"),)


def _is_inner(host: str) -> bool:
    name = host.lower().rstrip(".")
    return "." not in name or name.endswith(_INNER_NAMES)


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return None


def _port(dependency: Dependency) -> int | None:
    if dependency.port:
        return dependency.port
    if isinstance(dependency.resource, Resource) and dependency.resource.port:
        return dependency.resource.port
    if dependency.protocol == "http":
        return _HTTPS
    return _DEFAULT_PORTS.get(dependency.protocol)


# --- AWS APIs ---------------------------------------------------------------------------------------------------------


def _reaches_api(view: _View, api: str) -> Check:
    way = (_connector_hop(view.connector), *_way_to_api(view, api))
    return _check(f"connector reaches the AWS API {api}", "api", way, about=api)


def _way_to_api(view: _View, api: str) -> _Way:
    """Through an endpoint of the VPC where there is one that its name resolves to, else as to the internet."""
    endpoints = view.network.endpoints
    if isinstance(endpoints, Missing):
        out = _from_all(view, lambda source: _way_out(view, source, _HTTPS, name=api))
        return out if _decisive(out).result == "ok" else (_unknown(endpoints),)
    ours = [one for one in endpoints if one.vpc_id == view.home and one.service.endswith(f".{api}")]
    interface = next((one for one in ours if one.kind == "Interface" and one.private_dns and _is_alive(one)), None)
    if interface:
        return _way_to_interface(view, interface, api)
    gateways = [one for one in ours if one.kind == "Gateway" and _is_alive(one)]
    return _from_all(view, lambda source: _way_from_source_to_api(view, source, gateways, api))


def _is_alive(endpoint: VpcEndpoint) -> bool:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_VpcEndpoint.html."""
    return endpoint.state not in {"deleting", "deleted", "failed", "rejected", "expired"}


def _way_to_interface(view: _View, endpoint: VpcEndpoint, api: str) -> _Way:
    name = f"endpoint {endpoint.id} of {api}"
    if endpoint.state != "available":
        return (_Hop("unknown", f"{name} is {endpoint.state or 'in no state'}"),)
    places = _places(view, name, endpoint.vpc_id, endpoint.subnet_ids, endpoint.security_group_ids)

    def from_source(source: Subnet) -> _Way:
        return _from_one([_way_to(view, source, place, _HTTPS) for place in places])

    return (*_dns_way(view, endpoint.vpc_id), *_from_all(view, from_source))


def _way_from_source_to_api(view: _View, source: Subnet, gateways: Sequence[VpcEndpoint], api: str) -> _Way:
    table = view.table(source)
    if isinstance(table, Missing):
        return _way_out(view, source, _HTTPS, name=api)
    for gateway in gateways:
        if table.id in gateway.route_table_ids or any(route.target == gateway.id for route in table.routes):
            return _way_through_gateway(view, source, table, gateway, api)
    out = _way_out(view, source, _HTTPS, name=api)
    hop = _decisive(out)
    if not hop.block or hop.block.kind not in {"route", "gateway"}:
        return out
    other = gateways[0].id if gateways else ""
    block = Block(kind="endpoint", id=other, service=api, vpc_id=source.vpc_id, route_table_id=table.id)
    lacks = f"{other} is not in its route table" if other else "the VPC has no endpoint of it"
    says = f"{source.id} has no way to the AWS API {api}: {lacks}, and {hop.says}"
    return tuple(_Hop("blocked", says, block) if one is hop else one for one in out)


def _way_through_gateway(view: _View, source: Subnet, table: RouteTable, gateway: VpcEndpoint, api: str) -> _Way:
    """To a service's public addresses, which a prefix list of AWS names."""
    if gateway.state != "available":
        return (_Hop("unknown", f"endpoint {gateway.id} of {api} is {gateway.state or 'in no state'}"),)
    of_routes = {route.destination for route in table.routes if route.target == gateway.id}
    of_name = {one.id for one in view.lists.values() if one.name.endswith(f".{api}")}
    return (
        _egress(view, _HTTPS, Peer(ANYWHERE, prefix_list_ids=frozenset(of_routes | of_name)), api),
        *_acl_of_sender(view, source, ANYWHERE, _HTTPS),
        _Hop("ok", f"{table.id} leads to {api} through endpoint {gateway.id}"),
    )


# --- Without a connector ----------------------------------------------------------------------------------------------


def _without_vpc(network: Network, dependencies: tuple[Dependency, ...], apis: tuple[str, ...]) -> tuple[Check, ...]:
    """DEFAULT egress: App Runner's own way to the internet, from public addresses that are not fixed."""
    view = _View(network, VpcConnector("", "", "", (), ()))
    hop = _Hop("ok", "egress is DEFAULT: App Runner's own network leads to the internet")
    return (
        *(
            _check(
                f"the service reaches {_name(one)}",
                "dependency",
                _way_inside(one) or _way_from_app_runner(view, one),
                about=one,
            )
            for one in dependencies
        ),
        *(_check(f"the service reaches the AWS API {api}", "api", (hop,), about=api) for api in apis),
        _check("the service reaches the internet", "internet", (hop,)),
    )


def _way_from_app_runner(view: _View, dependency: Dependency) -> _Way:
    resource, name = dependency.resource, _name(dependency)
    if isinstance(resource, Missing):
        return (_unknown(resource),)
    if isinstance(resource, Resource):
        return _way_from_app_runner_to(view, resource, name, _port(dependency))
    address = _address(dependency.host)
    if isinstance(address, IPv4Address) and not address.is_global:
        block = Block(kind="public-access", id=dependency.host, port=_port(dependency))
        return (_Hop("blocked", f"{dependency.host} is a private address: it needs a VPC connector", block),)
    if isinstance(address, IPv6Address):
        return (_Hop("unknown", f"{dependency.host} is an IPv6 address: only IPv4 is looked at"),)
    if address is None and _is_inner(dependency.host):
        return (_Hop("unknown", f"{dependency.host} is a private name: what it resolves to is not known"),)
    return (_Hop("ok", "egress is DEFAULT: App Runner's own network leads to the internet"),)


def _way_from_app_runner_to(view: _View, resource: Resource, name: str, port: int | None) -> _Way:
    if resource.is_public:
        return _public_entry(view, name, resource, port)
    # AWS gives ElastiCache and RDS Proxy no public addresses:
    # https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/accessing-elasticache.html
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.html#rds-proxy.limitations
    is_private = resource.is_public is False or resource.kind == "RDS proxy" or resource.kind.startswith("ElastiCache")
    if not is_private:
        return (_Hop("unknown", f"AWS does not say whether {name} is publicly accessible"),)
    block = Block(
        kind="public-access",
        id=resource.id,
        port=port,
        vpc_id=resource.vpc_id,
        subnet_ids=resource.subnet_ids,
        group_id=resource.security_group_ids[0] if resource.security_group_ids else "",
    )
    says = f"{name} is private in {resource.vpc_id}, and egress is DEFAULT: the service needs a VPC connector"
    return (_Hop("blocked", says, block),)


def _public_entry(view: _View, name: str, resource: Resource, port: int | None) -> _Way:
    """From a public address that is not known to a public database: its security groups, then its subnets."""
    subnets = [view.subnet(one) for one in resource.subnet_ids]
    ways: list[_Way] = [_way_in(view, name, one, port) for one in subnets]
    nowhere: _Way = (_Hop("unknown", f"AWS does not say in which subnets {name} is"),)
    return (*(_from_one(ways) if ways else nowhere), _ingress_from_public(view, name, resource, port))


def _way_in(view: _View, name: str, subnet: Subnet | Missing, port: int | None) -> _Way:
    if isinstance(subnet, Missing):
        return (_unknown(subnet),)
    led = _to_internet_gateway(view, view.table(subnet), ANYWHERE, f"{name} in {subnet.id}")
    return (led, *_acl_of_receiver(view, subnet, ANYWHERE, port, _NAT_ANSWERS))


def _ingress_from_public(view: _View, name: str, resource: Resource, port: int | None) -> _Hop:
    ids = resource.security_group_ids
    found = _admission(view, ids, "ingress", port, Peer(ANYWHERE))
    if found.result == "ok":
        return _Hop("ok", f"{found.group_id} admits every address on {_tcp(port)}")
    if found.result == "unknown":
        says = f"the public address that the service comes from is not known, and {found.why}"
        return _Hop("unknown", f"whether the security groups of {name} admit it is not known: {says}")
    block = Block(
        kind="security-group-ingress",
        id=ids[0],
        group_id=ids[0],
        protocol="tcp",
        port=port,
        cidr=_cidr(ANYWHERE),
        direction="ingress",
        vpc_id=resource.vpc_id,
    )
    return _Hop("blocked", f"{_listed(ids)} of {name} admits no public address on {_tcp(port)}", block)


def _without_connector(
    connector: Missing, dependencies: tuple[Dependency, ...], apis: tuple[str, ...]
) -> tuple[Check, ...]:
    """Nothing but what does not pass the connector."""
    way: _Way = (_unknown(connector),)
    return (
        _check("the VPC connector is active", "connector", way),
        *(
            _check(f"connector reaches {_name(one)}", "dependency", _way_inside(one) or way, about=one)
            for one in dependencies
        ),
        *(_check(f"connector reaches the AWS API {api}", "api", way, about=api) for api in apis),
        _check("the service reaches the internet", "internet", way),
    )


# --- Many ways --------------------------------------------------------------------------------------------------------


def _from_one(ways: Sequence[_Way]) -> _Way:
    """The way to a destination that is in one of several subnets, it is not known in which."""
    by_result: dict[Result, _Way] = {}
    for way in sorted(ways, key=len, reverse=True):  # of equal ways the one that passes most is told
        by_result.setdefault(_decisive(way).result, way)
    if "blocked" in by_result and len(by_result) > 1:
        hop = _decisive(by_result["blocked"])
        says = f"it depends on the subnet that it is in at the moment, which is not known: in some of them {hop.says}"
        return (*(by_result.get("ok") or by_result["unknown"]), _Hop("unknown", says))
    return next(by_result[result] for result in ("unknown", "ok", "blocked") if result in by_result)


def _from_all(view: _View, way: Callable[[Subnet], _Way]) -> _Way:
    """The way from the connector's subnets: the worst of them, with the subnets that it is about."""
    ways: list[tuple[str, _Way]] = [
        (subnet_id, (_unknown(source),) if isinstance(source, Missing) else way(source))
        for subnet_id, source in zip(view.connector.subnet_ids, view.sources, strict=True)
    ]
    if not ways:
        return (_Hop("unknown", "App Runner names no subnets of the connector"),)
    blocked = [subnet_id for subnet_id, one in ways if _decisive(one).result == "blocked"]
    if blocked:
        chosen = next(one for subnet_id, one in ways if subnet_id == blocked[0])
        others = [subnet_id for subnet_id, _ in ways if subnet_id not in blocked]
        return _only_from(chosen, tuple(blocked), tuple(others))
    unknown = next((one for _, one in ways if _decisive(one).result == "unknown"), None)
    return unknown or max((one for _, one in ways), key=len)


def _only_from(way: _Way, blocked: tuple[str, ...], others: tuple[str, ...]) -> _Way:
    hop = _decisive(way)
    block = replace(hop.block, subnet_ids=blocked) if hop.block else None
    says = f"from {_listed(blocked)} (not from {_listed(others)}): {hop.says}" if others else hop.says
    return tuple(replace(one, says=says, block=block) if one is hop else one for one in way)


def _check(
    what: str,
    topic: Literal["connector", "subnets", "dns", "dependency", "api", "internet"],
    way: _Way,
    about: Dependency | str = "",
) -> Check:
    hop = _decisive(way)
    end = way.index(hop) + 1 if hop.result == "blocked" else len(way)
    caveats = dict.fromkeys(one.caveat for one in way if one.caveat) if hop.result == "ok" else ()
    return Check(
        what=what,
        result=hop.result,
        because="; ".join((hop.says, *caveats)),
        topic=topic,
        path=tuple(dict.fromkeys(one.says for one in way[:end])),
        blocked_by=hop.block if hop.result == "blocked" else None,
        about=about,
    )


# --- Words ------------------------------------------------------------------------------------------------------------


def _name(dependency: Dependency, *, port: bool = True) -> str:
    """A database or cache by its name, anything else by its whole host."""
    resource = dependency.resource
    if isinstance(resource, Resource):
        noun = "cache" if resource.kind.startswith("ElastiCache") else "database"
        number = _port(dependency) if port else None
        return f"{noun} {resource.id}:{number}" if number else f"{noun} {resource.id}"
    suffix = f":{dependency.port}" if port and dependency.port else ""
    return f"{dependency.host}{suffix}"


def _tcp(port: int | None) -> str:
    return f"tcp {port}" if port is not None else "its port"


def _cidr(some: Addresses) -> str:
    return str(some) if some is not None else ""


def _in(some: Addresses) -> str:
    return f" ({some})" if some is not None and some != ANYWHERE else ""


def _listed(ids: Iterable[str]) -> str:
    return ", ".join(ids)
