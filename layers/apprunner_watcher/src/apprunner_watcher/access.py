"""Here you find what the service may do: its two roles, the secrets that it asks for, and what policies say of both.

Judgements know three answers: a condition, or a policy that was not read, is neither a yes nor a no.
https://docs.aws.amazon.com/apprunner/latest/dg/security_iam_service-with-iam.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any, Literal
from urllib.parse import unquote

from apprunner_watcher.missing import Missing

BUILD_SERVICE = "build.apprunner.amazonaws.com"
"""Who assumes the access role, to pull the image."""
TASKS_SERVICE = "tasks.apprunner.amazonaws.com"
"""Who assumes the instance role, for the secrets and for the application itself."""

# IAM is eventually consistent: most of AWS knows a new role within seconds, some of it later
# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html
_HEARD_OF_WITHIN = timedelta(minutes=2)

Judgement = Literal["yes", "no", "could not judge"]
Word = Literal["allow", "deny", "silent", "could not judge"]
"""What a policy says of one principal, action and resource; `silent` denies where no other policy allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A statement of a policy. Principals are pairs of kind (AWS, Service, *) and value, none where it has none."""

    allows: bool
    principals: tuple[tuple[str, str], ...] = ()
    actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    is_plain: bool = True  # False with a Condition, NotPrincipal, NotAction, NotResource or a policy variable


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy document; `statements` is None where it was not understood."""

    name: str
    statements: tuple[Statement, ...] | None


@dataclass(frozen=True, slots=True)
class Simulated:
    """What IAM's policy simulator says of the role's own policies, its boundary and the organization's.

    `decision` is allowed, explicitDeny or implicitDeny. It knows no policy of a resource.
    https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
    """

    action: str
    resource: str
    decision: str
    needs_context: bool = False  # a condition asks for what only a real request has: then the decision is a guess

    @property
    def judgement(self) -> Judgement:
        """Whether it is allowed."""
        if self.needs_context:
            return "could not judge"
        return "yes" if self.decision == "allowed" else "no"


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role. Where it does not exist, everything but its name is empty.

    `policies` are the ARNs of the managed policies that are attached, `permissions` what was simulated.
    """

    arn: str
    name: str
    exists: bool = True
    created_at: datetime | None = None
    trust: Policy = Policy("trust policy", ())
    has_boundary: bool = False
    policies: tuple[str, ...] | Missing = ()
    inline_policies: tuple[Policy, ...] | Missing = ()
    permissions: tuple[Simulated, ...] | Missing = ()

    @property
    def trusted_services(self) -> tuple[str, ...]:
        """The services that may assume it without a condition, as far as its trust policy names them."""
        statements = self.trust.statements or ()
        named = [value for one in statements for kind, value in one.principals if kind == "Service"]
        return tuple(service for service in dict.fromkeys(named) if self.trusts(service) == "yes")

    def is_new_at(self, moment: datetime) -> bool:
        """Whether it was made so shortly before that parts of AWS may not have heard of it."""
        return self.created_at is not None and timedelta(0) <= moment - self.created_at <= _HEARD_OF_WITHIN

    def trusts(self, service: str) -> Judgement:
        """Whether that service (tasks.apprunner.amazonaws.com) may assume it."""
        if not self.exists:
            return "no"
        return _judgement(said(self.trust, [("Service", service)], "sts:AssumeRole"))

    def may(self, action: str, resource: str) -> Judgement:
        """Whether its own policies allow an action on a resource: as simulated, else as its inline policies read.

        The resource's policy may say otherwise: `no` counts only for actions and resources that have none.
        """
        if not self.exists:
            return "no"
        simulated = () if isinstance(self.permissions, Missing) else self.permissions
        for one in simulated:
            if (one.action, one.resource) == (action, resource):
                return one.judgement
        return self._reads(action, resource)

    def _reads(self, action: str, resource: str) -> Judgement:
        if isinstance(self.inline_policies, Missing):
            return "could not judge"
        words = {said(policy, (), action, resource) for policy in self.inline_policies}
        if "deny" in words:
            return "no"
        # a managed policy may allow it, or deny it, and so may a boundary
        if "could not judge" in words or self.policies:
            return "could not judge"
        if "allow" in words:
            return "could not judge" if self.has_boundary else "yes"
        return "no"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretReference:
    """A secret of Secrets Manager, or a parameter of Systems Manager, that the service asks for. Its value is not read.

    `source` is the secret's ARN without a JSON key, or the parameter's ARN or name. `key_id` is the customer's KMS key
    as AWS names it, empty for AWS's own. `exists` is None where that could not be told.
    """

    name: str  # the environment variable's
    source: str
    kind: Literal["secret", "parameter"]
    exists: bool | None
    in_region: bool
    is_readable: Judgement
    because: str
    key_id: str = ""
    unread: tuple[Missing, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The roles and secrets of a service; a role is None where none is configured."""

    access_role: Role | Missing | None = None
    instance_role: Role | Missing | None = None
    secrets: tuple[SecretReference | Missing, ...] = ()


