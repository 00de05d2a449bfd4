"""The database, or the application's own pool, has no connection left."""

import re

from apprunner_watcher.knowledge.proof import proved
from apprunner_watcher.rule import Confidence, Evidence, Finding, Match, Matches, Occasion, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find the server's or the pool's own words for "no more"; a pool that only times out may lack the server."""
    full = matches.application("full")
    if found := proved(snapshot, full):
        # of no other condition does a server or pool speak so
        return _finding(found[0], Confidence.CERTAIN if snapshot.is_live else found[1], matches)
    if snapshot.is_live and full and not full[0].line.is_passing:
        return _finding(full[0], Confidence.POSSIBLE, matches)
    # a service that is live had connections before; one that starts may not reach the server at all
    timed_out = matches.application("timed_out") if snapshot.is_live else ()
    least = 1 if matches.application("hikari") else 2  # Hikari waits for half a minute before it says so
    if found := proved(snapshot, (*matches.application("hikari"), *timed_out), least=least):
        return _finding(found[0], Confidence.LIKELY if snapshot.is_live else Confidence.POSSIBLE, matches)
    return None


def _finding(match: Match, confidence: Confidence, matches: Matches) -> Finding:
    of_pool = "" if match in matches.application("full") and not _IS_POOL.search(match.line.said) else "yes"
    return Finding(confidence, (Evidence.of(match.line),), {"pool": of_pool, "server": "" if of_pool else "yes"})


_IS_POOL = re.compile(r"QueuePool|HikariPool|connection pool|the pool\b|Pool empty|\bP2024\b|checking out a connection")

RULE = Rule(
    id="connections-exhausted",
    code="connections-exhausted",
    title="No database connection is left",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "Every instance keeps a pool of its own, and during a deployment the old and the new version run side by side:"
        " together they ask for more connections than the server, its pooler or the pool allows."
    ),
    fix=(
        Step(
            "Make the pool of each instance smaller: pool size times instances times two must stay below the server's limit.",
            when="server",
        ),
        Step("Put RDS Proxy or PgBouncer in transaction mode between, or raise the server's limit.", when="server"),
        Step(
            "Look for connections that are not given back (a missing `release` or `close`, long transactions).",
            when="pool",
        ),
        Step("Make the pool larger than what one instance does at a time, within the server's limit.", when="pool"),
    ),
    false_alarms=(
        "A pool whose server cannot be reached times out with nearly the same words. A single line at a peak, in a service"
        " that goes on, is not a cause."
    ),
    docs="https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.html",
    rollback="does-not-help",
    check=check,
    application_patterns={
        "full": (
            # PostgreSQL, PgBouncer, Supavisor, RDS Proxy
            r"remaining connection slots are reserved|too many clients already|too many connections for (?:role|database|tenant)"
            r"|no more connections allowed|[Mm]ax client connections reached|max clients (?:are )?(?:reached|limited)|MaxClientsInSessionMode"
            r"|['\"(]53300['\")]|SQLSTATE 53300|TooManyConnectionsError|[Tt]imed-out waiting to acquire database connection"
            r"|Failed to acquire permit to connect to the database"  # Neon
            # MySQL and MariaDB
            r"|(?:[Ee]rror|SQLSTATE|HY000|08004|Exception|1040)[^\n]{0,80}\b[Tt]oo many connections\b|\bER_CON_COUNT_ERROR\b|\bER_TOO_MANY_USER_CONNECTIONS\b"
            r"|max_user_connections' (?:active connections|resource)|exceeded the 'max_(?:user_)?connections|^Too many connections$"
            # Redis, MongoDB, Oracle, SQL Server, RabbitMQ
            r"|max number of clients reached|connection refused because too many open connections|ORA-(?:00018|00020|12516|12519|12520)\b"
            r"|(?:request|session) limit for the (?:database|elastic pool) is \d+ and has been reached|connection limit \(\d+\) is reached"
            # Prisma
            r"|\bP2037\b|Too many database connections opened|\bP2024\b|Timed out fetching a new connection from the connection pool"
            # SQLAlchemy, psycopg, peewee, redis-py
            r"|QueuePool limit of size|TooManyRequests: the pool|MaxConnectionsExceeded|ConnectionError: Too many connections"
            # Java: HikariCP names its counts, Tomcat, DBCP, Jedis
            r"|Connection is not available, request timed out[^\n]{0,60}\btotal=[1-9]|Pool empty\. Unable to fetch a connection in|JedisExhaustedPoolException"
            r"|pool error Timeout waiting for idle object"
            # .NET, Ruby, Node.js, Go, Rust
            r"|connection pool has been exhausted|prior to obtaining a connection from the pool|all pooled connections were in use"
            r"|could not obtain a (?:database )?connection (?:from the pool )?within|Error: Queue limit reached|redis: connection pool timeout"
            r"|[Tt]imed out while checking out a connection from connection pool|waiting for a slot to become available"
        ),
        "hikari": r"Connection is not available, request timed out(?![^\n]{0,60}\btotal=0)",
        "timed_out": (
            # Agroal, Knex, Sequelize, node-postgres, sqlx, r2d2, psycopg_pool, Ecto, Sequel, Jedis, c3p0, MongoDB
            r"Acquisition timeout while waiting for new connection|The pool is probably full"
            r"|ConnectionAcquireTimeoutError|timeout exceeded when trying to connect|pool timed out while waiting for an open connection"
            r"|\bPoolTimedOut\b|timed out waiting for connection|couldn't get a connection after|your connection pool cannot serve them fast enough"
            r"|Sequel::PoolTimeout|Could not get a resource from the pool|attempt by a client to checkout a Connection has timed out|WaitQueueTimeout"
        ),
    },
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
)
