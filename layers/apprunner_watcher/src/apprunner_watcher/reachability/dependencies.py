"""Here you find the way from the connector to a dependency."""

from ipaddress import IPv4Address, IPv6Address

from apprunner_watcher.dependency import Dependency, Resource
from apprunner_watcher.missing import Missing
from apprunner_watcher.network import ANYWHERE, Subnet, addresses
from apprunner_watcher.reachability.check import Check, Hop, Way, checked, from_one, not_known
from apprunner_watcher.reachability.connector import connector_hop, dns_way
from apprunner_watcher.reachability.destination import address_of, is_inner, port_of, spoken, way_inside
from apprunner_watcher.reachability.internet import public_entry, way_out
from apprunner_watcher.reachability.routes import Place, places_of, way_to
from apprunner_watcher.reachability.view import View, from_all


def reaches_dependency(view: View, dependency: Dependency) -> Check:
    """Whether the connector reaches a dependency."""
    way = way_inside(dependency) or (connector_hop(view.connector), *_way_to_dependency(view, dependency))
    return checked(f"connector reaches {spoken(dependency)}", "dependency", way, about=dependency)


def _way_to_dependency(view: View, dependency: Dependency) -> Way:
    resource, port = dependency.resource, port_of(dependency)
    if isinstance(resource, Missing):
        return (not_known(resource),)
    if isinstance(resource, Resource):
        return _way_to_resource(view, dependency, resource)
    address = address_of(dependency.host)
    if isinstance(address, IPv6Address):
        return (Hop("unknown", f"{dependency.host} is an IPv6 address: only IPv4 is looked at"),)
    if address is None and is_inner(dependency.host):
        return (Hop("unknown", f"{dependency.host} is a private name: what it resolves to is not known"),)
    if address and not address.is_global:
        place = _place_of(view, dependency, address)
        return from_all(view, lambda source: way_to(view, source, place, port))
    to = addresses(str(address)) if address else ANYWHERE
    return from_all(view, lambda source: way_out(view, source, port, to, spoken(dependency)))


def _place_of(view: View, dependency: Dependency, address: IPv4Address) -> Place:
    """Where a private address is, as far as the subnets that were read show. In two VPCs it may be the same."""
    to = addresses(str(address))
    subnets = () if isinstance(view.network.subnets, Missing) else view.network.subnets
    within = [one for one in subnets if (block := addresses(one.cidr)) and to and to.subnet_of(block)]
    subnet = next((one for one in within if one.vpc_id == view.home), within[0] if len(within) == 1 else None)
    return Place(spoken(dependency), subnet.vpc_id if subnet else "", subnet, to, None)


def _way_to_resource(view: View, dependency: Dependency, resource: Resource) -> Way:
    port, name = port_of(dependency), spoken(dependency)
    if not resource.vpc_id:
        return (Hop("unknown", f"AWS does not say in which VPC {name} is"),)
    places = places_of(view, name, resource.vpc_id, resource.subnet_ids, resource.security_group_ids)
    if resource.is_public and view.home and resource.vpc_id != view.home:
        entry = public_entry(view, name, resource, port)
        out = from_all(view, lambda source: way_out(view, source, port, ANYWHERE, name))
        return (
            Hop("ok", f"{name} is public and in {resource.vpc_id}: its name resolves to a public address"),
            *out,
            *entry,
        )

    def from_source(source: Subnet) -> Way:
        return from_one([way_to(view, source, place, port) for place in places])

    dns = () if address_of(dependency.host) else dns_way(view, resource.vpc_id)
    return (*dns, *(_resolved(view, resource, name)), *from_all(view, from_source))


def _resolved(view: View, resource: Resource, name: str) -> Way:
    """The name of a public database gives its private address inside its VPC, which needs both DNS settings.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_VPC.WorkingWithRDSInstanceinaVPC.html
    """
    if not resource.is_public:
        return ()
    vpc = view.vpc(resource.vpc_id)
    if isinstance(vpc, Missing) or vpc.dns_hostnames is None:
        caveat = "the VPC's DNS settings could not be read"
        return (Hop("ok", f"{name} is public; inside its VPC its name gives the private address", caveat=caveat),)
    if not vpc.dns_hostnames:
        return (
            Hop(
                "unknown",
                f"{name} is public, and {vpc.id} has DNS host names off: its name may give the public address",
            ),
        )
    return (Hop("ok", f"{name} is public; inside {vpc.id} its name gives the private address"),)
