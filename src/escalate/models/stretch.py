"""Where nodes are laid: equally spaced in t, with beta(t) such that the trapezoid rule converges exponentially."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from escalate.core.arrays import FloatArray

SCALE = 1.5


class Stretch(ABC):
    """An increasing map from t to beta = log theta."""

    @property
    @abstractmethod
    def ends(self) -> tuple[float, float]:
        """First and last t."""

    @abstractmethod
    def beta(self, t: FloatArray) -> FloatArray:
        """Return beta at t."""

    @abstractmethod
    def log_slope(self, t: FloatArray) -> FloatArray:
        """Return log d beta / dt up to a constant."""

    @abstractmethod
    def t_at(self, beta: FloatArray) -> FloatArray:
        """Return t at beta; -inf or inf where beta lies outside."""


@dataclass(frozen=True)
class BySinh(Stretch):
    """beta = centre + 1.5 sinh(t): dense where the rates change, sparse in long tails.

    Parameters
    ----------
    centre
        Where nodes are densest.
    low, high
        The range of beta.
    """

    centre: float
    low: float
    high: float

    @property
    def ends(self) -> tuple[float, float]:
        """First and last t."""
        first, last = (float(np.arcsinh((end - self.centre) / SCALE)) for end in (self.low, self.high))
        return first, last

    def beta(self, t: FloatArray) -> FloatArray:
        """Return beta at t."""
        return self.centre + SCALE * np.sinh(t)

    def log_slope(self, t: FloatArray) -> FloatArray:
        """Return log d beta / dt up to a constant."""
        return np.log(np.cosh(t))

    def t_at(self, beta: FloatArray) -> FloatArray:
        """Return t at beta."""
        return np.arcsinh((beta - self.centre) / SCALE)


@dataclass(frozen=True)
class ByLogit(Stretch):
    """theta = low + (high - low) expit(pi sinh t): double exponential towards both limits.

    Takahasi H, Mori M (1974). Double exponential formulas for numerical integration. Publ RIMS 9:721-741.

    Parameters
    ----------
    low, high
        The range of theta.
    furthest
        Largest size of pi sinh t.
    """

    low: float
    high: float
    furthest: float

    @property
    def ends(self) -> tuple[float, float]:
        """First and last t."""
        reach = float(np.arcsinh(self.furthest / np.pi))
        return -reach, reach

    def beta(self, t: FloatArray) -> FloatArray:
        """Return beta at t."""
        log_share = -np.logaddexp(0.0, -np.pi * np.sinh(t))
        if self.low == 0:
            return np.log(self.high) + log_share
        return np.log(self.low + (self.high - self.low) * np.exp(log_share))

    def log_slope(self, t: FloatArray) -> FloatArray:
        """Return log d beta / dt up to a constant."""
        at = np.pi * np.sinh(t)
        return -np.logaddexp(0.0, -at) - np.logaddexp(0.0, at) + np.log(np.cosh(t)) - self.beta(t)

    def t_at(self, beta: FloatArray) -> FloatArray:
        """Return t at beta; -inf or inf where beta lies outside."""
        share = np.clip((np.exp(np.minimum(beta, 300.0)) - self.low) / (self.high - self.low), 0.0, 1.0)
        with np.errstate(divide="ignore"):
            return np.arcsinh((np.log(share) - np.log1p(-share)) / np.pi)
