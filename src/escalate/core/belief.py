"""What a posterior says of the DLT probabilities, for many states at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from escalate.core.arrays import FloatArray


class Belief(ABC):
    """The posterior of S tallies: what estimates, rules and people ask of it."""

    @abstractmethod
    def mean(self) -> FloatArray:
        """Return E[p_j | data], shape (S, J)."""

    @abstractmethod
    def prob_above(self, limit: float) -> FloatArray:
        """Return Pr(p_j > limit | data), shape (S, J)."""

    def probs_above(self, limits: Sequence[float]) -> FloatArray:
        """Return Pr(p_j > limit | data) of several limits, shape (L, S, J)."""
        return np.stack([self.prob_above(limit) for limit in limits])

    @abstractmethod
    def quantile(self, probability: float) -> FloatArray:
        """Return the posterior quantile of p_j, shape (S, J)."""

    def plug_in(self) -> FloatArray:
        """Return p_j at the posterior mean of the parameters, shape (S, J); E[p_j | data] where there is no such thing."""
        return self.mean()

    def variance(self) -> FloatArray:
        """Return Var(p_j | data), shape (S, J); from the tail probabilities unless a belief has it more directly.

        Notes
        -----
        E[p^2] is the integral of 2c Pr(p > c) over (0, 1). With c = expit(u) the integrand dies out exponentially on either side,
        where the trapezoid rule converges exponentially.
        """
        u = np.arange(-18.0, 32.0, 0.25)
        limit = 1 / (1 + np.exp(-u))
        second = sum(2 * c * c * (1 - c) * 0.25 * self.prob_above(c) for c in limit.tolist())
        return np.maximum(second - self.mean() ** 2, 0.0)

    def prob_nearest(self, target: float) -> FloatArray | None:
        """Return Pr(p_j is the nearest to the target | data), shape (S, J), where it can be had exactly; else None."""
        return None
