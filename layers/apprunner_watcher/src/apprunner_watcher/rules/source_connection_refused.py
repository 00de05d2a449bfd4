"""A call was refused because the connection to the source provider, or the branch, cannot be used."""

from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Occasion, Phase, Rule, Step, refused
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, _: Matches) -> Finding | None:
    """Find App Runner naming the connection, or refusing the sign-in of a call that has one."""
    call = snapshot.call
    if call.action not in _READS_SOURCE:
        return None
    is_named = refused(snapshot, _BROKEN)
    if not is_named and not (call.requested.connection_arn and refused(snapshot, _SIGN_IN)):
        return None
    arn = call.requested.connection_arn
    return Finding(
        Confidence.CERTAIN if is_named else Confidence.LIKELY,
        (Evidence.call(call), *([Evidence("requested", f"connection: {arn}")] if arn else [])),
    )


_READS_SOURCE = {"CreateService", "UpdateService", "StartDeployment", "ResumeService"}
_BROKEN = (
    r"(?i)\bconnection\b[^\n]{0,160}(?:PENDING_HANDSHAKE|not (?:in )?(?:an? )?available|n't available|not valid|invalid|not found|not exist|n't exist|deleted)"
    r"|failed to retrieve the latest commit|valid connection to your (?:GitHub|Bitbucket)"
    r"|(?:source code )?(?:repository|branch)\b[^\n]{0,100}(?:not found|not exist|n't exist|could not be found)[^\n]{0,100}(?:branch|github|bitbucket|source)"
    r"|\brepository https?://\S{1,200} (?:not found|does not exist|doesn't exist|could not be (?:found|accessed)|is not accessible)"
    r"|\bbranch\b[^\n]{0,100}(?:not found|does not exist|doesn't exist)"
)
_SIGN_IN = r"(?i)authentication ?configuration"

RULE = Rule(
    id="source-connection-refused",
    code="source-connection-broken",
    title="App Runner cannot reach the source repository with this connection",
    phase=Phase.CALL,
    occasions=frozenset({Occasion.CALL}),
    looks_at=frozenset(),
    why=(
        "A connection that a tool creates stays PENDING_HANDSHAKE until somebody completes it in the console, and it"
        " gives only the repositories that its installation at the provider may read."
    ),
    fix=(
        Step(
            "See whether the connection is AVAILABLE, and complete its handshake in App Runner's console if it is not.",
            "aws apprunner list-connections",
        ),
        Step("Check that the provider's app may read this repository, and that the branch is there."),
    ),
    false_alarms="A private image that is refused with `Authentication configuration` lacks an access role.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/manage-connections.html",
    rollback="does-not-help",
    check=check,
)
