"""Here you find how the network is read: the connector, its VPC, and the VPCs of what the service depends on.

Four rounds, side by side within each: the connector; its subnets; the tables of the VPCs; and, rarely, what those name.
Answers are filtered here once more: AWS filters as it is asked, a recording does not.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

from botocore import xform_name

from apprunner_watcher.dependency import Dependency, Resource
from apprunner_watcher.missing import Missing
from apprunner_watcher.network import (
    AclEntry,
    InternetGateway,
    NatGateway,
    Network,
    NetworkAcl,
    Peering,
    Permission,
    PrefixList,
    Route,
    RouteTable,
    SecurityGroup,
    Subnet,
    Vpc,
    VpcConnector,
    VpcEndpoint,
)

if TYPE_CHECKING:
    from mypy_boto3_apprunner import AppRunnerClient
    from mypy_boto3_ec2 import EC2Client

    from apprunner_watcher.aws.clients import Clients
    from apprunner_watcher.aws.read import Reading, Reads

READS = {
    "apprunner:DescribeVpcConnector": "arn:{partition}:apprunner:{region}:{account}:vpcconnector/*/*/*",
    # EC2's descriptions know no resources:
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
    "ec2:DescribeInternetGateways": "*",
    "ec2:DescribeNatGateways": "*",
    "ec2:DescribeNetworkAcls": "*",
    "ec2:DescribePrefixLists": "*",
    "ec2:DescribeRouteTables": "*",
    "ec2:DescribeSecurityGroups": "*",
    "ec2:DescribeSubnets": "*",
    "ec2:DescribeVpcAttribute": "*",
    "ec2:DescribeVpcEndpoints": "*",
    "ec2:DescribeVpcPeeringConnections": "*",
    "ec2:GetManagedPrefixListEntries": "arn:{partition}:ec2:{region}:{account}:prefix-list/*",
}
"""The IAM actions of the reads, and what they are allowed on."""

_CONNECTOR = "VPC connector"
_MOST_PAGES = 5
_MOST_PREFIX_LISTS = 5

_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)
_Described = Mapping[str, Any]
"""One thing in an answer of AWS, as boto3 gives it. What its model promises may still be absent."""


class _Answer(Protocol[_T_co]):
    """An answer that is on its way, or known."""

    def result(self) -> _T_co | Missing: ...


def read_network(
    reads: "Reads", clients: "Clients", connector_arn: str, dependencies: Callable[[], tuple[Dependency, ...]]
) -> Network:
    """Read what stands between the service and its dependencies. It waits for answers: run it as a part.

    `connector_arn` is empty where egress is not through a VPC. `dependencies` is waited for as late as possible.
    Where neither names a VPC, EC2 is not asked, and its client is not built.
    """
    if not connector_arn:
        resources = _resources(dependencies())
        return _Reader(reads, clients.ec2).of_dependencies(None, resources) if resources else Network()
    apprunner = clients.apprunner
    described = reads.begin(_CONNECTOR, "apprunner:DescribeVpcConnector", lambda: _connector(apprunner, connector_arn))
    reader = _Reader(reads, clients.ec2)  # built while App Runner answers
    connector = described.result()
    if isinstance(connector, Missing):
        return reader.of_dependencies(connector, _resources(dependencies()))
    return reader.of_connector(connector, dependencies)


def _connector(apprunner: "AppRunnerClient", arn: str) -> VpcConnector | Missing:
    try:
        found: _Described = apprunner.describe_vpc_connector(VpcConnectorArn=arn)["VpcConnector"]
    except apprunner.exceptions.ResourceNotFoundException:
        return Missing(_CONNECTOR, f"App Runner knows none of the ARN {arn} (any more)")
    return VpcConnector(
        name=found.get("VpcConnectorName", ""),
        arn=arn,
        status=found.get("Status", ""),
        subnet_ids=tuple(found.get("Subnets", ())),
        security_group_ids=tuple(found.get("SecurityGroups", ())),
    )


def _resources(dependencies: Iterable[Dependency]) -> tuple[Resource, ...]:
    """Those in a VPC."""
    return tuple(one.resource for one in dependencies if isinstance(one.resource, Resource) and one.resource.vpc_id)


class _Known(Generic[_T]):
    """What needs no call, where others wait for an answer."""

    def __init__(self, value: _T | Missing) -> None:
        self._value = value

    def result(self) -> _T | Missing:
        return self._value


class _Reader:
    """Asks EC2 what it has in VPCs."""

    def __init__(self, reads: "Reads", ec2: "EC2Client") -> None:
        self._reads = reads
        self._ec2 = ec2

    def of_dependencies(self, connector: Missing | None, resources: tuple[Resource, ...]) -> Network:
        """What can be seen without the connector: whether a public database can be reached from outside."""
        vpc_ids = frozenset(one.vpc_id for one in resources)
        if not vpc_ids:
            return Network(connector=connector)
        subnets, tables = self._subnets_of_vpcs(vpc_ids), self._route_tables(vpc_ids)
        gateways, acls = self._internet_gateways(vpc_ids), self._network_acls(vpc_ids)
        groups = self._groups(_groups_of(resources)).result()
        lists, others = self._prefix_lists(groups, ())
        return Network(
            connector=connector,
            subnets=subnets.result(),
            route_tables=tables.result(),
            internet_gateways=gateways.result(),
            network_acls=acls.result(),
            security_groups=groups,
            prefix_lists=lists,
            others=others,
        )

    def of_connector(self, connector: VpcConnector, dependencies: Callable[[], tuple[Dependency, ...]]) -> Network:
        """Everything that a packet passes on its way from the connector."""
        own = self._subnets(connector.subnet_ids).result()
        home = sorted({one.vpc_id for one in _read(own)})
        settings = [self._vpc(vpc_id) for vpc_id in home]
        resources = _resources(dependencies())
        vpc_ids = frozenset((*home, *(one.vpc_id for one in resources)))
        group_ids = frozenset((*connector.security_group_ids, *_groups_of(resources)))
        if not vpc_ids:
            return _without_vpc(connector, own, self._groups(group_ids).result())
        subnets, tables = self._subnets_of_vpcs(vpc_ids), self._route_tables(vpc_ids)
        endpoints, groups = self._endpoints(vpc_ids), self._groups(group_ids)
        gateways, nat_gateways = self._internet_gateways(vpc_ids), self._nat_gateways(vpc_ids)
        acls = self._network_acls(vpc_ids)
        of_endpoints = self._groups(_groups_of(_read(endpoints.result())) - group_ids)
        peerings = self._peerings(tables.result())
        all_groups, unread_groups = _together(groups.result(), of_endpoints.result())
        all_subnets, unread_subnets = _together(own, subnets.result())
        lists, unread_lists = self._prefix_lists(all_groups, _read(tables.result()))
        return Network(
            connector=connector,
            vpcs=_vpcs(settings),
            subnets=all_subnets,
            route_tables=tables.result(),
            nat_gateways=nat_gateways.result(),
            internet_gateways=gateways.result(),
            peerings=peerings.result(),
            endpoints=endpoints.result(),
            security_groups=all_groups,
            network_acls=acls.result(),
            prefix_lists=lists,
            others=(*unread_subnets, *unread_groups, *unread_lists),
        )

    def _subnets(self, ids: tuple[str, ...]) -> "_Answer[tuple[Subnet, ...]]":
        return self._some(
            "subnets",
            "DescribeSubnets",
            "Subnets",
            lambda one: _subnet(one) if one.get("SubnetId", "") in ids else None,
            Filters=_filter("subnet-id", ids),
        )

    def _subnets_of_vpcs(self, vpc_ids: frozenset[str]) -> "_Answer[tuple[Subnet, ...]]":
        return self._of_vpcs("subnets", "DescribeSubnets", "Subnets", _subnet, vpc_ids)

    def _route_tables(self, vpc_ids: frozenset[str]) -> "_Answer[tuple[RouteTable, ...]]":
        return self._of_vpcs("route tables", "DescribeRouteTables", "RouteTables", _route_table, vpc_ids)

    def _endpoints(self, vpc_ids: frozenset[str]) -> "_Answer[tuple[VpcEndpoint, ...]]":
        return self._of_vpcs("VPC endpoints", "DescribeVpcEndpoints", "VpcEndpoints", _endpoint, vpc_ids)

    def _network_acls(self, vpc_ids: frozenset[str]) -> "_Answer[tuple[NetworkAcl, ...]]":
        return self._of_vpcs("network ACLs", "DescribeNetworkAcls", "NetworkAcls", _network_acl, vpc_ids)

    def _of_vpcs(
        self, what: str, operation: str, key: str, understand: Callable[[_Described], _T], vpc_ids: frozenset[str]
    ) -> "_Answer[tuple[_T, ...]]":
        return self._some(
            what,
            operation,
            key,
            lambda one: understand(one) if one.get("VpcId") in vpc_ids else None,
            Filters=_filter("vpc-id", vpc_ids),
        )

    def _nat_gateways(self, vpc_ids: frozenset[str]) -> "_Answer[tuple[NatGateway, ...]]":
        return self._some(
            "NAT gateways",
            "DescribeNatGateways",
            "NatGateways",
            lambda one: _nat_gateway(one) if one.get("VpcId") in vpc_ids else None,
            Filter=_filter("vpc-id", vpc_ids),  # of all descriptions, only this one spells it so
        )

    def _internet_gateways(self, vpc_ids: frozenset[str]) -> "_Answer[tuple[InternetGateway, ...]]":
        def of_vpcs(one: _Described) -> InternetGateway | None:
            gateway = _internet_gateway(one)
            return gateway if vpc_ids.intersection(gateway.vpc_ids) else None

        return self._some(
            "internet gateways",
            "DescribeInternetGateways",
            "InternetGateways",
            of_vpcs,
            Filters=_filter("attachment.vpc-id", vpc_ids),
        )

    def _peerings(self, tables: tuple[RouteTable, ...] | Missing) -> "_Answer[tuple[Peering, ...]]":
        """The peering connections that routes lead to."""
        if isinstance(tables, Missing):
            return _Known(Missing("peering connections", "the routes that lead to them could not be read"))
        ids = {route.target for table in tables for route in table.routes if route.target.startswith("pcx-")}
        if not ids:
            return _Known(())
        return self._some(
            "peering connections",
            "DescribeVpcPeeringConnections",
            "VpcPeeringConnections",
            lambda one: _peering(one) if one.get("VpcPeeringConnectionId") in ids else None,
            Filters=_filter("vpc-peering-connection-id", ids),
        )

    def _groups(self, group_ids: Iterable[str]) -> "_Answer[tuple[SecurityGroup, ...]]":
        """Security groups. By a filter: one unknown id among GroupIds fails the call."""
        ids = frozenset(group_ids)
        if not ids:
            return _Known(())
        return self._some(
            "security groups",
            "DescribeSecurityGroups",
            "SecurityGroups",
            lambda one: _security_group(one) if one.get("GroupId") in ids else None,
            Filters=_filter("group-id", ids),
        )

    def _prefix_lists(
        self, groups: tuple[SecurityGroup, ...] | Missing, tables: Iterable[RouteTable]
    ) -> tuple[tuple[PrefixList, ...] | Missing, tuple[Missing, ...]]:
        """The prefix lists that rules and routes name, and what could not be read of them.

        AWS's own for gateway endpoints come with their entries in one call, the others are read one by one.
        """
        ids = _prefix_lists_of(_read(groups), tables)
        if not ids:
            return (), ()
        named = self._some(
            "prefix lists",
            "DescribePrefixLists",
            "PrefixLists",
            lambda one: _prefix_list(one) if one.get("PrefixListId") in ids else None,
            Filters=_filter("prefix-list-id", ids),
        ).result()
        complete = tuple(one for one in _read(named) if one.cidrs)
        names = {one.id: one.name for one in _read(named)}
        left = sorted(ids - {one.id for one in complete})
        entries = [self._entries(one, names.get(one, "")) for one in left[:_MOST_PREFIX_LISTS]]
        results = [named, *(one.result() for one in entries), *map(_one_too_many, left[_MOST_PREFIX_LISTS:])]
        lists = (*complete, *(one for one in results if isinstance(one, PrefixList)))
        return lists, tuple(one for one in results if isinstance(one, Missing))

    def _entries(self, prefix_list_id: str, name: str) -> "_Answer[PrefixList]":
        def understand(found: list[_Described]) -> PrefixList:
            return PrefixList(prefix_list_id, name, tuple(one["Cidr"] for one in found if "Cidr" in one))

        return self._whole(
            f"prefix list {prefix_list_id}",
            "GetManagedPrefixListEntries",
            "Entries",
            understand,
            PrefixListId=prefix_list_id,
        )

    def _vpc(self, vpc_id: str) -> "tuple[str, Reading[bool | None], Reading[bool | None]]":
        """A VPC's two DNS settings: one call tells one of them."""

        def setting(attribute: Literal["enableDnsSupport", "enableDnsHostnames"]) -> bool | None:
            answer: _Described = self._ec2.describe_vpc_attribute(VpcId=vpc_id, Attribute=attribute)
            value = answer.get(attribute[0].upper() + attribute[1:], {}).get("Value")
            return value if isinstance(value, bool) else None

        what, action = "DNS settings of the VPC", "ec2:DescribeVpcAttribute"
        support = self._reads.begin(what, action, lambda: setting("enableDnsSupport"))
        hostnames = self._reads.begin(what, action, lambda: setting("enableDnsHostnames"))
        return vpc_id, support, hostnames

    def _some(
        self, what: str, operation: str, key: str, understand: Callable[[_Described], _T | None], **parameters: Any
    ) -> "_Answer[tuple[_T, ...]]":
        """All things of a description that `understand` gives something for."""

        def together(found: list[_Described]) -> tuple[_T, ...]:
            return tuple(one for one in map(understand, found) if one is not None)

        return self._whole(what, operation, key, together, **parameters)

    def _whole(
        self, what: str, operation: str, key: str, understand: Callable[[list[_Described]], _T], **parameters: Any
    ) -> "_Answer[_T]":
        """A description, read to its end: half a table would tell half-truths."""

        def call() -> _T | Missing:
            client: Any = self._ec2
            found: list[_Described] = []
            token: dict[str, str] = {}
            for _ in range(_MOST_PAGES):
                page = getattr(client, xform_name(operation))(**parameters, **token)
                found += page.get(key) or []
                if not page.get("NextToken"):
                    return understand(found)
                token = {"NextToken": page["NextToken"]}
            return Missing(what, f"there are more than {_MOST_PAGES} pages of them, and no more are read")

        answer: Reading[_T | Missing] = self._reads.begin(what, f"ec2:{operation}", call)
        return answer


