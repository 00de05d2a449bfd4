"""The network is followed hop by hop: what is blocked is proven, what is not known is said, and nothing is guessed."""

import re
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
from apprunner_watcher.reachability import Check, checks

HOME, OTHER = "vpc-home", "vpc-other"
CONNECTOR = VpcConnector("shop", "arn:connector", "ACTIVE", ("subnet-a", "subnet-b"), ("sg-app",))
LOCAL, OUT = Route("10.0.0.0/16", "local"), Route("0.0.0.0/0", "nat-1")
SUBNETS = (
    Subnet("subnet-a", HOME, "10.0.1.0/24", free_addresses=200),
    Subnet("subnet-b", HOME, "10.0.2.0/24", free_addresses=200),
    Subnet("subnet-db1", HOME, "10.0.11.0/24"),
    Subnet("subnet-db2", HOME, "10.0.12.0/24"),
    Subnet("subnet-pub", HOME, "10.0.0.0/24"),
    Subnet("subnet-far", OTHER, "10.9.1.0/24"),
)


def allow(number: int, direction: Any, cidr: str = "0.0.0.0/0", ports: tuple[int, int] | None = None) -> AclEntry:
    first, last = ports or (None, None)
    return AclEntry(number, direction, True, "6" if ports else "-1", cidr, first, last)  # noqa: FBT003  # a row of a table


def deny(number: int, direction: Any, cidr: str = "0.0.0.0/0", ports: tuple[int, int] | None = None) -> AclEntry:
    return replace(allow(number, direction, cidr, ports), allows=False)


OPEN = (allow(100, "ingress"), allow(100, "egress"))


def acls(*entries: AclEntry, subnet: str = "subnet-db1") -> tuple[NetworkAcl, ...]:
    """One subnet with an ACL of its own, the others with the default one."""
    own = NetworkAcl("acl-own", HOME, False, (subnet,), entries)  # noqa: FBT003  # a row of a table
    return (NetworkAcl("acl-0", HOME, True, (), OPEN), own)  # noqa: FBT003  # a row of a table


def tables(a: tuple[Route, ...] = (LOCAL, OUT), b: tuple[Route, ...] | None = None, **more: tuple[Route, ...]) -> Any:
    """The connector's subnets have tables of their own; the main one is public; `far` is that of the other VPC."""
    b = a if b is None else b
    public = more.get("pub", (LOCAL, Route("0.0.0.0/0", "igw-1")))
    far = more.get("far", (Route("10.9.0.0/16", "local"), Route("10.0.0.0/16", "pcx-1")))
    return (
        RouteTable("rtb-main", HOME, True, (), public),  # noqa: FBT003  # a row of a table
        RouteTable("rtb-a", HOME, False, ("subnet-a",), a),  # noqa: FBT003  # a row of a table
        RouteTable("rtb-b", HOME, False, ("subnet-b",), b),  # noqa: FBT003  # a row of a table
        RouteTable("rtb-far", OTHER, True, (), far),  # noqa: FBT003  # a row of a table
    )


def rule(port: int = 5432, protocol: str = "tcp", **who: tuple[str, ...]) -> Permission:
    return Permission(protocol, None if protocol == "-1" else port, None if protocol == "-1" else port, **who)


def group(group_id: str, *ingress: Permission, egress: tuple[Permission, ...] | None = None) -> SecurityGroup:
    everything = (Permission("-1", None, None, cidrs=("0.0.0.0/0",)),)
    return SecurityGroup(group_id, group_id, HOME, ingress, everything if egress is None else egress)


DB_GROUP = group("sg-db", rule(group_ids=("sg-app",)))
NETWORK = Network(
    connector=CONNECTOR,
    vpcs=(Vpc(HOME, dns_support=True, dns_hostnames=True),),
    subnets=SUBNETS,
    route_tables=tables(),
    nat_gateways=(NatGateway("nat-1", HOME, "subnet-pub", "available", is_public=True),),
    internet_gateways=(InternetGateway("igw-1", (HOME,)),),
    security_groups=(group("sg-app"), DB_GROUP),
    network_acls=acls(*OPEN),
)
DB = Resource("RDS instance", "shop-db", "available", "postgres", "16", 5432, HOME, ("subnet-db1",), ("sg-db",), False)  # noqa: FBT003  # a row of a table
GONE = Missing("it", "nobody may read it")


def on(resource: Resource | Missing | None = DB, host: str = "shop-db.x.us-east-1.rds.amazonaws.com") -> Dependency:
    return Dependency(host, 5432, "postgres", ("DATABASE_URL",), resource=resource)


def about_dependency(network: Network, dependency: Dependency | None = None, *, vpc: bool = True) -> Check:
    dependency = dependency or on()
    (one,) = (c for c in checks(vpc, network, (dependency,)) if c.topic == "dependency")
    assert one.about is dependency
    return one


def about_internet(network: Network) -> Check:
    (one,) = (c for c in checks(True, network, ()) if c.topic == "internet")  # noqa: FBT003  # a row of a table
    return one


def about_api(network: Network, api: str = "s3") -> Check:
    (one,) = (c for c in checks(True, network, (), (api,)) if c.topic == "api")  # noqa: FBT003  # a row of a table
    return one


