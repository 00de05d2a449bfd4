"""A role was used seconds after it was made, when not all of AWS had heard of it."""

from datetime import datetime

from apprunner_watcher.access import BUILD_SERVICE, TASKS_SERVICE, Access, Role
from apprunner_watcher.missing import Missing
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Occasion, Phase, Rule, Step, refused
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a role that App Runner could not assume, though it trusts the right service, and that was brand-new."""
    if snapshot.is_call:
        found = refused(snapshot, _NOT_ASSUMED)
        evidence, began, said = Evidence.call(snapshot.call), snapshot.call.time, found[0] if found else ""
    else:
        lines = matches.service("not assumed")
        if not lines or snapshot.service_log.pulled:
            return None
        evidence, began, said = Evidence.of(lines[0].line), snapshot.operation.started_at, lines[0][0]
    if not said:
        return None
    new = [role for role in _new_roles(snapshot.access, began) if not _is_other(role, said, evidence.saw)]
    if not new:
        return None
    role = new[0]
    made = Evidence(f"role {role.name}", "made moments before, and trusts the right service", role.created_at)
    return Finding(Confidence.LIKELY, (evidence, made), {"role": role.name})


def _new_roles(access: Access, began: datetime) -> list[Role]:
    """The roles that had just been made, and are as they should be."""
    wanted = ((access.access_role, BUILD_SERVICE), (access.instance_role, TASKS_SERVICE))
    return [
        role
        for role, service in wanted
        if role and not isinstance(role, Missing) and role.is_new_at(began) and role.trusts(service) == "yes"
    ]


def _is_other(role: Role, said: str, whole: str) -> bool:
    """Whether the words are about a role, and not about this one."""
    if ":role/" in whole:
        return role.name not in whole
    kind = BUILD_SERVICE if "ccess" in said else TASKS_SERVICE if "nstance" in said else ""
    return bool(kind) and role.trusts(kind) != "yes"


_NOT_ASSUMED = (
    r"(?i:error (?:in|while|when) assuming (?:the )?(?:access |instance )?role)"
    r"|(?i:(?:failed|unable|could not|cannot|can't) (?:to )?assume (?:the )?(?:access[ -]|instance[ -])?role)"
    r"|Invalid (?:Access|Instance) Role"
    r"|not authorized to perform:? sts:AssumeRole"
)

RULE = Rule(
    id="iam-propagation",
    code="iam-propagation",
    title="Role {role} was used before all of AWS knew it",
    phase=Phase.CALL,
    occasions=frozenset({Occasion.CALL, Occasion.DEPLOYMENT}),
    looks_at=frozenset({"access", "operations", "service_log"}),
    why=(
        "IAM takes some seconds to spread a new role, or a change of its trust, to all of AWS. A tool that makes the"
        " role and the service in one run calls App Runner too early; the role itself is right."
    ),
    fix=(
        Step("Call again: by now the role is known, and nothing else needs to change."),
        Step(
            "Let the tool wait some ten seconds between the role and the service, or try again when this error comes."
        ),
    ),
    false_alarms="A role that does not trust the right service fails with the same words, and fails again.",
    docs="https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html",
    rollback="does-not-help",
    check=check,
    service_patterns={"not assumed": _NOT_ASSUMED},
)