def _filter(name: str, values: Iterable[str]) -> list[dict[str, Any]]:
    return [{"Name": name, "Values": sorted(values)}]


def _read(part: tuple[_T, ...] | Missing) -> tuple[_T, ...]:
    """What there is of it."""
    return () if isinstance(part, Missing) else part


def _together(
    one: tuple[_T, ...] | Missing, other: tuple[_T, ...] | Missing
) -> tuple[tuple[_T, ...] | Missing, tuple[Missing, ...]]:
    """Two answers about one table, and what is Missing where the other one can still be used."""
    if isinstance(one, Missing):
        return other, () if isinstance(other, Missing) else (one,)
    if isinstance(other, Missing):
        return one, (other,)
    return tuple(dict.fromkeys((*one, *other))), ()


def _groups_of(those: Iterable[Resource | VpcEndpoint]) -> frozenset[str]:
    return frozenset(group_id for one in those for group_id in one.security_group_ids)


def _prefix_lists_of(groups: Iterable[SecurityGroup], tables: Iterable[RouteTable]) -> frozenset[str]:
    """Those that rules name, and routes. A route to a gateway endpoint names the list of its service: that is known."""
    rules = (rule for group in groups for rule in (*group.ingress, *group.egress))
    routes = (route for table in tables for route in table.routes if not route.target.startswith("vpce-"))
    of_rules = (prefix_list_id for rule in rules for prefix_list_id in rule.prefix_list_ids)
    return frozenset((*of_rules, *(one.destination for one in routes if one.destination.startswith("pl-"))))


