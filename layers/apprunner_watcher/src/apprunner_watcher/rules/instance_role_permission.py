"""The application is denied a call to AWS that its instance role does not allow."""

import re
from collections.abc import Sequence

from apprunner_watcher.access import Access, Role
from apprunner_watcher.knowledge.denial import is_by_key, is_of_reference
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
    weight,
)
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find the denial, in the words of IAM or of an SDK, that is not about what App Runner itself reads."""
    confidence = weight(snapshot)
    if not confidence:
        return None
    sentences = _own(snapshot, matches.application("sentence"))
    errors = _own(snapshot, matches.application("error"))
    found = sentences or errors or _own(snapshot, matches.application("hint"))
    if snapshot.is_live:
        found = [match for match in found if not match.line.is_passing and not _TELEMETRY.search(match.line.said)]
        confidence = Confidence.CERTAIN if sentences else _weight_of_errors(found, confidence)
    if not found:
        return None
    first, confidence = gravest(found, confidence)
    if _TELEMETRY.search(first.line.said):
        confidence = Confidence.POSSIBLE
    elif not (sentences or errors) or _NO_MODEL.search(first.line.said) or outlived(snapshot, found):
        confidence = at_most(Confidence.LIKELY, confidence)
    named = _ACTION.search(first.line.said) or _CALL.search(first.line.said)
    action = named[1] if named else ""
    resource = _RESOURCE.search(first.line.said)
    role = snapshot.configuration.instance_role_arn
    return Finding(
        confidence,
        (Evidence.of(first.line), *_simulated(snapshot, action, resource[1] if resource else "")),
        {
            "action": action or "a call to AWS",
            "resource": resource[1] if resource else "the resource that the line names",
            "model": "yes" if _NO_MODEL.search(first.line.said) else "",
            **({"role": role.rpartition("/")[2]} if role else {}),
        },
    )


def _weight_of_errors(found: Sequence[Match], confidence: Confidence) -> Confidence:
    """Of a live service: one object that is not there is denied as well."""
    errors = [match.line.said for match in found if not _PRINTED.search(match.line.said)]
    is_odd = len(errors) < _AGAIN and all(_MAY_BE_ABSENT.search(said) for said in errors)
    return Confidence.POSSIBLE if is_odd else confidence


def _own(snapshot: Snapshot, found: Sequence[Match]) -> list[Match]:
    """What the application itself was denied: neither a referenced secret nor the key of one."""
    sources = snapshot.configuration.secret_sources
    return [
        match
        for match in found
        if not _BAD_KEYS.search(match.line.said)
        and not is_by_key(match.line.said)
        and not is_of_reference(match.line.said, sources.values())
    ]


def _simulated(snapshot: Snapshot, action: str, resource: str) -> tuple[Evidence, ...]:
    access = snapshot.parts.access
    role = access.instance_role if isinstance(access, Access) else None
    if not isinstance(role, Role) or not action or not resource or role.may(action, resource) != "no":
        return ()
    return (Evidence(f"role {role.name}", f"none of its policies allows {action} on {resource}"),)


# keys that were handed in are wrong: that is answered with 403 too, and is no matter of a role
_BAD_KEYS = re.compile(
    r"InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|InvalidClientTokenId|UnrecognizedClient|RequestTimeTooSkewed"
    r"|Access Key Id you provided|request signature we calculated|security token included in the request"
)
_TELEMETRY = re.compile(
    r"\b(?:xray:|cloudwatch:Put|ec2:Describe(?:Tags|Instances)|PutTraceSegments|PutTelemetryRecords)"
)
_AGAIN = 2
_PRINTED = re.compile(r"^\s*(?:name|[Cc]ode|__type): '")  # an error as JavaScript prints it, below its message
_MAY_BE_ABSENT = re.compile(r"^\W*AccessDenied: |\b(?:Get|Head)Object\b")
_NO_MODEL = re.compile(r"access to the model|Model access is denied")
_ACTION = re.compile(r"not authorized to perform:? ?[`'\"]?([\w-]+:\w+)")
_CALL = re.compile(r"when calling the (\w+) operation")
_RESOURCE = re.compile(r" on (?:the )?resource:? [`'\"]?(arn:[^\s\"',;]+)")

RULE = Rule(
    id="instance-role-permission",
    code="instance-role-permission",
    title="The instance role does not allow {action}",
    phase=Phase.START,
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "The application calls AWS as the instance role. No policy of the role allows this call, or one of the"
        " resource, of the organization or of a VPC endpoint refuses it, and the application cannot go on without."
    ),
    fix=(
        Step("Allow {action} on {resource} in a policy of the instance role."),
        Step(
            "See which policies the role has.",
            "aws iam list-attached-role-policies --role-name {role}\naws iam list-role-policies --role-name {role}",
        ),
        Step("Ask for access to the model in Bedrock's console, in the Region that is called.", when="model"),
        Step(
            "Look at the resource's own policy and its key too, where the role's policies already allow it: a bucket,"
            " queue or key may refuse, and an object that is not there is denied to who may not list its bucket."
        ),
    ),
    false_alarms=(
        "The call for a referenced secret is made by App Runner: that is secret-access-denied. `Access Denied` may be"
        " the answer of another service that speaks the same API, such as MinIO."
    ),
    docs="https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html",
    rollback="helps",
    check=check,
    application_patterns={
        # IAM's own sentence, whatever the SDK; an anonymous request was not signed by any role
        "sentence": r"(?<!User: anonymous is )\bnot authorized to perform:? ?[`'\"]?[\w-]+:\w+",
        "error": (
            # boto3 and the AWS CLI
            r"An error occurred \((?:AccessDenied(?:Exception)?|UnauthorizedOperation|AuthorizationError(?:Exception)?|403)\)"
            # Java v1 and v2
            r"|\(Service: [\w ]{1,40}[;,] Status Code: 403\b|Error Code: (?:AccessDenied(?:Exception)?|UnauthorizedOperation)\b"
            r"|AmazonS3Exception: (?:Access Denied|Forbidden)|S3Exception: Access Denied"
            # Go v1 and v2
            r"|\bAccessDenied: Access Denied\b|api error (?:AccessDenied(?:Exception)?|UnauthorizedOperation|AuthorizationError|Forbidden):|https response error StatusCode: 403\b"
            # JavaScript v2 and v3, as an error and as a printed object
            r"|\bAccessDenied(?:Exception)?: (?:User: |You don't have access)|^\s*(?:name|code|Code|__type): '(?:AccessDenied(?:Exception)?|UnauthorizedOperation)'"
            # Ruby
            r"|\bAws::\w+::Errors::(?:AccessDenied(?:Exception)?|Forbidden|UnauthorizedOperation|AuthorizationError)\b"
            # PHP, Elixir, and whoever prints S3's answer as it is
            r"|<Code>AccessDenied</Code>|\bAccessDenied(?:Exception)? \(client\):"
            # .NET
            r"|\bAmazon\.[\w.]+Exception: Access ?Denied"
            # Rust
            r"|code: Some\(\"AccessDenied(?:Exception)?\"\)|unhandled error \(AccessDenied(?:Exception)?\)"
            # C++
            r"|\bExceptionName: AccessDenied\b|\bAWS error: AccessDenied\b"
            # Amazon MSK, which knows the caller by a role
            r"|SaslAuthenticationException: \[[0-9a-f-]{36}\]: Access denied"
            # EC2, SQS, and the JSON of the APIs
            r"|UnauthorizedOperation: You are not authorized|Access to the resource https://sqs\.[^\n]{0,200} is denied"
            r"|#AccessDeniedException\b|\"__type\":\s*\"AccessDeniedException\""
        ),
        "hint": (
            # JavaScript, where no message comes with it; Arrow; Flysystem
            r"\bAccessDenied(?:Exception)?: (?:UnknownError|null)\b|\bForbidden: (?:UnknownError\b|null$)|AWS Error ACCESS_DENIED\b"
            r"|\bAccessDenied(?:Exception)?: (?:User is not authorized|[Cc]ould not assume role)|[Cc]ould not assume role arn:aws"
            r"|https://[^\s\"]{1,80}\.amazonaws\.com[^\n]{0,200}resulted in a `403 Forbidden`"
            # s3fs; OpenSearch, which knows the role by its ARN
            r"|\bPermissionError: (?:Access Denied|Forbidden)$|no permissions for \[[^\]\n]{0,200}\] and User \[name=arn:aws"
            r"|You don't have access to the model|Model access is denied"
            # Go v1, JavaScript v2 and .NET, where S3 answers without a body
            r"|\bForbidden: Forbidden(?:$|\W{1,4}t?status code: 403)"
            r"|Error making request with Error Code Forbidden and Http Status Code Forbidden"
        ),
    },
)
