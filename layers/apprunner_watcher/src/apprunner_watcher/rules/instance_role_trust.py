"""The instance role does not trust tasks.apprunner.amazonaws.com, so that App Runner cannot assume it."""

from apprunner_watcher.access import TASKS_SERVICE, Access, Role
from apprunner_watcher.knowledge.denial import NO_CREDENTIALS
from apprunner_watcher.rule import (
    CONFIGURATION,
    Confidence,
    Evidence,
    Finding,
    Matches,
    Occasion,
    Phase,
    Rule,
    Step,
    refused,
    weight,
)
from apprunner_watcher.service import Configuration
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find App Runner unable to assume the role, or an application without credentials whose role it cannot assume."""
    return _of_call(snapshot) if snapshot.is_call else _of_deployment(snapshot, matches)


def _of_call(snapshot: Snapshot) -> Finding | None:
    call, role = snapshot.call, _role(snapshot)
    if not (refused(snapshot, _NOT_ASSUMED) or _names_instance_role(snapshot)) or (role and not role.exists):
        return None
    trusts = role.trusts(TASKS_SERVICE) if role else "could not judge"
    if trusts == "no":
        confidence = Confidence.CERTAIN
    elif role and role.is_new_at(call.time):
        return None
    else:
        confidence = Confidence.LIKELY if trusts == "could not judge" else Confidence.POSSIBLE
    return Finding(confidence, (Evidence.call(call), *_trust(role)), _values(role))


def _names_instance_role(snapshot: Snapshot) -> bool:
    configuration = snapshot.parts.configuration
    kept = configuration.instance_role_arn if isinstance(configuration, Configuration) else ""
    arn = snapshot.call.requested.instance_role_arn or kept
    return bool(arn) and arn in snapshot.call.error_message and bool(refused(snapshot, _ASSUMING))


def _of_deployment(snapshot: Snapshot, matches: Matches) -> Finding | None:
    role = _role(snapshot)
    is_distrusted = bool(role and role.exists and role.trusts(TASKS_SERVICE) == "no")
    access_role = snapshot.configuration.access_role_arn
    said = [match for match in matches.service("not assumed") if not access_role or access_role not in match.line.text]
    if said:
        if role and role.exists and role.is_new_at(snapshot.operation.started_at) and not is_distrusted:
            return None
        return Finding(Confidence.CERTAIN, (Evidence.of(said[0].line), *_trust(role)), _values(role))
    if not is_distrusted:
        return None
    confidence = weight(snapshot)
    if (found := matches.application("no credentials")) and confidence:
        return Finding(confidence, (Evidence.of(found[0].line), *_trust(role)), _values(role))
    log = snapshot.service_log
    ran = snapshot.application_log.failing or log.refused or log.exit
    if snapshot.configuration.secrets and not ran:
        return Finding(Confidence.LIKELY, _trust(role), _values(role))
    return None


def _role(snapshot: Snapshot) -> Role | None:
    access = snapshot.parts.access
    role = access.instance_role if isinstance(access, Access) else None
    return role if isinstance(role, Role) else None


def _trust(role: Role | None) -> tuple[Evidence, ...]:
    if not role:
        return ()
    if not role.exists:
        return (Evidence(CONFIGURATION, f"InstanceRoleArn: {role.arn} (does not exist)"),)
    trusted = ", ".join(role.trusted_services) or "no service without a condition"
    return (Evidence(CONFIGURATION, f"InstanceRoleArn: {role.arn}, which trusts {trusted}"),)


def _values(role: Role | None) -> dict[str, str]:
    return {"role": role.name} if role else {}


_NOT_ASSUMED = (
    r"(?i:(?:failed|unable|could not|cannot|can't) (?:to )?assume (?:the )?instance[ -]role)"
    r"|(?i:error (?:in|while|when) assuming (?:the )?instance[ -]role)"
    r"|Invalid Instance Role"
)
_ASSUMING = r"(?i:assum(?:e|ing)\b)|AssumeRole"

RULE = Rule(
    id="instance-role-trust",
    code="instance-role-trust",
    title="App Runner cannot assume the instance role",
    phase=Phase.PERMISSIONS,
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.CALL}),
    looks_at=frozenset({"application_log", "configuration", "operations", "service_log"}),
    why=(
        "The instance role must trust tasks.apprunner.amazonaws.com. A role made for another service (Lambda, ECS, EC2,"
        " or App Runner's build.apprunner.amazonaws.com, which is for the access role) cannot be assumed."
    ),
    fix=(
        Step(
            "See whom the role trusts.",
            "aws iam get-role --role-name {role} --query Role.AssumeRolePolicyDocument",
        ),
        Step(
            "Allow sts:AssumeRole to the service tasks.apprunner.amazonaws.com in the trust policy, beside what stands"
            " there, and deploy again.",
        ),
    ),
    false_alarms=(
        "A role that was made seconds before fails with the same words: that is iam-propagation. An application that"
        " may not assume a second role by itself is instance-role-permission."
    ),
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/security_iam_service-with-iam.html",
    rollback="does-not-help",
    check=check,
    service_patterns={
        "not assumed": (
            _NOT_ASSUMED
            # the words of ECS, which App Runner's instances run on
            + r"|unable to assume the role\b[^\n]{0,200}provided for this task|ECS was unable to assume"
            r"|not authorized to perform:? sts:AssumeRole on (?:the )?resource"
        ),
    },
    application_patterns={"no credentials": NO_CREDENTIALS},
)
