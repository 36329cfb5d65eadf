"""Random trials: along a compiled automaton, or, where a design is too large for one, decided as they go."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from escalate.core.arrays import NONE, AnyArray, IntArray
from escalate.core.decision import cohort_size, decide, select
from escalate.core.design import Design
from escalate.core.tally import States, Tally
from escalate.engine.automaton import N_CATEGORIES, Automaton, Terminals, state_keys
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
    starts = range(0, trials, CHUNK)
    job = partial(_walk_chunk, walkable, truth, n_patients, trials, seed)
    with ThreadPoolExecutor(max_workers=workers) as pool:
        total = sum(pool.map(job, starts), start=np.zeros(len(walkable.dose), dtype=np.int64))
    return total[walkable.n_states :]


def _walk_chunk(
    walkable: Walkable, truth: tuple[float, ...], n_patients: int, trials: int, seed: int, start: int
) -> IntArray:
    from escalate.engine import kernels  # noqa: PLC0415 - Numba loads when first used

    ended = np.zeros(len(walkable.dose), dtype=np.int64)
    scenario = np.uint32(scenario_word(truth))
    n_trials = min(CHUNK, trials - start)
    kernels.walk(
        walkable.dose, walkable.size, walkable.child, thresholds(truth), scenario, key_of(seed), start, n_trials, n_patients, ended
    )  # fmt: skip
    return ended


def decide_as_they_go(
    design: Design, truth: tuple[float, ...], trials: int, seed: int, workers: int = 1
) -> tuple[Terminals, IntArray]:
    """Return the terminals that random trials reach and how many reach each, asking for each distinct decision once.

    The same trials as `walk` with the same seed: patients and decisions are the same, only the road differs.
    """
    job = partial(_decide_chunk, design, truth, trials, seed)
    with ThreadPoolExecutor(max_workers=workers) as pool:
        parts = list(pool.map(job, range(0, trials, SMALL_CHUNK)))
    counts, stops, times = (np.concatenate([part[k] for part in parts]) for k in range(3))
    first, times = _merged(counts, stops, times)
    tally = Tally(counts[first])
    terminals = Terminals(tally, np.full(len(first), np.nan), select(design, tally), stops[first])
    return terminals, times


def _merged(counts: IntArray, stops: IntArray, times: IntArray) -> tuple[IntArray, IntArray]:
    _, first, place = np.unique(state_keys(counts, stops), return_index=True, return_inverse=True)
    return first, np.bincount(place, weights=times.astype(np.float64)).astype(np.int64)


def _decide_chunk(
    design: Design, truth: tuple[float, ...], trials: int, seed: int, start: int
) -> tuple[IntArray, IntArray, IntArray]:
    n_trials = min(SMALL_CHUNK, trials - start)
    latent = words(seed, scenario_word(truth), start, n_trials, design.max_patients)
    threshold = thresholds(truth)
    counts = np.zeros((n_trials, design.n_doses, N_CATEGORIES), dtype=np.int64)
    dose = np.full(n_trials, design.start_dose)
    stops = np.zeros(n_trials, dtype=np.int64)
    going = np.arange(n_trials)
    while len(going):
        at, now = dose[going], counts[going]
        size = cohort_size(design, Tally(now), at)
        n_before = now.sum(axis=(1, 2))
        dlt = np.zeros(len(going), dtype=np.int64)
        for i in range(int(size.max())):
            patient = np.minimum(n_before + i, design.max_patients - 1)
            dlt += (i < size) & (latent[patient, going].astype(np.uint64) < threshold[at])
        cohort = np.stack([size - dlt, dlt], axis=1)
        now[np.arange(len(going)), at] += cohort
        # Equal tally, dose and outcome are one decision.
        key = state_keys(np.concatenate([now.reshape(len(now), -1), cohort], axis=1), at)
        _, first, place = np.unique(key, return_index=True, return_inverse=True)
        decisions = decide(design, States(Tally(now[first]), at[first], cohort[first]))
        counts[going] = now
        following = decisions.next[place]
        stops[going] = decisions.stops[place]
        dose[going] = following
        going = going[following != NONE]
    first, times = _merged(counts, stops, np.ones(n_trials, dtype=np.int64))
    return counts[first], stops[first], times
