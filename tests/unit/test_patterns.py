"""One pass finds everything that each pattern finds by itself."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apprunner_watcher.patterns import PatternSet, broader
from apprunner_watcher.rules import CATALOGUE
from tests.scenarios.scenario import files, load

PATTERNS = [
    pattern for rule in CATALOGUE for pattern in (*rule.application_patterns.values(), *rule.service_patterns.values())
]
LINES = {
    line
    for file in files()
    for scenarios in (load(file).fires, load(file).clear)
    for scenario in scenarios
    for line in f"{scenario.application}\n{scenario.build}\n{scenario.reason}".splitlines()
}


def test_no_line_of_any_scenario_is_passed_over() -> None:
    lines = sorted(LINES)
    candidates = dict(PatternSet(PATTERNS).candidates(lines))
    found = 0
    for at, line in enumerate(lines):
        by_themselves = {place for place, pattern in enumerate(PATTERNS) if pattern.search(line)}
        assert by_themselves <= set(candidates.get(at, [])), line
        found += len(by_themselves)
    assert found > 300


@given(st.lists(st.sampled_from(["", "error", "no\nerror", "Fatal", "ÉCHEC", "日本", "all is well", "\ud800 error"])))
def test_a_text_is_found_wherever_it_stands(texts: list[str]) -> None:
    patterns = PatternSet([re.compile("^error|fatal$", re.IGNORECASE), re.compile("échec|日本", re.IGNORECASE)])
    many = 300 * texts  # more than are searched at once
    alone = {text: [places for _, places in patterns.candidates([text])] for text in texts}
    assert list(patterns.candidates(many)) == [(at, places) for at, text in enumerate(many) for places in alone[text]]


def test_a_pattern_without_a_word_is_looked_for_in_every_text() -> None:
    assert list(PatternSet([re.compile(r"^\d+$")]).candidates(["a", "12", ""])) == [(1, [0])]


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"foo(?!bar)", "foobaz"),
        (r"(?<![\w.-])key(?=\s*=)", "a key ="),
        (r"[)(]x(?!\)[)]y)z", "(xz"),
        (r"\(\[(?![\]a])b", "([b"),
        (r"[^]]+(?<!\))end", "the end"),
        (r"caf\u00e9", "un café"),
        (r"(?i)ERROR", "an error"),
        (r"naïve|日本", "日本語"),
    ],
)
def test_lookarounds_and_escapes(pattern: str, text: str) -> None:
    assert re.search(pattern, text)
    assert list(PatternSet([re.compile(pattern)]).candidates([text])) == [(0, [0])]


def test_flags_are_kept() -> None:
    assert list(PatternSet([re.compile("error", re.IGNORECASE)]).candidates(["ERROR"])) == [(0, [0])]
    assert list(PatternSet([re.compile("error")]).candidates(["ERROR"])) == []


def test_what_is_no_lookaround_stays() -> None:
    assert broader(r"(?:a|b)(?P<name>c)\(?!") == r"(?:a|b)(?P<name>c)\(?!"


def test_no_patterns_find_nothing() -> None:
    assert list(PatternSet([]).candidates(["anything"])) == []
