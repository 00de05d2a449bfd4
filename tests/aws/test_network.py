"""The network is read in few calls, whole or Missing, and never believed to be filtered."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from apprunner_watcher.aws.clients import Clients
from apprunner_watcher.aws.network import READS, read_network
from apprunner_watcher.aws.read import Reads
from apprunner_watcher.aws.replay import Stage
from apprunner_watcher.dependency import Dependency, Resource
from apprunner_watcher.missing import Missing, gaps, seen
from apprunner_watcher.network import (
    Network,
    NetworkAcl,
    Route,
    VpcConnector,
    network_acl_of,
    route_table_of,
    subnet_of,
)
from apprunner_watcher.reachability import checks
from tests.conftest import SEEDS

REGION = "us-east-1"
ARN = "arn:aws:apprunner:us-east-1:123456789012:vpcconnector/shop/1/9cc10886cfe8ac3f2b6efcefd5d043c5"
MOST_CALLS = 11


class AppRunner:
    """App Runner, which moto does not have."""

    class exceptions:  # noqa: N801  # boto3 calls it so
        class ResourceNotFoundException(ClientError):  # noqa: N818  # the same
            pass

    def __init__(self, subnet_ids: list[str], group_ids: list[str]) -> None:
        self.connectors: dict[str, Any] = {
            ARN: {
                "VpcConnectorName": "shop",
                "VpcConnectorArn": ARN,
                "Subnets": subnet_ids,
                "SecurityGroups": group_ids,
                "Status": "ACTIVE",
            }
        }

    def describe_vpc_connector(self, VpcConnectorArn: str) -> dict[str, Any]:  # noqa: N803  # the same
        if VpcConnectorArn not in self.connectors:
            raise self.exceptions.ResourceNotFoundException({"Error": {"Code": "x"}}, "DescribeVpcConnector")
        return {"VpcConnector": self.connectors[VpcConnectorArn]}


class World:
    """An account with a VPC that has everything, and a second one that is peered with it."""

    def __init__(self) -> None:
        self.session = boto3.Session(region_name=REGION)
        ec2 = self.ec2 = _ec2(self.session)
        self.vpc, self.far_vpc = (self._vpc(block) for block in ("10.0.0.0/16", "10.9.0.0/16"))
        self._vpc("10.10.0.0/16")  # another's: it must not show
        self.private = [self.subnet(self.vpc, f"10.0.{number}.0/24") for number in (1, 2)]
        self.public, self.far = self.subnet(self.vpc, "10.0.0.0/24"), self.subnet(self.far_vpc, "10.9.1.0/24")
        self.igw = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.create_internet_gateway()
        ec2.attach_internet_gateway(InternetGatewayId=self.igw, VpcId=self.vpc)
        address = ec2.allocate_address(Domain="vpc")["AllocationId"]
        self.nat = ec2.create_nat_gateway(SubnetId=self.public, AllocationId=address)["NatGateway"]["NatGatewayId"]
        self.pcx = ec2.create_vpc_peering_connection(VpcId=self.vpc, PeerVpcId=self.far_vpc)["VpcPeeringConnection"][
            "VpcPeeringConnectionId"
        ]
        ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=self.pcx)
        self.app, self.db, self.api = (self.group(name, self.vpc) for name in ("app", "db", "api"))
        self.group("other", self.vpc)
        ec2.authorize_security_group_ingress(GroupId=self.db, IpPermissions=[_tcp(5432, self.app)])
        ec2.authorize_security_group_ingress(GroupId=self.api, IpPermissions=[_tcp(443, self.app)])
        self._routes()
        ec2.create_vpc_endpoint(VpcId=self.vpc, ServiceName="com.amazonaws.us-east-1.s3", RouteTableIds=[self.table])
        ec2.create_vpc_endpoint(
            VpcEndpointType="Interface",
            VpcId=self.vpc,
            ServiceName="com.amazonaws.us-east-1.secretsmanager",
            SubnetIds=self.private,
            SecurityGroupIds=[self.api],
            PrivateDnsEnabled=True,
        )
        self.clients = Clients(self.session)
        self.apprunner = AppRunner([*self.private], [self.app])
        self.clients._built["apprunner"] = self.apprunner  # noqa: SLF001  # moto has no connectors
        self.calls: Counter[str] = Counter()
        self.answers: dict[str, Callable[[dict[str, Any]], None]] = {}
        self.errors: dict[str, str] = {}

    def _vpc(self, block: str) -> str:
        return str(self.ec2.create_vpc(CidrBlock=block)["Vpc"]["VpcId"])

    def subnet(self, vpc: str, block: str) -> str:
        return str(self.ec2.create_subnet(VpcId=vpc, CidrBlock=block)["Subnet"]["SubnetId"])

    def group(self, name: str, vpc: str) -> str:
        return str(self.ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"])

    def main_table(self, vpc: str) -> str:
        wanted = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "association.main", "Values": ["true"]}]
        return str(self.ec2.describe_route_tables(Filters=wanted)["RouteTables"][0]["RouteTableId"])

    def _routes(self) -> None:
        ec2, everywhere = self.ec2, "0.0.0.0/0"
        self.main = self.main_table(self.vpc)
        ec2.create_route(RouteTableId=self.main, DestinationCidrBlock=everywhere, GatewayId=self.igw)
        self.table = ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        for subnet in self.private:
            ec2.associate_route_table(RouteTableId=self.table, SubnetId=subnet)
        ec2.create_route(RouteTableId=self.table, DestinationCidrBlock=everywhere, NatGatewayId=self.nat)
        ec2.create_route(RouteTableId=self.table, DestinationCidrBlock="10.9.0.0/16", VpcPeeringConnectionId=self.pcx)
        back = self.main_table(self.far_vpc)
        ec2.create_route(RouteTableId=back, DestinationCidrBlock="10.0.0.0/16", VpcPeeringConnectionId=self.pcx)

    def database(self, vpc: str = "", subnets: tuple[str, ...] = (), *, public: bool = False) -> Dependency:
        resource = Resource(
            "RDS instance",
            "shop-db",
            "available",
            "postgres",
            "16",
            5432,
            vpc or self.vpc,
            subnets or tuple(self.private),
            (self.db,),
            public,
        )
        return Dependency("shop-db.x.rds.amazonaws.com", 5432, "postgres", ("DATABASE_URL",), resource=resource)

    def read(self, *dependencies: Dependency, arn: str = ARN) -> Network:
        """Read the network; the calls of EC2 are counted, and may be answered otherwise."""
        self._watch(self.clients.ec2)
        with Reads(timedelta(seconds=20)) as reads:
            network = read_network(reads, self.clients, arn, lambda: dependencies)
        assert set(self.calls) <= {action.partition(":")[2] for action in READS}
        return network

    def _watch(self, ec2: Any) -> None:
        def count(model: Any, **_: object) -> None:
            self.calls[model.name] += 1
            if code := self.errors.get(model.name):
                raise ClientError({"Error": {"Code": code, "Message": "no"}}, model.name)

        def change(parsed: dict[str, Any], model: Any, **_: object) -> None:
            if model.name in self.answers:
                self.answers[model.name](parsed)

        ec2.meta.events.register("before-call.ec2", count, unique_id="count")
        ec2.meta.events.register("after-call.ec2", change, unique_id="change")


def _ec2(session: boto3.Session) -> Any:
    return session.client("ec2")


def _vpc_ids(*tables: Any) -> set[str]:
    return {one.vpc_id for table in tables for one in seen(table)}


def _tcp(port: int, group: str) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "UserIdGroupPairs": [{"GroupId": group}]}


def _of_list(port: int, prefix_list: str) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "PrefixListIds": [{"PrefixListId": prefix_list}]}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield World()


def results(network: Network, *dependencies: Dependency, apis: tuple[str, ...] = ()) -> dict[str, str]:
    return {one.what: one.result for one in checks(True, network, dependencies, apis)}  # noqa: FBT003  # a row of a table


def test_a_vpc_is_read_whole(world: World) -> None:
    network = world.read(world.database())
    assert list(gaps(network)) == []
    connector = seen(network.connector)
    assert connector == VpcConnector("shop", ARN, "ACTIVE", tuple(world.private), (world.app,))
    subnets, tables = seen(network.subnets), seen(network.route_tables)
    assert {one.id for one in subnets} >= {*world.private, world.public}
    assert _vpc_ids(network.subnets, network.route_tables, network.network_acls) == {world.vpc}
    public, private = subnet_of(subnets, world.public), subnet_of(subnets, world.private[0])
    assert public
    assert private
    assert (private.cidr, private.zone_id[:4]) == ("10.0.1.0/24", "use1")
    assert (private.free_addresses or 0) > 200
    main, own = route_table_of(tables, public), route_table_of(tables, private)
    assert main
    assert own
    assert (main.id, main.is_main, own.id, own.is_main) == (world.main, True, world.table, False)
    assert Route("0.0.0.0/0", world.igw) in main.routes
    assert {Route("10.0.0.0/16", "local"), Route("0.0.0.0/0", world.nat)} <= set(own.routes)
    acl = network_acl_of(seen(network.network_acls), private)
    assert acl
    assert acl.is_default
    assert {(one.direction, one.allows) for one in acl.entries if one.number == 100} == {
        ("ingress", True),
        ("egress", True),
    }


def test_what_the_tables_name_is_read_as_well(world: World) -> None:
    network = world.read(world.database())
    (nat,) = seen(network.nat_gateways)
    assert (nat.id, nat.subnet_id, nat.state, nat.is_public) == (world.nat, world.public, "available", True)
    (igw,) = seen(network.internet_gateways)
    assert (igw.id, igw.vpc_ids) == (world.igw, (world.vpc,))
    (peering,) = seen(network.peerings)
    assert (peering.id, set(peering.vpc_ids), peering.status) == (world.pcx, {world.vpc, world.far_vpc}, "active")
    endpoints = {one.kind: one for one in seen(network.endpoints)}
    assert endpoints["Gateway"].route_table_ids == (world.table,)
    assert endpoints["Interface"].security_group_ids == (world.api,)
    assert (endpoints["Interface"].state, endpoints["Interface"].private_dns) == ("available", True)
    groups = {one.id: one for one in seen(network.security_groups)}
    assert set(groups) == {world.app, world.db, world.api}
    assert groups[world.db].ingress[0].group_ids == (world.app,)
    (vpc,) = seen(network.vpcs)
    assert (vpc.id, vpc.dns_support, vpc.dns_hostnames) == (world.vpc, True, False)


def test_it_all_fits_together(world: World) -> None:
    database = world.database()
    found = results(world.read(database), database, apis=("s3", "secretsmanager", "sqs"))
    assert set(found.values()) == {"ok"}


def test_the_other_vpc_is_reached_over_the_peering(world: World) -> None:
    database = world.database(world.far_vpc, (world.far,))
    network = world.read(database)
    assert results(network, database)["connector reaches database shop-db:5432"] == "ok"
    assert {one.vpc_id for one in seen(network.subnets)} == {world.vpc, world.far_vpc}


@pytest.mark.parametrize("endpoints", [True, False])
def test_few_calls(world: World, endpoints: bool) -> None:  # noqa: FBT001  # a case of a table
    if not endpoints:
        world.answers["DescribeVpcEndpoints"] = lambda parsed: parsed.update(VpcEndpoints=[])
    world.ec2.delete_route(RouteTableId=world.table, DestinationCidrBlock="10.9.0.0/16")
    world.read(world.database())
    assert world.calls.total() == MOST_CALLS - (not endpoints)


def test_without_a_vpc_ec2_is_not_even_built(world: World) -> None:
    clients = Clients(world.session)
    host = Dependency("db.example", 5432, "postgres", ("DATABASE_URL",))
    with Reads(timedelta(seconds=9)) as reads:
        assert read_network(reads, clients, "", lambda: (host,)) == Network()
    assert clients._built == {}  # noqa: SLF001  # the pinned inside, looked at on purpose


def test_without_a_connector_the_vpc_of_a_public_database_is_read(world: World) -> None:
    database = world.database(subnets=(world.public,), public=True)
    world.ec2.authorize_security_group_ingress(
        GroupId=world.db,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
    )
    network = world.read(database, arn="")
    assert network.connector is None
    assert world.calls.total() == 5
    (check, *_) = checks(False, network, (database,))  # noqa: FBT003  # a row of a table
    assert check.result == "ok"
    assert f"leads out: {world.main} routes 0.0.0.0/0 to {world.igw}" in "\n".join(check.path)


def test_a_connector_that_no_longer_exists_is_missing(world: World) -> None:
    world.apprunner.connectors.clear()
    network = world.read(world.database())
    assert isinstance(network.connector, Missing)
    assert network.connector.what == "VPC connector"
    assert ARN in network.connector.why
    assert seen(network.security_groups)
    world.calls.clear()
    assert not world.read().subnets
    assert world.calls.total() == 0


def test_a_subnet_of_another_account_is_not_shown(world: World) -> None:
    world.apprunner.connectors[ARN]["Subnets"] = ["subnet-0123456789abcdef0"]
    network = world.read()
    assert network.subnets == ()
    assert world.calls == {"DescribeSubnets": 1, "DescribeSecurityGroups": 1}
    assert seen(network.security_groups)[0].id == world.app
    assert {one.why for one in gaps(network)} == {"EC2 shows none of the connector's subnets"}
    assert set(results(network).values()) == {"ok", "unknown"}


def test_a_group_that_is_not_shown_does_not_hide_the_others(world: World) -> None:
    world.apprunner.connectors[ARN]["SecurityGroups"] = ["sg-0123456789abcdef0", world.app]
    assert {one.id for one in seen(world.read().security_groups)} == {world.app, world.api}


EC2_READS = sorted(action for action in READS if action.startswith("ec2:"))


def test_a_denied_call_leaves_its_part_missing_with_what_to_allow(world: World) -> None:
    prefix_list = world.ec2.create_managed_prefix_list(
        PrefixListName="office", MaxEntries=3, AddressFamily="IPv4", Entries=[{"Cidr": "10.0.0.0/8"}]
    )["PrefixList"]["PrefixListId"]
    world.ec2.authorize_security_group_ingress(GroupId=world.db, IpPermissions=[_of_list(5432, prefix_list)])
    for action in EC2_READS:
        world.errors = {action.partition(":")[2]: "UnauthorizedOperation"}
        network = world.read(world.database())
        assert {one.allow for one in gaps(network) if one.allow} == {action}
        assert "blocked" not in results(network, world.database()).values()


def test_everything_denied_is_no_crash(world: World) -> None:
    world.errors = {action.partition(":")[2]: "UnauthorizedOperation" for action in EC2_READS}
    network = world.read(world.database())
    assert isinstance(network.subnets, Missing)
    assert isinstance(network.route_tables, Missing)


def test_a_table_is_read_to_its_end(world: World) -> None:
    pages = iter(["2", "3", None])

    def paged(parsed: dict[str, Any]) -> None:
        token = next(pages)
        parsed["RouteTables"] = parsed["RouteTables"] if token is None else []
        parsed.update({"NextToken": token} if token else {})

    tokens: list[str | None] = []

    def note(params: dict[str, Any], **_: object) -> None:
        tokens.append(params.get("NextToken"))

    world.clients.ec2.meta.events.register("before-parameter-build.ec2.DescribeRouteTables", note)
    world.answers["DescribeRouteTables"] = paged
    assert seen(world.read().route_tables)
    assert tokens == [None, "2", "3"]
    assert world.calls["DescribeRouteTables"] == 3


def test_a_table_without_end_is_missing(world: World) -> None:
    world.answers["DescribeNetworkAcls"] = lambda parsed: parsed.update(NextToken="more")
    acls = world.read().network_acls
    assert isinstance(acls, Missing)
    assert "more than 5 pages" in acls.why
    assert world.calls["DescribeNetworkAcls"] == 5


def test_prefix_lists_that_rules_name_are_read(world: World) -> None:
    office = world.ec2.create_managed_prefix_list(
        PrefixListName="office", MaxEntries=3, AddressFamily="IPv4", Entries=[{"Cidr": "10.0.0.0/8"}]
    )["PrefixList"]["PrefixListId"]
    world.ec2.revoke_security_group_ingress(GroupId=world.db, IpPermissions=[_tcp(5432, world.app)])
    world.ec2.authorize_security_group_ingress(GroupId=world.db, IpPermissions=[_of_list(5432, office)])
    database = world.database()
    network = world.read(database)
    (found,) = seen(network.prefix_lists)
    assert (found.id, found.cidrs) == (office, ("10.0.0.0/8",))
    assert results(network, database)["connector reaches database shop-db:5432"] == "ok"


def test_not_more_than_some_prefix_lists_are_read(world: World) -> None:
    lists = [f"pl-0000000{number}" for number in range(7)]

    def many(parsed: dict[str, Any]) -> None:
        for one in parsed["SecurityGroups"]:
            one["IpPermissions"] = [_of_list(5432, prefix_list) for prefix_list in lists]

    def entries(parsed: dict[str, Any]) -> None:
        parsed["PrefixLists"] = [
            {"PrefixListId": "pl-00000000", "PrefixListName": "com.amazonaws.us-east-1.s3", "Cidrs": ["52.0.0.0/15"]}
        ]

    world.answers = {"DescribeSecurityGroups": many, "DescribePrefixLists": entries}
    network = world.read(world.database())
    assert seen(network.prefix_lists)[0].name == "com.amazonaws.us-east-1.s3"
    assert world.calls["GetManagedPrefixListEntries"] == 5
    assert [one.what for one in network.others][-1] == "prefix list pl-00000006"


def test_answers_that_leave_things_out_are_understood(world: World) -> None:
    def sparse(key: str, *keep: str) -> Callable[[dict[str, Any]], None]:
        def change(parsed: dict[str, Any]) -> None:
            parsed[key] = [{name: one[name] for name in ("VpcId", *keep) if name in one} for one in parsed[key]]

        return change

    world.answers = {
        "DescribeSubnets": sparse("Subnets", "SubnetId"),
        "DescribeRouteTables": sparse("RouteTables", "RouteTableId"),
        "DescribeNatGateways": sparse("NatGateways", "NatGatewayId"),
        "DescribeVpcEndpoints": sparse("VpcEndpoints", "VpcEndpointId"),
        "DescribeNetworkAcls": sparse("NetworkAcls", "NetworkAclId"),
        "DescribeInternetGateways": sparse("InternetGateways", "InternetGatewayId"),
        "DescribeSecurityGroups": sparse("SecurityGroups", "GroupId"),
    }
    network = world.read(world.database())
    assert NetworkAcl(seen(network.network_acls)[0].id, world.vpc, False, (), ()) in seen(network.network_acls)  # noqa: FBT003  # a row of a table
    assert "connector reaches database shop-db:5432" in results(network, world.database())


# --- Recordings, which do not filter ---

NERAVA_VPC, NERAVA_SUBNETS = "vpc-0070057532e81973b", ("subnet-0c3e9b306737c3fb2", "subnet-0dd152da6d977861c")


def nerava(kind: Any, name: str, host: str, port: int) -> Dependency:
    groups = ("sg-0e4cc786d9053f05f",)
    resource = Resource(kind, name, "available", "x", "1", port, NERAVA_VPC, NERAVA_SUBNETS, groups)
    return Dependency(host, port, "", ("URL",), resource=resource)


NERAVA = (
    nerava("RDS instance", "nerava-db", "nerava-db.c27i820wot9o.us-east-1.rds.amazonaws.com", 5432),
    nerava("ElastiCache cluster", "nerava-redis", "nerava-redis.yagp9v.ng.0001.use1.cache.amazonaws.com", 6379),
)


def replayed(recording: Any, dependencies: tuple[Dependency, ...]) -> Network:
    clients = Clients(Stage(recording, REGION).session)
    (described,) = recording.aws["apprunner:DescribeVpcConnector"]
    with Reads(timedelta(seconds=20)) as reads:
        return read_network(reads, clients, described.request["VpcConnectorArn"], lambda: dependencies)


def test_the_seed_with_a_database_and_a_cache(recorded: Any) -> None:
    network = replayed(recorded("seed-nerava-backend-in-progress"), NERAVA)
    assert isinstance(network.route_tables, Missing)
    found = {one.what: one for one in checks(True, network, NERAVA)}  # noqa: FBT003  # a row of a table
    for what in (
        "connector nerava-vpc-connector is active",
        "subnets shared with database nerava-db",
        "subnets shared with cache nerava-redis",
    ):
        assert found[what].result == "ok"
    for name, port in (("database nerava-db", 5432), ("cache nerava-redis", 6379)):
        check = found[f"connector reaches {name}:{port}"]
        admits = f"sg-0e4cc786d9053f05f admits the connector's security group sg-00bc5ec63287eacdd on tcp {port}"
        assert (check.result, check.because) == ("ok", f"{admits}; network ACLs could not be read")
    internet = found["the service reaches the internet"]
    assert internet.result == "unknown"
    assert "route tables could not be read" in internet.because


def test_what_a_recording_holds_of_other_vpcs_is_left_out(recorded: Any) -> None:
    def change(content: dict[str, Any]) -> None:
        for key, calls in content["aws"].items():
            for call in calls if key.startswith("ec2:Describe") else ():
                for things in (one for one in call["response"].values() if isinstance(one, list)):
                    things += [{**one, "VpcId": "vpc-other"} | _renamed(one) for one in things]

    network = replayed(recorded("seed-steno-prod-backend-failed", change), ())
    found = _vpc_ids(network.subnets, network.route_tables, network.endpoints, network.network_acls)
    assert found == {"vpc-0b5ff75842342f527"}
    assert [one.id for one in seen(network.security_groups)] == ["sg-04f4621044673ebb6"]


def _renamed(one: dict[str, Any]) -> dict[str, str]:
    """The ids of another thing of its kind."""
    names = ("SubnetId", "RouteTableId", "VpcEndpointId", "NetworkAclId", "GroupId")
    return {name: one[name] + "-other" for name in names if name in one}


@pytest.mark.parametrize("file", SEEDS, ids=lambda file: file.stem)
def test_no_seed_is_misunderstood(file: Any, recorded: Any) -> None:
    recording = recorded(file.stem)
    if "apprunner:DescribeVpcConnector" in recording.aws:
        network = replayed(recording, NERAVA)
        assert isinstance(network.connector, VpcConnector)
        assert seen(network.security_groups)
