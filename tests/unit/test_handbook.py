"""The catalogue as a text: every code stands in it, judged or not, and docs/rules.md is that text."""

import re

from apprunner_watcher.handbook import listed, markdown, readable
from apprunner_watcher.rules import CATALOGUE
from apprunner_watcher.vocabulary import CAUSES, REMARKS, meaning
from tests.conftest import ROOT

SHARED = ROOT.parent / "shared" / "causes.md"
TEXT = markdown(CATALOGUE)


def test_docs_rules_md_is_made_of_the_catalogue() -> None:
    assert (ROOT / "docs" / "rules.md").read_text(encoding="utf-8") == TEXT, "make docs"


def test_every_code_is_listed_and_every_rule_told() -> None:
    codes = [one.code for one in listed(CATALOGUE)]
    assert codes == list(dict.fromkeys(codes))
    assert set(codes) == {code for group in CAUSES.values() for code in group} | set(REMARKS)
    assert all(rule.why in TEXT for rule in CATALOGUE)
    assert {name for one in listed(CATALOGUE) for name in one.rules} == {rule.id for rule in CATALOGUE}


def test_a_code_without_a_rule_says_so() -> None:
    text = markdown([rule for rule in CATALOGUE if rule.code != "port-mismatch"])
    assert "| `port-mismatch` | the application listens on another port than the service's (not yet judged) |" in text
    assert "### port-mismatch" not in text


def test_the_vocabulary_is_the_published_one() -> None:
    if SHARED.exists():
        published = re.findall(r"^\| `([a-z-]+)` \|", SHARED.read_text(encoding="utf-8"), re.MULTILINE)
        assert [one.code for one in listed(())] == published
    assert meaning("port-mismatch")
    assert meaning("cors-wildcard")
    assert meaning("no-such-code") == ""


def test_placeholders_are_readable_and_braces_stay() -> None:
    assert readable("echo {port} {{a}}") == "echo <port> {a}"
