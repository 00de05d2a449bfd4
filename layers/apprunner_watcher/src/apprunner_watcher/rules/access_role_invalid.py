"""The ECR access role is missing, trusts the wrong principal, or lacks a permission."""

import re

from apprunner_watcher.event import OperationType
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find App Runner refusing the access role, before any pull: afterwards it prints the same line falsely."""
    refusals = matches.service("refused")
    log = snapshot.service_log
    if not refusals or log.pulled or log.health_check_started:
        return None
    # users saw the line during updates although the role was right
    is_update = snapshot.operation.type == OperationType.UPDATE_SERVICE
    return Finding(
        Confidence.LIKELY if is_update else Confidence.CERTAIN,
        (
            Evidence.of(refusals[0].line),
            Evidence.setting("AccessRoleArn", snapshot.configuration.access_role_arn or "none"),
        ),
        {"role": snapshot.configuration.access_role_arn.rpartition("/")[2] or "YOUR_ACCESS_ROLE"},
    )


RULE = Rule(
    id="access-role-invalid",
    code="access-role-invalid",
    title="App Runner may not pull the image: access role unusable",
    phase=Phase.IMAGE,
    looks_at=frozenset({"configuration", "operations", "service_log"}),
    why=(
        "The role must exist, trust build.apprunner.amazonaws.com, and allow reading the repository; the repository"
        " policy must not refuse it."
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
    ),
    false_alarms="After a successful pull, or after a failed health check, App Runner prints this line falsely.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/security_iam_service-with-iam.html",
    rollback="does-not-help",
    check=check,
    service_patterns={"refused": re.compile(r"Invalid Access Role in AuthenticationConfiguration")},
)
