"""An event goes in at one end of the deployed stack, and the explanation comes out at the other."""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from apprunner_watcher.aws.replay import replay
from apprunner_watcher.decision import decide
from apprunner_watcher.diagnosis import diagnose
from apprunner_watcher.recording import load
from apprunner_watcher.redaction import Fingerprints
from apprunner_watcher.report import report
from local.stack import Stack, until
from tests.conftest import ROOT
from tests.e2e.conftest import Play, Role
from tests.everything import CAUSE, SECRETS, VARIABLES

pytestmark = pytest.mark.e2e

CONFIDENCES = ["possible", "likely", "certain"]
# Permissions that can be taken away together: none of them keeps the watcher from trying another one.
READS = [
    ["apprunner:DescribeService"],
    [
        "apprunner:ListOperations",
        "apprunner:ListTagsForResource",
        "apprunner:DescribeCustomDomains",
        "apprunner:DescribeAutoScalingConfiguration",
        "apprunner:DescribeObservabilityConfiguration",
        "apprunner:DescribeVpcConnector",
        "rds:DescribeDBInstances",
        "rds:DescribeDBClusters",
        "rds:DescribeDBProxies",
        "rds:DescribeDBProxyEndpoints",
        "elasticache:DescribeCacheClusters",
        "elasticache:DescribeServerlessCaches",
        "iam:GetRole",
        "secretsmanager:DescribeSecret",
        "ssm:DescribeParameters",
        "ecr:DescribeImages",
        "logs:DescribeLogStreams",
    ],
    [
        "rds:DescribeDBParameters",
        "rds:DescribeDBSubnetGroups",
        "elasticache:DescribeReplicationGroups",
        "ec2:DescribeRouteTables",
        "ec2:DescribeNatGateways",
        "ec2:DescribeInternetGateways",
        "ec2:DescribeVpcEndpoints",
        "ec2:DescribeVpcAttribute",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeNetworkAcls",
        "iam:ListAttachedRolePolicies",
        "iam:ListRolePolicies",
        "iam:SimulatePrincipalPolicy",
        "ecr:BatchGetImage",
        "logs:GetLogEvents",
        "cloudwatch:ListMetrics",
    ],
    [
        "ec2:DescribeSubnets",
        "iam:GetRolePolicy",
        "secretsmanager:GetResourcePolicy",
        "kms:GetKeyPolicy",
        "ecr:GetDownloadUrlForLayer",
        "elasticache:DescribeCacheSubnetGroups",
        "cloudwatch:GetMetricData",
    ],
    ["ec2:DescribeVpcPeeringConnections", "ec2:DescribePrefixLists", "ec2:GetManagedPrefixListEntries"],
]
OF_METRICS = {"cloudwatch:ListMetrics", "cloudwatch:GetMetricData"}


def service_of(path: Path) -> str:
    return str(load(path).event["resources"][0])


def records(stack: Stack, path: Path, kind: str) -> list[dict[str, Any]]:
    return [one for one in stack.records(service_of(path)) if one["sk"].startswith(f"{kind}#")]


def in_memory(path: Path) -> dict[str, Any]:
    """What the command line says about the same recording."""
    snapshot = replay(load(path))
    return dict(report(snapshot, diagnose(snapshot), decide()).data)


@pytest.mark.parametrize(
    "name",
    ["seed-steno-prod-backend-failed", "seed-nerava-debug-image", "seed-nerava-v32", "seed-nerava-v32-rollback"],
)
def test_incident_is_explained_as_expected_and_as_the_command_line_does(stack: Stack, copy: Play, name: str) -> None:
    path = copy(name)
    expect = load(path).expect
    assert expect

    played = stack.play(path)

    assert played.outcome["outcome"] == "told"
    [incident] = records(stack, path, "incident")
    first = incident["report"]["causes"][0]
    assert first["code"] in expect.causes
    assert CONFIDENCES.index(first["confidence"]) <= CONFIDENCES.index(expect.at_most or "certain")
    assert not {one["code"] for one in incident["report"]["causes"] if one["confidence"] != "possible"} & {
        *expect.never
    }
    quoted = "\n".join(evidence["saw"] for evidence in first["evidence"])
    assert all(evidence in quoted for evidence in expect.evidence)
    assert played.message
    assert played.message.subject == incident["subject"]
    assert played.message.text == incident["text"]
    said = in_memory(path)
    for part in ("verdict", "serving", "severity", "decision"):
        assert incident["report"][part] == said[part]
    for part, keys in {
        "causes": ("code", "confidence"),
        "not_seen": ("what", "allow"),
        "not_judged": ("rule",),
        "checks": ("what", "result"),
        "changes": ("what",),
    }.items():
        assert names(incident["report"][part], *keys) == names(said[part], *keys)


