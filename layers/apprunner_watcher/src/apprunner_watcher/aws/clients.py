"""Here you find the boto3 clients: built once, when they are first needed, and handed in as an argument."""

import threading
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import boto3
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import HTTPClientError
from botocore.httpsession import URLLib3Session

if TYPE_CHECKING:
    from mypy_boto3_apprunner import AppRunnerClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_elasticache import ElastiCacheClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient

# Seconds. A read that takes longer is reported as not seen; the message must not wait for it.
_CONNECT_TIMEOUT, _READ_TIMEOUT = 2, 5
_CONFIG = Config(
    connect_timeout=_CONNECT_TIMEOUT,
    read_timeout=_READ_TIMEOUT,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=24,
)
# Metrics are a help and no proof: nobody waits for them.
_METRICS_CONFIG = Config(connect_timeout=0.2, read_timeout=0.2, retries={"mode": "standard", "total_max_attempts": 1})


class Clients:
    """boto3 clients of one session, each built when it is first asked for, by whichever thread asks."""

    def __init__(
        self, session: boto3.Session | None = None, download: Callable[[str, int], bytes] | None = None
    ) -> None:
        """Without a session: the environment's credentials and Region. `download`: another one than HTTP's."""
        self.session = session or boto3.Session()
        self.download = download or download_over_http
        self._built: dict[str, Any] = {}
        self._building = threading.Lock()  # a session builds one client at a time

    def _client(self, service: str, config: Config = _CONFIG) -> Any:
        if service not in self._built:
            with self._building:
                if service not in self._built:
                    self._built[service] = self.session.client(service, config=config)  # type: ignore[call-overload]  # by name
        return self._built[service]

    @property
    def apprunner(self) -> "AppRunnerClient":
        """App Runner."""
        client: AppRunnerClient = self._client("apprunner")
        return client

    @property
    def logs(self) -> "CloudWatchLogsClient":
        """CloudWatch Logs."""
        client: CloudWatchLogsClient = self._client("logs")
        return client

    @property
    def ec2(self) -> "EC2Client":
        """EC2: its model is large, and building this client costs a fifth of a second."""
        client: EC2Client = self._client("ec2")
        return client

    @property
    def rds(self) -> "RDSClient":
        """RDS."""
        client: RDSClient = self._client("rds")
        return client

    @property
    def elasticache(self) -> "ElastiCacheClient":
        """ElastiCache."""
        client: ElastiCacheClient = self._client("elasticache")
        return client

    @property
    def ecr(self) -> "ECRClient":
        """ECR."""
        client: ECRClient = self._client("ecr")
        return client

    @property
    def iam(self) -> "IAMClient":
        """IAM."""
        client: IAMClient = self._client("iam")
        return client

    @property
    def secretsmanager(self) -> "SecretsManagerClient":
        """Secrets Manager."""
        client: SecretsManagerClient = self._client("secretsmanager")
        return client

    @property
    def ssm(self) -> "SSMClient":
        """Systems Manager's Parameter Store."""
        client: SSMClient = self._client("ssm")
        return client

    @property
    def kms(self) -> "KMSClient":
        """KMS."""
        client: KMSClient = self._client("kms")
        return client

    @property
    def cloudwatch(self) -> "CloudWatchClient":
        """CloudWatch."""
        client: CloudWatchClient = self._client("cloudwatch", _METRICS_CONFIG)
        return client

    @property
    def dynamodb(self) -> "DynamoDBClient":
        """DynamoDB."""
        client: DynamoDBClient = self._client("dynamodb")
        return client

    @property
    def sns(self) -> "SNSClient":
        """SNS."""
        client: SNSClient = self._client("sns")
        return client

    @property
    def sqs(self) -> "SQSClient":
        """SQS."""
        client: SQSClient = self._client("sqs")
        return client


def download_over_http(url: str, most: int) -> bytes:
    """GET a URL that AWS gave, no more than `most` bytes of it. Raises botocore's errors."""
    request = AWSRequest("GET", url, stream_output=True).prepare()
    response = URLLib3Session(timeout=_READ_TIMEOUT).send(request)
    if response.status_code != HTTPStatus.OK:
        raise HTTPClientError(error=f"status {response.status_code}")
    content: bytes = response.raw.read(most)
    return content
