"""Here you find the service's databases and caches: the hosts of its environment, found again in RDS and ElastiCache.

The host's name says which kind it can be, so only the calls are made that can answer:
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Overview.Endpoints.html
https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Endpoints.html
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from apprunner_watcher.aws.read import error_code
from apprunner_watcher.dependency import Dependency, Protocol, Resource, default_port
from apprunner_watcher.missing import Missing

if TYPE_CHECKING:
    from apprunner_watcher.aws.clients import Clients
    from apprunner_watcher.aws.read import Reading, Reads

READS = {
    "rds:DescribeDBInstances": "arn:{partition}:rds:{region}:{account}:db:*",
    "rds:DescribeDBClusters": "arn:{partition}:rds:{region}:{account}:cluster:*",
    "rds:DescribeDBProxies": "arn:{partition}:rds:{region}:{account}:db-proxy:*",
    "rds:DescribeDBProxyEndpoints": "arn:{partition}:rds:{region}:{account}:db-proxy-endpoint:*",
    "rds:DescribeDBSubnetGroups": "arn:{partition}:rds:{region}:{account}:subgrp:*",
    "rds:DescribeDBParameters": "arn:{partition}:rds:{region}:{account}:pg:*",
    "elasticache:DescribeCacheClusters": "arn:{partition}:elasticache:{region}:{account}:cluster:*",
    "elasticache:DescribeReplicationGroups": "arn:{partition}:elasticache:{region}:{account}:replicationgroup:*",
    "elasticache:DescribeServerlessCaches": "arn:{partition}:elasticache:{region}:{account}:serverlesscache:*",
    "elasticache:DescribeCacheSubnetGroups": "arn:{partition}:elasticache:{region}:{account}:subnetgroup:*",
    "ec2:DescribeSubnets": "*",  # a serverless cache names no VPC; EC2 knows no narrower permission
}
"""The IAM actions of the reads, and what they are allowed on."""

Described = Mapping[str, Any]
"""A member of AWS's answer."""

_MOST_DATABASES = 10
_DELETED = "no such {} in this account and Region"


def read_dependencies(reads: "Reads", clients: "Clients", named: tuple[Dependency, ...]) -> tuple[Dependency, ...]:
    """`named` with the databases and caches behind AWS's host names: one call for each database and two for all caches.

    A second round reads what those name: parameter groups and subnet groups.
    """
    names = {one.host: name for one in named if (name := _aws_name(one.host))}
    here = [name for name in names.values() if not _is_elsewhere(name, clients)]
    databases = _Databases(reads, clients, [name for name in here if name.service == "rds"][:_MOST_DATABASES])
    caches = _Caches(reads, clients, [name for name in here if name.service == "elasticache"])
    databases.go_on()
    caches.go_on()

    def resource(host: str) -> Resource | Missing | None:
        if not _AWS_HOST.search(host):
            return None
        name = names.get(host)
        if not name:
            return Missing(host, "a kind of name that the watcher does not know")
        if elsewhere := _is_elsewhere(name, clients):
            return Missing(str(name), f"lies in Region {elsewhere}; only {clients.session.region_name} is read")
        return databases.resource(name) if name.service == "rds" else caches.resource(name)

    return tuple(_completed(one, resource(one.host)) for one in named)


def _completed(dependency: Dependency, resource: Resource | Missing | None) -> Dependency:
    """With its resource; where the environment names no protocol or port, the engine's, and its driver's default."""
    if not isinstance(resource, Resource):
        return replace(dependency, resource=resource)
    protocol = dependency.protocol or _protocol(resource.engine)
    return replace(dependency, resource=resource, protocol=protocol, port=dependency.port or default_port(protocol))


def _protocol(engine: str) -> Protocol:
    found = (protocol for part, protocol in _PROTOCOLS_OF_ENGINES.items() if part in engine)
    return next(found, "")


