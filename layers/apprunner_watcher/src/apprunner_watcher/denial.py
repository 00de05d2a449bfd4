"""Here you find what a denied call to AWS is about: a secret that the service refers to, the key of one, or neither."""

import re
from collections.abc import Iterable

_OF_KEY = re.compile(
    r"Access to KMS is not allowed|ciphertext refers to a (?:customer master|KMS) key"
    r"|not authorized to perform:? kms:Decrypt",
    re.IGNORECASE,
)
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


def is_by_key(said: str, *, refers_to_secrets: bool) -> bool:
    """Whether the key of a secret or parameter refuses; what does not say whose key it is, is about what there is."""
    found = _OF_KEY.search(said)
    if not found:
        return False
    if _OF_SECRETS.search(said):
        return True
    if _OF_OTHERS.search(said):
        return False
    return refers_to_secrets or "kms:" not in found[0].lower()


def is_of_reference(said: str, sources: Iterable[str]) -> bool:
    """Whether it is about a secret or parameter that App Runner itself was to read: one of `sources`, or as it says."""
    if _STARTING.search(said):
        return True
    return any(_name(source) in said for source in sources)


def _name(source: str) -> str:
    """A secret's ARN without JSON key and version; a parameter's ARN, or its name as an ARN ends with it."""
    return ":".join(source.split(":")[:7]) if source.startswith("arn:") else f":parameter/{source.removeprefix('/')}"
