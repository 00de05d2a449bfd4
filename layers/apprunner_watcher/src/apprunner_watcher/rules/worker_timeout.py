"""The server's own supervisor kills workers that do not come up, or do not answer it, in time."""

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
)
from apprunner_watcher.snapshot import Snapshot

_SERVER_ERROR = 500
_AGAIN_AND_AGAIN = 3
# where the worker was when it was killed: it waited for somebody else
_WAITS = re.compile(
    r"socket\.py|ssl\.py|/(?:psycopg2?|asyncpg|pymysql|MySQLdb|pymongo|redis|urllib3|httpx?|requests|botocore|kombu)/"
    r"|\b(?:connect|getaddrinfo|recv|read_response)\("
)


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find workers that were killed for being slow, in a service that never answered well.

    The supervisor says that it listens before its workers do anything: that proves nothing here.
    """
    killed = _killed(matches)
    if not killed or any(answer.status < _SERVER_ERROR for answer in snapshot.health_check_answers):
        return None
    if snapshot.is_live:
        confidence = Confidence.LIKELY if len(killed) >= _AGAIN_AND_AGAIN else None
    elif matches.application("unsure"):
        confidence = Confidence.POSSIBLE
    else:
        is_repeated = len(killed) > 1 or snapshot.has_ended
        confidence = Confidence.CERTAIN if is_repeated else Confidence.LIKELY
    if not confidence:
        return None
    if any(_WAITS.search(line.text) for trace in snapshot.application_log.traces for line in trace.lines):
        confidence = at_most(Confidence.POSSIBLE, confidence)
    servers = {name: "yes" for name in ("gunicorn", "puma", "uwsgi", "unicorn") if matches.application(name)}
    evidence = tuple(Evidence.of(match.line) for match in killed[:2])
    return Finding(confidence, evidence, {**servers, "service_arn": snapshot.service.arn})


def _killed(matches: Matches) -> tuple[Match, ...]:
    names = ("gunicorn", "puma", "uwsgi", "unicorn", "other", "unsure")
    return next((found for name in names if (found := matches.application(name))), ())


RULE = Rule(
    id="worker-timeout",
    code="worker-timeout",
    title="The server kills its workers because they take too long",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service", "service_log"}),
    why=(
        "The server's master process watches its workers and kills those that do not report in time. A worker that loads a"
        " large model, warms caches, migrates or waits at start is killed before it can serve, again and again."
    ),
    fix=(
        Step("Let workers take longer to come up.", "gunicorn --timeout 300 …", when="gunicorn"),
        Step("Let workers take longer to boot, in config/puma.rb.", "worker_boot_timeout 300", when="puma"),
        Step("Let requests take longer, in uwsgi.ini.", "harakiri = 300", when="uwsgi"),
        Step("Let workers take longer, in unicorn.rb.", "timeout 300", when="unicorn"),
        Step(
            "Load once and before the fork, in place of once per worker (`gunicorn --preload`, Puma's `preload_app!`), with one"
            " or two workers: several that load at the same time slow one another down.",
        ),
        Step(
            "Move slow work out of the start: load models when they are first asked for, migrate before the deployment."
        ),
        Step(
            "Give the health check as much patience, or the deployment fails all the same.",
            "aws apprunner update-service --service-arn {service_arn} --health-check-configuration Interval=20,UnhealthyThreshold=20",
        ),
    ),
    false_alarms=(
        "A worker that hangs in a connection to a database is killed in the same words: then the connection is what to"
        " change. `Perhaps out of memory?` after a timeout is gunicorn's guess."
    ),
    docs="https://docs.gunicorn.org/en/stable/settings.html#timeout",
    rollback="helps",
    check=check,
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
    gives_way_to=frozenset(
        {
            "connections-exhausted",
            "dependency-credentials-wrong",
            "dependency-name-unresolved",
            "dependency-not-ready",
            "dependency-on-localhost",
            "dependency-subnet-routing",
            "dependency-unreachable",
            "egress-no-connector",
            "egress-no-internet",
            "security-group-blocks",
            "tls-required",
            "vpc-endpoint-missing",
        }
    ),
    application_patterns={
        "gunicorn": r"\bWORKER TIMEOUT\b",
        "puma": r"Terminating timed out worker",
        "uwsgi": r"\bHARAKIRI (?:ON WORKER|\[|!)",
        "unicorn": r"worker=\d+ PID:\d+ timeout \(\d+s > \d+s\), killing",
        # Passenger, PHP-FPM, mod_wsgi; Airflow; Celery
        "other": (
            r"A timeout occurred while (?:spawning|starting) (?:an application process|the application)|did not write a startup response in time"
            r"|\bchild \d+, script '[^']*'[^\n]{0,200}execution timed out|Timeout when reading response headers from daemon process"
            r"|No response from gunicorn master within \d+ seconds|Timed out waiting for UP message from"
        ),
        # uvicorn says it of a worker that hangs, and of one that crashed
        "unsure": r"^(?:\S+ {1,6})?Child process \[\d+\] died",
    },
)
