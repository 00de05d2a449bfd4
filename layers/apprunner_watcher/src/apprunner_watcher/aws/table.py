"""Here you find what is remembered: one DynamoDB table, one item collection per service.

| pk | sk | what |
|---|---|---|
| service ARN | `attempt#<start>#<operation id>` | the configuration and image that an operation attempted |
| service ARN | `attempt#<time>#call#<event id>` | who called App Runner to begin an operation |
| service ARN | `incident#<start>#<operation id>` | what was told, or is about to be |
| service ARN | `event#<event id>` | which incident an event led to: an event that comes twice finds it |
| service ARN | `quiet#<digest>` | until when the same error of the same caller is not told again |

Every write is conditional or gives the same result twice, so that an event may come twice, late or out of order.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from apprunner_watcher.api_call import Call
from apprunner_watcher.snapshot import Attempt, Operation

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_TO_RECALL = 40
_FAILED = "ConditionalCheckFailed"
_to_dynamodb = TypeSerializer().serialize
_from_dynamodb = TypeDeserializer().deserialize


class StillBeingToldError(RuntimeError):
    """Another invocation is telling this incident right now. Raised, so that Lambda comes back and sees to it."""


@dataclass(frozen=True, slots=True)
class Incident:
    """What is told about one operation; `key` and `event_id` make it one, however often and late it comes.

    `second_look_at`: when to look again, since the application's log was empty moments after the operation's end.
    """

    service_arn: str
    key: str
    event_id: str
    subject: str
    text: str
    data: Mapping[str, Any]
    second_look_at: datetime | None = None
    quiet: "Quiet | None" = None


@dataclass(frozen=True, slots=True)
class Quiet:
    """What is told once in a while: what is the same (`of`) as what was told is not told again from `at` to `until`."""

    of: str
    at: datetime
    until: datetime


def incident_key(operation: Operation | None, event_time: datetime, event_id: str) -> str:
    """The incident's sort key: its operation, or the event itself as long as ListOperations does not show one."""
    if operation:
        return f"incident#{_iso(operation.started_at)}#{operation.id}"
    return f"incident#{_iso(event_time)}#{event_id}"