def the(what: str, network: Network, *dependencies: Dependency) -> Check:
    (one,) = (c for c in checks(True, network, dependencies) if what in c.what)  # noqa: FBT003  # a row of a table
    return one


def kind(check: Check) -> str:
    assert (check.result == "blocked") == (check.blocked_by is not None)
    return check.blocked_by.kind if check.blocked_by else check.result


def net(**changes: Any) -> Network:
    return replace(NETWORK, **changes)


def test_an_open_way_is_told_hop_by_hop() -> None:
    check = about_dependency(NETWORK)
    assert check.what == "connector reaches database shop-db:5432"
    assert check.result == "ok"
    assert check.because == "sg-db admits the connector's security group sg-app on tcp 5432"
    story = "\n".join(check.path)
    order = ("connector shop", "sg-app", "acl-0", "rtb-a routes 10.0.0.0/16 to local", "acl-own", "sg-db admits")
    places = [story.find(one) for one in order if one != "acl-own"]
    assert places == sorted(places)
    assert -1 not in places


# --- The connector ---


def test_a_connector_that_no_longer_exists_leaves_everything_unknown() -> None:
    found = checks(True, net(connector=GONE), (on(), on(None, "localhost")), ("s3",))  # noqa: FBT003  # a row of a table
    assert {one.result for one in found if "localhost" not in one.what} == {"unknown"}
    assert all("nobody may read it" in one.because for one in found if one.result == "unknown")
    assert checks(True, net(connector=None), ())[0].result == "unknown"  # noqa: FBT003  # a row of a table


@pytest.mark.parametrize(("status", "result"), [("ACTIVE", "ok"), ("INACTIVE", "blocked"), ("NEWER", "unknown")])
def test_the_status_of_the_connector_decides(status: str, result: str) -> None:
    network = net(connector=replace(CONNECTOR, status=status))
    assert the("is active", network).result == result
    assert about_dependency(network).result == result


@pytest.mark.parametrize(("free", "result"), [(9, "ok"), (0, "blocked"), (None, "unknown")])
def test_the_subnets_of_the_connector_need_free_addresses(free: int | None, result: str) -> None:
    check = the("free addresses", net(subnets=(SUBNETS[0], replace(SUBNETS[1], free_addresses=free))))
    assert check.result == result
    assert not check.blocked_by or check.blocked_by.subnet_ids == ("subnet-b",)


@pytest.mark.parametrize(("support", "result"), [(True, "ok"), (False, "blocked"), (None, "unknown")])
def test_names_resolve_where_the_vpc_has_dns(support: bool | None, result: str) -> None:  # noqa: FBT001  # a case of a table
    network = net(vpcs=(Vpc(HOME, dns_support=support),))
    assert the("names resolve", network).result == result
    assert kind(about_dependency(network)) == ("dns" if result == "blocked" else "ok")
    address = about_dependency(network, on(host="10.0.11.7"))
    assert address.result == "ok"  # an address needs no name


@pytest.mark.parametrize(
    ("subnet_ids", "says"), [(("subnet-b", "subnet-db1"), "own subnets subnet-b"), (("subnet-db1",), "local route")]
)
def test_subnets_that_are_shared_are_named(subnet_ids: tuple[str, ...], says: str) -> None:
    check = the("subnets shared with database shop-db", NETWORK, on(replace(DB, subnet_ids=subnet_ids)))
    assert check.result == "ok"
    assert says in check.because


# --- Security groups ---


@pytest.mark.parametrize(
    ("ingress", "result"),
    [
        ((rule(group_ids=("sg-app",)),), "ok"),
        ((rule(protocol="-1", group_ids=("sg-app",)),), "ok"),
        ((Permission("tcp", 5000, 6000, cidrs=("10.0.0.0/16",)),), "ok"),
        ((rule(cidrs=("10.0.1.0/24",)), rule(cidrs=("10.0.2.0/24",))), "ok"),
        ((rule(prefix_list_ids=("pl-home",)),), "ok"),
        ((), "security-group-ingress"),
        ((rule(3306, group_ids=("sg-app",)),), "security-group-ingress"),
        ((rule(protocol="udp", group_ids=("sg-app",)),), "security-group-ingress"),
        ((rule(group_ids=("sg-deleted",)),), "security-group-ingress"),
        ((rule(cidrs=("::/0",)),), "security-group-ingress"),
        ((rule(cidrs=("2600:1f18::/36", "192.168.0.0/16")),), "security-group-ingress"),
        ((rule(cidrs=("10.0.1.0/24",)),), "security-group-ingress"),  # from subnet-b it fails
        ((rule(prefix_list_ids=("pl-empty",)),), "security-group-ingress"),
        ((rule(prefix_list_ids=("pl-unread",)),), "unknown"),
        ((rule(cidrs=("10.0.1.7/32", "10.0.2.7/32")),), "unknown"),
        ((rule(cidrs=("no block at all",)),), "unknown"),
    ],
)
def test_what_a_rule_of_the_destination_admits(ingress: tuple[Permission, ...], result: str) -> None:
    lists = (PrefixList("pl-home", "home", ("10.0.0.0/8",)), PrefixList("pl-empty", "none", ()))
    check = about_dependency(net(security_groups=(group("sg-app"), group("sg-db", *ingress)), prefix_lists=lists))
    assert kind(check) == result