_PROTOCOLS_OF_ENGINES: dict[str, Protocol] = {
    "postgres": "postgres",
    "mysql": "mysql",
    "mariadb": "mysql",
    "sqlserver": "sqlserver",
    "oracle": "oracle",
    "redis": "redis",
    "valkey": "redis",
    "memcached": "memcached",
}
_AWS_HOST = re.compile(r"\.(?:rds|cache)\.(?:[a-z0-9-]+\.)?amazonaws\.com(?:\.cn)?$")
_RDS_HOST = re.compile(
    r"(?P<id>[a-z0-9-]+)\.(?:(?P<endpoint>endpoint)\.)?(?:(?P<kind>cluster-custom|cluster-ro|cluster|proxy)-)?[a-z0-9]+\."
    r"(?:(?P<region>[a-z]{2}(?:-[a-z]+)+-\d)\.rds\.amazonaws\.com"
    r"|rds\.(?P<china>cn-[a-z]+-\d)\.amazonaws\.com\.cn)"
)
_CACHE_HOST = re.compile(
    r"(?:(?:master|replica|clustercfg)\.)?(?P<id>[a-z0-9-]+)\.[a-z0-9.-]+\.(?P<region>[a-z]{2,6}\d)\.cache\.amazonaws\.com(?:\.cn)?"
)
_SERVERLESS_HOST = re.compile(
    r"(?P<id>[a-z0-9-]+)-[a-z0-9]+\.serverless\.(?P<region>[a-z]{2,6}\d)\.cache\.amazonaws\.com(?:\.cn)?"
)
_Kind = Literal["instance", "cluster", "cluster endpoint", "proxy", "proxy endpoint", "cache", "serverless cache"]
_KINDS: dict[str, _Kind] = {
    "": "instance",
    "cluster": "cluster",
    "cluster-ro": "cluster",
    "cluster-custom": "cluster endpoint",
    "proxy": "proxy",
    "proxy endpoint": "proxy endpoint",
}


@dataclass(frozen=True, slots=True)
class _Name:
    """What a host name of AWS says; `region` is a Region (RDS), or ElastiCache's short form of one: use1."""

    host: str
    kind: _Kind
    id: str
    region: str

    @property
    def service(self) -> Literal["rds", "elasticache"]:
        return "elasticache" if "cache" in self.kind else "rds"

    def __str__(self) -> str:
        return f"{'cache' if self.service == 'elasticache' else 'database'} {self.id}"


def _aws_name(host: str) -> _Name | None:
    if serverless := _SERVERLESS_HOST.fullmatch(host):
        return _Name(host, "serverless cache", serverless["id"], serverless["region"])
    if cache := _CACHE_HOST.fullmatch(host):
        return _Name(host, "cache", cache["id"], cache["region"])
    if database := _RDS_HOST.fullmatch(host):
        kind = "proxy endpoint" if database["endpoint"] else database["kind"] or ""
        return _Name(host, _KINDS[kind], database["id"], database["region"] or database["china"])
    return None


def _is_elsewhere(name: _Name, clients: "Clients") -> str:
    """The other Region that a name lies in; empty where it is this one, or none that is known."""
    here = clients.session.region_name or ""
    if name.region in {here, _short(here)}:
        return ""
    if name.service == "rds":
        return name.region
    partition = "aws-cn" if name.host.endswith(".cn") else "aws-us-gov" if here.startswith("us-gov") else "aws"
    known = clients.session.get_available_regions("elasticache", partition)
    return next((region for region in known if _short(region) == name.region), "")


def _short(region: str) -> str:
    """A Region as ElastiCache writes it: ap-southeast-1 is apse1."""
    area, *compass = region.split("-")
    words = [word for part in compass for word in re.findall(r"north|south|east|west|\w+", part)]
    return area + "".join(word[0] for word in words)


