"""Prior distributions of the one parameter theta > 0, seen as densities of beta = log theta."""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import exp, log, sqrt
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias

import numpy as np
from pydantic import Field, model_validator

from escalate.core.arrays import FloatArray
from escalate.core.setting import Setting
from escalate.models.stretch import ByLogit, BySinh, Stretch

Centre: TypeAlias = Literal["median", "mean"]

RANGE_SD = 9.0
"""Nodes span at least this many prior standard deviations either side: truncation, not spacing, limits the accuracy."""
NEGLIGIBLE = 45.0
"""A density exp(-45) of its largest value adds less to an integral than rounding does."""


class Prior1d(Setting, ABC):
    """A distribution of theta."""

    on_theta: ClassVar[bool] = True
    """Whether the plug-in estimate is taken at E[theta]; otherwise at exp(E[log theta])."""
    usual_centre: ClassVar[Centre] = "median"
    """At which theta the model gives the skeleton, unless the design says."""
    field: ClassVar[str] = "prior"
    """The setting of the method that messages name."""

    @abstractmethod
    def log_density(self, beta: FloatArray) -> FloatArray:
        """Return the log density of beta = log theta up to a constant; of the shape of beta."""

    @abstractmethod
    def median(self) -> float:
        """Return the median of theta."""

    @abstractmethod
    def mean(self) -> float:
        """Return the mean of theta."""

    @abstractmethod
    def stretch(self, centre: float, saturated: float, pull: float, slope: float) -> Stretch:
        """Return where nodes are laid so that no posterior is cut off.

        Parameters
        ----------
        centre
            beta at which the model gives the skeleton.
        saturated
            Distance from there beyond which every rate is 0 or 1.
        pull
            The most that the data can add to the log likelihood.
        slope
            The most that the log likelihood can change per unit of theta.
        """

    @abstractmethod
    def in_pymc(self) -> Any:
        """Return theta as a variable of the PyMC model that is being built."""

    @abstractmethod
    def described(self) -> str:
        """Return a few words for a message."""

    def theta_at(self, centre: Centre) -> float:
        """Return the median or the mean of theta."""
        return self.median() if centre == "median" else self.mean()


class Normal(Prior1d):
    """beta = log theta is normal with mean 0."""

    on_theta: ClassVar[bool] = False
    field: ClassVar[str] = "prior_sd"

    sd: Annotated[float, Field(gt=0, le=30)]

    def log_density(self, beta: FloatArray) -> FloatArray:
        """Return the log density of beta."""
        return -0.5 * (beta / self.sd) ** 2

    def median(self) -> float:
        """Return 1."""
        return 1.0

    def mean(self) -> float:
        """Return exp(sd^2 / 2)."""
        return exp(self.sd**2 / 2)

    def stretch(self, centre: float, saturated: float, pull: float, slope: float) -> Stretch:
        """Span the prior, and as far as data can pull a narrow one."""
        return _around(0.0, self.sd, centre, saturated, pull)

    def in_pymc(self) -> Any:
        """Return exp(beta)."""
        import pymc as pm  # noqa: PLC0415 - takes seconds to import

        return pm.math.exp(pm.Normal("beta", 0.0, self.sd))

    def described(self) -> str:
        """Return the standard deviation."""
        return f"{self.sd:g}"


class LogNormal(Prior1d):
    """log theta is normal; the same as `normal` where `meanlog` is 0, but for the plug-in estimate, here at E[theta]."""

    meanlog: Annotated[float, Field(ge=-20, le=20)] = 0.0
    sdlog: Annotated[float, Field(gt=0, le=5)]

    def log_density(self, beta: FloatArray) -> FloatArray:
        """Return the log density of beta."""
        return -0.5 * ((beta - self.meanlog) / self.sdlog) ** 2

    def median(self) -> float:
        """Return exp(meanlog)."""
        return exp(self.meanlog)

    def mean(self) -> float:
        """Return exp(meanlog + sdlog^2 / 2)."""
        return exp(self.meanlog + self.sdlog**2 / 2)

    def stretch(self, centre: float, saturated: float, pull: float, slope: float) -> Stretch:
        """Span the prior, and on the right what E[theta] needs."""
        return _around(self.meanlog, self.sdlog, centre, saturated, pull, moment=self.sdlog**2)

    def in_pymc(self) -> Any:
        """Return theta."""
        import pymc as pm  # noqa: PLC0415

        return pm.LogNormal("theta", self.meanlog, self.sdlog)

    def described(self) -> str:
        """Return both parameters."""
        return f"lognormal(meanlog {self.meanlog:g}, sdlog {self.sdlog:g})"


