"""Isotonic estimates of the DLT rate, as BOIN-type designs report them and select the MTD.

Yan F, Zhang L, Zhou Y, Pan H, Liu S, Yuan Y (2020). BOIN: an R package for designing single-agent and drug-combination
dose-finding trials using Bayesian optimal interval designs. J Stat Softw 94(13):1-32.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from escalate.core.arrays import NONE, FloatArray, IntArray, Mask
from escalate.core.moves import DoseSummary
from escalate.models import beta_binomial

Weights = Literal["precision", "patients"]
# Beta(0.05, 0.05), not Beta(1, 1): the authors' software uses it to estimate and to report (decision 0003).
BOIN_PRIOR = (0.05, 0.05)
# Breaks ties between pooled doses: the highest of those below the target, the lowest of those above.
RANK_STEP = 1e-10


def pool(values: FloatArray, weights: FloatArray, included: Mask) -> FloatArray:
    """Return the weighted isotonic (non-decreasing) regression over the included doses, NaN elsewhere; shape (S, J).

    Notes
    -----
    The max-min formula (Barlow, Bartholomew, Bremner, Brunk 1972): the fit at j is the largest over a <= j of the smallest
    over b >= j of the mean of a..b. All doses of a pooled block get the same bits, so ties are ties.

    Examples
    --------
    >>> one = np.ones((1, 3))
    >>> pool(np.array([[0.1, 0.4, 0.2]]), one, one > 0).round(6).tolist()
    [[0.1, 0.3, 0.3]]
    """
    weight = np.where(included, weights, 0.0)
    moment = np.where(included, weights * values, 0.0)
    n_doses = values.shape[1]
    fit = np.full(values.shape, -np.inf)
    for a in range(n_doses):
        means = np.full(values.shape, np.inf)
        mass, sum_ = np.zeros(len(values)), np.zeros(len(values))
        for b in range(a, n_doses):
            mass, sum_ = mass + weight[:, b], sum_ + moment[:, b]
            np.divide(sum_, mass, out=means[:, b], where=mass > 0)
        # Smallest mean over b >= j, for each j at once.
        smallest = np.minimum.accumulate(means[:, ::-1], axis=1)[:, ::-1]
        fit[:, a:] = np.maximum(fit[:, a:], smallest[:, a:])
    return np.where(included, fit, np.nan)


def estimate(
    events: FloatArray | IntArray,
    n: FloatArray | IntArray,
    included: Mask,
    prior: tuple[float, float] = BOIN_PRIOR,
    weights: Weights = "precision",
) -> FloatArray:
    """Return isotonic rates over the included doses; shape (S, J).

    Parameters
    ----------
    events
        DLTs, or burdens as parts of a DLT, shape (S, J).
    n
        Patients, shape (S, J).
    prior
        Pseudo-counts a and b: the rate of a dose is (events + a) / (n + a + b).
    weights
        Pool by the precision of the beta posteriors, or by numbers of patients.
    """
    rate, precision = _rates(events, n, prior)
    return pool(rate, precision if weights == "precision" else n.astype(np.float64), included)


def _rates(
    events: FloatArray | IntArray, n: FloatArray | IntArray, prior: tuple[float, float] = BOIN_PRIOR
) -> tuple[FloatArray, FloatArray]:
    with_prior, total = events + prior[0], n + (prior[0] + prior[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        return with_prior / total, total**2 * (total + 1) / (with_prior * (total - with_prior))


def select_nearest(
    events: FloatArray | IntArray,
    n: IntArray,
    target: float,
    allowed: Mask,
    upper: float | None = None,
    prior: tuple[float, float] = BOIN_PRIOR,
    weights: Weights = "precision",
) -> IntArray:
    """Return the allowed dose whose isotonic rate is nearest to the target, or NONE; shape (S,).

    Parameters
    ----------
    upper
        Doses whose rate is above it cannot be selected.

    Notes
    -----
    Of doses pooled to one rate the highest is taken where it is below the target, the lowest where it is above; of two rates
    equally near on either side, the lower.
    """
    ranked = estimate(events, n, allowed, prior, weights) + RANK_STEP * np.cumsum(allowed, axis=1)
    eligible = allowed if upper is None else allowed & (ranked <= upper)
    distance = np.where(eligible, np.abs(ranked - target), np.inf)
    return np.where(eligible.any(axis=1), np.argmin(distance, axis=1), NONE)


def summarise(
    events: FloatArray | IntArray,
    n: FloatArray | IntArray,
    target: float | None,
    prior: tuple[float, float] = BOIN_PRIOR,
) -> DoseSummary:
    """Return isotonic rates, 95% limits and Pr(p > target) of the tried doses, as the authors' software reports them."""
    tried = n > 0
    _, weight = _rates(events, n, prior)
    a, b = events + prior[0], n - events + prior[1]
    lower, upper, above = (np.full(tried.shape, np.nan) for _ in range(3))
    for s, j in np.argwhere(tried):
        lower[s, j] = beta_binomial.quantile(0.025, a[s, j], b[s, j])
        upper[s, j] = beta_binomial.quantile(0.975, a[s, j], b[s, j])
        if target is not None:
            above[s, j] = beta_binomial.sf(target, a[s, j], b[s, j])
    return DoseSummary(
        estimate=estimate(events, n, tried, prior),
        lower=pool(lower, weight, tried),
        upper=pool(upper, weight, tried),
        prob_overdose=pool(above, np.ones(tried.shape), tried),
    )
