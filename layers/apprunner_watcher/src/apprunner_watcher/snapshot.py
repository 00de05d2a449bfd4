"""Here you find what we saw: typed, frozen, redacted parts; what could not be read is Missing, with the reason."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from apprunner_watcher.event import Event, OperationEvent, OperationType, Stage
from apprunner_watcher.redaction import Variable


@dataclass(frozen=True, slots=True)
class Missing:
    """A part that could not be read: what, why, and the IAM action that would allow it where that is the reason."""

    what: str
    why: str
    allow: str = ""


class NotSeenError(LookupError):
    """A rule asked for a part that is Missing, so it cannot judge."""

    def __init__(self, missing: Missing) -> None:
        """Keep what is missing."""
        super().__init__(f"{missing.what}: {missing.why}")
        self.missing = missing


@dataclass(frozen=True, slots=True)
class Line:
    """One log line, redacted. `stream` is the CloudWatch log stream."""

    at: datetime
    text: str
    stream: str

    @property
    def is_warning(self) -> bool:
        """Whether the application itself calls it no more than a warning."""
        return bool(_WARNING.search(self.text))


# the levels of npm, Python, Java and .NET loggers, of pino (10 to 40), winston, zap, logfmt
_WARNING = re.compile(
    r"\b(?:[Ww]arn(?:ing)?|WARN(?:ING)?|INFO|DEBUG|TRACE)\b"
    r"|\"(?:level|severity|levelname|log\.level)\"\s*:\s*(?:[1-4]0\b|\"(?i:trace|debug|info|notice|warn))"
    r"|\b(?:level|lvl|severity)=\"?(?i:trace|debug|info|notice|warn)|\[(?:debug|info|notice)\]|^(?:info|debug)\b",
)


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


_PULLED = re.compile(r"Successfully (?:pulled|copied) (?:your application |the )?image")
_PULLING_IMAGE = re.compile(r"Pulling image (\S+) from ECR")
_HEALTH_CHECK_STARTED = re.compile(
    r"Performing health check on (?:.*?\bpath:? '(?P<path>[^']*)')?(?:.*?\bport:? '(?P<port>\d+)')?", re.IGNORECASE
)
_HEALTH_CHECK_FAILED = re.compile(r"Health check failed on")
_HEALTH_CHECK_PASSED = re.compile(r"Health check is successful")
_PROVISIONING = re.compile(r"Provisioning instances? and deploying image|Starting to deploy your application image")
_EXIT_CODE = re.compile(r"Container exit code: (-?\d+)")
_START_REFUSED = re.compile(r"Invalid start command|CannotStartContainerError|Failed to (?:pull|copy|build)\b")
_BUILT = re.compile(r"Successfully built your application source code")
_SIGTERM = 143  # 128 + 15: the container was asked to stop


@dataclass(frozen=True)
class ServiceLog:
    """App Runner's own log of this operation: the lines of the `events` stream and of the deployment's stream."""

    events: tuple[Line, ...]
    deployment: tuple[Line, ...]
    complete: bool = True

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """Both streams in time order."""
        return tuple(sorted((*self.events, *self.deployment), key=lambda line: line.at))

    def first(self, pattern: re.Pattern[str]) -> Line | None:
        """The first line that the pattern is found in."""
        return next((line for line in self.lines if pattern.search(line.text)), None)

    @cached_property
    def pulled(self) -> Line | None:
        """The line that says the image was pulled."""
        return self.first(_PULLED)

    @cached_property
    def built(self) -> Line | None:
        """The line that says the source code was built."""
        return self.first(_BUILT)

    @cached_property
    def provisioning(self) -> Line | None:
        """The line that says instances are being provisioned."""
        return self.first(_PROVISIONING)

    @cached_property
    def health_check_started(self) -> Line | None:
        """The line that says the health check began."""
        return self.first(_HEALTH_CHECK_STARTED)

    @cached_property
    def health_check_failed(self) -> Line | None:
        """The line that says the health check failed."""
        return self.first(_HEALTH_CHECK_FAILED)

    @cached_property
    def health_check_passed(self) -> Line | None:
        """The line that says the health check passed."""
        return self.first(_HEALTH_CHECK_PASSED)

    @cached_property
    def exit(self) -> Line | None:
        """The line that gives the container's exit code."""
        return self.first(_EXIT_CODE)

    @cached_property
    def refused(self) -> Line | None:
        """The line in which App Runner itself says why nothing could run."""
        return self.first(_START_REFUSED)

    @cached_property
    def exit_code(self) -> int | None:
        """The container's exit code, where App Runner gives it."""
        found = _EXIT_CODE.search(self.exit.text) if self.exit else None
        return int(found[1]) if found else None

    @cached_property
    def has_ended_by_itself(self) -> bool:
        """Whether the container ended before App Runner had a reason to stop it."""
        if not self.exit or self.exit_code == _SIGTERM:
            return False
        return not self.health_check_failed or self.exit.at <= self.health_check_failed.at

    @cached_property
    def health_check_port(self) -> int | None:
        """The port that App Runner says it checks."""
        found = _HEALTH_CHECK_STARTED.search(self.health_check_started.text) if self.health_check_started else None
        return int(found["port"]) if found and found["port"] else None

    @cached_property
    def health_check_path(self) -> str | None:
        """The path that App Runner says it checks; empty where it only opens the port, None where it does not say."""
        found = _HEALTH_CHECK_STARTED.search(self.health_check_started.text) if self.health_check_started else None
        return (found["path"] or "") if found else None

    @cached_property
    def pulled_image(self) -> str | None:
        """The image identifier that App Runner says it pulls (sometimes without its tag)."""
        line = self.first(_PULLING_IMAGE)
        found = _PULLING_IMAGE.search(line.text) if line else None
        return found[1] if found else None


