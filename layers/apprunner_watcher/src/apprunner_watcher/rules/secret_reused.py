"""Two variables that protect different things hold the same secret."""

import re
from collections.abc import Iterator, Sequence
from itertools import combinations

from apprunner_watcher.knowledge.known_secrets import secrets
from apprunner_watcher.redaction import Variable, same
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Occasion, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

# what an application signs or encrypts with: of these each has to have its own
_OWN_SECRET = re.compile(
    r"jwt|session|cookie|csrf|encrypt|signing|refresh|hmac|salt|secret_?key|app_?key", re.IGNORECASE
)
_SAYS_NOTHING = frozenset({"secret", "key", "token", "app", "my", "the", "value", "auth", "api", "base", "default"})


def check(snapshot: Snapshot, _matches: Matches) -> Finding | None:
    """Find variables with equal fingerprints whose names say that they are for different things."""
    pairs = list(_pairs(secrets(snapshot.configuration.variables)))
    if not pairs:
        return None
    names = dict.fromkeys(one.name for pair in pairs for one in pair)
    shown = f"{' and '.join(names)} have the same value"
    return Finding(
        Confidence.CERTAIN,
        (Evidence.setting("RuntimeEnvironmentVariables", shown),),
        {"names": " and ".join(names)},
    )


def _pairs(variables: Sequence[Variable]) -> Iterator[tuple[Variable, Variable]]:
    own = [one for one in variables if one.kind == "secret" and _OWN_SECRET.search(one.name)]
    for one, other in combinations(own, 2):
        if same(one.fingerprint, other.fingerprint) and _purpose(one) != _purpose(other):
            yield one, other


def _purpose(one: Variable) -> frozenset[str]:
    """What the name says beside "secret": JWT_SECRET and JWT_SECRET_KEY are for the same."""
    return frozenset(re.split(r"[_.-]+", one.name.lower())) - _SAYS_NOTHING


RULE = Rule(
    id="secret-reused",
    code="secret-reused",
    title="{names} hold the same secret",
    phase=Phase.START,
    looks_at=frozenset({"configuration"}),
    why="Who gets to know one of them has the other as well, and neither can be changed alone.",
    fix=(Step("Give each its own random value, for example from `openssl rand -base64 48`."),),
    false_alarms="Two names for one credential, read by two libraries, are no danger.",
    docs="https://cheatsheetseries.owasp.org/cheatsheets/Key_Management_Cheat_Sheet.html",
    rollback="does-not-help",
    check=check,
    is_remark=True,
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
)
