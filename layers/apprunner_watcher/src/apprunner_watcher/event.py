"""Here you find what happened: EventBridge events of App Runner, parsed into types."""

import re
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import AliasChoices, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from apprunner_watcher.api_call import API_CALL_DETAIL_TYPE, SERVICE_ARN, ApiCallEvent, api_call

OPERATION_DETAIL_TYPE = "AppRunner Service Operation Status Change"
CUSTOM_DOMAIN_DETAIL_TYPE = "AppRunner Custom Domain Validation Status Update"
TEST_SOURCE = "apprunner-watcher"
TEST_DETAIL_TYPE = "Test Requested"


class NotUnderstoodError(ValueError):
    """The event is none that this version knows. The message quotes no more of it than its type and its status."""


class OperationType(StrEnum):
    """App Runner's own operation types.

    https://docs.aws.amazon.com/apprunner/latest/api/API_OperationSummary.html
    """

    CREATE_SERVICE = "CREATE_SERVICE"
    UPDATE_SERVICE = "UPDATE_SERVICE"
    START_DEPLOYMENT = "START_DEPLOYMENT"
    PAUSE_SERVICE = "PAUSE_SERVICE"
    RESUME_SERVICE = "RESUME_SERVICE"
    DELETE_SERVICE = "DELETE_SERVICE"


class Stage(StrEnum):
    """How far the operation is, as its event says."""

    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class OperationEvent(BaseModel):
    """An operation started, succeeded or failed. Events carry no operation id (see `snapshot.Operations`)."""

    model_config = ConfigDict(frozen=True)

    id: str
    time: datetime
    service_arn: str
    service_name: str
    operation: OperationType
    stage: Stage
    message: str


class CustomDomainEvent(BaseModel):
    """The certificate validation of a custom domain moved. AWS documents no fields of its detail."""

    model_config = ConfigDict(frozen=True)

    id: str
    time: datetime
    service_arn: str
    service_name: str


class SendTestEvent(BaseModel):
    """Somebody asked for one `[TEST]` message through the deployed path (`apprunner-watcher send-test`)."""

    model_config = ConfigDict(frozen=True)

    id: str
    time: datetime
    requested_by: str


Event = OperationEvent | CustomDomainEvent | ApiCallEvent | SendTestEvent

_OPERATIONS = {
    "CreateService": OperationType.CREATE_SERVICE,
    "UpdateService": OperationType.UPDATE_SERVICE,
    "Deployment": OperationType.START_DEPLOYMENT,
    "PauseService": OperationType.PAUSE_SERVICE,
    "ResumeService": OperationType.RESUME_SERVICE,
    "DeleteService": OperationType.DELETE_SERVICE,
}
_STAGES = {
    "Started": Stage.STARTED,
    "CompletedSuccessfully": Stage.SUCCEEDED,
    "Failed": Stage.FAILED,
}
_OPERATION_STATUS = re.compile(f"({'|'.join(_OPERATIONS)})({'|'.join(_STAGES)})")


def _spellings(camel: str, *more: str) -> AliasChoices:
    """The developer guide wrote PascalCase until 2023 and camelCase since; both are accepted."""
    return AliasChoices(camel, camel[0].upper() + camel[1:], *more)


class _Envelope(BaseModel):
    """https://docs.aws.amazon.com/eventbridge/latest/ref/events-structure.html."""

    id: str = Field(min_length=1)
    source: str
    detail_type: str = Field(alias="detail-type")
    time: AwareDatetime
    region: str = ""
    account: str = ""
    resources: list[str] = []
    detail: dict[str, Any]


class _ServiceDetail(BaseModel):
    service_name: str = Field("", validation_alias=_spellings("serviceName"))
    service_id: str = Field("", validation_alias=_spellings("serviceId"))


class _OperationDetail(_ServiceDetail):
    """https://docs.aws.amazon.com/apprunner/latest/dg/monitor-ev.html.

    `severity` is left out: its values are not documented and nothing may depend on it.
    """

    operation_status: str = Field(validation_alias=_spellings("operationStatus", "Status", "status"))
    message: str = Field("", validation_alias=_spellings("message"))


class _TestDetail(BaseModel):
    requested_by: str = Field("somebody", alias="requestedBy", max_length=200)


def operation_status(operation: OperationType, stage: Stage) -> str:
    """App Runner's name of it in events, say `DeploymentFailed`."""
    name = next(name for name, one in _OPERATIONS.items() if one is operation)
    return name + next(name for name, one in _STAGES.items() if one is stage)


def parse(raw: object) -> Event:
    """Parse an EventBridge event.

    Raises `NotUnderstoodError` for anything else: another detail-type, an unknown operation status, missing fields.
    """
    try:
        envelope = _Envelope.model_validate(raw)
        if (envelope.source, envelope.detail_type) == (TEST_SOURCE, TEST_DETAIL_TYPE):
            requested_by = _TestDetail.model_validate(envelope.detail).requested_by
            return SendTestEvent(id=envelope.id, time=envelope.time, requested_by=requested_by)
        if envelope.detail_type == OPERATION_DETAIL_TYPE:
            return _operation_event(envelope)
        if envelope.detail_type == CUSTOM_DOMAIN_DETAIL_TYPE:
            arn, name = _service(envelope, _ServiceDetail.model_validate(envelope.detail))
            return CustomDomainEvent(id=envelope.id, time=envelope.time, service_arn=arn, service_name=name)
        if envelope.detail_type == API_CALL_DETAIL_TYPE and (called := _api_call(envelope)):
            return called
    except ValidationError as error:
        # only where and what is wrong: the event's content may hold anything
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'event'}: {e['msg']}" for e in error.errors())
        raise NotUnderstoodError(wrong) from None
    msg = f"detail-type {envelope.detail_type[:100]!r} of source {envelope.source[:100]!r} is not known"
    raise NotUnderstoodError(msg)


def _api_call(envelope: _Envelope) -> ApiCallEvent | None:
    return api_call(envelope.id, envelope.region, envelope.account, envelope.detail)


def _operation_event(envelope: _Envelope) -> OperationEvent:
    detail = _OperationDetail.model_validate(envelope.detail)
    status = _OPERATION_STATUS.fullmatch(detail.operation_status)
    if not status:
        msg = f"detail.operationStatus: {detail.operation_status[:100]!r} is not known"
        raise NotUnderstoodError(msg)
    arn, name = _service(envelope, detail)
    return OperationEvent(
        id=envelope.id,
        time=envelope.time,
        service_arn=arn,
        service_name=name,
        operation=_OPERATIONS[status[1]],
        stage=_STAGES[status[2]],
        message=detail.message,
    )


def _service(envelope: _Envelope, detail: _ServiceDetail) -> tuple[str, str]:
    """ARN and name of the service.

    The ARN in `resources` is the one to believe: in AWS's own sample `account` differs from the account in the ARN.
    """
    for resource in envelope.resources:
        if found := SERVICE_ARN.fullmatch(resource):
            return resource, found["name"]
    arn = f"arn:aws:apprunner:{envelope.region}:{envelope.account}:service/{detail.service_name}/{detail.service_id}"
    if not SERVICE_ARN.fullmatch(arn):
        msg = "resources: no App Runner service ARN, and detail does not name the service either"
        raise NotUnderstoodError(msg)
    return arn, detail.service_name
