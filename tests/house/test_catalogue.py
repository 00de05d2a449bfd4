"""Promises about the catalogue, and about the repository, that no single test of a rule can hold."""

import json
import re
import string
import subprocess
import tomllib
from pathlib import Path
from typing import get_args
from urllib.parse import urlsplit

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from samtranslator.yaml_helper import yaml_parse

from apprunner_watcher.aws.replay import replay
from apprunner_watcher.decision import decide
from apprunner_watcher.diagnosis import diagnose
from apprunner_watcher.event import Event, OperationType, Stage, parse
from apprunner_watcher.recording import load
from apprunner_watcher.report import report
from apprunner_watcher.rule import Rule
from apprunner_watcher.rules import CATALOGUE
from apprunner_watcher.vocabulary import CAUSES, REMARKS
from apprunner_watcher.words import words
from tests.conftest import ROOT, SEEDS, seed
from tests.scenarios.scenario import FOLDER as SCENARIOS
from tests.scenarios.scenario import load as load_scenarios

SEEDS_BY_NAME = {file.stem: file for file in SEEDS}
RULES = ROOT / "layers" / "apprunner_watcher" / "src" / "apprunner_watcher" / "rules"
LAYER = ROOT / "layers" / "apprunner_watcher"
EACH = pytest.mark.parametrize("rule", CATALOGUE, ids=lambda rule: rule.id)
VERBS = re.compile(r"(?:Do not )?[A-Z][a-z]+\b")
# Values of commands that come from AWS's own answers. Log text is written by others and stays out of commands.
SAFE_IN_COMMANDS = {
    "service_arn", "image", "repository", "port", "role", "cpu", "more",
    "docker_run", "speaking_command", "connector", "heap",
    "group_id", "source_group_id", "connector_group_id", "cidr", "permission", "acl_id", "vpc_id", "database",
    "domain", "record",
}  # fmt: skip


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_file_name_rule_id_and_catalogue_entry_are_the_same() -> None:
    files = {file.stem.replace("_", "-") for file in RULES.glob("*.py") if file.stem != "__init__"}
    assert [rule.id for rule in CATALOGUE] == list(dict.fromkeys(rule.id for rule in CATALOGUE))
    assert {rule.id for rule in CATALOGUE} == files
    for rule in CATALOGUE:
        assert Path(rule.check.__code__.co_filename).stem == rule.id.replace("-", "_")


@EACH
def test_texts_are_complete(rule: Rule) -> None:
    assert not rule.title.endswith(".")
    assert rule.why.endswith(".")
    assert rule.false_alarms.endswith(".")
    assert rule.docs.startswith("https://")
    assert rule.fix
    for step in rule.fix:
        assert step.text.endswith((".", ")", "first."))
        assert VERBS.match(step.text) or step.text.startswith("Or ")


@EACH
def test_codes_are_of_the_published_vocabulary(rule: Rule) -> None:
    causes = {code for group in CAUSES.values() for code in group}
    assert rule.code in ({*causes, *REMARKS} if rule.is_remark else causes)
    assert rule.gives_way_to <= causes
    assert rule.code not in rule.gives_way_to


@EACH
def test_links_are_well_formed(rule: Rule) -> None:
    link = urlsplit(rule.docs)
    assert link.scheme == "https"
    assert re.fullmatch(r"(?:[a-z0-9-]+\.)+[a-z]{2,}", link.netloc)
    assert re.fullmatch(r"[\w./~@:%+-]*", link.path)
    assert len(link.path) > 1


@EACH
def test_every_rule_has_two_shapes_and_a_near_miss(rule: Rule) -> None:
    scenarios = load_scenarios(SCENARIOS / f"{rule.id}.yaml")
    assert len(scenarios.fires) >= 2  # in two ways at least
    assert scenarios.clear


@EACH
def test_every_pattern_asks_for_a_word(rule: Rule) -> None:
    """One that asks for none is looked for in every line: write what must stand there outside of [classes]."""
    patterns = {**rule.application_patterns, **rule.service_patterns}
    assert [name for name, pattern in patterns.items() if not words(pattern)] == []


@EACH
def test_commands_are_not_made_of_log_text(rule: Rule) -> None:
    for step in rule.fix:
        assert placeholders(step.command) <= SAFE_IN_COMMANDS


def test_no_rule_knows_a_recording() -> None:
    known = set()
    for file in SEEDS:
        content = seed(file.stem)
        name, service_id = content["event"]["resources"][0].split("/")[1:]
        known |= {name, service_id, content["event"]["resources"][0].split(":")[4]}
    for file in RULES.glob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert not [word for word in known if word in text], file


