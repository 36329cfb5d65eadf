"""Backfill on a clock: the engine against plain Python, by hand, and what must hold of every trial."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escalate import Design, Scenario
from escalate.core.clock import Clock
from escalate.engine.clock import run_trials
from escalate.engine.clock_compiled import runnable
from escalate.engine.clock_draws import LEFT, Draws
from tests.engine.test_clock import CLOCKS, DESIGNS, SETTINGS, TOXIC, TRUTH, clock, no_dlts, same_events
from tests.helpers import make

ANYWHERE = {"activity": "none"}


def _backfilling() -> dict[str, Design]:
    bf, tite = DESIGNS["bf_boin"], DESIGNS["tite_boin"]
    careful = {"cap": 9, "responses": 2, "min_level": 2, "priority": "lowest", "reopen": False}
    return {
        "bf_boin": bf,
        "bf_boin anywhere": _with(bf, ANYWHERE),
        "bf_boin careful": _with(bf, careful),
        "bf_boin after two cohorts": _with(bf, {**ANYWHERE, "after_cohorts": 2}),
        "tite_boin": _with(tite, {}),
        "tite_boin, lowest": _with(tite, {**ANYWHERE, "priority": "lowest", "cap": 8, "reopen": False}),
        "tite_boin apart": _with(tite, {**ANYWHERE, "counts_in_tally": False, "reopen": False}),
        "boin": _with(DESIGNS["boin with stops"], {**ANYWHERE, "cap": 6}),
        "boin apart": _with(DESIGNS["boin"], {**ANYWHERE, "counts_in_tally": False, "close_above": 0.5}),
    }


def _with(design: Design, backfill: dict[str, Any]) -> Design:
    return Design.from_dict({**design.to_dict(), "max_patients": 15, "backfill": backfill})


BACKFILLING = _backfilling()


@pytest.mark.parametrize("on", CLOCKS.values(), ids=CLOCKS)
@pytest.mark.parametrize("design", BACKFILLING.values(), ids=BACKFILLING)
def test_same_backfill_as_plain_python(design: Design, on: Clock) -> None:
    """Who is backfilled where and when is what plain Python says, one patient after another."""
    for scenario in [TRUTH, TOXIC]:
        same_events(design, scenario, on, 8, seed=3)


@settings(max_examples=30)
@given(name=st.sampled_from(sorted(BACKFILLING)), on=SETTINGS, seed=st.integers(0, 2**40))
def test_same_backfill_whatever_the_clock(name: str, on: dict[str, Any], seed: int) -> None:
    """Long staggers, many drop-outs, events on the same day: still the trials of plain Python."""
    same_events(BACKFILLING[name], TRUTH, Clock.from_dict(on), 2, seed)


NINE = make({"kind": "bf_boin"}, max_patients=9, dlt_window=28, backfill=ANYWHERE, rules=())


def test_backfill_by_hand() -> None:
    """The trial of `test_days_by_hand_turned_away`: those of days 80 and 90 go to level 1 while level 2 is followed.

    On days 30 and 40 no level is below. The escalation has its own days, and the backfill patients are beyond its nine.
    """
    found = run_trials(NINE, no_dlts(5), clock({"kind": "fixed", "days": 10}), 1, 0, 2)
    assert found.beside is not None
    assert found.start.tolist() == [[0, 10, 20, 50, 60, 70, 80, 90, 100, 110, 120]] * 2
    assert found.who.tolist() == [[0, 1, 2, 5, 6, 7, 8, 9, 10, 11, 12]] * 2
    assert (found.dose[0] + 1).tolist() == [1, 1, 1, 2, 2, 2, 1, 1, 3, 3, 3]
    assert np.flatnonzero(found.beside[0]).tolist() == [6, 7]
    assert found.counts[0].sum(axis=1).tolist() == [5, 3, 3, 0, 0]
    backfilled = found.backfilled()
    assert backfilled is not None
    assert backfilled.tolist() == [[2, 0, 0, 0, 0]] * 2
    assert found.turned_away.tolist() == [2, 2]
    assert found.waiting_days.tolist() == [40, 40]
    assert found.duration_days.tolist() == [148, 148]


def test_backfill_by_hand_queue() -> None:
    """In a queue the first patients wait, as no level is below; later ones take places below rather than queue.

    Days 30 and 40 wait until day 48. Day 60 and 70 are backfilled while level 2 (days 48, 48, 50) is followed until day 78.
    """
    found = run_trials(NINE, no_dlts(5), clock({"kind": "fixed", "days": 10}, arrivals="queue"), 1, 0, 1)
    assert found.beside is not None
    assert found.start.tolist() == [[0, 10, 20, 48, 48, 50, 60, 70, 80, 90, 100]]
    assert np.flatnonzero(found.beside[0]).tolist() == [6, 7]
    assert found.queued_days.tolist() == [18 + 8]
    assert found.waiting_days.tolist() == [18 + 20]


def test_backfill_holds_up_a_method_that_waits_for_everybody() -> None:
    """BOIN knows no follow-up: it waits for backfilled patients too, here until level 1 is full and they are followed."""
    design = make(
        {"kind": "boin"}, max_patients=9, dlt_window=28, backfill={**ANYWHERE, "cap": 6, "close_above": 0.5}, rules=()
    )
    found = run_trials(design, no_dlts(5), clock({"kind": "fixed", "days": 10}), 1, 0, 1)
    # Days 80, 90 and 100 go to level 1, which then has six; day 130 is the first on which all are known.
    assert found.start[0, 6:9].tolist() == [80, 90, 100]
    assert found.start[0, 9] == 130
    assert found.turned_away.tolist() == [2 + 2]


def test_responses_open_levels() -> None:
    """Nobody is backfilled where nobody responds; where everybody does, as without the condition."""
    design = Design.from_dict({**NINE.to_dict(), "backfill": {"activity": "response"}})
    for rate, expected in ((0.0, 0), (1.0, 2)):
        scenario = Scenario(name="safe", dlt=(1e-12,) * 5, response=(rate,) * 5)
        found = run_trials(design, scenario, clock({"kind": "fixed", "days": 10}), 1, 0, 5)
        assert found.beside is not None
        assert found.beside.sum(axis=1).tolist() == [expected] * 5
    # A response below is enough, and one above is not.
    below = Scenario(name="below", dlt=(1e-12,) * 5, response=(0.0, 1.0, 0.0, 0.0, 0.0))
    longer = Design.from_dict({**design.to_dict(), "max_patients": 15})
    found = run_trials(longer, below, clock({"kind": "fixed", "days": 10}), 1, 0, 1)
    backfilled = found.backfilled()
    assert backfilled is not None
    assert backfilled[0].tolist() == [0, 2, 2, 0, 0]


def test_without_activity_backfill_changes_nothing() -> None:
    """Where nobody responds the trials are those of the design without backfill."""
    design = BACKFILLING["tite_boin"].model_copy(update={"backfill": BACKFILLING["bf_boin"].backfill})
    plain = design.model_copy(update={"backfill": None})
    scenario = TRUTH.model_copy(update={"response": (0.0,) * 5})
    for on in CLOCKS.values():
        found, usual = (run_trials(each, scenario, on, 4, 0, 100) for each in (design, plain))
        assert np.array_equal(found.start, usual.start)
        assert np.array_equal(found.dose, usual.dose)
        assert np.array_equal(found.selected, usual.selected)
        assert np.array_equal(found.stops, usual.stops)


def test_rates_of_response() -> None:
    """Patients respond as often as the scenario says, whatever their toxicity."""
    draws = Draws(BACKFILLING["bf_boin"], TRUTH, clock(), 3, 0, 5000)
    patient, trial = np.repeat(np.arange(20), 5000), np.tile(np.arange(5000), 20)
    for dose in (1, 3):
        at = np.full(len(patient), dose)
        responds, fate = draws.responds(patient, trial, at), draws.outcome(patient, trial, at)[0]
        assert TRUTH.response is not None
        assert responds.mean() == pytest.approx(TRUTH.response[dose], abs=0.007)
        assert np.corrcoef(responds, fate)[0, 1] == pytest.approx(0, abs=0.015)


@pytest.mark.parametrize("name", BACKFILLING)
def test_backfill_is_used_and_kept_apart(name: str) -> None:
    """Some are backfilled, never at or above the dose under escalation's level, within the cap; the escalation keeps its size."""
    design = BACKFILLING[name]
    assert design.backfill is not None
    found = run_trials(design, TRUTH, CLOCKS["drop-outs"], 3, 0, 200)
    assert found.beside is not None
    assert found.beside.sum() > 50
    escalated = found.treated & ~found.beside
    assert ((escalated & (found.fate != LEFT)).sum(axis=1) <= design.max_patients).all()
    highest = np.maximum.accumulate(np.where(escalated, found.dose, 0), axis=1)
    assert (found.dose < highest)[found.beside].all()
    full = found.backfilled()
    assert full is not None
    counted = found.treated & (found.fate != LEFT)
    for t, k in np.argwhere(found.beside):
        assert counted[t, :k][found.dose[t, :k] == found.dose[t, k]].sum() < design.backfill.cap
    assert (full.sum(axis=1) == (found.beside & (found.fate != LEFT)).sum(axis=1)).all()
    assert not runnable(design, CLOCKS["drop-outs"])


def test_apart_decisions_do_not_see_backfill() -> None:
    """With `counts_in_tally: false` a decision sees as many patients as the escalation has, and the MTD rests on all."""
    found = run_trials(BACKFILLING["tite_boin apart"], TRUTH, clock(), 3, 0, 50, keep=True)
    for asked in found.asked:
        assert (asked.states.tally.n_total <= 15).all()
        assert asked.states.tally.backfilled is not None
        assert not asked.states.tally.backfilled.any()
    assert (found.counts.sum(axis=(1, 2)) == found.treated.sum(axis=1)).all()
    together = run_trials(BACKFILLING["tite_boin"], TRUTH, clock(), 3, 0, 50, keep=True)
    assert max(int(asked.states.tally.n_total.max()) for asked in together.asked) > 15
