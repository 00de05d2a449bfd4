"""The health check asks for a path that the application answers with 401 or 403."""

import re

from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find an access log in which every answer to the health check demands authentication."""
    answers = snapshot.health_check_answers
    statuses = {answer.status for answer in answers}
    if not statuses or not statuses <= {401, 403} or matches.application("host_check"):
        return None
    # 403 is also what a Host check or an IP filter answers
    is_plain = statuses == {401} and len(answers) > 1
    path = snapshot.checked_path
    return Finding(
        Confidence.CERTAIN if is_plain else Confidence.LIKELY,
        (Evidence.of(answers[0].line), Evidence.setting("HealthCheckConfiguration.Path", path)),
        {"path": path, "status": str(answers[0].status), "service_arn": snapshot.service.arn},
    )


RULE = Rule(
    id="health-path-unauthorized",
    code="health-path-unauthorized",
    title="The health check of {path} is answered {status}: login wanted",
    phase=Phase.HEALTH,
    looks_at=frozenset({"application_log", "configuration", "service", "service_log"}),
    why="App Runner's health check sends no credentials, and an answer of 401 or 403 counts as unhealthy.",
    fix=(
        Step("Exempt {path} from authentication (and from IP and Host filters), and deploy that."),
        Step(
            "Or let the health check ask for a public path.",
            "aws apprunner update-service --service-arn {service_arn}"
            " --health-check-configuration Protocol=HTTP,Path=/YOUR/PUBLIC/PATH",
        ),
    ),
    false_alarms="A Host check (Django ALLOWED_HOSTS, Rails) also answers 400 or 403, and says so in the log.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/manage-configure-healthcheck.html",
    rollback="helps",
    check=check,
    application_patterns={
        "host_check": re.compile(
            r"Invalid HTTP_HOST header|ALLOWED_HOSTS|Blocked hosts?:|HostAuthorization|HostNotAllowed|host is not allowed",
            re.IGNORECASE,
        )
    },
)
