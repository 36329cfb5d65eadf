"""A Bayesian model as a table of nodes: log prior weights, and log outcome probabilities at each dose.

The posterior of S tallies is one matrix product and a softmax.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from escalate.core.arrays import FloatArray
from escalate.core.tally import Tally
from escalate.models.products import BLOCK, LEAST, distinct, masses
from escalate.models.weighted_tally import WeightedTally

FEW_NODES = 256
"""With fewer, each tally's masses are exponentiated one by one: sorting tallies would cost more than it saves."""
UNDERFLOW = -600.0
"""Log mass below which rows are scaled before they are exponentiated."""


@dataclass(frozen=True, eq=False)
class NodeTable:
    """A prior laid out at K nodes.

    Parameters
    ----------
    log_prior
        Log prior mass of each node (up to a constant); shape (K,).
    log_outcome
        Log probability of each outcome category at each dose and node; shape (K, J, C).
    """

    log_prior: FloatArray
    log_outcome: FloatArray

    @property
    def size(self) -> int:
        """K, the number of nodes."""
        return len(self.log_prior)

    def posterior(self, tally: Tally) -> FloatArray:
        """Return the posterior mass of each node, rows summing to one; shape (S, K)."""
        weight = self._log_mass(tally)
        weight -= weight.max(axis=1, keepdims=True)
        np.exp(weight, out=weight)
        weight /= weight.sum(axis=1, keepdims=True)
        return weight

    def expect(self, tally: Tally, functionals: FloatArray) -> FloatArray:
        """Return posterior expectations of M functions given by their values at the nodes (K, M); shape (S, M)."""
        if isinstance(tally, WeightedTally):
            return self._expect_weighted(tally, functionals)
        # The total rides along as one more column: cheaper than normalising every weight.
        with_total = np.column_stack([functionals, np.ones(self.size)])
        if self.size < FEW_NODES:
            sums = np.concatenate([self._mass(part) @ with_total for part in _blocks(tally, self.size)])
            return sums[:, :-1] / sums[:, -1:]
        if not len(tally):
            return np.empty((0, functionals.shape[1]))
        one_each, place = distinct(tally.counts)
        counts = tally.counts[one_each]
        sums = np.concatenate([mass @ with_total for mass in masses(self.log_prior, self.log_outcome, counts)])
        lost = np.flatnonzero(~(sums[:, -1] > LEAST))
        found = sums[:, :-1] / np.maximum(sums[:, -1:], LEAST)
        if len(lost):
            again = [self.posterior(part) @ functionals for part in _blocks(Tally(counts[lost]), self.size)]
            found[lost] = np.concatenate(again)
        return found[place]

    def _expect_weighted(self, tally: WeightedTally, functionals: FloatArray) -> FloatArray:
        """Return posterior expectations; states in which nobody counts in part have those of their counts."""
        found = np.empty((len(tally), functionals.shape[1]))
        partial, whole = np.flatnonzero(tally.partial), np.flatnonzero(~tally.partial)
        if len(whole):
            found[whole] = self.expect(Tally(tally.counts[whole]), functionals)
        if len(partial):
            parts = _blocks(tally.take(partial), self.size)
            found[partial] = np.concatenate([self.posterior(part) @ functionals for part in parts])
        return found

    @cached_property
    def rates(self) -> FloatArray:
        """P(DLT) at each node and dose, shape (K, J)."""
        return np.exp(self.log_outcome[:, :, -1])

    def log_evidence(self, tally: Tally) -> FloatArray:
        """Return the log probability of the outcomes, patient by patient, averaged over the prior; shape (S,)."""
        none = Tally(np.zeros((1, *self.log_outcome.shape[1:]), dtype=np.int64))
        sums = np.concatenate([self._log_sum(part) for part in (none, *_blocks(tally, self.size))])
        return sums[1:] - sums[0]

    def _log_sum(self, tally: Tally) -> FloatArray:
        """Return the log of the total mass, up to a constant; shape (S,)."""
        weight = self._log_mass(tally)
        largest = weight.max(axis=1)
        return largest + np.log(np.exp(weight - largest[:, None]).sum(axis=1))

    def _mass(self, tally: Tally) -> FloatArray:
        """Return posterior mass up to a factor a row; shape (S, K)."""
        weight = self._log_mass(tally)
        if self._safe_log_mass(int(tally.n_total.max(initial=0))) < UNDERFLOW:
            weight -= weight.max(axis=1, keepdims=True)
        return np.exp(weight, out=weight)

    def _safe_log_mass(self, n_max: int) -> float:
        """Return a value that the largest log mass exceeds, whatever the outcomes of n_max patients."""
        return float((self.log_prior + n_max * self._worst).max())

    @cached_property
    def _worst(self) -> FloatArray:
        return self.log_outcome.min(axis=(1, 2))

    def _log_mass(self, tally: Tally) -> FloatArray:
        """Return log posterior mass up to a constant a row; shape (S, K)."""
        flat = self.log_outcome.reshape(self.size, -1)
        counts = tally.whole if isinstance(tally, WeightedTally) else tally.counts.astype(np.float64)
        weight = counts.reshape(len(tally), -1) @ flat.T
        weight += self.log_prior
        if isinstance(tally, WeightedTally):
            weight += tally.log_pending(self.rates)
        return weight


def _blocks(tally: Tally, size: int) -> Iterator[Tally]:
    step = max(1, BLOCK // size)
    for start in range(0, max(len(tally), 1), step):
        if isinstance(tally, WeightedTally):
            yield tally.take(np.arange(start, min(start + step, len(tally))))
        else:
            yield Tally(tally.counts[start : start + step])
