"""Here you find whether a client that was refused, and does not say by whom, looked inside of its own container."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from apprunner_watcher.dependency import Dependency, Protocol
from apprunner_watcher.knowledge.obstacle import dependencies
from apprunner_watcher.knowledge.outbound import Failure, spoken
from apprunner_watcher.log.listening import is_loopback
from apprunner_watcher.redaction import Variable
from apprunner_watcher.snapshot import Snapshot

_NAMES = {
    "postgres": "PostgreSQL",
    "mysql": "MySQL",
    "sqlserver": "SQL Server",
    "redis": "Redis",
    "mongodb": "MongoDB",
    "amqp": "RabbitMQ",
    "kafka": "Kafka",
}
# what a referenced secret or a hidden value may be, where it is no address
_NO_ADDRESS = re.compile(
    r"(?:.*_)?(?:PASS(?:WORD|WD)?|PWD|USER(?:NAME)?|(?:API_?|APP_?|ACCESS_?)?KEYS?|TOKEN|SALT|(?<!DB_)(?<!RDS_)(?<!DATABASE_)SECRET|(?:CLIENT_?)?ID"
    r"|PORT|NAME|REGION|ENV|MODE|DEBUG|LEVEL|DRIVER|CONNECTION)"
)
_ADDRESS = re.compile(
    r"(?:.*_)?(?:DB|DATABASE|PG|POSTGRES\w*|MYSQL|MARIADB|MONGO\w*|REDIS|VALKEY|CACHE|AMQP|RABBIT\w*|KAFKA|BROKER|DATASOURCE"
    r"|SQL|JDBC)_?(?:\w*_)?(?:HOST|HOSTNAME|URL|URI|DSN|SERVERS?|ENDPOINT|ADDR|ADDRESS|BROKERS?)"
)

_OF_DATABASE = re.compile(r"(?:^|_)(?:DB|DATABASE)(?:_|$)|\.RDS\.")
_NO_DATABASES: frozenset[Protocol] = frozenset({"redis", "amqp", "kafka"})


@dataclass(frozen=True, slots=True)
class Fallback:
    """The failure, what the client speaks as far as it is known, and what the environment says of its address."""

    failure: Failure
    what: str
    setting: str


def fallback(snapshot: Snapshot, failed: Sequence[Failure]) -> Fallback | None:
    """The refused connection that names nobody, of a client to which the environment gives no address but localhost."""
    refused = [one for one in failed if one.is_refused and one.is_plain]
    if not refused or any(one.place for one in failed):
        return None
    both = next((one for one in refused if "AggregateError" in one.text), None)
    if both:
        return Fallback(both, "", "")  # only localhost has two addresses to be tried
    protocols = frozenset(protocol for one in failed for protocol in spoken(_with_neighbours(one)))
    known = [one for one in dependencies(snapshot) if one.protocol != "http" or is_loopback(one.host)]
    of_kind = [one for one in known if not protocols or _may_speak(one, protocols)]
    what = ", ".join(_NAMES[one] for one in sorted(protocols)) if len(protocols) == 1 else ""
    if any(not is_loopback(one.host) for one in of_kind):
        return None
    if of_kind:
        return Fallback(refused[0], what, f"{', '.join(of_kind[0].variables)} names {of_kind[0].host}")
    if not protocols or _may_hold_address(snapshot):
        return None
    return Fallback(refused[0], what, f"none of them names a host for {what or 'the database'}")


def _may_speak(dependency: Dependency, protocols: frozenset[Protocol]) -> bool:
    if dependency.protocol:
        return dependency.protocol in protocols
    is_database = any(_OF_DATABASE.search(text.upper()) for text in (dependency.host, *dependency.variables))
    return not (is_database and protocols <= _NO_DATABASES)


def _with_neighbours(failure: Failure) -> str:
    return f"{failure.match.before} {failure.text} {failure.match.after}"


def _may_hold_address(snapshot: Snapshot) -> bool:
    configuration = snapshot.configuration
    hidden = any(not _NO_ADDRESS.fullmatch(name.upper()) for name in configuration.secrets)
    understood = {name for one in dependencies(snapshot) for name in one.variables}
    return hidden or any(_may_be_address(one) for one in configuration.variables if one.name not in understood)


def _may_be_address(variable: Variable) -> bool:
    is_told = not variable.is_empty and "localhost" not in variable.marks
    return is_told and bool(_ADDRESS.fullmatch(variable.name.upper().replace(".", "_")))
