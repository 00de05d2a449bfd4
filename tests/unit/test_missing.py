"""What is Missing is found wherever it is, and may be written anew without touching anything else."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from apprunner_watcher.missing import Missing, NotSeenError, gaps, rewritten, seen

A, B, C = Missing("a", "denied", allow="s3:GetObject"), Missing("b", "late"), Missing("c", "broken")


@dataclass(frozen=True, slots=True)
class Slotted:
    inner: Any = None
    other: Any = "kept"


@dataclass(frozen=True)
class Plain:
    inner: Any = None
    number: int = 1


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    inner: Any = None
    names: tuple[str, ...] = ("kept",)


@dataclass(frozen=True)
class ByDefault:
    inner: Missing = A


def again(missing: Missing) -> Missing:
    return replace(missing, why=f"again {missing.why}")


@pytest.mark.parametrize(
    ("part", "found"),
    [
        (A, [A]),
        (None, []),
        ("text", []),
        (7, []),
        ((), []),
        ((A, "text", B), [A, B]),
        (((A,), ((B,), C)), [A, B, C]),
        (Slotted(A), [A]),
        (Slotted(A, B), [A, B]),
        (Plain(Slotted(A)), [A]),
        (Model(inner=A), [A]),
        (Model(inner=(Plain(A), Model(inner=Slotted(B)))), [A, B]),
        (Plain((Model(), Slotted())), []),
        ((A, A), [A, A]),
        (ByDefault(), [A]),
        (ByDefault, []),  # the class itself
        # a mapping is a part's own business: none holds what is Missing
        ({"key": A}, []),
    ],
)
def test_gaps(part: object, found: list[Missing]) -> None:
    assert list(gaps(part)) == found


WRAPPERS: list[Callable[[Any], Any]] = [
    lambda inner: inner,
    lambda inner: (inner, "text"),
    lambda inner: ((), (inner,)),
    Slotted,
    Plain,
    lambda inner: Model(inner=inner),
    lambda inner: Plain((Slotted(inner), Model(inner=(inner,)))),
]


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_what_is_missing_is_written_anew_and_nothing_else(wrap: Callable[[Any], Any]) -> None:
    part = wrap(A)
    anew = rewritten(part, again)
    assert anew == wrap(again(A))
    assert type(anew) is type(part)
    assert part == wrap(A)  # it is another one


@pytest.mark.parametrize("wrap", WRAPPERS[3:])
def test_a_part_without_gaps_stays_the_same_object(wrap: Callable[[Any], Any]) -> None:
    part = wrap("text")
    assert rewritten(part, again) is part


def test_only_the_parts_with_gaps_are_made_anew() -> None:
    whole = Slotted("text")
    part = Plain((whole, Slotted(A)))
    anew = rewritten(part, again)
    assert anew.inner[0] is whole
    assert anew.inner[1] == Slotted(again(A))


def test_the_rewriting_sees_each_gap_once_and_gaps_sees_the_new_ones() -> None:
    asked = []

    def note(missing: Missing) -> Missing:
        asked.append(missing)
        return again(missing)

    anew = rewritten((Slotted(A, B), Model(inner=C)), note)
    assert asked == [A, B, C]
    assert list(gaps(anew)) == [again(A), again(B), again(C)]


PARTS: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from([A, B, C, None, "text", 1]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(tuple),
        st.builds(Slotted, inner, inner),
        st.builds(Plain, inner),
        inner.map(lambda one: Model(inner=one)),
    ),
    max_leaves=12,
)


@given(PARTS)
def test_every_gap_is_rewritten_where_it_stands(part: object) -> None:
    assert list(gaps(rewritten(part, again))) == [again(one) for one in gaps(part)]
    assert rewritten(part, lambda missing: missing) == part


def test_seen_is_the_part_or_says_what_is_missing() -> None:
    assert seen("part") == "part"
    assert seen(()) == ()
    with pytest.raises(NotSeenError, match="a: denied") as caught:
        seen(A)
    assert caught.value.missing is A
