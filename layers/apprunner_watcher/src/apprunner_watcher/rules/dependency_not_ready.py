"""A database, cache or broker answers that it is starting up or failing over, and the application does not wait."""

import re

from apprunner_watcher.knowledge.proof import proved
from apprunner_watcher.rule import Confidence, Evidence, Finding, Match, Matches, Phase, Rule, Step, at_most
from apprunner_watcher.snapshot import Snapshot

# the words with which entrypoint scripts go on waiting
_WAITS = re.compile(r"\b(?:unavailable|sleep(?:ing)?|wait(?:ing)?|retry(?:ing)?|try again)\b", re.IGNORECASE)


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find the server's own words for "not yet" that the application does not outlive."""
    if found := proved(snapshot, matches.application("not_ready")):
        match, confidence = found
        return Finding(at_most(_most(match), confidence), (Evidence.of(match.line),))
    if found := proved(snapshot, matches.application("read_only")):
        # a failover, or the address of a replica
        match, confidence = found
        return Finding(at_most(Confidence.LIKELY, confidence), (Evidence.of(match.line),))
    return None


def _most(match: Match) -> Confidence:
    return Confidence.LIKELY if _WAITS.search(match.after) else Confidence.CERTAIN


RULE = Rule(
    id="dependency-not-ready",
    code="dependency-not-ready",
    title="The database or cache was not ready, and the application did not wait for it",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "The server was reached and answered that it is starting, shutting down, resuming or changing its primary. The"
        " application takes that for an error and ends instead of trying again."
    ),
    fix=(
        Step("See that the database or cache is available, and deploy again."),
        Step("Let the application try again for a minute or two before it gives up, or start without the connection."),
        Step("Use the primary's endpoint, not one of a replica, where the application writes."),
    ),
    false_alarms="Clients that try again print the same words and then connect: an application that listens is not hurt.",
    docs="https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html",
    rollback="does-not-help",
    check=check,
    application_patterns={
        "not_ready": (
            # PostgreSQL, CockroachDB
            r"the database system is (?:starting up|shutting down|in recovery mode|not (?:yet )?accepting connections)"
            r"|\b57P03\b|cannot_connect_now|CannotConnectNowError|server is not accepting clients"
            # MySQL, SQL Server, Oracle
            r"|Server shutdown in progress|\bER_SERVER_SHUTDOWN\b|Server is in script upgrade mode|Database '[^']{1,128}' (?:is being recovered|cannot be opened\. It is in the middle)"
            r"|Database '[^']{1,128}' on server '[^']{1,128}' is not currently available|ORA-(?:01033|01034|01109|12528)\b"
            # Aurora Serverless, Neon
            r"|endpoint has been disabled\. Enable it|resuming after being auto-paused|DatabaseResumingException"
            # Redis and Valkey
            r"|\bLOADING (?:Redis|Valkey) is loading|BusyLoadingError|(?:Redis|Valkey) is loading the dataset in memory"
            r"|\bCLUSTERDOWN\b|Hash slot not served|\bMASTERDOWN\b|No master found for\b"
            # MongoDB
            r"|\bNotYetInitialized\b|no replset config has been received|node is recovering|InterruptedAtShutdown|interrupted at shutdown|PrimarySteppedDown"
            # Elasticsearch and OpenSearch
            r"|master_not_discovered_exception|state not recovered / initialized|(?:Elasticsearch|OpenSearch)[^\n]{0,40} is not ready yet|no_shard_available_action_exception"
            # Kafka
            r"|\bLEADER_NOT_AVAILABLE\b|\bBROKER_NOT_AVAILABLE\b|in the middle of a leadership election|(?:COORDINATOR_NOT_AVAILABLE|[Cc]oordinator is not available)"
            # RabbitMQ, Neo4j, Vault, etcd
            r"|broker forced connection closure with reason 'shutdown'|home node [^\n]{1,120} is down or inaccessible"
            r"|TransientError\.General\.DatabaseUnavailable|\bVault is sealed\b|etcdserver: no leader"
        ),
        "read_only": (
            r"\bREADONLY You can't write against a read only|ReadOnlyError: You can't write|cannot execute [A-Z ]{3,40} in a read-only transaction"
            r"|MySQL server is running with the --(?:super-)?read-only option|terminating connection due to administrator command"
            r"|\bNotWritablePrimary\b|NotPrimaryError|NotMasterError|\bnot (?:primary|master)(?: and (?:secondaryOk|slaveOk)=false)?(?:$|[\"',])|No primary available for writes"
        ),
    },
)
