"""A call was refused because App Runner cannot assume the access role that it names."""

from apprunner_watcher.access import BUILD_SERVICE, Role
from apprunner_watcher.missing import Missing
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Occasion, Phase, Rule, Step, refused
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, _: Matches) -> Finding | None:
    """Find the access role refused, unless it is right and only too new."""
    call = snapshot.call
    if not (refused(snapshot, _REFUSED) or _names_access_role(snapshot)) or call.requested.connection_arn:
        return None
    role = snapshot.access.access_role
    evidence, values = [Evidence.call(call)], {"role": call.requested.access_role_arn.rpartition("/")[2]}
    if role is None and ":role/" not in call.error_message:
        return Finding(Confidence.CERTAIN, (*evidence, Evidence.setting("AccessRoleArn", "none")), {"none": "yes"})
    if role is None or isinstance(role, Missing):
        return Finding(Confidence.LIKELY, tuple(evidence), _filled(values))
    confidence = _judged(role)
    if role.is_new_at(call.time) and confidence is not Confidence.CERTAIN:
        return None
    evidence.append(Evidence(f"role {role.name}", _shown(role)))
    return Finding(confidence, tuple(evidence), _filled(values | {"role": role.name}))


def _judged(role: Role) -> Confidence:
    if role.trusts(BUILD_SERVICE) == "no" or role.may("ecr:GetAuthorizationToken", "*") == "no":
        return Confidence.CERTAIN
    return Confidence.LIKELY if role.trusts(BUILD_SERVICE) == "could not judge" else Confidence.POSSIBLE


def _shown(role: Role) -> str:
    if not role.exists:
        return "does not exist"
    if role.trusts(BUILD_SERVICE) == "no":
        return f"trusts {', '.join(role.trusted_services) or 'no service'}, and not {BUILD_SERVICE}"
    return f"trusts {', '.join(role.trusted_services) or 'whom its policy names, under conditions'}"


def _filled(values: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


def _names_access_role(snapshot: Snapshot) -> bool:
    """Whether the role that could not be assumed, or was denied something, is the access role."""
    role, message = snapshot.call.requested.access_role_arn, snapshot.call.error_message
    if not role:
        return False
    is_named = role in message or f":assumed-role/{role.rpartition('/')[2]}/" in message
    return is_named and bool(refused(snapshot, _ABOUT_A_ROLE))


_REFUSED = (
    r"(?i:error (?:in|while|when) assuming (?:the )?access role)"
    r"|(?i:(?:failed|unable|could not|cannot|can't) (?:to )?assume (?:the )?access[ -]role)"
    r"|Invalid Access Role|(?i:access role[^\n]{0,120}(?:invalid|not exist|doesn't exist|not found|cannot be assumed|can't be assumed))"
    r"|(?i:(?:authentication ?configuration|access ?role(?: ?arn)?) (?:is |must be |has to be )?(?:invalid|missing|required|provided|specified))"
)
_ABOUT_A_ROLE = r"assum(?:e|ing)\b|AssumeRole|not authorized to perform:? ?ecr:"

RULE = Rule(
    id="access-role-refused",
    code="access-role-invalid",
    title="App Runner cannot use the access role that the call names",
    phase=Phase.CALL,
    occasions=frozenset({Occasion.CALL}),
    looks_at=frozenset({"access"}),
    why=(
        "A private image is pulled with the access role: it must exist, trust build.apprunner.amazonaws.com, and allow"
        " reading the repository. App Runner tries to assume it before it accepts the call."
    ),
    fix=(
        Step(
            "Name an access role in AuthenticationConfiguration: a private image cannot be pulled without one.",
            when="none",
        ),
        Step(
            "See whom the role trusts: it must be build.apprunner.amazonaws.com (tasks.apprunner.amazonaws.com is for"
            " the instance role).",
            "aws iam get-role --role-name {role} --query Role.AssumeRolePolicyDocument",
        ),
        Step(
            "Give it AWS's managed policy for this.",
            "aws iam attach-role-policy --role-name {role} --policy-arn"
            " arn:aws:iam::aws:policy/service-role/AWSAppRunnerServicePolicyForECRAccess",
        ),
    ),
    false_alarms="A role that was made seconds before is refused in the same words: that is iam-propagation.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/security_iam_service-with-iam.html",
    rollback="does-not-help",
    check=check,
)
