"""pydantic's errors as sentences."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, ValidationError, field_validator

from escalate.core.errors import Problem, did_you_mean
from escalate.core.messages import MOST, problems_of
from escalate.core.setting import Count, Positive, Probability, Setting


class Inner(Setting):
    """A group of settings."""

    width: Probability
    from_: Count = Field(default=1, alias="from")


class Outer(Setting):
    """One setting of each kind."""

    kind: Literal["outer", "other"] = "outer"
    n: Annotated[int, Field(ge=1, le=20)] = 1
    p: Probability = 0.5
    x: Positive = 1.0
    text: Annotated[str, Field(min_length=1, max_length=5)] = "a"
    yes: bool = True
    listed: tuple[Positive, ...] = (1.0,)
    inner: Inner | None = None
    either: tuple[Probability, ...] | Inner = (0.5,)
    hidden: bool = Field(default=False, exclude=True)

    @field_validator("listed")
    @classmethod
    def _short(cls, listed: tuple[float, ...]) -> tuple[float, ...]:
        if len(listed) > 3:
            raise ValueError("there are more than three")
        return listed


def problems(content: dict[str, Any], hidden: tuple[str, ...] = ()) -> list[Problem]:
    """Return what is wrong with settings."""
    with pytest.raises(ValidationError) as refused:
        Outer.model_validate(content)
    return problems_of(refused.value, Outer, hidden)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"n": 0}, "n: 0 is not at least 1"),
        ({"n": 21}, "n: 21 is not at most 20"),
        ({"n": 1.5}, "n: 1.5 is not a whole number"),
        ({"n": "3"}, "n: '3' is not a whole number"),
        ({"n": True}, "n: true is not a whole number"),
        ({"n": None}, "n: nothing is not a whole number"),
        ({"p": 0}, "p: 0 is not above 0"),
        ({"p": 1.0}, "p: 1.0 is not below 1"),
        ({"p": "half"}, "p: 'half' is not a number"),
        ({"p": False}, "p: false is not a number"),
        ({"p": float("nan")}, "p: nan is not a finite number"),
        ({"x": float("inf")}, "x: inf is not a finite number"),
        ({"text": 5}, "text: 5 is not text"),
        ({"yes": "no"}, "yes: 'no' is not true or false"),
        ({"yes": 1}, "yes: 1 is not true or false"),
        ({"kind": "outre"}, "kind: 'outre' is not known; it can be 'outer' or 'other'"),
        ({"listed": 5}, "listed: 5 is not a list [..]"),
        ({"listed": (1.0, "b")}, "listed[2]: 'b' is not a number"),
        ({"listed": (1.0, 2.0, -3)}, "listed[3]: -3 is not above 0"),
        ({"listed": (1.0, 2.0, 3.0, 4.0)}, "listed: there are more than three"),
        ({"inner": 5}, "inner: 5 is not a group of settings"),
        ({"inner": {}}, "inner.width: is missing"),
        ({"inner": {"width": 0.5, "from": 0}}, "inner.from: 0 is not at least 1"),
        ({"inner": {"width": 0.5, "widht": 1}}, "inner.widht: unknown setting; did you mean 'width'?"),
        ({"inner": {"width": 0.5, "form": 1}}, "inner.form: unknown setting; did you mean 'from'?"),
        ({"tekst": "a"}, "tekst: unknown setting; did you mean 'text'?"),
        ({"zzz": 1}, "zzz: unknown setting; known: either, inner, kind, listed, n, p, text, x, yes"),
        ({"either": (0.5, 2)}, "either[2]: 2 is not below 1"),
        ({"either": {"width": 2}}, "either.width: 2 is not below 1"),
        ({"either": {"width": 0.5, "q": 1}}, "either.q: unknown setting; known: from, width"),
        ({"text": "abcdef"}, "text: has 6 letters; the limit is 5"),
    ],
)
def test_sentence(content: dict[str, Any], said: str) -> None:
    """What came, what is needed, in the words of the file; one sentence a fault, pydantic not heard of."""
    assert [f"{problem.field}: {problem.text}" for problem in problems(content)] == [said]


def test_long_values_are_cut() -> None:
    """A value is quoted as far as one can read it."""
    (problem,) = problems({"n": "9" * 500})
    assert problem.text == f"'{'9' * 56}... is not a whole number"


def test_every_fault_is_told() -> None:
    """Several faults, several sentences."""
    assert {problem.field for problem in problems({"n": 0, "p": 2, "q": 1})} == {"n", "p", "q"}


def test_hidden_parts_are_left_out() -> None:
    """What another part of the program tells better is left out."""
    assert [problem.field for problem in problems({"n": 0, "p": 2}, ("n",))] == ["p"]


@pytest.mark.parametrize("value", ["abc", 0.5, True])
def test_neither_of_two_kinds(value: object) -> None:
    """Where a setting may be of two kinds and is of neither, that is said."""
    found = problems({"either": value})
    assert found
    assert all(problem.field == "either" for problem in found)


def test_text_that_is_empty() -> None:
    """Nothing where something is needed is said to be nothing, not 'too short; the limit is 1'."""
    (problem,) = problems({"text": ""})
    assert "limit is 1" not in problem.text


@pytest.mark.parametrize(
    ("word", "known", "said"),
    [
        ("bion", ["boin", "crm"], "did you mean 'boin'?"),
        ("BOIN", ["crm", "boin"], "did you mean 'boin'?"),
        ("xyz", ["crm", "boin"], "known: boin, crm"),
        ("", ["boin"], "known: boin"),
        ("xyz", [], "known: "),
    ],
)
def test_suggestion(word: str, known: list[str], said: str) -> None:
    """The nearest known word, or all of them in order."""
    assert did_you_mean(word, known) == said


def test_a_file_of_nothing_but_faults() -> None:
    """Of very many faults the first are told: they are found and worded in the time of a short file."""
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate({f"key{k}": 1 for k in range(20_000)})
    assert len(problems_of(caught.value, Outer, ())) == MOST
