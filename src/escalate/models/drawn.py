"""A belief held as draws: from NUTS, or weighted draws of importance sampling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from escalate.core.arrays import FloatArray
from escalate.core.belief import Belief

TIE = 1e-12
"""Distances to the target that differ by less are tied; the lower dose is the nearest."""


@dataclass(frozen=True, eq=False)
class DrawnBelief(Belief):
    """The posterior of a single state as draws of the DLT probabilities.

    Parameters
    ----------
    draws
        Shape (N, J).
    weight
        One a draw, summing to one, shape (N,); None where all are equal.
    at_means
        DLT probabilities at the posterior means of the parameters, shape (J,), where there is such a thing.
    """

    draws: FloatArray
    weight: FloatArray | None = None
    at_means: FloatArray | None = None

    def expect(self, functional: FloatArray) -> FloatArray:
        """Return the posterior mean of functions given at the draws, shape (N, M) to (1, M)."""
        if self.weight is None:
            return functional.mean(axis=0)[None]
        return (self.weight @ functional)[None]

    def mean(self) -> FloatArray:
        """Return E[p_j | data]."""
        return self.expect(self.draws)

    def prob_above(self, limit: float) -> FloatArray:
        """Return the share of the draws above the limit."""
        return self.expect((self.draws > limit).astype(np.float64))

    def quantile(self, probability: float) -> FloatArray:
        """Return the quantile of the draws: of weighted ones, the smallest below which the weights sum to the probability."""
        if self.weight is None:
            return np.quantile(self.draws, probability, axis=0)[None]
        return weighted_quantile(self.draws, self.weight, probability)[None]

    def plug_in(self) -> FloatArray:
        """Return p_j at the posterior means of the parameters, or its mean."""
        return self.mean() if self.at_means is None else self.at_means[None]

    def variance(self) -> FloatArray:
        """Return Var(p_j | data)."""
        return self.expect((self.draws - self.mean()) ** 2)

    def prob_nearest(self, target: float) -> FloatArray:
        """Return the share of the draws where p_j is the nearest to the target."""
        return self.expect(nearest_to(self.draws, target))


def nearest_to(p: FloatArray, target: float) -> FloatArray:
    """Return 1 at the dose nearest to the target, the lower on ties, and 0 elsewhere; shape (N, J)."""
    distance = np.abs(p - target)
    best = np.argmax(distance <= distance.min(axis=1, keepdims=True) + TIE, axis=1)
    return (np.arange(p.shape[1]) == best[:, None]).astype(np.float64)


def weighted_quantile(p: FloatArray, weight: FloatArray, probability: float) -> FloatArray:
    """Return the quantile of weighted draws, shape (N, J) to (J,)."""
    order = np.argsort(p, axis=0)
    below = np.cumsum(weight[order], axis=0)
    at = np.minimum((below < probability * below[-1]).sum(axis=0), len(p) - 1)
    return p[order[at, np.arange(p.shape[1])], np.arange(p.shape[1])]


__all__ = ["DrawnBelief", "nearest_to", "weighted_quantile"]
