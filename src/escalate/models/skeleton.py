"""Skeletons of the CRM: made from indifference intervals, and judged by them.

Lee SM, Cheung YK (2009). Model calibration in the continual reassessment method. Clin Trials 6:227-238.
Lee SM, Cheung YK (2011). Calibration of prior variance in the Bayesian continual reassessment method. Stat Med 30:2081-2089.
Cheung YK (2013). Sample size formulae for the Bayesian continual reassessment method. Clin Trials 10:852-861.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, exp, log, sqrt
from statistics import NormalDist
from typing import Literal, TypeAlias

import numpy as np

from escalate.core.arrays import FloatArray
from escalate.models.one_parameter import Form, OneParameterModel

Criterion: TypeAlias = Literal["variance", "uniform"]

_SMALLEST_SD, _LARGEST_SD = 1e-3, 30.0
_STEPS = 400


def from_half_width(
    half_width: float, target: float, prior_mtd: int, n_doses: int, form: Form = "power", intercept: float = 3.0
) -> tuple[float, ...]:
    """Return the skeleton whose indifference intervals are target +- half_width.

    Parameters
    ----------
    half_width
        Half the width of the interval, below the target and below 1 - target.
    prior_mtd
        The level held to be the MTD before the trial, from 1.

    Raises
    ------
    ValueError
        Where the half-width reaches 0 or 1 from the target, the level does not exist, or the intercept is too small.

    Examples
    --------
    >>> [round(s, 6) for s in from_half_width(0.05, 0.25, 3, 5)]
    [0.083973, 0.156741, 0.25, 0.3545, 0.460343]
    """
    if not 0 < half_width < min(target, 1 - target):
        raise ValueError(f"half_width {half_width:g} is not between 0 and {min(target, 1 - target):g}")
    if not 1 <= prior_mtd <= n_doses:
        raise ValueError(f"prior_mtd {prior_mtd} is not one of the {n_doses} levels")

    def label(p: float) -> float:
        return log(p) if form == "power" else log(p / (1 - p)) - intercept

    if label(target + half_width) >= 0:
        raise ValueError(f"intercept {intercept:g} is too small: it must exceed logit({target + half_width:g})")
    ratio = label(target - half_width) / label(target + half_width)
    labels = [label(target) * ratio ** (prior_mtd - level) for level in range(1, n_doses + 1)]
    return tuple(exp(x) if form == "power" else 1 / (1 + exp(-intercept - x)) for x in labels)


@dataclass(frozen=True)
class Sensitivity:
    """Which beta, and which rates at the MTD, lead to each dose.

    Parameters
    ----------
    breaks
        The J - 1 values of beta at which the recommended dose changes, from low to high.
    intervals
        For each dose, the rates of its neighbours at the breaks: the indifference interval; NaN at the open ends.
    """

    breaks: tuple[float, ...]
    intervals: tuple[tuple[float, float], ...]


def sensitivity(model: OneParameterModel, target: float) -> Sensitivity:
    """Return the breaks b_k, where F(x_k) + F(x_{k+1}) = 2 target, and the indifference interval of each dose.

    Examples
    --------
    >>> from escalate.models.priors_1d import Normal
    >>> s = from_half_width(0.05, 0.25, 3, 5)
    >>> [round(b, 6) for b in sensitivity(OneParameterModel("power", s, Normal(sd=1.0)), 0.25).breaks]
    [-0.431266, -0.141008, 0.149251, 0.439509]
    """
    pairs = range(len(model.skeleton) - 1)
    breaks = tuple(_break(model, k, target) for k in pairs)
    rates = [model.rates(np.array(b)) for b in breaks]
    nan = float("nan")
    return Sensitivity(
        breaks,
        tuple(
            (float(rates[j - 1][j - 1]) if j > 0 else nan, float(rates[j][j + 1]) if j < len(breaks) else nan)
            for j in range(len(model.skeleton))
        ),
    )


def _break(model: OneParameterModel, k: int, target: float) -> float:
    low, high = -20.0, 20.0
    for _ in range(80):
        middle = (low + high) / 2
        total = float(model.rates(np.array(middle))[k : k + 2].sum())
        low, high = (middle, high) if total > 2 * target else (low, middle)
    return (low + high) / 2


def prior_of_mtd(model: OneParameterModel, target: float, sd: float) -> FloatArray:
    """Return the prior probability that each dose is the one recommended at the true beta ~ N(0, sd^2), shape (J,).

    Examples
    --------
    >>> from escalate.models.priors_1d import Normal
    >>> s = (0.05, 0.12, 0.25, 0.40, 0.55)
    >>> prior_of_mtd(OneParameterModel("power", s, Normal(sd=1.0)), 0.25, sqrt(1.34)).round(4).tolist()
    [0.3046, 0.1257, 0.1436, 0.135, 0.2912]
    """
    return _masses(sensitivity(model, target).breaks, sd)


def _masses(breaks: tuple[float, ...], sd: float) -> FloatArray:
    below = [0.0, *(NormalDist(0, sd).cdf(b) for b in breaks), 1.0]
    return np.diff(np.array(below))


def least_informative_sd(model: OneParameterModel, target: float, criterion: Criterion = "variance") -> float:
    """Return the standard deviation of beta under which the prior of the MTD is nearest to all levels alike.

    Parameters
    ----------
    criterion
        `variance`: the smallest sd at which the prior variance of the MTD's level is (J^2 - 1) / 12, that of J levels alike.
        `uniform`: the sd that minimises sum_k (pi_k - 1/J)^2. Both are looked for between 0.001 and 30.

    Raises
    ------
    ValueError
        Where there are fewer than three levels, or no such sd.

    References
    ----------
    Lee SM, Cheung YK (2011). Calibration of prior variance in the Bayesian continual reassessment method. Stat Med
    30:2081-2089.

    Examples
    --------
    >>> from escalate.models.priors_1d import Normal
    >>> model = OneParameterModel("power", (0.05, 0.12, 0.25, 0.40, 0.55), Normal(sd=1.0))
    >>> round(least_informative_sd(model, 0.25), 6), round(least_informative_sd(model, 0.25, "uniform"), 6)
    (0.741495, 0.738881)
    """
    n_doses = len(model.skeleton)
    if n_doses < 3:
        raise ValueError(f"a least informative prior needs three dose levels or more; there are {n_doses}")
    breaks = sensitivity(model, target).breaks
    level = np.arange(n_doses)

    def short_of_variance(log_sd: float) -> float:
        pi = _masses(breaks, exp(log_sd))
        return float((n_doses**2 - 1) / 12 - (pi @ level**2 - (pi @ level) ** 2))

    def unevenness(log_sd: float) -> float:
        return float(((_masses(breaks, exp(log_sd)) - 1 / n_doses) ** 2).sum())

    grid = np.linspace(log(_SMALLEST_SD), log(_LARGEST_SD), _STEPS).tolist()
    if criterion == "uniform":
        k = int(np.argmin([unevenness(x) for x in grid]))
        if k in {0, _STEPS - 1}:
            raise ValueError("no prior_sd between 0.001 and 30 makes the levels most alike")
        return exp(_lowest(unevenness, grid[k - 1], grid[k + 1]))
    above = [short_of_variance(x) <= 0 for x in grid]
    if not any(above) or above[0]:
        raise ValueError("under no prior_sd between 0.001 and 30 does the MTD vary as much as over levels alike")
    k = above.index(True)
    low, high = grid[k - 1], grid[k]
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if short_of_variance(middle) > 0 else (low, middle)
    return exp((low + high) / 2)


def _lowest(f: Callable[[float], float], low: float, high: float) -> float:
    """Return where f is lowest between two points, by golden section."""
    ratio = (sqrt(5) - 1) / 2
    for _ in range(60):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, right) if f(left) < f(right) else (left, high)
    return (low + high) / 2


@dataclass(frozen=True)
class SampleSize:
    """Patients needed for a given average probability of correct selection."""

    n: int
    unrounded: float
    benchmark_pcs: float


def sample_size(pcs: float, target: float, n_doses: int, odds_ratio: float) -> SampleSize:
    """Return the number of patients for an average PCS, given the odds ratio between neighbouring doses.

    Notes
    -----
    The formula without correction for continuity; validated by its author for targets of 0.1 to 0.3, 4 to 8 doses and odds
    ratios of 1.25 to 2.5.

    References
    ----------
    Cheung YK (2013). Sample size formulae for the Bayesian continual reassessment method. Clin Trials 10:852-861.

    Examples
    --------
    >>> sample_size(0.6, 0.25, 5, 2.0).n
    24
    """
    phi, psi, j = target, odds_ratio, n_doses
    low, high = phi / (phi + psi * (1 - phi)), phi * psi / (1 - phi + phi * psi)
    sd_low = sqrt(phi * (1 - phi) + low * (1 - low) + 2 * low * (1 - phi))
    sd_high = sqrt(phi * (1 - phi) + high * (1 - high) + 2 * phi * (1 - high))
    effect = ((phi - low) / sd_low + (high - phi) / sd_high) / 2
    z = (log(pcs / (1 - pcs)) - 2.26 + 0.00235 * j**2 + 0.7 * psi + 1.903 / psi) / 0.854
    benchmark = 1 / (1 + exp(-z))
    unrounded = (NormalDist().inv_cdf(1 - j * (1 - benchmark) / (2 * (j - 1))) / effect) ** 2
    return SampleSize(ceil(unrounded), unrounded, benchmark)
