"""Every scenario runs the whole catalogue, through the real gather."""

import dataclasses
import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from apprunner_watcher import recording
from apprunner_watcher.aws.replay import replay
from apprunner_watcher.diagnosis import diagnose
from apprunner_watcher.rule import Matches, Rule, Scan
from apprunner_watcher.rules import CATALOGUE
from apprunner_watcher.snapshot import Parts, Snapshot
from tests.scenarios.scenario import FOLDER, Scenario, files, load
from tests.scenarios.scenario import recording as recording_of

FIRES = [pytest.param(f.stem, s, id=f"{f.stem}: {s.name}") for f in files() for s in load(f).fires]
CLEAR = [pytest.param(f.stem, s, id=f"{f.stem}: {s.name}") for f in files() for s in load(f).clear]


@cache
def _replayed(scenario: str) -> Snapshot:
    """Snapshots are frozen: several tests may look at the same one."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scenario.json"
        file.write_text(json.dumps(recording_of(Scenario.model_validate_json(scenario))))
        return replay(recording.load(file))


def _seen(scenario: Scenario) -> Snapshot:
    return _replayed(scenario.model_dump_json())


@pytest.mark.parametrize(("rule", "scenario"), FIRES)
def test_fires(rule: str, scenario: Scenario) -> None:
    diagnosis = diagnose(_seen(scenario))
    causes = diagnosis.causes
    found = next((one for one in (*causes, *diagnosis.remarks) if one.rule.id == rule), None)
    assert found, [cause.rule.id for cause in causes]
    if scenario.first and not found.rule.is_remark:
        assert causes[0] is found, [(cause.rule.id, cause.confidence.value) for cause in causes]
    if scenario.confidence:
        assert found.confidence == scenario.confidence
    quoted = "\n".join(one.saw for one in found.evidence)
    for text in scenario.evidence:
        assert text in quoted
    assert scenario.title in found.title
    assert "<" not in found.title, "a placeholder was not filled"
    assert found.fix


@pytest.mark.parametrize(("rule", "scenario"), CLEAR)
def test_is_clear(rule: str, scenario: Scenario) -> None:
    diagnosis = diagnose(_seen(scenario))
    assert rule not in {one.rule.id for one in (*diagnosis.causes, *diagnosis.remarks)}
    assert rule not in {one.rule for one in diagnosis.not_judged}
    if scenario.instead:
        assert diagnosis.causes[0].rule.code == scenario.instead


def test_every_rule_has_scenarios() -> None:
    assert {file.stem for file in files()} == {rule.id for rule in CATALOGUE}


class Witness(Snapshot):
    """A snapshot that remembers which of its parts were asked for."""

    def __getattribute__(self, name: str) -> Any:
        if name in PARTS:
            object.__getattribute__(self, "__dict__").setdefault("asked", set()).add(name)
        return object.__getattribute__(self, name)


PARTS = {field.name for field in dataclasses.fields(Parts)} - {"others"}


@pytest.mark.parametrize("rule", CATALOGUE, ids=lambda rule: rule.id)
def test_a_rule_looks_at_what_it_says(rule: Rule) -> None:
    scenarios = load(FOLDER / f"{rule.id}.yaml")
    asked: set[str] = set()
    for scenario in (*scenarios.fires, *scenarios.clear):
        seen = _seen(scenario)
        witness = Witness(seen.event, seen.taken_at, seen.parts)
        rule.check(witness, Matches(rule.id, Scan((rule,), witness)))
        asked |= vars(witness).get("asked", set())
    assert asked <= rule.looks_at <= PARTS