def policy(name: str, document: object) -> Policy:
    """A policy of a document as AWS answers it: decoded, as JSON, or as URL-encoded JSON."""
    try:
        decoded = _decoded(document)
        statements = decoded["Statement"]
        listed = [statements] if isinstance(statements, Mapping) else list(statements)
        return Policy(name, tuple(_statement(one) for one in listed))
    except (ValueError, TypeError, KeyError, RecursionError):
        return Policy(name, None)


def said(policy: Policy, principals: Iterable[tuple[str, str]], action: str, resource: str = "*") -> Word:
    """What a policy says of a request; `principals` are the forms of who asks, none for a role's own policy.

    A deny counts before an allow, and one that depends on a condition makes it impossible to judge.
    """
    if policy.statements is None:
        return "could not judge"
    who = (*principals, ("*", "*"))
    about = [one for one in policy.statements if _is_about(one, who, action, resource)]
    if any(one.is_plain and not one.allows for one in about):
        return "deny"
    if any(not one.is_plain and not one.allows for one in about):
        return "could not judge"
    if any(one.is_plain for one in about):
        return "allow"
    return "could not judge" if about else "silent"


def granted(asked: Simulated | Missing, of_resource: Policy | Missing, role_arn: str) -> tuple[Judgement, str]:
    """Whether a role may do to a resource of its own account what was simulated, and why one can say so.

    What the role's policies do not allow, the resource's policy may; a deny that somebody wrote counts at once.
    """
    if isinstance(asked, Missing):
        return "could not judge", asked.why
    if asked.needs_context:
        return "could not judge", f"whether {asked.action} is allowed depends on a condition"
    if asked.decision == "allowed":
        return "yes", f"the instance role's policies allow {asked.action}"
    if asked.decision == "explicitDeny":
        return "no", f"a policy denies {asked.action}"
    return _granted_by(of_resource, asked, role_arn)


def _granted_by(of_resource: Policy | Missing, asked: Simulated, role_arn: str) -> tuple[Judgement, str]:
    """Whether a resource's policy allows what the role's own do not."""
    if isinstance(of_resource, Missing):
        return "could not judge", f"the instance role's policies do not allow {asked.action}; {of_resource.what} may"
    match said(of_resource, [("AWS", role_arn), ("AWS", "*")], asked.action, asked.resource):
        case "allow":
            return "yes", f"{of_resource.name} allows {asked.action}"
        case "could not judge":
            return "could not judge", f"whether {of_resource.name} allows {asked.action} depends on a condition"
        case _:
            return "no", f"no policy allows {asked.action}"


def secret_arn(source: str) -> str:
    """A secret's ARN without the JSON key, version stage and version that App Runner lets one add.

    https://docs.aws.amazon.com/apprunner/latest/dg/env-variable.html
    """
    return ":".join(source.split(":")[:7])


def _judgement(word: Word) -> Judgement:
    match word:
        case "allow":
            return "yes"
        case "could not judge":
            return "could not judge"
        case _:
            return "no"


def _decoded(document: object) -> Mapping[str, Any]:
    if isinstance(document, str):
        text = document if document.lstrip().startswith("{") else unquote(document)
        document = json.loads(text)
    if not isinstance(document, Mapping):
        raise TypeError
    return document


_KNOWN = frozenset({"Sid", "Effect", "Principal", "Action", "Resource"})


def _statement(document: Mapping[str, Any]) -> Statement:
    effect = document["Effect"]
    if effect not in {"Allow", "Deny"}:
        raise ValueError
    actions, resources = _texts(document.get("Action", "*")), _texts(document.get("Resource", "*"))
    return Statement(
        allows=effect == "Allow",
        principals=_principals(document.get("Principal", "*")),
        actions=actions,
        resources=tuple(re.sub(r"\$\{[^}]*\}", "*", one) for one in resources),
        is_plain=document.keys() <= _KNOWN and not any("${" in one for one in resources),
    )


def _principals(value: object) -> tuple[tuple[str, str], ...]:
    if value == "*":
        return (("*", "*"),)
    if not isinstance(value, Mapping):
        raise TypeError
    return tuple((str(kind), one) for kind, inner in value.items() for one in _texts(inner))


def _texts(value: object) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise TypeError
    return tuple(listed)


def _is_about(statement: Statement, who: Iterable[tuple[str, str]], action: str, resource: str) -> bool:
    """Whether a statement speaks of the request."""
    return (
        any(one in statement.principals for one in who)
        and any(_fits(pattern.lower(), action.lower()) for pattern in statement.actions)
        and any(_fits(pattern, resource) for pattern in statement.resources)
    )


def _fits(pattern: str, text: str) -> bool:
    """IAM's wildcards are * and ?; brackets mean nothing to it."""
    return fnmatchcase(text, pattern.replace("[", "[[]"))
