"""A client falls back to localhost because its variable is not set or has another name."""

import re

from apprunner_watcher.rule import Evidence, Finding, Match, Matches, Phase, Rule, Step, gravest, weight
from apprunner_watcher.snapshot import Snapshot

_USUAL_PORTS = {
    "5432": "PostgreSQL",
    "3306": "MySQL",
    "6379": "Redis",
    "27017": "MongoDB",
    "5672": "RabbitMQ",
    "9092": "Kafka",
    "9200": "Elasticsearch",
    "1433": "SQL Server",
    "11211": "Memcached",
}
_FAILED = re.compile(
    r"ECONNREFUSED|\brefused\b|\bfailed\b|[Cc]an't (?:connect|reach)|[Cc]annot connect|[Ff]ailed to connect|[Uu]nable to connect|UnableToConnect"
    r"|[Cc]ould not (?:connect|be established)|not possible to connect|[Ee]rror connecting|No connection could be made"
)


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a refused connection to a dependency's port inside the container itself, where nothing of that kind runs."""
    failed = [
        match
        for match in (*matches.application("endpoint"), *matches.application("socket"))
        if _port(match) in _USUAL_PORTS and _FAILED.search(f"{match.line.text} {match.before}")
    ]
    confidence = weight(snapshot)
    if not failed or not confidence:
        return None
    first, confidence = gravest(failed, confidence)
    port = _port(first)
    return Finding(
        confidence,
        (Evidence.of(first.line),),
        {"dependency": _USUAL_PORTS[port], "port": port},
    )


def _port(match: Match) -> str:
    """The port; clients of PostgreSQL and MySQL that go to the default place do not always name it."""
    groups = match.found.groupdict()
    if groups.get("postgres"):
        return "5432"
    return "3306" if groups.get("mysql") else groups.get("port") or ""


RULE = Rule(
    id="dependency-on-localhost",
    code="dependency-on-localhost",
    title="The application looks for {dependency} on localhost:{port}",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "Nothing of that kind runs in the container. The variable with the real address is not set, is empty or has"
        " another name, and the client falls back to localhost."
    ),
    fix=(
        Step("Find the name of the variable that the application reads for its {dependency} address, and set it."),
        Step("If it is set, look for a second client (queue, cache, session store) with a variable of its own."),
    ),
    false_alarms=(
        "Agents for traces and metrics (ports 4317, 8126) are looked for on localhost as well, and applications run"
        " without them. An application that listens all the same does not depend on it."
    ),
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/env-variable.html",
    rollback="helps",
    check=check,
    application_patterns={
        # localhost:6379, 127.0.0.1:5432, "localhost" (127.0.0.1), port 5432, Host: 127.0.0.1, Port: 3306
        "endpoint": re.compile(
            r"(?:127\.0\.0\.1|\blocalhost|::1)[\]\"'`)]*(?: \([\d.:]+\))?(?::|,? [Pp]ort:? )`?(?P<port>\d{4,5})\b"
        ),
        "socket": re.compile(
            r"(?P<postgres>/\.s\.PGSQL\.5432|Is the server running (?:locally|on host \"localhost\"))"
            r"|(?P<mysql>Can't connect to (?:local )?MySQL server (?:on '(?:localhost|127\.0\.0\.1)|through socket))"
        ),
    },
)
