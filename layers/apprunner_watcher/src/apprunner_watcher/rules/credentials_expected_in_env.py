"""The application demands static AWS keys although a role provides them."""

import re

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
    weight,
)
from apprunner_watcher.snapshot import Snapshot

_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_KEY = r"(?:cloud\.)?aws[._-]?(?:s3[._-]|ses[._-]|credentials\.)?(?:access[._-]?key(?:[._-]?id)?|secret(?:[._-]?access)?[._-]?key)"
# pydantic in the line below the name, zod in the one above
_IS_FIELD = re.compile(r"ield required|\"?path\"?: \[\s*$", re.MULTILINE)
_OTHER_NAME = re.compile(r"\b(?!AWS_)[A-Z][A-Z0-9]*_[A-Z0-9_]+\b")


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a demand for AWS keys, no such key among the variables, in an application that never serves."""
    fields = [match for match in matches.application("field") if _IS_FIELD.search(f"{match.before}\n{match.after}")]
    named = [match for match in (*matches.application("demand"), *fields) if not _names_others(match)]
    empty = matches.application("empty")
    demands = [match for match in (*named, *empty) if not match.line.is_warning]
    if snapshot.is_live:
        demands = [match for match in empty if not match.line.is_passing]
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


def _names_others(match: Match) -> bool:
    """Whether other variables stand beside the keys: then the application's environment is what is wrong."""
    return bool(_OTHER_NAME.search(match.line.said))


RULE = Rule(
    id="credentials-expected-in-env",
    code="credentials-expected-in-env",
    title="The application insists on AWS keys that its role makes needless",
    phase=Phase.START,
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
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
        # the names may stand in a list, in a message or in a setting that reads them
        "demand": (
            r"(?i)\baws credentials? (?:are|is|must be|not)\b[^\n]{0,20}\b(?:required|missing|set|provided|configured)\b"
            rf"|\b{_KEY}\b[^\n]{{0,80}}\b(?:required|missing|not set|must be set|undefined|is not defined|not found|not present|notpresent|is not provided|cannot be (?:empty|blank|null)|should not be empty|must be (?:defined|provided|a string)|is empty|expected string)\b"
            rf"|\b(?:missing|required|requires|unset|undefined|declare|set the|could not resolve placeholder)\b[^\n]{{0,80}}\b{_KEY}\b"
            # the SDK's own names of them
            r"|\b(?:s3|aws|bucket)\b[^\n]{0,60}\baccessKeyId (?:and|or) secretAccessKey\b[^\n]{0,30}\b(?:required|missing|must be|not)\b"
            # Ruby, Python, Elixir
            rf"|\b(?:key not found: \"|KeyError: ')AWS_(?:ACCESS_KEY_ID|SECRET_ACCESS_KEY)\b"
            # zod: path: [ 'AWS_ACCESS_KEY_ID' ]
            rf"|\bpath\"?: ?\[ ?['\"]{_KEY}['\"] ?\]"
        ),
        "empty": (
            # JavaScript v3, where the application hands in what is undefined
            r"Resolved credential object is not valid"
            # Java v1 and v2
            r"|Access key (?:ID )?cannot be (?:null|blank)|Secret (?:access )?key cannot be (?:null|blank)"
            # Ruby's fog
            r"|Missing required arguments: aws_access_key_id"
            # Ruby's own SDK, Go v2, Bun
            r"|missing (?:required option|keyword)s?:? :access_key_id|static credentials are empty|ERR_S3_MISSING_CREDENTIALS"
            # .NET
            r"|Value cannot be null\. \(Parameter 'awsAccessKeyId'\)"
        ),
        # pydantic and zod name the field in a line of its own
        "field": r"^\s*['\"]?(?i:aws_access_key_id|aws_secret_access_key|aws_access_key|aws_secret_key)['\"]?\s*$",
    },
)
