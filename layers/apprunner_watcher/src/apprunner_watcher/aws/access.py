"""Here you find the service's roles and secrets: what IAM, Secrets Manager, Systems Manager and KMS say of them.

No value of a secret or parameter is ever read.
https://docs.aws.amazon.com/apprunner/latest/dg/env-variable.html
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from botocore.exceptions import ClientError

from apprunner_watcher.access import (
    Access,
    Judgement,
    Policy,
    Role,
    SecretReference,
    Simulated,
    granted,
    policy,
    secret_arn,
)
from apprunner_watcher.aws.read import error_code
from apprunner_watcher.missing import Missing

if TYPE_CHECKING:
    from apprunner_watcher.aws.clients import Clients
    from apprunner_watcher.aws.read import Reading, Reads

READS = {
    "iam:GetRole": "arn:{partition}:iam::{account}:role/*",
    "iam:ListAttachedRolePolicies": "arn:{partition}:iam::{account}:role/*",
    "iam:ListRolePolicies": "arn:{partition}:iam::{account}:role/*",
    "iam:GetRolePolicy": "arn:{partition}:iam::{account}:role/*",
    "iam:SimulatePrincipalPolicy": "arn:{partition}:iam::{account}:role/*",
    "secretsmanager:DescribeSecret": "arn:{partition}:secretsmanager:{region}:{account}:secret:*",
    "secretsmanager:GetResourcePolicy": "arn:{partition}:secretsmanager:{region}:{account}:secret:*",
    "ssm:DescribeParameters": "*",  # it is a list of all; what it says of them is no value
    "kms:GetKeyPolicy": "arn:{partition}:kms:{region}:{account}:key/*",
}
"""The IAM actions of the reads, and what they are allowed on."""

# https://docs.aws.amazon.com/apprunner/latest/dg/security_iam_service-with-iam.html: the access role's own policy
_PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer")
_SIGN_IN = "ecr:GetAuthorizationToken"  # only ever on all resources
_READ_SECRET, _READ_PARAMETER, _DECRYPT = "secretsmanager:GetSecretValue", "ssm:GetParameters", "kms:Decrypt"
_MOST_SECRETS = 20
_MOST_INLINE_POLICIES = 5
_T = TypeVar("_T")


def read_access(  # noqa: PLR0913, PLR0917  # what DescribeService says of access, part by part
    reads: "Reads",
    clients: "Clients",
    access_role_arn: str,
    instance_role_arn: str,
    secret_sources: Mapping[str, str],
    service_arn: str,
    image_repository_arn: str = "",
) -> Access:
    """The roles and secrets of a service; `secret_sources` are its RuntimeEnvironmentSecrets, variables to sources.

    Seven calls without secrets. With some: one for each secret and one for all parameters beside them, then up to three
    simulations, then, only for what those deny, the policies of secrets and keys.
    """
    home = _Home.of(service_arn)
    access_role = _RoleReader(reads, clients, home, access_role_arn)
    access_role.simulate([_SIGN_IN, *_PULL] if image_repository_arn else [_SIGN_IN], ["*", image_repository_arn])
    instance_role = _RoleReader(reads, clients, home, instance_role_arn)
    secrets = _SecretsReader(reads, clients, home, secret_sources, instance_role_arn)
    if instance_role.may_exist():
        secrets.simulate(instance_role)
    access, instance = access_role.result(), instance_role.result()
    return Access(access_role=access, instance_role=instance, secrets=secrets.result(instance))


@dataclass(frozen=True, slots=True)
class _Home:
    """Where the service is: roles and secrets of another account are not read, nor secrets of another Region."""

    partition: str
    region: str
    account: str

    @classmethod
    def of(cls, service_arn: str) -> "_Home":
        _, partition, _, region, account, *_ = service_arn.split(":")
        return cls(partition, region, account)

    def arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


class _RoleReader:
    """IAM's answers about one role."""

    def __init__(self, reads: "Reads", clients: "Clients", home: _Home, arn: str) -> None:
        """`arn`: empty where none is configured; then nothing is read."""
        self._reads, self._clients, self._arn = reads, clients, arn
        self._name = arn.rpartition("/")[2]
        self._simulations: list[Reading[tuple[Simulated, ...]]] = []
        account = arn.split(":")[4] if arn.count(":") > 4 else ""  # noqa: PLR2004  # an ARN's fifth part
        self.is_here = account == home.account
        self._account = account
        if not self.is_here:
            return
        iam, name = clients.iam, self._name
        self._described = self._begin(
            "iam:GetRole", lambda: _unless_gone(lambda: dict(iam.get_role(RoleName=name)["Role"]))
        )
        self._attached = self._begin(
            "iam:ListAttachedRolePolicies",
            lambda: tuple(
                one["PolicyArn"] for one in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
            ),
        )
        self._inline = self._begin(
            "iam:ListRolePolicies", lambda: tuple(iam.list_role_policies(RoleName=name)["PolicyNames"])
        )

    def may_exist(self) -> bool:
        """Whether IAM does not say that there is none: what a role may do can be known where GetRole is denied."""
        return self.is_here and self._found() is not None

    def simulate(self, actions: Iterable[str], resources: Iterable[str]) -> "Reading[tuple[Simulated, ...]] | None":
        """Begin to ask what its policies allow: every action on every resource, in one call."""
        if not self.is_here:
            return None
        iam, arn = self._clients.iam, self._arn
        names, arns = list(actions), list(dict.fromkeys(one for one in resources if one))
        simulation = self._begin(
            "iam:SimulatePrincipalPolicy",
            lambda: _simulated(
                _pages(
                    iam.get_paginator("simulate_principal_policy").paginate(
                        PolicySourceArn=arn, ActionNames=names, ResourceArns=arns
                    ),
                    "EvaluationResults",
                ),
                names,
                arns,
            ),
        )
        self._simulations.append(simulation)
        return simulation

    def result(self) -> Role | Missing | None:
        """The role; None where none is configured."""
        if not self._arn:
            return None
        if not self.is_here:
            return Missing(f"role {self._name}", f"belongs to account {self._account or 'unknown'}, which is not read")
        found = self._found()
        if isinstance(found, Missing):
            return found
        if found is None:
            return Role(arn=self._arn, name=self._name, exists=False)
        return Role(
            arn=self._arn,
            name=self._name,
            created_at=found.get("CreateDate"),
            trust=policy("trust policy", found.get("AssumeRolePolicyDocument", {})),
            has_boundary=bool(found.get("PermissionsBoundary")),
            policies=self._attached.result(),
            inline_policies=self._inline_policies(),
            permissions=self._permissions(),
        )

    def _begin(self, action: str, call: Callable[[], _T]) -> "Reading[_T]":
        return self._reads.begin(f"role {self._name}", action, call)

    def _found(self) -> Mapping[str, Any] | Missing | None:
        """The role; None where it does not exist: its names are unique, so another path is another ARN."""
        found = self._described.result()
        if isinstance(found, Mapping) and found.get("Arn") != self._arn:
            is_same_name = found.get("RoleName") == self._name
            return None if is_same_name else Missing(f"role {self._name}", "iam:GetRole answered about another one")
        return found

    def _inline_policies(self) -> tuple[Policy, ...] | Missing:
        names = self._inline.result()
        if isinstance(names, Missing):
            return names
        if len(names) > _MOST_INLINE_POLICIES:
            return Missing(f"inline policies of role {self._name}", f"there are more than {_MOST_INLINE_POLICIES}")
        read = [self._begin("iam:GetRolePolicy", lambda name=name: self._inline_policy(name)) for name in names]  # type: ignore[misc]  # mypy and defaults of lambdas
        policies = [one.result() for one in read]
        missing = [one for one in policies if isinstance(one, Missing)]
        return missing[0] if missing else tuple(one for one in policies if isinstance(one, Policy))

    def _inline_policy(self, name: str) -> Policy:
        answer = self._clients.iam.get_role_policy(RoleName=self._name, PolicyName=name)
        return policy(name, answer["PolicyDocument"])

    def _permissions(self) -> tuple[Simulated, ...] | Missing:
        """What was simulated; Missing where nothing could be."""
        results = [one.result() for one in self._simulations]
        missing = [one for one in results if isinstance(one, Missing)]
        read = tuple(one for result in results if not isinstance(result, Missing) for one in result)
        return missing[0] if missing and not read else read


