"""Logs of healthy deployments are full of frightening lines. No cause comes of them."""

import json
from pathlib import Path

import pytest
import yaml

from apprunner_watcher import recording
from apprunner_watcher.aws.replay import replay
from apprunner_watcher.diagnosis import Verdict, diagnose
from tests.scenarios.scenario import FOLDER, Scenario
from tests.scenarios.scenario import recording as recording_of

LOGS: dict[str, str] = {
    name: log
    for file in sorted((FOLDER / "healthy").glob("*.yaml"))
    for name, log in yaml.safe_load(file.read_text(encoding="utf-8")).items()
}


@pytest.mark.parametrize("operation", ["deploy", "create"])
@pytest.mark.parametrize("name", LOGS)
def test_a_healthy_service_has_no_cause(name: str, operation: str, tmp_path: Path) -> None:
    scenario = Scenario.model_validate(
        {
            "name": name,
            "operation": operation,
            "ends": "success",
            "minutes": 90,
            "application": LOGS[name],
            "health_check": "/health",
        }
    )
    file = tmp_path / "healthy.json"
    file.write_text(json.dumps(recording_of(scenario)))
    diagnosis = diagnose(replay(recording.load(file)))
    assert diagnosis.verdict is Verdict.HEALTHY
    assert [(one.rule.id, one.confidence.value) for one in diagnosis.causes] == []
