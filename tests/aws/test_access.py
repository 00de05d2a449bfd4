"""Roles and secrets are read with few calls, values never, and what policies leave open is said to be open."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from moto import mock_aws

from apprunner_watcher.access import BUILD_SERVICE, TASKS_SERVICE, Access, Role, SecretReference
from apprunner_watcher.aws.access import READS, read_access
from apprunner_watcher.aws.clients import Clients
from apprunner_watcher.aws.read import Reads
from apprunner_watcher.aws.replay import Stage
from apprunner_watcher.missing import Missing
from apprunner_watcher.recording import Recording

Read = Callable[..., Access]
REGION, ACCOUNT = "us-east-1", "123456789012"
SERVICE = f"arn:aws:apprunner:{REGION}:{ACCOUNT}:service/app/0123456789abcdef0123456789abcdef"
PULL, RUN = f"arn:aws:iam::{ACCOUNT}:role/service-role/pull", f"arn:aws:iam::{ACCOUNT}:role/run"
REPOSITORY = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/app"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:db-AbCdEf"
PARAMETER = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/app/token"
KEY_ID = "0a1b2c3d-0000-4000-8000-0a1b2c3d4e5f"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{KEY_ID}"
GET_SECRET, GET_PARAMETERS, DECRYPT = "secretsmanager:GetSecretValue", "ssm:GetParameters", "kms:Decrypt"
DENIED = {"error": {"Code": "AccessDeniedException", "Message": "no"}}
NOT_THERE = {"error": {"Code": "ResourceNotFoundException", "Message": "no"}}


def document(**statement: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}


def trust(service: str) -> dict[str, Any]:
    return document(Principal={"Service": service}, Action="sts:AssumeRole")


def a_role(arn: str, service: str, **fields: Any) -> dict[str, Any]:
    name = arn.rpartition("/")[2]
    described = {"Arn": arn, "RoleName": name, "CreateDate": "2026-01-10T09:00:00Z"}
    described["AssumeRolePolicyDocument"] = json.dumps(trust(service))
    return {"request": {"RoleName": name}, "response": {"Role": described | fields}}


def simulation(*results: tuple[str, str, str], **fields: Any) -> dict[str, Any]:
    evaluated = [
        {"EvalActionName": action, "EvalResourceName": resource, "EvalDecision": decision, **fields}
        for action, resource, decision in results
    ]
    return {"request": {"ActionNames": [results[0][0]]}, "response": {"EvaluationResults": evaluated}}


def account() -> dict[str, list[dict[str, Any]]]:
    """Two roles that are as they should be, one secret, one parameter."""
    return {
        "iam:GetRole": [a_role(PULL, BUILD_SERVICE), a_role(RUN, TASKS_SERVICE)],
        "iam:ListAttachedRolePolicies": [
            {
                "request": {"RoleName": "pull"},
                "response": {"AttachedPolicies": [{"PolicyName": "X", "PolicyArn": "arn:aws:iam::aws:policy/X"}]},
            },
            {"response": {"AttachedPolicies": []}},
        ],
        "iam:ListRolePolicies": [{"response": {"PolicyNames": []}}],
        "iam:SimulatePrincipalPolicy": [
            simulation((GET_SECRET, SECRET, "allowed")),
            simulation((GET_PARAMETERS, PARAMETER, "allowed")),
            simulation((DECRYPT, KEY, "allowed")),
        ],
        "secretsmanager:DescribeSecret": [{"response": {"ARN": SECRET, "Name": "db"}}],
        "ssm:DescribeParameters": [{"response": {"Parameters": [{"Name": "/app/token", "Type": "String"}]}}],
    }


@pytest.fixture
def calls() -> list[tuple[str, dict[str, Any]]]:
    return []


@pytest.fixture
def read(recorded: Callable[..., Recording], calls: list[tuple[str, dict[str, Any]]]) -> Read:
    """What is read in `account()`, with other answers for some actions."""

    def see(
        secrets: dict[str, str] | None = None, pull: str = PULL, run: str = RUN, image: str = "", **answers: Any
    ) -> Access:
        def change(content: dict[str, Any]) -> None:
            content["aws"] = account() | {name.replace("_", ":"): calls for name, calls in answers.items()}

        stage = Stage(recorded(change=change), REGION)
        stage.session.events.register(
            "before-parameter-build",
            lambda model, params, **_: calls.append((f"{model.service_model.service_name}:{model.name}", params)),
        )
        with Reads(timedelta(seconds=20)) as reads:
            return read_access(reads, Clients(stage.session), pull, run, secrets or {}, SERVICE, image)

    return see


def role(part: Role | Missing | None) -> Role:
    assert isinstance(part, Role), part
    return part


def reference(access: Access, number: int = 0) -> SecretReference:
    found = access.secrets[number]
    assert isinstance(found, SecretReference), found
    return found


def names(calls: list[tuple[str, dict[str, Any]]]) -> list[str]:
    return [name for name, _ in calls]


def test_two_roles_take_seven_calls(read: Read, calls: list[tuple[str, dict[str, Any]]]) -> None:
    access = read()
    access_role, instance_role = role(access.access_role), role(access.instance_role)
    assert (access_role.name, access_role.trusts(BUILD_SERVICE), access_role.policies) == (
        "pull",
        "yes",
        ("arn:aws:iam::aws:policy/X",),
    )
    assert instance_role.trusted_services == (TASKS_SERVICE,)
    assert instance_role.created_at == datetime(2026, 1, 10, 9, tzinfo=UTC)
    assert access.secrets == ()
    lists = ["iam:GetRole", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"]
    assert sorted(names(calls)) == [*sorted(2 * lists), "iam:SimulatePrincipalPolicy"]
    assert set(names(calls)) < set(READS)


def test_nothing_configured_costs_nothing(read: Read, calls: list[tuple[str, dict[str, Any]]]) -> None:
    assert read(pull="", run="") == Access()
    assert not calls


def test_the_access_role_is_asked_for_the_pull_in_one_call(read: Read, calls: list[tuple[str, dict[str, Any]]]) -> None:
    results = [
        {
            "EvalActionName": "ecr:GetAuthorizationToken",
            "EvalResourceName": "*",
            "EvalDecision": "implicitDeny",
            "ResourceSpecificResults": [
                {"EvalResourceName": "*", "EvalResourceDecision": "implicitDeny"},
                {"EvalResourceName": REPOSITORY, "EvalResourceDecision": "allowed"},
            ],
        },
        {"EvalActionName": "ecr:BatchGetImage", "EvalResourceName": REPOSITORY, "EvalDecision": "allowed"},
        {"EvalActionName": "s3:GetObject", "EvalResourceName": REPOSITORY, "EvalDecision": "allowed"},
    ]
    access = read(image=REPOSITORY, iam_SimulatePrincipalPolicy=[{"response": {"EvaluationResults": results}}])
    found = role(access.access_role)
    assert found.may("ecr:GetAuthorizationToken", "*") == "no"
    assert found.may("ecr:BatchGetImage", REPOSITORY) == "yes"
    assert found.may("s3:GetObject", REPOSITORY) == "could not judge"  # it was not asked, and X may say anything
    (asked,) = [params for name, params in calls if name == "iam:SimulatePrincipalPolicy"]
    assert asked["ResourceArns"] == ["*", REPOSITORY]
    assert {"ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:DescribeImages"} < set(asked["ActionNames"])


def test_inline_policies_are_read_where_there_are_few(read: Read) -> None:
    own = document(Action="ecr:GetAuthorizationToken", Resource=REPOSITORY)
    answers: dict[str, Any] = {
        "iam_ListAttachedRolePolicies": [{"response": {"AttachedPolicies": []}}],
        "iam_ListRolePolicies": [{"response": {"PolicyNames": ["own"]}}],
        "iam_GetRolePolicy": [
            {"response": {"RoleName": "pull", "PolicyName": "own", "PolicyDocument": json.dumps(own)}}
        ],
        "iam_SimulatePrincipalPolicy": [DENIED],
    }
    found = role(read(**answers).access_role)
    assert found.may("ecr:GetAuthorizationToken", "*") == "no"
    assert isinstance(found.permissions, Missing)
    assert found.permissions.allow == "iam:SimulatePrincipalPolicy"
    denied = role(read(**answers | {"iam_GetRolePolicy": [DENIED]}).access_role)
    assert isinstance(denied.inline_policies, Missing)
    assert denied.inline_policies.allow == "iam:GetRolePolicy"
    many = role(read(**answers | {"iam_ListRolePolicies": [{"response": {"PolicyNames": list("abcdef")}}]}).access_role)
    assert isinstance(many.inline_policies, Missing)


def test_a_role_that_does_not_exist_is_evidence_and_one_that_cannot_be_read_is_missing(read: Read) -> None:
    gone = {"request": {"RoleName": "pull"}, "error": {"Code": "NoSuchEntity", "Message": "no"}}
    access = read(iam_GetRole=[gone, DENIED])
    assert role(access.access_role) == Role(arn=PULL, name="pull", exists=False)
    assert isinstance(access.instance_role, Missing)
    assert access.instance_role.allow == "iam:GetRole"


def test_another_path_is_another_role_and_another_account_is_not_read(read: Read) -> None:
    access = read(pull=PULL.replace("service-role/", ""), run=RUN.replace(ACCOUNT, "999999999999"))
    assert not role(access.access_role).exists
    assert isinstance(access.instance_role, Missing)
    assert "belongs to account 999999999999" in access.instance_role.why
    assert isinstance(read(run="no ARN").instance_role, Missing)


def test_an_answer_about_another_role_is_no_answer(read: Read) -> None:
    access = read(iam_GetRole=[{"response": a_role(RUN, TASKS_SERVICE)["response"]}])
    assert isinstance(access.access_role, Missing)
    assert role(access.instance_role).exists


def test_a_boundary_is_seen(read: Read) -> None:
    bounded = a_role(RUN, TASKS_SERVICE, PermissionsBoundary={"PermissionsBoundaryArn": "arn:aws:iam::aws:policy/B"})
    assert role(read(iam_GetRole=[bounded]).instance_role).has_boundary


def test_a_secret_and_a_parameter_that_the_role_may_read(read: Read, calls: list[tuple[str, dict[str, Any]]]) -> None:
    secrets = {"DB": f"{SECRET}:password::", "DB_USER": f"{SECRET}:user::", "TOKEN": PARAMETER, "TOKEN_2": "/app/token"}
    access = read(secrets)
    assert reference(access) == SecretReference(
        name="DB",
        source=SECRET,
        kind="secret",
        exists=True,
        in_region=True,
        is_readable="yes",
        because=f"the instance role's policies allow {GET_SECRET}",
    )
    assert [reference(access, number).kind for number in range(4)] == ["secret", "secret", "parameter", "parameter"]
    assert {reference(access, number).is_readable for number in range(4)} == {"yes"}
    assert names(calls).count("secretsmanager:DescribeSecret") == 1
    assert names(calls).count("iam:SimulatePrincipalPolicy") == 3
    assert len(calls) == 11
    (listed,) = [params for name, params in calls if name == "ssm:DescribeParameters"]
    assert listed["ParameterFilters"][0]["Values"][0] == "/app/token"
    assert role(access.instance_role).may(GET_SECRET, SECRET) == "yes"


@pytest.mark.parametrize(
    ("answers", "exists", "readable", "because"),
    [
        ({"secretsmanager_DescribeSecret": [NOT_THERE]}, False, "no", "there is no such secret"),
        (
            {
                "secretsmanager_DescribeSecret": [
                    {"response": {"ARN": SECRET, "Name": "db", "DeletedDate": "2026-01-10T09:00:00Z"}}
                ]
            },
            True,
            "no",
            "scheduled for deletion",
        ),
        ({"secretsmanager_DescribeSecret": [DENIED]}, None, "yes", "policies allow"),
        (
            {"secretsmanager_DescribeSecret": [{"response": {"ARN": f"{SECRET}-other", "Name": "db"}}]},
            True,
            "could not judge",
            "no simulation",
        ),
        ({"secretsmanager_DescribeSecret": [{"response": {"ARN": "x", "Name": "db"}}]}, None, "yes", "allow"),
        ({"iam_SimulatePrincipalPolicy": [DENIED]}, True, "could not judge", "lacks iam:SimulatePrincipalPolicy"),
        ({"iam_GetRole": [DENIED]}, True, "yes", "policies allow"),
        (
            {"iam_GetRole": [{"error": {"Code": "NoSuchEntity", "Message": "no"}}]},
            True,
            "no",
            "the instance role does not exist",
        ),
    ],
)
def test_a_secret_is_judged(answers: dict[str, Any], exists: object, readable: str, because: str, read: Read) -> None:
    found = reference(read({"DB": SECRET}, **answers))
    assert (found.exists, found.is_readable) == (exists, readable)
    assert because in found.because


def test_what_was_not_read_of_a_secret_is_said(read: Read) -> None:
    found = reference(read({"DB": SECRET}, secretsmanager_DescribeSecret=[DENIED]))
    assert [one.allow for one in found.unread] == ["secretsmanager:DescribeSecret"]
    listed = reference(read({"TOKEN": PARAMETER}, ssm_DescribeParameters=[DENIED]))
    assert [one.allow for one in listed.unread] == ["ssm:DescribeParameters"]
    assert (listed.exists, listed.is_readable) == (None, "yes")


def test_a_parameter_that_is_not_there(read: Read) -> None:
    found = reference(read({"TOKEN": PARAMETER}, ssm_DescribeParameters=[{"response": {"Parameters": []}}]))
    assert (found.exists, found.is_readable) == (False, "no")


def test_a_role_of_another_account_leaves_its_secrets_open(read: Read) -> None:
    found = reference(read({"DB": SECRET}, run=RUN.replace(ACCOUNT, "999999999999")))
    assert found.is_readable == "could not judge"
    assert "belongs to account 999999999999" in found.because


def test_secrets_without_an_instance_role_cannot_be_read(read: Read) -> None:
    assert reference(read({"DB": SECRET}, run="")).because == "no instance role is configured"


@pytest.mark.parametrize(
    ("source", "because", "in_region"),
    [
        (SECRET.replace(ACCOUNT, "999999999999"), "it belongs to account 999999999999", True),
        (SECRET.replace(REGION, "eu-west-1"), "it lies in Region eu-west-1", False),
        (PARAMETER.replace(REGION, "eu-west-1"), "it lies in Region eu-west-1", False),
        ("arn:aws:secretsmanager", "it belongs to account unknown", False),
    ],
)
def test_what_lies_elsewhere_is_not_asked_for(
    source: str, because: str, in_region: object, read: Read, calls: list[tuple[str, dict[str, Any]]]
) -> None:
    found = reference(read({"DB": source}))
    assert (found.exists, found.is_readable, found.in_region) == (None, "could not judge", in_region)
    assert because in found.because
    assert not {"secretsmanager:DescribeSecret", "ssm:DescribeParameters"} & set(names(calls))


@pytest.mark.parametrize(
    ("decision", "answer", "readable"),
    [
        ("explicitDeny", DENIED, "no"),
        ("implicitDeny", {"response": {"Name": "db"}}, "no"),
        ("implicitDeny", DENIED, "could not judge"),
        (
            "implicitDeny",
            {"response": {"ResourcePolicy": json.dumps(document(Principal={"AWS": RUN}, Action="*", Resource="*"))}},
            "yes",
        ),
    ],
)
def test_a_secrets_policy_is_read_only_where_the_roles_are_silent(
    decision: str, answer: dict[str, Any], readable: str, read: Read, calls: list[tuple[str, dict[str, Any]]]
) -> None:
    found = reference(
        read(
            {"DB": SECRET},
            iam_SimulatePrincipalPolicy=[simulation((GET_SECRET, SECRET, decision))],
            secretsmanager_GetResourcePolicy=[answer],
        )
    )
    assert found.is_readable == readable
    assert ("secretsmanager:GetResourcePolicy" in names(calls)) == (decision == "implicitDeny")


def test_a_condition_leaves_the_simulation_a_guess(read: Read, calls: list[tuple[str, dict[str, Any]]]) -> None:
    guess = simulation((GET_SECRET, SECRET, "implicitDeny"), MissingContextValues=["aws:SourceVpc"])
    assert reference(read({"DB": SECRET}, iam_SimulatePrincipalPolicy=[guess])).is_readable == "could not judge"
    assert "secretsmanager:GetResourcePolicy" not in names(calls)


@pytest.mark.parametrize("key", [KEY, KEY_ID])
@pytest.mark.parametrize(
    ("decision", "principal", "readable"),
    [
        ("allowed", {"AWS": "x"}, "yes"),
        ("implicitDeny", {"AWS": RUN}, "yes"),
        ("implicitDeny", {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "no"),
    ],
)
def test_a_customers_key_must_open_it(
    key: str, decision: str, principal: dict[str, str], readable: str, read: Read
) -> None:
    found = reference(
        read(
            {"DB": SECRET},
            secretsmanager_DescribeSecret=[{"response": {"ARN": SECRET, "Name": "db", "KmsKeyId": key}}],
            iam_SimulatePrincipalPolicy=[
                simulation((GET_SECRET, SECRET, "allowed")),
                simulation((DECRYPT, KEY, decision)),
            ],
            kms_GetKeyPolicy=[
                {"response": {"Policy": json.dumps(document(Principal=principal, Action="kms:*", Resource="*"))}}
            ],
        )
    )
    assert (found.key_id, found.is_readable) == (key, readable)
    assert (DECRYPT in found.because) == (readable == "no")


def test_keys_of_aws_and_keys_that_cannot_be_judged(read: Read) -> None:
    def parameter(**fields: str) -> SecretReference:
        listed = [{"response": {"Parameters": [{"Name": "/app/token", "Type": "SecureString", **fields}]}}]
        return reference(read({"TOKEN": PARAMETER}, ssm_DescribeParameters=listed))

    assert (parameter(KeyId="alias/aws/ssm").is_readable, parameter(KeyId="alias/aws/ssm").key_id) == ("yes", "")
    assert parameter(KeyId="alias/own").is_readable == "could not judge"
    assert parameter(KeyId=KEY.replace(ACCOUNT, "999999999999")).is_readable == "could not judge"
    assert parameter(KeyId=KEY).is_readable == "yes"


def test_a_parameter_without_a_path_is_known_by_both_forms_of_its_name(read: Read) -> None:
    arn = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/token"
    allowed = [simulation((GET_PARAMETERS, arn, "allowed"))]
    for name in ("token", "/token"):
        listed = [{"response": {"Parameters": [{"Name": name, "Type": "String"}]}}]
        answers = {"ssm_DescribeParameters": listed, "iam_SimulatePrincipalPolicy": allowed}
        assert [reference(read({"T": source}, **answers)).is_readable for source in (arn, "token")] == ["yes"] * 2


def test_no_more_than_twenty_are_looked_at(read: Read, calls: list[tuple[str, dict[str, Any]]]) -> None:
    access = read({f"S{number}": f"{SECRET[:-9]}s{number}-AbCdEf" for number in range(23)})
    assert len(access.secrets) == 21
    assert access.secrets[-1] == Missing("3 more secrets", "at most 20 are looked at")
    assert names(calls).count("secretsmanager:DescribeSecret") == 20


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[boto3.Session]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        yield boto3.Session(region_name=REGION)


def test_the_calls_as_an_emulator_takes_them(emulator: boto3.Session) -> None:
    # moto simulates no policies
    refusal = (AWSResponse("", 403, HTTPHeaders(), None), {"Error": {"Code": "AccessDenied", "Message": "no"}})
    emulator.events.register("before-call.iam.SimulatePrincipalPolicy", lambda **_: refusal)  # type: ignore[arg-type]  # the stubs know no answers
    iam = emulator.client("iam")
    run = iam.create_role(RoleName="run", Path="/app/", AssumeRolePolicyDocument=json.dumps(trust(TASKS_SERVICE)))
    own = document(Action=GET_SECRET, Resource="*")
    iam.put_role_policy(RoleName="run", PolicyName="own", PolicyDocument=json.dumps(own))
    secret = emulator.client("secretsmanager").create_secret(Name="db", SecretString="no secret")
    emulator.client("ssm").put_parameter(Name="/app/token", Value="no secret", Type="SecureString")
    secrets = {"DB": f"{secret['ARN']}:key::", "TOKEN": PARAMETER, "GONE": f"{PARAMETER}/x", "GONE_TOO": SECRET}
    with Reads(timedelta(seconds=20)) as reads:
        access = read_access(
            reads, Clients(emulator), f"arn:aws:iam::{ACCOUNT}:role/gone", run["Role"]["Arn"], secrets, SERVICE
        )
    assert not role(access.access_role).exists
    found = role(access.instance_role)
    assert (found.trusted_services, found.policies) == ((TASKS_SERVICE,), ())
    assert isinstance(found.permissions, Missing)
    assert found.may(GET_SECRET, secret["ARN"]) == "yes"
    assert [reference(access, number).exists for number in range(4)] == [True, True, False, False]
    assert reference(access, 1).key_id == ""
    assert "no secret" not in repr(access)