@dataclass(frozen=True, slots=True)
class Listening:
    """A line in which the application says where it listens; `host` is empty where it does not say."""

    line: Line
    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether nobody outside of the container can reach it."""
        return self.host in {"localhost", "::1"} or self.host.startswith("127.")


@dataclass(frozen=True, slots=True)
class Answer:
    """A line of an access log, with the HTTP status that it tells."""

    line: Line
    status: int


# The words of uvicorn, gunicorn, Flask, Django, Express, Next.js, Spring Boot, Puma, Kestrel, Rocket, of most people.
_SAYS_IT_LISTENS = re.compile(
    r"\b(?:listening|running|started|serving|ready|local|network|url|launched from|responding at|bound on"
    r"|starting (?:development )?server)\b",
    re.IGNORECASE,
)
_LISTENS_FOR_SOMETHING_ELSE = re.compile(
    r"redis|postgres|mysql|mongo|database|\bdb\b|metrics|prometheus|debugger|inspector|ws://|websocket|grpc|admin"
    r"|connect(?:ed|ing)|worker\b|queue|profil|upstream|proxy",
    re.IGNORECASE,
)
# Fiber prints http://127.0.0.1:3000 and, behind it, where it really listens
_BOUND_ON = re.compile(r"\bbound on host (?P<host>[\d.:]+) and port (?P<port>\d{2,5})\b")
_ADDRESS = re.compile(
    r"(?:https?|tcp)://(?:\[(?P<v6>[0-9a-f:]+)\]|(?P<host>[\w.*+-]+)):(?P<port>\d{2,5})\b"
    # not the number behind a key of JSON: "level":30
    r"|(?<![\w.:])(?<!\w\")(?:\[(?P<bare_v6>[0-9a-f:]*)\]|(?P<bare_host>\d{1,3}(?:\.\d{1,3}){3}|localhost|\*)?):(?P<bare_port>\d{2,5})(?![\d:])"
    r"|\bport(?:\(s\))?\"?\s*[:=]?\s*\"?(?P<only_port>\d{2,5})\b"
    r"|\b(?:listening|running|started|serving)(?: on| at)?:? (?P<plain_port>\d{4,5})(?![\d:./-])",
    re.IGNORECASE,
)
# A name or a public address in such a line is somebody else's; these are the container's own.
_OWN_HOST = re.compile(
    r"[*+]?|localhost|0\.0\.0\.0|127\.[\d.]+|[0-9a-f]*:[0-9a-f:]*"
    r"|(?:10|169\.254|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.[\d.]+|ip-\d[\w.-]*|[0-9a-f]{12}"
)


def _listening(line: Line) -> Listening | None:
    if not _SAYS_IT_LISTENS.search(line.text) or _LISTENS_FOR_SOMETHING_ELSE.search(line.text):
        return None
    if bound := _BOUND_ON.search(line.text):
        return Listening(line, bound["host"], int(bound["port"]))
    found = _ADDRESS.search(line.text)
    if not found:
        return None
    host = (found["v6"] or found["host"] or found["bare_v6"] or found["bare_host"] or "").lower()
    port = found["port"] or found["bare_port"] or found["only_port"] or found["plain_port"]
    return Listening(line, host, int(port)) if _OWN_HOST.fullmatch(host) else None


_ACCESS_LINES = (
    # combined and common log format, uvicorn
    re.compile(r"\"(?:GET|HEAD) (?P<path>\S+) HTTP/[\d.]+\"\s+(?P<status>\d{3})\b"),
    # morgan and others: GET /health 404 1.2 ms
    re.compile(r"\b(?:GET|HEAD)\s+\"?(?P<path>/[^\s\"]*)\"?\s+(?:HTTP/[\d.]+\s+)?(?P<status>[1-5]\d\d)\b"),
    # gin: | 404 | 1.2µs | 169.254.1.1 | GET "/health"
    re.compile(r"\|\s*(?P<status>[1-5]\d\d)\s*\|[^\n]{0,120}\|\s*(?:GET|HEAD)\s+\"(?P<path>[^\"]+)\""),
    # chi: "GET http://10.0.1.5:8080/health HTTP/1.1" from 169.254.1.1:4567 - 404 19B in 12µs
    re.compile(r"\"(?:GET|HEAD) https?://[^/\s]+(?P<path>/\S*) HTTP/[\d.]+\" from \S+ - (?P<status>\d{3})\b"),
    # ASP.NET: Request finished HTTP/1.1 GET http://10.0.1.5:8080/health - 404 0 - 1.2ms
    re.compile(
        r"Request finished HTTP/[\d.]+ (?:GET|HEAD) https?://[^/\s]+(?P<path>/\S*) [^\n]{0,60}?- (?P<status>\d{3})\b"
    ),
    # logfmt: method=GET path=/health status=404
    re.compile(r"\bpath=\"?(?P<path>/[^\s\"]*)\"?\s[^\n]{0,300}\bstatus=(?P<status>[1-5]\d\d)\b"),
    # JSON: "url":"/health" … "statusCode":404
    re.compile(
        r"\"(?:url|path|uri|request_uri)\":\s*\"(?P<path>/[^\"]*)\"[^\n]{0,2000}\"status(?:_?[cC]ode)?\":\s*\"?(?P<status>[1-5]\d\d)\b"
    ),
)
# Rails, Phoenix and Fastify write one line when a request begins and another when it ends.
_REQUEST_BEGINS = re.compile(
    r"\bStarted (?:GET|HEAD) \"(?P<rails>/[^\"]*)\"|\[info\] (?:GET|HEAD) (?P<phoenix>/\S*)$"
    r"|\"url\":\s*\"(?P<fastify>/[^\"]*)\"[^\n]{0,400}\"msg\":\s*\"incoming request\""
)
_REQUEST_ENDS = re.compile(
    r"\bCompleted (?P<rails>[1-5]\d\d)\b|\bSent (?P<phoenix>[1-5]\d\d) in\b"
    r"|\"statusCode\":\s*(?P<fastify>[1-5]\d\d)\b[^\n]{0,400}\"msg\":\s*\"request completed\""
)
# Django, Rails and Fastify name the path that they do not know, with or without an access log.
_NO_SUCH_PATH = re.compile(
    r"\bNot Found: (?P<django>/\S*)|No route matches \[(?:GET|HEAD)\] \"(?P<rails>/[^\"]*)\""
    r"|Route (?:GET|HEAD):(?P<fastify>/[^\s\"]*) not found"
)


def _answers(lines: Iterable[Line], path: str) -> Iterable[Answer]:
    asked, stream = "", ""
    for line in lines:
        if line.stream != stream:
            asked, stream = "", line.stream
        if begins := _REQUEST_BEGINS.search(line.text):
            asked = _named(begins)
        elif asked and (ends := _REQUEST_ENDS.search(line.text)):
            if _is_path(asked, path):
                yield Answer(line, int(_named(ends)))
            asked = ""
        elif answer := _answer(line, path):
            yield answer


def _answer(line: Line, path: str) -> Answer | None:
    if path not in line.text:
        return None
    for pattern in _ACCESS_LINES:
        if (found := pattern.search(line.text)) and _is_path(found["path"], path):
            return Answer(line, int(found["status"]))
    return None


def _is_path(asked: str, path: str) -> bool:
    return asked.partition("?")[0] == path


def _named(found: re.Match[str]) -> str:
    return next(text for text in found.groups() if text)


# The words with which runtimes, servers and package managers say that the process has ended, or that nothing of the
# application could be loaded.
_DIED = re.compile(
    r"Worker failed to boot|Application startup failed\. Exiting|APPLICATION FAILED TO START|^Node\.js v\d+\.\d+"
    r"|Unable to load application|unable to load app \d|no app loaded\. going in full dynamic mode"
    r"|\bELIFECYCLE\b|app crashed - waiting for file changes|^Unhandled exception\. "
)


@dataclass(frozen=True)
class ApplicationLog:
    """What the containers printed: the failing version's streams have their first line after the operation's start.

    App Runner creates the log group with the first line of a service's first container: `group_exists` is evidence.
    """

    failing: tuple[Line, ...]
    serving: tuple[Line, ...]
    group_exists: bool = True
    complete: bool = True

    @cached_property
    def listening(self) -> tuple[Listening, ...]:
        """Where the failing version says that it listens for requests."""
        found = (_listening(line) for line in self.failing)
        return tuple(one for one in found if one)

    @cached_property
    def died(self) -> Line | None:
        """The line in which the failing version's runtime or server says that it gives up."""
        return next((line for line in self.failing if _DIED.search(line.text)), None)

    def answers(self, path: str) -> tuple[Answer, ...]:
        """What the failing version's access log says it answered to GET and HEAD of this path."""
        if found := tuple(_answers(self.failing, path)):
            return found
        unknown = ((line, _NO_SUCH_PATH.search(line.text)) for line in self.failing)
        return tuple(Answer(line, _NOT_FOUND) for line, named in unknown if named and _is_path(_named(named), path))


