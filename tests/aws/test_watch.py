"""An event may come twice, late, out of order or after a crash: it makes one incident and is told, never in silence."""

import dataclasses
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer

from apprunner_watcher.aws import replay
from apprunner_watcher.aws.clients import Clients
from apprunner_watcher.aws.table import StillBeingToldError, Table
from apprunner_watcher.aws.topic import Topic
from apprunner_watcher.event import OperationType, parse
from apprunner_watcher.recording import Recording
from apprunner_watcher.service import Configuration
from apprunner_watcher.snapshot import Attempt
from apprunner_watcher.watch import Outcome, Watcher
from tests.aws.conftest import Aws

Record = Callable[..., Recording]
FAILED = "seed-steno-prod-backend-failed"
RESTORED = "seed-nerava-v32-rollback"
TIME_LEFT = timedelta(seconds=60)
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watch(aws: Aws, clock: Clock) -> Callable[..., Outcome]:
    """Let the watcher see an event of a recording, with moto's table and topic."""

    def see(recording: Recording, topic: Any = None, event_id: str = "") -> Outcome:
        event = parse(recording.event)
        if event_id:
            event = event.model_copy(update={"id": event_id})
        table = Table(aws.dynamodb, aws.table, timedelta(days=30))
        clients = Clients(replay.Stage(recording, "us-east-1").session)
        return Watcher(clients, table, topic or Topic(aws.sns, aws.topic)).watch(event, clock, TIME_LEFT)

    return see


class Killed(BaseException):
    """The invocation ends here, as by a time-out."""


class DeadlyTopic(Topic):
    """Publishing is as far as this invocation comes."""

    def __init__(self) -> None:
        pass

    def tell(self, incident: object) -> None:
        raise Killed


def test_a_failed_deployment_is_recorded_and_told(watch: Callable[..., Outcome], aws: Aws, recorded: Record) -> None:
    outcome = watch(recorded())
    assert outcome == Outcome("told", "steno-prod-backend", "rolled_back", "credentials-expected-in-env")
    (message,) = aws.messages()
    assert message["Subject"].startswith("steno-prod-backend: deployment rolled back - ")
    assert "AWS credentials are required in production" in message["Message"]
    attributes = {name: one["Value"] for name, one in message["MessageAttributes"].items()}
    assert attributes["cause"] == "credentials-expected-in-env"
    assert attributes["severity"] == "warning"
    (incident,) = aws.items("incident#")
    assert incident["sk"]["S"] == "incident#2025-11-13T07:12:00.000Z#b3549848-e90d-4d16-ae7d-8f33bd9c9dee"
    assert incident["told_at"]["S"]
    assert incident["expires_at"]["N"] == str(int((NOW + timedelta(days=30)).timestamp()))
    assert incident["report"]["M"]["verdict"]["S"] == "rolled_back"


def test_delivered_twice_it_is_told_once(watch: Callable[..., Outcome], aws: Aws, recorded: Record) -> None:
    assert watch(recorded()).outcome == "told"
    assert watch(recorded()).outcome == "already-told"
    assert len(aws.messages()) == 1
    assert len(aws.items("incident#")) == 1


def test_two_events_of_one_operation_are_one_incident(
    watch: Callable[..., Outcome], aws: Aws, recorded: Record
) -> None:
    assert watch(recorded()).outcome == "told"
    assert watch(recorded(), event_id="another").outcome == "already-told"
    assert len(aws.messages()) == 1


def test_killed_between_recording_and_publishing_the_retry_tells(
    watch: Callable[..., Outcome], aws: Aws, clock: Clock, recorded: Record
) -> None:
    with pytest.raises(Killed):
        watch(recorded(), DeadlyTopic())
    assert len(aws.items("incident#")) == 1
    clock.now += TIME_LEFT + timedelta(seconds=1)
    assert watch(recorded()).outcome == "told"
    assert len(aws.messages()) == 1
    assert "told_at" in aws.items("incident#")[0]


def test_the_retry_tells_what_was_recorded(
    watch: Callable[..., Outcome], aws: Aws, clock: Clock, recorded: Record
) -> None:
    with pytest.raises(Killed):
        watch(recorded(), DeadlyTopic())

    def without_logs(content: dict[str, Any]) -> None:
        content["logs"] = {}

    clock.now += TIME_LEFT * 2
    watch(recorded(FAILED, without_logs))
    assert "AWS credentials are required in production" in aws.messages()[0]["Message"]


