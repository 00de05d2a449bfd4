"""Here you find what the VPC looks like: the parts of the network that a packet of the service may pass.

Ids and CIDR blocks are EC2's own, as text. What could not be read is Missing, table by table. At the end you find what
one table says of one packet; `reachability` follows the packet from table to table. All of it is about IPv4: that is
what the names of databases and caches resolve to.
https://docs.aws.amazon.com/apprunner/latest/dg/network-vpc.html
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_network
from itertools import pairwise
from typing import Literal

from apprunner_watcher.missing import Missing


@dataclass(frozen=True, slots=True)
class VpcConnector:
    """App Runner's VPC connector; `status` is ACTIVE or INACTIVE. It names no VPC: its subnets do."""

    name: str
    arn: str
    status: str
    subnet_ids: tuple[str, ...]
    security_group_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vpc:
    """A VPC's DNS settings; None where they could not be read."""

    id: str
    dns_support: bool | None = None
    dns_hostnames: bool | None = None


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet. `zone_id` (use1-az1) is the same place in every account, `zone` (us-east-1a) is not."""

    id: str
    vpc_id: str
    cidr: str
    ipv6_cidrs: tuple[str, ...] = ()
    zone: str = ""
    zone_id: str = ""
    free_addresses: int | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """A route. `destination` is a CIDR block or the id of a prefix list.

    `target` is `local` or the id of a gateway: igw-, nat-, vpce-, pcx-, tgw-, eigw-, vgw-, eni-, i-.
    """

    destination: str
    target: str
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class RouteTable:
    """A route table; the main one holds for the subnets of its VPC that have none of their own."""

    id: str
    vpc_id: str
    is_main: bool
    subnet_ids: tuple[str, ...]
    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class NatGateway:
    """A NAT gateway; only an `available` one that is public, in a subnet with an internet gateway, leads out."""

    id: str
    vpc_id: str
    subnet_id: str
    state: str
    is_public: bool


@dataclass(frozen=True, slots=True)
class InternetGateway:
    """An internet gateway, and the VPCs that it is attached to."""

    id: str
    vpc_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Peering:
    """A peering connection between two VPCs; only an `active` one carries packets."""

    id: str
    vpc_ids: tuple[str, ...]
    status: str


@dataclass(frozen=True, slots=True)
class VpcEndpoint:
    """A VPC endpoint; `kind` is Interface, Gateway or GatewayLoadBalancer, `service` is com.amazonaws.REGION.NAME."""

    id: str
    vpc_id: str
    service: str
    kind: str
    state: str
    subnet_ids: tuple[str, ...] = ()
    route_table_ids: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()
    private_dns: bool = False


@dataclass(frozen=True, slots=True)
class Permission:
    """A rule of a security group: one protocol, a range of ports, and who it is about.

    `protocol` is tcp, udp, icmp, a number or -1 (all of them, all ports); ports are None where it has none.
    """

    protocol: str
    from_port: int | None
    to_port: int | None
    cidrs: tuple[str, ...] = ()  # IPv4 and IPv6
    group_ids: tuple[str, ...] = ()
    prefix_list_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SecurityGroup:
    """A security group. What it admits once may answer: it is stateful."""

    id: str
    name: str
    vpc_id: str
    ingress: tuple[Permission, ...]
    egress: tuple[Permission, ...]

    @property
    def is_default(self) -> bool:
        """Whether it is the one that came with the VPC."""
        return self.name == "default"


@dataclass(frozen=True, slots=True)
class AclEntry:
    """A numbered rule of a network ACL; the lowest number that fits decides. Protocol is a number, -1 for all."""

    number: int
    direction: Literal["ingress", "egress"]
    allows: bool
    protocol: str
    cidr: str
    from_port: int | None = None
    to_port: int | None = None


@dataclass(frozen=True, slots=True)
class NetworkAcl:
    """A network ACL. It is stateless: answers, to ports from 1024 on, need an entry of their own."""

    id: str
    vpc_id: str
    is_default: bool
    subnet_ids: tuple[str, ...]
    entries: tuple[AclEntry, ...]


@dataclass(frozen=True, slots=True)
class PrefixList:
    """A managed prefix list; AWS's own (`com.amazonaws.REGION.s3`) have names, and their entries."""

    id: str
    name: str
    cidrs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What stands between the service and its dependencies. `connector` is None where egress is not through a VPC.

    The other fields cover the connector's VPC and those of the dependencies.
    """

    connector: VpcConnector | Missing | None = None
    vpcs: tuple[Vpc, ...] | Missing = ()
    subnets: tuple[Subnet, ...] | Missing = ()
    route_tables: tuple[RouteTable, ...] | Missing = ()
    nat_gateways: tuple[NatGateway, ...] | Missing = ()
    internet_gateways: tuple[InternetGateway, ...] | Missing = ()
    peerings: tuple[Peering, ...] | Missing = ()
    endpoints: tuple[VpcEndpoint, ...] | Missing = ()
    security_groups: tuple[SecurityGroup, ...] | Missing = ()
    network_acls: tuple[NetworkAcl, ...] | Missing = ()
    prefix_lists: tuple[PrefixList, ...] | Missing = ()
    others: tuple[Missing, ...] = ()  # what was not read of a field that could be read in part


def subnet_of(subnets: Iterable[Subnet], subnet_id: str) -> Subnet | None:
    """The subnet of that id."""
    return next((one for one in subnets if one.id == subnet_id), None)


def route_table_of(tables: Iterable[RouteTable], subnet: Subnet) -> RouteTable | None:
    """The table that holds for a subnet: its own, else its VPC's main one."""
    of_vpc = [one for one in tables if one.vpc_id == subnet.vpc_id]
    own = next((one for one in of_vpc if subnet.id in one.subnet_ids), None)
    return own or next((one for one in of_vpc if one.is_main), None)


