"""Backfill settings, and which doses of many states at once are open."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import escalate as esc
from escalate.core.arrays import NONE, IntArray
from escalate.core.backfill import (
    Backfill,
    allocate,
    close_above,
    closures,
    open_to_backfill,
    settings_of,
    too_toxic,
    upper_cut,
)
from escalate.core.follow_up import FollowUp
from escalate.core.tally import States, Tally
from tests.helpers import make


def _design(method: str = "bf_boin", **backfill: Any) -> esc.Design:
    return make({"kind": method}, 5, target=0.25, backfill=backfill)


def _states(n: list[list[int]], dlt: list[list[int]], levels: list[int]) -> States:
    return States(Tally.of(n, dlt), np.array(levels) - 1, np.zeros((len(n), 2), dtype=np.int64))


def _open(design: esc.Design, states: States, responses: list[list[int]] | None, **more: Any) -> list[list[int]]:
    """Return the open levels of each state."""
    responders: IntArray | None = None if responses is None else np.array(responses)
    found = open_to_backfill(closures(design, states, responders, **more))
    return [(np.flatnonzero(row) + 1).tolist() for row in found]


def test_closure_of_the_paper() -> None:
    """Source: example of Zhao et al. (2024), target 0.25, worked by hand: 4/9 and 4/9 + 1/6 = 5/15 are above 0.2984."""
    design = _design(activity="none")
    assert close_above(design) == pytest.approx(0.298392, abs=5e-7)
    closed = _states([[9, 6, 3, 0, 0]], [[4, 1, 0, 0, 0]], [3])
    assert _open(design, closed, None) == [[]]
    assert closures(design, closed, None)["toxic"].tolist() == [[True] * 5]
    # 4/9 is above it, 4/15 = 0.2667 is not.
    assert _open(design, _states([[9, 6, 3, 0, 0]], [[4, 0, 0, 0, 0]], [3]), None) == [[1, 2]]
    # 1/6 at level 1 is not above it, though the pool of 6/12 is; level 2 closes by 5/6 and 5/9, and level 1 stays open.
    assert _open(design, _states([[6, 6, 3, 0, 0]], [[1, 5, 0, 0, 0]], [3]), None) == [[1]]


def test_only_evaluated_patients_can_close_a_dose() -> None:
    """3/9 with two pending is 3/7 of those evaluated; with level 2 it is 4/13, above the limit, where 4/15 would not be."""
    counts = Tally.of([[9, 6, 3, 0, 0]], [[3, 1, 0, 0, 0]]).counts
    pending = FollowUp(np.array([[0, 0]]), np.array([[0.5, 0.1]]), np.zeros((1, 0)))
    limit = close_above(_design())
    assert not too_toxic(limit, Tally(counts)).any()
    assert too_toxic(limit, Tally(counts, pending)).all()


@pytest.mark.parametrize(
    ("settings", "responses", "levels"),
    [
        ({}, [0, 1, 0, 0, 0], [2, 3]),
        ({}, [1, 0, 0, 0, 0], [1, 2, 3]),
        ({}, [0, 0, 0, 2, 0], []),
        ({}, None, []),
        ({"responses": 2}, [1, 0, 1, 0, 0], [3]),
        ({"activity": "none"}, None, [1, 2, 3]),
        ({"activity": "none", "min_level": 2}, None, [2, 3]),
        ({"activity": "none", "after_cohorts": 2}, None, [1]),
        ({"activity": "none", "cap": 6}, None, [2, 3]),
        ({"activity": "none", "cap": 7}, None, [1, 2, 3]),
    ],
)
def test_each_condition(settings: dict[str, Any], responses: list[int] | None, levels: list[int]) -> None:
    """Activity at the level or below, the lowest level, cohorts at the level, and the cap on assigned patients."""
    states = _states([[6, 3, 3, 3, 0]], [[0, 0, 0, 0, 0]], [4])
    assert _open(_design(**settings), states, None if responses is None else [responses]) == [levels]


def test_backfilled_patients_make_no_cohort() -> None:
    """Where the tally says who was backfilled, cohorts are counted among the others."""
    tally = Tally(Tally.of([[6, 3, 3, 0, 0]], [[0] * 5]).counts, None, np.array([[3, 0, 0, 0, 0]]))
    states = States(tally, np.array([2]), np.zeros((1, 2), dtype=np.int64))
    assert _open(_design(activity="none", after_cohorts=2), states, None) == [[]]


def test_end_of_the_escalation_and_bars_close() -> None:
    """Nobody is backfilled after the escalation, nor at a level that a safety rule bars now or barred earlier."""
    design, clean = _design(activity="none"), ([[3, 3, 3, 0, 0]], [[0, 0, 0, 0, 0]])
    ended = States(Tally.of(*clean), np.array([NONE]), np.zeros((1, 2), dtype=np.int64))
    assert _open(design, ended, None) == [[]]
    barred = np.array([[False, True, True, True, True]])
    assert _open(design, _states(*clean, [3]), None, barred=barred) == [[1]]
    # 3/3 at level 2 bars it by the rule eliminate; level 1 is untouched.
    assert _open(design, _states([[3, 3, 3, 0, 0]], [[0, 3, 0, 0, 0]], [3]), None) == [[1]]


def test_reopening_can_be_refused() -> None:
    """A level closed once opens again, unless `reopen` is false."""
    states, once = _states([[3, 3, 3, 0, 0]], [[0] * 5], [3]), np.array([[False, True, True, True, True]])
    assert _open(_design(activity="none"), states, None, closed_before=once) == [[1, 2]]
    assert _open(_design(activity="none", reopen=False), states, None, closed_before=once) == [[1]]


def test_priority() -> None:
    """The highest or the lowest open level first; none where none is open."""
    is_open = np.array([[False, True, True], [True, False, False], [False, False, False]])
    assert allocate(Backfill(), is_open).tolist() == [2, 0, NONE]
    assert allocate(Backfill(priority="lowest"), is_open).tolist() == [1, 0, NONE]


def test_limit_of_other_methods() -> None:
    """The setting, else the method's own lambda_d on the scale of DLTs, else BOIN's at the target."""
    assert close_above(_design("keyboard", close_above=0.4)) == 0.4
    assert close_above(_design("keyboard")) == upper_cut(0.25, 0.35)
    wide = make({"kind": "boin", "p_tox": 0.5}, 5, target=0.25, backfill={})
    assert close_above(wide) == pytest.approx(upper_cut(0.25, 0.5))
    with pytest.raises(ValueError, match="no backfill"):
        settings_of(make({"kind": "boin"}))


@st.composite
def _data(draw: st.DrawFn) -> tuple[list[int], list[int], list[int], int]:
    n = [draw(st.integers(0, 13)) for _ in range(5)]
    responses = [draw(st.integers(0, each)) for each in n]
    return n, [draw(st.integers(0, each)) for each in n], responses, draw(st.integers(1, 5))


@given(_data(), st.integers(2, 13), st.integers(1, 3))
def test_the_conditions_written_twice(data: tuple[list[int], list[int], list[int], int], cap: int, needed: int) -> None:
    """Arrays give what the five conditions of the paper give in loops and fractions, the bar of `eliminate` apart."""
    n, dlt, responses, level = data
    design = make({"kind": "bf_boin"}, 5, target=0.25, rules=(), backfill={"cap": cap, "responses": needed})
    limit = Fraction(close_above(design))

    def toxic(b: int) -> bool:
        pooled_n, pooled = n[b] + sum(n[b + 1 : b + 2]), dlt[b] + sum(dlt[b + 1 : b + 2])
        return bool(n[b]) and Fraction(dlt[b], n[b]) > limit and Fraction(pooled, pooled_n) > limit

    expected = [
        b + 1
        for b in range(level - 1)
        if 0 < n[b] < cap and sum(responses[: b + 1]) >= needed and not any(toxic(a) for a in range(b + 1))
    ]
    assert _open(design, _states([n], [dlt], [level]), [responses]) == [expected]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cap": 1}, "backfill.cap: 1 is not at least 2"),
        ({"cap": 4, "after_cohorts": 2}, "backfill.cap: 4 leaves no place: a level has at least that many patients"),
        ({"activity": "any"}, "backfill.activity: 'any' is not known; it can be 'response' or 'none'"),
        ({"activity": "none", "responses": 2}, "backfill.responses: 2 has no meaning with activity: none"),
        ({"min_level": 5}, "backfill.min_level: level 5 has no level above it among 5"),
        ({"close_above": 0.2}, "backfill.close_above: 0.2 is below the target 0.25"),
        ({"capp": 9}, "backfill.capp: unknown setting; did you mean 'cap'?"),
        ({"priority": "random"}, "backfill.priority: 'random' is not known; it can be 'highest' or 'lowest'"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, Any], message: str) -> None:
    """With the field, what came, and what would be right."""
    with pytest.raises(esc.DesignError) as error:
        _design(**settings)
    assert message in str(error.value)


def test_a_design_without_a_target_needs_the_limit() -> None:
    """A 3+3 has no lambda_d and no target."""
    with pytest.raises(esc.DesignError, match=r"backfill\.close_above: is missing"):
        make({"kind": "three_plus_three"}, 3, target=None, backfill={})
    assert close_above(make({"kind": "three_plus_three"}, 3, target=None, backfill={"close_above": 0.33})) == 0.33


def test_a_design_keeps_its_backfill() -> None:
    """Through `to_dict` and back; a design without it is the same design, with the same hash, as before."""
    design = _design(activity="none", cap=9)
    again = esc.Design.from_dict(design.to_dict())
    assert again.backfill == Backfill(activity="none", cap=9)
    assert again.sha256 == design.sha256 != make({"kind": "bf_boin"}, 5, target=0.25).sha256
    assert "backfill" not in make({"kind": "boin"}).to_dict()


def test_it_is_described_and_questioned() -> None:
    """As a protocol would say it, and what a statistician would ask."""
    settings = Backfill(cap=6, after_cohorts=2, min_level=2, responses=2, reopen=False, counts_in_tally=False)
    design = make({"kind": "boin"}, 5, target=0.25, backfill=settings.model_dump())
    text = settings.describe(design)
    for part in (
        "from level 2 up with at least 2 responses at it or below",
        "after 2 cohorts of the escalation at it",
        "until it has been assigned 6 patients; the highest open level first",
        "both above 0.2984",
        "stays closed for the rest of the trial",
        "do not count in dose decisions",
    ):
        assert part in text
    doubts = list(settings.doubts(design))
    assert ["no place after 2 whole cohorts" in doubts[0], "do not count" in doubts[1]] == [True, True]
    assert not list(Backfill().doubts(_design()))
    assert "with at least" not in Backfill(activity="none").describe(_design())
