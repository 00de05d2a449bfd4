"""Here you find the deployed stack as its owner asks for it: what is connected, and whether a message arrives."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from apprunner_watcher.aws.gather import READS
from apprunner_watcher.event import TEST_DETAIL_TYPE, TEST_SOURCE

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

_PENDING = "PendingConfirmation"
_LEFT_OUT = {
    "off": frozenset({"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}),
    "manifest": frozenset({"ecr:GetDownloadUrlForLayer"}),
}


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription of the incidents topic."""

    protocol: str
    endpoint: str
    confirmed: bool


@dataclass(frozen=True, slots=True)
class WatchedService:
    """A service of this account and Region, and what the table last recorded of it."""

    name: str
    status: str
    last_event_at: str
    last_incident: str


class Stack:
    """One installed stack. Every method reads AWS and raises what boto3 raises, or `LookupError` for another stack."""

    def __init__(self, session: "boto3.Session", name: str) -> None:
        """`name`: of the CloudFormation stack."""
        self._session = session
        self.name = name

    @cached_property
    def _described(self) -> "StackTypeDef":
        return self._session.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"][0]

    def output(self, name: str) -> str:
        """One of the stack's outputs. Raises `LookupError` where it is another kind of stack."""
        for one in self._described.get("Outputs", []):
            if one["OutputKey"] == name:
                return one["OutputValue"]
        msg = f"it has no output {name}, so it is none of App Runner Watcher"
        raise LookupError(msg)

    def subscriptions(self) -> tuple[Subscription, ...]:
        """Who gets the messages."""
        pages = self._session.client("sns").get_paginator("list_subscriptions_by_topic")
        return tuple(
            Subscription(one["Protocol"], one["Endpoint"], one["SubscriptionArn"] != _PENDING)
            for page in pages.paginate(TopicArn=self.output("IncidentsTopicArn"))
            for one in page["Subscriptions"]
        )

    def services(self) -> Iterator[WatchedService]:
        """The services of this account and Region; App Runner's list has no paginator in botocore."""
        apprunner = self._session.client("apprunner")
        page = apprunner.list_services(MaxResults=20)
        while True:
            for one in page["ServiceSummaryList"]:
                noted, told = self._newest(one["ServiceArn"], "attempt#"), self._newest(one["ServiceArn"], "incident#")
                last = max(noted.get("noted_at", ""), told.get("recorded_at", ""))
                yield WatchedService(one["ServiceName"], one["Status"], last, told.get("subject", ""))
            if not page.get("NextToken"):
                return
            page = apprunner.list_services(MaxResults=20, NextToken=page["NextToken"])

    def missing_permissions(self) -> tuple[str, ...]:
        """The reads that the function's role is not allowed, as IAM simulates it (without resource policies).

        What the stack's owner left out with ImageInspection and RepositoryArns is none of them.
        """
        role = self.output("WatchRoleArn")
        _, partition, _, _, account, _ = role.split(":", 5)
        where = {"partition": partition, "region": self._session.region_name, "account": account}
        iam = self._session.client("iam")
        missing = []
        for action, form in READS.items():
            if action in self._left_out():
                continue
            # for a wildcard stands a name that nobody has; an action that knows no resource is asked for all of them
            resource = form if form == "*" else form.format(**where).replace("*", "any")
            answer = iam.simulate_principal_policy(PolicySourceArn=role, ActionNames=[action], ResourceArns=[resource])
            if answer["EvaluationResults"][0]["EvalDecision"] != "allowed":
                missing.append(action)
        return tuple(missing)

    def _left_out(self) -> frozenset[str]:
        """The reads of images that the stack's parameters do without. Of chosen repositories none can be asked for."""
        chosen = {one["ParameterKey"]: one.get("ParameterValue", "") for one in self._described.get("Parameters", [])}
        if chosen.get("RepositoryArns"):
            return frozenset(action for action in READS if action.startswith("ecr:"))
        return _LEFT_OUT.get(chosen.get("ImageInspection", ""), frozenset())

    def send_test(self, requested_by: str) -> str:
        """Put a test event on the default bus, which the stack's test rule matches; returns the event's id."""
        answer = self._session.client("events").put_events(
            Entries=[
                {
                    "Source": TEST_SOURCE,
                    "DetailType": TEST_DETAIL_TYPE,
                    "Resources": [self._described["StackId"]],
                    "Detail": json.dumps({"requestedBy": requested_by}),
                }
            ]
        )
        entry = answer["Entries"][0]
        if "EventId" not in entry:
            raise ClientError({"Error": {"Code": entry["ErrorCode"], "Message": entry["ErrorMessage"]}}, "PutEvents")
        return entry["EventId"]

    def wait_until_told(self, event_id: str, deadline: datetime) -> bool:
        """Whether the table says, before the deadline, that the test event was told."""
        client, table = self._session.client("dynamodb"), self.output("TableName")
        while datetime.now(deadline.tzinfo) < deadline:
            marker = client.get_item(TableName=table, Key={"pk": {"S": "test"}, "sk": {"S": f"event#{event_id}"}})
            if "Item" in marker:
                key = {"pk": {"S": "test"}, "sk": marker["Item"]["incident"]}
                if "told_at" in client.get_item(TableName=table, Key=key).get("Item", {}):
                    return True
            time.sleep(1)
        return False

    def caller(self) -> str:
        """Who asks."""
        return self._session.client("sts").get_caller_identity()["Arn"]

    def _newest(self, service_arn: str, prefix: str) -> dict[str, str]:
        found = self._session.client("dynamodb").query(
            TableName=self.output("TableName"),
            KeyConditionExpression="pk = :service AND begins_with(sk, :prefix)",
            ExpressionAttributeValues={":service": {"S": service_arn}, ":prefix": {"S": prefix}},
            ProjectionExpression="noted_at, recorded_at, subject",
            ScanIndexForward=False,
            Limit=1,
        )
        return {name: value["S"] for item in found["Items"] for name, value in item.items() if "S" in value}