def test_a_block_names_what_a_command_needs() -> None:
    block = about_dependency(net(security_groups=(group("sg-app"), group("sg-db")))).blocked_by
    assert block
    assert (block.group_id, block.source_group_id, block.protocol, block.port) == ("sg-db", "sg-app", "tcp", 5432)
    assert block.direction == "ingress"
    assert block.subnet_ids == ("subnet-a", "subnet-b")


def test_what_fails_from_some_subnets_is_blocked_and_says_from_which() -> None:
    groups = (group("sg-app"), group("sg-db", rule(cidrs=("10.0.1.0/24",))))
    check = about_dependency(net(security_groups=groups))
    assert "from subnet-b (not from subnet-a)" in check.because
    assert check.blocked_by
    assert check.blocked_by.subnet_ids == ("subnet-b",)


@pytest.mark.parametrize(
    ("egress", "result"),
    [
        ((rule(group_ids=("sg-db",)),), "ok"),
        ((rule(cidrs=("10.0.11.0/24",)),), "ok"),
        ((), "security-group-egress"),
        ((rule(443, cidrs=("0.0.0.0/0",)),), "security-group-egress"),
        ((rule(cidrs=("::/0",)),), "security-group-egress"),
        ((rule(cidrs=("10.0.11.7/32",)),), "unknown"),
    ],
)
def test_what_the_connector_lets_out(egress: tuple[Permission, ...], result: str) -> None:
    check = about_dependency(net(security_groups=(group("sg-app", egress=egress), DB_GROUP)))
    assert kind(check) == result


@pytest.mark.parametrize(
    ("ids", "groups", "result"),
    [
        (("sg-gone", "sg-db"), (DB_GROUP,), "ok"),
        (("sg-empty", "sg-db"), (group("sg-empty"), DB_GROUP), "ok"),
        (("sg-gone",), (DB_GROUP,), "unknown"),
        (("sg-gone", "sg-empty"), (group("sg-empty"),), "unknown"),
        ((), (DB_GROUP,), "unknown"),
    ],
)
def test_one_of_several_groups_is_enough_and_one_that_is_not_shown_may_be_it(
    ids: tuple[str, ...], groups: tuple[SecurityGroup, ...], result: str
) -> None:
    check = about_dependency(net(security_groups=(group("sg-app"), *groups)), on(replace(DB, security_group_ids=ids)))
    assert kind(check) == result


def test_several_groups_of_the_connector() -> None:
    connector = replace(CONNECTOR, security_group_ids=("sg-shut", "sg-app"))
    network = net(connector=connector, security_groups=(group("sg-shut", egress=()), group("sg-app"), DB_GROUP))
    assert about_dependency(network).result == "ok"
    assert about_dependency(net(connector=replace(CONNECTOR, security_group_ids=()))).result == "unknown"


# --- Network ACLs ---


@pytest.mark.parametrize(
    ("entries", "result"),
    [
        (OPEN, "ok"),
        ((), "network-acl"),
        ((deny(90, "ingress", ports=(5432, 5432)), *OPEN), "network-acl"),
        ((deny(110, "ingress", ports=(5432, 5432)), *OPEN), "ok"),
        ((deny(90, "ingress", ports=(22, 22)), *OPEN), "ok"),
        ((deny(90, "ingress", "10.0.2.0/24"), *OPEN), "network-acl"),
        ((deny(90, "ingress", "10.0.1.7/32"), *OPEN), "unknown"),
        ((deny(90, "ingress", "::/0"), *OPEN), "ok"),
        ((allow(80, "ingress", "10.0.1.7/32"), deny(90, "ingress"), allow(90, "egress")), "network-acl"),  # subnet-b
        (
            (
                allow(80, "ingress", "10.0.0.0/29"),
                allow(81, "ingress", "10.0.1.0/29"),
                allow(82, "ingress", "10.0.2.0/29"),
                deny(90, "ingress"),
                allow(90, "egress"),
            ),
            "unknown",
        ),
        ((allow(100, "ingress", ports=(5432, 5432)),), "network-acl"),  # stateless: no answer gets out
        ((allow(100, "ingress", ports=(5432, 5432)), allow(100, "egress", ports=(5432, 5432))), "network-acl"),
        ((allow(100, "ingress", ports=(5432, 5432)), allow(100, "egress", ports=(1024, 65535))), "ok"),
        ((allow(100, "ingress", ports=(5432, 5432)), allow(100, "egress", ports=(1024, 40000))), "unknown"),
        ((deny(90, "egress", ports=(33890, 33890)), *OPEN), "ok"),
        ((allow(100, "ingress", "::/0"), allow(100, "egress", "::/0")), "network-acl"),
        ((allow(100, "ingress", "odd"), allow(100, "egress")), "unknown"),
    ],
)
def test_a_network_acl_is_read_by_number_and_both_ways(entries: tuple[AclEntry, ...], result: str) -> None:
    check = about_dependency(net(network_acls=acls(*entries)))
    assert kind(check) == result
    assert not check.blocked_by or check.blocked_by.id == "acl-own"


