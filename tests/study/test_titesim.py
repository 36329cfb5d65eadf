"""TITE-CRM on a clock against dfcrm's `titesim` (tests/reference/crm_sim.json, six cases of 2,000 trials)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from escalate import Scenario, simulate
from escalate.core.clock import Clock, PoissonAccrual
from tests.helpers import cases, make

TRIALS = 10_000
DAYS = 10
"""Days of our calendar in one unit of titesim's, whose window is 6."""


@pytest.mark.parametrize(
    "case", [case for case in cases("crm_sim") if case["inputs"]["fun"] == "titesim"], ids=lambda case: case["id"]
)
def test_titesim(case: dict[str, Any]) -> None:
    """Selections, patients, DLTs and duration within 4 combined errors; titesim waits for its first patient, we do not."""
    asked, expected = case["inputs"], case["outputs"]
    method = {
        "kind": "tite_crm",
        "skeleton": asked["prior"],
        "estimate": "plug_in",
        "weights": asked["scheme"],
        "mtd_among": "all",
    }
    rules = ({"kind": "no_skipping", "from": "last"},) if asked["restrict"] else ()
    design = make(
        method, len(asked["PI"]), target=asked["target"], cohort_size=1, max_patients=asked["n"],
        start_level=asked["x0"][0], dlt_window=asked["obswin"] * DAYS, rules=rules,
    )  # fmt: skip
    mean_days = asked["obswin"] * DAYS / asked["rate"]
    clock = Clock(accrual=PoissonAccrual(kind="poisson", mean_days=mean_days))
    scenario = Scenario(name="titesim", dlt=tuple(asked["PI"]))
    found = simulate([design], [scenario], trials=TRIALS, seed=5, clock=clock).designs[0]
    for ours, theirs in (("selected", "sel_prob"), ("patients", "n_per_dose"), ("dlts", "tox_per_dose")):
        value, error = np.array(found.characteristics.of(0, ours)).T
        gap = np.abs(value - np.array(expected[theirs]))
        # A dose that nobody gets in 2,000 trials has no error of its own.
        allowed = 4 * np.hypot(np.maximum(error, 1e-3), np.array(expected[f"{theirs}_se"]))
        assert (gap <= allowed).all(), (ours, value, expected[theirs])
    duration, error = found.characteristics.of(0, "duration_days")[0]
    gap = abs((duration + mean_days) / DAYS - expected["duration_mean"])
    assert gap <= 4 * np.hypot(error / DAYS, expected["duration_se"])
