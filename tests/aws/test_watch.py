"""An event may come twice, late, out of order or after a crash: it makes one incident and is told, never in silence."""

import dataclasses
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from boto3.dynamodb.types import TypeDeserializer

from apprunner_watcher.aws import replay
from apprunner_watcher.aws.clients import Clients
from apprunner_watcher.aws.fingerprint_key import FingerprintKey
from apprunner_watcher.aws.gather import Sight
from apprunner_watcher.aws.table import StillBeingToldError, Table
from apprunner_watcher.aws.topic import Topic
from apprunner_watcher.event import OperationType, parse
from apprunner_watcher.recording import Recording, load
from apprunner_watcher.redaction import Fingerprints
from apprunner_watcher.service import Configuration
from apprunner_watcher.snapshot import Attempt
from apprunner_watcher.watch import Outcome, Watcher
from tests.aws.conftest import Aws, Faulty
from tests.conftest import Change
from tests.everything import CAUSE, INDEX, LOGS, OLDER, SECRETS, everything

Record = Callable[..., Recording]
FAILED = "seed-steno-prod-backend-failed"
RESTORED = "seed-nerava-v32-rollback"
TIME_LEFT = timedelta(seconds=60)
CALLER = "who began the operation"  # no call was heard of
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

    def see(recording: Recording, topic: Any = None, event_id: str = "", sight: Sight | None = None) -> Outcome:
        event = parse(recording.event)
        if event_id:
            event = event.model_copy(update={"id": event_id})
        table = Table(aws.dynamodb, aws.table, timedelta(days=30))
        stage = replay.Stage(recording, "us-east-1")
        clients = Clients(stage.session, stage.download)
        watcher = Watcher(clients, table, topic or Topic(aws.sns, aws.topic), sight=sight or Sight())
        return watcher.watch(event, clock, TIME_LEFT)

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
    assert [one.configuration.port for one in table.noted("arn") if isinstance(one, Attempt)] == [1111]


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


def domains(*statuses: str, record: str = "SUCCESS") -> Change:
    """The event of a custom domain, and domains with these statuses, each with one validation record."""

    def change(content: dict[str, Any]) -> None:
        content["event"]["detail-type"] = "AppRunner Custom Domain Validation Status Update"
        listed = [
            {
                "DomainName": f"{status.lower()}.example.com",
                "EnableWWWSubdomain": False,
                "Status": status,
                "CertificateValidationRecords": [{"Name": "_1.example.com.", "Type": "CNAME", "Status": record}],
            }
            for status in statuses
        ]
        answer = {"DNSTarget": "", "ServiceArn": "", "CustomDomains": listed, "VpcDNSTargets": []}
        content["aws"]["apprunner:DescribeCustomDomains"] = [{"response": answer}]

    return change


def test_a_domain_that_waits_for_its_records_is_told(watch: Callable[..., Outcome], aws: Aws, recorded: Record) -> None:
    waiting = recorded(FAILED, domains("PENDING_CERTIFICATE_DNS_VALIDATION", record="PENDING_VALIDATION"))
    assert watch(waiting) == Outcome("told", "steno-prod-backend", "unknown", "custom-domain-validation")
    assert watch(waiting).outcome == "already-told"
    (message,) = aws.messages()
    assert message["Subject"].startswith("steno-prod-backend: custom domain not validated - The validation records of")
    assert "CNAME _1.example.com.: PENDING_VALIDATION" in message["Message"]


def test_a_failed_domain_is_told_though_no_record_is_missing(
    watch: Callable[..., Outcome], aws: Aws, recorded: Record
) -> None:
    assert watch(recorded(FAILED, domains("ACTIVE", "CREATE_FAILED"))).cause == "unknown"
    (message,) = aws.messages()
    assert "create_failed.example.com is CREATE_FAILED." in message["Message"]


@pytest.mark.parametrize("statuses", [("ACTIVE",), ("CREATING",), ("BINDING_CERTIFICATE", "ACTIVE"), ()])
def test_a_domain_that_does_well_is_no_news(
    watch: Callable[..., Outcome], aws: Aws, recorded: Record, statuses: tuple[str, ...]
) -> None:
    assert watch(recorded(FAILED, domains(*statuses))).outcome == "nothing-to-tell"
    assert aws.items() == []