def _one_too_many(prefix_list_id: str) -> Missing:
    return Missing(f"prefix list {prefix_list_id}", f"no more than {_MOST_PREFIX_LISTS} of them are read")


def _without_vpc(
    connector: VpcConnector, own: tuple[Subnet, ...] | Missing, groups: tuple[SecurityGroup, ...] | Missing
) -> Network:
    """Nothing can be asked about a VPC whose id is not known."""
    unknown = own if isinstance(own, Missing) else Missing("VPC", "EC2 shows none of the connector's subnets")
    return Network(
        connector=connector,
        vpcs=unknown,
        subnets=own,
        route_tables=unknown,
        nat_gateways=unknown,
        internet_gateways=unknown,
        peerings=unknown,
        endpoints=unknown,
        security_groups=groups,
        network_acls=unknown,
    )


_Settings = tuple[str, "_Answer[bool | None]", "_Answer[bool | None]"]


def _vpcs(settings: Iterable[_Settings]) -> tuple[Vpc, ...] | Missing:
    vpcs = []
    for vpc_id, support, hostnames in settings:
        dns_support, dns_hostnames = support.result(), hostnames.result()
        if isinstance(dns_support, Missing):
            return dns_support
        if isinstance(dns_hostnames, Missing):
            return dns_hostnames
        vpcs.append(Vpc(vpc_id, dns_support, dns_hostnames))
    return tuple(vpcs)