class _Databases:
    """RDS's answers about hosts of this Region."""

    def __init__(self, reads: "Reads", clients: "Clients", names: Iterable[_Name]) -> None:
        """`names`: each is asked for by its identifier, side by side."""
        self._reads, self._clients = reads, clients
        self._described = {name: self._describe(name) for name in names}
        self._proxies = self._list_proxies() if any(name.kind == "proxy endpoint" for name in names) else None
        self._parameters: dict[str, Reading[list[Described]]] = {}
        self._subnet_groups: dict[str, Reading[list[Described]]] = {}

    def go_on(self) -> None:
        """Begin to read the parameter groups of instances, and the subnet groups of clusters."""
        for name in self._described:
            found = self._found(name)
            if not found or isinstance(found, Missing):
                continue
            group = _own_parameter_group(found) if name.kind == "instance" else ""
            if group and group not in self._parameters:
                self._parameters[group] = self._list_parameters(group)
            subnets = found.get("DBSubnetGroup", "")
            if isinstance(subnets, str) and subnets and subnets not in self._subnet_groups:
                self._subnet_groups[subnets] = self._describe_subnets(subnets)

    def resource(self, name: _Name) -> Resource | Missing:
        """The database of that name."""
        if name not in self._described:
            return Missing(str(name), f"only the first {_MOST_DATABASES} databases are looked at")
        found = self._found(name)
        if isinstance(found, Missing):
            return found
        if found is None:
            return Missing(str(name), _DELETED.format(name.kind))
        match name.kind:
            case "instance":
                return self._instance(found)
            case "cluster" | "cluster endpoint":
                return self._cluster(found)
            case _:
                return self._proxy(name, found)

    def _describe(self, name: _Name) -> "Reading[list[Described]]":
        rds, what = self._clients.rds, str(name)
        match name.kind:
            case "cluster":
                return self._list(
                    what,
                    "rds:DescribeDBClusters",
                    lambda: rds.describe_db_clusters(DBClusterIdentifier=name.id)["DBClusters"],
                )
            case "cluster endpoint":  # its first label is the endpoint's name and not the cluster's
                return self._list(
                    what,
                    "rds:DescribeDBClusters",
                    lambda: _all(rds.get_paginator("describe_db_clusters").paginate(), "DBClusters"),
                )
            case "proxy":
                return self._list(
                    what, "rds:DescribeDBProxies", lambda: rds.describe_db_proxies(DBProxyName=name.id)["DBProxies"]
                )
            case "proxy endpoint":
                return self._list(
                    what,
                    "rds:DescribeDBProxyEndpoints",
                    lambda: rds.describe_db_proxy_endpoints(DBProxyEndpointName=name.id)["DBProxyEndpoints"],
                )
            case _:
                return self._list(
                    what,
                    "rds:DescribeDBInstances",
                    lambda: rds.describe_db_instances(DBInstanceIdentifier=name.id)["DBInstances"],
                )

    def _list_proxies(self) -> "Reading[list[Described]]":
        rds = self._clients.rds
        return self._list(
            "RDS proxies",
            "rds:DescribeDBProxies",
            lambda: _all(rds.get_paginator("describe_db_proxies").paginate(), "DBProxies"),
        )

    def _list_parameters(self, group: str) -> "Reading[list[Described]]":
        """Those that somebody set: the others, hundreds, are the engine's defaults."""
        rds = self._clients.rds
        return self._list(
            f"parameter group {group}",
            "rds:DescribeDBParameters",
            lambda: rds.describe_db_parameters(DBParameterGroupName=group, Source="user")["Parameters"],
        )

    def _describe_subnets(self, group: str) -> "Reading[list[Described]]":
        rds = self._clients.rds
        return self._list(
            f"subnet group {group}",
            "rds:DescribeDBSubnetGroups",
            lambda: rds.describe_db_subnet_groups(DBSubnetGroupName=group)["DBSubnetGroups"],
        )

    def _list(self, what: str, action: str, call: Callable[[], Iterable[Any]]) -> "Reading[list[Described]]":
        return self._reads.begin(what, action, lambda: _found_or_nothing(call))

    def _found(self, name: _Name) -> Described | Missing | None:
        listed = self._described[name].result()
        if isinstance(listed, Missing):
            return listed
        return next((one for one in listed if _has_endpoint(one, name)), None)

    def _instance(self, found: Described) -> Resource:
        network = found.get("DBSubnetGroup", {})
        demands_tls, unread = self._demands_tls(found)
        return Resource(
            kind="RDS instance",
            id=found["DBInstanceIdentifier"],
            status=found.get("DBInstanceStatus", ""),
            engine=found.get("Engine", ""),
            engine_version=found.get("EngineVersion", ""),
            port=found.get("Endpoint", {}).get("Port"),
            vpc_id=network.get("VpcId", ""),
            subnet_ids=_subnet_ids(network),
            security_group_ids=_security_groups(found),
            is_public=found.get("PubliclyAccessible"),
            demands_tls=demands_tls,
            unread=unread,
        )

    def _demands_tls(self, found: Described) -> tuple[bool | None, tuple[Missing, ...]]:
        """Whether an instance refuses connections without TLS: the parameter of its group, else the engine's default.

        https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/PostgreSQL.Concepts.General.SSL.Requiring.html
        https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/mysql-ssl-connections.require-ssl.html
        """
        engine = found.get("Engine", "")
        parameter = _TLS_PARAMETERS.get(engine)
        if not parameter or not found.get("DBParameterGroups"):
            return None, ()
        reading = self._parameters.get(_own_parameter_group(found))
        parameters = reading.result() if reading else []
        if isinstance(parameters, Missing):
            return None, (parameters,)
        values = (one.get("ParameterValue") for one in parameters if one.get("ParameterName") == parameter)
        value = next((str(value).lower() for value in values if value is not None), "")
        return (value in {"1", "on", "true"} if value else _default_demand(engine, found.get("EngineVersion", ""))), ()

    def _cluster(self, found: Described) -> Resource:
        group = found.get("DBSubnetGroup", "")
        listed = self._subnet_groups[group].result() if group in self._subnet_groups else []
        groups = [] if isinstance(listed, Missing) else listed
        network = next((one for one in groups if one.get("DBSubnetGroupName") == group), {})
        return Resource(
            kind="RDS cluster",
            id=found["DBClusterIdentifier"],
            status=found.get("Status", ""),
            engine=found.get("Engine", ""),
            engine_version=found.get("EngineVersion", ""),
            port=found.get("Port"),
            vpc_id=network.get("VpcId", ""),
            subnet_ids=_subnet_ids(network),
            security_group_ids=_security_groups(found),
            is_public=found.get("PubliclyAccessible"),
            unread=(listed,) if isinstance(listed, Missing) else (),
        )

    def _proxy(self, name: _Name, found: Described) -> Resource | Missing:
        """A proxy, or one more endpoint of a proxy: that has a network of its own, and the proxy has the rest."""
        proxy: Described | None = found
        if name.kind == "proxy endpoint" and self._proxies:
            proxies = self._proxies.result()
            if isinstance(proxies, Missing):
                return proxies
            proxy = next((one for one in proxies if one["DBProxyName"] == found.get("DBProxyName")), None)
        family = (proxy or {}).get("EngineFamily", "").lower()
        return Resource(
            kind="RDS proxy",
            id=found.get("DBProxyEndpointName") or found["DBProxyName"],
            status=found.get("Status", ""),
            engine=family,
            engine_version="",
            port=default_port(_protocol(family)),
            vpc_id=found.get("VpcId", ""),
            subnet_ids=tuple(found.get("VpcSubnetIds", [])),
            security_group_ids=tuple(found.get("VpcSecurityGroupIds", [])),
            is_public=False,  # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.html#rds-proxy.limitations
            demands_tls=(proxy or {}).get("RequireTLS"),
        )


