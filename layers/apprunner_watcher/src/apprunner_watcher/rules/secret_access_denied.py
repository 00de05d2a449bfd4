"""A secret or parameter that the service refers to cannot be read, or does not exist."""

import re
from collections.abc import Iterator

from apprunner_watcher.access import SecretReference
from apprunner_watcher.knowledge.denial import is_by_key, is_of_reference
from apprunner_watcher.missing import Missing
from apprunner_watcher.rule import (
    CONFIGURATION,
    Confidence,
    Evidence,
    Finding,
    Match,
    Matches,
    Phase,
    Rule,
    Step,
    at_most,
    gravest,
    weight,
)
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find App Runner or the application denied it, or what IAM and Secrets Manager say where nothing was printed."""
    said = [match for match in matches.service("unread") if _is_of_secret(match)]
    if said:
        return Finding(Confidence.CERTAIN, (Evidence.of(said[0].line), *_broken(snapshot)), _values(snapshot))
    return _of_application(snapshot, matches) or _of_settings(snapshot)


def _is_of_secret(match: Match) -> bool:
    """Neither the key's refusal nor a network that leads nowhere, nor the sign-in to the registry."""
    text = match.line.said
    return not is_by_key(text) and not _OTHERWISE.search(text)


def _of_application(snapshot: Snapshot, matches: Matches) -> Finding | None:
    confidence, sources = weight(snapshot), snapshot.configuration.secret_sources.values()
    denied = [
        match
        for match in (*matches.application("unread"), *matches.application("denied"))
        if _is_of_secret(match) and is_of_reference(match.line.said, sources)
    ]
    absent = [match for match in matches.application("absent") if _is_of_secret(match)]
    if not confidence or not (denied or absent):
        return None
    first, confidence = gravest(denied or absent, confidence)
    # the application itself asked for a name: nothing says that App Runner was to read it
    confidence = confidence if denied else at_most(Confidence.LIKELY, confidence)
    return Finding(confidence, (Evidence.of(first.line), *_broken(snapshot)), _values(snapshot))


def _of_settings(snapshot: Snapshot) -> Finding | None:
    """App Runner reads secrets before anything of the application runs: if that runs, they were read."""
    configuration, log = snapshot.configuration, snapshot.service_log
    if not configuration.secrets or not configuration.instance_role_arn:
        return None
    if snapshot.application_log.failing or log.refused or log.exit:
        return None
    if not (broken := tuple(_broken(snapshot))):
        return None
    is_absent = any(reference.exists is False for reference in _references(snapshot))
    is_proved = is_absent and not log.health_check_started
    return Finding(Confidence.CERTAIN if is_proved else Confidence.LIKELY, broken, _values(snapshot))


def _references(snapshot: Snapshot) -> Iterator[SecretReference]:
    """The secrets and parameters that cannot be read, and not for want of a role or of their key."""
    access = snapshot.parts.access
    if isinstance(access, Missing):
        return
    for one in access.secrets:
        if isinstance(one, SecretReference) and one.is_readable == "no" and not _OF_ROLE_OR_KEY.search(one.because):
            yield one


def _broken(snapshot: Snapshot) -> Iterator[Evidence]:
    for one in list(_references(snapshot))[:2]:
        yield Evidence(CONFIGURATION, f"RuntimeEnvironmentSecrets, {one.name}: {one.source} ({one.because})")


def _values(snapshot: Snapshot) -> dict[str, str]:
    role = snapshot.configuration.instance_role_arn.rpartition("/")[2]
    return {"role": role} if role else {}


_OF_ROLE_OR_KEY = re.compile(r"instance role|kms:Decrypt")
_OTHERWISE = re.compile(
    r"i/o timeout|context deadline exceeded|dial tcp|RequestError: send request failed|RequestCanceled|connection refused"
    r"|ecr registry auth|ecr:GetAuthorizationToken|no such host",
)
_ABSENT = (
    r"Secrets Manager can't find the specified secret|invalid ssm parameters: \S|\bParameterNotFound\b"
    r"|ParameterVersionNotFound|did not contain json key|secret because it was marked for deletion"
)

RULE = Rule(
    id="secret-access-denied",
    code="secret-access-denied",
    title="A secret or parameter that the service needs cannot be read",
    phase=Phase.PERMISSIONS,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "App Runner reads the secrets and parameters that variables refer to with the instance role, before it starts"
        " the application. If one is not there or may not be read, nothing is started."
    ),
    fix=(
        Step(
            "Check that the secret or parameter exists, in this account (a parameter) and Region, and that its ARN ends"
            " as it really does: with six characters of its own, and a JSON key only where its value has that key."
        ),
        Step(
            "Allow secretsmanager:GetSecretValue on the secret, or ssm:GetParameters on the parameter, in a policy of"
            " the instance role (not of the access role)."
        ),
        Step(
            "See which policies the role has.",
            "aws iam list-attached-role-policies --role-name {role}\naws iam list-role-policies --role-name {role}",
        ),
    ),
    false_alarms=(
        "A call of the application itself, for a secret that the service does not refer to, is"
        " instance-role-permission. What the key of the secret refuses is kms-decrypt-denied."
    ),
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/env-variable.html",
    rollback="does-not-help",
    check=check,
    service_patterns={
        # App Runner's own lines, and not what a build prints
        "unread": (
            r"^(?!\[\w*Build\])[^\n]{0,900}?(?:"
            r"(?i:(?:failed|unable|could not|cannot) (?:to )?(?:fetch|retrieve|get|read|pull|resolve|access) (?:the |your |some )?(?:secret|ssm parameter|parameter|RuntimeEnvironmentSecret))"
            r"|not authorized to perform:? (?:secretsmanager:GetSecretValue|ssm:GetParameters?)"
            rf"|{_ABSENT})"
        )
    },
    application_patterns={
        "unread": (
            r"(?:unable|failed) to (?:pull|fetch|retrieve) secrets? (?:or registry auth|from|arn:)|ResourceInitializationError"
        ),
        "denied": r"not authorized to perform:? (?:secretsmanager:GetSecretValue|ssm:GetParameters?)",
        "absent": (_ABSENT),
    },
)
