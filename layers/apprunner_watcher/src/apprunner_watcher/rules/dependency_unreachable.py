"""A named dependency refuses the connection or does not answer, and nothing finer is known."""

import re

from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step, gravest, weight
from apprunner_watcher.snapshot import Snapshot

_OWN_HOST = re.compile(r"localhost|127\.0\.0\.1|::1\b|169\.254\.|\.s\.PGSQL\.|through socket")
# agents for traces and metrics, which applications run without
_TELEMETRY = re.compile(
    r"otlp|opentelemetry|:43(?:17|18)\b|:8126\b|datadog|ddtrace|statsd|sentry|newrelic|x-?ray|jaeger|zipkin",
    re.IGNORECASE,
)


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a connection to another host that failed, in an application that never serves."""
    failed = [
        match
        for match in matches.application("failed")
        if not _OWN_HOST.search(match.line.text) and not _TELEMETRY.search(match.line.text)
    ]
    if not failed or not weight(snapshot):
        return None
    first, _ = gravest(failed, Confidence.POSSIBLE)
    return Finding(
        Confidence.POSSIBLE,  # as long as the network is not looked at, every finer cause may be behind it
        (Evidence.of(first.line), Evidence.setting("EgressType", snapshot.configuration.egress_type)),
        {"egress": snapshot.configuration.egress_type},
    )


RULE = Rule(
    id="dependency-unreachable",
    code="dependency-unreachable",
    title="The application cannot reach a dependency (egress: {egress})",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "The connection was refused or not answered. With DEFAULT egress nothing inside a VPC can be reached; with VPC"
        " egress the connector's security group must be admitted by the dependency's, and the internet needs a NAT gateway."
    ),
    fix=(
        Step("For a private database or cache: give the service a VPC connector into its VPC."),
        Step("Admit the connector's security group in the dependency's security group on its port."),
        Step("For the internet from a VPC connector: use private subnets with a route to a NAT gateway."),
    ),
    false_alarms="Clients log a failed first attempt and go on: then the application listens, and this is not the cause.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/network-vpc.html",
    rollback="does-not-help",
    check=check,
    application_patterns={
        "failed": re.compile(
            r"\b(?:ECONNREFUSED|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT)\b"
            r"|(?:connection to server at|could not connect to server)[^\n]{0,200}(?:timed out|timeout expired|refused|unreachable)"
            r"|Can't connect to (?:MySQL|MariaDB)|Can't reach database server at"
            r"|\b(?:Connection|Timeout|Operational|ServerSelectionTimeout|ConnectTimeout|EndpointConnection)Error\b(?![^\n]*authentication)[^\n]{0,200}(?:refused|timed out|timeout|Timeout|Could not connect)"
            r"|dial tcp \S+: (?:connect: |i/o timeout)|context deadline exceeded|Communications link failure|[Cc]onnect(?:ion)? timed out"
            r"|Connection to \S+ refused|Connection terminated due to connection timeout|Timeout acquiring a connection|connection pool timed out|Connection attempt timed out"
            r"|UnableToConnect on |not possible to connect to the redis|Failed to connect to \d|network-related or instance-specific error"
        ),
    },
    is_generic=True,
)
