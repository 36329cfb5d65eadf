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

BLOCK = 1 << 12
"""Tallies worked on at once: keeps the weights in the cache, whatever the number of states."""
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
        weight = self._mass(tally)
        weight /= weight.sum(axis=1, keepdims=True)
        return weight

    def expect(self, tally: Tally, functionals: FloatArray) -> FloatArray:
        """Return posterior expectations of M functions given by their values at the nodes (K, M); shape (S, M)."""
        # The total rides along as one more column: cheaper than normalising every weight.
        with_total = np.column_stack([functionals, np.ones(self.size)])
        sums = np.concatenate([self._mass(part) @ with_total for part in _blocks(tally)])
        return sums[:, :-1] / sums[:, -1:]

    def log_evidence(self, tally: Tally) -> FloatArray:
        """Return the log probability of the outcomes, patient by patient, averaged over the prior; shape (S,)."""
        none = Tally(np.zeros((1, *self.log_outcome.shape[1:]), dtype=np.int64))
        sums = np.concatenate([self._log_sum(part) for part in (none, *_blocks(tally))])
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

    def _log_mass(self, tally: Tally) -> FloatArray:
        """Return log posterior mass up to a constant a row; shape (S, K)."""
        flat = self.log_outcome.reshape(self.size, -1)
        weight = tally.counts.reshape(len(tally), -1).astype(np.float64) @ flat.T
        weight += self.log_prior
        return weight

    def _safe_log_mass(self, n_max: int) -> float:
        """Return a value that the largest log mass exceeds, whatever the outcomes of n_max patients."""
        return float((self.log_prior + n_max * self._worst).max())

    @cached_property
    def _worst(self) -> FloatArray:
        return self.log_outcome.min(axis=(1, 2))


def _blocks(tally: Tally) -> Iterator[Tally]:
    for start in range(0, max(len(tally), 1), BLOCK):
        yield Tally(tally.counts[start : start + BLOCK])
