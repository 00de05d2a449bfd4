"""Here you find what is said of a way through the network: hops, and the check that comes of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from apprunner_watcher.dependency import Dependency
from apprunner_watcher.missing import Missing
from apprunner_watcher.network import ANYWHERE, Addresses

Result = Literal["ok", "blocked", "unknown"]


BlockKind = Literal[
    "connector",  # it is not active
    "connector-subnets",  # they have no free addresses
    "dns",
    "security-group-egress",
    "security-group-ingress",
    "network-acl",
    "route",
    "gateway",  # an internet or NAT gateway that does not lead out
    "peering",
    "public-access",  # private, and the service has no connector
    "endpoint",  # an AWS API without a VPC endpoint, and without the internet
    "localhost",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """What is in the way, with the values that a command against it needs; empty where they do not apply.

    `id` is of the thing that blocks: a connector, security group, network ACL, route table, gateway, peering, endpoint,
    VPC (dns) or resource (public-access). `subnet_ids` are those of the connector from which it fails.
    """

    kind: BlockKind
    id: str = ""
    group_id: str = ""  # the security group that needs another rule
    source_group_id: str = ""  # the connector's security group, which it should admit
    protocol: str = ""
    port: int | None = None
    cidr: str = ""  # the block that a rule, entry or route should be for
    direction: Literal["ingress", "egress", ""] = ""
    subnet_ids: tuple[str, ...] = ()
    route_table_id: str = ""
    vpc_id: str = ""
    service: str = ""  # the AWS API, as endpoint services are named: s3, bedrock-runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question about the network, answered. `because` is a sentence without its full stop.

    `path`: the hops in order, each with its ids, to where it ends or is stopped.
    `about`: the dependency, or the name of the AWS API; empty for the internet and for the connector itself.
    """

    what: str
    result: Result
    because: str
    topic: Literal["connector", "subnets", "dns", "dependency", "api", "internet"]
    path: tuple[str, ...] = ()
    blocked_by: Block | None = None
    about: Dependency | str = ""


HTTPS = 443


@dataclass(frozen=True, slots=True)
class Hop:
    """A step of a way: what it says stands in the path, and decides where it is the worst of its way."""

    result: Result
    says: str
    block: Block | None = None
    caveat: str = ""  # what could not be looked at and is taken for granted


Way = tuple[Hop, ...]


def not_known(missing: Missing) -> Hop:
    """The hop at which nothing more is known."""
    return Hop("unknown", f"{missing.what} could not be read: {missing.why}")


def decisive(way: Way) -> Hop:
    """The first hop that blocks, else the first that is not known, else the last."""
    for result in ("blocked", "unknown"):
        if found := next((hop for hop in way if hop.result == result), None):
            return found
    return way[-1]


def from_one(ways: Sequence[Way]) -> Way:
    """The way to a destination that is in one of several subnets, it is not known in which."""
    by_result: dict[Result, Way] = {}
    for way in sorted(ways, key=len, reverse=True):  # of equal ways the one that passes most is told
        by_result.setdefault(decisive(way).result, way)
    if "blocked" in by_result and len(by_result) > 1:
        hop = decisive(by_result["blocked"])
        says = f"it depends on the subnet that it is in at the moment, which is not known: in some of them {hop.says}"
        return (*(by_result.get("ok") or by_result["unknown"]), Hop("unknown", says))
    return next(by_result[result] for result in ("unknown", "ok", "blocked") if result in by_result)


def checked(
    what: str,
    topic: Literal["connector", "subnets", "dns", "dependency", "api", "internet"],
    way: Way,
    about: Dependency | str = "",
) -> Check:
    """The check that comes of a way: its result is that of the hop which decides."""
    hop = decisive(way)
    end = way.index(hop) + 1 if hop.result == "blocked" else len(way)
    caveats = dict.fromkeys(one.caveat for one in way if one.caveat) if hop.result == "ok" else ()
    return Check(
        what=what,
        result=hop.result,
        because="; ".join((hop.says, *caveats)),
        topic=topic,
        path=tuple(dict.fromkeys(one.says for one in way[:end])),
        blocked_by=hop.block if hop.result == "blocked" else None,
        about=about,
    )


def tcp(port: int | None) -> str:
    """The port, for a reader."""
    return f"tcp {port}" if port is not None else "its port"


def cidr_of(some: Addresses) -> str:
    """Addresses as a CIDR block; empty where they are not known."""
    return str(some) if some is not None else ""


def within(some: Addresses) -> str:
    """Addresses in brackets, where they say anything."""
    return f" ({some})" if some is not None and some != ANYWHERE else ""


def listed(ids: Iterable[str]) -> str:
    """Ids, for a reader."""
    return ", ".join(ids)