def test_the_acl_of_the_connectors_subnet_counts_as_well() -> None:
    shut_in = acls(allow(100, "egress"), subnet="subnet-b")
    check = about_dependency(net(network_acls=shut_in))
    assert kind(check) == "network-acl"
    assert check.blocked_by
    assert (check.blocked_by.direction, check.blocked_by.subnet_ids) == ("ingress", ("subnet-b",))


def test_inside_one_subnet_no_acl_is_passed() -> None:
    connector = replace(CONNECTOR, subnet_ids=("subnet-db1",))
    assert about_dependency(net(connector=connector, network_acls=acls())).result == "ok"


@pytest.mark.parametrize("unread", [GONE, ()])
def test_acls_that_could_not_be_read_are_taken_for_granted_and_said(unread: Any) -> None:
    check = about_dependency(net(network_acls=unread))
    assert check.result == "ok"
    assert check.because.endswith("on tcp 5432; network ACLs could not be read")


# --- Routes ---


@pytest.mark.parametrize(
    ("routes", "result"),
    [
        ((LOCAL,), "ok"),
        (GONE, "ok"),
        ((), "ok"),  # the local route always exists
        ((LOCAL, Route("10.0.11.0/24", "eni-1")), "unknown"),
        ((LOCAL, Route("10.0.11.8/29", "eni-1")), "unknown"),
        ((LOCAL, Route("10.0.11.0/24", "eni-1", is_active=False)), "route"),
        ((LOCAL, Route("pl-unread", "tgw-1")), "unknown"),
        ((LOCAL, Route("pl-s3", "vpce-1")), "ok"),
        ((LOCAL, Route("::/0", "eigw-1")), "ok"),
    ],
)
def test_routes_inside_one_vpc(routes: Any, result: str) -> None:
    route_tables = GONE if isinstance(routes, Missing) else tables(routes)
    assert kind(about_dependency(net(route_tables=route_tables))) == result


FAR = on(replace(DB, vpc_id=OTHER, subnet_ids=("subnet-far",)))
PEERED = (LOCAL, OUT, Route("10.9.0.0/16", "pcx-1"))
PEERING = Peering("pcx-1", (HOME, OTHER), "active")


@pytest.mark.parametrize(
    ("routes", "peerings", "far", "result"),
    [
        (PEERED, (PEERING,), None, "ok"),
        (PEERED, (PEERING,), (Route("10.9.0.0/16", "local"),), "route"),  # no way back
        (PEERED, (PEERING,), (Route("10.0.1.0/24", "pcx-1"),), "route"),  # back to subnet-a only
        (PEERED, (PEERING,), (Route("10.0.0.0/16", "pcx-1", is_active=False),), "route"),
        (PEERED, (PEERING,), (Route("0.0.0.0/0", "igw-9"),), "route"),
        (PEERED, (PEERING,), (Route("10.0.0.0/16", "tgw-9"),), "unknown"),
        (PEERED, (replace(PEERING, status="pending-acceptance"),), None, "peering"),
        (PEERED, (replace(PEERING, vpc_ids=(HOME, "vpc-third")),), None, "peering"),
        (PEERED, (), None, "unknown"),
        (PEERED, GONE, None, "unknown"),
        ((LOCAL, OUT), (), None, "route"),  # the NAT gateway sends it to the internet
        ((LOCAL,), (), None, "route"),
        ((LOCAL, Route("0.0.0.0/0", "igw-1")), (), None, "route"),
        ((LOCAL, Route("10.9.0.0/16", "pcx-1", is_active=False)), (), None, "route"),
        ((Route("10.0.0.0/8", "local"),), (), None, "route"),  # overlapping blocks
        ((LOCAL, Route("0.0.0.0/0", "tgw-1")), (), None, "unknown"),
        ((LOCAL, Route("10.9.0.0/16", "vgw-1")), (), None, "unknown"),
        ((LOCAL, OUT, Route("10.9.1.8/32", "pcx-1")), (), None, "unknown"),
        ((LOCAL, OUT, Route("pl-far", "pcx-1")), (PEERING,), None, "ok"),
        ((LOCAL, OUT, Route("pl-unread", "pcx-1")), (PEERING,), None, "unknown"),
    ],
)
def test_routes_to_another_vpc(routes: Any, peerings: Any, far: tuple[Route, ...] | None, result: str) -> None:
    route_tables = tables(routes) if far is None else tables(routes, far=far)
    lists = (PrefixList("pl-far", "far", ("10.9.0.0/16",)),)
    check = about_dependency(net(route_tables=route_tables, peerings=peerings, prefix_lists=lists), FAR)
    assert kind(check) == result
    assert not [one for one in checks(True, NETWORK, (FAR,)) if "shared" in one.what]  # noqa: FBT003  # a row of a table


def test_without_route_tables_another_vpc_is_unknown() -> None:
    assert about_dependency(net(route_tables=GONE), FAR).result == "unknown"


# --- Several subnets ---


def test_a_subnet_of_the_connector_that_ec2_does_not_show_is_unknown() -> None:
    check = about_dependency(net(subnets=SUBNETS[1:]))
    assert check.result == "unknown"
    assert "subnet-a could not be read" in check.because
    assert about_dependency(net(connector=replace(CONNECTOR, subnet_ids=()))).result == "unknown"


