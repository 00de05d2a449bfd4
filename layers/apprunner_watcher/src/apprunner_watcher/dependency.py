"""Here you find what the service depends on: hosts and ports in its environment, and what AWS knows of them."""

from dataclasses import dataclass
from typing import Literal

from apprunner_watcher.missing import Missing

Protocol = Literal[
    "postgres", "mysql", "sqlserver", "oracle", "redis", "memcached", "mongodb", "amqp", "kafka", "http", ""
]
"""What is spoken there; empty where the environment does not say."""

ResourceKind = Literal[
    "RDS instance",
    "RDS cluster",
    "RDS proxy",
    "ElastiCache cluster",
    "ElastiCache replication group",
    "ElastiCache serverless cache",
]


@dataclass(frozen=True, slots=True)
class Resource:
    """A database or cache of this account and Region that a host name belongs to."""

    kind: ResourceKind
    id: str
    status: str  # RDS's and ElastiCache's own words: available, creating, stopped …
    engine: str
    engine_version: str
    port: int | None
    vpc_id: str
    subnet_ids: tuple[str, ...]
    security_group_ids: tuple[str, ...]
    is_public: bool | None = None  # PubliclyAccessible; None where the kind has no such setting, or AWS does not say
    demands_tls: bool | None = None  # None where that could not be told
    demands_password: bool | None = None


@dataclass(frozen=True, slots=True)
class Dependency:
    """A host and port that the environment names. `resource` is None where the name is none that AWS gives.

    Missing where it is such a name and the resource could not be read, or is not in this account and Region.
    """

    host: str
    port: int | None
    protocol: Protocol
    variables: tuple[str, ...]  # names of the environment variables that say so
    uses_tls: bool | None = None  # what the URL asks for: rediss://, sslmode=require; None where it does not say
    resource: Resource | Missing | None = None

    def __str__(self) -> str:
        """The host's first label and the port: what a reader recognises."""
        name = self.host.partition(".")[0] if not self.host[:1].isdigit() else self.host
        return f"{name}:{self.port}" if self.port else name