def _subnet(one: _Described) -> Subnet:
    return Subnet(
        id=one["SubnetId"],
        vpc_id=one["VpcId"],
        cidr=one.get("CidrBlock", ""),
        ipv6_cidrs=tuple(
            block["Ipv6CidrBlock"]
            for block in one.get("Ipv6CidrBlockAssociationSet", ())
            if block.get("Ipv6CidrBlockState", {}).get("State") == "associated"
        ),
        zone=one.get("AvailabilityZone", ""),
        zone_id=one.get("AvailabilityZoneId", ""),
        free_addresses=one.get("AvailableIpAddressCount"),
    )


def _route_table(one: _Described) -> RouteTable:
    associations = one.get("Associations", ())
    return RouteTable(
        id=one["RouteTableId"],
        vpc_id=one["VpcId"],
        is_main=any(association.get("Main") for association in associations),
        subnet_ids=tuple(association["SubnetId"] for association in associations if "SubnetId" in association),
        routes=tuple(_route(route) for route in one.get("Routes", ())),
    )


_DESTINATIONS = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
# an instance comes before its interface: both are given
_TARGETS = (
    "GatewayId",
    "NatGatewayId",
    "TransitGatewayId",
    "VpcPeeringConnectionId",
    "EgressOnlyInternetGatewayId",
    "InstanceId",
    "NetworkInterfaceId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "CoreNetworkArn",
)