class Table:
    """The stack's table."""

    def __init__(self, client: "DynamoDBClient", name: str, retention: timedelta) -> None:
        """`retention`: how long items are kept, by DynamoDB's TTL."""
        self._client = client
        self._name = name
        self._retention = retention

    def noted(self, service_arn: str) -> tuple[Attempt | Call, ...]:
        """The attempts and calls noted last, the newest first."""
        found = self._client.query(
            TableName=self._name,
            KeyConditionExpression="pk = :service AND begins_with(sk, :attempt)",
            ExpressionAttributeValues={":service": {"S": service_arn}, ":attempt": {"S": "attempt#"}},
            ScanIndexForward=False,
            Limit=_TO_RECALL,
        )
        items = [{name: _from_dynamodb(value) for name, value in item.items()} for item in found["Items"]]
        return tuple(
            Call.model_validate(item["call"])
            if "call" in item
            else Attempt.model_validate({**item["attempt"], "stage": item["stage"]})
            for item in items
        )

    def note(self, service_arn: str, attempt: Attempt, now: datetime) -> None:
        """Note an attempt and how far it is. What was noted first stays: later the configuration may be another."""
        self._client.update_item(
            TableName=self._name,
            Key=_key(service_arn, f"attempt#{_iso(attempt.started_at)}#{attempt.operation_id}"),
            UpdateExpression=(
                "SET attempt = if_not_exists(attempt, :attempt), noted_at = if_not_exists(noted_at, :now),"
                " stage = :stage, expires_at = :expires"
            ),
            ExpressionAttributeValues={
                ":attempt": _to_dynamodb(attempt.model_dump(mode="json", exclude={"stage"})),
                ":now": {"S": _iso(now)},
                ":stage": {"S": attempt.stage.value},
                ":expires": {"N": self._expiry(now)},
            },
        )

    def note_call(self, call: Call, now: datetime) -> None:
        """Note who called App Runner to begin an operation."""
        item = {
            "pk": call.service_arn,
            "sk": f"attempt#{_iso(call.time)}#call#{call.id}",
            "call": call.model_dump(mode="json"),
            "expires_at": int(self._expiry(now)),
        }
        self._client.put_item(TableName=self._name, Item={name: _to_dynamodb(value) for name, value in item.items()})

    def record(self, incident: Incident, now: datetime, deadline: datetime) -> Incident | None:
        """Record an incident that is about to be told until `deadline`, and give what is to be told.

        Recorded before and not told (the invocation ended between the two): the recorded one. Told before, or the same
        as what was told a while ago: None.
        Raises `StillBeingToldError` while another invocation has it in hand.
        """
        item = {
            "pk": incident.service_arn,
            "sk": incident.key,
            "event_id": incident.event_id,
            "subject": incident.subject,
            "text": incident.text,
            "report": incident.data,
            "recorded_at": _iso(now),
            "telling_until": int(deadline.timestamp()),
            "expires_at": int(self._expiry(now)),
        }
        if incident.second_look_at:
            item["second_look_at"] = _iso(incident.second_look_at)
        marker = {
            "pk": incident.service_arn,
            "sk": f"event#{incident.event_id}",
            "incident": incident.key,
            "expires_at": int(self._expiry(now)),
        }
        try:
            quiet = [self._put_quiet(incident.service_arn, incident.quiet)] if incident.quiet else []
            self._client.transact_write_items(TransactItems=[self._put_new(item), self._put_new(marker), *quiet])
        except self._client.exceptions.TransactionCanceledException as error:
            reasons = [reason.get("Code") for reason in error.response.get("CancellationReasons", [])]
            if _FAILED not in reasons:
                raise
            return self._take_over(incident, now, deadline) if _FAILED in reasons[:2] else None
        return incident

    def told(self, incident: Incident, now: datetime) -> None:
        """Remember that the incident was told."""
        self._client.update_item(
            TableName=self._name,
            Key=_key(incident.service_arn, incident.key),
            UpdateExpression="SET told_at = :now REMOVE telling_until",
            ExpressionAttributeValues={":now": {"S": _iso(now)}},
        )

    def _take_over(self, incident: Incident, now: datetime, deadline: datetime) -> Incident | None:
        """Take in hand what was recorded before, by this event or by another one of the same operation."""
        marker = self._get(incident.service_arn, f"event#{incident.event_id}")
        key = marker["incident"] if marker else incident.key
        try:
            recorded = self._client.update_item(
                TableName=self._name,
                Key=_key(incident.service_arn, key),
                UpdateExpression="SET telling_until = :deadline",
                ConditionExpression="attribute_not_exists(told_at) AND telling_until < :now",
                ExpressionAttributeValues={
                    ":deadline": {"N": str(int(deadline.timestamp()))},
                    ":now": {"N": str(int(now.timestamp()))},
                },
                ReturnValues="ALL_NEW",
            )["Attributes"]
        except self._client.exceptions.ConditionalCheckFailedException:
            found = self._get(incident.service_arn, key)
            if found and "told_at" not in found:
                raise StillBeingToldError(key) from None
            return None
        item = {name: _from_dynamodb(value) for name, value in recorded.items()}
        return Incident(incident.service_arn, key, item["event_id"], item["subject"], item["text"], item["report"])

    def _get(self, pk: str, sk: str) -> dict[str, Any] | None:
        found = self._client.get_item(TableName=self._name, Key=_key(pk, sk), ConsistentRead=True).get("Item")
        return {name: _from_dynamodb(value) for name, value in found.items()} if found else None

    def _put_new(self, item: dict[str, Any]) -> Any:
        return {
            "Put": {
                "TableName": self._name,
                "Item": {name: _to_dynamodb(value) for name, value in item.items()},
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        }

    def _put_quiet(self, pk: str, quiet: Quiet) -> Any:
        until = {"N": str(int(quiet.until.timestamp()))}
        digest = hashlib.sha256(quiet.of.encode()).hexdigest()
        return {
            "Put": {
                "TableName": self._name,
                "Item": {**_key(pk, f"quiet#{digest}"), "quiet_until": until, "expires_at": until},
                "ConditionExpression": "attribute_not_exists(pk) OR quiet_until < :at",
                "ExpressionAttributeValues": {":at": {"N": str(int(quiet.at.timestamp()))}},
            }
        }

    def _expiry(self, now: datetime) -> str:
        return str(int((now + self._retention).timestamp()))


def _key(pk: str, sk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
