"""A Bayesian model as a table of nodes: log prior weights, and log outcome probabilities at each dose.

The posterior of S tallies is one matrix product and a softmax.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from escalate.core.arrays import FloatArray
from escalate.core.tally import Tally

BLOCK = 1 << 14
"""Tallies worked on at once: keeps the weights in the cache, whatever the number of states."""


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
        flat = self.log_outcome.reshape(self.size, -1)
        weight = tally.counts.reshape(len(tally), -1).astype(np.float64) @ flat.T
        weight += self.log_prior
        weight -= weight.max(axis=1, keepdims=True)
        np.exp(weight, out=weight)
        weight /= weight.sum(axis=1, keepdims=True)
        return weight

    def expect(self, tally: Tally, functionals: FloatArray) -> FloatArray:
        """Return posterior expectations of M functions given by their values at the nodes (K, M); shape (S, M)."""
        if len(tally) <= BLOCK:
            return self.posterior(tally) @ functionals
        return np.concatenate([self.posterior(part) @ functionals for part in _blocks(tally)])


def _blocks(tally: Tally) -> Iterator[Tally]:
    for start in range(0, len(tally), BLOCK):
        yield Tally(tally.counts[start : start + BLOCK])
