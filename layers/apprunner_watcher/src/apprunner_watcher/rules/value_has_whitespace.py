"""The value of a variable has a blank or line break inside or at its ends, where none belongs."""

import re
from collections.abc import Iterator

from apprunner_watcher.knowledge.known_secrets import is_secret
from apprunner_watcher.redaction import Variable
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Occasion, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

_MOST_LINES = 3
_MAY_HAVE_BLANKS = re.compile(r"pass|pwd|(?:^|_)pw$", re.IGNORECASE)  # people choose passwords of several words
_ONE_WORD = frozenset({"url", "host", "port", "number", "flag"})


def check(snapshot: Snapshot, _matches: Matches) -> Finding | None:
    """Find variables whose marks tell of blanks that their kind of value does not have."""
    found = [(one, where) for one in snapshot.configuration.variables for where in _whitespace(one)]
    if not found:
        return None
    evidence = tuple(
        Evidence.setting("RuntimeEnvironmentVariables", f"{one.name} has {where}") for one, where in found[:_MOST_LINES]
    )
    return Finding(Confidence.CERTAIN, evidence, {"names": " and ".join(dict.fromkeys(one.name for one, _ in found))})


def _whitespace(one: Variable) -> Iterator[str]:
    if "blank at the ends" in one.marks:
        yield "a blank or line break at its ends"
        return
    is_key = is_secret(one) and one.kind == "secret" and not _MAY_HAVE_BLANKS.search(one.name)
    if one.format or not (is_key or one.kind in _ONE_WORD):
        return  # a list, a document or a PEM block may have them
    if "line break" in one.marks:
        yield "a line break in it"
    elif "blank inside" in one.marks:
        yield "a blank in it"


RULE = Rule(
    id="value-has-whitespace",
    code="value-has-whitespace",
    title="A blank or line break has got into {names}",
    phase=Phase.START,
    looks_at=frozenset({"configuration"}),
    why="App Runner hands a value over to the letter. Most programs take the blank for a part of it.",
    fix=(Step("Set it again without the blank; `echo -n` and `printf %s` add no line break, `echo` does."),),
    false_alarms="Sentences, lists and PEM blocks have blanks and line breaks of right.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/env-variable.html",
    rollback="does-not-help",
    check=check,
    is_remark=True,
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
)
