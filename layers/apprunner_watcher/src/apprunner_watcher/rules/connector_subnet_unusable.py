"""A subnet of the VPC connector cannot hold its network interfaces."""

from collections.abc import Iterator

from apprunner_watcher.knowledge.obstacle import checks
from apprunner_watcher.missing import Missing
from apprunner_watcher.network import Subnet, VpcConnector, subnet_of
from apprunner_watcher.rule import NETWORK, Confidence, Evidence, Finding, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

# zones in which App Runner has no VPC connectors: https://docs.aws.amazon.com/apprunner/latest/dg/network-vpc.html
_UNSUPPORTED_ZONES = frozenset({"use1-az3", "apne1-az3"})


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find App Runner's own words about a subnet; or a subnet without addresses, in another zone or of another kind."""
    if told := matches.service("subnet"):
        return Finding(Confidence.CERTAIN, (Evidence.of(told[0].line), *_unusable(snapshot)), {})
    if snapshot.configuration.egress_type != "VPC":
        return None
    if snapshot.application_log.failing or snapshot.service_log.health_check_passed:
        return None  # an instance ran: it had its interface
    unusable = tuple(_unusable(snapshot))
    if not unusable:
        return None
    # something else may end in silence as well, once a container runs
    is_early = not snapshot.service_log.health_check_started and not snapshot.service_log.exit
    return Finding(Confidence.LIKELY if is_early else Confidence.POSSIBLE, unusable, {})


def _unusable(snapshot: Snapshot) -> Iterator[Evidence]:
    for one in checks(snapshot):
        if one.blocked_by and one.blocked_by.kind == "connector-subnets":
            yield Evidence(NETWORK, one.because)
    subnets = tuple(_subnets(snapshot))
    for subnet in subnets:
        if subnet.zone_id in _UNSUPPORTED_ZONES:
            yield Evidence(NETWORK, f"{subnet.id} is in zone {subnet.zone_id}, in which App Runner has no connectors")
    single = [one.id for one in subnets if not one.ipv6_cidrs]
    if snapshot.configuration.ip_address_type == "DUAL_STACK" and single:
        yield Evidence(NETWORK, f"{', '.join(single)} has no IPv6 addresses, and IpAddressType is DUAL_STACK")


def _subnets(snapshot: Snapshot) -> Iterator[Subnet]:
    network = snapshot.parts.network
    if isinstance(network, Missing) or isinstance(network.subnets, Missing):
        return
    if isinstance(network.connector, VpcConnector):
        found = (subnet_of(network.subnets, one) for one in network.connector.subnet_ids)
        yield from (one for one in found if one)


RULE = Rule(
    id="connector-subnet-unusable",
    code="connector-subnet-unusable",
    title="A subnet of the VPC connector cannot be used",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "dependencies", "network", "service_log"}),
    why=(
        "App Runner puts network interfaces into the connector's subnets. That needs free addresses, a zone that App"
        " Runner supports, and subnets that all have the same type of IP addresses."
    ),
    fix=(
        Step("Make a new VPC connector in subnets with free addresses, in zones that App Runner supports."),
        Step("Use subnets of one IP address type: all IPv4, or all dual-stack."),
    ),
    false_alarms="A connector that has its interfaces already works on in a subnet that has filled up since.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/network-vpc.html",
    rollback="does-not-help",
    check=check,
    service_patterns={
        "subnet": (
            r"(?i)\bsubnets?\b[^\n]{0,200}(?:unsupported|not supported|availability zones? [^\n]{0,60}(?:un|not )support)"
            r"|unsupported availability zone|(?:insufficient|not enough|no) (?:free |available )?(?:ip )?addresses[^\n]{0,80}\bsubnet"
            r"|\bsubnets?\b[^\n]{0,120}(?:insufficient|not have enough|not enough|no (?:free|available)) (?:free |available )?(?:private )?(?:ip )?address"
            r"|InsufficientFreeAddressesInSubnet|subnets?[^\n]{0,80}same IP address type"
        )
    },
)
