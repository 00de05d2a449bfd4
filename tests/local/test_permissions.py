"""What IAM is asked for, and how a refusal reads."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from apprunner_watcher.aws.gather import READS
from apprunner_watcher.recording import Recording
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
    is_json = service in {"apprunner", "logs", "ecr", "secretsmanager", "ssm", "kms"}
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
        (
            made("ec2", "GetManagedPrefixListEntries", PrefixListId="pl-0a"),
            f"arn:aws:ec2:eu-west-1:{STACK_ACCOUNT}:prefix-list/pl-0a",
        ),
        (
            made("rds", "DescribeDBInstances", DBInstanceIdentifier="shop"),
            f"arn:aws:rds:eu-west-1:{STACK_ACCOUNT}:db:shop",
        ),
        # lists, which name nothing, are allowed on all of their kind
        (made("rds", "DescribeDBInstances"), f"arn:aws:rds:eu-west-1:{STACK_ACCOUNT}:db:*"),
        (made("rds", "DescribeDBClusters"), f"arn:aws:rds:eu-west-1:{STACK_ACCOUNT}:cluster:*"),
        (made("rds", "DescribeDBProxies"), f"arn:aws:rds:eu-west-1:{STACK_ACCOUNT}:db-proxy:*"),
        (
            made("rds", "DescribeDBProxyEndpoints", DBProxyEndpointName="read"),
            f"arn:aws:rds:eu-west-1:{STACK_ACCOUNT}:db-proxy-endpoint:read",
        ),
        (
            made("rds", "DescribeDBSubnetGroups", DBSubnetGroupName="shop"),
            f"arn:aws:rds:eu-west-1:{STACK_ACCOUNT}:subgrp:shop",
        ),
        (
            made("rds", "DescribeDBParameters", DBParameterGroupName="shop"),
            f"arn:aws:rds:eu-west-1:{STACK_ACCOUNT}:pg:shop",
        ),
        (
            made("elasticache", "DescribeCacheClusters", ShowCacheNodeInfo=True),
            f"arn:aws:elasticache:eu-west-1:{STACK_ACCOUNT}:cluster:*",
        ),
        (
            made("elasticache", "DescribeReplicationGroups"),
            f"arn:aws:elasticache:eu-west-1:{STACK_ACCOUNT}:replicationgroup:*",
        ),
        (
            made("elasticache", "DescribeServerlessCaches"),
            f"arn:aws:elasticache:eu-west-1:{STACK_ACCOUNT}:serverlesscache:*",
        ),
        (
            made("elasticache", "DescribeCacheSubnetGroups", CacheSubnetGroupName="shop"),
            f"arn:aws:elasticache:eu-west-1:{STACK_ACCOUNT}:subnetgroup:shop",
        ),
        (
            made("iam", "SimulatePrincipalPolicy", PolicySourceArn="arn:aws:iam::111122223333:role/a/shop"),
            f"arn:aws:iam::{STACK_ACCOUNT}:role/a/shop",
        ),
        (
            made(
                "secretsmanager", "DescribeSecret", SecretId="arn:aws:secretsmanager:us-east-1:111122223333:secret:a-1"
            ),
            f"arn:aws:secretsmanager:eu-west-1:{STACK_ACCOUNT}:secret:a-1",
        ),
        (made("ssm", "DescribeParameters"), "*"),
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


@pytest.mark.parametrize("action", READS)
def test_every_read_is_asked_for_on_what_the_role_is_allowed_it_on(action: str) -> None:
    """A call that names nothing: on all of the kind that the list of reads says, or on everything."""
    resource = resource_of(made(*action.split(":")), "123456789012")
    form = READS[action].format(partition="aws", region="eu-west-1", account="123456789012")
    assert resource in {form, "*"} or resource.startswith("arn:aws:logs:")


class Everything(Permissions):
    """Roles that may read everything."""

    def __init__(self) -> None:
        pass

    def caller(self, access_key: str) -> Function | None:
        return FUNCTION if access_key.startswith("ASIA") else None

    def refusal(self, function: Function, call: Call) -> str | None:
        return None


class Emulator(BaseHTTPRequestHandler):
    """Answers every call with the value of a secret."""

    def do_POST(self) -> None:
        body = json.dumps({"SecretString": "of the stack"}).encode()
        self.send_response_only(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def emulated(recording: Recording) -> Iterator[FrontDoor]:
    """A door before an emulator."""
    with HTTPServer(("127.0.0.1", 0), Emulator) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        with FrontDoor(("127.0.0.1", server.server_port)) as door:
            door.permissions = Everything()
            door.play(recording)
            yield door
        server.shutdown()


@pytest.mark.parametrize("access_key", ["ASIAFUNCTION", "test"])
def test_the_value_of_a_secret_is_one_of_the_stack(emulated: FrontDoor, access_key: str) -> None:
    secrets = client_of(emulated, access_key)("secretsmanager")
    assert secrets.get_secret_value(SecretId="key")["SecretString"] == "of the stack"
    assert list(emulated.calls) == []


def test_everything_else_about_secrets_is_recorded(emulated: FrontDoor) -> None:
    secrets = client_of(emulated, "ASIAFUNCTION")("secretsmanager")
    for ask in (secrets.describe_secret, secrets.get_resource_policy):
        with pytest.raises(ClientError, match="NotRecorded"):
            ask(SecretId="key")
    assert list(emulated.calls) == ["secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy"]
