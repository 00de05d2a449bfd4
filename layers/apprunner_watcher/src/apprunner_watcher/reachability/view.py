"""Here you find the network, asked for one thing at a time, and the ways from each of the connector's subnets."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from apprunner_watcher.missing import Missing
from apprunner_watcher.network import (
    InternetGateway,
    NatGateway,
    Network,
    NetworkAcl,
    Peering,
    PrefixList,
    RouteTable,
    SecurityGroup,
    Subnet,
    Vpc,
    VpcConnector,
    network_acl_of,
    route_table_of,
    subnet_of,
)
from apprunner_watcher.reachability.check import Hop, Way, decisive, listed, not_known

_T = TypeVar("_T")


def _find(what: str, among: tuple[_T, ...] | Missing, fits: Callable[[_T], bool]) -> _T | Missing:
    if isinstance(among, Missing):
        return among
    return next((one for one in among if fits(one)), None) or Missing(what, "EC2 does not show it in this account")


@dataclass(frozen=True, slots=True)
class View:
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
        """The prefix lists that were read, by id."""
        lists = self.network.prefix_lists
        return {} if isinstance(lists, Missing) else {one.id: one for one in lists}

    def subnet(self, subnet_id: str) -> Subnet | Missing:
        """A subnet."""
        subnets = self.network.subnets
        if isinstance(subnets, Missing):
            return subnets
        return subnet_of(subnets, subnet_id) or Missing(subnet_id, "EC2 does not show it in this account")

    def group(self, group_id: str) -> SecurityGroup | Missing:
        """A security group."""
        return _find(group_id, self.network.security_groups, lambda one: one.id == group_id)

    def table(self, subnet: Subnet) -> RouteTable | Missing:
        """The route table that holds for a subnet."""
        tables = self.network.route_tables
        if isinstance(tables, Missing):
            return tables
        return route_table_of(tables, subnet) or Missing(f"the route table of {subnet.id}", "EC2 does not show it")

    def acl(self, subnet: Subnet) -> NetworkAcl | Missing:
        """The network ACL that holds for a subnet."""
        acls = self.network.network_acls
        if isinstance(acls, Missing):
            return acls
        return network_acl_of(acls, subnet) or Missing(f"the network ACL of {subnet.id}", "EC2 does not show it")

    def nat_gateway(self, nat_id: str) -> NatGateway | Missing:
        """A NAT gateway."""
        return _find(nat_id, self.network.nat_gateways, lambda one: one.id == nat_id)

    def internet_gateway(self, gateway_id: str) -> InternetGateway | Missing:
        """An internet gateway."""
        return _find(gateway_id, self.network.internet_gateways, lambda one: one.id == gateway_id)

    def peering(self, peering_id: str) -> Peering | Missing:
        """A peering connection."""
        return _find(peering_id, self.network.peerings, lambda one: one.id == peering_id)

    def vpc(self, vpc_id: str) -> Vpc | Missing:
        """A VPC."""
        return _find(vpc_id, self.network.vpcs, lambda one: one.id == vpc_id)


def from_all(view: View, way: Callable[[Subnet], Way]) -> Way:
    """The way from the connector's subnets: the worst of them, with the subnets that it is about."""
    ways: list[tuple[str, Way]] = [
        (subnet_id, (not_known(source),) if isinstance(source, Missing) else way(source))
        for subnet_id, source in zip(view.connector.subnet_ids, view.sources, strict=True)
    ]
    if not ways:
        return (Hop("unknown", "App Runner names no subnets of the connector"),)
    blocked = [subnet_id for subnet_id, one in ways if decisive(one).result == "blocked"]
    if blocked:
        chosen = next(one for subnet_id, one in ways if subnet_id == blocked[0])
        others = [subnet_id for subnet_id, _ in ways if subnet_id not in blocked]
        return _only_from(chosen, tuple(blocked), tuple(others))
    unknown = next((one for _, one in ways if decisive(one).result == "unknown"), None)
    return unknown or max((one for _, one in ways), key=len)


def _only_from(way: Way, blocked: tuple[str, ...], others: tuple[str, ...]) -> Way:
    hop = decisive(way)
    block = replace(hop.block, subnet_ids=blocked) if hop.block else None
    says = f"from {listed(blocked)} (not from {listed(others)}): {hop.says}" if others else hop.says
    return tuple(replace(one, says=says, block=block) if one is hop else one for one in way)
