"""Single trials told event by event: the trials that are simulated, in order, with every patient and decision."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import escalate as esc
from escalate import Design, EscalateError, Scenario
from escalate.core.clock import Clock
from escalate.core.moves import Action
from escalate.engine.clock import run_trials
from escalate.report.clock_tables import story as told
from escalate.study.trace import Kind, trace
from tests.helpers import ROOT, make

TRUTH = Scenario(name="MTD at level 3", dlt=(0.05, 0.15, 0.30, 0.45, 0.60))
BOIN = make({"kind": "boin"}, dlt_window=28)
NINE = make({"kind": "bf_boin"}, max_patients=9, dlt_window=28, backfill={"activity": "none"}, rules=())
TITE = esc.load_design(ROOT / "designs" / "late-onset" / "tite_boin.yaml")


def clock(**settings: Any) -> Clock:
    return Clock.from_dict({"accrual": {"kind": "poisson", "mean_days": 8}, "drop_out": 0.1, **settings})


CASES = [
    (BOIN, clock()),
    (BOIN, clock(arrivals="queue", stagger_days=6)),
    (TITE, clock()),
    (TITE, clock(arrivals="queue")),
    (NINE, clock(stagger_days=3)),
    (NINE, clock(arrivals="queue", stagger_days=3)),
]


@pytest.mark.parametrize(("design", "on"), CASES)
def test_the_trials_that_are_simulated(design: Design, on: Clock) -> None:
    """The first trials of the same seed: patients, DLTs, drop-outs, patients turned away, days of waiting, MTD."""
    found = run_trials(design, TRUTH, on, 6, 0, 12)
    for t, story in enumerate(trace(design, TRUTH, on, 6, 12)):
        assert story.trial == t + 1
        assert [bar.level - 1 for bar in story.bars] == found.dose[t][found.treated[t]].tolist()
        kinds = [event.kind for event in story.events]
        beside = [] if found.beside is None else found.beside[t][found.treated[t]].tolist()
        assert [bar.backfilled for bar in story.bars] == (beside or [False] * len(story.bars))
        assert kinds.count(Kind.TREATED) == len(story.bars) - sum(beside)
        assert kinds.count(Kind.BACKFILLED) == sum(beside)
        assert kinds.count(Kind.DLT) == sum(bar.dlt for bar in story.bars)
        assert kinds.count(Kind.LEFT) == found.not_evaluable[t]
        assert kinds.count(Kind.TURNED_AWAY) == found.turned_away[t]
        assert kinds.count(Kind.STOP) == kinds.count(Kind.MTD) == 1
        assert kinds[-1] == Kind.MTD
        assert sum(end - begin for begin, end in story.suspended) == pytest.approx(found.waiting_days[t])
        days = [event.day for event in story.events]
        assert days == sorted(days)
        assert (story.mtd_level or 0) - 1 == found.selected[t]


@pytest.mark.parametrize(("design", "on"), CASES)
def test_decisions_lead_to_the_next_cohort(design: Design, on: Clock) -> None:
    """After each decision the next patient is treated, on that day, at its level; every event is one line with a reason."""
    for story in trace(design, TRUTH, on, 6, 12):
        wanted = None
        for event in story.events:
            assert event.text
            assert "\n" not in event.text
            if event.kind == Kind.DECISION:
                wanted = (event.day, event.level)
            elif event.kind == Kind.TREATED and wanted is not None:
                assert (event.day, event.level) == wanted
                wanted = None
        actions = [event.action for event in story.events if event.action is not None]
        assert actions[-1] == Action.STOP
        assert Action.STOP not in actions[:-1]
        ups = [event for event in story.events if event.action == Action.ESCALATE]
        assert all(event.text.startswith(f"escalate to level {event.level}: ") for event in ups)


def test_text() -> None:
    """A story by hand: one cohort without DLT, patients every 10 days, the second cohort on day 50."""
    design = make({"kind": "boin"}, max_patients=6, dlt_window=28, rules=())
    on = Clock.from_dict({"accrual": {"kind": "fixed", "days": 10}})
    lines = told(trace(design, Scenario(name="safe", dlt=(1e-12,) * 5), on, 1, 1)).splitlines()
    assert lines[:4] == [
        "Trial 1 of seed 1: test",
        "Scenario: safe (true DLT probabilities 1e-12, 1e-12, 1e-12, 1e-12, 1e-12)",
        "On a clock: accrual fixed (every 10 days); DLT times uniform; patients are turned away while accrual is suspended.",
        "     day  patient  level  event        what",
    ]
    events = [" ".join(line.split()) for line in lines[4:]]
    assert events[:8] == [
        "0.0 1 1 treated opens the cohort at level 1",
        "10.0 2 1 treated joins the cohort at level 1",
        "20.0 3 1 treated joins the cohort at level 1",
        "28.0 1 1 outcome no DLT in 28 days",
        "30.0 - 1 suspended accrual waits: 2 outcomes are pending; boin decides when all are known.",
        "30.0 - - turned away arrival 4 is turned away",
        "38.0 2 1 outcome no DLT in 28 days",
        "40.0 - 1 suspended accrual waits: 1 outcome is pending; boin decides when all are known.",
    ]
    assert events[10].startswith("50.0 - 2 decision escalate to level 2: 0/3 DLTs at level 1")
    assert events[-2].startswith("98.0 - - stop accrual ends: 6 evaluable patients: the maximum of 6 is reached.")
    assert events[-1] == "98.0 - 2 MTD level 2 is selected, 2 mg"


def test_text_of_backfill() -> None:
    """A backfilled patient is told so, and the wait goes on until the escalation treats again."""
    on = Clock.from_dict({"accrual": {"kind": "fixed", "days": 10}})
    (story,) = trace(NINE, Scenario(name="safe", dlt=(1e-12,) * 5), on, 1, 1)
    events = [" ".join(line.split()) for line in told((story,)).splitlines()]
    assert "80.0 7 1 backfilled is backfilled at level 1" in events
    assert "90.0 8 1 backfilled is backfilled at level 1" in events
    assert "100.0 9 3 treated opens the cohort at level 3" in events
    assert story.suspended == ((30.0, 50.0), (80.0, 100.0))


def test_refusals() -> None:
    """No design without a window, and no more trials than one reads."""
    with pytest.raises(EscalateError, match="dlt_window"):
        trace(make({"kind": "boin"}), TRUTH, clock(), 1, 1)
    with pytest.raises(EscalateError, match="--trace: 5000 is not between 1 and 1,000"):
        trace(BOIN, TRUTH, clock(), 1, 5000)


def test_number_of_trials_changes_nothing() -> None:
    """Trial 3 is told alike among 3 and among 9."""
    assert trace(BOIN, TRUTH, clock(), 2, 3)[2].events == trace(BOIN, TRUTH, clock(), 2, 9)[2].events
    assert np.isfinite([event.day for event in trace(BOIN, TRUTH, clock(), 2, 3)[2].events]).all()