def test_while_another_invocation_tells_the_event_comes_again(
    watch: Callable[..., Outcome], aws: Aws, clock: Clock, recorded: Record
) -> None:
    with pytest.raises(Killed):
        watch(recorded(), DeadlyTopic())
    with pytest.raises(StillBeingToldError):
        watch(recorded())
    assert aws.messages() == []
    clock.now += TIME_LEFT * 2
    assert watch(recorded()).outcome == "told"


def test_killed_after_publishing_it_is_told_again_rather_than_never(
    watch: Callable[..., Outcome], aws: Aws, clock: Clock, recorded: Record
) -> None:
    class PublishesAndDies(Topic):
        def tell(self, incident: Any) -> None:
            super().tell(incident)
            raise Killed

    with pytest.raises(Killed):
        watch(recorded(), PublishesAndDies(aws.sns, aws.topic))
    clock.now += TIME_LEFT * 2
    assert watch(recorded()).outcome == "told"
    assert watch(recorded()).outcome == "already-told"
    assert len(aws.messages()) == 2


def test_replayed_when_the_operations_can_be_read_again_it_is_still_one_incident(
    watch: Callable[..., Outcome], aws: Aws, recorded: Record
) -> None:
    """The first time the operation is not known, so that the incident is kept under the event's own key."""

    def denied(content: dict[str, Any]) -> None:
        content["aws"]["apprunner:ListOperations"] = [{"error": {"Code": "AccessDeniedException", "Message": "no"}}]

    assert watch(recorded(FAILED, denied)).outcome == "told"
    assert watch(recorded()).outcome == "already-told"
    assert len(aws.messages()) == 1
    assert len(aws.items("incident#")) == 1


def attempts(aws: Aws) -> list[Attempt]:
    return [Attempt.model_validate(TypeDeserializer().deserialize(one["attempt"])) for one in aws.items("attempt#")]


def test_a_started_event_notes_the_configuration_and_tells_nobody(
    watch: Callable[..., Outcome], aws: Aws, recorded: Record
) -> None:
    start = recorded().at_start()
    assert start
    assert watch(start).outcome == "noted"
    (attempt,) = attempts(aws)
    assert attempt.operation_id == "b3549848-e90d-4d16-ae7d-8f33bd9c9dee"
    assert attempt.configuration.port == 3001
    assert aws.messages() == []
    assert "fakeDbPwDoNotLeak7tQ2mXv9" not in json.dumps(aws.items())


def test_what_was_noted_is_what_is_judged(watch: Callable[..., Outcome], aws: Aws, recorded: Record) -> None:
    """DescribeService shows DATABASE_URL again; the update had left it out."""

    def without_database(content: dict[str, Any]) -> None:
        content["configuration"] = "attempted"
        service = content["aws"]["apprunner:DescribeService"][0]["response"]["Service"]
        image = service["SourceConfiguration"]["ImageRepository"]["ImageConfiguration"]
        del image["RuntimeEnvironmentVariables"]["DATABASE_URL"]

    start = recorded(RESTORED, without_database).at_start()
    assert start
    watch(start)

    def complains(content: dict[str, Any]) -> None:
        group = next(name for name in content["logs"] if name.endswith("application"))
        content["logs"][group]["instance/new"] = [["2026-01-25T05:21:00Z", "Error: DATABASE_URL is not set"]]

    assert watch(recorded(RESTORED, complains)).cause == "env-var-missing"
    assert "RuntimeEnvironmentVariables: DATABASE_URL is not set" in aws.messages()[0]["Message"]


def test_a_started_event_twice_notes_once_and_keeps_the_first(
    watch: Callable[..., Outcome], aws: Aws, recorded: Record
) -> None:
    start = recorded().at_start()
    assert start
    watch(start)

    def other_port(content: dict[str, Any]) -> None:
        service = content["aws"]["apprunner:DescribeService"][0]["response"]["Service"]
        service["SourceConfiguration"]["ImageRepository"]["ImageConfiguration"]["Port"] = "9999"

    later = recorded(FAILED, other_port).at_start()
    assert later
    watch(later)
    (attempt,) = attempts(aws)
    assert attempt.configuration.port == 3001


