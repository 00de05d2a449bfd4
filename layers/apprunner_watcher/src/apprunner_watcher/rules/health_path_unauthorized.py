"""The health check asks for a path that the application answers with 401 or 403."""

from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

_UNAUTHORIZED, _FORBIDDEN = 401, 403
_SERVER_ERRORS = range(500, 600)


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find an access log in which every answer to the health check demands authentication."""
    told = [answer for answer in snapshot.health_check_answers if answer.status not in _SERVER_ERRORS]
    statuses = {answer.status for answer in told}
    if not statuses or not statuses <= {_UNAUTHORIZED, _FORBIDDEN} or matches.application("host_check"):
        return None
    path, demands = snapshot.checked_path, matches.application("demands_login")
    if not snapshot.is_unhealthy or matches.application("forbids_all"):
        confidence = Confidence.POSSIBLE
    elif statuses == {_UNAUTHORIZED} or demands:
        confidence = Confidence.CERTAIN
    else:
        confidence = Confidence.LIKELY  # 403 is also what a Host check or an IP filter answers
    return Finding(
        confidence,
        (
            Evidence.of(told[0].line),
            *(Evidence.of(match.line) for match in demands[:1] if match.line != told[0].line),
            Evidence.setting("HealthCheckConfiguration.Path", path),
        ),
        {"path": path, "status": str(told[0].status), "service_arn": snapshot.service.arn},
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
    gives_way_to=frozenset({"host-header-rejected"}),
    application_patterns={
        "demands_login": (
            r"(?i)Using generated security password: |Will secure \S+ with|AuthorizationFilter|FilterSecurityInterceptor"  # Spring Security
            r"|AuthenticationScheme: \S+ was (?:challenged|forbidden)|Authorization failed"  # ASP.NET
            r"|Authentication credentials were not provided|No authorization token was found|Not authenticated"  # Django REST, express-jwt, FastAPI
            r"|UnauthorizedException|UnauthorizedError|Unauthenticated\.|(?:missing|no) (?:api[ _-]?key|auth(?:orization)? (?:header|token))"
            r"|jwt (?:must be provided|missing)|no user/password was provided for basic authentication|AH01618"
        ),
        "host_check": (
            r"(?i)Invalid HTTP_HOST header|ALLOWED_HOSTS|Blocked hosts?:|HostAuthorization|HostNotAllowed|host is not allowed"
            r"|does not match an allowed host|Host not allowed|DisallowedHost|Invalid Host|Untrusted Host|not trusted\b"
            r"|non-local 'Host'|trusted domain|trusted_?hosts?|Host not permitted"
        ),
        # Apache and nginx have nothing to show: no question of a login
        "forbids_all": (
            r"AH01276|AH01630: client denied by server configuration|directory index of \"[^\"]*\" is forbidden"
        ),
    },
)