_TLS_PARAMETERS = {
    "postgres": "rds.force_ssl",
    "mysql": "require_secure_transport",
    "mariadb": "require_secure_transport",
}
# From these versions on the default is another one, or is not known here.
_DEFAULTS_WITHOUT_TLS = {"postgres": (15,), "mysql": (8, 4), "mariadb": (11, 8)}


def _default_demand(engine: str, version: str) -> bool | None:
    """Whether an engine of that version demands TLS where nobody set the parameter."""
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    if not numbers:
        return None
    if numbers < _DEFAULTS_WITHOUT_TLS[engine]:
        return False
    return True if engine == "postgres" else None


def _own_parameter_group(instance: Described) -> str:
    """The parameter group that may differ from the engine's defaults; RDS's own (default.postgres16) cannot."""
    if instance.get("Engine") not in _TLS_PARAMETERS:
        return ""
    names = [one.get("DBParameterGroupName", "") for one in instance.get("DBParameterGroups", [])]
    return next((name for name in names if not name.startswith("default.")), "")


def _all(pages: Iterable[Any], key: str) -> list[Any]:
    """What stands on all pages of a list."""
    return [one for page in pages for one in page.get(key, [])]


def _found_or_nothing(call: Callable[[], Iterable[Any]]) -> list[Described]:
    """What a call lists; nothing where AWS says that there is no such thing."""
    try:
        return list(call())
    except ClientError as error:
        if re.search(r"NotFound(?:Fault)?$", error_code(error)):
            return []
        raise


