"""The front door speaks AWS's protocols to real boto3 clients."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from apprunner_watcher.recording import Recording
from local.player import CONTROL, FrontDoor
from tests.local.conftest import CONTENT, LOG_GROUP, POLICY, SERVICE

Client = Callable[[str], Any]


def error_of(call: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call()
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_json_with_times(client: Client) -> None:
    operation = client("apprunner").list_operations(ServiceArn=SERVICE)["OperationSummaryList"][0]
    assert operation["EndedAt"] == datetime(2026, 1, 2, 3, 3, 34, 500_000, UTC)
    assert client("ecr").describe_images(repositoryName="shop")["imageDetails"][0]["imageTags"] == ["latest"]


def test_log_events(client: Client) -> None:
    events = client("logs").get_log_events(logGroupName=LOG_GROUP, logStreamName="events")["events"]
    assert [one["message"] for one in events] == ["[AppRunner] Health check failed."]
    assert events[0]["timestamp"] == int(datetime(2026, 1, 2, 3, tzinfo=UTC).timestamp() * 1000)


def test_log_group_that_is_not_listed_does_not_exist(client: Client) -> None:
    code, _ = error_of(lambda: client("logs").describe_log_streams(logGroupName="/aws/apprunner/other/0/service"))
    assert code == "ResourceNotFoundException"


def test_ec2(client: Client) -> None:
    assert client("ec2").describe_subnets(SubnetIds=["subnet-1"])["Subnets"] == [
        {"SubnetId": "subnet-1", "VpcId": "vpc-1"}
    ]


def test_query_matches_parameters(client: Client) -> None:
    rds = client("rds")
    found = rds.describe_db_instances(DBInstanceIdentifier="shop")["DBInstances"][0]
    assert found["InstanceCreateTime"] == datetime(2026, 1, 1, tzinfo=UTC)
    assert error_of(rds.describe_db_instances) == ("DBInstanceNotFound", "no such database")


def test_policy_documents_arrive_decoded(client: Client) -> None:
    document = client("iam").get_role_policy(RoleName="shop", PolicyName="reads")["PolicyDocument"]
    assert document == POLICY


def test_rest(client: Client) -> None:
    assert client("efs").describe_file_systems()["Marker"] == "end"


def test_cbor(client: Client) -> None:
    query = {
        "MetricDataQueries": [],
        "StartTime": datetime(2026, 1, 1, tzinfo=UTC),
        "EndTime": datetime(2026, 1, 2, tzinfo=UTC),
    }
    series = client("cloudwatch").get_metric_data(**query)["MetricDataResults"][0]
    assert series["Timestamps"] == [datetime(2026, 1, 2, 3, tzinfo=UTC)]
    assert series["Values"] == [12.5]


def test_recorded_errors_are_the_services_own(client: Client) -> None:
    assert error_of(client("ec2").describe_vpcs) == ("InvalidVpcID.NotFound", "no <vpc>")


@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        ("apprunner", "list_services", {}),  # JSON
        ("rds", "describe_db_clusters", {}),  # query
        ("ec2", "describe_route_tables", {}),  # ec2
        ("efs", "describe_access_points", {}),  # REST JSON
        ("route53", "list_hosted_zones", {}),  # REST XML
        ("cloudwatch", "describe_alarms", {}),  # CBOR
        ("dynamodb", "list_tables", {}),  # the stack's own, where there is no stack
    ],
)
def test_what_was_not_recorded_says_so_at_once(client: Client, service: str, operation: str, parameters: Any) -> None:
    ask = getattr(client(service), operation)  # building EC2's client takes a while
    began = time.monotonic()
    code, message = error_of(lambda: ask(**parameters))
    assert code == "NotRecorded"
    assert f"{service}:" in message
    assert time.monotonic() - began < 1, "the client must not try again"


def test_answer_that_the_service_could_not_give_is_refused(client: Client) -> None:
    code, message = error_of(
        lambda: client("acm").describe_certificate(CertificateArn="arn:aws:acm:us-east-1:1:certificate/x")
    )
    assert (code, "NoSuchField" in message) == ("BrokenRecording", True)


def test_everything_is_not_recorded_without_a_recording(door: FrontDoor, client: Client) -> None:
    door.play(None)
    assert error_of(lambda: client("apprunner").list_operations(ServiceArn=SERVICE))[0] == "NotRecorded"


def test_shifted_recording_moves_answers_and_logs(door: FrontDoor, client: Client, recording: Recording) -> None:
    now = recording.recorded_at + timedelta(days=300)
    door.play(recording.shifted(now))
    operation = client("apprunner").list_operations(ServiceArn=SERVICE)["OperationSummaryList"][0]
    assert operation["EndedAt"] == now - timedelta(seconds=30.5)
    line = client("logs").get_log_events(logGroupName=LOG_GROUP, logStreamName="events")["events"][0]
    assert line["timestamp"] == int((now - timedelta(minutes=4, seconds=5)).timestamp() * 1000)


BLOB = "sha256:f0f7e0f1f1b802ab5aad19153e0e336247f9f18e259940cba9a2a4b66f93306f"


@pytest.mark.parametrize("emulator", [None, ("127.0.0.1", 9)])  # nobody listens there
def test_the_url_of_a_blob_is_one_of_this_door(recording: Recording, emulator: tuple[str, int] | None) -> None:
    with FrontDoor(emulator) as door:
        door.permissions = None
        door.play(replace(recording, blobs={BLOB: {"os": "linux"}}))
        ecr: Any = boto3.client(
            "ecr",
            endpoint_url=door.address,
            region_name="us-east-1",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
        )
        url = ecr.get_download_url_for_layer(repositoryName="shop", layerDigest=BLOB)["downloadUrl"]
        assert url == f"{door.address}/_local/blobs/{BLOB}"
        with urllib.request.urlopen(url, timeout=5) as answer:
            assert json.loads(answer.read()) == {"os": "linux"}
        door.play(recording)
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(url, timeout=5)


def put_control(door: FrontDoor, **wanted: object) -> int:
    request = urllib.request.Request(door.address + CONTROL, json.dumps(wanted).encode(), method="PUT")
    with urllib.request.urlopen(request, timeout=5) as answer:
        return int(answer.status)


def test_another_recording_can_be_loaded_at_run_time(door: FrontDoor, client: Client, tmp_path: Path) -> None:
    file = tmp_path / "later.json"
    file.write_text(json.dumps(CONTENT), encoding="utf-8")
    now = datetime(2027, 1, 1, tzinfo=UTC)
    assert put_control(door, path=str(file), now=now.isoformat(), at_start=True) == 204
    operation = client("apprunner").list_operations(ServiceArn=SERVICE)["OperationSummaryList"][0]
    assert operation["Status"] == "IN_PROGRESS"
    assert put_control(door, path=str(file), now=now.isoformat(), at_start=False) == 204
    operation = client("apprunner").list_operations(ServiceArn=SERVICE)["OperationSummaryList"][0]
    assert operation["EndedAt"] == now - timedelta(seconds=30.5)


def test_calls_are_noted(door: FrontDoor, client: Client) -> None:
    client("ec2").describe_subnets()
    error_of(client("rds").describe_db_clusters)
    assert list(door.calls) == ["ec2:DescribeSubnets", "rds:DescribeDBClusters"]


def test_an_answer_takes_as_long_as_was_asked_for(recording: Recording) -> None:
    """Each of them on its own: what is asked side by side comes side by side."""
    with FrontDoor(delay=0.2) as slow, ThreadPoolExecutor(4) as at_once:
        slow.play(recording)
        ec2: Any = boto3.Session("key", "secret", region_name="us-east-1").client("ec2", endpoint_url=slow.address)
        ec2.describe_subnets()  # the first one reads the model of EC2
        began = time.monotonic()
        list(at_once.map(lambda _: ec2.describe_subnets(), range(4)))
        assert 0.2 <= time.monotonic() - began < 0.6
