"""The value of a variable is a default, an example or a stub."""

import re
from collections.abc import Iterator

from apprunner_watcher.knowledge.known_secrets import is_secret
from apprunner_watcher.redaction import HIDDEN, Variable
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Occasion, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

_MOST_LINES = 3
# templates that nobody filled, and words for "nothing yet"; more are known of secrets
_STAND_IN = re.compile(
    r"^\$\{[A-Za-z_]\w*\}$|^\{\{.*\}\}$|^<[A-Za-z][\w -]*>$|^(?:undefined|\[object Object\]|stub|dummy|fake|placeholder|fixme|tbd|x{3,})$"
    r"|(?:^|[^a-z0-9])(?:change|replace)[-_ ]?me(?:$|[^a-z0-9])|(?:^|[/.@-])your[-_](?:domain|api|app|host|project|bucket|region|account|company|db|database)\b",
    re.IGNORECASE,
)
_OF_A_DEPENDENCY = re.compile(
    r"^(?:r2dbc:|jdbc:)?(?:postgres|mysql|mariadb|redis|valkey|mongodb|amqp|mssql|sqlserver|kafka|nats|clickhouse)",
    re.IGNORECASE,
)
_NAMES_A_DEPENDENCY = re.compile(
    r"(?:^|_)(?:db|database|postgres(?:ql)?|pg|mysql|mariadb|redis|mongo(?:db)?|rabbitmq|kafka|elasticsearch|opensearch|smtp|mail)_?(?:host|hostname|server|url|uri|endpoint|address)$"
    r"|^PGHOST$",
    re.IGNORECASE,
)
_NAMES_THE_PUBLIC_ADDRESS = re.compile(
    r"^(?:next_public_|vite_)?(?:app|site|frontend|client|web|public|base|nextauth|auth|callback|redirect)_?(?:base_?)?(?:url|uri|origin)$",
    re.IGNORECASE,
)
_SQLITE = re.compile(r"^(?:sqlite\d?(?:\+\w+)?:|file:\S+\.(?:db|sqlite3?)\b)", re.IGNORECASE)


def check(snapshot: Snapshot, _matches: Matches) -> Finding | None:
    """Find variables whose values no service in production should have."""
    found = [(one, what) for one in snapshot.configuration.variables for what in _kinds(one)]
    if not found:
        return None
    evidence = tuple(Evidence.setting(one.name, _shown(one, what)) for one, what in found[:_MOST_LINES])
    return Finding(Confidence.CERTAIN, evidence, {"names": ", ".join(dict.fromkeys(one.name for one, _ in found))})


def _shown(one: Variable, what: str) -> str:
    return what if one.shown in {"", HIDDEN} else f"{one.shown} ({what})"


def _kinds(one: Variable) -> Iterator[str]:
    """What is wrong with the value, most telling first; at most one thing is said of each."""
    place = "localhost" in one.marks and one.format != "list"
    if is_secret(one) and "default" in one.marks:
        yield "a default that everybody knows"
    elif is_secret(one) and "placeholder" in one.marks:
        yield "a placeholder"
    elif _STAND_IN.search(one.shown.strip("\"' ")):
        yield "a stand-in that nobody replaced"
    elif _SQLITE.search(one.shown) or one.scheme.startswith("sqlite"):
        yield "a file in the container, lost with it"
    elif place and (_OF_A_DEPENDENCY.search(one.scheme) or _NAMES_A_DEPENDENCY.search(one.name)):
        yield "the container itself, where nothing of that kind runs"
    elif place and _NAMES_THE_PUBLIC_ADDRESS.search(one.name):
        yield "for a browser, the reader's own machine"


RULE = Rule(
    id="placeholder-or-default-value",
    code="placeholder-or-default-value",
    title="A default, an example or a stub is the value of {names}",
    phase=Phase.START,
    looks_at=frozenset({"configuration"}),
    why="Such values come from examples and development machines. They do not work in production, or protect nothing.",
    fix=(
        Step("Set the value that is meant for this service; a secret belongs into Secrets Manager or Parameter Store."),
    ),
    false_alarms="A container may run a small database of its own, and a service that is no production may keep its data in a file.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/env-variable.html",
    rollback="does-not-help",
    check=check,
    is_remark=True,
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
)
