"""Here you find who may read what: the deployed function's own role, asked of the emulator's IAM before every answer.

The emulator enforces roles only for the calls that it answers itself. Without this a read that the template's role
forgets would still succeed locally, and fail in the first real account.
"""

import hashlib
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import boto3
from botocore.config import Config

from local.protocol import Call
from local.settings import ACCESS_KEY, REGION, SECRET_KEY

Decision = Literal["allowed", "explicitDeny", "implicitDeny"]

_IAM_PREFIXES: Final = {"elbv2": "elasticloadbalancing", "efs": "elasticfilesystem", "service-quotas": "servicequotas"}
_ARN: Final = re.compile(r"(arn:[\w-]+:[\w-]+):([\w-]*):(\d*|aws):(.+)")
# The resource that IAM is asked for where the caller does not give its ARN: by what it names, else all of its kind, as
# AWS evaluates lists. What is not here AWS scopes to nothing narrower than all.
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
_NAMED_RESOURCES: Final = {
    "ec2:GetManagedPrefixListEntries": ("PrefixListId", "arn:aws:ec2:{region}:{account}:prefix-list/{name}"),
    "elasticache:DescribeCacheClusters": (
        "CacheClusterId",
        "arn:aws:elasticache:{region}:{account}:cluster:{name}",
    ),
    "elasticache:DescribeCacheSubnetGroups": (
        "CacheSubnetGroupName",
        "arn:aws:elasticache:{region}:{account}:subnetgroup:{name}",
    ),
    "elasticache:DescribeReplicationGroups": (
        "ReplicationGroupId",
        "arn:aws:elasticache:{region}:{account}:replicationgroup:{name}",
    ),
    "elasticache:DescribeServerlessCaches": (
        "ServerlessCacheName",
        "arn:aws:elasticache:{region}:{account}:serverlesscache:{name}",
    ),
    "rds:DescribeDBClusters": ("DBClusterIdentifier", "arn:aws:rds:{region}:{account}:cluster:{name}"),
    "rds:DescribeDBInstances": ("DBInstanceIdentifier", "arn:aws:rds:{region}:{account}:db:{name}"),
    "rds:DescribeDBParameters": ("DBParameterGroupName", "arn:aws:rds:{region}:{account}:pg:{name}"),
    "rds:DescribeDBProxies": ("DBProxyName", "arn:aws:rds:{region}:{account}:db-proxy:{name}"),
    "rds:DescribeDBProxyEndpoints": (
        "DBProxyEndpointName",
        "arn:aws:rds:{region}:{account}:db-proxy-endpoint:{name}",
    ),
    "rds:DescribeDBSubnetGroups": ("DBSubnetGroupName", "arn:aws:rds:{region}:{account}:subgrp:{name}"),
}
_OF_A_SERVICE: Final = {
    "ecr": ("repositoryName", "arn:aws:ecr:{region}:{account}:repository/{name}"),
    "iam": ("RoleName", "arn:aws:iam::{account}:role/{name}"),
    "kms": ("KeyId", "arn:aws:kms:{region}:{account}:key/{name}"),
    "secretsmanager": ("SecretId", "arn:aws:secretsmanager:{region}:{account}:secret:{name}"),
}


class UnknownCallerError(PermissionError):
    """A temporary key that belongs to no deployed function."""


@dataclass(frozen=True, slots=True)
class Function:
    """A deployed function as the caller of other services."""

    name: str
    account: str
    role: str

    @property
    def principal(self) -> str:
        """The ARN that AWS names in its refusals."""
        return f"arn:aws:sts::{self.account}:assumed-role/{self.role.rpartition('/')[2]}/{self.name}"


class Permissions:
    """What the roles of the deployed functions allow, as the emulator's IAM evaluates them now.

    Nothing is remembered but which key is whose: a changed policy is felt by the next call.
    """

    def __init__(self, emulator: str) -> None:
        """Ask the emulator at this address."""
        options: dict[str, Any] = {
            "endpoint_url": emulator,
            "region_name": REGION,
            "aws_access_key_id": ACCESS_KEY,
            "aws_secret_access_key": SECRET_KEY,
            "config": Config(max_pool_connections=32),
        }
        self._iam = boto3.client("iam", **options)
        self._lambda = boto3.client("lambda", **options)
        self._functions: dict[str, Function] = {}
        self._lock = threading.Lock()

    def caller(self, access_key: str) -> Function | None:
        """Find the function that holds this key; None where a person calls. Raises `UnknownCallerError`."""
        if not access_key.startswith("ASIA"):
            return None
        with self._lock:
            if access_key not in self._functions:
                self._functions = dict(_keys(self._lambda.list_functions()["Functions"]))
            if access_key not in self._functions:
                msg = "The security token included in the request is invalid."
                raise UnknownCallerError(msg)
            return self._functions[access_key]

    def refusal(self, function: Function, call: Call) -> str | None:
        """Say in AWS's words why the function may not make this call; None where it may."""
        action = f"{_IAM_PREFIXES.get(call.service, call.service)}:{call.operation}"
        resource = resource_of(call, function.account)
        results = self._iam.simulate_principal_policy(
            PolicySourceArn=function.role, ActionNames=[action], ResourceArns=[resource]
        )["EvaluationResults"]
        decision: Decision = results[0]["EvalDecision"]
        return None if decision == "allowed" else _words(function, action, resource, decision)


def resource_of(call: Call, account: str) -> str:
    """Name the resource that IAM is asked for: AWS's own ARN where the action knows one, else `*`.

    A recording comes from another account than the local stack, while a real stack lies in the account and Region of
    the services that it watches. So account and Region are those of the stack.
    """
    region = call.signed.region
    if call.service == "logs":
        group, stream = _log_names(call.parameters)
        return f"arn:aws:logs:{region}:{account}:log-group:{group}:log-stream:{stream}"
    for value in call.parameters.values():
        if isinstance(value, str) and (arn := _ARN.fullmatch(value)):
            return f"{arn[1]}:{arn[2] and region}:{account if arn[3].isdigit() else arn[3]}:{arn[4]}"
    if named := _NAMED_RESOURCES.get(str(call)):
        parameter, arn_format = named
        return arn_format.format(region=region, account=account, name=call.parameters.get(parameter) or "*")
    parameter, arn_format = _OF_A_SERVICE.get(call.service, ("", ""))
    name = call.parameters.get(parameter)
    return arn_format.format(region=region, account=account, name=name) if name else "*"


def _log_names(parameters: Mapping[str, Any]) -> tuple[str, str]:
    group = parameters.get("logGroupName") or parameters.get("logGroupIdentifier", "")
    return group.rpartition("log-group:")[2], parameters.get("logStreamName", "")


def _keys(functions: list[Any]) -> list[tuple[str, Function]]:
    """Work out which key ministack gives to which function (`ministack.core.lambda_runtime.execution_credentials`)."""
    keys = []
    for one in functions:
        digest = hashlib.sha256(f"{one['FunctionArn']}:{one['Role']}".encode()).hexdigest()
        account = one["FunctionArn"].split(":")[4]
        keys.append((f"ASIA{digest[:16].upper()}", Function(one["FunctionName"], account, one["Role"])))
    return keys


def _words(function: Function, action: str, resource: str, decision: Decision) -> str:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html."""
    why = (
        "with an explicit deny in an identity-based policy"
        if decision == "explicitDeny"
        else f"because no identity-based policy allows the {action} action"
    )
    on = "" if resource == "*" else f" on resource: {resource}"
    return f"User: {function.principal} is not authorized to perform: {action}{on} {why}"
