"""The hosts of the environment are found again in RDS and ElastiCache, with few calls; what is not found is said."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from apprunner_watcher.aws.clients import Clients
from apprunner_watcher.aws.dependencies import READS, read_dependencies
from apprunner_watcher.aws.read import Reads
from apprunner_watcher.aws.replay import Stage
from apprunner_watcher.dependency import Dependency, Resource, named
from apprunner_watcher.missing import Missing
from apprunner_watcher.recording import Recording
from apprunner_watcher.redaction import Variable

Answers = dict[str, Any]
Read = Callable[..., dict[str, Dependency]]
REGION = "us-east-1"
RDS = "c123.us-east-1.rds.amazonaws.com"
SUBNETS = [{"SubnetIdentifier": "subnet-1"}, {"SubnetIdentifier": "subnet-2"}]


@pytest.fixture
def calls() -> list[str]:
    return []


@pytest.fixture
def read(recorded: Callable[..., Recording], calls: list[str]) -> Read:
    """What is read of hosts in an account that answers so; `answers` are responses, or errors as code and message."""

    def see(hosts: list[str], answers: Answers, seed: str = "seed-steno-prod-backend-failed") -> dict[str, Dependency]:
        def change(content: dict[str, Any]) -> None:
            mine = {
                name: calls
                for name, calls in content["aws"].items()
                if name.split(":")[0] not in {"rds", "elasticache"}
            }
            content["aws"] = mine | {
                name: [
                    {"error": dict(zip(("Code", "Message"), one, strict=True))}
                    if isinstance(one, tuple)
                    else {"response": one}
                ]
                for name, one in answers.items()
            }

        stage = Stage(recorded(seed, change if answers else None), REGION)
        stage.session.events.register(
            "before-parameter-build",
            lambda model, **_: calls.append(f"{model.service_model.service_name}:{model.name}"),
        )
        variables = [Variable(name=f"HOST_OF_{number}_HOST", shown=host) for number, host in enumerate(hosts)]
        with Reads(timedelta(seconds=20)) as reads:
            found = read_dependencies(reads, Clients(stage.session), named(variables))
        return {one.host: one for one in found}

    return see


def resource(found: dict[str, Dependency], host: str) -> Resource:
    resource = found[host].resource
    assert isinstance(resource, Resource), resource
    return resource


def why(found: dict[str, Dependency], host: str) -> str:
    resource = found[host].resource
    assert isinstance(resource, Missing), resource
    return resource.why


def instance(**fields: Any) -> Answers:
    described = {
        "DBInstanceIdentifier": "db",
        "Engine": "postgres",
        "EngineVersion": "16.3",
        "DBInstanceStatus": "available",
        "Endpoint": {"Address": f"db.{RDS}", "Port": 5432},
        "VpcSecurityGroups": [
            {"VpcSecurityGroupId": "sg-1", "Status": "active"},
            {"VpcSecurityGroupId": "sg-0", "Status": "removing"},
        ],
        "PubliclyAccessible": False,
        "DBSubnetGroup": {"VpcId": "vpc-1", "Subnets": SUBNETS},
        "DBParameterGroups": [{"DBParameterGroupName": "default.postgres16"}],
    }
    return {"rds:DescribeDBInstances": {"DBInstances": [described | fields]}}


def cluster(**fields: Any) -> Answers:
    return {
        "CacheClusterId": "cache-001",
        "Engine": "redis",
        "EngineVersion": "7.1.0",
        "CacheClusterStatus": "available",
        "CacheSubnetGroupName": "default",
        "SecurityGroups": [{"SecurityGroupId": "sg-2", "Status": "active"}],
    } | fields


def group(**fields: Any) -> Answers:
    return {
        "ReplicationGroupId": "cache",
        "Status": "available",
        "MemberClusters": ["cache-001"],
        "TransitEncryptionEnabled": True,
        "TransitEncryptionMode": "required",
        "AuthTokenEnabled": True,
        "NodeGroups": [
            {
                "PrimaryEndpoint": {"Address": "master.cache.abc.use1.cache.amazonaws.com", "Port": 6379},
                "ReaderEndpoint": {"Address": "replica.cache.abc.use1.cache.amazonaws.com", "Port": 6379},
                "NodeGroupMembers": [
                    {"ReadEndpoint": {"Address": "cache-001.cache.abc.use1.cache.amazonaws.com", "Port": 6379}}
                ],
            }
        ],
    } | fields


def caches(clusters: list[Answers], groups: list[Answers]) -> Answers:
    return {
        "elasticache:DescribeCacheClusters": {"CacheClusters": clusters},
        "elasticache:DescribeReplicationGroups": {"ReplicationGroups": groups},
        "elasticache:DescribeCacheSubnetGroups": {
            "CacheSubnetGroups": [
                {"CacheSubnetGroupName": "other", "VpcId": "vpc-0", "Subnets": []},
                {"CacheSubnetGroupName": "default", "VpcId": "vpc-1", "Subnets": SUBNETS},
            ]
        },
    }


def test_an_instance_with_its_network(read: Read, calls: list[str]) -> None:
    found = read([f"db.{RDS}"], instance())
    assert resource(found, f"db.{RDS}") == Resource(
        kind="RDS instance",
        id="db",
        status="available",
        engine="postgres",
        engine_version="16.3",
        port=5432,
        vpc_id="vpc-1",
        subnet_ids=("subnet-1", "subnet-2"),
        security_group_ids=("sg-1",),
        is_public=False,
        demands_tls=True,
    )
    assert (found[f"db.{RDS}"].protocol, found[f"db.{RDS}"].port) == ("postgres", 5432)
    assert calls == ["rds:DescribeDBInstances"]  # neither ElastiCache nor a group that nobody can have changed


def test_one_database_and_one_cache_take_five_calls(read: Read, calls: list[str]) -> None:
    answers = instance(DBParameterGroups=[{"DBParameterGroupName": "own"}]) | caches([cluster()], [group()])
    parameters = {
        "Parameters": [
            {"ParameterName": "other", "ParameterValue": "1"},
            {"ParameterName": "rds.force_ssl", "ParameterValue": "0"},
        ]
    }
    host = "master.cache.abc.use1.cache.amazonaws.com"
    found = read([f"db.{RDS}", host], answers | {"rds:DescribeDBParameters": parameters})
    assert resource(found, f"db.{RDS}").demands_tls is False
    assert resource(found, host).kind == "ElastiCache replication group"
    assert sorted(calls[:3]) == [
        "elasticache:DescribeCacheClusters",
        "elasticache:DescribeReplicationGroups",
        "rds:DescribeDBInstances",
    ]
    assert sorted(calls[3:]) == ["elasticache:DescribeCacheSubnetGroups", "rds:DescribeDBParameters"]
    assert set(calls) < set(READS)


@pytest.mark.parametrize(
    ("engine", "version", "parameter", "demands"),
    [
        ("postgres", "14.9", None, False),
        ("postgres", "15.2", None, True),
        ("postgres", "16.3", "0", False),
        ("postgres", "13.1", "1", True),
        ("postgres", "", None, None),
        ("mysql", "8.0.35", None, False),
        ("mysql", "8.0.35", "ON", True),
        ("mysql", "8.4.3", None, None),
        ("mariadb", "10.11.8", "1", True),
        ("mariadb", "11.8.1", None, None),
        ("sqlserver-ex", "15.00", "1", None),
    ],
)
def test_the_parameter_or_the_default_of_the_version_demands_tls(
    engine: str,
    version: str,
    parameter: str | None,
    demands: object,
    read: Read,
) -> None:
    name = "rds.force_ssl" if engine == "postgres" else "require_secure_transport"
    answers = instance(Engine=engine, EngineVersion=version, DBParameterGroups=[{"DBParameterGroupName": "own"}])
    answers["rds:DescribeDBParameters"] = {
        "Parameters": [{"ParameterName": name, "ParameterValue": parameter}] if parameter else []
    }
    found = resource(read([f"db.{RDS}"], answers), f"db.{RDS}")
    assert (found.demands_tls, found.unread) == (demands, ())


def test_parameters_that_cannot_be_read_are_said(read: Read) -> None:
    answers = instance(DBParameterGroups=[{"DBParameterGroupName": "own"}])
    answers["rds:DescribeDBParameters"] = ("AccessDenied", "no")
    found = resource(read([f"db.{RDS}"], answers), f"db.{RDS}")
    assert found.demands_tls is None
    assert [one.allow for one in found.unread] == ["rds:DescribeDBParameters"]


def test_an_instance_that_says_nothing_of_its_parameters_demands_nothing_known(read: Read) -> None:
    assert resource(read([f"db.{RDS}"], instance(DBParameterGroups=[])), f"db.{RDS}").demands_tls is None


def test_a_status_shows_and_an_instance_without_an_endpoint_is_known_by_its_name(read: Read) -> None:
    found = resource(read([f"db.{RDS}"], instance(DBInstanceStatus="creating", Endpoint={})), f"db.{RDS}")
    assert (found.status, found.port) == ("creating", None)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (("DBInstanceNotFound", "DBInstance db not found."), "no such instance in this account and Region"),
        (("DBInstanceNotFoundFault", "DBInstance db not found."), "no such instance in this account and Region"),
        ({"DBInstances": []}, "no such instance in this account and Region"),
        # the same name in another account has another hash; and a replay does not filter
        (
            instance(Endpoint={"Address": "db.c999.us-east-1.rds.amazonaws.com"})["rds:DescribeDBInstances"],
            "no such instance",
        ),
        (("AccessDenied", "no"), "lacks rds:DescribeDBInstances"),
    ],
)
def test_an_instance_that_is_not_there(answer: Any, said: str, read: Read) -> None:
    assert said in why(read([f"db.{RDS}"], {"rds:DescribeDBInstances": answer}), f"db.{RDS}")


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("db.c1.eu-west-1.rds.amazonaws.com", "eu-west-1"),
        ("db.cluster-c1.ap-southeast-2.rds.amazonaws.com", "ap-southeast-2"),
        ("db.c1.rds.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("cache.abc.0001.apse1.cache.amazonaws.com", "ap-southeast-1"),
        ("cache-abc.serverless.euc1.cache.amazonaws.com", "eu-central-1"),
    ],
)
def test_another_region_is_not_asked(host: str, region: str, read: Read, calls: list[str]) -> None:
    assert why(read([host], instance()), host) == f"lies in Region {region}; only us-east-1 is read"
    assert not calls


def test_other_hosts_have_no_resource_and_cost_no_call(read: Read, calls: list[str]) -> None:
    hosts = ["db.example.com", "localhost", "10.0.0.7", "db.cluster-c1.us-east-1.docdb.amazonaws.com"]
    assert [one.resource for one in read(hosts, instance()).values()] == [None] * 4
    assert not calls


def test_a_kind_of_name_that_is_not_known_is_said(read: Read) -> None:
    host = "db.shardgrp-c1.us-east-1.rds.amazonaws.com"
    assert "does not know" in why(read([host], instance()), host)


@pytest.mark.parametrize("label", ["db.cluster-", "db.cluster-ro-", "analysts.cluster-custom-"])
def test_every_endpoint_of_a_cluster(label: str, read: Read, calls: list[str]) -> None:
    host = f"{label}{RDS}"
    described = {
        "DBClusterIdentifier": "db",
        "Status": "stopped",
        "Engine": "aurora-postgresql",
        "EngineVersion": "15.4",
        "Port": 5433,
        "Endpoint": f"db.cluster-{RDS}",
        "ReaderEndpoint": f"db.cluster-ro-{RDS}",
        "CustomEndpoints": [f"analysts.cluster-custom-{RDS}"],
        "DBSubnetGroup": "private",
        "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-1", "Status": "active"}],
    }
    subnets = {"DBSubnetGroups": [{"DBSubnetGroupName": "private", "VpcId": "vpc-1", "Subnets": SUBNETS}]}
    answers = {"rds:DescribeDBClusters": {"DBClusters": [described]}, "rds:DescribeDBSubnetGroups": subnets}
    found = resource(read([host], answers), host)
    assert (found.kind, found.id, found.status, found.port) == ("RDS cluster", "db", "stopped", 5433)
    assert (found.vpc_id, found.subnet_ids, found.security_group_ids) == ("vpc-1", ("subnet-1", "subnet-2"), ("sg-1",))
    assert calls == ["rds:DescribeDBClusters", "rds:DescribeDBSubnetGroups"]
    blind = resource(read([host], {**answers, "rds:DescribeDBSubnetGroups": ("AccessDenied", "no")}), host)
    assert (blind.vpc_id, [one.allow for one in blind.unread]) == ("", ["rds:DescribeDBSubnetGroups"])


def test_a_proxy_and_one_more_endpoint_of_it(read: Read) -> None:
    proxy = {
        "DBProxyName": "pool",
        "Status": "available",
        "EngineFamily": "MYSQL",
        "VpcId": "vpc-1",
        "VpcSecurityGroupIds": ["sg-1"],
        "VpcSubnetIds": ["subnet-1"],
        "Endpoint": f"pool.proxy-{RDS}",
        "RequireTLS": True,
    }
    endpoint = {
        "DBProxyEndpointName": "readers",
        "DBProxyName": "pool",
        "Status": "creating",
        "VpcId": "vpc-2",
        "VpcSecurityGroupIds": ["sg-2"],
        "VpcSubnetIds": ["subnet-2"],
        "Endpoint": f"readers.endpoint.proxy-{RDS}",
    }
    answers = {
        "rds:DescribeDBProxies": {"DBProxies": [proxy]},
        "rds:DescribeDBProxyEndpoints": {"DBProxyEndpoints": [endpoint]},
    }
    hosts = [proxy["Endpoint"], endpoint["Endpoint"]]
    found = read([str(host) for host in hosts], answers)
    of_proxy, of_endpoint = resource(found, f"pool.proxy-{RDS}"), resource(found, f"readers.endpoint.proxy-{RDS}")
    assert (of_proxy.id, of_proxy.vpc_id, of_proxy.demands_tls, of_proxy.port) == ("pool", "vpc-1", True, 3306)
    assert (of_endpoint.id, of_endpoint.vpc_id, of_endpoint.demands_tls) == ("readers", "vpc-2", True)
    assert (of_endpoint.status, of_endpoint.security_group_ids, of_endpoint.engine) == ("creating", ("sg-2",), "mysql")


@pytest.mark.parametrize("host", ["master.cache", "replica.cache", "cache-001.cache"])
def test_every_endpoint_of_a_replication_group_has_its_members_network(host: str, read: Read) -> None:
    host = f"{host}.abc.use1.cache.amazonaws.com"
    found = resource(read([host], caches([cluster(CacheClusterId="x"), cluster()], [group()])), host)
    assert (found.kind, found.id, found.engine, found.engine_version) == (
        "ElastiCache replication group",
        "cache",
        "redis",
        "7.1.0",
    )
    assert (found.vpc_id, found.subnet_ids, found.security_group_ids) == ("vpc-1", ("subnet-1", "subnet-2"), ("sg-2",))
    assert (found.port, found.demands_tls, found.demands_password) == (6379, True, True)


@pytest.mark.parametrize("host", ["clustercfg.cache.abc", "cache.abc.clustercfg"])
def test_the_configuration_endpoint_of_a_replication_group(host: str, read: Read) -> None:
    host = f"{host}.use1.cache.amazonaws.com"
    clustered = group(NodeGroups=[], ConfigurationEndpoint={"Address": host, "Port": 6380})
    assert resource(read([host], caches([cluster()], [clustered])), host).port == 6380


def test_a_node_and_a_configuration_endpoint_of_a_cluster(read: Read) -> None:
    node, configuration = "m.abc.0001.use1.cache.amazonaws.com", "m.abc.cfg.use1.cache.amazonaws.com"
    described = cluster(
        CacheClusterId="m",
        Engine="memcached",
        CacheClusterStatus="deleting",
        CacheNodes=[{"Endpoint": {"Address": node, "Port": 11211}}],
        ConfigurationEndpoint={"Address": configuration, "Port": 11211},
    )
    found = read([node, configuration], caches([described], []))
    assert resource(found, node) == resource(found, configuration)
    assert (resource(found, node).status, resource(found, node).vpc_id) == ("deleting", "vpc-1")
    assert (found[node].protocol, found[node].port) == ("memcached", 11211)


@pytest.mark.parametrize(
    ("fields", "tls", "password"),
    [
        ({"TransitEncryptionMode": "preferred"}, False, True),
        ({"TransitEncryptionMode": None}, True, True),
        ({"TransitEncryptionEnabled": False, "TransitEncryptionMode": None, "AuthTokenEnabled": False}, False, False),
        ({"TransitEncryptionEnabled": None, "AuthTokenEnabled": None}, None, None),
        ({"AuthTokenEnabled": False, "UserGroupIds": ["users"]}, True, None),
    ],
)
def test_what_a_cache_demands(fields: Answers, tls: object, password: object, read: Read) -> None:
    host = "master.cache.abc.use1.cache.amazonaws.com"
    described = {key: value for key, value in group(**fields).items() if value is not None}
    found = resource(read([host], caches([cluster()], [described])), host)
    assert (found.demands_tls, found.demands_password) == (tls, password)


def test_caches_that_are_created_have_no_endpoints_and_are_known_by_their_names(read: Read) -> None:
    hosts = ["cache.abc.ng.0001.use1.cache.amazonaws.com", "single.abc.0001.use1.cache.amazonaws.com"]
    answers = caches([cluster(), cluster(CacheClusterId="single")], [group(NodeGroups=[], Status="creating")])
    found = read(hosts, answers)
    assert [resource(found, host).id for host in hosts] == ["cache", "single"]
    assert resource(found, hosts[0]).status == "creating"


def test_a_group_whose_members_cannot_be_read_says_so(read: Read) -> None:
    host = "master.cache.abc.use1.cache.amazonaws.com"
    found = resource(
        read([host], caches([], [group()]) | {"elasticache:DescribeCacheClusters": ("AccessDenied", "no")}), host
    )
    assert (found.demands_tls, found.security_group_ids) == (True, ())
    assert [one.allow for one in found.unread] == ["elasticache:DescribeCacheClusters"]


def test_a_cache_that_is_not_there_and_one_that_cannot_be_looked_for(read: Read) -> None:
    host = "gone.abc.0001.use1.cache.amazonaws.com"
    assert why(read([host], caches([cluster()], [group()])), host) == "no such cache in this account and Region"
    denied = caches([cluster()], []) | {"elasticache:DescribeReplicationGroups": ("AccessDenied", "no")}
    assert "lacks elasticache:DescribeReplicationGroups" in why(read([host], denied), host)


def test_subnet_groups_that_cannot_be_read_are_said(read: Read) -> None:
    host = "master.cache.abc.use1.cache.amazonaws.com"
    answers = caches([cluster()], [group()]) | {"elasticache:DescribeCacheSubnetGroups": ("AccessDenied", "no")}
    found = resource(read([host], answers), host)
    assert (found.vpc_id, found.security_group_ids) == ("", ("sg-2",))
    assert [one.allow for one in found.unread] == ["elasticache:DescribeCacheSubnetGroups"]


def test_a_serverless_cache_has_the_vpc_of_its_subnets(read: Read, calls: list[str]) -> None:
    host, reader = "web-abc.serverless.use1.cache.amazonaws.com", "web-ro-abc.serverless.use1.cache.amazonaws.com"
    described = {
        "ServerlessCacheName": "web",
        "Status": "available",
        "Engine": "valkey",
        "FullEngineVersion": "8.0",
        "Endpoint": {"Address": host, "Port": 6379},
        "ReaderEndpoint": {"Address": reader, "Port": 6380},
        "SecurityGroupIds": ["sg-3"],
        "SubnetIds": ["subnet-1"],
    }
    answers = {
        "elasticache:DescribeServerlessCaches": {"ServerlessCaches": [described]},
        "ec2:DescribeSubnets": {
            "Subnets": [{"SubnetId": "subnet-0", "VpcId": "vpc-0"}, {"SubnetId": "subnet-1", "VpcId": "vpc-1"}]
        },
    }
    found = read([host, reader], answers)
    assert (resource(found, reader).port, resource(found, host).port) == (6380, 6379)
    one = resource(found, host)
    assert (one.kind, one.vpc_id, one.subnet_ids) == ("ElastiCache serverless cache", "vpc-1", ("subnet-1",))
    assert (one.demands_tls, one.demands_password, one.security_group_ids) == (True, False, ("sg-3",))
    assert calls == ["elasticache:DescribeServerlessCaches", "ec2:DescribeSubnets"]
    assert why(
        read(["x-abc.serverless.use1.cache.amazonaws.com"], answers), "x-abc.serverless.use1.cache.amazonaws.com"
    )


def test_no_more_than_ten_databases_are_looked_at(read: Read, calls: list[str]) -> None:
    hosts = [f"db{number}.{RDS}" for number in range(12)]
    found = read(hosts, {"rds:DescribeDBInstances": {"DBInstances": []}})
    assert len(calls) == 10
    assert sum("only the first 10" in why(found, host) for host in hosts) == 2


def test_a_seed_whose_redis_host_only_the_clusters_know(read: Read) -> None:
    host = "nerava-redis.yagp9v.ng.0001.use1.cache.amazonaws.com"
    found = read([host], {}, "seed-nerava-backend-access-log")
    one = resource(found, host)
    assert (one.kind, one.id, one.vpc_id) == ("ElastiCache cluster", "nerava-redis", "vpc-0070057532e81973b")
    assert one.security_group_ids == ("sg-0e4cc786d9053f05f",)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[boto3.Session]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        yield boto3.Session(region_name=REGION)


def test_the_calls_as_an_emulator_takes_them(account: boto3.Session) -> None:
    rds, elasticache = account.client("rds"), account.client("elasticache")
    rds.create_db_parameter_group(DBParameterGroupName="own", DBParameterGroupFamily="postgres14", Description="own")
    rds.create_db_instance(
        DBInstanceIdentifier="db",
        DBInstanceClass="db.t3.micro",
        Engine="postgres",
        EngineVersion="14.9",
        MasterUsername="someone",
        MasterUserPassword=json.dumps("no secret"),
        AllocatedStorage=20,
        DBParameterGroupName="own",
    )
    endpoint = rds.describe_db_instances()["DBInstances"][0]["Endpoint"]["Address"]
    elasticache.create_cache_cluster(
        CacheClusterId="single", Engine="redis", NumCacheNodes=1, CacheNodeType="cache.t3.micro"
    )
    hosts = [endpoint, "gone.c1.us-east-1.rds.amazonaws.com", "gone.abc.0001.use1.cache.amazonaws.com"]
    variables = [Variable(name=f"N{number}_HOST", shown=host) for number, host in enumerate(hosts)]
    with Reads(timedelta(seconds=20)) as reads:
        found = {one.host: one for one in read_dependencies(reads, Clients(account), named(variables))}
    assert (resource(found, endpoint).id, resource(found, endpoint).unread) == ("db", ())
    assert {why(found, host) for host in hosts[1:]} == {
        "no such instance in this account and Region",
        "no such cache in this account and Region",
    }
