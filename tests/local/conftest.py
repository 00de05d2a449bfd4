"""A recording of one service, made up for these tests: one answer of every kind that the player has to write."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from apprunner_watcher.recording import Recording, load
from local.player import FrontDoor

SERVICE = "arn:aws:apprunner:us-east-1:111122223333:service/shop/0123456789abcdef0123456789abcdef"
LOG_GROUP = "/aws/apprunner/shop/0123456789abcdef0123456789abcdef/service"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::100%/*"}],
}
CONTENT: dict[str, Any] = {
    "format": 1,
    "id": "shop",
    "recorded_at": "2026-01-02T03:04:05Z",
    "event": {
        "version": "0",
        "id": "0a0a0a0a-0000-4000-8000-000000000000",
        "detail-type": "AppRunner Service Operation Status Change",
        "source": "aws.apprunner",
        "account": "111122223333",
        "time": "2026-01-02T03:03:35Z",
        "region": "us-east-1",
        "resources": [SERVICE],
        "detail": {"operationStatus": "DeploymentFailed", "serviceName": "shop"},
    },
    "aws": {
        "apprunner:ListOperations": [
            {
                "request": {"ServiceArn": SERVICE},
                "response": {
                    "OperationSummaryList": [
                        {
                            "Id": "11111111-2222-4333-8444-555555555555",
                            "Type": "START_DEPLOYMENT",
                            "Status": "FAILED",
                            "StartedAt": "2026-01-02T02:44:05Z",
                            "EndedAt": "2026-01-02T03:03:34.500Z",
                        }
                    ]
                },
            }
        ],
        "apprunner:DescribeService": [
            {
                "request": {"ServiceArn": SERVICE},
                "response": {
                    "Service": {
                        "ServiceName": "shop",
                        "ServiceArn": SERVICE,
                        "Status": "RUNNING",
                        "InstanceConfiguration": {"Cpu": "1024"},
                    }
                },
            }
        ],
        "ec2:DescribeSubnets": [{"request": {}, "response": {"Subnets": [{"SubnetId": "subnet-1", "VpcId": "vpc-1"}]}}],
        "ec2:DescribeVpcs": [{"error": {"Code": "InvalidVpcID.NotFound", "Message": "no <vpc>"}}],
        "rds:DescribeDBInstances": [
            {
                "request": {"DBInstanceIdentifier": "shop"},
                "response": {
                    "DBInstances": [{"DBInstanceIdentifier": "shop", "InstanceCreateTime": "2026-01-01T00:00:00Z"}]
                },
            },
            {"error": {"Code": "DBInstanceNotFound", "Message": "no such database"}},
        ],
        "iam:GetRolePolicy": [
            {"response": {"RoleName": "shop", "PolicyName": "reads", "PolicyDocument": json.dumps(POLICY)}}
        ],
        "ecr:DescribeImages": [
            {"response": {"imageDetails": [{"imageTags": ["latest"], "imagePushedAt": "2026-01-02T02:00:00Z"}]}}
        ],
        "efs:DescribeFileSystems": [{"response": {"FileSystems": [], "Marker": "end"}}],
        "cloudwatch:GetMetricData": [
            {
                "response": {
                    "MetricDataResults": [{"Id": "cpu", "Timestamps": ["2026-01-02T03:00:00Z"], "Values": [12.5]}]
                }
            }
        ],
        "acm:DescribeCertificate": [{"response": {"Certificate": {"NoSuchField": "x"}}}],
    },
    "logs": {
        LOG_GROUP: {"events": [["2026-01-02T03:00:00Z", "[AppRunner] Health check failed."]]},
    },
}


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    file = tmp_path / "shop.json"
    file.write_text(json.dumps(CONTENT), encoding="utf-8")
    return load(file)


@pytest.fixture
def door(recording: Recording) -> Iterator[FrontDoor]:
    with FrontDoor() as door:
        door.play(recording)
        yield door


@pytest.fixture
def client(door: FrontDoor) -> Callable[[str], Any]:
    session: Any = boto3.Session("key", "secret", region_name="us-east-1")
    return lambda service: session.client(service, endpoint_url=door.address)
