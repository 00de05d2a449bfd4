"""Secrets are referred to, or the application calls AWS, and the service has no instance role."""

from apprunner_watcher.access import Access, Role
from apprunner_watcher.knowledge.denial import NO_CREDENTIALS
from apprunner_watcher.rule import (
    Confidence,
    Evidence,
    Finding,
    Match,
    Matches,
    Occasion,
    Phase,
    Rule,
    Step,
    at_most,
    gravest,
    outlived,
    refused,
    weight,
)
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a call refused for want of a role, an SDK without credentials, or secrets that nobody can read."""
    if snapshot.is_call:
        return _of_call(snapshot)
    if found := matches.application("no credentials"):
        return _of_application(snapshot, found)
    return None if snapshot.is_live else _of_secrets(snapshot)


def _of_call(snapshot: Snapshot) -> Finding | None:
    if not refused(snapshot, _ROLE_WANTED):
        return None
    role = snapshot.call.requested.instance_role_arn
    setting = [] if role else [Evidence.setting("InstanceRoleArn", "none")]
    return Finding(
        Confidence.CERTAIN if not role else Confidence.LIKELY,
        (Evidence.call(snapshot.call), *setting),
        {"secrets": "yes", **({"service_arn": arn} if (arn := snapshot.call.service_arn) else {})},
    )


def _of_application(snapshot: Snapshot, found: tuple[Match, ...]) -> Finding | None:
    configuration, confidence = snapshot.configuration, weight(snapshot)
    has_keys = any(key in configuration.secrets or configuration.variable(key) for key in _KEYS)
    role = configuration.instance_role_arn
    first, confidence = gravest(found, confidence) if confidence else (found[0], None)
    if not confidence or has_keys or (snapshot.is_live and first.line.is_passing):
        return None
    if outlived(snapshot, found):
        confidence = at_most(Confidence.LIKELY, confidence)
    if role and not _is_gone(snapshot):
        # a role that can be assumed gives credentials; one that cannot is another rule's
        if snapshot.is_live:
            return None
        confidence = Confidence.POSSIBLE
    return Finding(
        confidence,
        (Evidence.of(first.line), Evidence.setting("InstanceRoleArn", _shown(snapshot))),
        {"service_arn": snapshot.service.arn},
    )


def _of_secrets(snapshot: Snapshot) -> Finding | None:
    """Without a role no secret is read, and nothing of the application runs."""
    configuration = snapshot.configuration
    ran = snapshot.application_log.failing or snapshot.service_log.refused or snapshot.service_log.exit
    if not configuration.secrets or ran or (configuration.instance_role_arn and not _is_gone(snapshot)):
        return None
    return Finding(
        Confidence.LIKELY,
        (
            Evidence.setting("RuntimeEnvironmentSecrets", ", ".join(configuration.secrets)),
            Evidence.setting("InstanceRoleArn", _shown(snapshot)),
        ),
        {"service_arn": snapshot.service.arn, "secrets": "yes"},
    )


def _is_gone(snapshot: Snapshot) -> bool:
    access = snapshot.parts.access
    return isinstance(access, Access) and isinstance(access.instance_role, Role) and not access.instance_role.exists


def _shown(snapshot: Snapshot) -> str:
    role = snapshot.configuration.instance_role_arn
    return f"{role} (does not exist)" if role and _is_gone(snapshot) else role or "none"


_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_ROLE_WANTED = (
    r"Instance Role ha(?:s|ve) to be provided|(?i:instance role (?:is|must be) (?:required|provided|specified))"
)

RULE = Rule(
    id="instance-role-missing",
    code="instance-role-missing",
    title="The service has no instance role to act with",
    phase=Phase.PERMISSIONS,
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE, Occasion.CALL}),
    looks_at=frozenset({"application_log", "configuration", "service", "service_log"}),
    why=(
        "App Runner reads referenced secrets and parameters with the instance role, and the AWS SDKs get their"
        " credentials from it. Without one there are no secrets and no credentials."
    ),
    fix=(
        Step(
            "Create a role that trusts tasks.apprunner.amazonaws.com and allows what the application calls; for"
            " referenced secrets secretsmanager:GetSecretValue or ssm:GetParameters, and kms:Decrypt on their key."
        ),
        Step(
            "Give the role to the service: put its ARN in place of ROLE_ARN.",
            "aws apprunner update-service --service-arn {service_arn} --instance-configuration InstanceRoleArn=ROLE_ARN",
        ),
        Step("Send the role in the same call as the secrets: App Runner accepts neither first.", when="secrets"),
    ),
    false_alarms=(
        "With an instance role, an SDK that finds no credentials is too old for container credentials, or was told to"
        " look elsewhere: a profile, or explicit keys that are empty."
    ),
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/security_iam_service-with-iam.html",
    rollback="does-not-help",
    check=check,
    application_patterns={"no credentials": NO_CREDENTIALS},
)
