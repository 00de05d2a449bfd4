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


def found(patterns: list[str], texts: list[str]) -> list[tuple[int, int, str]]:
    return [(at, place, match[0]) for at, place, match in PatternSet(patterns).search(texts)]


def test_no_line_of_any_scenario_is_passed_over() -> None:
    lines, compiled = sorted(LINES), list(map(re.compile, PATTERNS))
    by_themselves = [
        (at, place, match[0])
        for at, line in enumerate(lines)
        for place, pattern in enumerate(compiled)
        if (match := pattern.search(line))
    ]
    assert found(PATTERNS, lines) == by_themselves
    assert len(by_themselves) > 300


@given(st.lists(st.sampled_from(["", "error", "no\nerror", "Fatal", "ÉCHEC", "日本", "all is well", "\ud800 error"])))
def test_a_text_is_found_wherever_it_stands(texts: list[str]) -> None:
    patterns = ["(?i)^error|fatal$", "(?i)échec|日本"]
    many = 300 * texts  # more than are searched at once
    alone = {text: [match for _, *match in found(patterns, [text])] for text in texts}
    assert found(patterns, many) == [(at, *match) for at, text in enumerate(many) for match in alone[text]]


def test_a_pattern_without_a_word_is_looked_for_in_every_text() -> None:
    assert found([r"^\d+$"], ["a", "12", ""]) == [(1, 0, "12")]


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
        (r"(?i)échec", "ÉCHEC"),
        (r"naïve|日本", "日本語"),
    ],
)
def test_lookarounds_and_escapes(pattern: str, text: str) -> None:
    match = re.search(pattern, text)
    assert match
    assert found([pattern], [text]) == [(0, 0, match[0])]


def test_flags_are_kept() -> None:
    assert found(["(?i)error"], ["ERROR"]) == [(0, 0, "ERROR")]
    assert found(["error"], ["ERROR"]) == []


def test_what_is_no_lookaround_stays() -> None:
    assert broader(r"(?:a|b)(?P<name>c)\(?!") == r"(?:a|b)(?P<name>c)\(?!"


def test_no_patterns_find_nothing() -> None:
    assert found([], ["anything"]) == []
