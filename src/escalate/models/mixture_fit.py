"""Approximate draws from a distribution of two parameters by a mixture of bivariate normals: EM, the number by BIC.

Schmidli H, Gsteiger S, Roychoudhury S, O'Hagan A, Spiegelhalter D, Neuenschwander B (2014). Robust meta-analytic-predictive
priors in clinical trials with historical control information. Biometrics 70:1023-1032.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi, sqrt

import numpy as np

from escalate.core.arrays import FloatArray
from escalate.models.bivariate_normal import Component, NormalMixture

STEPS = 500
SETTLED = 1e-6
"""EM ends when the mean log likelihood rises by less."""
DIGITS = 4
"""Decimals of what is written into a design file."""
FLOOR = 1e-4
"""Smallest variance of a component, as a share of that of the draws: keeps a component from closing on a few draws."""


@dataclass(frozen=True)
class MixtureFit:
    """A mixture fitted to draws.

    Parameters
    ----------
    mixture
        Components from the heaviest to the lightest, rounded to four decimals.
    bic
        BIC by number of components tried, from one; smaller is better.
    """

    mixture: NormalMixture
    bic: tuple[float, ...]


def fit_mixture(draws: FloatArray, most: int) -> MixtureFit:
    """Return the mixture of up to `most` components with the smallest BIC.

    Parameters
    ----------
    draws
        Shape (N, 2).

    Notes
    -----
    Deterministic: EM starts from rings around the mean (a heavy-tailed distribution), from slices along the longest axis (a
    skewed one), and keeps the likelier.
    """
    fits = []
    bic = []
    for k in range(1, most + 1):
        ways = [_em(draws, start) for start in _starts(draws, k)]
        best = max(ways, key=lambda way: way[0])
        fits.append(best)
        bic.append(-2 * best[0] * len(draws) + (6 * k - 1) * log(len(draws)))
    _, weight, mean, covariance = fits[int(np.argmin(bic))]
    return MixtureFit(_as_setting(weight, mean, covariance), tuple(bic))


def _starts(draws: FloatArray, k: int) -> list[FloatArray]:
    """Return memberships (N, K) to start from."""
    if k == 1:
        return [np.ones((len(draws), 1))]
    centred = draws - draws.mean(axis=0)
    covariance = np.cov(centred.T)
    distance = np.einsum("ni,ij,nj->n", centred, np.linalg.inv(covariance), centred)
    along = centred @ np.linalg.eigh(covariance)[1][:, -1]
    return [_slices(order, k) for order in (distance, along)]


def _slices(values: FloatArray, k: int) -> FloatArray:
    rank = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    member = np.full((len(values), k), 0.1 / k)
    member[np.arange(len(values)), rank * k // len(values)] += 0.9
    return member


def _em(draws: FloatArray, member: FloatArray) -> tuple[float, FloatArray, FloatArray, FloatArray]:
    """Return mean log likelihood, weights (K,), means (K, 2) and covariances (K, 2, 2)."""
    least = np.diag(draws.var(axis=0)) * FLOOR
    before = -np.inf
    for _ in range(STEPS):
        total = member.sum(axis=0)
        weight = total / len(draws)
        mean = (member.T @ draws) / total[:, None]
        gap = draws[:, None, :] - mean
        covariance = np.einsum("nk,nki,nkj->kij", member, gap, gap) / total[:, None, None] + least
        log_part = np.log(weight) + _log_density(gap, covariance)
        largest = log_part.max(axis=1, keepdims=True)
        mass = np.exp(log_part - largest)
        sums = mass.sum(axis=1, keepdims=True)
        member = mass / sums
        now = float((largest + np.log(sums)).mean())
        if now - before < SETTLED:
            break
        before = now
    return now, weight, mean, covariance


def _log_density(gap: FloatArray, covariance: FloatArray) -> FloatArray:
    """Return log N(draw; mean_k, covariance_k), shape (N, K), from gap = draw - mean (N, K, 2)."""
    inverse = np.linalg.inv(covariance)
    distance = np.einsum("nki,kij,nkj->nk", gap, inverse, gap)
    found: FloatArray = -0.5 * (distance + np.log(np.linalg.det(covariance))) - log(2 * pi)
    return found


def _as_setting(weight: FloatArray, mean: FloatArray, covariance: FloatArray) -> NormalMixture:
    order = np.argsort(-weight, kind="stable")
    parts = []
    for k in order.tolist():
        s1, s2 = sqrt(covariance[k, 0, 0]), sqrt(covariance[k, 1, 1])
        parts.append(
            Component(
                weight=max(round(float(weight[k]), DIGITS), 10**-DIGITS),
                mean=(round(float(mean[k, 0]), DIGITS), round(float(mean[k, 1]), DIGITS)),
                sd=(round(s1, DIGITS), round(s2, DIGITS)),
                correlation=round(float(covariance[k, 0, 1]) / (s1 * s2), DIGITS),
            )
        )
    return NormalMixture(mixture=whole(parts))


def whole(parts: list[Component]) -> tuple[Component, ...]:
    """Return the components with the heaviest weight such that all sum to one, in decimals."""
    rest = sum(round(part.weight, DIGITS) for part in parts[1:])
    first = parts[0].model_copy(update={"weight": round(1 - rest, DIGITS)})
    return (first, *parts[1:])


def robustified(mixture: NormalMixture, weight: float, vague: Component) -> NormalMixture:
    """Return (1 - weight) of the mixture and `weight` of a vague component.

    Schmidli and others (2014), section 3.

    Raises
    ------
    ValueError
        Where the weight is not between 0 and 1.
    """
    if not 0 < weight < 1:
        raise ValueError(f"a robust weight of {weight:g} is not between 0 and 1")
    kept = [
        part.model_copy(update={"weight": max(round(part.weight * (1 - weight), DIGITS), 10**-DIGITS)})
        for part in mixture.mixture
    ]
    return NormalMixture(mixture=whole([*kept, vague.model_copy(update={"weight": weight})]))
