"""Who called App Runner lacks a permission: for the call itself, to pass a role, or to make the service-linked role."""

from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Occasion, Phase, Rule, Step, refused
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, _: Matches) -> Finding | None:
    """Find the action that was denied to the caller, and not to one of the service's own roles."""
    call = snapshot.call
    found = refused(snapshot, _DENIED)
    action = (found["action"] or found["needed"] or found["alone"] or "iam:PassRole") if found else ""
    if action == "sts:AssumeRole" or _is_own_role(snapshot):
        return None
    if not found:
        if not refused(snapshot, _DENIED_WITHOUT_WORDS):
            return None
        action = f"apprunner:{call.action}"
    resource = (found["resource"] or "") if found else ""
    return Finding(
        Confidence.CERTAIN if found else Confidence.LIKELY,
        (Evidence.call(call),),
        {
            "action": action,
            "caller": call.caller_role_arn or call.caller,
            "resource": resource.rstrip(".,") or "*",
            "passes": "yes" if action == "iam:PassRole" else "",
            "first": "yes" if action == "iam:CreateServiceLinkedRole" else "",
            "bound": "yes" if refused(snapshot, _BOUND) else "",
        },
    )


def _is_own_role(snapshot: Snapshot) -> bool:
    """Whether it is a role of the service that was denied something, and not who called."""
    requested = snapshot.call.requested
    roles = {arn.rpartition("/")[2] for arn in (requested.access_role_arn, requested.instance_role_arn) if arn}
    message = snapshot.call.error_message
    return any(f":assumed-role/{role}/" in message for role in roles)


_DENIED = (
    r"not authorized to perform:? ?(?P<action>[\w-]+:\w+)(?:[^\n]{0,20}? on (?:the )?resource:? (?P<resource>arn:\S+|\*))?"
    r"|must have (?:the )?['\"`]?(?P<needed>iam:\w+)['\"`]? permission"
    # a deny that names the action alone
    r"|(?:permission|authori[sz]ed|denied|allowed?)[^\n]{0,60}?\b(?P<alone>iam:(?:PassRole|GetRole|CreateServiceLinkedRole)|ec2:\w+)\b"
    r"|(?P<abroad>[Cc]ross-account pass role)"
)
_DENIED_WITHOUT_WORDS = (
    r"^(?:AccessDenied(?:Exception)?|UnauthorizedOperation|Client\.UnauthorizedOperation|UnauthorizedException)\b"
    r"(?![^\n]{0,300}(?:new customers|subscription|not available|instance role|access role|AssumeRole))"
)
_BOUND = r"(?i)explicit deny|service control policy|permissions boundary"

RULE = Rule(
    id="caller-permission",
    code="caller-permission",
    title="The caller lacks the permission {action}",
    phase=Phase.CALL,
    occasions=frozenset({Occasion.CALL}),
    looks_at=frozenset(),
    why=(
        "The identity that calls App Runner needs the permission for the call itself, iam:PassRole for each role that"
        " it hands to the service, and once in an account iam:CreateServiceLinkedRole. It was denied one of them, and"
        " nothing was changed."
    ),
    fix=(
        Step("Allow {action} on {resource} to {caller}: add a statement with this action to one of its policies."),
        Step(
            "Narrow the statement for iam:PassRole to the service's two roles, with the condition that"
            " iam:PassedToService is build.apprunner.amazonaws.com or tasks.apprunner.amazonaws.com.",
            when="passes",
        ),
        Step(
            "Or let somebody who may do so make the role once; no later call needs this permission.",
            "aws iam create-service-linked-role --aws-service-name apprunner.amazonaws.com",
            when="first",
        ),
        Step(
            "Look for what denies it beyond the caller's own policies: the error speaks of an explicit deny, a"
            " permissions boundary or a policy of the organization.",
            when="bound",
        ),
    ),
    false_alarms="A role that App Runner itself cannot assume is access-role-invalid or instance-role-trust.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/security_iam_id-based-policy-examples.html",
    rollback="does-not-help",
    check=check,
)
