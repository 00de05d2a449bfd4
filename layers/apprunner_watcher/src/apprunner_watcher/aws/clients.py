"""Here you find the boto3 clients: built once, when they are first needed, and handed in as an argument."""

from functools import cached_property
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_apprunner import AppRunnerClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

# Seconds. A read that takes longer is reported as not seen; the message must not wait for it.
_CONFIG = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=16,
)


class Clients:
    """boto3 clients of one session. Building one is not thread-safe: gather builds before it reads side by side."""

    def __init__(self, session: boto3.Session | None = None) -> None:
        """Without a session: the environment's credentials and Region."""
        self.session = session or boto3.Session()

    @cached_property
    def apprunner(self) -> "AppRunnerClient":
        """App Runner."""
        return self.session.client("apprunner", config=_CONFIG)

    @cached_property
    def logs(self) -> "CloudWatchLogsClient":
        """CloudWatch Logs."""
        return self.session.client("logs", config=_CONFIG)

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        """DynamoDB."""
        return self.session.client("dynamodb", config=_CONFIG)

    @cached_property
    def sns(self) -> "SNSClient":
        """SNS."""
        return self.session.client("sns", config=_CONFIG)

    @cached_property
    def sqs(self) -> "SQSClient":
        """SQS."""
        return self.session.client("sqs", config=_CONFIG)
