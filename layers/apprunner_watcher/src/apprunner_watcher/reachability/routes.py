"""Here you find the way to a place in a VPC: routes, peerings, and the way back."""

from collections.abc import Iterable
from dataclasses import dataclass

from apprunner_watcher.missing import Missing
from apprunner_watcher.network import Addresses, Peer, Route, RouteTable, Subnet, addresses, look_up
from apprunner_watcher.reachability.admission import acl_of_receiver, acl_of_sender, egress_hop, ingress_hop
from apprunner_watcher.reachability.check import Block, Hop, Way, cidr_of, listed, not_known, within
from apprunner_watcher.reachability.view import View


@dataclass(frozen=True, slots=True)
class Place:
    """Where a destination may be: one of its subnets, or somewhere in its VPC.

    `vpc_id` is empty and `group_ids` is None where they are not known.
    """

    name: str
    vpc_id: str
    subnet: Subnet | None
    addresses: Addresses
    group_ids: tuple[str, ...] | None


def places_of(view: View, name: str, vpc_id: str, subnet_ids: Iterable[str], groups: tuple[str, ...]) -> list[Place]:
    """The places where a destination may be: one for each of its subnets."""
    subnets = [view.subnet(one) for one in subnet_ids]
    known = [one if isinstance(one, Subnet) else None for one in subnets] or [None]
    return [Place(name, vpc_id, one, addresses(one.cidr) if one else None, groups) for one in known]


def way_to(view: View, source: Subnet, place: Place, port: int | None) -> Way:
    """The way from one of the connector's subnets to a place."""
    to_peer = Peer(place.addresses, frozenset(place.group_ids or ()))
    from_peer = Peer(addresses(source.cidr), frozenset(view.connector.security_group_ids))
    is_one_subnet = bool(place.subnet and place.subnet.id == source.id)  # no ACL is passed inside one
    leaving = () if is_one_subnet else acl_of_sender(view, source, place.addresses, port)
    entering = (
        () if is_one_subnet or not place.subnet else acl_of_receiver(view, place.subnet, addresses(source.cidr), port)
    )
    admitted = (
        Hop("unknown", f"what guards {place.name} is not known: it is an address, and no resource was found for it")
        if place.group_ids is None
        else ingress_hop(view, place.group_ids, port, from_peer, place.name)
    )
    return (
        egress_hop(view, port, to_peer, place.name),
        *leaving,
        *_routed(view, source, place),
        *entering,
        admitted,
    )


def _routed(view: View, source: Subnet, place: Place) -> Way:
    table = view.table(source)
    is_inside = place.vpc_id == source.vpc_id
    # the local route cannot be deleted: https://docs.aws.amazon.com/vpc/latest/userguide/RouteTables.html
    if is_inside and (isinstance(table, Missing) or not _shows_local(table) or place.addresses is None):
        return (Hop("ok", f"the local route of {source.vpc_id} leads there"),)
    found = choose_route(view, table, place.addresses, place.name)
    if isinstance(found, Hop):
        return (found,)
    if found.route.target != "local":
        return _beyond(view, source, found, place)
    if is_inside or not place.vpc_id:
        return (Hop("ok", str(found)),)
    says = f"{place.name} is in {place.vpc_id}, and {found} keeps its addresses at home"
    return (Hop("blocked", says, found.block(place.addresses)),)


def _shows_local(table: RouteTable) -> bool:
    return any(route.target == "local" for route in table.routes)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The route that a table has."""

    table: RouteTable
    route: Route

    def __str__(self) -> str:
        """The route, for a reader."""
        return f"{self.table.id} routes {self.route.destination} to {self.route.target}"

    def block(self, to: Addresses) -> Block:
        """What is in the way, where the route leads elsewhere."""
        return _route_block(self.table, cidr_of(to))


def _route_block(table: RouteTable, cidr: str) -> Block:
    return Block(kind="route", id=table.id, route_table_id=table.id, cidr=cidr, vpc_id=table.vpc_id)


def choose_route(view: View, table: RouteTable | Missing, to: Addresses, name: str) -> Chosen | Hop:
    """The active route, or the hop where the way ends."""
    if isinstance(table, Missing):
        return not_known(table)
    found = look_up(table, to, view.lists)
    if not found.is_sure:
        return Hop("unknown", f"{table.id} has different routes to addresses that {name} may have")
    if found.route is None:
        return Hop("blocked", f"{table.id} has no route to {name}{within(to)}", _route_block(table, cidr_of(to)))
    chosen = Chosen(table, found.route)
    if not found.route.is_active:
        says = f"{chosen} is a black hole: {found.route.target} is gone or detached"
        return Hop("blocked", says, _route_block(table, found.route.destination))
    return chosen


def _beyond(view: View, source: Subnet, found: Chosen, place: Place) -> Way:
    """A route that leads out of the VPC, to a private address."""
    target = found.route.target
    if target.startswith("pcx-"):
        return (Hop("ok", str(found)), *_peered(view, source, target, place))
    if target.startswith("igw-"):
        return (_lost(found, place),)
    if target.startswith("nat-"):
        return (Hop("ok", str(found)), _through_nat(view, target, place))
    return (not_followed(found),)


def _lost(found: Chosen, place: Place) -> Hop:
    return Hop("blocked", f"{found}: the internet has no route to {place.name}", found.block(place.addresses))


def not_followed(found: Chosen) -> Hop:
    """The hop of a route into what the watcher does not read."""
    return Hop("unknown", f"{found}, and what is behind it is not read")


def _through_nat(view: View, nat_id: str, place: Place) -> Hop:
    """A NAT gateway sends on what its own subnet's table has a route for."""
    nat = view.nat_gateway(nat_id)
    table = nat if isinstance(nat, Missing) else view.table(Subnet(nat.subnet_id, nat.vpc_id, ""))
    found = choose_route(view, table, place.addresses, place.name)
    if isinstance(found, Hop):
        return found
    return _lost(found, place) if found.route.target.startswith("igw-") else not_followed(found)


def _peered(view: View, source: Subnet, peering_id: str, place: Place) -> Way:
    peering = view.peering(peering_id)
    if isinstance(peering, Missing):
        return (not_known(peering),)
    block = Block(kind="peering", id=peering.id, vpc_id=place.vpc_id)
    if peering.status != "active":
        return (Hop("blocked", f"peering {peering.id} is {peering.status or 'not active'}", block),)
    if place.vpc_id and peering.vpc_ids and place.vpc_id not in peering.vpc_ids:
        return (Hop("blocked", f"peering {peering.id} joins {listed(peering.vpc_ids)}, not {place.vpc_id}", block),)
    return (Hop("ok", f"peering {peering.id} is active"), _way_back(view, source, peering.id, place))


def _way_back(view: View, source: Subnet, peering_id: str, place: Place) -> Hop:
    """The answers: the destination's table must have a route to the same peering."""
    if place.subnet is None:
        return Hop("unknown", f"the way back from {place.name} is not known: EC2 does not show its subnet")
    found = choose_route(view, view.table(place.subnet), addresses(source.cidr), "the connector, for the answers,")
    if isinstance(found, Hop):
        return found
    if found.route.target == peering_id:
        return Hop("ok", f"back: {found}")
    if found.route.target.startswith(("igw-", "nat-", "pcx-", "local")):
        says = f"answers do not come back over {peering_id}: {found}"
        return Hop("blocked", says, found.block(addresses(source.cidr)))
    return not_followed(found)
