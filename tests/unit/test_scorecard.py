"""What is right, what is a false claim and what is hedging, by the rules of the recordings' format."""

import dataclasses
from typing import Any

import pytest

from apprunner_watcher.diagnosis import Cause
from apprunner_watcher.recording import Expectation
from apprunner_watcher.rule import Confidence, Evidence
from apprunner_watcher.rules import CATALOGUE
from apprunner_watcher.scorecard import NOTHING, Score, Scorecard

C, L, P = Confidence.CERTAIN, Confidence.LIKELY, Confidence.POSSIBLE


def cause(code: str, confidence: Confidence) -> Cause:
    rule = dataclasses.replace(CATALOGUE[0], code=code)
    return Cause(rule, confidence, "title", (Evidence("application log", "the line"),), ())


def score(*said: tuple[str, Confidence], **expected: Any) -> Score:
    causes = tuple(cause(*one) for one in said)
    return Score("one", Expectation(**expected), causes[0] if causes else None, causes)


@pytest.mark.parametrize(
    ("said", "expected", "is_right", "is_false"),
    [
        ([("a", C)], {"causes": ["a"]}, True, False),
        ([("a", P)], {"causes": ["b", "a"]}, True, False),
        ([("b", P), ("a", C)], {"causes": ["a"]}, False, False),
        ([("b", L)], {"causes": ["a"]}, False, True),
        ([("b", P)], {"causes": ["a"]}, False, False),
        ([], {"causes": ["a"]}, False, False),
        ([("a", L)], {"causes": ["a"], "at_most": "likely"}, True, False),
        ([("a", C)], {"causes": ["a"], "at_most": "likely"}, False, True),
        ([("a", C), ("b", L)], {"causes": ["a"], "never": ["b"]}, True, True),
        ([("a", C), ("b", P)], {"causes": ["a"], "never": ["b"]}, True, False),
        ([], {"causes": []}, True, False),
        ([("a", P)], {"causes": []}, False, False),
        ([("a", P)], {"causes": [], "at_most": "possible"}, True, False),
        ([("a", L)], {"causes": [], "at_most": "possible"}, False, True),
        ([("a", L)], {"causes": []}, False, True),
    ],
)
def test_right_and_false(
    said: list[tuple[str, Confidence]], expected: dict[str, Any], *, is_right: bool, is_false: bool
) -> None:
    one = score(*said, **expected)
    assert (one.is_right, one.is_false_claim) == (is_right, is_false)


def test_proof_that_is_not_quoted_is_a_miss() -> None:
    quoted = score(("a", C), causes=["a"], evidence=["the line"])
    not_quoted = score(("a", C), causes=["a"], evidence=["another"])
    assert Scorecard([quoted, not_quoted]).misses == [not_quoted]
    assert not_quoted.unquoted == ("another",)


def test_hedging_is_counted_over_right_answers_that_may_be_sure() -> None:
    card = Scorecard(
        [
            score(("a", C), causes=["a"]),
            score(("a", L), causes=["a"]),
            score(("a", P), causes=["a"]),
            score(("a", P), causes=["a"], at_most="possible"),
            score(("b", C), causes=["a"]),
            score(causes=[]),
        ]
    )
    assert card.share_of_right(C) == pytest.approx(1 / 3)
    assert card.share_of_right(C, L) == pytest.approx(2 / 3)
    assert card.precision(C) == (1, 2)
    assert (card.right, card.false_claims) == (5, 1)
    assert card.by_code == {"a": (4, 5, 1), NOTHING: (1, 1, 0)}


def test_without_a_right_answer_there_is_no_share() -> None:
    assert Scorecard([score(causes=["a"])]).share_of_right(C) is None


def test_what_could_not_be_read_is_never_right() -> None:
    assert not dataclasses.replace(score(causes=[]), unreadable="broken").is_right