def declared(table: dict[str, object]) -> set[str]:
    listed = table["dependencies"]
    assert isinstance(listed, list)
    return {canonicalize_name(Requirement(one).name) for one in listed}


def locked(file: Path) -> set[str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return {
        canonicalize_name(line.split("==")[0]) for line in lines if "==" in line and not line.startswith((" ", "#"))
    }


def wanted(file: Path) -> set[str]:
    lines = [line.split("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines()]
    return {canonicalize_name(Requirement(line).name) for line in lines if line and not line.startswith("-")}


def test_locks_and_projects_are_in_step() -> None:
    project = tomllib.loads((LAYER / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {name: declared({"dependencies": listed}) for name, listed in project["optional-dependencies"].items()}
    assert wanted(LAYER / "requirements.in") == declared(project) | extras["lambda"]
    assert extras["cli"] <= wanted(ROOT / "requirements" / "dev.in")
    for file in (*ROOT.glob("requirements/*.in"), *LAYER.glob("*.in")):
        assert wanted(file) <= locked(file.with_suffix(".txt")), file


def test_every_locked_package_has_a_hash() -> None:
    for file in (*ROOT.glob("requirements/*.txt"), *LAYER.glob("requirements*.txt")):
        for block in re.split(r"\n(?=[a-zA-Z])", file.read_text(encoding="utf-8")):
            if re.match(r"[a-zA-Z]", block):
                assert "--hash=sha256:" in block, block


def test_the_layer_runs_on_what_the_tests_run_on() -> None:
    pin = re.compile(r"^([a-z0-9-]+)==(\S+)", re.MULTILINE)
    layer = dict(pin.findall((LAYER / "requirements.txt").read_text(encoding="utf-8")))
    tests = dict(pin.findall((ROOT / "requirements" / "dev.txt").read_text(encoding="utf-8")))
    assert {name: tests.get(name) for name in layer} == layer


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.splitlines()]


def test_no_file_records_where_packages_were_downloaded() -> None:
    hosts = re.compile(r"pypi\." r"org|python" r"hosted|registry\.npm")
    for file in tracked():
        if file.is_file():
            assert not hosts.search(file.read_text(encoding="utf-8", errors="replace")), file


def test_the_shipped_code_has_no_branch_for_tests_or_the_demo() -> None:
    words = re.compile(r"\b(?:localhost:\d|ministack|moto|is_test|demo)\b")
    for folder in (ROOT / "functions", LAYER / "src"):
        for file in folder.rglob("*.py"):
            if file.parent != RULES:
                assert not words.search(file.read_text(encoding="utf-8")), file


def test_env_vars_for_sam_local_invoke_override_only_what_the_template_declares() -> None:
    """`sam local invoke --env-vars` ignores others in silence."""
    template = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
    declared_names = set(template["Resources"]["WatchFunction"]["Properties"]["Environment"]["Variables"])
    for name in ("local", "account"):
        content = json.loads((ROOT / "events" / f"{name}.json").read_text(encoding="utf-8"))
        assert list(content) == ["WatchFunction"]
        assert set(content["WatchFunction"]) <= declared_names
        assert content["WatchFunction"]["TABLE_NAME"] == ""
        assert content["WatchFunction"]["INCIDENTS_TOPIC_ARN"] == ""


def test_there_is_an_event_of_every_kind_in_both_spellings() -> None:
    statuses: dict[str, set[str]] = {"operationStatus": set(), "OperationStatus": set()}
    kinds = set()
    for file in (ROOT / "events").glob("*.json"):
        content = json.loads(file.read_text(encoding="utf-8"))
        if "detail-type" in content:
            kinds.add(type(parse(content)))
            for key in statuses.keys() & content["detail"].keys():
                statuses[key].add(content["detail"][key])
    assert kinds == set(get_args(Event))
    assert len(statuses["operationStatus"]) == len(OperationType) * len(Stage)
    assert statuses["operationStatus"] == statuses["OperationStatus"]


def test_the_readme_shows_a_message_that_is_really_sent() -> None:
    said = replay(load(SEEDS_BY_NAME["seed-steno-prod-backend-failed"]))
    message = report(said, diagnose(said), decide())
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = readme.partition("<!-- message -->")[2].partition("<!-- /message -->")[0].strip()
    whole = f"```\nSubject: {message.subject}\n\n{message.text}"
    assert shown.endswith("\n[…]\n```")
    beginning = shown.removesuffix("\n[…]\n```")
    assert "WHAT TO CHANGE" in beginning
    assert whole.startswith(beginning)
