"""Trials on a clock: the engine against plain Python, against trials without a clock, and against what can be said beforehand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import escalate as esc
from escalate import Design, Scenario
from escalate.core.arrays import NONE
from escalate.core.clock import Clock
from escalate.core.decision import stop_codes
from escalate.engine.clock import run_trials
from escalate.engine.clock_draws import LEFT
from escalate.engine.monte_carlo import _decide
from tests.engine.plain_clock import run_trial
from tests.helpers import ROOT, graded, make

TRUTH = Scenario(name="MTD at level 3", dlt=(0.05, 0.15, 0.30, 0.45, 0.60), response=(0.2, 0.1, 0.4, 0.5, 0.45))
TOXIC = Scenario(name="toxic", dlt=(0.45, 0.55, 0.65, 0.75, 0.85), response=(0.3,) * 5)
THREE = Scenario(name="three", dlt=(0.1, 0.25, 0.5), response=(0.3, 0.2, 0.6))


def clock(accrual: dict[str, Any] | None = None, **settings: Any) -> Clock:
    return Clock.from_dict({"accrual": accrual or {"kind": "poisson", "mean_days": 10}, **settings})


CLOCKS = {
    "turn away": clock(),
    "queue": clock(arrivals="queue"),
    "drop-outs": clock({"kind": "uniform", "mean_days": 6}, drop_out=0.2, dlt_times={"kind": "weibull", "late": 0.7}),
    "queue, drop-outs, stagger": clock(
        {"kind": "poisson", "mean_days": 4},
        drop_out=0.25,
        arrivals="queue",
        stagger_days=5,
        dlt_times={"kind": "piecewise", "masses": [0.1, 0.2, 0.7]},
    ),
    "stagger": clock({"kind": "fixed", "days": 3}, stagger_days=7),
    "listed": clock({"kind": "listed", "days": [0, 0, 4, 9, 30, 31, 60]}, arrivals="queue"),
}


def _designs() -> dict[str, Design]:
    found = {
        "3+3": make({"kind": "three_plus_three"}, target=None, max_patients=30, dlt_window=28),
        "boin": make({"kind": "boin"}, dlt_window=28),
        "boin, one by one": make({"kind": "boin"}, cohort_size=1, max_patients=12, dlt_window=28),
        "boin with stops": make(
            {"kind": "boin"},
            dlt_window=21,
            rules=(
                {"kind": "eliminate"},
                {"kind": "coherence"},
                {"kind": "stop_at_patients_at_dose", "patients": 9},
                {"kind": "stop_when_stable", "cohorts": 3},
            ),
        ),
        "boin that decides when certain": make(
            {"kind": "boin"},
            cohort_size=2,
            dlt_window=28,
            rules=({"kind": "eliminate"}, {"kind": "decide_when_certain"}),
        ),
        "mtpi2": make(
            {"kind": "mtpi2"}, dlt_window=28, rules=({"kind": "eliminate", "min_patients": 2}, {"kind": "no_skipping"})
        ),
        "crm": make(
            {"kind": "crm", "skeleton": (0.05, 0.12, 0.25, 0.4, 0.55), "estimate": "plug_in"},
            max_patients=18,
            dlt_window=30,
        ),
    }
    for path in sorted((ROOT / "designs" / "late-onset").glob("*.yaml")):
        design = esc.load_design(path)
        found[path.stem] = design.model_copy(update={"max_patients": min(design.max_patients, 15), "dlt_window": 28})
    return found


DESIGNS = _designs()


def same_events(design: Design, scenario: Scenario, on: Clock, trials: int, seed: int) -> None:
    found = run_trials(design, scenario, on, seed, 5, trials)
    for t in range(trials):
        plain = run_trial(design, scenario, on, seed, 5 + t)
        n = int(found.treated[t].sum())
        events = [
            (int(found.who[t, i]), int(found.dose[t, i]), int(found.fate[t, i]), found.start[t, i], found.end[t, i])
            for i in range(n)
        ]
        assert [event[:3] for event in events] == [(p.who, p.dose, p.fate) for p in plain.patients], t
        beside = [] if found.beside is None else found.beside[t, :n].tolist()
        assert beside == ([p.backfilled for p in plain.patients] if design.backfill else [])
        assert [day for event in events for day in event[3:]] == pytest.approx(
            [day for p in plain.patients for day in (p.start, p.end)], abs=1e-9
        )
        assert (found.turned_away[t], found.stops[t], found.selected[t]) == (
            plain.turned_away,
            plain.stops,
            plain.selected,
        )
        assert found.waiting_days[t] == pytest.approx(plain.waiting, abs=1e-8)
        assert found.last_day[t] == pytest.approx(plain.last_day, abs=1e-8)
        assert found.queued_days[t] == pytest.approx(sum(p.start - p.arrived for p in plain.patients), abs=1e-7)


@pytest.mark.parametrize("on", CLOCKS.values(), ids=CLOCKS)
@pytest.mark.parametrize("design", DESIGNS.values(), ids=DESIGNS)
def test_same_events_as_plain_python(design: Design, on: Clock) -> None:
    """Many trials side by side are the trials of plain Python: patients, days, outcomes, waits, ends and MTDs."""
    scenarios = [TRUTH, TOXIC] if design.n_doses == 5 else [THREE]
    for scenario in scenarios:
        same_events(design, scenario, on, 6, seed=3)


def test_graded_outcomes() -> None:
    """A design that grades outcomes sees lower grades at the end of the window, and has the trials that it has without a clock."""
    design = esc.load_design(ROOT / "designs" / "gboin.yaml").model_copy(update={"dlt_window": 28})
    scenario = graded(TRUTH, design)
    for on in CLOCKS.values():
        same_events(design, scenario, on, 4, seed=2)
    found = run_trials(design, scenario, clock(arrivals="queue"), 8, 0, 300)
    counts, stops, place = _decide(design, scenario, 8, 0, 300)
    assert np.array_equal(found.counts, counts[place])
    assert np.array_equal(found.stops, stops[place])


ACCRUALS = st.one_of(
    st.builds(
        lambda kind, days: {"kind": kind, "mean_days": days}, st.sampled_from(["poisson", "uniform"]), st.floats(1, 40)
    ),
    st.builds(lambda days: {"kind": "fixed", "days": days}, st.sampled_from([1.0, 7.0, 14.0, 28.0, 30.0])),
)
SETTINGS = st.fixed_dictionaries(
    {
        "accrual": ACCRUALS,
        "drop_out": st.sampled_from([0.0, 0.1, 0.45]),
        "arrivals": st.sampled_from(["queue", "turn_away"]),
        "stagger_days": st.sampled_from([0.0, 0.5, 7.0, 28.0, 40.0]),
        "dlt_times": st.sampled_from(
            [{"kind": "uniform"}, {"kind": "weibull", "late": 0.9}, {"kind": "piecewise", "masses": [0.0, 0.3, 0.7]}]
        ),
    }
)


@settings(max_examples=60)
@given(
    name=st.sampled_from(sorted(DESIGNS)),
    on=SETTINGS,
    seed=st.integers(0, 2**40),
)
def test_same_events_whatever_the_clock(name: str, on: dict[str, Any], seed: int) -> None:
    """Arrivals and windows that fall on the same day, long staggers, many drop-outs: still the trials of plain Python."""
    design = DESIGNS[name]
    same_events(design, TRUTH if design.n_doses == 5 else THREE, Clock.from_dict(on), 2, seed)


@pytest.mark.parametrize("design", [DESIGNS[name] for name in ("3+3", "boin", "boin with stops", "crm")])
@pytest.mark.parametrize(
    "on",
    [
        clock({"kind": "fixed", "days": 31}),
        clock({"kind": "fixed", "days": 2}, arrivals="queue", stagger_days=3),
        clock({"kind": "poisson", "mean_days": 9}, arrivals="queue", dlt_times={"kind": "weibull"}),
    ],
    ids=["slow arrivals", "fast queue", "queue"],
)
def test_time_alone_changes_nothing(design: Design, on: Clock) -> None:
    """Where nobody is lost, a design that waits for all outcomes runs the trials that it runs without a clock."""
    found = run_trials(design, TRUTH, on, 8, 70_000, 400)
    counts, stops, place = _decide(design, TRUTH, 8, 70_000, 400)
    assert np.array_equal(found.counts, counts[place])
    assert np.array_equal(found.stops, stops[place])
    assert not found.turned_away.any()


def no_dlts(n_doses: int) -> Scenario:
    return Scenario(name="no DLTs", dlt=(1e-12,) * n_doses)


def test_days_by_hand_turned_away() -> None:
    """Nine patients in cohorts of three, one every 10 days, known after 28: two are lost after each of the first two cohorts.

    The cohort of days 0, 10, 20 is known on day 48; who comes on days 30 and 40 is turned away, and day 50 opens the next.
    """
    design = make({"kind": "boin"}, max_patients=9, dlt_window=28)
    found = run_trials(design, no_dlts(5), clock({"kind": "fixed", "days": 10}), 1, 0, 3)
    assert found.start.tolist() == [[0, 10, 20, 50, 60, 70, 100, 110, 120]] * 3
    assert found.who.tolist() == [[0, 1, 2, 5, 6, 7, 10, 11, 12]] * 3
    assert (found.dose[0] + 1).tolist() == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert found.duration_days.tolist() == [148] * 3
    assert found.turned_away.tolist() == [4] * 3
    assert found.waiting_days.tolist() == [40] * 3
    assert found.first_days()[0].tolist() == [0, 50, 100, np.inf, np.inf]
    assert found.last_day.tolist() == [120] * 3


def test_days_by_hand_queue() -> None:
    """The same patients in a queue: the fourth, there on day 30, is treated on day 48, when the first three are known."""
    design = make({"kind": "boin"}, max_patients=9, dlt_window=28)
    found = run_trials(design, no_dlts(5), clock({"kind": "fixed", "days": 10}, arrivals="queue"), 1, 0, 1)
    assert found.start.tolist() == [[0, 10, 20, 48, 48, 50, 78, 78, 80]]
    assert found.queued_days.tolist() == [18 + 8 + 18 + 8]
    assert found.waiting_days.tolist() == [18 + 18]
    assert found.duration_days.tolist() == [108]
    assert not found.turned_away.any()


def test_stagger_by_hand() -> None:
    """The second patient of a cohort comes no earlier than 7 days after the first, the third at once."""
    design, on = make({"kind": "boin"}, max_patients=6, dlt_window=10), {"kind": "fixed", "days": 3}
    lost = run_trials(design, no_dlts(5), clock(on, stagger_days=7), 1, 0, 1)
    # Days 3 and 6 are too soon after day 0; days 15, 18, 21 come before the window of day 12 ends on day 22; and so on.
    assert lost.start.tolist() == [[0, 9, 12, 24, 33, 36]]
    assert lost.turned_away.tolist() == [2 + 3 + 2]
    kept = run_trials(design, no_dlts(5), clock(on, stagger_days=7, arrivals="queue"), 1, 0, 1)
    assert kept.start.tolist() == [[0, 7, 7, 17, 24, 24]]


def test_drop_outs_are_replaced() -> None:
    """Every trial without an early stop has its full number of evaluable patients; a drop-out is in no count."""
    design = make({"kind": "boin"}, max_patients=12, dlt_window=28, rules=())
    found = run_trials(design, TRUTH, clock(drop_out=0.4), 2, 0, 500)
    assert set(found.counts.sum(axis=(1, 2)).tolist()) == {12}
    assert np.array_equal(found.treated.sum(axis=1), 12 + found.not_evaluable)
    # With drop-outs of 40% of those without DLT, about 12 * 0.4 (1 - p) / (1 - 0.4 (1 - p)) leave.
    assert 4 < found.not_evaluable.mean() < 9
    dlts = found.counts[:, :, 1].sum(axis=1)
    assert np.array_equal(dlts, (found.treated & (found.fate == 1)).sum(axis=1))
    left = found.treated & (found.fate == LEFT)
    share = ((found.end - found.start) / 28)[left]
    assert share.mean() == pytest.approx(0.5, abs=5 * 0.29 / np.sqrt(left.sum()))


def test_safety_stop_counts_what_was_pending() -> None:
    """When accrual ends for safety, patients under way are followed: their late DLTs are in the final counts."""
    design = make({"kind": "boin"}, cohort_size=1, dlt_window=28)
    found = run_trials(
        design, TOXIC, clock({"kind": "fixed", "days": 2}, dlt_times={"kind": "weibull", "late": 0.9}), 1, 0, 300
    )
    stopped = found.stops >> stop_codes(design).index("eliminate") & 1 == 1
    assert stopped.sum() > 50
    assert (found.selected[stopped] == NONE).all()
    assert np.array_equal(found.counts.sum(axis=(1, 2)), found.treated.sum(axis=1))
    assert (found.duration_days >= found.last_day - 28).all()


def test_same_trials_however_they_are_run() -> None:
    """A trial is the same alone and among others, whatever its place; another seed gives another."""
    design, on = DESIGNS["boin"], CLOCKS["queue, drop-outs, stagger"]
    whole = run_trials(design, TRUTH, on, 4, 0, 60)
    part = run_trials(design, TRUTH, on, 4, 35, 10)
    for name in ("counts", "stops", "selected", "turned_away", "waiting_days", "queued_days", "duration_days"):
        assert np.array_equal(getattr(whole, name)[35:45], getattr(part, name)), name
    assert not np.array_equal(run_trials(design, TRUTH, on, 5, 0, 60).counts, whole.counts)


@pytest.mark.parametrize("design", DESIGNS.values(), ids=DESIGNS)
@pytest.mark.parametrize("on", [CLOCKS["turn away"], CLOCKS["queue, drop-outs, stagger"]], ids=["turn away", "queue"])
def test_invariants(design: Design, on: Clock) -> None:
    """Time runs forward, arrivals are treated in order, no more patients than planned count, and every trial says why it ended."""
    scenario = TRUTH if design.n_doses == 5 else THREE
    found = run_trials(design, scenario, on, 12, 0, 60)
    used = found.treated
    later = used[:, 1:]
    assert (np.diff(found.start)[later] >= 0).all()
    assert (np.diff(found.who)[later] > 0).all()
    assert (found.start >= found.arrived)[used].all()
    delay = (found.end - found.start)[used]
    assert (delay >= 0).all()
    assert (delay <= 28 + 1e-9).all() if design.dlt_window == 28 else True
    escalated = found.treated if found.beside is None else found.treated & ~found.beside
    assert ((escalated & (found.fate != LEFT)).sum(axis=1) <= design.max_patients).all()
    assert (found.stops > 0).all()
    tried = found.counts.sum(axis=2) > 0
    chosen = np.flatnonzero(found.selected != NONE)
    assert tried[chosen, found.selected[chosen]].all()
