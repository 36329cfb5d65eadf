"""What a posterior says of the DLT probabilities, for many states at once."""

from __future__ import annotations

from abc import ABC, abstractmethod

from escalate.core.arrays import FloatArray


class Belief(ABC):
    """The posterior of S tallies: what estimates, rules and people ask of it."""

    @abstractmethod
    def mean(self) -> FloatArray:
        """Return E[p_j | data], shape (S, J)."""

    @abstractmethod
    def prob_above(self, limit: float) -> FloatArray:
        """Return Pr(p_j > limit | data), shape (S, J)."""

    @abstractmethod
    def quantile(self, probability: float) -> FloatArray:
        """Return the posterior quantile of p_j, shape (S, J)."""

    def plug_in(self) -> FloatArray:
        """Return p_j at the posterior mean of the parameters, shape (S, J); E[p_j | data] where there is no such thing."""
        return self.mean()