@pytest.mark.parametrize(
    ("entries", "result"),
    [((), "unknown"), (OPEN, "ok"), ((allow(1, "ingress", "odd"), allow(1, "egress")), "unknown")],
)
def test_a_database_that_is_reached_in_some_of_its_subnets(entries: tuple[AclEntry, ...], result: str) -> None:
    check = about_dependency(net(network_acls=acls(*entries)), on(replace(DB, subnet_ids=("subnet-db2", "subnet-db1"))))
    assert kind(check) == result
    assert entries or "depends on the subnet" in check.because


@pytest.mark.parametrize("subnet_ids", [(), ("subnet-of-another-account",)])
def test_a_database_whose_subnets_are_not_shown_is_somewhere_in_its_vpc(subnet_ids: tuple[str, ...]) -> None:
    assert about_dependency(NETWORK, on(replace(DB, subnet_ids=subnet_ids))).result == "ok"
    assert about_dependency(NETWORK, on(replace(DB, subnet_ids=subnet_ids, vpc_id=OTHER))).result == "unknown"
    assert about_dependency(NETWORK, on(replace(DB, vpc_id=""))).result == "unknown"


# --- The internet ---

NAT = NatGateway("nat-1", HOME, "subnet-pub", "available", is_public=True)


@pytest.mark.parametrize(
    ("changes", "result"),
    [
        ({}, "ok"),
        ({"internet_gateways": GONE}, "ok"),
        ({"route_tables": GONE}, "unknown"),
        ({"route_tables": tables()[1:3]}, "unknown"),
        ({"route_tables": tables((LOCAL,))}, "route"),
        ({"route_tables": tables(b=(LOCAL,))}, "route"),
        ({"route_tables": tables((LOCAL, Route("0.0.0.0/0", "nat-1", is_active=False)))}, "route"),
        ({"route_tables": tables((LOCAL, Route("0.0.0.0/0", "igw-1")))}, "gateway"),
        ({"route_tables": tables((LOCAL, Route("0.0.0.0/0", "pcx-1")))}, "gateway"),
        ({"route_tables": tables((LOCAL, Route("0.0.0.0/0", "tgw-1")))}, "unknown"),
        ({"route_tables": tables((LOCAL, Route("::/0", "eigw-1")))}, "route"),
        ({"route_tables": tables((LOCAL, Route("198.18.0.0/15", "nat-1")))}, "route"),  # not public
        ({"route_tables": tables((LOCAL, Route("52.0.0.0/8", "nat-1")))}, "unknown"),
        ({"route_tables": tables(pub=(LOCAL, OUT))}, "gateway"),  # the NAT gateway is in a private subnet
        ({"route_tables": tables(pub=(LOCAL,))}, "route"),
        ({"route_tables": tables(pub=(LOCAL, Route("0.0.0.0/0", "igw-1", is_active=False)))}, "route"),
        ({"route_tables": tables(pub=(LOCAL, Route("0.0.0.0/0", "tgw-1")))}, "unknown"),
        ({"route_tables": tables((LOCAL, OUT, Route("52.0.0.0/8", "tgw-1")))}, "ok"),
        ({"nat_gateways": GONE}, "unknown"),
        ({"nat_gateways": ()}, "unknown"),
        ({"nat_gateways": (replace(NAT, state="failed"),)}, "gateway"),
        ({"nat_gateways": (replace(NAT, state="pending"),)}, "unknown"),
        ({"nat_gateways": (replace(NAT, is_public=False),)}, "gateway"),
        ({"internet_gateways": (InternetGateway("igw-1", ("vpc-third",)),)}, "gateway"),
        ({"network_acls": GONE}, "ok"),
        ({"network_acls": acls(subnet="subnet-pub")}, "network-acl"),
        ({"network_acls": acls(allow(1, "egress"), subnet="subnet-a")}, "network-acl"),
        ({"network_acls": acls(deny(1, "egress", "52.1.0.0/16"), *OPEN, subnet="subnet-a")}, "ok"),
        ({"network_acls": acls(deny(1, "ingress", ports=(3389, 3389)), *OPEN, subnet="subnet-pub")}, "ok"),
        ({"network_acls": acls(allow(1, "egress", "10.0.0.0/8"), subnet="subnet-a")}, "network-acl"),
        ({"security_groups": GONE}, "unknown"),
        ({"security_groups": (group("sg-app", egress=(rule(cidrs=("0.0.0.0/0",)),)),)}, "security-group-egress"),
        ({"security_groups": (group("sg-app", egress=(rule(443, cidrs=("10.0.0.0/8",)),)),)}, "security-group-egress"),
        ({"security_groups": (group("sg-app", egress=(rule(443, cidrs=("52.0.0.0/8",)),)),)}, "unknown"),
        ({"security_groups": (group("sg-app", egress=(rule(443, cidrs=("0.0.0.0/0",)),)),)}, "ok"),
    ],
)
def test_the_way_to_the_internet(changes: dict[str, Any], result: str) -> None:
    assert kind(about_internet(net(**changes))) == result


def test_public_subnets_are_named() -> None:
    check = about_internet(net(route_tables=tables(b=(LOCAL, Route("0.0.0.0/0", "igw-1")))))
    assert "public subnet" in check.because
    assert check.blocked_by
    assert (check.blocked_by.id, check.blocked_by.subnet_ids) == ("igw-1", ("subnet-b",))