@dataclass(frozen=True, slots=True)
class _Source:
    """A secret or parameter that variables ask for; `arn` is what policies call it, `name` a parameter's name."""

    text: str
    kind: Literal["secret", "parameter"]
    arn: str
    region: str
    account: str

    @classmethod
    def of(cls, text: str, home: _Home) -> "_Source":
        if text.startswith("arn:"):
            _, _, service, region, account, *_ = [*text.split(":"), *[""] * 5]
            if service == "secretsmanager":
                arn = secret_arn(text)
                return cls(arn, "secret", arn, region, account)
            return cls(text, "parameter", text, region, account)
        arn = home.arn("ssm", f"parameter/{text.removeprefix('/')}")
        return cls(text, "parameter", arn, home.region, home.account)

    @property
    def names(self) -> tuple[str, ...]:
        """A parameter's name: the ARN does not say whether a name without a path began with a slash."""
        name = self.arn.partition(":parameter/")[2]
        return (f"/{name}",) if "/" in name else (name, f"/{name}")

    def elsewhere(self, home: _Home) -> str:
        """Why it is not read; empty where it is."""
        if self.account != home.account:
            return f"it belongs to account {self.account or 'unknown'}; only {home.account} is read"
        return f"it lies in Region {self.region}; only {home.region} is read" if self.region != home.region else ""


