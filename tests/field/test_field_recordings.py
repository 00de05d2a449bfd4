"""Real incidents of others, where their recordings lie beside the checkout: nothing false is claimed of any of them.

How many are right is the scorecard's business. A wrong claim is a defect, whatever the score.
"""

import json

from apprunner_watcher.aws.replay import replay
from apprunner_watcher.diagnosis import diagnose
from apprunner_watcher.event import NotUnderstoodError
from apprunner_watcher.recording import load
from apprunner_watcher.rule import Confidence
from tests.conftest import ROOT

FIELD = ROOT.parent / "shared" / "recordings" / "field"


def test_nothing_false_is_claimed() -> None:
    wrong = []
    for file in sorted(FIELD.glob("*.json")):
        expected = json.loads(file.read_text(encoding="utf-8")).get("expect")
        try:
            causes = diagnose(replay(load(file))).causes
        except NotUnderstoodError:
            continue  # calls that App Runner rejected are not explained yet
        ranks = list(reversed(Confidence))
        limit = Confidence(expected.get("at_most", "certain"))
        claimed = [cause for cause in causes if cause.confidence is not Confidence.POSSIBLE]
        is_false = bool(claimed) and claimed[0] is causes[0] and claimed[0].rule.code not in expected["causes"]
        is_excluded = {cause.rule.code for cause in claimed} & set(expected.get("never", []))
        is_too_sure = bool(causes) and ranks.index(causes[0].confidence) > ranks.index(limit)
        if is_false or is_excluded or is_too_sure:
            wrong.append((file.stem, [(cause.rule.code, cause.confidence.value) for cause in causes]))
    assert not wrong