# --- Hosts that are no resources ---


@pytest.mark.parametrize(
    ("host", "result"),
    [
        ("localhost", "localhost"),
        ("127.0.0.1", "localhost"),
        ("[::1]", "localhost"),
        ("0.0.0.0", "localhost"),
        ("169.254.170.2", "unknown"),
        ("db", "unknown"),
        ("db.prod.internal", "unknown"),
        ("printer.local.", "unknown"),
        ("10.0.11.7", "unknown"),  # what guards it is not known
        ("10.77.0.1", "route"),
        ("2600:1f18::1", "unknown"),
        ("8.8.8.8", "ok"),
        ("db.customer.example", "ok"),  # perhaps a CNAME of a database: it resolves to a public name
        ("300.1.2.3", "ok"),
        ("", "unknown"),
    ],
)
def test_a_host_that_is_no_resource(host: str, result: str) -> None:
    check = about_dependency(NETWORK, on(None, host))
    assert kind(check) == result
    assert host in check.what


def test_a_public_host_is_reached_as_the_internet_is_on_its_own_port() -> None:
    out = group("sg-app", egress=(rule(443, cidrs=("0.0.0.0/0",)),))
    network = net(security_groups=(out,))
    assert about_internet(network).result == "ok"
    assert kind(about_dependency(network, on(None, "db.customer.example"))) == "security-group-egress"
    assert kind(about_dependency(net(route_tables=tables((LOCAL,))), on(None, "8.8.8.8"))) == "route"
    to_one = net(security_groups=(group("sg-app", egress=(rule(cidrs=("8.8.8.8/32",)),)),))
    assert about_dependency(to_one, on(None, "8.8.8.8")).result == "ok"
    assert about_dependency(to_one, on(None, "db.customer.example")).result == "unknown"


def test_a_resource_that_could_not_be_read_is_unknown_because_of_that() -> None:
    for vpc in (True, False):
        check = about_dependency(NETWORK, on(GONE), vpc=vpc)
        assert (check.result, check.because) == ("unknown", "it could not be read: nobody may read it")


@pytest.mark.parametrize(
    ("dependency", "port"),
    [
        (replace(on(), port=None), "tcp 5432"),
        (replace(on(replace(DB, port=None)), port=None), "tcp 5432"),
        (replace(on(replace(DB, port=None)), port=None, protocol=""), "its port"),
    ],
)
def test_a_port_that_is_not_named(dependency: Dependency, port: str) -> None:
    check = about_dependency(net(security_groups=(group("sg-app"), group("sg-db"))), dependency)
    assert kind(check) == "security-group-ingress"
    assert port in check.because
    admitted = about_dependency(NETWORK, dependency)
    assert admitted.result == ("unknown" if port == "its port" else "ok")


# --- AWS's APIs ---

GATEWAY = VpcEndpoint("vpce-g", HOME, "com.amazonaws.us-east-1.s3", "Gateway", "available", (), ("rtb-a", "rtb-b"))
INTERFACE = VpcEndpoint(
    "vpce-i",
    HOME,
    "com.amazonaws.us-east-1.sqs",
    "Interface",
    "available",
    ("subnet-db1",),
    (),
    ("sg-api",),
    True,  # noqa: FBT003  # a row of a table
)
API_GROUP = group("sg-api", rule(443, cidrs=("10.0.0.0/16",)))
ALONE = tables((LOCAL,))


@pytest.mark.parametrize(
    ("api", "changes", "result"),
    [
        ("s3", {}, "ok"),
        ("s3", {"endpoints": GONE}, "ok"),
        ("s3", {"endpoints": GONE, "route_tables": ALONE}, "unknown"),
        ("s3", {"route_tables": ALONE}, "endpoint"),
        ("s3", {"endpoints": (GATEWAY,), "route_tables": ALONE}, "ok"),
        ("s3", {"endpoints": (GATEWAY,), "route_tables": GONE}, "unknown"),
        ("s3", {"endpoints": (replace(GATEWAY, route_table_ids=("rtb-a",)),), "route_tables": ALONE}, "endpoint"),
        ("s3", {"endpoints": (replace(GATEWAY, state="deleted"),), "route_tables": ALONE}, "endpoint"),
        ("s3", {"endpoints": (replace(GATEWAY, state="pending"),), "route_tables": ALONE}, "unknown"),
        ("s3", {"endpoints": (replace(GATEWAY, vpc_id=OTHER),), "route_tables": ALONE}, "endpoint"),
        ("dynamodb", {"endpoints": (GATEWAY,), "route_tables": ALONE}, "endpoint"),
        ("sqs", {"endpoints": (INTERFACE,), "route_tables": ALONE}, "ok"),
        ("sqs", {"endpoints": (replace(INTERFACE, private_dns=False),), "route_tables": ALONE}, "endpoint"),
        ("sqs", {"endpoints": (replace(INTERFACE, private_dns=False),)}, "ok"),
        ("sqs", {"endpoints": (replace(INTERFACE, state="pendingacceptance"),)}, "unknown"),
        ("sqs", {"endpoints": (replace(INTERFACE, security_group_ids=()),)}, "unknown"),
        ("sqs", {"endpoints": (replace(INTERFACE, security_group_ids=("sg-db",)),)}, "security-group-ingress"),
        ("sqs", {"endpoints": (INTERFACE,), "vpcs": (Vpc(HOME, dns_support=False),)}, "dns"),
        ("sqs", {"endpoints": (INTERFACE,), "network_acls": acls()}, "network-acl"),
    ],
)
def test_the_way_to_an_api_of_aws(api: str, changes: dict[str, Any], result: str) -> None:
    groups = {"security_groups": (group("sg-app"), DB_GROUP, API_GROUP), "network_acls": (acls()[0],)}
    check = about_api(net(**(groups | changes)), api)
    assert kind(check) == result
    assert check.about == api
    if check.blocked_by and check.blocked_by.kind == "endpoint":
        assert (check.blocked_by.service, check.blocked_by.vpc_id) == (api, HOME)