def _has_endpoint(described: Described, name: _Name) -> bool:
    """Whether it is the one: by its endpoints; by its identifier as long as it has none, say while it is created."""
    endpoint = described.get("Endpoint")
    address = endpoint.get("Address") if isinstance(endpoint, Mapping) else endpoint
    addresses = [address, described.get("ReaderEndpoint"), *described.get("CustomEndpoints", [])]
    if known := {one.lower() for one in addresses if one}:
        return name.host in known
    ids = ("DBInstanceIdentifier", "DBClusterIdentifier", "DBProxyEndpointName", "DBProxyName")
    identifier = next((described[key] for key in ids if key in described), "")
    return bool(identifier.lower() == name.id)


def _subnet_ids(group: Described) -> tuple[str, ...]:
    return tuple(one["SubnetIdentifier"] for one in group.get("Subnets", []))


def _security_groups(database: Described) -> tuple[str, ...]:
    attached = database.get("VpcSecurityGroups", [])
    return tuple(one["VpcSecurityGroupId"] for one in attached if one.get("Status") != "removing")


class _Caches:
    """ElastiCache's answers: its lists are searched, for a host name can stand in any of them."""

    def __init__(self, reads: "Reads", clients: "Clients", names: Iterable[_Name]) -> None:
        """`names`: without any, nothing is read."""
        self._reads, self._clients, self._names = reads, clients, tuple(names)
        kinds = {name.kind for name in self._names}
        self._clusters = self._list("describe_cache_clusters", ShowCacheNodeInfo=True) if "cache" in kinds else None
        self._groups = self._list("describe_replication_groups") if "cache" in kinds else None
        self._serverless = self._list("describe_serverless_caches") if "serverless cache" in kinds else None
        self._subnet_groups: Reading[list[Described]] | None = None
        self._subnets: Reading[list[Described]] | None = None

    def go_on(self) -> None:
        """Begin to read the networks of the caches that were found, in one call."""
        clusters = [cluster for name in self._names if (cluster := self._cluster_with_network(name))]
        if groups := sorted({one["CacheSubnetGroupName"] for one in clusters if "CacheSubnetGroupName" in one}):
            which = {"CacheSubnetGroupName": groups[0]} if len(groups) == 1 else {}
            self._subnet_groups = self._list("describe_cache_subnet_groups", **which)
        found = [_first(self._serverless, name) for name in self._names if name.kind == "serverless cache"]
        if subnets := sorted({one for cache in found if cache for one in cache.get("SubnetIds", [])[:1]}):
            ec2 = self._clients.ec2
            self._subnets = self._reads.begin(
                "the caches' subnets",
                "ec2:DescribeSubnets",
                lambda: list[Described](ec2.describe_subnets(SubnetIds=subnets)["Subnets"]),
            )

    def resource(self, name: _Name) -> Resource | Missing:
        """The cache of that name."""
        if name.kind == "serverless cache":
            return self._serverless_cache(name)
        if group := _first(self._groups, name):
            return self._replication_group(group, name)
        if cluster := _first(self._clusters, name):
            return self._cluster(cluster, name)
        unread = [listed for listed in (_result(self._clusters), _result(self._groups)) if isinstance(listed, Missing)]
        return unread[0] if unread else Missing(str(name), _DELETED.format("cache"))

    def _list(self, operation: str, **parameters: object) -> "Reading[list[Described]]":
        key, what, action = _LISTS[operation]
        pages = self._clients.elasticache.get_paginator(operation).paginate(**parameters)  # type: ignore[call-overload]  # by name
        return self._reads.begin(what, action, lambda: _found_or_nothing(lambda: _all(pages, key)))

    def _cluster_with_network(self, name: _Name) -> Described | None:
        """The cluster of that name, or a member of the replication group: only clusters have networks."""
        if name.kind == "serverless cache":
            return None
        group = _first(self._groups, name)
        return self._member(group) if group else _first(self._clusters, name)

    def _member(self, group: Described) -> Described | None:
        clusters = _result(self._clusters)
        listed = [] if isinstance(clusters, Missing) else clusters
        members = (
            one
            for one in listed
            if one.get("ReplicationGroupId") == group["ReplicationGroupId"]
            or one["CacheClusterId"] in group.get("MemberClusters", [])
        )
        return next(members, None)

    def _replication_group(self, group: Described, name: _Name) -> Resource:
        member = self._member(group) or {}
        vpc_id, subnet_ids, unread = self._network(member)
        clusters = _result(self._clusters)
        return Resource(
            kind="ElastiCache replication group",
            id=group["ReplicationGroupId"],
            status=group.get("Status", ""),
            engine=group.get("Engine") or member.get("Engine", ""),
            engine_version=member.get("EngineVersion", ""),
            port=_port_of(group, name),
            vpc_id=vpc_id,
            subnet_ids=subnet_ids,
            security_group_ids=_cache_security_groups(member),
            demands_tls=_cache_demands_tls(group),
            demands_password=_cache_demands_password(group),
            unread=(*unread, *((clusters,) if isinstance(clusters, Missing) else ())),
        )

    def _cluster(self, cluster: Described, name: _Name) -> Resource:
        vpc_id, subnet_ids, unread = self._network(cluster)
        return Resource(
            kind="ElastiCache cluster",
            id=cluster["CacheClusterId"],
            status=cluster.get("CacheClusterStatus", ""),
            engine=cluster.get("Engine", ""),
            engine_version=cluster.get("EngineVersion", ""),
            port=_port_of(cluster, name),
            vpc_id=vpc_id,
            subnet_ids=subnet_ids,
            security_group_ids=_cache_security_groups(cluster),
            demands_tls=_cache_demands_tls(cluster),
            demands_password=_cache_demands_password(cluster),
            unread=unread,
        )

    def _network(self, cluster: Described) -> tuple[str, tuple[str, ...], tuple[Missing, ...]]:
        listed = _result(self._subnet_groups)
        if isinstance(listed, Missing):
            return "", (), (listed,)
        wanted = cluster.get("CacheSubnetGroupName")
        group = next((one for one in listed if wanted and one.get("CacheSubnetGroupName") == wanted), {})
        return group.get("VpcId", ""), _subnet_ids(group), ()

    def _serverless_cache(self, name: _Name) -> Resource | Missing:
        listed = _result(self._serverless)
        if isinstance(listed, Missing):
            return listed
        cache = _first(self._serverless, name)
        if not cache:
            return Missing(str(name), _DELETED.format("cache"))
        subnet_ids = tuple(cache.get("SubnetIds", []))
        subnets = _result(self._subnets)
        vpcs = (
            [] if isinstance(subnets, Missing) else [one["VpcId"] for one in subnets if one["SubnetId"] in subnet_ids]
        )
        return Resource(
            kind="ElastiCache serverless cache",
            id=cache["ServerlessCacheName"],
            status=cache.get("Status", ""),
            engine=cache.get("Engine", ""),
            engine_version=cache.get("FullEngineVersion") or cache.get("MajorEngineVersion", ""),
            port=_port_of(cache, name),
            vpc_id=vpcs[0] if vpcs else "",
            subnet_ids=subnet_ids,
            security_group_ids=tuple(cache.get("SecurityGroupIds", [])),
            demands_tls=True,  # https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/in-transit-encryption.html
            demands_password=None if cache.get("UserGroupId") else False,
            unread=(subnets,) if isinstance(subnets, Missing) else (),
        )


