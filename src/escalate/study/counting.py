"""Operating characteristics from counts of random trials, and what a single trial has of each metric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from escalate.core.arrays import NONE, FloatArray, IntArray
from escalate.core.decision import stop_codes
from escalate.core.design import Design
from escalate.core.outcome import category_rates, mean_burden
from escalate.core.scenario import Scenario
from escalate.engine.automaton import Terminals
from escalate.study.characteristics import Characteristics, characterise
from escalate.study.metrics import (
    ACCURACY,
    PER_TRIAL,
    SELECTION,
    Groups,
    Sums,
    Truths,
    allocation_values,
    selection_values,
)


def truths_of(design: Design, rates: FloatArray) -> Truths | None:
    """Return how scenarios with these rates, shape (V, J), look to a design; None where it has no target."""
    return None if design.target is None else Truths.of(rates, design.target)


def from_counts(
    design: Design, scenario: Scenario, terminals: Terminals, times: IntArray, trials: int
) -> Characteristics:
    """Return the operating characteristics of random trials of which `times` (T,) ended in each terminal."""
    # In one order whichever engine found them, so that sums have the same bits.
    seen = np.flatnonzero(times)
    counts = terminals.tally.counts[seen].reshape(len(seen), -1)
    seen = seen[np.lexsort((*counts.T, terminals.stops[seen]))]
    terminals = terminals.take(seen)
    rates = mean_burden(category_rates(scenario, design.outcomes)[None], design.outcomes)
    groups, weight = Groups.of(terminals), times[seen] / trials
    truths = truths_of(design, rates)
    n, dlt = terminals.tally.n.astype(np.float64), terminals.tally.dlt.astype(np.float64)
    values, columns = allocation_values(terminals, design, truths)
    shares = values[:, columns[0]] if truths else values
    total = dlt.sum(axis=1)

    def mean(values: FloatArray) -> FloatArray:
        # Not a matrix product: its order of summation depends on the machine.
        return np.einsum("t,tm->m", weight, values)[None]

    sums = Sums(
        patients=mean(n),
        dlts=mean(dlt),
        shares=mean(shares),
        mass=np.bincount(groups.of_terminal, weights=times[seen])[None] / trials,
        seconds=mean(np.square(np.hstack([n, dlt, shares]))),
        dlts_total=mean(np.stack([total**2, total * n.sum(axis=1)], axis=1)),
        trials=trials,
    )
    return characterise(sums, groups, stop_codes(design), design, rates, truths)


@dataclass(frozen=True, eq=False)
class PerTrial:
    """What a trial of a design has of each of `PER_TRIAL` under a scenario, given how it ended.

    Parameters
    ----------
    selection
        What selecting each dose, or last none, counts for each of `SELECTION`, shape (8, J + 1); None without target.
    """

    design: Design
    truths: Truths | None
    selection: FloatArray | None

    @classmethod
    def of(cls, design: Design, scenario: Scenario) -> Self:
        """Look at a scenario as a design does."""
        rates = mean_burden(category_rates(scenario, design.outcomes)[None], design.outcomes)
        truths = truths_of(design, rates)
        if truths is None:
            return cls(design, None, None)
        selection = selection_values(design, rates, truths)[0]
        of_accuracy = np.isin(SELECTION, ACCURACY)
        selection[of_accuracy] = 1 - selection[of_accuracy]
        return cls(design, truths, selection)

    def __call__(self, terminals: Terminals) -> FloatArray:
        """Return the numbers of trials that end so, shape (T, 21); NaN where a metric means nothing."""
        total = terminals.tally.n_total
        found = np.full((len(terminals), len(PER_TRIAL)), np.nan)
        found[:, 0] = terminals.selected == NONE
        found[:, 1] = total
        found[:, 2] = terminals.tally.dlt.sum(axis=1)
        found[:, 3] = total < self.design.max_patients
        if self.truths is not None and self.selection is not None:
            end = 4 + len(SELECTION)
            found[:, 4:end] = self.selection[:, terminals.selected].T
            values, columns = allocation_values(terminals, self.design, self.truths)
            found[:, end:] = values[:, columns[0]]
        return found
