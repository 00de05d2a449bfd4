"""The connection to the source provider, or the branch, cannot be used."""

from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find App Runner's words for a source that it cannot read."""
    configuration = snapshot.configuration
    if not configuration.is_from_source or snapshot.service_log.built or matches.service("pulled"):
        return None
    if refused := matches.service("refused"):
        settings = (Evidence.setting("Branch", configuration.branch),) if configuration.branch else ()
        return Finding(Confidence.CERTAIN, (Evidence.of(refused[0].line), *settings))
    if asked := matches.service("connection"):
        return Finding(Confidence.LIKELY, (Evidence.of(asked[0].line),))
    return None


RULE = Rule(
    id="source-connection-broken",
    code="source-connection-broken",
    title="App Runner cannot read the source code repository",
    phase=Phase.BUILD,
    looks_at=frozenset({"configuration", "service_log"}),
    why=(
        "App Runner reads the source through a connection to GitHub or Bitbucket. It must be AVAILABLE (its handshake was"
        " completed in the console), the provider's app must be allowed on the repository, and the branch must exist."
    ),
    fix=(
        Step(
            "Look at the connection's status.",
            "aws apprunner list-connections --query 'ConnectionSummaryList[].[ConnectionName,Status,ProviderType]' --output table",
        ),
        Step("Complete the handshake in App Runner's console if it is PENDING_HANDSHAKE, or make a new connection."),
        Step("Allow the AWS Connector app on this repository, in the settings of the provider's organisation."),
        Step("Check that the branch still has the name that the service follows."),
    ),
    false_alarms="A private package or submodule that the build itself fetches needs credentials of its own.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/manage-connections.html",
    rollback="does-not-help",
    check=check,
    service_patterns={
        "refused": (
            r"Failed to retrieve the latest commit|Failed to (?:pull|clone|fetch|download|access|retrieve) (?:your |the )?(?:application )?(?:source code|source repository|repository|source)"
            r"|^\[AppRunner\][^\n]{0,160}?(?:[Bb]ranch\b[^\n]{0,120}?(?:not found|not exist|n't exist)|(?:source )?(?:code )?[Rr]epository\b[^\n]{0,120}?(?:not found|not exist|n't exist|n't be (?:found|accessed)|not be (?:found|accessed)))"
        ),
        "connection": (
            r"^\[AppRunner\][^\n]{0,160}?(?:\b[Cc]onnection\b[^\n]{0,120}?(?:PENDING_HANDSHAKE|not AVAILABLE|not available|n't available|not valid|invalid|ERROR|expired|revoked)"
            r"|(?:GitHub|GITHUB|Bitbucket|BITBUCKET)\b[^\n]{0,120}?(?:[Uu]nauthorized|[Aa]uthenticat|[Aa]ccess denied|[Pp]ermission|rate limit))"
        ),
        "pulled": r"Successfully pulled your application source code",
    },
)
