"""Here you find what can be said without a connector: App Runner's own egress, or a connector that is not known."""

from ipaddress import IPv4Address, IPv6Address

from apprunner_watcher.dependency import Dependency, Resource
from apprunner_watcher.missing import Missing
from apprunner_watcher.network import Network, VpcConnector
from apprunner_watcher.reachability.check import Block, Check, Hop, Way, checked, not_known
from apprunner_watcher.reachability.destination import address_of, is_inner, port_of, spoken, way_inside
from apprunner_watcher.reachability.internet import public_entry
from apprunner_watcher.reachability.view import View


def without_vpc(network: Network, dependencies: tuple[Dependency, ...], apis: tuple[str, ...]) -> tuple[Check, ...]:
    """DEFAULT egress: App Runner's own way to the internet, from public addresses that are not fixed."""
    view = View(network, VpcConnector("", "", "", (), ()))
    hop = Hop("ok", "egress is DEFAULT: App Runner's own network leads to the internet")
    return (
        *(
            checked(
                f"the service reaches {spoken(one)}",
                "dependency",
                way_inside(one) or _way_from_app_runner(view, one),
                about=one,
            )
            for one in dependencies
        ),
        *(checked(f"the service reaches the AWS API {api}", "api", (hop,), about=api) for api in apis),
        checked("the service reaches the internet", "internet", (hop,)),
    )


def _way_from_app_runner(view: View, dependency: Dependency) -> Way:
    resource, name = dependency.resource, spoken(dependency)
    if isinstance(resource, Missing):
        return (not_known(resource),)
    if isinstance(resource, Resource):
        return _way_from_app_runner_to(view, resource, name, port_of(dependency))
    address = address_of(dependency.host)
    if isinstance(address, IPv4Address) and not address.is_global:
        block = Block(kind="public-access", id=dependency.host, port=port_of(dependency))
        return (Hop("blocked", f"{dependency.host} is a private address: it needs a VPC connector", block),)
    if isinstance(address, IPv6Address):
        return (Hop("unknown", f"{dependency.host} is an IPv6 address: only IPv4 is looked at"),)
    if address is None and is_inner(dependency.host):
        return (Hop("unknown", f"{dependency.host} is a private name: what it resolves to is not known"),)
    return (Hop("ok", "egress is DEFAULT: App Runner's own network leads to the internet"),)


def _way_from_app_runner_to(view: View, resource: Resource, name: str, port: int | None) -> Way:
    if resource.is_public:
        return public_entry(view, name, resource, port)
    # AWS gives ElastiCache and RDS Proxy no public addresses:
    # https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/accessing-elasticache.html
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.html#rds-proxy.limitations
    is_private = resource.is_public is False or resource.kind == "RDS proxy" or resource.kind.startswith("ElastiCache")
    if not is_private:
        return (Hop("unknown", f"AWS does not say whether {name} is publicly accessible"),)
    block = Block(
        kind="public-access",
        id=resource.id,
        port=port,
        vpc_id=resource.vpc_id,
        subnet_ids=resource.subnet_ids,
        group_id=resource.security_group_ids[0] if resource.security_group_ids else "",
    )
    says = f"{name} is private in {resource.vpc_id}, and egress is DEFAULT: the service needs a VPC connector"
    return (Hop("blocked", says, block),)


def without_connector(
    connector: Missing, dependencies: tuple[Dependency, ...], apis: tuple[str, ...]
) -> tuple[Check, ...]:
    """Nothing but what does not pass the connector."""
    way: Way = (not_known(connector),)
    return (
        checked("the VPC connector is active", "connector", way),
        *(
            checked(f"connector reaches {spoken(one)}", "dependency", way_inside(one) or way, about=one)
            for one in dependencies
        ),
        *(checked(f"connector reaches the AWS API {api}", "api", way, about=api) for api in apis),
        checked("the service reaches the internet", "internet", way),
    )
