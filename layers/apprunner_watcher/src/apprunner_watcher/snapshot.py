"""Here you find what we saw: typed, frozen, redacted parts; what could not be read is Missing, with the reason."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Literal

from pydantic import BaseModel, ConfigDict

from apprunner_watcher.event import Event, OperationEvent, OperationType, Stage
from apprunner_watcher.log import Answer, ApplicationLog, ServiceLog
from apprunner_watcher.missing import Missing, NotSeenError, seen
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
    secrets: tuple[str, ...] = ()
    cpu: str = ""
    memory: str = ""
    instance_role_arn: str = ""
    access_role_arn: str = ""
    connection_arn: str = ""
    health_check: HealthCheck = HealthCheck()
    egress_type: str = "DEFAULT"
    vpc_connector_arn: str = ""
    auto_deployments_enabled: bool = False

    @property
    def is_from_source(self) -> bool:
        """Whether App Runner builds the image from a source code repository."""
        return bool(self.repository_url)

    def variable(self, name: str) -> Variable | None:
        """The environment variable of that name."""
        return next((one for one in self.variables if one.name == name), None)


class Attempt(BaseModel):
    """The configuration that an operation attempted, noted when it started."""

    model_config = ConfigDict(frozen=True)

    operation_id: str  # empty as long as ListOperations does not show the operation
    operation: OperationType
    started_at: datetime
    configuration: Configuration

    def is_of(self, operation: "Operation") -> bool:
        """Whether it was noted for this operation."""
        if self.operation_id:
            return self.operation_id == operation.id
        return self.operation == operation.type and abs(self.started_at - operation.started_at) < _SAME_START


class OperationStatus(StrEnum):
    """https://docs.aws.amazon.com/apprunner/latest/api/API_OperationSummary.html."""

    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    FAILED = "FAILED"
    SUCCEEDED = "SUCCEEDED"
    ROLLBACK_IN_PROGRESS = "ROLLBACK_IN_PROGRESS"
    ROLLBACK_FAILED = "ROLLBACK_FAILED"
    ROLLBACK_SUCCEEDED = "ROLLBACK_SUCCEEDED"


IN_PROGRESS = frozenset({OperationStatus.PENDING, OperationStatus.IN_PROGRESS, OperationStatus.ROLLBACK_IN_PROGRESS})
# the event and ListOperations give the same start, some seconds apart
_SAME_START = timedelta(minutes=2)
NOT_DEPLOYED = frozenset({OperationStatus.FAILED, OperationStatus.ROLLBACK_FAILED, OperationStatus.ROLLBACK_SUCCEEDED})
DEPLOYING = frozenset({OperationType.CREATE_SERVICE, OperationType.UPDATE_SERVICE, OperationType.START_DEPLOYMENT})


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of ListOperations. `status` may be a newer value that this version does not know."""

    id: str
    type: str
    status: str
    started_at: datetime
    ended_at: datetime | None

    @property
    def is_in_progress(self) -> bool:
        """Whether App Runner still works on it."""
        return self.status in IN_PROGRESS


@dataclass(frozen=True, slots=True)
class Operations:
    """The service's last operations, the newest first."""

    listed: tuple[Operation, ...]

    def of(self, event: Event) -> Operation | None:
        """The operation that the event is about: the one of its type whose start (or end) is nearest to its time.

        Events carry no operation id.
        """
        if not isinstance(event, OperationEvent):
            return None

        def distance(operation: Operation) -> timedelta:
            moment = operation.started_at if event.stage is Stage.STARTED else operation.ended_at
            return abs((moment or operation.started_at) - event.time)

        # an ended event is about an operation that was started before it, however the clocks of AWS differ
        slack = timedelta(minutes=1)
        candidates = [
            one
            for one in self.listed
            if one.type == event.operation and (event.stage is Stage.STARTED or one.started_at <= event.time + slack)
        ]
        return min(candidates, key=distance, default=None)

    def failed_in_a_row_until(self, operation: Operation) -> int:
        """How many deployments in a row had failed when this one ended, itself included."""
        count = 0
        for one in self._deployments_until(operation):
            if one.status == OperationStatus.SUCCEEDED:
                break
            count += one.status in NOT_DEPLOYED
        return count

    def last_success_before(self, operation: Operation) -> Operation | None:
        """The last deployment before this one that succeeded."""
        earlier = (one for one in self._deployments_until(operation) if one.id != operation.id)
        return next((one for one in earlier if one.status == OperationStatus.SUCCEEDED), None)

    def _deployments_until(self, operation: Operation) -> Iterable[Operation]:
        return (one for one in self.listed if one.type in DEPLOYING and one.started_at <= operation.started_at)


