"""Any origin is admitted."""

import re

from apprunner_watcher.redaction import Variable
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Occasion, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

_ORIGINS = re.compile(
    r"(?:^|_)(?:cors|allow(?:ed)?_?origins?|origins?|access_?control_?allow_?origin)(?:$|_)", re.IGNORECASE
)
_NO_ORIGINS = re.compile(r"header|method|max_?age|credential|expose", re.IGNORECASE)


def check(snapshot: Snapshot, _matches: Matches) -> Finding | None:
    """Find a variable of origins whose value, or one item of it, is the asterisk alone."""
    open_to_all = [one for one in snapshot.configuration.variables if _admits_all(one)]
    if not open_to_all:
        return None
    evidence = tuple(Evidence.setting(one.name, one.shown) for one in open_to_all)
    return Finding(Confidence.CERTAIN, evidence, {"names": " and ".join(one.name for one in open_to_all)})


def _admits_all(one: Variable) -> bool:
    if not _ORIGINS.search(one.name) or _NO_ORIGINS.search(one.name):
        return False
    return "*" in {item.strip(" \"'[]") for item in one.shown.split(",")}


RULE = Rule(
    id="cors-wildcard",
    code="cors-wildcard",
    title="{names} admits any origin",
    phase=Phase.START,
    looks_at=frozenset({"configuration"}),
    why="Every web page may then call the service from the browser of whoever looks at the page, and read the answer.",
    fix=(Step("List the origins of your own front ends, with scheme and without a path."),),
    false_alarms="A public interface without cookies and credentials may admit everybody on purpose.",
    docs="https://developer.mozilla.org/en-US/docs/Web/HTTP/Guides/CORS",
    rollback="does-not-help",
    check=check,
    is_remark=True,
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
)
