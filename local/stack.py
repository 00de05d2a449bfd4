"""Here you find the local AWS with the watcher deployed in it, and what one can do there: deliver, wait, look."""

import contextlib
import functools
import json
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import boto3
from boto3.dynamodb.types import TypeDeserializer

from apprunner_watcher.recording import load
from local import build
from local.player import CONTROL, FrontDoor
from local.process import free_port, serving, wait_until_healthy, workplace
from local.settings import ACCESS_KEY, EMULATOR_PYTHON, LOOPBACK, REGION, SAM_PACKAGES, SECRET_KEY, STACK

_SECONDS_TO_FINISH: Final = 60.0
_INBOX: Final = "inbox"
UNHEARD: Final = "unheard"
T = TypeVar("T")
Progress = Callable[[str], contextlib.AbstractContextManager[None]]


class NothingHappenedError(TimeoutError):
    """What was waited for did not happen in time."""


@dataclass(frozen=True, slots=True)
class Message:
    """What a subscriber of the incidents topic got."""

    subject: str
    text: str
    attributes: Mapping[str, str]
    arrived_at: float


@dataclass(frozen=True, slots=True)
class Played:
    """What came of an incident: the function's outcome, and the message where there was one to tell."""

    outcome: Mapping[str, Any]
    message: Message | None
    seconds: float | None


@contextlib.contextmanager
def silently(_step: str) -> Iterator[None]:
    """Report no progress."""
    yield


@contextlib.contextmanager
def local_aws(progress: Progress = silently) -> Iterator["Stack"]:
    """Start the local AWS and deploy the watcher in it; leaving removes every trace. `progress` hears of the steps."""
    with contextlib.ExitStack() as undo:
        temporary = undo.enter_context(workplace())
        with progress("start the local AWS"):
            address = _start(temporary, undo)
        with progress("sam build"):
            build.build(temporary)
        with progress("sam deploy"):
            build.deploy(temporary, address)
        with progress("subscribe to the incidents topic"):
            stack = Stack(address)
            stack.complete_what_the_emulator_drops()
            stack.subscribe()
        yield stack


