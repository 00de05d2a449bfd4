"""Here you find how it is told: the incidents topic."""

from typing import TYPE_CHECKING

from apprunner_watcher.aws.table import Incident

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sns.type_defs import MessageAttributeValueTypeDef


class Topic:
    """The topic that the owners of the services subscribe to."""

    def __init__(self, client: "SNSClient", arn: str) -> None:
        """`arn`: the stack's topic or an existing one."""
        self._client = client
        self._arn = arn

    def tell(self, incident: Incident) -> None:
        """Publish an incident. Its attributes are for filter policies of subscriptions."""
        causes = incident.data.get("causes") or [{}]
        attributes = {
            "service": incident.data.get("service", {}).get("name"),
            "verdict": incident.data.get("verdict"),
            "severity": incident.data.get("severity"),
            "cause": causes[0].get("code", "unknown"),
            "confidence": causes[0].get("confidence", "unknown"),
        }
        self._client.publish(
            TopicArn=self._arn,
            Subject=incident.subject,
            Message=incident.text,
            MessageAttributes={name: _string(value) for name, value in attributes.items() if value},
        )


def _string(value: str) -> "MessageAttributeValueTypeDef":
    return {"DataType": "String", "StringValue": value}