_SERVER_ERROR = 500


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Everything that was gathered, read or Missing."""

    service: Service | Missing
    configuration: Configuration | Missing
    operations: Operations | Missing
    service_log: ServiceLog | Missing
    application_log: ApplicationLog | Missing
    others: tuple[Missing, ...] = ()  # what was not read and is no part of its own


@dataclass(frozen=True)
class Snapshot:
    """What rules look at: asking for a part that is Missing raises `NotSeenError`, so no rule can call it clear."""

    event: Event
    taken_at: datetime
    parts: Parts = field(repr=False)

    @property
    def service(self) -> Service:
        """The service's identity and status."""
        return seen(self.parts.service)

    @property
    def configuration(self) -> Configuration:
        """The configuration, with its standing."""
        return seen(self.parts.configuration)

    @property
    def operations(self) -> Operations:
        """The service's last operations."""
        return seen(self.parts.operations)

    @cached_property
    def operation(self) -> Operation:
        """The operation that the event is about."""
        found = self.operations.of(self.event)
        if not found:
            raise NotSeenError(Missing("the operation of the event", "ListOperations does not show it"))
        return found

    @property
    def service_log(self) -> ServiceLog:
        """App Runner's own log."""
        return seen(self.parts.service_log)

    @property
    def application_log(self) -> ApplicationLog:
        """The containers' log."""
        return seen(self.parts.application_log)

    @cached_property
    def checked_port(self) -> int:
        """The port that was checked: App Runner's own words come before a configuration that may be restored."""
        log = self.parts.service_log
        told = log.health_check_port if isinstance(log, ServiceLog) else None
        return told or self.configuration.port

    @cached_property
    def checked_path(self) -> str:
        """The path that was checked, empty where the check only opens the port."""
        log = self.parts.service_log
        told = log.health_check_path if isinstance(log, ServiceLog) else None
        if told is not None:
            return told
        health_check = self.configuration.health_check
        return health_check.path if health_check.protocol == "HTTP" else ""

    @cached_property
    def health_check_answers(self) -> tuple[Answer, ...]:
        """What the failing version answered to the path of an HTTP health check; nothing where the check is TCP."""
        return self.application_log.answers(self.checked_path) if self.checked_path else ()

    @cached_property
    def has_ended(self) -> bool:
        """Whether the failing version ended by itself."""
        return self.service_log.has_ended_by_itself or self.application_log.died is not None

    @cached_property
    def came_up(self) -> bool:
        """Whether the failing version says that it listens, has not ended, and answers with more than server errors."""
        if self.has_ended:
            return False
        if answers := self.health_check_answers:
            return any(answer.status < _SERVER_ERROR for answer in answers)
        return bool(self.application_log.listening)

    @cached_property
    def fails_unseen(self) -> bool:
        """Whether it listens where it should and fails its HTTP health check, and no log says what it answers."""
        log = self.service_log
        listens = any(one.port == self.checked_port and not one.is_loopback for one in self.application_log.listening)
        return bool(listens and self.checked_path and log.health_check_failed and not self.health_check_answers)

    def attempt(self) -> Attempt | None:
        """What the event's operation attempts, to be noted for later; None where that does not show (any more).

        When an update has ended without success, App Runner may already show the previous configuration again.
        """
        event, configuration, operations = self.event, self.parts.configuration, self.parts.operations
        if not isinstance(event, OperationEvent) or event.operation not in DEPLOYING:
            return None
        if isinstance(configuration, Missing):
            return None
        operation = operations.of(event) if isinstance(operations, Operations) else None
        if operation and not operation.is_in_progress and operation.status != OperationStatus.SUCCEEDED:
            return None
        return Attempt(
            operation_id=operation.id if operation else "",
            operation=event.operation,
            started_at=operation.started_at if operation else event.time,
            configuration=configuration.model_copy(update={"standing": "attempted"}),
        )

    @property
    def missing(self) -> tuple[Missing, ...]:
        """What could not be read."""
        parts = (part for part in vars(self.parts).values() if isinstance(part, Missing))
        return tuple(dict.fromkeys((*parts, *self.parts.others)))  # one answer may have been to fill two parts