def network_acl_of(acls: Iterable[NetworkAcl], subnet: Subnet) -> NetworkAcl | None:
    """The ACL that holds for a subnet: its own, else its VPC's default one."""
    of_vpc = [one for one in acls if one.vpc_id == subnet.vpc_id]
    own = next((one for one in of_vpc if subnet.id in one.subnet_ids), None)
    return own or next((one for one in of_vpc if one.is_default), None)


Addresses = IPv4Network | None
"""Addresses of which a packet has one; None: somewhere, and it is not known where."""

ANYWHERE = IPv4Network("0.0.0.0/0")
"""As addresses: a public one, any. As a CIDR block: all there are."""

Cover = Literal["all", "part", "none"]
"""How much of some addresses (ports, packets) an entry of a table holds for; `part` also where that cannot be told."""

Ports = range
"""Ports from `start` to `stop - 1`."""


def addresses(cidr: str) -> Addresses:
    """The addresses of a CIDR block or of a single address; None where it is none of IPv4."""
    try:
        network = ip_network(cidr, strict=False)
    except ValueError:
        return None
    return network if isinstance(network, IPv4Network) else None


def cover(cidr: str, some: Addresses) -> Cover:
    """How much of the addresses a CIDR block contains. An IPv6 block contains none of them."""
    try:
        block = ip_network(cidr, strict=False)
    except ValueError:
        return "part"  # nobody is called unreachable for a block that is not understood
    if not isinstance(block, IPv4Network):
        return "none"
    if some is None:
        return "all" if block == ANYWHERE else "part"
    if some == ANYWHERE and block != ANYWHERE:
        return "part" if block.is_global else "none"  # private addresses are none of the internet
    if some.subnet_of(block):
        return "all"
    return "part" if some.overlaps(block) else "none"


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end, as rules of security groups know them: by address, by group, by prefix list."""

    addresses: Addresses
    group_ids: frozenset[str] = frozenset()
    prefix_list_ids: frozenset[str] = frozenset()


Lists = Mapping[str, PrefixList]
"""The prefix lists that could be read, by id."""


def admits(rule: Permission, port: int | None, peer: Peer, lists: Lists) -> Cover:
    """How much of TCP between a peer and a port a rule of a security group admits.

    A rule that names a deleted group admits nobody. `port` is None where it is not known.
    https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html
    """
    return _both(_ports_of(rule, port), _peers_of(rule, peer, lists))


def _ports_of(rule: Permission, port: int | None) -> Cover:
    if rule.protocol not in _ANY_PROTOCOL | _TCP:
        return "none"
    first, last = rule.from_port, rule.to_port
    if rule.protocol in _ANY_PROTOCOL or first is None or last is None or (first, last) in _ALL_PORTS:
        return "all"
    if port is None:
        return "part"
    return "all" if first <= port <= last else "none"


def _peers_of(rule: Permission, peer: Peer, lists: Lists) -> Cover:
    if peer.group_ids & set(rule.group_ids) or peer.prefix_list_ids & set(rule.prefix_list_ids):
        return "all"
    blocks = [*rule.cidrs, *(cidr for one in rule.prefix_list_ids if one in lists for cidr in lists[one].cidrs)]
    covers = {cover(cidr, peer.addresses) for cidr in blocks}
    if "all" in covers:
        return "all"
    is_unread = any(one not in lists for one in rule.prefix_list_ids)
    return "part" if is_unread or "part" in covers else "none"


def _both(one: Cover, other: Cover) -> Cover:
    if "none" in {one, other}:
        return "none"
    return "part" if "part" in {one, other} else "all"


@dataclass(frozen=True, slots=True)
class Lookup:
    """The route that a table has for some addresses. Not sure where another route holds for some of them."""

    route: Route | None
    is_sure: bool


def look_up(table: RouteTable, to: Addresses, lists: Lists) -> Lookup:
    """The route of the longest prefix, as VPCs choose it; it is chosen also where it is a black hole.

    https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Route_Tables.html#route-tables-priority
    """
    whole: list[tuple[int, Route]] = []
    partly: list[Route] = []
    for route in table.routes:
        blocks = lists[route.destination].cidrs if route.destination in lists else (route.destination,)
        for cidr in blocks:
            block, covers = addresses(cidr), cover(cidr, to)
            if covers == "all" and block:
                whole.append((block.prefixlen, route))
            elif covers == "part" and not route.target.startswith("vpce-"):  # a gateway endpoint is about one service
                partly.append(route)
    _, best = max(whole, key=lambda one: one[0], default=(0, None))
    if best and to == ANYWHERE:
        return Lookup(best, is_sure=True)  # what a table knows of some public addresses says nothing of the others
    return Lookup(best, is_sure=all(best and other.target == best.target for other in partly))


def let_through(acl: NetworkAcl, direction: Literal["ingress", "egress"], far: Addresses, ports: Ports) -> Cover:
    """How much of TCP to these ports an ACL lets through, between its subnet and the addresses at the far end.

    Entries are read from the lowest number on, and the first that fits decides; what none fits is denied.
    https://docs.aws.amazon.com/vpc/latest/userguide/nacl-rules.html
    """
    entries = sorted((one for one in acl.entries if one.direction == direction), key=lambda one: one.number)
    bounds = {ports.start, ports.stop}
    for entry in entries:
        if entry.from_port is not None and entry.to_port is not None:
            bounds |= {bound for bound in (entry.from_port, entry.to_port + 1) if bound in ports}
    let = {"all": 0, "part": 0, "none": 0}
    for first, end in pairwise(sorted(bounds)):
        let[_decision(entries, far, first)] += end - first
    few = min(_FEW_PORTS, len(ports) - 1)
    if not let["part"] and let["none"] <= few:
        return "all"
    return "none" if let["none"] >= len(ports) - few else "part"


def _decision(entries: Iterable[AclEntry], far: Addresses, port: int) -> Cover:
    some_allowed = some_denied = False
    for entry in entries:
        covers = _covers(entry, far, port)
        if covers == "all":
            if entry.allows:
                return "part" if some_denied else "all"
            return "part" if some_allowed else "none"
        if covers == "part":
            some_allowed |= entry.allows
            some_denied |= not entry.allows and far != ANYWHERE  # what denies some public addresses is no wall
    return "part" if some_allowed else "none"


def _covers(entry: AclEntry, far: Addresses, port: int) -> Cover:
    if entry.protocol not in _ANY_PROTOCOL | _TCP:
        return "none"
    is_about_ports = entry.protocol in _TCP and entry.from_port is not None and entry.to_port is not None
    if is_about_ports and not (entry.from_port or 0) <= port <= (entry.to_port or 0):
        return "none"
    return cover(entry.cidr, far)


_ANY_PROTOCOL = frozenset({"-1"})
_TCP = frozenset({"tcp", "6"})
_ALL_PORTS = frozenset({(-1, -1), (0, 65535)})
_FEW_PORTS = 10  # of the thousands that answers come to, single ports neither help (5432) nor hinder (3389)
