"""EventBridge events are read in both documented spellings, and what is none is refused in words."""

import copy
import json
from typing import Any

import pytest

from apprunner_watcher.api_call import ApiCallEvent
from apprunner_watcher.event import (
    CustomDomainEvent,
    NotUnderstoodError,
    OperationEvent,
    OperationType,
    SendTestEvent,
    Stage,
    parse,
)
from tests.conftest import ROOT

ARN = "arn:aws:apprunner:us-east-2:123456789012:service/my-app/8fe1e10304f84fd2b0df550fe98a71fa"
EVENT: dict[str, Any] = {
    "version": "0",
    "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
    "detail-type": "AppRunner Service Operation Status Change",
    "source": "aws.apprunner",
    "account": "111122223333",  # AWS's sample has another account than the ARN
    "time": "2021-04-29T18:43:48Z",
    "region": "us-east-2",
    "resources": [ARN],
    "detail": {
        "operationStatus": "UpdateServiceFailed",
        "serviceName": "my-app",
        "serviceId": "8fe1e10304f84fd2b0df550fe98a71fa",
        "message": "Service update failed.",
        "severity": "ERROR",
    },
}


def event(**detail: str) -> dict[str, Any]:
    changed = copy.deepcopy(EVENT)
    changed["detail"] |= detail
    return changed


@pytest.mark.parametrize(
    ("status", "operation", "stage"),
    [
        ("CreateServiceStarted", OperationType.CREATE_SERVICE, Stage.STARTED),
        ("CreateServiceCompletedSuccessfully", OperationType.CREATE_SERVICE, Stage.SUCCEEDED),
        ("UpdateServiceFailed", OperationType.UPDATE_SERVICE, Stage.FAILED),
        ("DeploymentFailed", OperationType.START_DEPLOYMENT, Stage.FAILED),
        ("PauseServiceStarted", OperationType.PAUSE_SERVICE, Stage.STARTED),
        ("ResumeServiceFailed", OperationType.RESUME_SERVICE, Stage.FAILED),
        ("DeleteServiceCompletedSuccessfully", OperationType.DELETE_SERVICE, Stage.SUCCEEDED),
    ],
)
def test_operation_status_is_split(status: str, operation: OperationType, stage: Stage) -> None:
    happened = parse(event(operationStatus=status))
    assert isinstance(happened, OperationEvent)
    assert (happened.operation, happened.stage) == (operation, stage)


@pytest.mark.parametrize("status_key", ["operationStatus", "OperationStatus", "Status", "status"])
def test_both_documented_spellings_are_read(status_key: str) -> None:
    changed = copy.deepcopy(EVENT)
    changed["detail"] = {
        status_key: "DeploymentFailed",
        "ServiceName": "my-app",
        "ServiceId": "8fe1e10304f84fd2b0df550fe98a71fa",
        "Message": "Deployment failed.",
        "Severity": "ERROR",
    }
    happened = parse(changed)
    assert isinstance(happened, OperationEvent)
    assert happened.operation is OperationType.START_DEPLOYMENT
    assert happened.message == "Deployment failed."


def test_the_arn_in_resources_is_believed() -> None:
    happened = parse(EVENT)
    assert isinstance(happened, OperationEvent)
    assert (happened.service_arn, happened.service_name) == (ARN, "my-app")


def test_without_resources_the_detail_names_the_service() -> None:
    happened = parse({**EVENT, "resources": [], "account": "123456789012"})
    assert isinstance(happened, OperationEvent)
    assert happened.service_arn == ARN


def test_unknown_severity_and_extra_fields_do_not_matter() -> None:
    assert parse(event(severity="NEVER SEEN", somethingNew="x")) == parse(EVENT)


def test_custom_domain() -> None:
    detail_type = "AppRunner Custom Domain Validation Status Update"
    assert isinstance(parse({**EVENT, "detail-type": detail_type, "detail": {}}), CustomDomainEvent)


