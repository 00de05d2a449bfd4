"""A client falls back to localhost because its variable is not set or has another name."""

import re
from collections.abc import Sequence

from apprunner_watcher.knowledge.outbound import is_telemetry
from apprunner_watcher.knowledge.proof import is_overcome
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
    gravest,
    weight,
)
from apprunner_watcher.snapshot import Snapshot

_USUAL_PORTS = {
    "5432": "PostgreSQL",
    "5433": "PostgreSQL",
    "6432": "PgBouncer",
    "54322": "PostgreSQL",
    "3306": "MySQL",
    "3307": "MySQL",
    "33060": "MySQL",
    "1433": "SQL Server",
    "1521": "Oracle",
    "6379": "Redis",
    "6380": "Redis",
    "11211": "Memcached",
    "27017": "MongoDB",
    "27018": "MongoDB",
    "5672": "RabbitMQ",
    "5671": "RabbitMQ",
    "61613": "ActiveMQ",
    "61616": "ActiveMQ",
    "4222": "NATS",
    "1883": "the MQTT broker",
    "9092": "Kafka",
    "9093": "Kafka",
    "29092": "Kafka",
    "2181": "ZooKeeper",
    "9200": "Elasticsearch",
    "9300": "Elasticsearch",
    "9042": "Cassandra",
    "7687": "Neo4j",
    "8086": "InfluxDB",
    "8123": "ClickHouse",
    "26257": "CockroachDB",
    "28015": "RethinkDB",
    "2379": "etcd",
    "8500": "Consul",
    "8200": "Vault",
    "4566": "LocalStack",
    "7700": "Meilisearch",
    "8108": "Typesense",
    "6333": "Qdrant",
    "6334": "Qdrant",
    "19530": "Milvus",
    "11434": "Ollama",
    "1025": "the mail server",
    "587": "the mail server",
    "465": "the mail server",
    "389": "LDAP",
}
_FAILED = re.compile(
    r"ECONNREFUSED|econnrefused|\b[Rr]efused\b|ConnectionRefused|\bfailed\b|[Cc]an't (?:connect|reach)|[Cc]annot connect|[Ff]ailed (?:to connect|connecting)"
    r"|[Uu]nable to (?:connect|bootstrap|revive)|UnableToConnect|[Cc]ould ?n[o']t (?:connect|be established|open)|not possible to connect|[Ee]rror connecting"
    r"|No connection could be made|[Cc]onnect call failed|Max retries exceeded|Failed to establish a new connection|brokers are down|returned error|\bdisconnected\b"
    r"|Network Adapter could not|Exception in monitor thread|[Tt]imed out|timeout|ETIMEDOUT|no response|couldn't connect to|ServerSelection|[Cc]annot assign requested address|EADDRNOTAVAIL"
)
_SEVERAL = 3
_REFUSED = re.compile(
    r"ECONNREFUSED|econnrefused|\b[Rr]efused\b|ConnectionRefused|Could not connect to the endpoint URL|UnableToConnect"
)


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a refused connection to a dependency's port inside the container itself, where nothing of that kind runs."""
    found = (*matches.application("endpoint"), *matches.application("socket"))
    counted = [match for match in found if _counts(match)]
    if matches.application("spring_amqp_failed"):
        counted += matches.application("spring_amqp")
    failed = sorted(counted, key=lambda match: match.line.at)
    confidence = weight(snapshot)
    if not failed or not confidence:
        return None
    usual = [match for match in failed if _port(match) in _USUAL_PORTS]
    own = {*_USUAL_PORTS, str(snapshot.checked_port), *(str(one.port) for one in snapshot.application_log.listening)}
    others = [match for match in failed if _port(match) not in own and _REFUSED.search(match.line.said)]
    if not (usual or others):
        return None
    first, confidence = gravest(usual or others, confidence)
    if snapshot.is_live and not _lasts(snapshot, usual or others):
        return None
    if snapshot.is_live and is_overcome(snapshot.application_log, failed[-1].line):
        return None
    if not usual:
        confidence = at_most(Confidence.LIKELY if snapshot.has_ended else Confidence.POSSIBLE, confidence)
    if matches.application("runs_its_own"):
        confidence = Confidence.POSSIBLE
    port = _port(first)
    return Finding(
        confidence,
        _evidence(first, failed),
        {"dependency": _USUAL_PORTS.get(port, "a service"), "port": port},
    )


