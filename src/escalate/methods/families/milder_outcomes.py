"""What the last cohort could have shown instead, no worse than it did."""

from __future__ import annotations

from functools import cache

import numpy as np

from escalate.core.arrays import IntArray
from escalate.core.tally import States, Tally


def milder_outcomes(states: States) -> tuple[Tally, IntArray, IntArray]:
    """Return tallies in which the last cohort fared no worse, and which belong to which state.

    Returns
    -------
    tuple
        The tallies; and for each pair of a state and one of its tallies, the row of the state and that of the tally. The first
        pairs are the states as they are, in order.
    """
    rows, cohorts = [np.arange(len(states))], [states.cohort]
    seen, which = np.unique(states.cohort, axis=0, return_inverse=True)
    for k, cohort in enumerate(seen.tolist()):
        alternatives = no_worse(tuple(cohort))[1:]
        some = np.flatnonzero(which.ravel() == k)
        rows.append(np.repeat(some, len(alternatives)))
        cohorts.append(np.tile(np.array(alternatives, dtype=np.int64).reshape(-1, len(cohort)), (len(some), 1)))
    row, cohort_of = np.concatenate(rows), np.concatenate(cohorts)
    counts = states.tally.counts[row].copy()
    counts[np.arange(len(row)), states.dose[row]] += cohort_of - states.cohort[row]
    flat, place = np.unique(counts.reshape(len(row), -1), axis=0, return_inverse=True)
    return Tally(flat.reshape(-1, *counts.shape[1:])), row, place.ravel()


@cache
def no_worse(cohort: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Return the outcomes of a cohort that arise by moving patients to milder categories, the cohort itself first.

    Examples
    --------
    >>> no_worse((1, 0, 1))
    ((1, 0, 1), (1, 1, 0), (2, 0, 0))
    """
    found = {cohort: None}
    waiting = [cohort]
    while waiting:
        here = waiting.pop()
        for k in range(1, len(here)):
            if here[k]:
                milder = (*here[: k - 1], here[k - 1] + 1, here[k] - 1, *here[k + 1 :])
                if milder not in found:
                    found[milder] = None
                    waiting.append(milder)
    return tuple(found)
