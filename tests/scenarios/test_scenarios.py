"""Every scenario runs the whole catalogue, through the real gather."""

import json
from pathlib import Path

import pytest

from apprunner_watcher import recording
from apprunner_watcher.aws.replay import replay
from apprunner_watcher.diagnosis import Diagnosis, diagnose
from apprunner_watcher.rules import CATALOGUE
from tests.scenarios.scenario import Scenario, files, load
from tests.scenarios.scenario import recording as recording_of

FIRES = [pytest.param(f.stem, s, id=f"{f.stem}: {s.name}") for f in files() for s in load(f).fires]
CLEAR = [pytest.param(f.stem, s, id=f"{f.stem}: {s.name}") for f in files() for s in load(f).clear]


def _diagnosed(scenario: Scenario, folder: Path) -> Diagnosis:
    file = folder / "scenario.json"
    file.write_text(json.dumps(recording_of(scenario)))
    return diagnose(replay(recording.load(file)))


@pytest.mark.parametrize(("rule", "scenario"), FIRES)
def test_fires(rule: str, scenario: Scenario, tmp_path: Path) -> None:
    causes = _diagnosed(scenario, tmp_path).causes
    found = next((cause for cause in causes if cause.rule.id == rule), None)
    assert found, [cause.rule.id for cause in causes]
    if scenario.first:
        assert causes[0] is found, [(cause.rule.id, cause.confidence.value) for cause in causes]
    if scenario.confidence:
        assert found.confidence == scenario.confidence
    quoted = "\n".join(one.saw for one in found.evidence)
    for text in scenario.evidence:
        assert text in quoted
    assert scenario.title in found.title
    assert "<" not in found.title, "a placeholder was not filled"


@pytest.mark.parametrize(("rule", "scenario"), CLEAR)
def test_is_clear(rule: str, scenario: Scenario, tmp_path: Path) -> None:
    diagnosis = _diagnosed(scenario, tmp_path)
    assert rule not in {cause.rule.id for cause in diagnosis.causes}
    assert rule not in {one.rule for one in diagnosis.not_judged}
    if scenario.instead:
        assert diagnosis.causes[0].rule.code == scenario.instead


def test_every_rule_has_scenarios() -> None:
    assert {file.stem for file in files()} == {rule.id for rule in CATALOGUE}
