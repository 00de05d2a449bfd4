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

from apprunner_watcher.dependency import Dependency
from apprunner_watcher.missing import Missing
from apprunner_watcher.network import Network
from apprunner_watcher.reachability.apis import reaches_api
from apprunner_watcher.reachability.check import Block, Check
from apprunner_watcher.reachability.connector import (
    connector_is_active,
    names_resolve,
    shares_subnets,
    subnets_have_addresses,
)
from apprunner_watcher.reachability.default_egress import without_connector, without_vpc
from apprunner_watcher.reachability.dependencies import reaches_dependency
from apprunner_watcher.reachability.internet import reaches_internet
from apprunner_watcher.reachability.view import View

__all__ = ["Block", "Check", "checks"]


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
        return without_vpc(network, dependencies, apis)
    connector = network.connector or Missing("VPC connector", "the configuration names none")
    if isinstance(connector, Missing):
        return without_connector(connector, dependencies, apis)
    view = View(network, connector)
    return (
        connector_is_active(connector),
        subnets_have_addresses(view),
        names_resolve(view),
        *(check for one in dependencies if (check := shares_subnets(view, one))),
        *(reaches_dependency(view, one) for one in dependencies),
        *(reaches_api(view, one) for one in apis),
        reaches_internet(view),
    )
