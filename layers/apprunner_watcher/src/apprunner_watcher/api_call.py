"""Here you find calls to App Runner's API, as CloudTrail tells them: who called, what for, and what was refused."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from pydantic import AliasPath, AwareDatetime, BaseModel, ConfigDict, Field

API_CALL_DETAIL_TYPE = "AWS API Call via CloudTrail"
APP_RUNNER = "apprunner.amazonaws.com"
SERVICE_ARN = re.compile(
    r"arn:[\w-]+:apprunner:(?P<region>[\w-]+):(?P<account>\d{12}):service/(?P<name>[^/]+)/(?P<id>[0-9a-f]+)"
)
_IMAGE = ("sourceConfiguration", "imageRepository", "imageIdentifier")
_ACCESS_ROLE = ("sourceConfiguration", "authenticationConfiguration", "accessRoleArn")
_LONGEST_MESSAGE = 2_000


class Requested(BaseModel):
    """What the parameters of a call ask for, as far as they are shown; empty where they do not say.

    CloudTrail hides variables, secrets and commands of a service, and leaves the rest as it was sent.
    https://docs.aws.amazon.com/apprunner/latest/dg/monitor-ct.html
    """

    model_config = ConfigDict(frozen=True, coerce_numbers_to_str=True)

    service_arn: str = Field("", alias="serviceArn")
    service_name: str = Field("", alias="serviceName")
    image: str = Field("", validation_alias=AliasPath(*_IMAGE))
    access_role_arn: str = Field("", validation_alias=AliasPath(*_ACCESS_ROLE))
    connection_arn: str = Field(
        "", validation_alias=AliasPath("sourceConfiguration", "authenticationConfiguration", "connectionArn")
    )
    instance_role_arn: str = Field("", validation_alias=AliasPath("instanceConfiguration", "instanceRoleArn"))
    subnet_ids: tuple[str, ...] = Field((), alias="subnets")
    max_concurrency: int | None = Field(None, alias="maxConcurrency")
    min_size: int | None = Field(None, alias="minSize")
    max_size: int | None = Field(None, alias="maxSize")


class Call(BaseModel):
    """Who called what. `operation_id` is App Runner's id of the operation that the call began, empty where none."""

    model_config = ConfigDict(frozen=True)

    id: str
    time: datetime
    action: str  # the API's name of it: UpdateService
    caller: str  # ARN of a user, or of a role's session
    user_agent: str = ""
    service_arn: str = ""
    operation_id: str = ""


class ApiCallEvent(Call):
    """A call that CloudTrail logged. `error_code` is empty where it was accepted."""

    region: str
    account: str
    caller_role_arn: str = ""  # where the caller has assumed a role
    service_name: str = ""
    error_code: str = ""
    error_message: str = ""
    requested: Requested = Requested.model_construct()

    @property
    def call(self) -> Call:
        """No more of it than is worth noting."""
        return Call(**{name: getattr(self, name) for name in Call.model_fields})


class _Answered(BaseModel):
    operation_id: str = Field("", alias="operationId")
    service_arn: str = Field("", validation_alias=AliasPath("service", "serviceArn"))


class _Detail(BaseModel):
    """https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html."""

    event_time: AwareDatetime = Field(alias="eventTime")
    event_name: str = Field(alias="eventName", max_length=100)
    event_source: str = Field(alias="eventSource")
    user_agent: str = Field("", alias="userAgent")
    caller: str = Field("", validation_alias=AliasPath("userIdentity", "arn"))
    caller_kind: str = Field("", validation_alias=AliasPath("userIdentity", "type"))
    invoked_by: str = Field("", validation_alias=AliasPath("userIdentity", "invokedBy"))
    caller_role_arn: str = Field(
        "", validation_alias=AliasPath("userIdentity", "sessionContext", "sessionIssuer", "arn")
    )
    error_code: str = Field("", alias="errorCode")
    error_message: str = Field("", alias="errorMessage")
    requested: Mapping[str, Any] | None = Field(None, alias="requestParameters")
    answered: Mapping[str, Any] | None = Field(None, alias="responseElements")

    @classmethod
    def without_nulls(cls, detail: Mapping[str, Any]) -> Self:
        return cls.model_validate({name: value for name, value in detail.items() if value is not None})


def api_call(event_id: str, region: str, account: str, detail: Mapping[str, Any]) -> ApiCallEvent | None:
    """The call that a CloudTrail event tells; None where it is one to another service.

    Raises pydantic's `ValidationError` where fields are missing or of another kind.
    """
    told = _Detail.without_nulls(detail)
    if told.event_source != APP_RUNNER:
        return None
    requested = Requested.model_validate(told.requested or {})
    answered = _Answered.model_validate(told.answered or {})
    service_arn = next((arn for arn in (requested.service_arn, answered.service_arn) if SERVICE_ARN.fullmatch(arn)), "")
    found = SERVICE_ARN.fullmatch(service_arn)
    return ApiCallEvent(
        id=event_id,
        time=told.event_time,
        action=told.event_name,
        caller=told.caller or told.invoked_by or told.caller_kind or "somebody",
        caller_role_arn=told.caller_role_arn,
        user_agent=told.user_agent,
        region=region,
        account=account,
        service_arn=service_arn,
        service_name=found["name"] if found else requested.service_name,
        operation_id=answered.operation_id,
        error_code=told.error_code,
        error_message=told.error_message[:_LONGEST_MESSAGE],
        requested=requested,
    )
