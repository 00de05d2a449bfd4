"""The ECR access role is missing, trusts the wrong principal, or lacks a permission; or the repository refuses it."""

from apprunner_watcher.access import BUILD_SERVICE, Access, Role
from apprunner_watcher.event import OperationType
from apprunner_watcher.image import Identifier, Image
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

_SIGN_IN = "ecr:GetAuthorizationToken"
_PULL = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find App Runner refusing the role, or a pull that failed with a role that cannot work; never after a pull."""
    log, configuration = snapshot.service_log, snapshot.configuration
    if log.pulled or log.health_check_started:
        return None
    wrong, is_sure = _wrong(snapshot)
    evidence = (*wrong, Evidence.setting("AccessRoleArn", configuration.access_role_arn or "none"))
    values = {"role": configuration.access_role_arn.rpartition("/")[2] or "YOUR_ACCESS_ROLE"}
    if refusals := matches.service("refused"):
        # users saw the line during updates although the role was right
        is_update = snapshot.operation.type == OperationType.UPDATE_SERVICE
        confidence = Confidence.LIKELY if is_update and not wrong else Confidence.CERTAIN
        return Finding(confidence, (Evidence.of(refusals[0].line), *evidence), values)
    if denials := matches.service("denied"):
        confidence = Confidence.CERTAIN if wrong and is_sure else Confidence.LIKELY
        return Finding(confidence, (Evidence.of(denials[0].line), *evidence), values)
    if not wrong or not log.pull_failed or log.pull_failed_because or _is_absent(snapshot):
        return None
    if configuration.standing != "attempted":  # the role that is shown again may not be the one that was tried
        return Finding(Confidence.POSSIBLE, (Evidence.of(log.pull_failed), *evidence), values)
    confidence = Confidence.CERTAIN if is_sure else Confidence.LIKELY
    return Finding(confidence, (Evidence.of(log.pull_failed), *evidence), values)


def _wrong(snapshot: Snapshot) -> tuple[tuple[Evidence, ...], bool]:
    """Why the role cannot pull the image, where that shows, and whether nothing else could allow it."""
    configuration, access = snapshot.configuration, snapshot.parts.access
    image = Identifier.parse(configuration.image)
    role = access.access_role if isinstance(access, Access) else None
    if not image.is_ecr:
        return (), False
    if not configuration.access_role_arn:
        return (Evidence("access", "no access role is configured"),), True
    if isinstance(role, Role) and (flaw := _flaw(role)):
        return (Evidence("access", flaw),), True
    account = snapshot.service.arn.split(":")[4]
    if image.account != account:
        text = f"the repository is of account {image.account}, the service of {account}: its policy must allow the role"
        return (Evidence("access", text),), False
    denied = [one for one in _PULL if isinstance(role, Role) and role.may(one, image.repository_arn) == "no"]
    if denied:  # the repository's own policy might allow it
        return (Evidence("access", f"the role's policies do not allow {denied[0]} on {image.repository}"),), False
    return (), False


def _flaw(role: Role) -> str:
    """What no policy of a repository makes good."""
    if not role.exists:
        return f"there is no role {role.name}"
    if role.trusts(BUILD_SERVICE) == "no":
        return f"{role.name} trusts {', '.join(role.trusted_services) or 'no service'}, not {BUILD_SERVICE}"
    if role.may(_SIGN_IN, "*") == "no":
        return f"{role.name} may not {_SIGN_IN} on all resources"
    return ""


def _is_absent(snapshot: Snapshot) -> bool:
    """Whether there is nothing that it could pull."""
    image = snapshot.parts.image
    return isinstance(image, Image) and (image.exists is False or image.region != snapshot.service.arn.split(":")[3])


RULE = Rule(
    id="access-role-invalid",
    code="access-role-invalid",
    title="App Runner may not pull the image: access role unusable",
    phase=Phase.IMAGE,
    looks_at=frozenset({"configuration", "operations", "service", "service_log"}),
    why=(
        "The role must exist, trust build.apprunner.amazonaws.com, and allow reading the repository; the repository"
        " policy must not refuse it, and must allow it where the repository belongs to another account."
    ),
    fix=(
        Step(
            "See whom the role trusts: it must be build.apprunner.amazonaws.com.",
            "aws iam get-role --role-name {role} --query Role.AssumeRolePolicyDocument",
        ),
        Step(
            "Give it AWS's managed policy for this.",
            "aws iam attach-role-policy --role-name {role} --policy-arn"
            " arn:aws:iam::aws:policy/service-role/AWSAppRunnerServicePolicyForECRAccess",
        ),
        Step("Allow the role in the repository's policy where the repository belongs to another account."),
    ),
    false_alarms="After a successful pull, or after a failed health check, App Runner prints this line falsely.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/security_iam_service-with-iam.html",
    rollback="does-not-help",
    check=check,
    service_patterns={
        "refused": r"(?i:invalid access role)",
        # a line of the build may say it of its own base image
        "denied": (
            r"^(?!\[\w*Build\])[^\n]{0,400}?(?:not authorized to perform:? ?(?:ecr:|sts:AssumeRole)|pull access denied|no basic auth credentials"
            r"|(?i:failed to (?:pull|copy|authorize)|CannotPull)[^\n]{0,300}(?i:access ?denied|forbidden|unauthorized|\b40[13]\b|not authorized|assume)"
            r"|(?i:failed to|unable to|could not|cannot|can't) assume (?:the )?(?:access )?(?i:role)\b"
            r"|(?i:access role)[^\n]{0,120}(?i:does not exist|can(?:not|'t) be assumed|not authorized|missing|permission))"
        ),
    },
)