def _route(one: _Described) -> Route:
    return Route(
        destination=next((one[name] for name in _DESTINATIONS if one.get(name)), ""),
        target=next((one[name] for name in _TARGETS if one.get(name)), ""),
        is_active=one.get("State", "active") == "active",
    )


def _nat_gateway(one: _Described) -> NatGateway:
    return NatGateway(
        id=one["NatGatewayId"],
        vpc_id=one["VpcId"],
        subnet_id=one.get("SubnetId", ""),
        state=one.get("State", ""),
        is_public=one.get("ConnectivityType", "public") == "public",
    )


def _internet_gateway(one: _Described) -> InternetGateway:
    attached = (it for it in one.get("Attachments", ()) if it.get("State") not in {"detaching", "detached"})
    return InternetGateway(one["InternetGatewayId"], tuple(it["VpcId"] for it in attached if "VpcId" in it))


def _peering(one: _Described) -> Peering:
    sides = (one.get("RequesterVpcInfo", {}), one.get("AccepterVpcInfo", {}))
    return Peering(
        id=one["VpcPeeringConnectionId"],
        vpc_ids=tuple(side["VpcId"] for side in sides if "VpcId" in side),
        status=one.get("Status", {}).get("Code", ""),
    )


def _endpoint(one: _Described) -> VpcEndpoint:
    return VpcEndpoint(
        id=one["VpcEndpointId"],
        vpc_id=one["VpcId"],
        service=one.get("ServiceName", ""),
        kind=one.get("VpcEndpointType", "Gateway"),
        state=one.get("State", "").lower(),  # EC2 spells it in both ways
        subnet_ids=tuple(one.get("SubnetIds", ())),
        route_table_ids=tuple(one.get("RouteTableIds", ())),
        security_group_ids=tuple(group["GroupId"] for group in one.get("Groups", ()) if "GroupId" in group),
        private_dns=bool(one.get("PrivateDnsEnabled")),
    )


