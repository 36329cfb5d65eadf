"""The minimally informative prior of a two-parameter logistic model, from what is thought of the lowest and the highest dose.

Neuenschwander B, Branson M, Gsponer T (2008). Critical aspects of the Bayesian approach to phase I cancer trials.
Stat Med 27:2420-2439, appendix A.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from math import exp, log
from typing import Annotated

import numpy as np
from pydantic import Field

from escalate.core.arrays import FloatArray
from escalate.core.errors import DesignError, NotConverged
from escalate.core.setting import Probability, Setting
from escalate.models.bivariate_normal import BivariateNormal
from escalate.models.implied_quantiles import LEVELS, implied, implied_with_slopes

DIGITS = 4
"""Decimals of the fitted parameters: fewer than the optimiser's error, so that every machine finds the same prior."""
BOX = ((-10.0, 10.0), (-10.0, 10.0), (0.1, 10.0), (0.02, 5.0), (-0.95, 0.95))
"""Limits of the two means, the two standard deviations and the correlation."""
NARROW = 0.2
"""A standard deviation of the log slope below this says more of the steepness than was asked."""
TOLERANCE = 1e-5
"""By how much a finer quadrature may move a quantile of the answer."""


class Elicited(Setting):
    """A DLT rate, and the probability of being on the wrong side of it."""

    rate: Probability
    probability: Probability


class Elicitation(Setting):
    """Pr(p > rate) = probability at the lowest dose; Pr(p < rate) = probability at the highest."""

    lowest: Elicited
    highest: Elicited
    slope_sd_at_least: Annotated[float, Field(ge=BOX[3][0], le=2)] = BOX[3][0]


class MinimallyInformative(Setting):
    """A prior made from one statement on the lowest dose and one on the highest; the doses of the design do the rest.

    Notes
    -----
    The published criterion looks at each dose by itself, and often finds its optimum at a slope that is almost known.
    `slope_sd_at_least` keeps the standard deviation of log beta from falling below a value; 0.3 costs little.
    """

    minimally_informative: Elicitation

    def fit(self, amounts: Sequence[float], reference_amount: float) -> MinimalFit:
        """Return the bivariate normal prior of (log alpha, log beta) for these amounts.

        Parameters
        ----------
        amounts
            The doses of the design, lowest first.
        reference_amount
            The amount at which alpha is the odds of a DLT.

        Raises
        ------
        DesignError
            Where the two statements do not make the DLT rate rise, or there is one dose only.
        NotConverged
            Where the quantiles of the fitted prior cannot be computed to five decimals.
        """
        return _fit(self.minimally_informative, tuple(float(d) for d in amounts), float(reference_amount))


@dataclass(frozen=True)
class MinimalFit:
    """A fitted prior, and how near it comes to what was asked.

    Parameters
    ----------
    prior
        Of (log alpha, log beta).
    wanted, fitted
        2.5%, 50% and 97.5% quantiles of the DLT rate; by dose.
    largest_difference
        The largest absolute difference between the two.
    """

    prior: BivariateNormal
    wanted: tuple[tuple[float, float, float], ...]
    fitted: tuple[tuple[float, float, float], ...]
    largest_difference: float

    def doubts(self) -> Iterator[str]:
        """Yield what a statistician would question of this prior."""
        if self.largest_difference > 0.1:
            yield f"the fitted prior misses a quantile that was asked for by {self.largest_difference:.2f}"
        if self.prior.sd[1] < NARROW:
            yield (
                f"the fitted prior holds the slope almost for known (sd of log beta {self.prior.sd[1]:g}); set slope_sd_at_least, "
                "such as 0.3"
            )


def beta_through(rate: float, below: float) -> tuple[float, float]:
    """Return the minimally informative beta distribution with Pr(p <= rate) = below: one parameter is 1, so it is unimodal.

    Examples
    --------
    >>> a, b = beta_through(0.2, 0.95)
    >>> a, round(b, 6)
    (1.0, 13.425135)
    """
    return (log(below) / log(rate), 1.0) if rate > below else (1.0, log(1 - below) / log(1 - rate))


def beta_quantile(probability: float, a: float, b: float) -> float:
    """Return the quantile of Beta(a, b) of which a or b is 1, in closed form."""
    return probability ** (1 / a) if b == 1 else 1 - (1 - probability) ** (1 / b)