def test_domains_that_could_not_be_read_are_no_news(watch: Callable[..., Outcome], aws: Aws, recorded: Record) -> None:
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
    assert calls
    assert not [call for call in calls if not READING.match(call)]


READING = re.compile(r"Describe|Get|BatchGet|List|Simulate")
# What is noted when an operation starts; what it leads to is not looked at before it fails.
NOTED_AT_START = {
    "apprunner:DescribeService",
    "apprunner:ListOperations",
    "ecr:DescribeImages",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
}


@pytest.fixture
def whole(tmp_path: Path) -> Record:
    """The recording of a service with everything, and changes of it."""

    def make(change: Change | None = None) -> Recording:
        content = everything()
        if change:
            change(content)
        file = tmp_path / "everything.json"
        file.write_text(json.dumps(content))
        return load(file)

    return make


def test_a_start_calls_only_what_is_noted(aws: Aws, faulty: Faulty, whole: Record, clock: Clock) -> None:
    start = whole().at_start()
    assert start
    faulty.show(start)
    table = Table(aws.dynamodb, aws.table, timedelta(days=30))
    assert Watcher(faulty.clients, table, None).watch(parse(start.event), clock, TIME_LEFT).outcome == "noted"
    assert set(faulty.calls) == NOTED_AT_START


def test_an_attempt_is_noted_with_its_image_and_without_its_neighbours(
    watch: Callable[..., Outcome], aws: Aws, whole: Record
) -> None:
    start = whole().at_start()
    assert start
    watch(start)
    ((image, stage),) = [
        (Attempt.model_validate(item["attempt"]).image, item["stage"]) for item in plain(aws.items("attempt#"))
    ]
    assert image
    assert (image.digest, image.tag, image.size_bytes) == (INDEX, "v7", 24_000_000)
    assert image.config
    assert image.config.cmd == ("node", "server.js")
    assert image.neighbours == ()
    assert stage == "started"


