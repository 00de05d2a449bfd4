"""The application does come up, later than the health check allows."""

from datetime import timedelta

from apprunner_watcher.log import Line
from apprunner_watcher.rule import Confidence, Evidence, Finding, Match, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

# "App Runner provides five minutes of instance startup time": what takes longer cannot pass.
_STARTUP_TIME = timedelta(minutes=5)
_SLOW = timedelta(seconds=60)  # what starts sooner may as well fail for another reason


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find an application that listens where it should, after the check gave up or long after it began to start."""
    failed = snapshot.service_log.health_check_failed
    lines, listening = snapshot.application_log.failing, snapshot.application_log.listening
    if not lines or not failed or not snapshot.is_unhealthy or snapshot.health_check_answers:
        return None
    right = [one.line for one in listening if one.port == snapshot.checked_port and not one.is_loopback]
    if listening and not right:
        return None  # then the port or the address is what is wrong
    if right and right[0].at > failed.at:
        return _finding(
            snapshot, Confidence.CERTAIN, right[0].at - lines[0].at, Evidence.of(right[0]), Evidence.of(failed)
        )
    if slowest := _slowest(snapshot, matches.application("started"), right):
        return _outlasts_patience(snapshot, *slowest)
    # it never came up: then it was at work to the last, or something else is wrong
    busy = [match.line for match in matches.application("busy") if match.line is lines[-1]]
    if not busy:
        return None
    return _finding(snapshot, Confidence.POSSIBLE, failed.at - lines[0].at, Evidence.of(busy[0]), Evidence.of(failed))


def _outlasts_patience(snapshot: Snapshot, line: Line, took: timedelta) -> Finding | None:
    health_check = snapshot.configuration.health_check
    patience = timedelta(seconds=health_check.interval * health_check.unhealthy_threshold)
    if took <= patience:
        return None
    waits = f"{health_check.unhealthy_threshold} failures, {health_check.interval} s apart"
    evidence = (Evidence.of(line), Evidence.setting("HealthCheckConfiguration", waits))
    return _finding(snapshot, _confidence(took, patience), took, *evidence)


def _slowest(snapshot: Snapshot, started: tuple[Match, ...], right: list[Line]) -> tuple[Line, timedelta] | None:
    """The line that ends the start, and how long that took: by the application's own words, or by the clock."""
    told = [(match.line, _told(match)) for match in started]
    clock = [(line, line.at - _first(snapshot, line).at) for line in right]
    return max((*told, *clock), key=lambda one: one[1], default=None)


def _first(snapshot: Snapshot, line: Line) -> Line:
    return next(one for one in snapshot.application_log.failing if one.stream == line.stream)


def _told(match: Match) -> timedelta:
    groups = match.found.groupdict()
    milliseconds = next((groups[name] for name in ("ms", "ms2", "ms3", "ms4") if groups[name]), None)
    if milliseconds:
        return timedelta(milliseconds=float(milliseconds.replace(",", "")))
    if groups["n"]:
        return timedelta(seconds=float(groups["n"]) * (60 if groups["unit"].startswith("m") else 1))
    seconds = next(groups[name] for name in ("s", "s2", "s3", "s4") if groups[name])
    return timedelta(minutes=float(groups["min"] or 0), seconds=float(seconds))


def _confidence(took: timedelta, patience: timedelta) -> Confidence:
    if took > _STARTUP_TIME:
        return Confidence.CERTAIN
    return Confidence.LIKELY if took >= max(_SLOW, patience * 2) else Confidence.POSSIBLE


def _finding(snapshot: Snapshot, confidence: Confidence, took: timedelta, *evidence: Evidence) -> Finding:
    values = {"seconds": f"{took.total_seconds():.0f}", "service_arn": snapshot.service.arn}
    return Finding(confidence, evidence, values)


RULE = Rule(
    id="slow-start",
    code="slow-start",
    title="The application needs {seconds} s to start, longer than the health check waits",
    phase=Phase.HEALTH,
    looks_at=frozenset({"application_log", "configuration", "service", "service_log"}),
    why=(
        "App Runner begins to check as soon as the container runs, and gives up before the application listens. Usual"
        " reasons: migrations, builds, downloads or models at start, or too little CPU."
    ),
    fix=(
        Step("Listen first and do the slow work behind that, or take it out of the start: into the build, or a job."),
        Step("Give the instance more CPU: a JVM, and whatever compiles at start, comes up several times faster."),
        Step(
            "Let the health check be more patient: an interval of up to 20 s and an unhealthy threshold of up to 20.",
            "aws apprunner update-service --service-arn {service_arn}"
            " --health-check-configuration Interval=20,UnhealthyThreshold=20",
        ),
    ),
    false_alarms="A slow start that ends before the health check gives up is not why it failed.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/manage-configure-healthcheck.html",
    rollback="helps",
    check=check,
    application_patterns={
        "started": (
            # Spring Boot; Quarkus, Ktor
            r"\bStarted \S{1,100} in (?P<s>\d+(?:\.\d+)?) seconds|\bstarted in (?P<s2>\d+(?:\.\d+)?) ?s(?:econds)?\b"
            # Micronaut; Tomcat; WildFly; Jetty
            r"|Startup completed in (?P<ms>\d+)ms|Server startup in \[?(?P<ms2>[\d,]{1,9})\]? (?:ms|milliseconds)|\bstarted in (?P<ms3>\d+)ms\b"
            # Next.js, Nuxt; people
            r"|\bStarted\b[^\n]{0,100}@(?P<ms4>\d+)ms|[Ss]tart-?(?:up)? time:? (?P<s4>\d+(?:\.\d+)?) ?s(?:ec|econds)?\b"
            r"|\bReady in (?:(?P<min>\d+)m ?)?(?P<s3>\d+(?:\.\d+)?)s\b"
            # people, Metabase: what was started, built or loaded, and how long that took
            r"|\b(?i:models?|server|app|application|service|initiali[sz]ation|startup|boot|build|index|cache|weights|pipeline|ready|booted|loaded|compiled|running)\b[^\n]{0,60}\b(?:in|after|took):? "
            r"(?P<n>\d+(?:\.\d+)?) ?(?P<unit>s|secs?|seconds|m|mins?|minutes)\b"
        ),
        "busy": (
            r"(?i)Loading checkpoint shards: |Downloading (?:shards|model|\S{1,60}:)|Fetching \d+ files: |Loading (?:the )?model"  # models
            r"|Creating an optimized production build|Building for production|\bvite v[\d.]+ building|webpack[^\n]{0,40}compiling|Compiling \d+ files"
            r"|Running (?:database )?migrations|Applying \S{1,100}\.\.\.$|Precompiling assets|Collecting static"
            r"|Waiting for application startup\.$|Installing dependencies|^(?:yarn|npm|pnpm) install\b|\[\d/4\] Fetching packages"
        ),
    },
    gives_way_to=frozenset(
        {
            "connections-exhausted",
            "database-migration-failed",
            "dependency-credentials-wrong",
            "dependency-name-unresolved",
            "dependency-not-ready",
            "dependency-on-localhost",
            "dependency-unreachable",
            "egress-no-connector",
            "egress-no-internet",
            "out-of-memory",
            "security-group-blocks",
            "tls-required",
            "vpc-endpoint-missing",
            "worker-timeout",
        }
    ),
)
