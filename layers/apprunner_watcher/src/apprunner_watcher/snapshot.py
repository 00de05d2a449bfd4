"""Here you find what we saw: typed, frozen, redacted parts; what could not be read is Missing, with the reason."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property

from pydantic import BaseModel, ConfigDict

from apprunner_watcher.access import Access
from apprunner_watcher.api_call import ApiCallEvent, Call
from apprunner_watcher.aws_api import named_apis
from apprunner_watcher.dependency import Dependency
from apprunner_watcher.event import Event, OperationEvent, OperationType, Stage
from apprunner_watcher.image import Image
from apprunner_watcher.log import Answer, ApplicationLog, ServiceLog, needs_second_look
from apprunner_watcher.metrics import Metrics
from apprunner_watcher.missing import Missing, NotSeenError, gaps, seen
from apprunner_watcher.network import Network
from apprunner_watcher.reachability import Check, checks
from apprunner_watcher.service import AutoScaling, Configuration, CustomDomain, Observability, Service


class Attempt(BaseModel):
    """The configuration and image that an operation attempted, noted when it started, and what became of it."""

    model_config = ConfigDict(frozen=True)

    operation_id: str  # empty as long as ListOperations does not show the operation
    operation: OperationType
    started_at: datetime
    configuration: Configuration
    image: Image | None = None
    stage: Stage = Stage.STARTED

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

    def at(self, moment: datetime) -> Operation | None:
        """The operation that App Runner was working on at that moment."""
        begun = (one for one in self.listed if one.started_at <= moment)
        return next((one for one in begun if (moment < one.ended_at if one.ended_at else one.is_in_progress)), None)

    def failed_in_a_row_until(self, operation: Operation) -> int:
        """How many deployments in a row had failed when this one ended, itself included."""
        count = 0
        for one in self._deployments_until(operation):
            if one.status == OperationStatus.SUCCEEDED:
                break
            count += one.status in NOT_DEPLOYED
        return count

    def succeeded(self, attempt: Attempt) -> bool:
        """Whether the operation of an attempt succeeded, as noted or as listed."""
        if attempt.stage is Stage.SUCCEEDED:
            return True
        return any(attempt.is_of(one) and one.status == OperationStatus.SUCCEEDED for one in self.listed)

    def last_success_before(self, operation: Operation) -> Operation | None:
        """The last deployment before this one that succeeded."""
        earlier = (one for one in self._deployments_until(operation) if one.id != operation.id)
        return next((one for one in earlier if one.status == OperationStatus.SUCCEEDED), None)

    def _deployments_until(self, operation: Operation) -> Iterable[Operation]:
        return (one for one in self.listed if one.type in DEPLOYING and one.started_at <= operation.started_at)


_CALLS = {
    "CreateService": OperationType.CREATE_SERVICE,
    "UpdateService": OperationType.UPDATE_SERVICE,
    "StartDeployment": OperationType.START_DEPLOYMENT,
    "PauseService": OperationType.PAUSE_SERVICE,
    "ResumeService": OperationType.RESUME_SERVICE,
    "DeleteService": OperationType.DELETE_SERVICE,
}


def begins_operation(call: Call) -> bool:
    """Whether it is one of the calls that begin an operation of a service."""
    return call.action in _CALLS


def _begins(call: Call, operation: Operation) -> bool:
    return _CALLS.get(call.action) == operation.type and abs(call.time - operation.started_at) < _SAME_START


_SERVER_ERROR = 500


_WHO_BEGAN = Missing(
    "who began the operation",
    "no call to App Runner was noted: CloudTrail tells of calls where a trail logs write management events, and an"
    " automatic deployment has none",
)
_NOT_LOOKED_AT = Missing("all but what is noted at the start", "not looked at")


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Everything that was gathered, read or Missing. None stands for what the service does not have."""

    service: Service | Missing
    configuration: Configuration | Missing
    operations: Operations | Missing
    attempts: tuple[Attempt, ...] | Missing = ()  # noted earlier, the newest first
    calls: tuple[Call, ...] | Missing = ()  # the same
    service_log: ServiceLog | Missing = _NOT_LOOKED_AT
    application_log: ApplicationLog | Missing = _NOT_LOOKED_AT
    image: Image | Missing | None = _NOT_LOOKED_AT
    dependencies: tuple[Dependency, ...] | Missing = _NOT_LOOKED_AT
    network: Network | Missing = _NOT_LOOKED_AT
    access: Access | Missing = _NOT_LOOKED_AT
    metrics: Metrics | Missing = _NOT_LOOKED_AT
    auto_scaling: AutoScaling | Missing | None = _NOT_LOOKED_AT
    observability: Observability | Missing = _NOT_LOOKED_AT
    custom_domains: tuple[CustomDomain, ...] | Missing = _NOT_LOOKED_AT
    tags: Mapping[str, str] | Missing = _NOT_LOOKED_AT
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

    @property
    def image(self) -> Image | None:
        """The image that was attempted; None for a service that is built from source code."""
        return seen(self.parts.image)

    @property
    def dependencies(self) -> tuple[Dependency, ...]:
        """What the environment names, and what AWS knows of it."""
        return seen(self.parts.dependencies)

    @property
    def network(self) -> Network:
        """What stands between the service and its dependencies."""
        return seen(self.parts.network)

    @property
    def access(self) -> Access:
        """Roles, and the secrets and parameters that are referred to."""
        return seen(self.parts.access)

    @property
    def metrics(self) -> Metrics:
        """What CloudWatch measured around the operation."""
        return seen(self.parts.metrics)

    @property
    def custom_domains(self) -> tuple[CustomDomain, ...]:
        """The service's custom domains, and how far their validation is."""
        return seen(self.parts.custom_domains)

    @property
    def is_call(self) -> bool:
        """Whether it is about a call to App Runner's API, and not about an operation."""
        return isinstance(self.event, ApiCallEvent)

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """Whether each dependency, AWS API and the internet can be reached, hop by hop."""
        uses_vpc = self.configuration.egress_type == "VPC"
        return checks(uses_vpc, self.network, self.dependencies, named_apis(self.configuration.variables))

    @cached_property
    def is_live(self) -> bool:
        """Whether the operation succeeded. ListOperations is believed before the event."""
        event, operations = self.event, self.parts.operations
        if not isinstance(event, OperationEvent):
            return False
        operation = operations.of(event) if isinstance(operations, Operations) else None
        if operation and operation.status in NOT_DEPLOYED:
            return False
        return event.stage is Stage.SUCCEEDED or bool(operation and operation.status == OperationStatus.SUCCEEDED)

    @cached_property
    def last_healthy(self) -> Attempt | None:
        """The newest attempt before the event's operation that was noted and succeeded."""
        began, operations = self.operation.started_at, self.operations
        earlier = (one for one in seen(self.parts.attempts) if one.started_at < began and operations.succeeded(one))
        return max(earlier, key=lambda one: one.started_at, default=None)

    @cached_property
    def needs_second_look(self) -> bool:
        """Whether the application's log may still come: the operation has just ended, and there is no line yet."""
        operations, log = self.parts.operations, self.parts.application_log
        operation = operations.of(self.event) if isinstance(operations, Operations) else None
        return needs_second_look(operation.ended_at if operation else None, self.taken_at, log)

    @property
    def call(self) -> ApiCallEvent:
        """The call that was refused. Rules that ask for it are asked about calls only (`Occasion.CALL`)."""
        if not isinstance(self.event, ApiCallEvent):
            raise NotSeenError(Missing("the call", "the event is none of CloudTrail"))
        return self.event

    @cached_property
    def began_by(self) -> Call | None:
        """The call that began the operation, where it was noted. An automatic deployment has none."""
        operation, calls = self.operation, seen(self.parts.calls)
        named = (one for one in calls if one.operation_id == operation.id)
        near = (one for one in calls if not one.operation_id and _begins(one, operation))
        return next(named, None) or next(near, None)

    @cached_property
    def program(self) -> str:
        """The program that the container begins with; empty where neither the start command nor the image tells."""
        configuration, image = self.parts.configuration, self.parts.image
        if isinstance(configuration, Configuration) and configuration.start_command.strip():
            return configuration.start_command.split()[0]
        config = image.config if isinstance(image, Image) else None
        return next(iter((*config.entrypoint, *config.cmd)), "") if config else ""

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
    def is_unhealthy(self) -> bool:
        """Whether it runs and its health check did not pass (yet). What ended it explains more than any check."""
        return not self.has_ended and not self.service_log.health_check_passed

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
        image = self.parts.image
        if operation and not operation.is_in_progress and operation.status != OperationStatus.SUCCEEDED:
            return None
        return Attempt(
            operation_id=operation.id if operation else "",
            operation=event.operation,
            started_at=operation.started_at if operation else event.time,
            configuration=configuration.model_copy(update={"standing": "attempted"}),
            image=image.model_copy(update={"neighbours": ()}) if isinstance(image, Image) else None,
            stage=Stage.SUCCEEDED if operation and operation.status == OperationStatus.SUCCEEDED else event.stage,
        )

    @property
    def missing(self) -> tuple[Missing, ...]:
        """What could not be read: whole parts, and pieces of them."""
        parts = self.parts
        whole = (part for part in vars(parts).values() if isinstance(part, Missing) and part != _NOT_LOOKED_AT)
        inside = gaps((parts.image, parts.dependencies, parts.network, parts.access))
        pieces = (one for one in inside if one != _NOT_LOOKED_AT)
        began = (_WHO_BEGAN,) if self._is_without_caller else ()
        # one answer may have been to fill two parts
        return tuple(dict.fromkeys((*whole, *pieces, *parts.others, *began)))

    @property
    def _is_without_caller(self) -> bool:
        if not isinstance(self.event, OperationEvent) or isinstance(self.parts.calls, Missing):
            return False
        try:
            return not self.began_by
        except NotSeenError:
            return False