_NOT_FOUND = 404
_SERVER_ERROR = 500


_Part = TypeVar("_Part")


def _seen(part: _Part | Missing) -> _Part:
    if isinstance(part, Missing):
        raise NotSeenError(part)
    return part


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
        return _seen(self.parts.service)

    @property
    def configuration(self) -> Configuration:
        """The configuration, with its standing."""
        return _seen(self.parts.configuration)

    @property
    def operations(self) -> Operations:
        """The service's last operations."""
        return _seen(self.parts.operations)

    @property
    def operation(self) -> Operation:
        """The operation that the event is about."""
        found = self.operations.of(self.event)
        if not found:
            raise NotSeenError(Missing("the operation of the event", "ListOperations does not show it"))
        return found

    @property
    def service_log(self) -> ServiceLog:
        """App Runner's own log."""
        return _seen(self.parts.service_log)

    @property
    def application_log(self) -> ApplicationLog:
        """The containers' log."""
        return _seen(self.parts.application_log)

    @property
    def checked_port(self) -> int:
        """The port that was checked: App Runner's own words come before a configuration that may be restored."""
        log = self.parts.service_log
        told = log.health_check_port if isinstance(log, ServiceLog) else None
        return told or self.configuration.port

    @property
    def checked_path(self) -> str:
        """The path that was checked, empty where the check only opens the port."""
        log = self.parts.service_log
        told = log.health_check_path if isinstance(log, ServiceLog) else None
        if told is not None:
            return told
        health_check = self.configuration.health_check
        return health_check.path if health_check.protocol == "HTTP" else ""

    @property
    def health_check_answers(self) -> tuple[Answer, ...]:
        """What the failing version answered to the path of an HTTP health check; nothing where the check is TCP."""
        return self.application_log.answers(self.checked_path) if self.checked_path else ()

    @property
    def has_ended(self) -> bool:
        """Whether the failing version ended by itself."""
        return self.service_log.has_ended_by_itself or self.application_log.died is not None

    @property
    def came_up(self) -> bool:
        """Whether the failing version says that it listens, has not ended, and answers with more than server errors."""
        if self.has_ended:
            return False
        if answers := self.health_check_answers:
            return any(answer.status < _SERVER_ERROR for answer in answers)
        return bool(self.application_log.listening)

    @property
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
        return (*(part for part in vars(self.parts).values() if isinstance(part, Missing)), *self.parts.others)