def wanted_quantiles(
    lowest: tuple[float, float], highest: tuple[float, float], amounts: Sequence[float]
) -> tuple[tuple[float, float, float], ...]:
    """Return 2.5%, 50% and 97.5% quantiles of the DLT rate at each dose.

    Parameters
    ----------
    lowest
        A rate and the probability that the rate of the lowest dose is above it.
    highest
        A rate and the probability that the rate of the highest dose is below it.

    Notes
    -----
    The medians of the lowest and highest dose are those of the minimally informative betas; between them logit(median) is
    linear in log(amount). Each dose then has the minimally informative beta with its median.

    Raises
    ------
    DesignError
        Where there are fewer than two doses, or the median of the highest is not above that of the lowest.
    """
    if len(amounts) < 2:
        raise DesignError("minimally_informative: needs two doses or more; give mean, sd and correlation instead")
    low = beta_quantile(0.5, *beta_through(lowest[0], 1 - lowest[1]))
    high = beta_quantile(0.5, *beta_through(*highest))
    if not high > low:
        raise DesignError(
            f"minimally_informative: the median DLT rate it implies at the highest dose, {high:.3g}, is not above that at the "
            f"lowest, {low:.3g}; lower the rate of the lowest dose or raise that of the highest"
        )
    slope = (_logit(high) - _logit(low)) / (log(amounts[-1]) - log(amounts[0]))
    medians = [1 / (1 + exp(-_logit(low) - slope * (log(d) - log(amounts[0])))) for d in amounts]
    made = [beta_through(median, 0.5) for median in medians]
    return tuple((beta_quantile(LEVELS[0], *ab), beta_quantile(0.5, *ab), beta_quantile(LEVELS[2], *ab)) for ab in made)


def _logit(p: float) -> float:
    return log(p / (1 - p))


@cache
def _fit(asked: Elicitation, amounts: tuple[float, ...], reference: float) -> MinimalFit:
    lowest, highest = asked.lowest, asked.highest
    wanted = wanted_quantiles((lowest.rate, lowest.probability), (highest.rate, highest.probability), amounts)
    x = np.log(np.array(amounts) / reference)
    best = np.round(_minimax(np.array(wanted), x, asked.slope_sd_at_least), DIGITS)
    fitted, finer = implied(best, x), implied(best, x, refine=4)
    if np.abs(fitted - finer).max() > TOLERANCE:
        raise NotConverged(
            "minimally_informative: the quantiles of the fitted prior cannot be computed exactly; give mean, sd and "
            "correlation instead"
        )
    m1, m2, s1, s2, r = best.tolist()
    return MinimalFit(
        prior=BivariateNormal(mean=(m1, m2), sd=(s1, s2), correlation=r),
        wanted=wanted,
        fitted=tuple((row[0], row[1], row[2]) for row in finer.tolist()),
        largest_difference=float(np.abs(finer - np.array(wanted)).max()),
    )


def _minimax(wanted: FloatArray, x: FloatArray, slope_sd: float = BOX[3][0]) -> FloatArray:
    """Return the parameters (5,) whose implied quantiles have the smallest largest difference from the wanted ones (J, 3).

    Notes
    -----
    Minimises t subject to -t <= difference <= t by sequential quadratic programming, from fixed starting points.
    """
    from scipy.optimize import minimize  # noqa: PLC0415 - only where a prior is fitted

    def differences(v: FloatArray) -> tuple[FloatArray, FloatArray]:
        key = v.tobytes()
        if key not in seen:
            value, slope = implied_with_slopes(v, x)
            seen.clear()
            seen[key] = ((value - wanted).ravel(), slope.reshape(-1, 5))
        return seen[key]

    def gaps(v: FloatArray) -> FloatArray:
        d = differences(v[:5])[0]
        return np.concatenate([v[5] - d, v[5] + d])

    def gap_slopes(v: FloatArray) -> FloatArray:
        slope = differences(v[:5])[1]
        return np.column_stack([np.concatenate([-slope, slope]), np.ones(2 * len(slope))])

    box = [*BOX[:3], (slope_sd, BOX[3][1]), BOX[4]]
    seen: dict[bytes, tuple[FloatArray, FloatArray]] = {}
    last = np.eye(6)[5]
    found: list[tuple[float, FloatArray]] = []
    for start in _starts(wanted, x, np.array(box)):
        answer = minimize(
            lambda v: v[5],
            np.append(start, np.abs(differences(start)[0]).max()),
            jac=lambda _: last,
            bounds=[*box, (0.0, 1.0)],
            constraints={"type": "ineq", "fun": gaps, "jac": gap_slopes},
            method="SLSQP",
            options={"maxiter": 100, "ftol": 1e-10},
        )
        inside = np.clip(answer.x[:5], *np.array(box).T)
        found.append((float(np.abs(differences(inside)[0]).max()), inside))
    return min(found, key=lambda each: each[0])[1]


def _starts(wanted: FloatArray, x: FloatArray, box: FloatArray) -> list[FloatArray]:
    """Return starting points: the line through the medians, with little or much uncertainty of the slope."""
    logit = np.log(wanted / (1 - wanted))
    slope = (logit[-1, 1] - logit[0, 1]) / (x[-1] - x[0])
    middle = int(np.argmin(np.abs(x)))
    m1 = logit[middle, 1] - slope * x[middle]
    s1 = (logit[middle, 2] - logit[middle, 0]) / 3.92
    points = [(m1, np.log(slope), s1, s2, r) for s2, r in ((0.5, 0.0), (1.0, 0.5), (1.0, -0.5), (0.3, 0.8))]
    return [np.clip(np.array(point), *box.T) for point in points]
