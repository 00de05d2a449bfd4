"""Here you find how the service is set up: its identity, its configuration without secrets, and what it refers to."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict

from apprunner_watcher.redaction import Variable


class ServiceStatus(StrEnum):
    """https://docs.aws.amazon.com/apprunner/latest/api/API_Service.html."""

    CREATE_FAILED = "CREATE_FAILED"
    RUNNING = "RUNNING"
    DELETED = "DELETED"
    DELETE_FAILED = "DELETE_FAILED"
    PAUSED = "PAUSED"
    OPERATION_IN_PROGRESS = "OPERATION_IN_PROGRESS"


@dataclass(frozen=True, slots=True)
class Service:
    """Who it is about. `status` is a `ServiceStatus`, or a newer value that this version does not know."""

    name: str
    arn: str
    status: str
    url: str


class HealthCheck(BaseModel):
    """Seconds and counts as configured (App Runner's defaults where it leaves them out)."""

    model_config = ConfigDict(frozen=True)

    protocol: Literal["TCP", "HTTP"] = "TCP"
    path: str = "/"
    interval: int = 5
    timeout: int = 2
    healthy_threshold: int = 1
    unhealthy_threshold: int = 5


class Configuration(BaseModel):
    """A service's configuration without secrets; `standing` says whether it is the one that the operation attempted.

    After a rolled-back update App Runner probably shows the previous configuration again: then it is `restored`,
    or `unsure` where neither can be proved.
    """

    model_config = ConfigDict(frozen=True)

    standing: Literal["attempted", "restored", "unsure"]
    image: str = ""
    image_repository_type: str = ""
    repository_url: str = ""
    branch: str = ""
    source_directory: str = ""
    configuration_source: str = ""
    runtime: str = ""
    build_command: str = ""
    start_command: str = ""
    port: int = 8080
    variables: tuple[Variable, ...] = ()
    secret_sources: Mapping[str, str] = {}  # names of variables, and the ARN or parameter name that each refers to
    cpu: str = ""
    memory: str = ""
    instance_role_arn: str = ""
    access_role_arn: str = ""
    connection_arn: str = ""
    health_check: HealthCheck = HealthCheck()
    egress_type: str = "DEFAULT"
    vpc_connector_arn: str = ""
    auto_deployments_enabled: bool = False
    is_public: bool = True  # ingress from the internet
    ip_address_type: str = "IPV4"
    auto_scaling_arn: str = ""
    observability_arn: str = ""  # empty where it is off

    @property
    def is_from_source(self) -> bool:
        """Whether App Runner builds the image from a source code repository."""
        return bool(self.repository_url)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The names of the variables that are filled from a secret or parameter."""
        return tuple(self.secret_sources)

    def variable(self, name: str) -> Variable | None:
        """The environment variable of that name."""
        return next((one for one in self.variables if one.name == name), None)


@dataclass(frozen=True, slots=True)
class AutoScaling:
    """Requests that an instance takes at a time, and how many instances there may be.

    https://docs.aws.amazon.com/apprunner/latest/api/API_AutoScalingConfiguration.html
    """

    name: str
    max_concurrency: int
    min_size: int
    max_size: int


@dataclass(frozen=True, slots=True)
class CustomDomain:
    """A custom domain, and the records by which its certificate is validated: name, type and status.

    https://docs.aws.amazon.com/apprunner/latest/api/API_CustomDomain.html
    """

    name: str
    status: str
    records: tuple[tuple[str, str, str], ...]

    @property
    def has_failed(self) -> bool:
        """Whether App Runner has given it up."""
        return self.status in {"CREATE_FAILED", "DELETE_FAILED"}


@dataclass(frozen=True, slots=True)
class Observability:
    """Whether the service is traced, and by whom."""

    enabled: bool
    vendor: str = ""
