"""Priors of two parameters: one bivariate normal distribution, or a mixture of several."""

from __future__ import annotations

from math import log, pi, sqrt
from typing import Annotated

from pydantic import Field, model_validator

from escalate.core.arrays import FloatArray
from escalate.core.setting import Positive, Setting

Correlation = Annotated[float, Field(gt=-1, lt=1)]


class BivariateNormal(Setting):
    """One bivariate normal distribution, given by means, standard deviations and correlation."""

    mean: tuple[float, float]
    sd: tuple[Positive, Positive]
    correlation: Correlation = 0.0

    @property
    def components(self) -> tuple[Component, ...]:
        """The distribution as a mixture of one."""
        return (Component(weight=1.0, mean=self.mean, sd=self.sd, correlation=self.correlation),)


class Component(BivariateNormal):
    """One part of a mixture."""

    weight: Annotated[float, Field(gt=0, le=1)]

    def log_density(self, a: FloatArray, b: FloatArray) -> FloatArray:
        """Return the log density, the weight left out; of the shape of a and b together."""
        (m1, m2), (s1, s2), r = self.mean, self.sd, self.correlation
        x, y = (a - m1) / s1, (b - m2) / s2
        rest = 1 - r**2
        found: FloatArray = -(x**2 - 2 * r * x * y + y**2) / (2 * rest) - log(2 * pi * s1 * s2 * sqrt(rest))
        return found


class NormalMixture(Setting):
    """A mixture of bivariate normal distributions; the weights sum to one."""

    mixture: Annotated[tuple[Component, ...], Field(min_length=1, max_length=10)]

    @model_validator(mode="after")
    def _whole(self) -> NormalMixture:
        total = sum(part.weight for part in self.mixture)
        if abs(total - 1) > 1e-6:
            raise ValueError(f"the weights sum to {total:g}, not to 1")
        return self

    @property
    def components(self) -> tuple[Component, ...]:
        """Its parts."""
        return self.mixture


Prior = BivariateNormal | NormalMixture
