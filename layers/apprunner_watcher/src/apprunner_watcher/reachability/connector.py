"""Here you find the connector itself: whether it is active, has addresses, resolves names, and whom it lives with."""

from apprunner_watcher.dependency import Dependency, Resource
from apprunner_watcher.missing import Missing
from apprunner_watcher.network import Subnet, Vpc, VpcConnector
from apprunner_watcher.reachability.check import Block, Check, Hop, Way, checked, listed, not_known
from apprunner_watcher.reachability.destination import spoken
from apprunner_watcher.reachability.view import View


def connector_is_active(connector: VpcConnector) -> Check:
    """Whether the connector is there."""
    hop = connector_hop(connector)
    return checked(f"connector {connector.name} is active", "connector", (hop,))


def connector_hop(connector: VpcConnector) -> Hop:
    """https://docs.aws.amazon.com/apprunner/latest/api/API_VpcConnector.html: an inactive one was deleted."""
    if connector.status == "ACTIVE":
        return Hop("ok", f"connector {connector.name} is ACTIVE")
    if connector.status == "INACTIVE":
        block = Block(kind="connector", id=connector.arn)
        return Hop("blocked", f"connector {connector.name} is INACTIVE: it was deleted and carries nothing", block)
    return Hop("unknown", f"connector {connector.name} has the status {connector.status or '(none)'}")


def subnets_have_addresses(view: View) -> Check:
    """Whether every subnet of the connector has a free address for its interfaces."""
    exhausted = tuple(one.id for one in view.sources if isinstance(one, Subnet) and one.free_addresses == 0)
    hops = tuple(_addresses_hop(one, exhausted) for one in view.sources)
    what = "the connector's subnets have free addresses"
    return checked(what, "connector", hops or (Hop("unknown", "App Runner names no subnets of the connector"),))


def _addresses_hop(subnet: Subnet | Missing, exhausted: tuple[str, ...]) -> Hop:
    if isinstance(subnet, Missing):
        return not_known(subnet)
    if subnet.free_addresses is None:
        return Hop("unknown", f"EC2 does not say how many addresses are free in {subnet.id}")
    if subnet.free_addresses:
        return Hop("ok", f"{subnet.id} has {subnet.free_addresses} free addresses")
    block = Block(kind="connector-subnets", id=subnet.id, subnet_ids=exhausted, vpc_id=subnet.vpc_id)
    return Hop("blocked", f"{subnet.id} ({subnet.cidr}) has no free addresses", block)


def names_resolve(view: View) -> Check:
    """Whether the VPC answers for names."""
    vpc = view.vpc(view.home)
    if isinstance(vpc, Missing):
        missing = Missing(vpc.what or "the connector's VPC", vpc.why)
        return checked("names resolve in the connector's VPC", "dns", (not_known(missing),))
    return checked(f"names resolve in {vpc.id}", "dns", (_dns_hop(vpc),))


def _dns_hop(vpc: Vpc) -> Hop:
    """https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html: on in VPCs, unless turned off."""
    if vpc.dns_support is None:
        return Hop("unknown", f"EC2 does not say whether {vpc.id} has DNS support")
    if vpc.dns_support:
        return Hop("ok", f"{vpc.id} has DNS support")
    block = Block(kind="dns", id=vpc.id, vpc_id=vpc.id)
    return Hop("blocked", f"{vpc.id} has DNS support turned off, so names do not resolve in it", block)


def dns_way(view: View, vpc_id: str) -> Way:
    """The hop of the name, where it cannot be passed; DNS that was not read is taken for granted."""
    vpc = view.vpc(vpc_id)
    if isinstance(vpc, Missing) or vpc.dns_support is not False:
        return ()
    return (_dns_hop(vpc),)


def shares_subnets(view: View, dependency: Dependency) -> Check | None:
    """Where a dependency is, seen from the connector: shared subnets, or the local route of one VPC."""
    resource = dependency.resource
    if not isinstance(resource, Resource) or not view.home or resource.vpc_id != view.home:
        return None
    shared = [one for one in view.connector.subnet_ids if one in resource.subnet_ids]
    says = (
        f"{spoken(dependency)} may be in the connector's own subnets {listed(shared)}"
        if shared
        else f"no subnet is shared, but both are in {view.home}, whose local route joins its subnets"
    )
    hop = Hop("ok", says)
    return checked(f"subnets shared with {spoken(dependency, port=False)}", "subnets", (hop,), about=dependency)
