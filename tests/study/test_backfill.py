"""What backfill may do now, said level by level."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import escalate as esc
from escalate.core.arrays import NONE, IntArray
from escalate.core.backfill import closures, open_to_backfill
from escalate.core.decision import decide_along
from escalate.core.follow_up import FollowUp
from escalate.core.patients import from_outcomes
from escalate.core.tally import States, Tally
from escalate.study.backfill import BackfillDose, backfill_of, open_doses
from tests.helpers import make


def _design(method: dict[str, Any] | None = None, n_doses: int = 4, **backfill: Any) -> esc.Design:
    return make(method or {"kind": "bf_boin"}, n_doses, target=0.25, backfill=backfill)


def _state(n: list[int], dlt: list[int], level: int) -> States:
    return States(Tally.of([n], [dlt]), np.array([level - 1]), np.zeros((1, 2), dtype=np.int64))


def _after(design: esc.Design, outcomes: str, responses: list[int] | None) -> tuple[BackfillDose, ...]:
    history = from_outcomes(outcomes, design, design.outcomes).prefixes(design.n_doses)
    responders: IntArray | None = None if responses is None else np.array(responses)
    return backfill_of(design, history, responders, decide_along(design, history))


def test_closure_is_said_with_its_numbers() -> None:
    """Source: example of Zhao et al. (2024), target 0.25, worked by hand: level 1 closes itself and level 2."""
    first, second, third, _ = open_doses(_design(activity="none"), _state([9, 6, 3, 0], [4, 1, 0, 0], 3), None)
    assert first == BackfillDose(
        1,
        False,
        "4/9 DLTs at level 1, a rate of 0.4444, and 5/15 at levels 1 and 2 together, 0.3333, are above 0.2984",
        0,
    )
    assert second.why.startswith("level 1 below it is closed for toxicity; 4/9 DLTs at level 1")
    assert third.why == "not below the level under escalation, level 3"


def test_open_levels_and_their_places() -> None:
    """Responses, patients assigned, DLTs among those evaluated, and what the cap leaves."""
    found = open_doses(_design(), _state([9, 6, 3, 0], [1, 1, 0, 0], 3), np.array([0, 2, 0, 0]))
    assert found[0] == BackfillDose(1, False, "0 responses at level 1, 1 needed", 0)
    assert found[1] == BackfillDose(
        2, True, "2 responses at level 2 or below; 6 of at most 12 patients assigned, 1/6 DLTs", 6
    )


def test_missing_responses_open_nothing() -> None:
    """Nobody is taken to have responded."""
    found = open_doses(_design(), _state([3, 3, 3, 0], [0, 0, 0, 0], 3), None)
    assert not any(dose.open for dose in found)
    assert found[0].why.startswith("responses are missing from the data")
    assert all(dose.open for dose in open_doses(_design(activity="none"), _state([3, 3, 3, 0], [0] * 4, 3), None)[:2])


def test_every_reason_has_words() -> None:
    """Several reasons stand side by side."""
    design = _design(min_level=2, after_cohorts=2, cap=5)
    found = open_doses(design, _state([5, 3, 0, 0], [0, 0, 0, 0], 4), np.array([0, 0, 0, 0]))
    assert (
        found[0].why
        == "backfill starts at level 2; 0 responses at level 1, 1 needed; 5 patients assigned, at most 5 may be"
    )
    assert (
        found[1].why
        == "fewer cohorts of the escalation at it than the 2 needed; 0 responses at level 2 or below, 1 needed"
    )
    barred = open_doses(
        _design(activity="none"), _state([3, 3, 3, 0], [0] * 4, 3), None, barred=np.array([False, True, True, True])
    )
    assert (barred[0].open, barred[1].why) == (True, "barred by a safety rule")
    top = make({"kind": "boin"}, 3, target=0.25, rules=(), backfill={"activity": "none"})
    assert open_doses(top, _state([3, 0, 0], [2, 0, 0], 3), None)[0].why == (
        "2/3 DLTs at level 1, a rate of 0.6667, is above 0.2984"
    )
    earlier = open_doses(
        _design(activity="none", reopen=False),
        _state([3, 3, 3, 0], [0] * 4, 3),
        None,
        closed_before=np.array([True, True, True, True]),
    )
    assert earlier[0].why.startswith("closed for toxicity earlier")


def test_the_dose_under_escalation_is_the_one_just_decided_for() -> None:
    """After 0/3 at levels 1 and 2 level 3 is next: 1 and 2 may be filled; after a DLT-rich cohort it is the lower one."""
    design = _design(activity="none")
    assert [dose.open for dose in _after(design, "1NNN 2NNN", None)] == [True, True, False, False]
    assert [dose.open for dose in _after(design, "1NNN 2NTT", None)] == [False, False, False, False]
    assert _after(design, "1NNN 2NTT", None)[1].why == "not below the level under escalation, level 1"


def test_nobody_is_backfilled_after_the_end() -> None:
    """3/3 at level 1 ends the trial."""
    assert {dose.why for dose in _after(_design(activity="none"), "1TTT", None)} == {"the escalation has ended"}


def test_while_the_trial_waits_the_dose_last_given_counts() -> None:
    """With a pending patient at level 3 levels 1 and 2 are open, whatever would follow."""
    design = _design(activity="none")
    pending = FollowUp(np.array([[2]]), np.array([[0.5]]), np.zeros((1, 0)))
    counts = Tally.of([[3, 3, 3, 0]], [[0, 0, 0, 0]]).counts
    states = States(Tally(counts, pending), np.array([2]), np.array([[3, 0]]))
    decisions = decide_along(design, states)
    assert decisions.waits[0]
    assert [dose.open for dose in backfill_of(design, states, None, decisions)] == [True, True, False, False]


def test_bars_and_closures_of_the_past() -> None:
    """A permanent bar stays; a closure for toxicity stays where `reopen` is false."""
    # 2/3 at level 1 closed it at the time; with 2/12 in the end it would be open.
    for reopen, opened in ((True, True), (False, False)):
        design = _design({"kind": "bf_boin"}, 4, activity="none", reopen=reopen, cap=20, close_above=0.25)
        history = from_outcomes("1NTT 1NNN 1NNN 1NNN 2NNN", design, design.outcomes).prefixes(4)
        decisions = decide_along(design, history)
        assert backfill_of(design, history, None, decisions)[0].open is opened


def test_wrong_counts_of_responders_are_refused() -> None:
    """More responders than patients, or not one count a level."""
    state = _state([3, 3, 3, 0], [0, 0, 0, 0], 3)
    with pytest.raises(esc.DataError, match="level 2 has 4 responders among 3 patients"):
        open_doses(_design(), state, np.array([0, 4, 0, 0]))
    with pytest.raises(esc.DataError, match="there are 3 counts of responders for 4 levels"):
        open_doses(_design(), state, np.array([0, 1, 0]))
    with pytest.raises(ValueError, match="no backfill"):
        open_doses(make({"kind": "boin"}, 4), state, None)
    nothing = States(Tally(state.tally.counts[:0]), state.dose[:0], state.cohort[:0])
    with pytest.raises(ValueError, match="at least one cohort"):
        backfill_of(_design(), nothing, None, decide_along(_design(), nothing))


@given(
    st.lists(st.tuples(st.integers(0, 13), st.integers(0, 13), st.integers(0, 13)), min_size=4, max_size=4),
    st.sampled_from([NONE, 0, 1, 2, 3]),
    st.booleans(),
    st.sampled_from([Any, None]),
)
def test_words_agree_with_the_arrays(
    data: list[tuple[int, int, int]], dose: int, active: bool, recorded: object
) -> None:
    """A level is said to be open exactly where it is, has a reason always, and places exactly where it is open."""
    n = [a for a, _, _ in data]
    state = _state(n, [min(a, b) for a, b, _ in data], 1)
    state = States(state.tally, np.array([dose]), state.cohort)
    responses = None if recorded is None else np.array([min(a, c) for a, _, c in data])
    design = _design(activity="response" if active else "none")
    is_open = open_to_backfill(closures(design, state, None if responses is None else responses[None, :]))[0]
    for j, found in enumerate(open_doses(design, state, responses)):
        assert (found.level, found.open) == (j + 1, bool(is_open[j]))
        assert found.why
        assert (found.places > 0) == found.open
        assert found.places in {0, 12 - n[j]}
        assert j < dose or not found.open