_LISTS = {
    "describe_cache_clusters": ("CacheClusters", "cache clusters", "elasticache:DescribeCacheClusters"),
    "describe_replication_groups": (
        "ReplicationGroups",
        "cache replication groups",
        "elasticache:DescribeReplicationGroups",
    ),
    "describe_serverless_caches": ("ServerlessCaches", "serverless caches", "elasticache:DescribeServerlessCaches"),
    "describe_cache_subnet_groups": (
        "CacheSubnetGroups",
        "the caches' subnet groups",
        "elasticache:DescribeCacheSubnetGroups",
    ),
}


def _result(reading: "Reading[list[Described]] | None") -> list[Described] | Missing:
    return reading.result() if reading else []


def _first(reading: "Reading[list[Described]] | None", name: _Name) -> Described | None:
    """The cache with that host; by its identifier as long as it has no endpoints, say while it is created."""
    listed = _result(reading)
    if isinstance(listed, Missing):
        return None
    with_host = (one for one in listed if name.host in _endpoints(one))
    without_any = (one for one in listed if not _endpoints(one) and _cache_id(one) == name.id.removesuffix("-ro"))
    return next(with_host, None) or next(without_any, None)


def _cache_id(cache: Described) -> str:
    ids = ("ServerlessCacheName", "CacheClusterId", "ReplicationGroupId")  # a member cluster has the last one too
    return str(next((cache[key] for key in ids if key in cache), "")).lower()


