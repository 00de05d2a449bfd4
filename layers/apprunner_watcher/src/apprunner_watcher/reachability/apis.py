"""Here you find the way from the connector to AWS's own APIs: through endpoints, else the internet."""

from collections.abc import Sequence

from apprunner_watcher.missing import Missing
from apprunner_watcher.network import ANYWHERE, Peer, RouteTable, Subnet, VpcEndpoint
from apprunner_watcher.reachability.admission import acl_of_sender, egress_hop
from apprunner_watcher.reachability.check import HTTPS, Block, Check, Hop, Way, checked, decisive, from_one, not_known
from apprunner_watcher.reachability.connector import connector_hop, dns_way
from apprunner_watcher.reachability.internet import way_out
from apprunner_watcher.reachability.routes import places_of, way_to
from apprunner_watcher.reachability.view import View, from_all


def reaches_api(view: View, api: str) -> Check:
    """Whether an AWS API can be reached: `api` as endpoint services are named, s3 or bedrock-runtime."""
    way = (connector_hop(view.connector), *_way_to_api(view, api))
    return checked(f"connector reaches the AWS API {api}", "api", way, about=api)


def _way_to_api(view: View, api: str) -> Way:
    """Through an endpoint of the VPC where there is one that its name resolves to, else as to the internet."""
    endpoints = view.network.endpoints
    if isinstance(endpoints, Missing):
        out = from_all(view, lambda source: way_out(view, source, HTTPS, name=api))
        return out if decisive(out).result == "ok" else (not_known(endpoints),)
    ours = [one for one in endpoints if one.vpc_id == view.home and one.service.endswith(f".{api}")]
    interface = next((one for one in ours if one.kind == "Interface" and one.private_dns and _is_alive(one)), None)
    if interface:
        return _way_to_interface(view, interface, api)
    gateways = [one for one in ours if one.kind == "Gateway" and _is_alive(one)]
    return from_all(view, lambda source: _way_from_source_to_api(view, source, gateways, api))


def _is_alive(endpoint: VpcEndpoint) -> bool:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_VpcEndpoint.html."""
    return endpoint.state not in {"deleting", "deleted", "failed", "rejected", "expired"}


def _way_to_interface(view: View, endpoint: VpcEndpoint, api: str) -> Way:
    name = f"endpoint {endpoint.id} of {api}"
    if endpoint.state != "available":
        return (Hop("unknown", f"{name} is {endpoint.state or 'in no state'}"),)
    places = places_of(view, name, endpoint.vpc_id, endpoint.subnet_ids, endpoint.security_group_ids)

    def from_source(source: Subnet) -> Way:
        return from_one([way_to(view, source, place, HTTPS) for place in places])

    return (*dns_way(view, endpoint.vpc_id), *from_all(view, from_source))


def _way_from_source_to_api(view: View, source: Subnet, gateways: Sequence[VpcEndpoint], api: str) -> Way:
    table = view.table(source)
    if isinstance(table, Missing):
        return way_out(view, source, HTTPS, name=api)
    for gateway in gateways:
        if table.id in gateway.route_table_ids or any(route.target == gateway.id for route in table.routes):
            return _way_through_gateway(view, source, table, gateway, api)
    out = way_out(view, source, HTTPS, name=api)
    hop = decisive(out)
    if not hop.block or hop.block.kind not in {"route", "gateway"}:
        return out
    other = gateways[0].id if gateways else ""
    block = Block(kind="endpoint", id=other, service=api, vpc_id=source.vpc_id, route_table_id=table.id)
    lacks = f"{other} is not in its route table" if other else "the VPC has no endpoint of it"
    says = f"{source.id} has no way to the AWS API {api}: {lacks}, and {hop.says}"
    return tuple(Hop("blocked", says, block) if one is hop else one for one in out)


def _way_through_gateway(view: View, source: Subnet, table: RouteTable, gateway: VpcEndpoint, api: str) -> Way:
    """To a service's public addresses, which a prefix list of AWS names."""
    if gateway.state != "available":
        return (Hop("unknown", f"endpoint {gateway.id} of {api} is {gateway.state or 'in no state'}"),)
    of_routes = {route.destination for route in table.routes if route.target == gateway.id}
    of_name = {one.id for one in view.lists.values() if one.name.endswith(f".{api}")}
    return (
        egress_hop(view, HTTPS, Peer(ANYWHERE, prefix_list_ids=frozenset(of_routes | of_name)), api),
        *acl_of_sender(view, source, ANYWHERE, HTTPS),
        Hop("ok", f"{table.id} leads to {api} through endpoint {gateway.id}"),
    )