def test_of_two_notes_at_the_same_time_the_first_stays(aws: Aws) -> None:
    table = Table(aws.dynamodb, aws.table, timedelta(days=30))
    for port in (1111, 2222):
        configuration = Configuration(standing="attempted", port=port)
        attempt = Attempt(
            operation_id="o", operation=OperationType.UPDATE_SERVICE, started_at=NOW, configuration=configuration
        )
        table.note("arn", attempt, NOW)
    assert [one.configuration.port for one in table.attempts("arn")] == [1111]


def test_out_of_order_the_late_start_notes_nothing_and_tells_nothing(
    watch: Callable[..., Outcome], aws: Aws, recorded: Record
) -> None:
    assert watch(recorded()).outcome == "told"
    start = recorded().at_start()
    assert start
    late = dataclasses.replace(recorded(), event=start.event)  # ListOperations shows the end by now
    assert watch(late).outcome == "nothing-to-tell"
    assert attempts(aws) == []
    assert len(aws.messages()) == 1


def test_a_success_is_noted_and_not_told(watch: Callable[..., Outcome], aws: Aws, recorded: Record) -> None:
    assert watch(recorded("seed-tara-after-fix")).outcome == "noted"
    (item,) = aws.items("attempt#")
    assert item["stage"]["S"] == "succeeded"
    assert aws.messages() == []


def test_a_custom_domain_event_is_not_told_yet(watch: Callable[..., Outcome], aws: Aws, recorded: Record) -> None:
    def domain(content: dict[str, Any]) -> None:
        content["event"]["detail-type"] = "AppRunner Custom Domain Validation Status Update"

    assert watch(recorded(FAILED, domain)).outcome == "nothing-to-tell"
    assert aws.items() == []


def test_a_test_event_makes_one_marked_message(watch: Callable[..., Outcome], aws: Aws, recorded: Record) -> None:
    asked = {
        "id": "t1",
        "detail-type": "Test Requested",
        "source": "apprunner-watcher",
        "time": "2026-03-02T12:00:00Z",
        "detail": {"requestedBy": "arn:aws:iam::123456789012:user/me"},
    }
    test = dataclasses.replace(recorded(), event=asked)
    assert watch(test).outcome == "told"
    assert watch(test).outcome == "already-told"
    (message,) = aws.messages()
    assert message["Subject"].startswith("[TEST]")
    assert "user/me" in message["Message"]


def test_no_item_is_large(watch: Callable[..., Outcome], aws: Aws, recorded: Record) -> None:
    """DynamoDB refuses items over 400 KB; ours stay below 300, whatever the log and the environment hold."""

    def flood(content: dict[str, Any]) -> None:
        values = content["aws"]["apprunner:DescribeService"][0]["response"]["Service"]["SourceConfiguration"]
        values["ImageRepository"]["ImageConfiguration"]["RuntimeEnvironmentVariables"] = {
            f"VARIABLE_{n}": f"https://example.com/{'a/' * 2000}" for n in range(500)
        }
        group = next(name for name in content["logs"] if name.endswith("application"))
        for lines in content["logs"][group].values():
            lines[:] = [[at, f"{text} {'x' * 100_000}"] for at, text in lines]

    start = recorded(FAILED, flood).at_start()
    assert start
    watch(start)
    assert watch(recorded(FAILED, flood)).outcome == "told"
    assert len(aws.items()) == 3
    assert all(len(json.dumps(item)) < 300_000 for item in aws.items())


def test_without_table_and_topic_the_message_is_printed_and_nothing_is_written(
    recorded: Record, capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    recording = recorded()
    calls: list[str] = []
    session = replay.Stage(recording, "us-east-1").session
    session.events.register_first("before-call", lambda model, **_: calls.append(model.name))
    outcome = Watcher(Clients(session), None, None).watch(parse(recording.event), clock, TIME_LEFT)
    assert outcome.outcome == "told"
    assert "AWS credentials are required in production" in capsys.readouterr().out
    assert {call.removesuffix("s") for call in calls} <= {
        "DescribeService",
        "ListOperation",
        "DescribeLogStream",
        "GetLogEvent",
    } | {"DescribeService"}
