"""Which operation an event is about, what may be noted of it, and where an application says that it listens."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from apprunner_watcher.event import OperationEvent, OperationType, Stage
from apprunner_watcher.log import ApplicationLog, Line, ServiceLog
from apprunner_watcher.missing import Missing, NotSeenError
from apprunner_watcher.service import Configuration
from apprunner_watcher.snapshot import Attempt, Operation, Operations, Parts, Snapshot

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ARN = "arn:aws:apprunner:us-east-1:123456789012:service/shop/0123456789abcdef0123456789abcdef"


def operation(
    name: str, start: int, end: int | None, status: str = "SUCCEEDED", kind: str = "UPDATE_SERVICE"
) -> Operation:
    """An operation from `start` to `end`, in minutes after noon."""
    ended = NOON + timedelta(minutes=end) if end is not None else None
    return Operation(name, kind, status, NOON + timedelta(minutes=start), ended)


def event(minute: float, stage: Stage, kind: OperationType = OperationType.UPDATE_SERVICE) -> OperationEvent:
    return OperationEvent(
        id="e",
        time=NOON + timedelta(minutes=minute),
        service_arn=ARN,
        service_name="shop",
        operation=kind,
        stage=stage,
        message="",
    )


LISTED = Operations(
    (
        operation("running", 60, None, "IN_PROGRESS"),
        operation("other kind", 44, 46, kind="START_DEPLOYMENT"),
        operation("failed", 20, 40, "ROLLBACK_SUCCEEDED"),
        operation("first", 0, 4),
    )
)


@pytest.mark.parametrize(
    ("happened", "expected"),
    [
        (event(60.1, Stage.STARTED), "running"),
        (event(20, Stage.STARTED), "failed"),
        (event(40.2, Stage.FAILED), "failed"),
        (event(4, Stage.SUCCEEDED), "first"),
        (event(58, Stage.FAILED), "failed"),  # late, and the running one has not begun yet
        (event(46, Stage.FAILED, OperationType.START_DEPLOYMENT), "other kind"),
        (event(60, Stage.STARTED, OperationType.PAUSE_SERVICE), None),
    ],
)
def test_the_operation_is_the_nearest_of_its_kind(happened: OperationEvent, expected: str | None) -> None:
    found = LISTED.of(happened)
    assert (found.id if found else None) == expected


def test_failures_in_a_row_are_counted_up_to_this_operation() -> None:
    listed = Operations(
        (
            operation("later", 90, 95, "FAILED"),
            operation("this", 60, 80, "ROLLBACK_SUCCEEDED"),
            operation("pause", 50, 51, "FAILED", "PAUSE_SERVICE"),
            operation("before", 30, 40, "FAILED"),
            operation("good", 0, 5),
            operation("old", -20, -10, "FAILED"),
        )
    )
    this = listed.listed[1]
    assert listed.failed_in_a_row_until(this) == 2
    success = listed.last_success_before(this)
    assert success
    assert success.id == "good"


def snapshot(operations: Operations | Missing, happened: OperationEvent, **parts: object) -> Snapshot:
    nothing = Missing("it", "not read")
    known = {"service": nothing, "configuration": Configuration(standing="attempted"), "service_log": nothing}
    everything = {**known, "application_log": nothing, **parts, "operations": operations}
    return Snapshot(happened, NOON, Parts(**everything))  # type: ignore[arg-type]  # by name


def test_an_attempt_is_noted_while_the_operation_runs() -> None:
    attempt = snapshot(LISTED, event(60, Stage.STARTED)).attempt()
    assert attempt
    assert attempt.operation_id == "running"


def test_an_attempt_is_noted_when_the_operation_succeeded() -> None:
    attempt = snapshot(LISTED, event(4, Stage.SUCCEEDED)).attempt()
    assert attempt
    assert attempt.operation_id == "first"


def test_a_started_event_that_comes_too_late_notes_nothing() -> None:
    assert snapshot(LISTED, event(20, Stage.STARTED)).attempt() is None


def test_an_attempt_without_a_listed_operation_waits_for_its_id() -> None:
    attempt = snapshot(Missing("operations", "denied"), event(60, Stage.STARTED)).attempt()
    assert attempt
    assert attempt.operation_id == ""
    assert attempt.is_of(LISTED.listed[0])
    assert not attempt.is_of(LISTED.listed[2])
    assert not attempt.is_of(operation("another kind", 60, None, kind="CREATE_SERVICE"))


def test_an_attempt_with_an_id_is_of_that_operation_only() -> None:
    attempt = Attempt(
        operation_id="running",
        operation=OperationType.UPDATE_SERVICE,
        started_at=NOON,
        configuration=Configuration(standing="attempted"),
    )
    assert attempt.is_of(LISTED.listed[0])
    assert not attempt.is_of(operation("other", 0, 4))


@pytest.mark.parametrize(
    "part", ["service", "configuration", "operations", "operation", "service_log", "application_log"]
)
def test_a_missing_part_cannot_be_looked_at(part: str) -> None:
    missing = Missing(part, "access denied", "some:Action")
    everything = dict.fromkeys(("service", "configuration", "service_log", "application_log"), missing)
    seen = snapshot(missing, event(40, Stage.FAILED), **everything)
    with pytest.raises(NotSeenError, match="access denied"):
        getattr(seen, part)
    assert missing in seen.missing


def line(text: str) -> Line:
    return Line(NOON, text, "instance/a")


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("INFO:     Uvicorn running on http://0.0.0.0:8000 (Press CTRL+C to quit)", "0.0.0.0", 8000),
        ("[2026-03-02 09:01:02 +0000] [1] [INFO] Listening at: http://127.0.0.1:8080 (1)", "127.0.0.1", 8080),
        (" * Running on http://127.0.0.1:5000", "127.0.0.1", 5000),
        ("   - Local:        http://localhost:3000", "localhost", 3000),
        ("Server is running on port 3000", "", 3000),
        ("Example app listening on port 3000!", "", 3000),
        ("Tomcat started on port(s): 8080 (http) with context path ''", "", 8080),
        ("* Listening on http://0.0.0.0:3000", "0.0.0.0", 3000),
        ("Now listening on: http://[::]:8080", "::", 8080),
        ("2026/03/02 09:01:02 Listening on :8080", "", 8080),
        ("listening on [::1]:3000", "::1", 3000),
        ("started server on 0.0.0.0:3000, url: http://localhost:3000", "0.0.0.0", 3000),
    ],
)
def test_where_it_listens(text: str, host: str, port: int) -> None:
    found = ApplicationLog((line(text),), ()).listening
    assert [(one.host, one.port) for one in found] == [(host, port)]


@pytest.mark.parametrize(
    "text",
    [
        "Debugger listening on ws://127.0.0.1:9229/0f2c936f-b1cd-4ac9-aab3-f63b0f33d55e",
        "Redis client is ready at redis://cache:6379",
        "Metrics server started on port 9090",
        "Connected to database running on port 5432",
        "Server started in 3.2 seconds",
        "started at 12:30:45",
        "2026-03-02 09:01:02 job started",
    ],
)
def test_where_it_does_not_listen(text: str) -> None:
    assert ApplicationLog((line(text),), ()).listening == ()


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ('INFO:     169.254.175.250:33412 - "GET /health HTTP/1.1" 404 Not Found', 404),
        ('169.254.1.1 - - [02/Mar/2026:09:01:02 +0000] "GET /health HTTP/1.1" 200 15 "-" "-"', 200),
        ("GET /health 301 1.2 ms - 12", 301),
        ('[GIN] 2026/03/02 - 09:01:02 | 503 |  1.2µs | 169.254.1.1 | GET      "/health"', 503),
        ("method=GET path=/health format=*/* status=401 duration=0.5", 401),
        ('{"req":{"method":"GET","url":"/health"},"res":{"statusCode":500}}', 500),
        ('"HEAD /health?from=check HTTP/1.1" 404 0', 404),
    ],
)
def test_what_it_answers(text: str, status: int) -> None:
    assert [one.status for one in ApplicationLog((line(text),), ()).answers("/health")] == [status]


@pytest.mark.parametrize(
    "text",
    [
        '"GET /healthz HTTP/1.1" 404 0',
        '"GET /api/health HTTP/1.1" 404 0',
        '"POST /health HTTP/1.1" 404 0',
        "GET /health took 404 ms",
        "Registered route /health",
    ],
)
def test_what_is_no_answer_to_the_path(text: str) -> None:
    assert ApplicationLog((line(text),), ()).answers("/health") == ()


def test_the_service_log_tells_its_facts() -> None:
    texts = (
        "[AppRunner] Pulling image 123456789012.dkr.ecr.us-east-1.amazonaws.com/shop:v2 from ECR repository.",
        "[AppRunner] Successfully pulled your application image from ECR.",
        "[AppRunner] Performing health check on protocol `HTTP` [Path: '/health'], [Port: '3000'].",
        "[AppRunner] Your application stopped or failed to start. Container exit code: 137",
    )
    log = ServiceLog(tuple(Line(NOON + timedelta(seconds=n), text, "events") for n, text in enumerate(texts)), ())
    assert log.pulled
    assert log.pulled_image == "123456789012.dkr.ecr.us-east-1.amazonaws.com/shop:v2"
    assert log.health_check_port == 3000
    assert log.exit_code == 137
    assert log.health_check_failed is None


@pytest.mark.parametrize(
    "text", ["Performing health check on port '8000'.", "Performing health check on path '/' and port '8000'."]
)
def test_the_older_words_of_the_health_check_are_read(text: str) -> None:
    assert ServiceLog((Line(NOON, text, "events"),), ()).health_check_port == 8000


def test_the_standing_of_the_configuration(seen: Callable[..., Snapshot]) -> None:
    assert seen("seed-nerava-v32-rollback").configuration.standing == "restored"
    assert seen("seed-steno-prod-backend-failed").configuration.standing == "attempted"
