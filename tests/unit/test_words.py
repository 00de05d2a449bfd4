"""Whatever a pattern is found in holds one of its words."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apprunner_watcher.words import words

WORDS = {
    r"ECONNREFUSED": {"econnrefused"},
    r"\b[Ee]rror:? \d+": {"error"},
    r"(?:not found|missing) \w+": {"not found", "missing"},
    r"port (?:is )?in use": {"in use"},
    r"(?:a|b+)c|def|deg": {"a", "b", "def", "deg"},
    r"no such (?:file|directory)": {"no such file", "no such directory"},
    r"(?:ab){2,3}c": {"ab"},
    r"x*yes|y?no": {"yes", "no"},
    r"(?P<name>fatal)(?! not)(?<=l): it": {"fatal: it"},
    r"(?>atomic)": {"atomic"},
    r"错误|e": {"错误", "e"},
    r"(['\"])\w+\1": set(),
    r"[^a]+|\d": set(),
    r"word|.": set(),
}


@pytest.mark.parametrize("pattern", WORDS)
def test_words(pattern: str) -> None:
    assert words(pattern) == WORDS[pattern]


def test_a_sign_says_more_than_a_letter() -> None:
    assert words(r"ab\d错误") == {"错误"}


@given(st.data())
@pytest.mark.parametrize(
    "pattern", [one for one, found in WORDS.items() if found and "(?>" not in one and "(?<" not in one]
)
def test_every_text_that_is_found_holds_a_word(pattern: str, data: st.DataObject) -> None:
    compiled = re.compile(pattern, data.draw(st.sampled_from([0, re.IGNORECASE | re.ASCII])))
    text = data.draw(st.from_regex(compiled))
    assert any(word in text.lower() for word in words(pattern))
