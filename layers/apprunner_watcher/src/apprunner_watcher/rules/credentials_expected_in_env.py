"""The application demands static AWS keys although a role provides them."""

import re

from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step, at_most, weight
from apprunner_watcher.snapshot import Snapshot

_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a demand for AWS keys, no such key among the variables, in an application that never serves."""
    demands = [match for match in matches.application("demand") if not match.line.is_warning]
    configuration = snapshot.configuration
    has_keys = any(key in configuration.secrets or configuration.variable(key) for key in _KEYS)
    confidence = weight(snapshot)
    if not demands or has_keys or not confidence:
        return None
    role = configuration.instance_role_arn
    return Finding(
        confidence if role else at_most(Confidence.LIKELY, confidence),
        (
            Evidence.of(demands[0].line),
            Evidence.setting("RuntimeEnvironmentVariables", f"{' and '.join(_KEYS)} are not set"),
            Evidence.setting("InstanceRoleArn", role or "none"),
        ),
    )


RULE = Rule(
    id="credentials-expected-in-env",
    code="credentials-expected-in-env",
    title="The application insists on AWS keys that its role makes needless",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "On App Runner the AWS SDKs get short-lived credentials from the instance role by themselves. A start-up"
        " check, or code that hands keys to the SDK, demands AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY all the"
        " same, and ends the application."
    ),
    fix=(
        Step(
            "Drop AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY from the application's start-up check, and build AWS"
            " clients without explicit credentials: the SDK then uses the instance role."
        ),
        Step("Check that the instance role allows what the application needs; without a role, give the service one."),
        Step("Do not set long-lived keys as a way around: they end up in logs and images, and never expire."),
    ),
    false_alarms="An SDK that finds no credentials because there is no instance role is instance-role-missing.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/security_iam_service-with-iam.html",
    rollback="helps",
    check=check,
    application_patterns={
        "demand": re.compile(
            r"(?i)\baws credentials? (?:are|is|must be|not)\b[^\n]{0,20}\b(?:required|missing|set|provided|configured)\b"
            r"|\bAWS_(?:ACCESS_KEY_ID|SECRET_ACCESS_KEY)\b[^\n]{0,60}\b(?:required|missing|not set|must be set|undefined|is not defined)\b"
            r"|\b(?:missing|required)\b[^\n]{0,60}\bAWS_(?:ACCESS_KEY_ID|SECRET_ACCESS_KEY)\b"
            r"|\b(?:key not found: \"|KeyError: ')AWS_(?:ACCESS_KEY_ID|SECRET_ACCESS_KEY)\b"
        ),
    },
)
