"""Random trials on a clock: compiled, and with each decision asked of the design; beside them the bare draws of the patients."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import designs
from escalate import Design, Scenario
from escalate.core.clock import Clock
from escalate.engine import clock_compiled
from escalate.engine.clock import run_trials
from escalate.engine.random_numbers import key_of, scenario_word
from measuring import Row, Timing, timed_in_turn
from trial_rows import SEED, draw

TRIALS, DECIDED = 1 << 16, 1 << 11
GAPS = (10, 20, 30)
"""Mean days between patients; the DLT window is 90 days."""
METHODS: dict[str, tuple[dict[str, Any], float]] = {
    "TITE-BOIN": ({"kind": "tite_boin"}, 0.5),
    "TITE-CRM": ({"kind": "tite_crm", "skeleton": (0.05, 0.12, 0.25, 0.40, 0.55), "estimate": "plug_in"}, 0.2),
}
"""And the million trials a second wanted of each."""


def rows(repeat: int) -> Iterator[Row]:
    truth = Scenario(name="truth", dlt=designs.BOIN_TRUTH)
    for name, (method, goal) in METHODS.items():
        design = _design(name, method)
        for gap in GAPS:
            clock = Clock.from_dict({"accrual": {"kind": "poisson", "mean_days": gap}})
            assert clock_compiled.runnable(design, clock)
            compiled = partial(clock_compiled.run_some, design, truth, clock, SEED, 0, TRIALS)
            decided = partial(run_trials, design, truth, clock, SEED, 0, DECIDED)
            bare = partial(_draws, truth, design)
            trials, slow, draws = timed_in_turn([compiled, decided, bare], repeat)
            what = f"{name}, a patient every {gap} days"
            yield trials.rate("clock", what, TRIALS, goal, note=_share(trials, goal))
            yield Row(
                "clock", f"{what}: CPU over bare draws", trials.best / draws.best, unit="ratio", note="run by turns"
            )
            yield slow.rate("clock", f"{what}: each decision asked of the design", DECIDED)


def _share(trials: Timing, goal: float) -> str:
    return f"{TRIALS / trials.best / 1e6 / goal:.2f} of the goal"


def _design(name: str, method: dict[str, Any]) -> Design:
    return Design.from_dict(
        {
            "schema": "escalate/design/1",
            "title": name,
            "doses": {"unit": "mg", "levels": (1, 2, 3, 4, 5)},
            "target": 0.25,
            "cohort_size": 3,
            "max_patients": 30,
            "dlt_window": 90,
            "method": method,
        }
    )


def _draws(truth: Scenario, design: Design) -> None:
    """Draw one word for each patient of each trial, as the trials without a clock do."""
    draw(TRIALS, design.max_patients, scenario_word(truth.dlt), key_of(SEED))
