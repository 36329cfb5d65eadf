"""Data in which some patients count in part: known outcomes, and beside them what is known of pending ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from escalate.core.arrays import NONE, FloatArray, IntArray, Mask
from escalate.core.tally import Tally

AT_ONCE = 16
"""Factors 1 - w p multiplied before a logarithm is taken: each is 1e-16 or more, so that the product cannot underflow."""


@dataclass(frozen=True, eq=False)
class WeightedTally(Tally):
    """What a likelihood counts, for S states at once. `counts` and what follows from them are of known outcomes alone.

    Parameters
    ----------
    pending
        Pending patients, with their weight w in place of `share`: each contributes 1 - w p. None where they do not count so.
    fractions
        Expected outcomes of pending patients by state, dose and category, beside `counts`; shape (S, J, 2). None where there
        are none.
    """

    fractions: FloatArray | None = None

    def take(self, rows: IntArray) -> WeightedTally:
        """Return some of the states, in the order asked for."""
        return WeightedTally(
            self.counts[rows],
            None if self.pending is None else self.pending.take(rows),
            fractions=None if self.fractions is None else self.fractions[rows],
        )

    @cached_property
    def partial(self) -> Mask:
        """Where any patient counts in part, shape (S,); elsewhere `counts` are all the data."""
        some = np.zeros(len(self), dtype=bool)
        if self.pending is not None:
            some |= self.pending.n > 0
        if self.fractions is not None:
            some |= self.fractions.any(axis=(1, 2))
        return some

    @cached_property
    def whole(self) -> FloatArray:
        """Known outcomes and fractions together, shape (S, J, 2)."""
        return self.counts.astype(np.float64) if self.fractions is None else self.counts + self.fractions

    def placed(self) -> tuple[IntArray, FloatArray]:
        """Return dose and weight of each pending patient, (S, P); where there is none the lowest dose with weight 0."""
        assert self.pending is not None
        there = self.pending.dose != NONE
        return np.where(there, self.pending.dose, 0), np.where(there, self.pending.share, 0.0)

    def log_pending(self, rates: FloatArray) -> FloatArray | float:
        """Return the sum of log(1 - w p) over the pending patients, shape (S, K).

        Parameters
        ----------
        rates
            P(DLT) at each node and dose, shape (K, J).
        """
        if self.pending is None or not self.pending.dose.shape[1]:
            return 0.0
        dose, weight = self.placed()
        total = np.zeros((len(self), len(rates)))
        by_dose = np.ascontiguousarray(rates.T)
        for first in range(0, dose.shape[1], AT_ONCE):
            product = np.ones_like(total)
            for k in range(first, min(first + AT_ONCE, dose.shape[1])):
                if weight[:, k].any():
                    product *= 1.0 - weight[:, k, None] * by_dose[dose[:, k]]
            total += np.log(np.maximum(product, 1e-300))
        return total


def outcomes_of(tally: Tally) -> tuple[FloatArray, FloatArray]:
    """Return no DLTs and DLTs by state and dose, each of shape (S, J), fractions included and pending patients not."""
    if isinstance(tally, WeightedTally):
        return tally.whole[:, :, 0], tally.whole[:, :, 1]
    return (tally.n - tally.dlt).astype(np.float64), tally.dlt.astype(np.float64)
