"""Here you find how SDKs say that they have no credentials, and what a denied call to AWS is about."""

import re
from collections.abc import Iterable

NO_CREDENTIALS = (
    # boto3 and the AWS CLI, boto
    r"Unable to locate credentials|\bNoAuthHandlerFound\b|\bNoCredentialsError\b(?!\()"
    # applications and tools in words of their own
    r"|(?i:(?:unable|failed|could not|cannot|can't) (?:to )?(?:find|get|load|locate|resolve|obtain|retrieve) "
    r"(?:any |the )?AWS credentials)"
    r"|(?i:\bno AWS credentials (?:found|available|provided|were))"
    r"|Failed to retrieve credentials from EC2 Instance Metadata"
    # JavaScript v2 and v3
    r"|Could not load credentials from any providers|Missing credentials in config\b|\bCredentialsProviderError:"
    r"|\bCredential is missing\b|EC2 Metadata roleName request returned error"
    r"|container metadata service cannot be used unless the AWS_CONTAINER_CREDENTIALS"
    # Go v1 and v2, and Terraform
    r"|NoCredentialProviders: no valid providers in chain|no EC2 IMDS role found|failed to refresh cached credentials"
    r"|\bEC2RoleRequestError: no EC2 instance role found|\bCredentialsEndpointError:"
    r"|no valid (?:AWS )?credential sources"
    # Java v1 and v2, Kotlin, Hadoop
    r"|Unable to load (?:AWS )?credentials from any (?:of the )?providers?"
    r"|Unable to load credentials from (?:service endpoint|system settings)"
    r"|No credentials could be loaded from the chain|\bNoAuthWithAWSException\b"
    # .NET
    r"|Unable to get IAM security credentials from EC2 Instance Metadata Service|Failed to resolve AWS credentials"
    r"|AmazonClientException: Unable to find credentials"
    # PHP
    r"|Error retrieving credentials from the instance profile metadata (?:service|server)"
    r"|Cannot read credentials from \S{0,80}/\.aws/credentials"
    # Ruby
    r"|\bMissingCredentialsError\b|unable to sign request without credentials set"
    # Rust, and the object_store of Polars, Delta Lake and DataFusion
    r"|no providers in chain provided credentials|\bCredentialsNotLoaded\b"
    r"|Generic S3 error: [^\n]{0,120}169\.254\.169\.254/"
    # Elixir, Swift
    r"|tried to access the AWS EC2 instance meta, but it could not be reached|\bNo credential provider found\b"
)
"""What an SDK says when none of the places where it looks for credentials has any."""

_OF_KEY = re.compile(
    r"Access to KMS is not allowed|ciphertext refers to a (?:customer master|KMS) key"
    r"|not authorized to perform:? ?[`'\"]?kms:Decrypt"
    r"|can't decrypt the protected secret|\bDecryptionFailure\b|\bKMSInvalidState|:kms:[^\n]{1,120} is (?:disabled|pending deletion)",
    re.IGNORECASE,
)
_KEY_OF_SECRET = re.compile(r"Access to KMS is not allowed|ciphertext refers to a (?:customer master|KMS) key")
# what else is encrypted with a key; kms:Decrypt is asked for by the service that holds it
_OF_OTHERS = re.compile(
    r"\b(?:Get|Put|Head|Copy|List)Objects?\b|\bS3\b|s3\.|\b(?:SQS|SNS|DynamoDB|Kinesis|Lambda|EBS|EFS)\b"
    r"|\b(?:Receive|Send)Message\b|calling the Decrypt operation"
)
_OF_SECRETS = re.compile(
    r"secrets? ?manager|GetSecretValue|\bssm\b|GetParameters?(?:ByPath)?\b|\bsecrets?\b", re.IGNORECASE
)
# the words of ECS, which App Runner's instances run on
_STARTING = re.compile(
    r"ResourceInitializationError|unable to pull secrets|unable to retrieve secrets? from (?:asm|ssm)"
    r"|failed to fetch secret arn:"
)


def is_by_key(said: str) -> bool:
    """Whether a key refuses, and not that of data in S3, SQS and the like."""
    return bool(_OF_KEY.search(said)) and (names_secret(said) or not _OF_OTHERS.search(said))


def names_secret(said: str) -> bool:
    """Whether it says itself that it is about a secret or parameter, or in the words that only those have."""
    return bool(_OF_SECRETS.search(said)) or bool(_KEY_OF_SECRET.search(said))


def is_of_reference(said: str, sources: Iterable[str]) -> bool:
    """Whether it is about a secret or parameter that App Runner itself was to read: one of `sources`, or as it says."""
    if _STARTING.search(said):
        return True
    return any(_name(source) in said for source in sources)


def _name(source: str) -> str:
    """A secret's ARN without JSON key and version; a parameter's ARN, or its name as an ARN ends with it."""
    return ":".join(source.split(":")[:7]) if source.startswith("arn:") else f":parameter/{source.removeprefix('/')}"
