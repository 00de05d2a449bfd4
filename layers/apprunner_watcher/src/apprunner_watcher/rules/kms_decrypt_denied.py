"""The key of a secret or parameter refuses the instance role."""

from apprunner_watcher.access import Access, SecretReference
from apprunner_watcher.knowledge.denial import is_by_key, names_secret
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
    at_most,
    gravest,
    outlived,
    weight,
)
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find the key's refusal, said by App Runner or to the application."""
    refers = bool(snapshot.configuration.secret_sources)
    if not snapshot.is_live and (said := matches.service("denied")):
        return _found(snapshot, Confidence.CERTAIN, Evidence.of(said[0].line))
    confidence = weight(snapshot)
    denied = [match for match in matches.application("denied") if is_by_key(match.line.said)]
    if snapshot.is_live:
        denied = [match for match in denied if not match.line.is_passing]
    if denied and confidence:
        first, confidence = gravest(denied, confidence)
        is_clear = (refers or names_secret(first.line.said)) and not outlived(snapshot, denied)
        confidence = confidence if is_clear else at_most(Confidence.LIKELY, confidence)
        return _found(snapshot, confidence, Evidence.of(first.line))
    log = snapshot.service_log
    # App Runner reads secrets before anything of the application runs: if that runs, they were read
    ran = snapshot.is_live or snapshot.application_log.failing or log.refused or log.exit
    return _found(snapshot, Confidence.LIKELY) if _refusals(snapshot) and not ran else None


def _found(snapshot: Snapshot, confidence: Confidence, *said: Evidence) -> Finding:
    role = snapshot.configuration.instance_role_arn.rpartition("/")[2]
    return Finding(confidence, (*said, *_refusals(snapshot)), {"role": role} if role else {})


def _refusals(snapshot: Snapshot) -> list[Evidence]:
    """The referenced secrets whose key no policy lets the role use."""
    access = snapshot.parts.access
    references = access.secrets if isinstance(access, Access) else ()
    return [
        Evidence(
            CONFIGURATION, f"RuntimeEnvironmentSecrets, {one.name}: {one.source}, key {one.key_id} ({one.because})"
        )
        for one in references
        if isinstance(one, SecretReference) and one.is_readable == "no" and "kms:Decrypt" in one.because
    ][:2]


_DENIED = (
    r"(?:Access to KMS is not allowed|ciphertext refers to a (?:customer master|KMS) key|not authorized to perform:? ?[`'\"]?kms:Decrypt"
    # the key is disabled or to be deleted
    r"|can't decrypt the protected secret|\bDecryptionFailure\b|\bKMSInvalidState|:kms:[^\n]{1,120} is (?:disabled|pending deletion))"
)

RULE = Rule(
    id="kms-decrypt-denied",
    code="kms-decrypt-denied",
    title="The key of a secret refuses the instance role",
    phase=Phase.PERMISSIONS,
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "The secret or parameter is encrypted with a key of your own. Reading it takes kms:Decrypt on that key, which"
        " the key's policy and the role's policies must both let through; the permission for the secret is not enough."
    ),
    fix=(
        Step("Allow kms:Decrypt on the secret's key in a policy of the instance role."),
        Step(
            "See which policies the role has.",
            "aws iam list-attached-role-policies --role-name {role}\naws iam list-role-policies --role-name {role}",
        ),
        Step("Check that the key's policy lets the account's policies decide, or names the role."),
        Step("Check that the key is enabled, and lies in the account and Region of the secret."),
    ),
    false_alarms="Data in S3, SQS or DynamoDB has keys as well: that is instance-role-permission.",
    docs="https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html",
    rollback="does-not-help",
    check=check,
    application_patterns={"denied": (_DENIED)},
    # what the build itself is denied is none of a secret's key
    service_patterns={"denied": (rf"^(?!\[\w*Build\])[^\n]{{0,900}}?{_DENIED}")},
)
