"""Here you find what a dependency is called, its port, and whether its name leads out of the instance at all."""

from ipaddress import IPv4Address, IPv6Address, ip_address

from apprunner_watcher.dependency import Dependency, Resource, default_port
from apprunner_watcher.reachability.check import HTTPS, Block, Hop, Way

_INNER_NAMES = (".internal", ".local", ".lan", ".corp", ".intranet", ".private", ".home.arpa")


def way_inside(dependency: Dependency) -> Way:
    """For a host that never leaves the instance; else nothing."""
    address = address_of(dependency.host)
    host = dependency.host.strip("[]").lower().rstrip(".")
    if (
        host == "localhost"
        or host.endswith(".localhost")
        or (address and (address.is_loopback or address.is_unspecified))
    ):
        block = Block(kind="localhost", port=port_of(dependency))
        return (Hop("blocked", f"{dependency.host} is the container itself, where nothing else runs", block),)
    if address and address.is_link_local:
        return (Hop("unknown", f"{dependency.host} is App Runner's own: it does not pass through a VPC"),)
    return ()


def is_inner(host: str) -> bool:
    """Whether a host name is one that public name servers do not know."""
    name = host.lower().rstrip(".")
    return "." not in name or name.endswith(_INNER_NAMES)


def address_of(host: str) -> IPv4Address | IPv6Address | None:
    """The address, where the host is one."""
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return None


def port_of(dependency: Dependency) -> int | None:
    """The port: the environment's, else the resource's, else the protocol's usual one."""
    if dependency.port:
        return dependency.port
    if isinstance(dependency.resource, Resource) and dependency.resource.port:
        return dependency.resource.port
    return HTTPS if dependency.protocol == "http" else default_port(dependency.protocol)


def spoken(dependency: Dependency, *, port: bool = True) -> str:
    """A database or cache by its name, anything else by its whole host."""
    resource = dependency.resource
    if isinstance(resource, Resource):
        noun = "cache" if resource.kind.startswith("ElastiCache") else "database"
        number = port_of(dependency) if port else None
        return f"{noun} {resource.id}:{number}" if number else f"{noun} {resource.id}"
    suffix = f":{dependency.port}" if port and dependency.port else ""
    return f"{dependency.host}{suffix}"