def names(entries: list[dict[str, Any]], *keys: str) -> list[tuple[Any, ...]]:
    return [tuple(entry[key] for key in keys) for entry in entries]


def nothing_measured(content: dict[str, Any]) -> None:
    """Only then somebody must know which metrics there are."""
    content["aws"]["cloudwatch:GetMetricData"] = [{"response": {"MetricDataResults": []}}]


@pytest.mark.parametrize("actions", READS, ids=lambda actions: actions[0])
def test_permission_that_is_missing_is_named(
    stack: Stack, whole: Callable[..., Path], role: Role, actions: list[str]
) -> None:
    path = whole(nothing_measured)
    with role.without(*actions):
        played = stack.play(path)

    assert played.outcome["outcome"] == "told"
    assert played.message
    [incident] = records(stack, path, "incident")
    allow = {one["allow"] for one in incident["report"]["not_seen"] if one["allow"]}
    assert allow - OF_METRICS == {*actions} - OF_METRICS
    assert allow <= {*actions}  # nobody waits for metrics: they may come too late to be refused
    assert all(f"Allow {action} to" in played.message.text for action in allow)


@pytest.mark.parametrize("action", sorted(OF_METRICS))
def test_permission_for_metrics_is_named_when_the_refusal_is_quick(
    stack: Stack, whole: Callable[..., Path], role: Role, action: str
) -> None:
    def named() -> bool | None:
        path = whole(nothing_measured)
        stack.play(path)
        [incident] = records(stack, path, "incident")
        return action in {one["allow"] for one in incident["report"]["not_seen"]} or None

    with role.without(action):
        assert until(named, f"word of {action}")


def test_every_read_of_the_role_is_tried_above(role: Role) -> None:
    tried = [action for actions in READS for action in actions]
    assert role.actions("reads") == {*tried}
    assert len(tried) == len({*tried})


def test_nothing_is_missing_with_the_role_as_shipped(stack: Stack, whole: Callable[..., Path]) -> None:
    path = whole()
    played = stack.play(path)
    assert played.outcome["cause"] == CAUSE
    [incident] = records(stack, path, "incident")
    assert {one["what"] for one in incident["report"]["not_seen"]} <= {
        "metrics",  # nobody waits for those
        "who began the operation",  # no trail
    }
    assert {one["result"] for one in incident["report"]["checks"]} == {"ok"}


def test_fingerprints_are_made_with_the_stacks_key_and_no_value_is_kept(
    stack: Stack, whole: Callable[..., Path]
) -> None:
    path = whole()
    stack.play(path)
    [attempt] = records(stack, path, "attempt")
    secret = stack.client("secretsmanager").get_secret_value(SecretId=stack.variables["FINGERPRINT_KEY_ARN"])
    fingerprints = Fingerprints(secret["SecretString"].encode())
    noted = {one["name"]: one["fingerprint"] for one in attempt["attempt"]["configuration"]["variables"]}
    assert noted == {name: fingerprints.of(value) for name, value in VARIABLES.items()}
    assert not [one for one in SECRETS if one in str(stack.records(service_of(path)))]


def test_operation_that_starts_is_noted_and_nobody_is_told(stack: Stack, copy: Play) -> None:
    path = copy("seed-nerava-backend-in-progress")
    played = stack.play(path)
    assert played.outcome["outcome"] == "noted"
    assert played.message is None
    assert len(records(stack, path, "attempt")) == 1
    assert not records(stack, path, "incident")


def test_success_is_noted_and_nobody_is_told(stack: Stack, copy: Play) -> None:
    path = copy("seed-tara-after-fix")
    played = stack.play(path)
    assert played.outcome["outcome"] == "noted"
    assert played.message is None
    [attempt] = records(stack, path, "attempt")
    assert attempt["stage"] == "succeeded"


def test_event_that_comes_twice_is_told_once(stack: Stack, copy: Play) -> None:
    path = copy("seed-steno-prod-backend-failed")
    recording = load(path).shifted(now := datetime.now(UTC))
    stack.show(path, now)

    assert stack.deliver(recording.event)["outcome"] == "told"
    assert stack.deliver(recording.event)["outcome"] == "already-told"  # the same news in another event
    event = {**recording.event, "id": "11111111-2222-4333-8444-555555555555"}
    assert stack.invoke(event)["outcome"] == "already-told"
    assert stack.invoke(event)["outcome"] == "already-told"  # the very same event, as EventBridge may deliver it

    assert len(records(stack, path, "incident")) == 1
    assert len(stack.messages()) == 1


def called(path: Path, **detail: Any) -> dict[str, Any]:
    """A call to App Runner's API about the recorded service, as CloudTrail tells it now."""
    event: dict[str, Any] = json.loads((ROOT / "events" / "update-service-refused.json").read_text(encoding="utf-8"))
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    event["detail"] |= {"eventTime": now, "requestParameters": {"serviceArn": service_of(path)}, **detail}
    return {**event, "id": str(uuid.uuid4()), "time": now}


