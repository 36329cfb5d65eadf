"""Beta posteriors of one dose: exact tails for whole counts, and the incomplete beta function.

The tails that decide are sums of integers, so no cut-off is ever compared with a rounding error. SciPy has the incomplete
beta function too, but importing it costs more than the whole of a recommendation (docs/decisions/0004).
"""

from __future__ import annotations

from functools import cache
from math import comb, exp, lgamma, log, log1p

import numpy as np

from escalate.core.arrays import IntArray, Mask
from escalate.core.plan import exact

UNIFORM = (1.0, 1.0)
"""Pseudo-counts of the uniform prior, Beta(1, 1)."""


def tail(n: int, dlt: int, limit: float) -> float:
    """Return Pr(p > limit) under Beta(1 + dlt, 1 + n - dlt).

    Examples
    --------
    >>> round(tail(3, 3, 0.3), 6), round(tail(6, 3, 0.3), 6)
    (0.9919, 0.873964)
    """
    weights, total = _binomial_terms(n + 1, limit)
    return sum(weights[: dlt + 1]) / total


def _binomial_terms(n: int, rate: float) -> tuple[list[int], int]:
    """Return C(n, k) a^k (b - a)^(n - k) for k = 0..n, and b^n, where rate = a / b."""
    fraction = exact(rate)
    a, b = fraction.numerator, fraction.denominator
    return [comb(n, k) * a**k * (b - a) ** (n - k) for k in range(n + 1)], b**n


def fewest_dlts_above(n: IntArray, limit: float, cutoff: float) -> IntArray:
    """Return the fewest DLTs with Pr(p > limit | Beta(1 + y, 1 + n - y)) > cutoff, strictly, for each number of patients.

    Where no count among n patients suffices the entry is n + 1. Any shape in, the same shape out.

    Examples
    --------
    >>> fewest_dlts_above(np.arange(7), 0.3, 0.95).tolist()
    [1, 2, 2, 3, 3, 4, 4]
    """
    present = np.flatnonzero(np.bincount(n.ravel()))
    table = np.zeros(int(present[-1]) + 1 if len(present) else 1, dtype=np.int64)
    table[present] = [_fewest(k, limit, cutoff) for k in present.tolist()]
    return table[n]


def exceeds(
    n: IntArray, burden: IntArray, whole: int, limit: float, cutoff: float, prior: tuple[float, float] = UNIFORM
) -> Mask:
    """Return where Pr(p > limit | Beta(a + y, b + n - y)) > cutoff, strictly, with y = burden / whole.

    Parameters
    ----------
    n, burden
        Patients, and the sum of their burdens in units of which `whole` make a DLT; of the same shape.
    prior
        Pseudo-counts a and b.

    Notes
    -----
    With a uniform prior whole DLTs are compared as whole numbers; otherwise the incomplete beta function serves.
    """
    if whole == 1 and prior == UNIFORM:
        return burden >= fewest_dlts_above(n, limit, cutoff)
    present = np.flatnonzero(np.bincount(n.ravel()))
    table = np.zeros(int(present[-1]) + 1 if len(present) else 1, dtype=np.int64)
    table[present] = [_least_burden(k, whole, limit, cutoff, prior) for k in present.tolist()]
    return burden >= table[n]


@cache
def _least_burden(n: int, whole: int, limit: float, cutoff: float, prior: tuple[float, float]) -> int:
    """Return the smallest burden of n patients whose tail exceeds the cut-off, n * whole + 1 where none does."""
    low, high = 0, n * whole + 1
    while low < high:
        middle = (low + high) // 2
        over = tail_of_burden(n, middle, whole, limit, prior) > cutoff
        low, high = (low, middle) if over else (middle + 1, high)
    return low


def tail_of_burden(n: int, burden: int, whole: int, limit: float, prior: tuple[float, float] = UNIFORM) -> float:
    """Return Pr(p > limit | Beta(a + y, b + n - y)) with y = burden / whole."""
    if whole == 1 and prior == UNIFORM:
        return tail(n, burden, limit)
    return sf(limit, prior[0] + burden / whole, prior[1] + n - burden / whole)


@cache
def _fewest(n: int, limit: float, cutoff: float) -> int:
    # Pr(p > limit) = Pr(Binomial(n + 1, limit) <= y), compared as whole numbers.
    bar = exact(cutoff)
    weights, total = _binomial_terms(n + 1, limit)
    below = 0
    for y in range(n + 1):
        below += weights[y]
        if below * bar.denominator > bar.numerator * total:
            return y
    return n + 1


def cdf(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b).

    Notes
    -----
    Continued fraction by Lentz's method (Press et al., Numerical Recipes, 6.4), on the side where it converges fast.

    Examples
    --------
    >>> round(cdf(0.3, 1.0, 4.0), 6)
    0.7599
    """
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(x, a, b) / a
    return 1.0 - front * _fraction(1 - x, b, a) / b


def sf(x: float, a: float, b: float) -> float:
    """Return 1 - I_x(a, b) without cancellation."""
    return cdf(1 - x, b, a)


def _fraction(x: float, a: float, b: float) -> float:
    tiny = 1e-300
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1)
    d = 1.0 / (d if abs(d) > tiny else tiny)
    h = d
    for m in range(1, 500):
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 + step * d
            d = 1.0 / (d if abs(d) > tiny else tiny)
            c = 1.0 + step / c
            c = c if abs(c) > tiny else tiny
            h *= d * c
        if abs(d * c - 1.0) < 1e-15:
            break
    return h


def quantile(probability: float, a: float, b: float) -> float:
    """Return x with I_x(a, b) = probability, by bisection on logit x (x may be as small as 1e-300).

    Examples
    --------
    >>> round(quantile(0.5, 1.0, 13.425135), 6)
    0.05032
    """
    low, high = -690.0, 40.0
    for _ in range(70):
        middle = (low + high) / 2
        x = 1 / (1 + exp(-middle))
        low, high = (middle, high) if cdf(x, a, b) < probability else (low, middle)
    return 1 / (1 + exp(-(low + high) / 2))