@dataclass(frozen=True, slots=True)
class _Found:
    """What AWS says of a secret or parameter; `exists` is None where it could not be told."""

    exists: bool | None
    arn: str
    key: str = ""  # as AWS names it: an id, an ARN or an alias
    is_deleted: bool = False
    unread: tuple[Missing, ...] = ()


class _SecretsReader:
    """The answers about all secrets and parameters of a service."""

    def __init__(
        self, reads: "Reads", clients: "Clients", home: _Home, sources: Mapping[str, str], role_arn: str
    ) -> None:
        """`sources`: variables to what App Runner was given; `role_arn`: the instance role's."""
        self._reads, self._clients, self._home, self._role_arn = reads, clients, home, role_arn
        self._sources = {name: _Source.of(text, home) for name, text in sources.items()}
        self._looked_at = list(dict.fromkeys(self._sources.values()))[:_MOST_SECRETS]
        here = [one for one in self._looked_at if not one.elsewhere(home)]
        self._secrets = {one: self._describe(one) for one in here if one.kind == "secret"}
        self._parameters = [one for one in here if one.kind == "parameter"]
        self._listed = self._list_parameters() if self._parameters else None
        self._simulations: dict[str, Reading[tuple[Simulated, ...]] | None] = {}
        self._policies: dict[tuple[str, str], Reading[Policy]] = {}

    def simulate(self, role: _RoleReader) -> None:
        """Begin to ask what the role may do with them, in at most three calls."""
        found = {source: self._found(source) for source in (*self._secrets, *self._parameters)}
        asked = {
            _READ_SECRET: [found[one].arn for one in self._secrets if _has_suffix(found[one].arn)],
            _READ_PARAMETER: [found[one].arn for one in self._parameters],
            _DECRYPT: [arn for one in found.values() if (arn := self._key_arn(one.key))],
        }
        for action, arns in asked.items():
            if arns:
                self._simulations[action] = role.simulate([action], arns)

    def result(self, role: Role | Missing | None) -> tuple[SecretReference | Missing, ...]:
        """One for each variable; what is beyond the bound is Missing."""
        if self._simulations:
            self._begin_policies()
        looked_at = [name for name, source in self._sources.items() if source in self._looked_at]
        left = len(self._sources) - len(looked_at)
        more = (Missing(f"{left} more secrets", f"at most {_MOST_SECRETS} are looked at"),) if left else ()
        return (*(self._reference(name, self._sources[name], role) for name in looked_at), *more)

    def _describe(self, source: _Source) -> "Reading[Mapping[str, Any] | None]":
        secrets = self._clients.secretsmanager
        return self._reads.begin(
            f"secret {_short(source)}",
            "secretsmanager:DescribeSecret",
            lambda: _unless_gone(lambda: dict(secrets.describe_secret(SecretId=source.arn))),
        )

    def _list_parameters(self) -> "Reading[list[Mapping[str, Any]]]":
        ssm = self._clients.ssm
        names = [name for one in self._parameters for name in one.names]
        return self._reads.begin(
            "parameters",
            "ssm:DescribeParameters",
            lambda: _pages(
                ssm.get_paginator("describe_parameters").paginate(
                    ParameterFilters=[{"Key": "Name", "Option": "Equals", "Values": names}],
                    PaginationConfig={"PageSize": 50},
                ),
                "Parameters",
            ),
        )

    def _found(self, source: _Source) -> _Found:
        return self._found_secret(source) if source.kind == "secret" else self._found_parameter(source)

    def _found_secret(self, source: _Source) -> _Found:
        secret = self._secrets[source].result()
        if isinstance(secret, Missing):
            return _Found(exists=None, arn=source.arn, unread=(secret,))
        if secret is None:
            return _Found(exists=False, arn=source.arn)
        arn = secret.get("ARN", "")
        if arn != source.arn and not arn.startswith(f"{source.arn}-"):
            other = Missing(f"secret {_short(source)}", "secretsmanager:DescribeSecret answered about another one")
            return _Found(exists=None, arn=source.arn, unread=(other,))
        return _Found(exists=True, arn=arn, key=secret.get("KmsKeyId", ""), is_deleted="DeletedDate" in secret)

    def _found_parameter(self, source: _Source) -> _Found:
        listed = self._listed.result() if self._listed else []
        if isinstance(listed, Missing):
            return _Found(exists=None, arn=source.arn, unread=(listed,))
        parameter = next((one for one in listed if one.get("Name") in source.names), None)
        key = parameter.get("KeyId", "") if parameter and parameter.get("Type") == "SecureString" else ""
        return _Found(exists=parameter is not None, arn=source.arn, key=key)

    def _key_arn(self, key: str) -> str:
        """The ARN of a customer's key; empty for AWS's own, which its service may use, and for an alias."""
        if ":key/" in key:
            return key
        return self._home.arn("kms", f"key/{key}") if re.fullmatch(r"[0-9a-f-]{36}|mrk-[0-9a-f]{32}", key) else ""

    def _asked(self, action: str, arn: str) -> Simulated | Missing:
        simulation = self._simulations.get(action)
        results = simulation.result() if simulation else ()
        if isinstance(results, Missing):
            return results
        found = next((one for one in results if (one.action, one.resource) == (action, arn)), None)
        return found or Missing(arn, f"no simulation of {action} says anything of it")

    def _begin_policies(self) -> None:
        """Read the policies of secrets and keys where the role's own allow nothing: those may."""
        for source in self._secrets:
            arn = self._found(source).arn
            if _is_silent(self._asked(_READ_SECRET, arn)):
                self._policies[_READ_SECRET, arn] = self._secret_policy(arn)
        keys = {self._key_arn(self._found(one).key) for one in (*self._secrets, *self._parameters)} - {""}
        for key in keys:
            if _is_silent(self._asked(_DECRYPT, key)):
                self._policies[_DECRYPT, key] = self._key_policy(key)

    def _secret_policy(self, arn: str) -> "Reading[Policy]":
        secrets = self._clients.secretsmanager
        what = "the secret's policy"
        return self._reads.begin(
            what,
            "secretsmanager:GetResourcePolicy",
            lambda: policy(what, secrets.get_resource_policy(SecretId=arn).get("ResourcePolicy") or {"Statement": []}),
        )

    def _key_policy(self, arn: str) -> "Reading[Policy]":
        kms = self._clients.kms
        what = "the key's policy"
        return self._reads.begin(
            what,
            "kms:GetKeyPolicy",
            lambda: policy(what, kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"]),
        )

    def _reference(self, name: str, source: _Source, role: Role | Missing | None) -> SecretReference:
        elsewhere = source.elsewhere(self._home)
        found = _Found(exists=None, arn=source.arn) if elsewhere else self._found(source)
        unread: tuple[Judgement, str] = ("could not judge", elsewhere)
        is_readable, because = unread if elsewhere else self._judge(source, found, role)
        return SecretReference(
            name=name,
            source=source.text,
            kind=source.kind,
            exists=found.exists,
            in_region=source.region == self._home.region,
            is_readable=is_readable,
            because=because,
            key_id="" if found.key.startswith("alias/aws/") else found.key,
            unread=(*found.unread, *self._unread_policies(found)),
        )

    def _unread_policies(self, found: _Found) -> Iterable[Missing]:
        asked = ((_READ_SECRET, found.arn), (_DECRYPT, self._key_arn(found.key)))
        policies = [self._policies[one].result() for one in asked if one in self._policies]
        return (one for one in policies if isinstance(one, Missing))

    def _judge(self, source: _Source, found: _Found, role: Role | Missing | None) -> tuple[Judgement, str]:
        if found.exists is False:
            return "no", f"there is no such {source.kind} in this account and Region"
        if found.is_deleted:
            return "no", "it is scheduled for deletion"
        if role is None:
            return "no", "no instance role is configured"
        if isinstance(role, Missing) and not self._simulations:
            return "could not judge", f"{role.what}: {role.why}"
        if isinstance(role, Role) and not role.exists:
            return "no", "the instance role does not exist"
        action = _READ_SECRET if source.kind == "secret" else _READ_PARAMETER
        return self._worse(self._granted(action, found.arn), self._may_decrypt(found.key))

    def _granted(self, action: str, arn: str) -> tuple[Judgement, str]:
        reading = self._policies.get((action, arn))
        # a parameter has no policy that could allow it to a role of the same account
        of_resource = reading.result() if reading else Policy("its policy", ())
        return granted(self._asked(action, arn), of_resource, self._role_arn)

    def _may_decrypt(self, key: str) -> tuple[Judgement, str]:
        if not key or key.startswith("alias/aws/"):
            return "yes", ""
        arn = self._key_arn(key)
        if not arn or arn.split(":")[3:5] != [self._home.region, self._home.account]:
            return "could not judge", "its key is not one of this account and Region, or is named by an alias"
        return self._granted(_DECRYPT, arn)

    @staticmethod
    def _worse(first: tuple[Judgement, str], second: tuple[Judgement, str]) -> tuple[Judgement, str]:
        order: tuple[Judgement, ...] = ("no", "could not judge", "yes")
        return min(first, second, key=lambda one: order.index(one[0]))


def _is_silent(asked: Simulated | Missing) -> bool:
    return isinstance(asked, Simulated) and asked.decision == "implicitDeny" and not asked.needs_context


def _has_suffix(arn: str) -> bool:
    """Whether it is a secret's whole ARN: policies fit the six characters at its end too."""
    return re.search(r"-[A-Za-z0-9]{6}$", arn) is not None


def _short(source: _Source) -> str:
    return source.arn.rpartition(":")[2]


def _unless_gone(call: Callable[[], _T]) -> _T | None:
    """What a call answers; None where AWS says that there is no such thing."""
    try:
        return call()
    except ClientError as error:
        if error_code(error) in {"NoSuchEntity", "NoSuchEntityException", "ResourceNotFoundException"}:
            return None
        raise


def _pages(pages: Iterable[Any], key: str) -> list[Any]:
    """What stands on all pages of a list."""
    return [one for page in pages for one in page.get(key, [])]


def _simulated(results: Iterable[Mapping[str, Any]], actions: list[str], resources: list[str]) -> tuple[Simulated, ...]:
    """The decisions about what was asked: IAM gives them for an action, or for each of its resources."""
    flat = [
        Simulated(
            action=result.get("EvalActionName", ""),
            resource=one.get("EvalResourceName", "*"),
            decision=one.get("EvalResourceDecision") or one.get("EvalDecision", ""),
            needs_context=bool(one.get("MissingContextValues")),
        )
        for result in results
        for one in (result.get("ResourceSpecificResults") or [result])
    ]
    return tuple(one for one in flat if one.action in actions and one.resource in resources)
