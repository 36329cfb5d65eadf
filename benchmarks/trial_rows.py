"""Random trials along a compiled automaton, MTD selection included, and the bare draws of the same patients."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numba
import numpy as np

import designs
from escalate import Design, Scenario, simulate
from escalate.core.arrays import AnyArray, IntArray
from escalate.engine import kernels, monte_carlo
from escalate.engine.automaton import Automaton, compile_design
from escalate.engine.random_numbers import key_of, scenario_word
from measuring import Job, Row, timed, timed_in_turn

TRIALS = 1 << 20
DECIDED_TRIALS = 1 << 15
SEED = 1
DRAW_LANES, LANES = kernels.draw_lanes, kernels.LANES


@numba.njit(nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def draw(n_trials: int, n_patients: int, scenario: np.uint32, key: AnyArray) -> int:
    """Draw the latent uniforms of trials as `kernels.walk` does, and do nothing with them."""
    words = np.zeros(((n_patients + 3) // 4 * 4, LANES), dtype=np.uint32)
    counter = np.empty((4, LANES), dtype=np.uint32)
    seen = 0
    for start in range(0, n_trials, LANES):
        DRAW_LANES(words, counter, np.uint64(start), scenario, key)
        seen ^= words[0, 0]
    return seen


@dataclass(frozen=True)
class Case:
    """A design and truth to simulate, and the million trials a second wanted of it."""

    name: str
    design: Design
    truth: tuple[float, ...]
    goal: float
    note: str = ""


def rows(repeat: int) -> Iterator[Row]:
    yield from _rows(Case("BOIN, cohorts of 3", designs.boin(3), designs.BOIN_TRUTH, 4.0, "stretch goal 12"), repeat)
    yield from _rows(Case("CRM, cohorts of 3", designs.crm(3), designs.CRM_TRUTH, 2.0), repeat)
    yield from _rows(Case("CRM, cohorts of 1", designs.crm(1), designs.CRM_TRUTH, 0.7), repeat)
    scenario = Scenario(name="truth", dlt=designs.BOIN_TRUTH)
    whole = timed(partial(simulate, [designs.boin(3)], [scenario], trials=TRIALS, seed=SEED, workers=1), repeat)
    yield whole.rate("trials", "BOIN, cohorts of 3: simulate, all metrics", TRIALS, note="compiling included")
    of_crm = Scenario(name="truth", dlt=designs.CRM_TRUTH)
    job = partial(monte_carlo.decide_as_they_go, designs.crm(1), of_crm, DECIDED_TRIALS, SEED)
    yield timed(job, repeat).rate(
        "trials", "CRM, cohorts of 1: decided as they go", DECIDED_TRIALS, note="no automaton"
    )


def _rows(case: Case, repeat: int) -> Iterator[Row]:
    name, n_patients = case.name, case.design.max_patients
    bare: Job = partial(draw, TRIALS, n_patients, np.uint32(scenario_word(case.truth)), key_of(SEED))
    walk = partial(selected, compile_design(case.design), case.truth, n_patients)
    draws, trials = timed_in_turn([bare, walk], repeat)
    yield trials.rate("trials", f"{name}: trials with MTD selection", TRIALS, case.goal, note=case.note)
    yield draws.rate("trials", f"{name}: bare draws of the same patients", TRIALS, note=f"{n_patients} a trial")
    pairs = [a / b for a, b in zip(trials.samples, draws.samples, strict=True)]
    what = f"{name}: CPU of trials over bare draws"
    yield Row("trials", what, min(pairs), statistics.median(pairs), "ratio", note="run by turns")


def selected(automaton: Automaton, truth: tuple[float, ...], n_patients: int) -> IntArray:
    """Return how often each dose, or none, is selected in random trials."""
    walkable = monte_carlo.Walkable.of(automaton)
    times = monte_carlo.walk(walkable, truth, n_patients, TRIALS, SEED)
    return np.bincount(automaton.terminals.selected + 1, weights=times).astype(np.int64)