@pytest.mark.parametrize(("prefix_list_id", "result"), [("pl-s3", "ok"), ("pl-named", "ok"), ("pl-other", "unknown")])
def test_a_connector_that_lets_out_to_a_prefix_list_only(prefix_list_id: str, result: str) -> None:
    out = group("sg-app", egress=(rule(443, prefix_list_ids=(prefix_list_id,)),))
    network = net(
        security_groups=(out,),
        endpoints=(GATEWAY,),
        route_tables=tables((LOCAL, Route("pl-s3", "vpce-g"))),
        prefix_lists=(PrefixList("pl-named", "com.amazonaws.us-east-1.s3", ("52.216.0.0/15",)),),
    )
    assert about_api(network).result == result


# --- Without a connector ---

PUBLIC = replace(DB, is_public=True, subnet_ids=("subnet-pub",))


@pytest.mark.parametrize(
    ("resource", "ingress", "result"),
    [
        (DB, (), "public-access"),
        (replace(DB, kind="ElastiCache cluster", is_public=None), (), "public-access"),
        (replace(DB, kind="RDS proxy", is_public=None), (), "public-access"),
        (replace(DB, is_public=None), (), "unknown"),
        (PUBLIC, (rule(cidrs=("0.0.0.0/0",)),), "ok"),
        (PUBLIC, (rule(cidrs=("203.0.114.0/24",)),), "unknown"),
        (PUBLIC, (rule(prefix_list_ids=("pl-unread",)),), "unknown"),
        (PUBLIC, (rule(cidrs=("10.0.0.0/8",), group_ids=("sg-app",)),), "security-group-ingress"),
        (PUBLIC, (rule(cidrs=("::/0",)),), "security-group-ingress"),
        (replace(PUBLIC, subnet_ids=("subnet-a",)), (rule(cidrs=("0.0.0.0/0",)),), "gateway"),
        (replace(PUBLIC, subnet_ids=("subnet-x",)), (rule(cidrs=("0.0.0.0/0",)),), "unknown"),
        (replace(PUBLIC, subnet_ids=()), (rule(cidrs=("0.0.0.0/0",)),), "unknown"),
        (replace(PUBLIC, subnet_ids=("subnet-pub", "subnet-a")), (rule(cidrs=("0.0.0.0/0",)),), "unknown"),
        (replace(PUBLIC, security_group_ids=("sg-gone",)), (), "unknown"),
    ],
)
def test_a_database_without_a_connector(resource: Resource, ingress: tuple[Permission, ...], result: str) -> None:
    network = net(connector=None, security_groups=(group("sg-db", *ingress),))
    check = about_dependency(network, on(resource), vpc=False)
    assert kind(check) == result
    assert check.what.startswith("the service reaches ")


@pytest.mark.parametrize(
    ("entries", "result"),
    [
        ((allow(1, "ingress", ports=(5432, 5432)), allow(1, "egress", ports=(1024, 65535))), "ok"),
        ((allow(1, "ingress", ports=(5432, 5432)), allow(1, "egress", ports=(5432, 5432))), "network-acl"),
        ((allow(1, "ingress", ports=(443, 443)), allow(1, "egress")), "network-acl"),
    ],
)
def test_the_acl_of_a_public_database(entries: tuple[AclEntry, ...], result: str) -> None:
    groups = (group("sg-db", rule(cidrs=("0.0.0.0/0",))),)
    network = net(connector=None, security_groups=groups, network_acls=acls(*entries, subnet="subnet-pub"))
    assert kind(about_dependency(network, on(PUBLIC), vpc=False)) == result


def test_a_private_database_says_that_a_connector_is_needed() -> None:
    check = about_dependency(Network(), on(), vpc=False)
    assert "VPC connector" in check.because
    assert check.blocked_by
    assert (check.blocked_by.vpc_id, check.blocked_by.port) == (HOME, 5432)


@pytest.mark.parametrize(
    ("host", "result"),
    [
        ("localhost", "localhost"),
        ("10.0.11.7", "public-access"),
        ("8.8.8.8", "ok"),
        ("db.customer.example", "ok"),
        ("db.internal", "unknown"),
        ("2600:1f18::1", "unknown"),
    ],
)
def test_a_host_without_a_connector(host: str, result: str) -> None:
    assert kind(about_dependency(Network(), on(None, host), vpc=False)) == result


