"""What IAM is asked for, and how a refusal reads."""

from collections.abc import Callable, Mapping
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.permissions import Function, Permissions, UnknownCallerError, resource_of
from local.player import FrontDoor
from local.protocol import Call, Request, call
from tests.local.conftest import LOG_GROUP, SERVICE

STACK_ACCOUNT = "000000000000"
FUNCTION = Function("watch", STACK_ACCOUNT, f"arn:aws:iam::{STACK_ACCOUNT}:role/watchers/watch-role")


def made(service: str, operation: str, **parameters: object) -> Call:
    """The call as the player reads it; its parameters are put in afterwards, whatever the protocol."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    json_body = {"X-Amz-Target": f"Any.{operation}", "Content-Type": "application/x-amz-json-1.1"}
    is_json = service in {"apprunner", "logs", "ecr", "secretsmanager"}
    headers = (json_body if is_json else form) | {
        "Authorization": f"Credential=ASIA/20260101/eu-west-1/{service}/aws4_request"
    }
    asked = call(Request("POST", "/", headers, b"{}" if is_json else f"Action={operation}".encode()))
    return Call(asked.signed, parameters, asked.model, asked.protocol)


@pytest.mark.parametrize(
    ("asked", "resource"),
    [
        (
            made("apprunner", "DescribeService", ServiceArn=SERVICE),
            f"arn:aws:apprunner:eu-west-1:{STACK_ACCOUNT}:service/shop/0123456789abcdef0123456789abcdef",
        ),
        (made("apprunner", "ListServices"), "*"),
        (
            made("logs", "DescribeLogStreams", logGroupName=LOG_GROUP),
            f"arn:aws:logs:eu-west-1:{STACK_ACCOUNT}:log-group:{LOG_GROUP}:log-stream:",
        ),
        (
            made("logs", "GetLogEvents", logGroupName=LOG_GROUP, logStreamName="events"),
            f"arn:aws:logs:eu-west-1:{STACK_ACCOUNT}:log-group:{LOG_GROUP}:log-stream:events",
        ),
        (
            made("ecr", "DescribeImages", repositoryName="team/shop"),
            f"arn:aws:ecr:eu-west-1:{STACK_ACCOUNT}:repository/team/shop",
        ),
        (made("iam", "GetRole", RoleName="shop"), f"arn:aws:iam::{STACK_ACCOUNT}:role/shop"),
        (made("iam", "GetPolicy", PolicyArn="arn:aws:iam::aws:policy/Reads"), "arn:aws:iam::aws:policy/Reads"),
        (made("ec2", "DescribeSubnets"), "*"),
    ],
    ids=str,
)
def test_resource(asked: Call, resource: str) -> None:
    assert resource_of(asked, STACK_ACCOUNT) == resource


class OnlySubnets(Permissions):
    """Roles that may describe subnets; ASIA… is the function's key."""

    def __init__(self) -> None:
        pass

    def caller(self, access_key: str) -> Function | None:
        return FUNCTION if access_key.startswith("ASIA") else None

    def refusal(self, function: Function, call: Call) -> str | None:
        return None if call.operation == "DescribeSubnets" else f"{function.principal} may not {call}"


def client_of(door: FrontDoor, access_key: str) -> Callable[[str], Any]:
    session: Any = boto3.Session(access_key, "secret", region_name="us-east-1")
    return lambda service: session.client(service, endpoint_url=door.address)


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "code"),
    [
        ("apprunner", "list_operations", {"ServiceArn": SERVICE}, "AccessDeniedException"),
        ("logs", "describe_log_streams", {"logGroupName": LOG_GROUP}, "AccessDeniedException"),
        ("rds", "describe_db_instances", {}, "AccessDenied"),
        ("iam", "get_role", {"RoleName": "shop"}, "AccessDenied"),
        ("ec2", "describe_vpcs", {}, "UnauthorizedOperation"),
    ],
)
def test_refusals_carry_the_code_of_their_protocol(
    door: FrontDoor, service: str, operation: str, parameters: Mapping[str, Any], code: str
) -> None:
    door.permissions = OnlySubnets()
    with pytest.raises(ClientError) as caught:
        getattr(client_of(door, "ASIAFUNCTION")(service), operation)(**parameters)
    assert caught.value.response["Error"]["Code"] == code
    assert FUNCTION.principal in caught.value.response["Error"]["Message"]


def test_what_the_role_allows_is_answered(door: FrontDoor) -> None:
    door.permissions = OnlySubnets()
    assert client_of(door, "ASIAFUNCTION")("ec2").describe_subnets()["Subnets"]


def test_people_may_read_everything(door: FrontDoor) -> None:
    door.permissions = OnlySubnets()
    assert client_of(door, "test")("apprunner").list_operations(ServiceArn=SERVICE)["OperationSummaryList"]


class NoFunctions(Permissions):
    """A stack without functions, so that every temporary key is a stranger's."""

    def __init__(self) -> None:
        pass

    def caller(self, access_key: str) -> Function | None:
        raise UnknownCallerError


def test_strangers_read_nothing(door: FrontDoor) -> None:
    door.permissions = NoFunctions()
    with pytest.raises(ClientError) as caught:
        client_of(door, "ASIASTRANGER")("ec2").describe_subnets()
    assert caught.value.response["Error"]["Code"] == "UnrecognizedClientException"


def test_people_find_the_recorded_service(door: FrontDoor) -> None:
    door.permissions = OnlySubnets()
    [service] = client_of(door, "test")("apprunner").list_services()["ServiceSummaryList"]
    assert (service["ServiceArn"], service["Status"]) == (SERVICE, "RUNNING")