def _security_group(one: _Described) -> SecurityGroup:
    return SecurityGroup(
        id=one["GroupId"],
        name=one.get("GroupName", ""),
        vpc_id=one.get("VpcId", ""),
        ingress=tuple(_permission(rule) for rule in one.get("IpPermissions", ())),
        egress=tuple(_permission(rule) for rule in one.get("IpPermissionsEgress", ())),
    )


def _permission(one: _Described) -> Permission:
    blocks = [block.get("CidrIp") for block in one.get("IpRanges", ())]
    blocks += [block.get("CidrIpv6") for block in one.get("Ipv6Ranges", ())]
    return Permission(
        protocol=one.get("IpProtocol", "-1"),
        from_port=one.get("FromPort"),
        to_port=one.get("ToPort"),
        cidrs=tuple(block for block in blocks if block),
        group_ids=tuple(pair["GroupId"] for pair in one.get("UserIdGroupPairs", ()) if "GroupId" in pair),
        prefix_list_ids=tuple(it["PrefixListId"] for it in one.get("PrefixListIds", ()) if "PrefixListId" in it),
    )


def _network_acl(one: _Described) -> NetworkAcl:
    return NetworkAcl(
        id=one["NetworkAclId"],
        vpc_id=one["VpcId"],
        is_default=bool(one.get("IsDefault")),
        subnet_ids=tuple(it["SubnetId"] for it in one.get("Associations", ()) if "SubnetId" in it),
        entries=tuple(_entry(entry) for entry in one.get("Entries", ())),
    )


def _entry(one: _Described) -> AclEntry:
    ports = one.get("PortRange", {})
    return AclEntry(
        number=one["RuleNumber"],
        direction="egress" if one.get("Egress") else "ingress",
        allows=one.get("RuleAction") == "allow",
        protocol=one.get("Protocol", "-1"),
        cidr=one.get("CidrBlock") or one.get("Ipv6CidrBlock", ""),
        from_port=ports.get("From"),
        to_port=ports.get("To"),
    )


def _prefix_list(one: _Described) -> PrefixList:
    return PrefixList(one["PrefixListId"], one.get("PrefixListName", ""), tuple(one.get("Cidrs", ())))
