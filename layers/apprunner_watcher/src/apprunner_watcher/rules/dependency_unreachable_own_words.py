"""A script, a driver or the application says in its own words that it gets no connection, and not by what it was refused."""

import re

from apprunner_watcher.knowledge.proof import is_overcome
from apprunner_watcher.rule import Confidence, Evidence, Finding, Match, Matches, Phase, Rule, Step, at_most, weight
from apprunner_watcher.snapshot import Snapshot

_SEVERAL = 3
_FRAMES = 25
_TIMED_OUT = re.compile(r"(?i)time[d ]*-?out|deadline exceeded")


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a connection that is given up, waited for without end, or cut off, where nothing finer is said."""
    confidence = weight(snapshot)
    if not confidence:
        return None
    waits = matches.application("waits")
    told = (
        *_while_connecting(snapshot, matches),
        *matches.application("gave_up"),
        *matches.application("cut_off"),
        *(waits if len(waits) >= _SEVERAL else ()),
    )
    if not told or is_overcome(snapshot.application_log, max(told, key=lambda one: one.line.at).line):
        return None
    first = told[0]
    is_told = first not in matches.application("cut_off") and _TIMED_OUT.search(first.line.said)
    limit = Confidence.LIKELY if is_told else Confidence.POSSIBLE
    egress = snapshot.configuration.egress_type
    evidence = (Evidence.of(first.line), Evidence.setting("EgressType", egress))
    return Finding(at_most(limit, confidence), evidence, {"egress": egress})


def _while_connecting(snapshot: Snapshot, matches: Matches) -> list[Match]:
    """Python's bare TimeoutError below the frame of a driver that connects."""
    timed_out = matches.application("timed_out")
    log = snapshot.application_log
    below = {id(line) for one in matches.application("connects") for line in log.below(one.line, _FRAMES)}
    return [one for one in timed_out if id(one.line) in below]


RULE = Rule(
    id="dependency-unreachable-own-words",
    code="dependency-unreachable",
    title="The application gets no connection to its database, cache or broker (egress: {egress})",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "Nobody answered, or the connection was cut off: the address is wrong, the network or a security group is in"
        " the way, or the server demands what the client does not speak (TLS). What is logged does not tell which."
    ),
    fix=(
        Step("Log the client's own error, with its code and address: scripts that wait often hide it (`2>/dev/null`)."),
        Step(
            "Compare host and port in the service's variables with those where the dependency listens, and see that it runs."
        ),
        Step("If the dependency is private: give the service a VPC connector, and admit its security group."),
    ),
    false_alarms="Scripts print the same words while they wait, and go on: then the application listens.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/network-vpc.html",
    rollback="does-not-help",
    check=check,
    gives_way_to=frozenset(
        {
            "config-value-malformed",
            "connections-exhausted",
            "dependency-credentials-wrong",
            "dependency-name-unresolved",
            "dependency-not-ready",
            "dependency-on-localhost",
            "egress-no-connector",
            "egress-no-internet",
            "env-var-missing",
            "module-missing",
            "security-group-blocks",
            "tls-required",
        }
    ),
    application_patterns={
        "gave_up": (
            r"(?i)\b(?:failed|unable|could not|couldn't|cannot|can't|error) (?:to )?(?:connect(?:ing)?|reach(?:ing)?|establish(?:ing)? (?:a )?connection) (?:to|with) (?:the |your )?"
            r"(?:postgres(?:ql)?|mysql|mariadb|mongo(?:db)?|redis|rabbitmq|kafka|elasticsearch|[\w-]{0,20} ?database)\b"
            r"|\bdatabase (?:connection (?:failed|error|could not be established)|never (?:came up|became)|(?:is )?(?:still )?(?:unreachable|not reachable))"
            r"|\bno connection (?:to|with) (?:the )?database\b|\b(?:timed out|gave up|giving up) (?:while )?waiting (?:for|on) [^\n]{0,30}\b(?:postgres|mysql|mariadb|mongo|redis|database)"
        ),
        # the server, or something on the way to it, hangs up
        "cut_off": (
            r"server closed the connection unexpectedly|Connection terminated unexpectedly|Connection lost: The server closed|\bPROTOCOL_CONNECTION_LOST\b|Lost connection to (?:MySQL|MariaDB)"
            r"|MySQL server has gone away|Connection lost - read ECONNRESET|I/O error occurred while sending to the backend|SSL SYSCALL error|\bP1017\b|\bP1002\b|Could not establish session to SSH gateway|session was terminated unexpectedly"
            r"|pymongo\.errors\.AutoReconnect: |\bCONNECTION_(?:CLOSED|ENDED|DESTROYED) \S+:\d"
        ),
        "waits": (
            r"(?i)\b(?:postgres(?:ql)?|mysql|mariadb|mongo(?:db)?|redis|rabbitmq|kafka|elasticsearch|database)\b[^\n]{0,40}\b(?:unavailable|not (?:yet )?(?:up|ready|available|reachable|responding))\b"
            r"|\b(?:waiting|waits?|sleeping) (?:for|on|until) [^\n]{0,30}\b(?:postgres(?:ql)?|mysql|mariadb|mongo(?:db)?|redis|rabbitmq|kafka|elasticsearch|database)\b"
        ),
        "connects": (
            r"File \"[^\"\n]{0,200}/(?:asyncpg/connect_utils|asyncpg/connection|aiomysql/connection|asyncmy/connection|redis/asyncio/connection|aioredis/connection|aio_pika/connection|aiormq/connection|aiokafka/conn)\.py\", line \d+, in _?connect"
        ),
        "timed_out": r"^(?:asyncio\.(?:exceptions\.)?)?TimeoutError\b",
    },
)