def plain(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    read = TypeDeserializer().deserialize
    return [{name: read(value) for name, value in item.items()} for item in items]


@pytest.mark.parametrize(
    ("minutes_later", "lines", "is_looked_at_again"),
    [(1, [], True), (1, [["2026-03-02T09:01:00Z", "Error: boom"]], False), (4, [], False)],
)
def test_a_second_look_is_due_where_the_log_was_still_empty(
    minutes_later: int,
    lines: list[list[str]],
    is_looked_at_again: bool,  # noqa: FBT001  # expected
    watch: Callable[..., Outcome],
    aws: Aws,
    clock: Clock,
    whole: Record,
) -> None:
    def change(content: dict[str, Any]) -> None:
        content["logs"][f"{LOGS}/application"] = {"instance/1": lines} if lines else {}

    clock.now = datetime(2026, 3, 2, 9, 10, tzinfo=UTC) + timedelta(minutes=minutes_later)
    assert watch(whole(change)).outcome == "told"
    (incident,) = aws.items("incident#")
    (message,) = aws.messages()
    assert ("look at the log again in a few minutes" in " ".join(message["Message"].split())) is is_looked_at_again
    if is_looked_at_again:
        assert incident["second_look_at"] == {"S": "2026-03-02T09:14:00.000Z"}
    else:
        assert "second_look_at" not in incident


def fingerprints_of(aws: Aws) -> dict[str, str]:
    (item,) = plain(aws.items("attempt#"))
    return {one.name: one.fingerprint for one in Attempt.model_validate(item["attempt"]).configuration.variables}


def test_the_stacks_key_gives_the_same_fingerprints_in_every_process(
    watch: Callable[..., Outcome], aws: Aws, whole: Record
) -> None:
    secret = boto3.client("secretsmanager").create_secret(Name="key", SecretString="k" * 64)["ARN"]
    start = whole().at_start()
    assert start
    seen = []
    for _ in range(2):
        key = FingerprintKey(Clients(boto3.Session()), secret)
        watch(start, sight=Sight(fingerprints=key))
        seen.append(fingerprints_of(aws))
        (item,) = aws.items("attempt#")
        aws.dynamodb.delete_item(TableName=aws.table, Key={"pk": item["pk"], "sk": item["sk"]})
    assert seen[0] == seen[1]
    assert all(seen[0].values())
    watch(start)  # with a key that is thrown away
    assert fingerprints_of(aws) != seen[0]


@pytest.mark.parametrize("secret", ["none", "short"])
def test_without_the_key_there_is_a_gap_and_everything_else(
    secret: str, watch: Callable[..., Outcome], aws: Aws, whole: Record
) -> None:
    boto3.client("secretsmanager").create_secret(Name="short", SecretString="k")
    key = FingerprintKey(Clients(boto3.Session()), secret)
    assert watch(whole(), sight=Sight(fingerprints=key)).cause == CAUSE
    (incident,) = plain(aws.items("incident#"))
    assert [one["what"] for one in incident["report"]["not_seen"]] == ["key of the fingerprints", CALLER]
    start = whole().at_start()
    assert start
    assert watch(start, sight=Sight(fingerprints=key)).outcome == "noted"


def healthy(content: dict[str, Any]) -> None:
    """An earlier deployment, which succeeded: another image, one variable less, and another password."""
    aws = content["aws"]
    at = {"StartedAt": "2026-03-01T08:00:00Z", "EndedAt": "2026-03-01T08:10:00Z"}
    summary = {"Id": "earlier", "Type": "START_DEPLOYMENT", "Status": "SUCCEEDED", **at}
    aws["apprunner:ListOperations"][0]["response"]["OperationSummaryList"] = [summary]
    content["event"] |= {"id": "earlier", "time": "2026-03-01T08:10:00Z"}
    content["event"]["detail"]["operationStatus"] = "DeploymentCompletedSuccessfully"
    environment = variables(content)
    del environment["NODE_ENV"]
    environment["REDIS_URL"] = environment["REDIS_URL"].replace(SECRETS[1], "the-password-before")
    detail = aws["ecr:DescribeImages"][0]["response"]["imageDetails"][0]
    detail |= {"imageDigest": OLDER, "imageSizeInBytes": 10_000_000, "imagePushedAt": "2026-03-01T07:50:00Z"}
    del aws["ecr:BatchGetImage"]


def variables(content: dict[str, Any]) -> dict[str, str]:
    source = content["aws"]["apprunner:DescribeService"][0]["response"]["Service"]["SourceConfiguration"]
    found: dict[str, str] = source["ImageRepository"]["ImageConfiguration"]["RuntimeEnvironmentVariables"]
    return found


def test_what_changed_since_the_noted_healthy_attempt_is_in_the_record(
    watch: Callable[..., Outcome], aws: Aws, clock: Clock, whole: Record
) -> None:
    fingerprints = Fingerprints(b"k" * 32)
    sight = Sight(fingerprints=lambda: fingerprints)
    earlier, later = whole(healthy), whole()
    outcomes = []
    for recording in (earlier.at_start(), earlier, later.at_start(), later):
        assert recording
        clock.now = recording.recorded_at
        outcomes.append(watch(recording, sight=sight).outcome)
    assert outcomes == ["noted", "noted", "noted", "told"]
    assert [item["stage"] for item in plain(aws.items("attempt#"))] == ["succeeded", "started"]
    (incident,) = plain(aws.items("incident#"))
    changed = {one["what"]: (one["before"], one["after"]) for one in incident["report"]["changes"]}
    assert changed["variable NODE_ENV"] == ("not set", "production")
    assert changed["variable REDIS_URL"][1].endswith("(another value)")
    assert changed["image digest"] == (OLDER, INDEX)
    assert changed["image size, compressed"] == ("10.0 MB", "24.0 MB")
    assert set(changed) == {*changed} & {
        "variable NODE_ENV",
        "variable REDIS_URL",
        "image digest",
        "image size, compressed",
        "image pushed at",
    }
    assert "CHANGED since the deployment of 2026-03-01 08:00 UTC, which succeeded" in aws.messages()[0]["Message"]


def test_a_start_that_comes_after_its_success_does_not_undo_it(
    watch: Callable[..., Outcome], aws: Aws, whole: Record
) -> None:
    earlier = whole(healthy)
    start = earlier.at_start()
    assert start
    watch(earlier)
    assert watch(dataclasses.replace(earlier, event=start.event)).outcome == "noted"
    (item,) = aws.items("attempt#")
    assert item["stage"]["S"] == "succeeded"