class Gamma(Prior1d):
    """theta has density theta^(shape - 1) exp(-theta / scale): the mean is shape x scale."""

    usual_centre: ClassVar[Centre] = "mean"

    shape: Annotated[float, Field(gt=0, le=10_000)]
    scale: Annotated[float, Field(gt=0, le=1_000_000)]

    @model_validator(mode="after")
    def _proper_to_rounding(self) -> Self:
        if self.shape < LEAST_SHAPE:
            raise ValueError(f"shape {self.shape:g} puts nearly all of the prior at 0; give at least {LEAST_SHAPE:g}")
        return self

    def log_density(self, beta: FloatArray) -> FloatArray:
        """Return the log density of beta."""
        return self.shape * beta - np.exp(np.minimum(beta, 300.0)) / self.scale

    def median(self) -> float:
        """Return the median of theta."""
        from scipy.special import gammaincinv  # noqa: PLC0415 - slow to import, seldom needed

        return self.scale * float(gammaincinv(self.shape, 0.5))

    def mean(self) -> float:
        """Return shape x scale."""
        return self.shape * self.scale

    def stretch(self, centre: float, saturated: float, pull: float, slope: float) -> Stretch:
        """Span the prior and, to the left, where DLTs can pull it: at most to Gamma(shape, 1 / (1 / scale + slope))."""
        lowest = log(self.mean()) - np.log1p(self.scale * slope)
        far = NEGLIGIBLE + pull
        highest = log(self.scale * (self.shape + far + sqrt(2 * self.shape * far)))
        return BySinh(centre, lowest - NEGLIGIBLE / self.shape - sqrt(2 * NEGLIGIBLE / self.shape), highest)

    def in_pymc(self) -> Any:
        """Return theta."""
        import pymc as pm  # noqa: PLC0415

        return pm.Gamma("theta", alpha=self.shape, beta=1 / self.scale)

    def described(self) -> str:
        """Return both parameters."""
        return f"gamma(shape {self.shape:g}, scale {self.scale:g})"


class Uniform(Prior1d):
    """theta is equally likely anywhere between two limits."""

    usual_centre: ClassVar[Centre] = "mean"

    low: Annotated[float, Field(ge=0, le=1_000_000)] = 0.0
    high: Annotated[float, Field(gt=0, le=1_000_000)]

    @model_validator(mode="after")
    def _increasing(self) -> Self:
        if self.high <= self.low * (1 + 1e-9):
            raise ValueError(f"high {self.high:g} is not above low {self.low:g}")
        return self

    def log_density(self, beta: FloatArray) -> FloatArray:
        """Return the log density of beta within the limits."""
        return beta

    def median(self) -> float:
        """Return the middle."""
        return (self.low + self.high) / 2

    def mean(self) -> float:
        """Return the middle."""
        return (self.low + self.high) / 2

    def stretch(self, centre: float, saturated: float, pull: float, slope: float) -> Stretch:
        """Come so near to both limits that data which pull there are not cut off."""
        return ByLogit(self.low, self.high, NEGLIGIBLE + float(np.log1p(slope * (self.high - self.low))))

    def in_pymc(self) -> Any:
        """Return theta."""
        import pymc as pm  # noqa: PLC0415

        return pm.Uniform("theta", self.low, self.high)

    def described(self) -> str:
        """Return both limits."""
        return f"uniform({self.low:g}, {self.high:g})"


LEAST_SHAPE = 0.05
"""With a smaller shape half of a gamma prior lies below 1e-6 of its mean."""


def _around(mean: float, sd: float, centre: float, saturated: float, pull: float, moment: float = 0.0) -> Stretch:
    # All data against a narrow prior: each patient can add to the log likelihood, at (deviations)^2 / 2 of the prior.
    near, far = RANGE_SD * sd, (RANGE_SD + sqrt(2 * pull)) * sd
    low = max(mean - far, min(mean - near, centre - saturated))
    high = min(mean + far, max(mean + near, centre + saturated)) + moment
    return BySinh(centre, low, high)


class PriorChoice(Setting):
    """Exactly one distribution of theta, named by its key: `{gamma: {shape: 1, scale: 1}}`."""

    normal: Normal | None = None
    lognormal: LogNormal | None = None
    gamma: Gamma | None = None
    uniform: Uniform | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            said = " and ".join(given) or "nothing"
            raise ValueError(f"names {said}; name one of normal, lognormal, gamma, uniform")
        return self

    @property
    def distribution(self) -> Prior1d:
        """The one that is named."""
        return next(each for each in (self.normal, self.lognormal, self.gamma, self.uniform) if each is not None)
