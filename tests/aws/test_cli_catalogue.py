"""What is known can be asked for: every code (`rules`), one (`explain`), and how good the answers are (`score`)."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from apprunner_watcher import cli
from apprunner_watcher.handbook import listed, markdown
from apprunner_watcher.rules import CATALOGUE
from tests.conftest import SEEDS, seed

SILENT = "seed-tara-main"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, arguments)


def test_rules_lists_every_code_and_says_what_is_not_judged() -> None:
    result = run("rules")
    assert result.exit_code == 0
    assert all(f" {one.code} " in result.stdout for one in listed(CATALOGUE))
    not_judged = [one for one in listed(CATALOGUE) if not one.rules]
    assert result.stdout.count("not yet judged") == len(not_judged)


def test_rules_for_machines_and_for_the_docs() -> None:
    said = [json.loads(line) for line in run("rules", "--json").stdout.splitlines()]
    assert [one["code"] for one in said] == [one.code for one in listed(CATALOGUE)]
    assert "web-server-default-port" in next(one for one in said if one["code"] == "port-mismatch")["rules"]
    assert run("rules", "--markdown").stdout == markdown(CATALOGUE)


def test_explain_says_what_to_change() -> None:
    result = run("explain", "port-mismatch")
    assert result.exit_code == 0
    assert result.stdout.startswith("port-mismatch: the application listens on another port than the service's\n")
    for words in ("aws apprunner update-service --service-arn <service_arn>", "Not to be confused: ", "More: https://"):
        assert words in result.stdout
    assert "{" not in result.stdout


def test_explain_a_code_without_a_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apprunner_watcher.cli.catalogue.CATALOGUE", ())
    result = run("explain", "port-mismatch")
    assert result.exit_code == 0
    assert "Not yet judged: no rule gives it." in result.stdout


def test_explain_what_is_no_code_names_its_neighbours() -> None:
    result = run("explain", "port-mismatsch")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "port-mismatsch: not a code; did you mean port-mismatch, libc-mismatch?\n"


def test_score_of_the_seeds() -> None:
    result = run("score", str(SEEDS[0].parent))
    assert result.exit_code == 0
    assert f"{len(SEEDS)} of {len(SEEDS)} right (100%), false claims: 0" in result.stdout
    assert "misses" not in result.stdout


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    """A folder with a right one, a wrong one, one without `expect`, a broken one and one of another service."""

    def save(name: str, content: dict[str, Any]) -> None:
        (tmp_path / f"{name}.json").write_text(json.dumps(content))

    shutil.copy(next(file for file in SEEDS if file.stem == SILENT), tmp_path)
    save("another", {**seed(SILENT), "expect": {"causes": ["port-mismatch"], "evidence": ["listening"]}})
    save("nobody-knows", {name: value for name, value in seed(SILENT).items() if name != "expect"})
    save("foreign", {**seed(SILENT), "event": {"source": "aws.ecs"}})
    (tmp_path / "broken.json").write_text("{")
    return tmp_path


def test_score_lists_every_miss(wrong: Path) -> None:
    result = run("score", str(wrong))
    assert result.exit_code == 0
    assert "1 of 4 right (25%), false claims: 1" in result.stdout
    assert "FALSE CLAIM: said silent-exit (likely), expected port-mismatch." in result.stdout
    assert "broken.json: " in result.stdout
    assert "foreign: event: " in result.stdout.replace(SILENT, "foreign")
    assert "1 without `expect` were left out" in result.stdout


def test_score_for_machines(wrong: Path) -> None:
    figures = json.loads(run("score", "--json", str(wrong)).stdout)
    assert (figures["recordings"], figures["right"], figures["false_claims"]) == (4, 1, 1)
    assert figures["precision"]["likely"] == [1, 2]


def test_score_of_nothing_is_said(tmp_path: Path) -> None:
    result = run("score", str(tmp_path))
    assert result.exit_code == 2
    assert "no recording with `expect`" in result.stderr
