"""How far weighted draws can be trusted: effective sample size and the shape of the tail of their weights.

Vehtari A, Simpson D, Gelman A, Yao Y, Gabry J (2024). Pareto smoothed importance sampling. J Mach Learn Res 25(72):1-58.
Zhang J, Stephens MA (2009). A new and efficient estimation method for the generalized Pareto distribution. Technometrics
51:316-325.
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from escalate.core.arrays import FloatArray

FEWEST = 400.0
"""Effective draws below which nothing is said of a posterior (the bulk ESS asked of NUTS too)."""
HEAVIEST = 0.7
"""Pareto k-hat above which importance sampling cannot be relied on."""
_NO_TAIL = -9.0
"""k-hat of weights that are all equal."""


def effective_size(weight: FloatArray) -> FloatArray:
    """Return 1 / sum w^2 of weights up to a factor, shape (S, N) to (S,)."""
    total = weight.sum(axis=1)
    return total * total / np.maximum(np.einsum("sn,sn->s", weight, weight), 1e-300)


def pareto_k(weight: FloatArray) -> FloatArray:
    """Return the estimated shape of the tail of the weights, each row up to a factor; shape (S, N) to (S,).

    Notes
    -----
    The min(N / 5, 3 sqrt(N)) largest weights are fitted by a generalised Pareto distribution, with the weak prior that
    shrinks k towards 0.5 in small tails.
    """
    n = weight.shape[1]
    m = int(np.ceil(min(n / 5, 3 * sqrt(n))))
    tail = np.sort(np.partition(weight, n - m - 1, axis=1)[:, n - m - 1 :], axis=1)
    excess = tail[:, 1:] - tail[:, :1]
    # Rows without a tail (all weights equal, or a single one above nothing) have no shape to fit.
    top = tail[:, -1]
    flat = excess[:, -1] <= 1e-14 * np.maximum(top, 1e-300)
    lonely = excess[:, m // 4] <= 1e-300
    ok = ~(flat | lonely)
    k = np.where(flat, _NO_TAIL, np.inf)
    if ok.any():
        k[ok] = _shape_of(excess[ok])
    return k


def _shape_of(x: FloatArray) -> FloatArray:
    """Return the shape of generalised Pareto samples sorted in each row, shape (S, M) to (S,)."""
    m = x.shape[1]
    grid = 30 + int(sqrt(m))
    quarter = x[:, int(m / 4 + 0.5) - 1, None]
    b = (1 - np.sqrt(grid / (np.arange(1, grid + 1) - 0.5))) / (3 * quarter) + 1 / x[:, -1:]
    k = np.empty_like(b)
    for g in range(grid):
        k[:, g] = np.log1p(-b[:, g, None] * x).mean(axis=1)
    profile = m * (np.log(-b / k) - k - 1)
    weight = 1 / np.exp(np.minimum(profile[:, None, :] - profile[:, :, None], 700.0)).sum(axis=2)
    b_hat = (b * weight).sum(axis=1) / weight.sum(axis=1)
    shape = np.log1p(-b_hat[:, None] * x).mean(axis=1)
    return (m * shape + 10 * 0.5) / (m + 10)