class Stack:
    """The deployed watcher, seen through the one address of its AWS."""

    def __init__(self, address: str) -> None:
        """Look at the stack that is deployed there."""
        self.address = address
        stack = self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
        self.outputs: Mapping[str, str] = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
        self._function = self.client("lambda").get_function_configuration(
            FunctionName=self.outputs["WatchFunctionName"]
        )

    @property
    def variables(self) -> Mapping[str, str]:
        """The function's environment."""
        return cast("Mapping[str, str]", self._function["Environment"]["Variables"])

    def client(self, service: str) -> Any:
        """Make a client of the one who may do everything here."""
        return boto3.client(
            cast("Any", service),
            endpoint_url=self.address,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
        )

    def play(self, path: Path, *, cold: bool = False) -> Played:
        """Let the incident happen now: its start first, where the watcher would have been there, then its event."""
        self.messages()
        now = datetime.now(UTC)
        recording = load(path).shifted(now)
        if not self.listens_to(recording.event):
            return Played({"outcome": UNHEARD}, None, None)
        if start := recording.at_start():
            self.show(path, now, at_start=True)
            self.deliver(start.event)
        self.show(path, now)
        if cold:
            self.cool_down()
        sent_at = time.time()
        outcome = self.deliver(recording.event)
        messages = self.messages()
        return Played(outcome, *((messages[0], messages[0].arrived_at - sent_at) if messages else (None, None)))

    def listens_to(self, event: Mapping[str, Any]) -> bool:
        """Whether one of the shipped rules matches this event."""
        events, text = self.client("events"), json.dumps(event)
        patterns = [rule["EventPattern"] for rule in events.list_rules()["Rules"] if "EventPattern" in rule]
        return any(events.test_event_pattern(EventPattern=pattern, Event=text)["Result"] for pattern in patterns)

    def show(self, path: Path, now: datetime, *, at_start: bool = False) -> None:
        """Have AWS look as it did in this recording, moved to `now`."""
        wanted = {"path": str(path.resolve()), "now": now.isoformat(), "at_start": at_start}
        request = urllib.request.Request(self.address + CONTROL, json.dumps(wanted).encode(), method="PUT")  # noqa: S310 - ours
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310 - a loopback address of ours

    def deliver(self, event: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send an event as App Runner does, through the shipped rule, and wait for what the function made of it."""
        return self.outcome(self.send(event))

    def invoke(self, event: Mapping[str, Any]) -> Mapping[str, Any]:
        """Hand an event to the function itself, as one does with an event out of a queue, and get its answer."""
        answer = self.client("lambda").invoke(FunctionName=self._function["FunctionName"], Payload=json.dumps(event))
        return cast("Mapping[str, Any]", json.load(answer["Payload"]))

    def send(self, event: Mapping[str, Any]) -> str:
        """Put an event on the default bus; give back the id that it got there."""
        entry = {
            "Source": event["source"],
            "DetailType": event["detail-type"],
            "Time": datetime.fromisoformat(event["time"]),
            "Resources": event["resources"],
            "Detail": json.dumps(event["detail"]),
        }
        return str(self.client("events").put_events(Entries=[entry])["Entries"][0]["EventId"])

    def outcome(self, event_id: str) -> Mapping[str, Any]:
        """Wait until the function's log says what it made of this event: a JSON line with its id and an `outcome`."""

        def said() -> Mapping[str, Any] | None:
            lines = (_json(line) for line in self.log() if event_id in line)
            return next((line for line in lines if line and "outcome" in line), None)

        try:
            return until(said, f"outcome of event {event_id}")
        except NothingHappenedError as error:
            error.add_note("\n".join(["the function's log ends:", *self.log()[-40:]]))
            raise

    def log(self) -> list[str]:
        """Read all that the function has logged."""
        pages = self.client("logs").get_paginator("filter_log_events")
        group = self._function["LoggingConfig"]["LogGroup"]
        return [line["message"] for page in pages.paginate(logGroupName=group) for line in page["events"]]

    def messages(self) -> list[Message]:
        """Take what has arrived at the subscriber since the last look."""
        sqs = self.client("sqs")
        messages = []
        while got := sqs.receive_message(
            QueueUrl=self._inbox, MaxNumberOfMessages=10, MessageSystemAttributeNames=["SentTimestamp"]
        ).get("Messages"):
            for one in got:
                sqs.delete_message(QueueUrl=self._inbox, ReceiptHandle=one["ReceiptHandle"])
                messages.append(_message(one))
        return messages

    def take(self, queue: str) -> list[Any] | None:
        """Take what lies in one of the stack's queues, named by its output; None where there is nothing."""
        sqs, url = self.client("sqs"), self.outputs[queue]
        got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for one in got:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
        return [json.loads(one["Body"]) for one in got] or None

    def records(self, service_arn: str) -> list[dict[str, Any]]:
        """Read everything that the table holds about a service."""
        found = self.client("dynamodb").query(
            TableName=self.outputs["TableName"],
            KeyConditionExpression="pk = :service",
            ExpressionAttributeValues={":service": {"S": service_arn}},
            ConsistentRead=True,
        )
        plain = TypeDeserializer().deserialize
        return [{name: plain(value) for name, value in item.items()} for item in found["Items"]]

    def cool_down(self) -> None:
        """Make the next invocation a cold start: a new configuration ends the running environments, as in AWS."""
        self.client("lambda").update_function_configuration(
            FunctionName=self._function["FunctionName"], MemorySize=self._function["MemorySize"]
        )

    def complete_what_the_emulator_drops(self) -> None:
        """Set through the API what the template says and ministack's CloudFormation leaves out.

        Left out as well: the key of the incidents topic, since ministack lacks the keys that AWS manages.
        """
        table = self.outputs["TableName"]
        dynamodb = self.client("dynamodb")
        dynamodb.update_time_to_live(
            TableName=table, TimeToLiveSpecification={"AttributeName": "expires_at", "Enabled": True}
        )
        dynamodb.update_continuous_backups(
            TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )

    def subscribe(self) -> None:
        """Subscribe a queue, as an e-mail address would be: it gets what an inbox gets."""
        sqs = self.client("sqs")
        url = sqs.create_queue(QueueName=_INBOX)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        topic = self.outputs["IncidentsTopicArn"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        self.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    @functools.cached_property
    def _inbox(self) -> str:
        return str(self.client("sqs").get_queue_url(QueueName=_INBOX)["QueueUrl"])


def until(look: Callable[[], T | None], what: str, *, seconds: float = _SECONDS_TO_FINISH) -> T:
    """Look until there is something to see."""
    deadline = time.monotonic() + seconds
    while (seen := look()) is None:
        if time.monotonic() > deadline:
            msg = f"no {what} within {seconds:.0f} s"
            raise NothingHappenedError(msg)
        time.sleep(0.02)
    return seen


def _message(received: Mapping[str, Any]) -> Message:
    envelope = json.loads(received["Body"])
    attributes = {name: one["Value"] for name, one in envelope.get("MessageAttributes", {}).items()}
    arrived_at = int(received["Attributes"]["SentTimestamp"]) / 1000
    return Message(envelope.get("Subject", ""), envelope["Message"], attributes, arrived_at)


def _json(text: str) -> Mapping[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _start(temporary: Path, undo: contextlib.ExitStack) -> str:
    port = free_port()
    door = undo.enter_context(FrontDoor((LOOPBACK, port)))
    log = temporary / "emulator.log"
    env = build.environment(
        temporary,
        AUTH="true",
        LAMBDA_EXECUTOR="local",
        LAMBDA_ASYNC_RETRY_BASE_SECONDS="0.2",
        BIND_HOST=LOOPBACK,
        MINISTACK_HOST=LOOPBACK,
        GATEWAY_PORT=str(port),
        AWS_ENDPOINT_URL=door.address,
    )
    packages = next(SAM_PACKAGES.glob("python*/site-packages"))
    command = [EMULATOR_PYTHON, Path(__file__).with_name("emulator.py"), packages]
    process = undo.enter_context(serving(command, env=env, cwd=temporary, log=log))
    wait_until_healthy(process, f"http://{LOOPBACK}:{port}/_ministack/health", log=log)
    return door.address
