"""Random trials: along a compiled automaton, or, where a design is too large for one, decided as they go."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from escalate.core.arrays import NONE, AnyArray, IntArray
from escalate.core.decision import carried, cohort_size, cohorts_counted, decide, select
from escalate.core.design import Design
from escalate.core.outcome import category_rates
from escalate.core.scenario import Scenario
from escalate.core.tally import States, Tally
from escalate.engine.automaton import Automaton, Terminals, state_keys
from escalate.engine.random_numbers import key_of, scenario_word, thresholds, words

CHUNK = 1 << 18
"""Trials of one job on an automaton."""
SMALL_CHUNK = 1 << 15
"""Trials decided together without one."""


@dataclass(frozen=True, eq=False)
class Walkable:
    """An automaton whose terminals are absorbing states of size 0, as the kernel wants it."""

    dose: AnyArray
    size: AnyArray
    child: AnyArray
    n_states: int

    @classmethod
    def of(cls, automaton: Automaton) -> Walkable:
        """Lay states and terminals in one row."""
        n_states, n_ends = automaton.n_states, len(automaton.terminals)
        inner = np.where(automaton.child < 0, n_states + ~automaton.child, automaton.child)
        outer = np.zeros((n_ends, inner.shape[1]), dtype=np.int32)
        outer[:, 0] = n_states + np.arange(n_ends)
        none = np.zeros(n_ends, dtype=np.int64)
        return cls(
            np.concatenate([automaton.dose, none]).astype(np.uint8),
            np.concatenate([automaton.size, none]).astype(np.uint8),
            np.concatenate([inner.astype(np.int32), outer]),
            n_states,
        )


def walk(
    walkable: Walkable, truth: tuple[float, ...], n_patients: int, trials: int, seed: int, workers: int = 1
) -> IntArray:
    """Return how many trials end in each terminal; the same for any number of workers."""

    def count(start: int) -> IntArray:
        ended = walk_some(walkable, truth, n_patients, seed, start, min(CHUNK, trials - start))
        return np.bincount(ended, minlength=len(walkable.dose) - walkable.n_states)

    with ThreadPoolExecutor(max_workers=workers) as pool:
        nothing = np.zeros(len(walkable.dose) - walkable.n_states, dtype=np.int64)
        return sum(pool.map(count, range(0, trials, CHUNK)), start=nothing)


def walk_some(
    walkable: Walkable, truth: tuple[float, ...], n_patients: int, seed: int, first_trial: int, n_trials: int
) -> AnyArray:
    """Return the terminal in which each of some successive trials ends, shape (n_trials,)."""
    from escalate.engine import kernels  # noqa: PLC0415 - Numba loads when first used

    final = np.zeros(n_trials, dtype=np.int32)
    scenario = np.uint32(scenario_word(truth))
    kernels.walk(
        walkable.dose, walkable.size, walkable.child, thresholds(truth), scenario, key_of(seed), first_trial, n_trials,
        n_patients, final,
    )  # fmt: skip
    return final - walkable.n_states


def decide_as_they_go(
    design: Design, scenario: Scenario, trials: int, seed: int, workers: int = 1
) -> tuple[Terminals, IntArray]:
    """Return the terminals that random trials reach and how many reach each, asking for each distinct decision once.

    The same trials as `walk` with the same seed: patients and decisions are the same, only the road differs.
    """

    def some(start: int) -> tuple[IntArray, IntArray, IntArray]:
        counts, stops, place = _decide(design, scenario, seed, start, min(SMALL_CHUNK, trials - start))
        return counts, stops, np.bincount(place, minlength=len(counts))

    with ThreadPoolExecutor(max_workers=workers) as pool:
        parts = list(pool.map(some, range(0, trials, SMALL_CHUNK)))
    counts, stops, times = (np.concatenate([part[k] for part in parts]) for k in range(3))
    first, place = _distinct(counts, stops)
    return _ends(design, counts[first], stops[first]), np.bincount(place, weights=times).astype(np.int64)


def decide_some(
    design: Design, scenario: Scenario, seed: int, first_trial: int, n_trials: int
) -> tuple[Terminals, IntArray]:
    """Return the terminals that some successive trials reach, and which of them each reaches, shape (n_trials,)."""
    counts, stops, place = _decide(design, scenario, seed, first_trial, n_trials)
    return _ends(design, counts, stops), place


def _ends(design: Design, counts: IntArray, stops: IntArray) -> Terminals:
    tally = Tally(counts)
    return Terminals(tally, np.full(len(counts), np.nan), select(design, tally), stops)


def _distinct(counts: IntArray, stops: IntArray) -> tuple[IntArray, IntArray]:
    _, first, place = np.unique(state_keys(counts, stops), return_index=True, return_inverse=True)
    return first, place


def _decide(
    design: Design, scenario: Scenario, seed: int, first_trial: int, n_trials: int
) -> tuple[IntArray, IntArray, IntArray]:
    """Return counts and stop codes of the distinct ends of trials, and which of them is that of each trial."""
    latent = words(seed, scenario_word(scenario.dlt), first_trial, n_trials, design.max_patients).astype(np.uint64)
    # From the worst outcome down: a patient has the first whose cumulative threshold exceeds the latent uniform.
    worse = np.cumsum(category_rates(scenario, design.outcomes)[:, :0:-1], axis=1)
    threshold = np.stack([thresholds(rates) for rates in worse.T])
    counts = np.zeros((n_trials, design.n_doses, len(design.outcomes)), dtype=np.int64)
    in_a_row = np.zeros(n_trials, dtype=np.int64)
    dose = np.full(n_trials, design.start_dose)
    stops = np.zeros(n_trials, dtype=np.int64)
    counted = cohorts_counted(design)
    going = np.arange(n_trials)
    while len(going):
        at, now = dose[going], counts[going]
        size = cohort_size(design, Tally(now), at)
        n_before = now.sum(axis=(1, 2))
        reached = np.zeros((len(going), len(threshold) + 2), dtype=np.int64)
        reached[:, -1] = size
        for i in range(int(size.max())):
            patient = np.minimum(n_before + i, design.max_patients - 1)
            for c, below in enumerate(threshold, start=1):
                reached[:, c] += (i < size) & (latent[patient, going] < below[at])
        # Patients with this outcome or a worse one, worst first; then with this one, worst last.
        cohort = np.diff(reached, axis=1)[:, ::-1]
        now[np.arange(len(going)), at] += cohort
        run = in_a_row[going] + 1 if counted else None
        # Equal tally, dose, outcome and number of cohorts in a row are one decision.
        key = state_keys(np.concatenate([now.reshape(len(now), -1), cohort], axis=1), _with_run(at, run))
        _, first, place = np.unique(key, return_index=True, return_inverse=True)
        states = States(Tally(now[first]), at[first], cohort[first], None if run is None else run[first])
        decisions = decide(design, states)
        counts[going] = now
        following = decisions.next[place]
        in_a_row[going] = carried(design, states, decisions.next)[place]
        stops[going] = decisions.stops[place]
        dose[going] = following
        going = going[following != NONE]
    first, place = _distinct(counts, stops)
    return counts[first], stops[first], place


def _with_run(dose: IntArray, in_a_row: IntArray | None) -> IntArray:
    return dose if in_a_row is None else dose * (int(in_a_row.max()) + 1) + in_a_row
