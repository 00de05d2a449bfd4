"""Here you find what the VPC looks like: the parts of the network that a packet of the service may pass.

Ids and CIDR blocks are EC2's own, as text. What could not be read is Missing, table by table.
https://docs.aws.amazon.com/apprunner/latest/dg/network-vpc.html
"""

from collections.abc import Iterable
from dataclasses import dataclass
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