def _endpoints(cache: Described) -> dict[str, int | None]:
    """Every host name of a cache, with its port."""
    shards = cache.get("NodeGroups", [])
    endpoints = [
        *(cache.get(key) for key in ("ConfigurationEndpoint", "Endpoint", "ReaderEndpoint")),
        *(node.get("Endpoint") for node in cache.get("CacheNodes", [])),
        *(shard.get(key) for shard in shards for key in ("PrimaryEndpoint", "ReaderEndpoint")),
        *(member.get("ReadEndpoint") for shard in shards for member in shard.get("NodeGroupMembers", [])),
    ]
    return {one["Address"].lower(): one.get("Port") for one in endpoints if one and one.get("Address")}


def _port_of(cache: Described, name: _Name) -> int | None:
    return _endpoints(cache).get(name.host)


def _cache_security_groups(cluster: Described) -> tuple[str, ...]:
    attached = cluster.get("SecurityGroups", [])
    return tuple(one["SecurityGroupId"] for one in attached if one.get("Status") != "removing")


def _cache_demands_tls(cache: Described) -> bool | None:
    """https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/in-transit-encryption-enable.html."""
    is_encrypted: bool | None = cache.get("TransitEncryptionEnabled")
    return is_encrypted and cache.get("TransitEncryptionMode") != "preferred"


def _cache_demands_password(cache: Described) -> bool | None:
    """With user groups it depends on the user whose name the service gives, or does not give."""
    has_token: bool | None = cache.get("AuthTokenEnabled")
    return None if cache.get("UserGroupIds") and not has_token else has_token