def test_without_a_connector_the_internet_is_reached_without_looking() -> None:
    found = checks(False, Network(subnets=GONE, route_tables=GONE), (), ("s3",))  # noqa: FBT003  # a row of a table
    assert [(one.topic, one.result) for one in found] == [("api", "ok"), ("internet", "ok")]


# --- Public databases, and a connector ---


@pytest.mark.parametrize(
    ("vpcs", "result", "says"),
    [
        ((Vpc(HOME, dns_support=True, dns_hostnames=True),), "ok", "its name gives the private address"),
        ((Vpc(HOME, dns_support=True, dns_hostnames=False),), "unknown", "DNS host names off"),
        (GONE, "ok", "DNS settings could not be read"),
    ],
)
def test_a_public_database_in_the_connectors_vpc_has_a_private_address(vpcs: Any, result: str, says: str) -> None:
    check = about_dependency(net(vpcs=vpcs), on(PUBLIC))
    assert check.result == result
    assert says in "\n".join((*check.path, check.because))


def test_a_public_database_of_another_vpc_is_reached_over_the_internet() -> None:
    far = on(replace(PUBLIC, vpc_id=OTHER, subnet_ids=("subnet-far",)))
    out = tables(far=(Route("10.9.0.0/16", "local"), Route("0.0.0.0/0", "igw-9")))
    gateways = (*(NETWORK.internet_gateways if not isinstance(NETWORK.internet_gateways, Missing) else ()),)
    network = net(route_tables=out, internet_gateways=(*gateways, InternetGateway("igw-9", (OTHER,))))
    assert kind(about_dependency(network, far)) == "security-group-ingress"
    admitting = replace(network, security_groups=(group("sg-app"), group("sg-db", rule(cidrs=("0.0.0.0/0",)))))
    assert about_dependency(admitting, far).result == "ok"


# --- What is Missing proves nothing ---

MAYBE: dict[str, list[Any]] = {
    "subnets": [SUBNETS, SUBNETS[1:]],
    "route_tables": [
        tables(),
        ALONE,
        tables(PEERED),
        tables((LOCAL, Route("0.0.0.0/0", "igw-1"))),
        tables(pub=(LOCAL,)),
    ],
    "network_acls": [acls(*OPEN), acls(), acls(deny(1, "egress", "10.0.1.0/24"), *OPEN, subnet="subnet-b")],
    "security_groups": [
        (group("sg-app"), DB_GROUP, API_GROUP),
        (group("sg-app"), group("sg-db")),
        (group("sg-app", egress=(rule(443, prefix_list_ids=("pl-s3",)),)), DB_GROUP),
        (group("sg-app"), group("sg-db", rule(prefix_list_ids=("pl-home",)))),
    ],
    "nat_gateways": [(NAT,), (replace(NAT, state="failed"),), ()],
    "internet_gateways": [(InternetGateway("igw-1", (HOME,)),), ()],
    "endpoints": [(), (GATEWAY, INTERFACE), (replace(GATEWAY, route_table_ids=("rtb-a",)),)],
    "peerings": [(PEERING,), (replace(PEERING, status="deleted"),)],
    "prefix_lists": [(PrefixList("pl-s3", "x.s3", ("52.0.0.0/8",)), PrefixList("pl-home", "h", ("10.0.0.0/8",))), ()],
    "vpcs": [(Vpc(HOME, dns_support=True, dns_hostnames=True),), (Vpc(HOME, dns_support=False),)],
    "connector": [CONNECTOR, replace(CONNECTOR, status="INACTIVE")],
}
HOSTS = ("localhost", "10.0.11.7", "10.9.1.7", "8.8.8.8", "db.customer.example", "db")
EVERYTHING = (
    on(),
    FAR,
    on(PUBLIC),
    on(replace(PUBLIC, vpc_id=OTHER, subnet_ids=("subnet-far",)), "far.example"),
    on(GONE),
    *(on(None, host) for host in HOSTS),
)


def test_every_field_of_the_network_is_among_those_that_may_be_missing() -> None:
    assert {one.name for one in fields(Network)} == {*MAYBE, "others"}


@settings(derandomize=True, max_examples=300, deadline=None)
@given(
    values=st.fixed_dictionaries({name: st.sampled_from(some) for name, some in MAYBE.items()}),
    unread=st.sets(st.sampled_from(sorted(MAYBE))),
    vpc=st.booleans(),
)
def test_what_is_missing_never_blocks(values: dict[str, Any], unread: set[str], vpc: bool) -> None:  # noqa: FBT001  # a case of a table
    """What is blocked with some of the network unread is blocked with all of it read, too."""
    whole = Network(**values)
    read: dict[str, Any] = {name: GONE if name in unread else value for name, value in values.items()}
    partial = Network(**read)
    known = {(one.topic, one.about): one for one in checks(vpc, whole, EVERYTHING, ("s3", "sqs", "kms"))}
    for check in checks(vpc, partial, EVERYTHING, ("s3", "sqs", "kms")):
        assert check.because
        assert check.path
        assert not re.search(r"None|Missing\(", "".join((*check.path, check.because, check.what)))
        if check.result == "blocked" and check.topic != "connector":
            assert known[check.topic, check.about].result == "blocked", check
