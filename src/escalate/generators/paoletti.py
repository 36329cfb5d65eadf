"""Random scenarios around a given MTD, on the probit scale (Paoletti, O'Quigley and Maccario 2004)."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, ValidationInfo, field_validator
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from escalate.core.arrays import FloatArray, IntArray
from escalate.core.setting import Positive, Probability
from escalate.generators.families.drawn import LEAST, DrawnGenerator, Uniforms

MAX_MU = 5.0


class Paoletti(DrawnGenerator):
    """Random steps on the probit scale around an MTD at a level drawn first.

    Notes
    -----
    The MTD's level k is uniform. With z the probit of a probability, p_k = Phi(e), e ~ N(z(target), sd_mtd^2). The
    neighbours are kept at least as far from the target as p_k is, so that k stays the nearest:

    p_{k-1} = Phi(z(p_k) - [z(p_k) - z(2 target - p_k)] 1{p_k > target} - e^2),
    p_{k+1} = Phi(z(p_k) + [z(2 target - p_k) - z(p_k)] 1{p_k < target} + e^2),

    and outwards p_{j-1} = Phi(z(p_j) - e^2), p_{j+1} = Phi(z(p_j) + e^2), e ~ N(mu, sd^2) each time. The steps are governed
    by `mu` or by `gap`, the mean difference between the MTD and its neighbours, from which mu is found by quadrature; the
    mean is that of the law without `mtd_within` and `min_gap`.

    The constants sd = 0.35 and sd_mtd = 0.05 are those of later studies of interval designs, and have not been compared
    with the paper of 2004.

    References
    ----------
    Paoletti X, O'Quigley J, Maccario J (2004). Design efficiency in dose finding studies. Computational Statistics & Data
    Analysis 45:197-214.
    Liu S, Yuan Y (2015). Bayesian optimal interval designs for phase I clinical trials. J R Stat Soc Ser C Appl Stat
    64:507-523.
    Zhou H, Yuan Y, Nie L (2018). Accuracy, safety, and reliability of novel phase I trial designs. Clinical Cancer Research
    24:4357-4364.
    """

    kind: Literal["paoletti"] = "paoletti"
    mu: Annotated[float, Field(ge=0, le=MAX_MU)] | None = None
    sd: Annotated[Positive, Field(le=5)] = 0.35
    sd_mtd: Annotated[Positive, Field(le=5)] = 0.05
    gap: Probability | None = Field(default=None, validate_default=True)

    @field_validator("gap")
    @classmethod
    def _one_of_two(cls, gap: float | None, info: ValidationInfo) -> float | None:
        given = info.data
        if not {"target", "doses", "mtd_level", "mu", "sd", "sd_mtd"} <= set(given):
            return gap
        if (given["mu"] is None) == (gap is None):
            said = "is given, and mu too" if gap is not None else "is missing, and mu too"
            raise ValueError(f"{said}; give gap, the mean difference next to the MTD, such as 0.10, or mu, not both")
        if gap is not None:
            if given["doses"] == 1:
                raise ValueError("one dose level has no neighbours; give mu instead, any number will do")
            law = given["target"], given["sd"], given["sd_mtd"], _sides(given["mtd_level"], given["doses"])
            low, high = mean_gap(0.0, *law), mean_gap(MAX_MU, *law)
            if not low < gap < high:
                raise ValueError(f"{gap:g} is not between {low:.4f} and {high:.4f}, which this target and sd allow")
        return gap

    @cached_property
    def step_mean(self) -> float:
        """The mean of e: mu as given, or as the gap needs it."""
        if self.gap is None:
            return self.mu or 0.0
        wanted, law = self.gap, (self.target, self.sd, self.sd_mtd, _sides(self.mtd_level, self.doses))
        return float(brentq(lambda mu: mean_gap(mu, *law) - wanted, 0.0, MAX_MU, xtol=1e-12))

    def draw(self, mtd: IntArray, uniforms: Uniforms) -> FloatArray:
        """Return draws of the law for the MTDs given."""
        row, level = np.arange(len(mtd)), np.arange(self.doses)
        normal = ndtri(uniforms(len(mtd), self.doses))
        at = ndtri(self.target) + self.sd_mtd * normal[row, mtd]
        below, above = _bases(self.target, at)
        steps = (self.step_mean + self.sd * normal) ** 2
        steps[row, mtd] = 0.0
        upward = np.cumsum(np.where(level > mtd[:, None], steps, 0.0), axis=1)
        downward = np.cumsum(np.where(level < mtd[:, None], steps, 0.0)[:, ::-1], axis=1)[:, ::-1]
        z = np.where(level < mtd[:, None], below[:, None] - downward, above[:, None] + upward)
        z[row, mtd] = at
        return ndtr(z)

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Return five doses with a gap of 0.10, four with mu, and one dose."""
        return (
            cls(target=0.3, doses=5, count=200, gap=0.10),
            cls(target=0.25, doses=4, count=50, seed=3, mu=0.5, mtd_level=2, mtd_within=0.02, min_gap=0.05),
            cls(target=0.2, doses=1, count=5, mu=0.5),
        )


def _bases(target: float, z: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return from where the steps down and up go, given the probit of the MTD's probability."""
    reflected = ndtri(np.clip(2 * target - ndtr(z), LEAST, 1 - LEAST))
    return np.minimum(z, reflected), np.maximum(z, reflected)


def _sides(mtd_level: int | None, doses: int) -> tuple[float, float]:
    """Return how much the neighbours below and above count: alike, unless the MTD has only one of them."""
    # With the level uniform there are as many neighbours below as above.
    return (float(mtd_level != 1), float(mtd_level != doses))


def mean_gap(mu: float, target: float, sd: float, sd_mtd: float, sides: tuple[float, float] = (1.0, 1.0)) -> float:
    """Return the mean difference between the MTD and its neighbours, by Gauss-Legendre quadrature.

    Parameters
    ----------
    sides
        Weights of the neighbour below and of the one above.

    Examples
    --------
    >>> round(mean_gap(0.55, target=0.3, sd=0.35, sd_mtd=0.05), 3)
    0.146
    """
    x, w = np.polynomial.legendre.leggauss(80)
    # The base of the steps has a kink where the MTD is at the target: the two halves are done apart.
    half, weight = 4 * (x + 1), 4 * w
    normal = np.concatenate([-half[::-1], half])
    mass = np.concatenate([weight[::-1], weight]) * np.exp(-(normal**2) / 2) / np.sqrt(2 * np.pi)
    at = ndtri(target) + sd_mtd * normal
    below, above = _bases(target, at)
    step = (mu + sd * normal) ** 2
    down = mass @ (ndtr(at) - ndtr(below[:, None] - step) @ mass)
    up = mass @ (ndtr(above[:, None] + step) @ mass - ndtr(at))
    return float((sides[0] * down + sides[1] * up) / sum(sides))