def test_refused_call_is_told_once(stack: Stack, copy: Play) -> None:
    path = copy("seed-steno-prod-backend-failed")
    stack.show(path, datetime.now(UTC))
    assert [stack.deliver(called(path))["outcome"] for _ in range(2)] == ["told", "already-told"]
    [incident] = records(stack, path, "incident")
    assert incident["report"]["verdict"] == "rejected"
    assert "UpdateService was refused" in incident["text"]


def test_accepted_call_names_who_began_what_then_failed(stack: Stack, copy: Play) -> None:
    path = copy("seed-steno-prod-backend-failed")
    [operation, *_] = load(path).aws["apprunner:ListOperations"][0].response["OperationSummaryList"]  # type: ignore[index]  # it is recorded
    accepted = {"errorCode": None, "errorMessage": None, "responseElements": {"operationId": operation["Id"]}}
    assert stack.deliver(called(path, eventName="StartDeployment", **accepted))["outcome"] == "noted"
    assert stack.play(path).outcome["outcome"] == "told"
    [incident] = records(stack, path, "incident")
    assert incident["report"]["operation"]["called_by"]["arn"].endswith(":assumed-role/pipeline/deploy")


def test_failure_before_its_start_is_told_once_and_stays(stack: Stack, copy: Play) -> None:
    path = copy("seed-steno-prod-backend-failed")
    recording = load(path).shifted(now := datetime.now(UTC))
    start = recording.at_start()
    assert start
    stack.show(path, now)

    assert stack.deliver(recording.event)["outcome"] == "told"
    [incident] = records(stack, path, "incident")
    stack.deliver(start.event)

    assert records(stack, path, "incident") == [incident]
    assert len(stack.messages()) == 1


def test_event_out_of_the_failure_queue_is_told_once(stack: Stack, copy: Play, role: Role) -> None:
    path = copy("seed-steno-prod-backend-failed")
    recording = load(path).shifted(now := datetime.now(UTC))
    stack.show(path, now)
    with role.without("dynamodb:PutItem"):
        event_id = stack.send(recording.event)
        [failure] = until(lambda: stack.take("FailureQueueUrl"), "event in the failure queue")
    assert not stack.messages()
    assert failure["requestPayload"]["id"] == event_id
    assert failure["requestContext"]["approximateInvokeCount"] == 3
    assert failure["responsePayload"]["errorType"] == "ClientError"

    assert stack.invoke(failure["requestPayload"])["outcome"] == "told"
    assert stack.invoke(failure["requestPayload"])["outcome"] == "already-told"

    assert len(records(stack, path, "incident")) == 1
    assert len(stack.messages()) == 1


def test_event_that_is_not_understood_lies_in_the_failure_queue_after_one_attempt(stack: Stack, copy: Play) -> None:
    event = load(copy("seed-steno-prod-backend-failed")).shifted(datetime.now(UTC)).event
    event_id = stack.send({**event, "detail": {"operationStatus": "ServiceTeleported"}})
    [failed] = until(lambda: stack.take("FailureQueueUrl"), "event in the failure queue")
    assert failed["id"] == event_id
    assert failed["detail"] == {"operationStatus": "ServiceTeleported"}
    assert not stack.messages()


def test_rule_leaves_other_events_alone(stack: Stack, copy: Play) -> None:
    event = load(copy("seed-steno-prod-backend-failed")).event
    assert stack.listens_to(event)
    assert stack.listens_to({**event, "detail-type": "AppRunner Custom Domain Validation Status Update"})
    assert not stack.listens_to({**event, "detail-type": "AWS API Call via CloudTrail"})
    assert not stack.listens_to({**event, "source": "com.example"})


def test_what_is_stored_expires(stack: Stack, copy: Play) -> None:
    path = copy("seed-nerava-v32")
    stack.play(path)
    assert all(one["expires_at"] > datetime.now(UTC).timestamp() for one in stack.records(service_of(path)))


def test_burst_loses_nothing(stack: Stack, copy: Play) -> None:
    paths = [copy("seed-steno-prod-backend-failed") for _ in range(30)]
    now = datetime.now(UTC)
    stack.show(paths[0], now)
    for path in paths:
        stack.send(load(path).shifted(now).event)

    incidents = until(lambda: _all_told(stack, paths), "incident for each of them")

    assert len(incidents) == len(paths)
    assert len(stack.messages()) == len(paths)


def _all_told(stack: Stack, paths: list[Path]) -> list[dict[str, Any]] | None:
    incidents = [one for path in paths for one in records(stack, path, "incident") if "told_at" in one]
    return incidents if len(incidents) >= len(paths) else None
