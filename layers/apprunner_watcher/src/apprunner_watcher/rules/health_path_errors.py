"""The health check asks for a path that the application answers with a server error."""

from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

_SERVER_ERRORS = range(500, 600)


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find an access log in which every answer to the health check is a server error, or a health report of trouble."""
    answers = snapshot.health_check_answers
    if not snapshot.checked_path or any(answer.status not in _SERVER_ERRORS for answer in answers):
        return None
    reports = [match.line for match in matches.application("reports")]
    lines = [*(answer.line for answer in answers[:1]), *reports[:1]]
    if not lines:
        return None
    path = snapshot.checked_path
    return Finding(
        Confidence.LIKELY if snapshot.is_unhealthy else Confidence.POSSIBLE,
        (*(Evidence.of(line) for line in lines), Evidence.setting("HealthCheckConfiguration.Path", path)),
        {"path": path, "status": str(answers[0].status) if answers else "with an error"},
    )


RULE = Rule(
    id="health-path-errors",
    code="health-path-errors",
    title="The health check of {path} is answered {status}",
    phase=Phase.HEALTH,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "The application is up, and its health route itself fails: it raises, or reports a dependency (database,"
        " cache) that it cannot reach."
    ),
    fix=(
        Step("Read the error that the application logs beside these answers, and cure what it names."),
        Step("Let the route at {path} say whether this process can serve, and report dependencies elsewhere."),
    ),
    false_alarms="A few 503 while the application warms up are ordinary: here every answer is an error.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/manage-configure-healthcheck.html",
    rollback="helps",
    check=check,
    gives_way_to=frozenset(
        {
            "connections-exhausted",
            "database-migration-failed",
            "database-not-migrated",
            "dependency-credentials-wrong",
            "dependency-name-unresolved",
            "dependency-not-ready",
            "dependency-on-localhost",
            "dependency-unreachable",
            "egress-no-connector",
            "egress-no-internet",
            "host-header-rejected",
            "instance-role-permission",
            "proxy-protocol",
            "security-group-blocks",
            "tls-required",
            "vpc-endpoint-missing",
        }
    ),
    is_generic=True,
    application_patterns={
        "reports": (
            r"HealthIndicator\b[^\n]{0,80} health check failed|Reporting Health Down"  # Spring Boot; Quarkus, MicroProfile
            r"|Health check \S+ with status Unhealthy completed after"  # ASP.NET
            r"|\[HealthCheckService\] Health Check has failed!|ServiceUnavailableException: Service Unavailable Exception"  # Nest
            r"|\bHealthCheckError: "  # Terminus
        ),
    },
)
