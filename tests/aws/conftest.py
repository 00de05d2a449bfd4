"""Here you find a table, a topic and a queue as the stack has them, in moto; and an AWS that has faults."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from moto import mock_aws

from apprunner_watcher.aws.clients import Clients
from apprunner_watcher.aws.replay import Stage
from apprunner_watcher.recording import Recording

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

REGION = "us-east-1"


@dataclass(frozen=True)
class Aws:
    """What the watcher writes to, and a subscriber that reads what it tells."""

    dynamodb: "DynamoDBClient"
    sns: "SNSClient"
    sqs: "SQSClient"
    table: str
    topic: str
    queue: str

    def messages(self) -> list[dict[str, Any]]:
        """What the subscriber got since it was last asked, in SNS's envelope."""
        got = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
        for one in got:
            self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=one["ReceiptHandle"])
        return [json.loads(one["Body"]) for one in got]

    def items(self, prefix: str = "") -> list[dict[str, Any]]:
        """The table's items whose sort key begins so."""
        found = self.dynamodb.scan(TableName=self.table)["Items"]
        return [item for item in found if item["sk"]["S"].startswith(prefix)]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    """An account with a table, a topic and a queue that is subscribed to it."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": REGION,
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        dynamodb, sns, sqs = boto3.client("dynamodb"), boto3.client("sns"), boto3.client("sqs")
        dynamodb.create_table(
            TableName="table",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
        )
        topic = sns.create_topic(Name="incidents")["TopicArn"]
        queue = sqs.create_queue(QueueName="subscriber")["QueueUrl"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:123456789012:subscriber")
        yield Aws(dynamodb, sns, sqs, "table", topic, queue)


Fault = Callable[[], tuple[AWSResponse, dict[str, Any]]]
"""What is answered in place of the recording."""


def error(code: str, message: str = "no") -> Fault:
    """AWS refuses."""
    return lambda: (AWSResponse("", 400, HTTPHeaders(), None), {"Error": {"Code": code, "Message": message}})


def answer(content: dict[str, Any]) -> Fault:
    """AWS gives this answer, times and all as botocore gives them."""
    return lambda: (AWSResponse("", 200, HTTPHeaders(), None), content)


def never(released: threading.Event) -> Fault:
    """AWS does not answer before that."""

    def wait() -> tuple[AWSResponse, dict[str, Any]]:
        released.wait(60)
        return error("RequestTimeout")()

    return wait


class Faulty:
    """AWS as a recording shows it, with faults by action; `calls` are the actions that were called."""

    def __init__(self) -> None:
        """Nothing is recorded yet."""
        self._stage = Stage(None, REGION)
        self._stage.session.events.register_first("before-call", self._answer)
        self.clients = Clients(self._stage.session, self._stage.download)
        self.faults: dict[str, Fault] = {}
        self.calls: list[str] = []
        self.hold_back: Callable[[str], None] = lambda _: None  # a call before it is answered

    def show(self, recording: Recording, faults: dict[str, Fault] | None = None) -> None:
        """Answer so from now on."""
        self._stage.recording, self.faults, self.calls = recording, faults or {}, []

    def _answer(self, model: Any, **_: object) -> Any:
        action = f"{model.service_model.service_name}:{model.name}"
        self.calls.append(action)
        self.hold_back(action)
        fault = self.faults.get(action)
        return fault() if fault else None


@pytest.fixture(scope="session")
def faulty() -> Faulty:
    """One for all: building fourteen boto3 clients takes longer than what they are built for."""
    return Faulty()


@pytest.fixture
def released() -> Iterator[threading.Event]:
    """Lets go of slow calls when the test is over."""
    event = threading.Event()
    yield event
    event.set()