def _lasts(snapshot: Snapshot, failed: Sequence[Match]) -> bool:
    """Whether a live service was refused for good: with an error, or on every one of several attempts."""
    refused = [match for match in failed if _REFUSED.search(match.line.said)]
    if not refused:
        return False
    is_error = not gravest(failed, Confidence.CERTAIN)[0].line.is_passing
    is_over = is_overcome(snapshot.application_log, refused[-1].line)
    return (is_error or len(refused) >= _SEVERAL) and not is_over


def _evidence(first: Match, failed: Sequence[Match]) -> tuple[Evidence, ...]:
    port = _port(first)
    others = [match for match in failed if _port(match) != port and _port(match) in _USUAL_PORTS]
    return (Evidence.of(first.line), *(Evidence.of(match.line) for match in others[:1]))


def _counts(match: Match) -> bool:
    text = match.line.said
    # AggregateError names its addresses in a field of its own
    if (
        is_telemetry(text)
        or is_telemetry(match.line.text)
        or "while connecting to upstream" in text
        or not _port(match)
    ):
        return False
    is_socket = "postgres" in match.found.re.groupindex
    return is_socket or bool(_FAILED.search(f"{text} {match.before}"))


def _port(match: Match) -> str:
    """The port; clients that go to the default place do not always name it."""
    groups = match.found.groupdict()
    if groups.get("postgres"):
        return "5432"
    if groups.get("mysql"):
        return "3306"
    if groups.get("sqlserver"):
        return "1433"
    return groups.get("port") or ""


RULE = Rule(
    id="dependency-on-localhost",
    code="dependency-on-localhost",
    title="The application looks for {dependency} on localhost:{port}",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "operations", "service_log"}),
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
        # localhost:6379, 127.0.0.1:5432, localhost/127.0.0.1:5432, "localhost" (127.0.0.1), port 5432, Host: 127.0.0.1, Port: 3306,
        # host='localhost', port=9200, (host=localhost)(port=3306), ('127.0.0.1', 5432), [::1]:5432, :::27017, [('localhost', 9092)]
        "endpoint": (
            r"(?:127\.0\.0\.1|\blocalhost|\[::1\]|::1|\bECONNREFUSED :::?|0\.0\.0\.0)[\]\"'`)]*(?:/127\.0\.0\.1|/[0:]*:1\b|/<unresolved>)?(?: ?\([\w.:/]+\))?"
            r"(?::|',? | \[[^\]]{1,40}\], (?=port)|\]? on tcp |,? (?:on )?[Pp]ort ?[:=]? ?\"?|', port=|\)\(port=|,(?=\d))[`'(]?(?P<port>\d{3,5})\b"
        ),
        # Spring AMQP says where it goes, and then, without the place, that it failed
        "spring_amqp": r"Attempting to connect to: \[(?:localhost|127\.0\.0\.1|0:0:0:0:0:0:0:1|::1):(?P<port>\d+)",
        "spring_amqp_failed": r"AmqpConnectException: [^\n]{0,80}Connection refused",
        # a server of its own that the container starts: then it is that one which fails, or is not up yet
        "runs_its_own": (
            r"PostgreSQL init process|database system is ready to accept|redis-server \*|Ready to accept connections|(?:mysqld|mariadbd): ready for connections"
            r"|\bStarting (?:mysqld|redis-server|mongod|postgres)|supervisord started with pid"
        ),
        "socket": (
            r"(?P<sqlserver>LocalDB is not supported on this platform|Unable to locate a Local Database Runtime)"
            r"|(?P<postgres>/\.s\.PGSQL\.\d+|Is the server running (?:locally|on (?:host \"(?:localhost|127\.0\.0\.1|::1)\"|that host and accepting\"? on socket)))"
            r"|(?P<mysql>[Cc]an't connect to (?:local )?(?:MySQL |MariaDB )?server (?:on '(?:localhost|127\.0\.0\.1)|through socket)"
            r"|mysqld?\.sock\b|SQLSTATE\[HY000\] \[2002\] No such file or directory|\(HY000/2002\): No such file or directory)"
        ),
    },
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
)