def test_test_event() -> None:
    happened = parse(
        {**EVENT, "source": "apprunner-watcher", "detail-type": "Test Requested", "detail": {"requestedBy": "me"}}
    )
    assert isinstance(happened, SendTestEvent)
    assert happened.requested_by == "me"


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in EVENT.items() if name != key}


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (None, "event"),
        ([], "event"),
        ("text", "event"),
        ({}, "detail-type"),
        (without("id"), "id"),
        (without("time"), "time"),
        (without("detail"), "detail"),
        ({**EVENT, "time": "yesterday"}, "time"),
        ({**EVENT, "time": "2021-04-29T18:43:48"}, "time"),
        ({**EVENT, "detail": {}}, "operationStatus"),
        ({**EVENT, "detail": {"operationStatus": 7}}, "operationStatus"),
        (event(operationStatus="ServiceExploded"), "ServiceExploded"),
        (event(operationStatus="DeploymentFailedX"), "DeploymentFailedX"),
        ({**EVENT, "resources": [], "detail": {"operationStatus": "DeploymentFailed"}}, "no App Runner service ARN"),
        ({**EVENT, "resources": ["arn:aws:s3:::bucket"], "region": ""}, "no App Runner service ARN"),
        ({**EVENT, "detail-type": "AppRunner Service Status Change"}, "AppRunner Service Status Change"),
        ({**EVENT, "source": "apprunner-watcher", "detail-type": "Test"}, "apprunner-watcher"),
    ],
)
def test_what_is_no_event_is_refused_in_words(raw: object, says: str) -> None:
    with pytest.raises(NotUnderstoodError, match=says):
        parse(raw)


def test_a_refusal_does_not_repeat_what_the_event_holds() -> None:
    secret = "hunter2hunter2"
    with pytest.raises(NotUnderstoodError) as refused:
        parse({**EVENT, "time": secret, "detail": [secret]})
    assert secret not in str(refused.value)


CALL = json.loads((ROOT / "events" / "update-service-refused.json").read_text(encoding="utf-8"))


def call(**detail: Any) -> ApiCallEvent:
    parsed = parse({**CALL, "detail": {**CALL["detail"], **detail}})
    assert isinstance(parsed, ApiCallEvent)
    return parsed


def test_a_refused_call() -> None:
    refused = call()
    assert (refused.action, refused.service_name, refused.error_code) == (
        "UpdateService",
        "shop",
        "InvalidStateException",
    )
    assert refused.caller_role_arn == "arn:aws:iam::123456789012:role/pipeline"
    assert refused.service_arn == CALL["detail"]["requestParameters"]["serviceArn"]


def test_what_a_call_asked_for_is_read_and_its_hidden_values_are_not() -> None:
    asked = call(
        eventName="CreateService",
        requestParameters={
            "serviceName": "web",
            "sourceConfiguration": {
                "imageRepository": {
                    "imageIdentifier": "web:1",
                    "imageConfiguration": {"runtimeEnvironmentSecrets": "HIDDEN_DUE_TO_SECURITY_REASONS"},
                },
                "authenticationConfiguration": {"accessRoleArn": "arn:aws:iam::123456789012:role/ecr"},
            },
            "instanceConfiguration": {"instanceRoleArn": "arn:aws:iam::123456789012:role/web"},
        },
    )
    assert (asked.service_arn, asked.service_name) == ("", "web")
    assert asked.requested.image == "web:1"
    assert "HIDDEN" not in repr(asked)
    assert asked.requested.access_role_arn == "arn:aws:iam::123456789012:role/ecr"
    assert asked.requested.instance_role_arn == "arn:aws:iam::123456789012:role/web"


def test_an_accepted_call_names_its_operation() -> None:
    made = call(errorCode=None, errorMessage=None, responseElements={"operationId": "f00d"})
    assert (made.error_code, made.operation_id) == ("", "f00d")


@pytest.mark.parametrize("identity", [{"type": "AWSService", "invokedBy": "ecs.amazonaws.com"}, {}])
def test_a_caller_without_an_arn(identity: dict[str, str]) -> None:
    assert call(userIdentity=identity).caller == identity.get("invokedBy", "somebody")


def test_a_call_to_another_service_is_not_understood() -> None:
    with pytest.raises(NotUnderstoodError):
        call(eventSource="ecs.amazonaws.com")
