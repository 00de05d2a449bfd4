"""Here you find a live service's last operation, as the event that App Runner would have sent of it."""

import uuid
from datetime import UTC
from typing import TYPE_CHECKING, Any

from apprunner_watcher.api_call import SERVICE_ARN
from apprunner_watcher.aws import answers
from apprunner_watcher.event import OPERATION_DETAIL_TYPE, OperationType, Stage, operation_status
from apprunner_watcher.snapshot import OperationStatus

if TYPE_CHECKING:
    from apprunner_watcher.aws.clients import Clients


def last_event(clients: "Clients", service_arn: str, status: str | None = None) -> dict[str, Any]:
    """The event of a service's last operation; `status` gives another operation status, say `DeploymentFailed`.

    Raises what boto3 raises, and `LookupError` where the service has no operation that is known.
    """
    listed = answers.operations(clients.apprunner.list_operations(ServiceArn=service_arn, MaxResults=20))
    if not listed.listed:
        msg = "App Runner lists no operation of this service"
        raise LookupError(msg)
    last = listed.listed[0]
    if last.type not in set(OperationType):
        msg = f"its last operation is of a type that is not known: {last.type}"
        raise LookupError(msg)
    if last.status == OperationStatus.SUCCEEDED:
        stage = Stage.SUCCEEDED
    else:
        stage = Stage.STARTED if last.is_in_progress else Stage.FAILED
    arn = SERVICE_ARN.fullmatch(service_arn)
    if not arn:
        msg = "not the ARN of an App Runner service"
        raise LookupError(msg)
    at = (last.ended_at or last.started_at).astimezone(UTC)
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": OPERATION_DETAIL_TYPE,
        "source": "aws.apprunner",
        "account": arn["account"],
        "time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": arn["region"],
        "resources": [service_arn],
        "detail": {
            "operationStatus": status or operation_status(OperationType(last.type), stage),
            "serviceName": arn["name"],
            "serviceId": arn["id"],
            "message": "",
            "severity": "INFO",
        },
    }
