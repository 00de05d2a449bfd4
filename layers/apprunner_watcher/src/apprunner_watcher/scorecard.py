"""Here you find how good the answers are: diagnoses of recordings, held against what their authors confirmed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from apprunner_watcher.diagnosis import Cause, Diagnosis
from apprunner_watcher.recording import Expectation
from apprunner_watcher.rule import Confidence

_STRENGTH = {Confidence.POSSIBLE: 0, Confidence.LIKELY: 1, Confidence.CERTAIN: 2}
NOTHING = "(no cause)"


@dataclass(frozen=True, slots=True)
class Score:
    """One recording: what was expected, and what came first."""

    recording: str
    expected: Expectation
    first: Cause | None
    causes: Sequence[Cause]
    unreadable: str = ""  # why it could not be diagnosed at all

    @property
    def code(self) -> str:
        """The code that stands for it in a table: the first that is expected."""
        return self.expected.causes[0] if self.expected.causes else NOTHING

    @property
    def is_right(self) -> bool:
        """Whether the first cause is one that is expected; none, or a possible one, where nothing is."""
        if self.unreadable:
            return False
        if not self.first:
            return not self.expected.causes
        if not self.expected.causes:
            return self.expected.at_most == "possible" and self.first.confidence is Confidence.POSSIBLE
        return self.first.rule.code in self.expected.causes and not self._is_above

    @property
    def is_false_claim(self) -> bool:
        """Whether something is claimed that is wrong, or more surely than can be known."""
        forbidden = {one.rule.code for one in self.causes if _is_claim(one)} & set(self.expected.never)
        if not self.first:
            return bool(forbidden)
        is_wrong = _is_claim(self.first) and self.first.rule.code not in self.expected.causes
        return bool(forbidden) or is_wrong or self._is_above

    @property
    def unquoted(self) -> tuple[str, ...]:
        """What the first cause's evidence should quote, and does not."""
        quoted = "\n".join(one.saw for one in (*self.first.evidence, *self.first.context)) if self.first else ""
        return tuple(one for one in self.expected.evidence if one not in quoted) if self.expected.causes else ()

    @property
    def _is_above(self) -> bool:
        limit = self.expected.at_most
        return bool(limit and self.first and _STRENGTH[self.first.confidence] > _STRENGTH[Confidence(limit)])


def _is_claim(cause: Cause) -> bool:
    return cause.confidence is not Confidence.POSSIBLE


def score(recording: str, expected: Expectation, diagnosis: Diagnosis | None, unreadable: str = "") -> Score:
    """Hold a diagnosis (None: there is none) against what is expected of it."""
    causes = diagnosis.causes if diagnosis else ()
    return Score(recording, expected, causes[0] if causes else None, causes, unreadable)


@dataclass(frozen=True)
class Scorecard:
    """All of them."""

    scores: Sequence[Score]
    without_expectation: Sequence[str] = field(default=())

    def count(self, holds: Callable[[Score], object]) -> int:
        """How many of which something holds."""
        return sum(bool(holds(one)) for one in self.scores)

    @property
    def right(self) -> int:
        """How many are right."""
        return self.count(lambda one: one.is_right)

    @property
    def false_claims(self) -> int:
        """How many claim what is wrong."""
        return self.count(lambda one: one.is_false_claim)

    def share_of_right(self, *confidences: Confidence) -> float | None:
        """Of the right first causes that may be as sure as they like: the share with one of these confidences."""
        free = [one.first.confidence for one in self.scores if one.is_right and one.first and not one.expected.at_most]
        return sum(one in confidences for one in free) / len(free) if free else None

    def precision(self, confidence: Confidence) -> tuple[int, int]:
        """Of the first causes of this confidence: how many are right, and how many there are."""
        said = [one for one in self.scores if one.first and one.first.confidence is confidence]
        return sum(one.is_right for one in said), len(said)

    @property
    def by_code(self) -> Mapping[str, tuple[int, int, int]]:
        """By expected code: right, all, false claims."""
        codes = sorted({one.code for one in self.scores})
        return {code: _counts(one for one in self.scores if one.code == code) for code in codes}

    @property
    def misses(self) -> Sequence[Score]:
        """What is wrong, claims too much, or does not quote its proof."""
        return [one for one in self.scores if not one.is_right or one.is_false_claim or one.unquoted]


def _counts(scores: Iterable[Score]) -> tuple[int, int, int]:
    listed = list(scores)
    return sum(one.is_right for one in listed), len(listed), sum(one.is_false_claim for one in listed)
