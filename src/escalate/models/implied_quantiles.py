"""Quantiles of the DLT rate that a bivariate normal prior of (log alpha, log beta) implies, by quadrature in log beta.

logit p = log alpha + beta x with x = log(amount / reference amount). Given log beta, log alpha is normal: the distribution
function of logit p is a one-dimensional integral, and its quantiles are roots of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import pi, sqrt

import numpy as np

from escalate.core.arrays import AnyArray, FloatArray
from escalate.models.bivariate_normal import Component

LEVELS = (0.025, 0.5, 0.975)
REACH = 8.5
"""Standard deviations of log beta that are laid out."""
NODES = 96
LARGEST = 60.0
"""A slope beyond exp(60) gives rates of 0 and 1 in any case."""


def implied(parameters: FloatArray, x: FloatArray, refine: int = 1) -> FloatArray:
    """Return the 2.5%, 50% and 97.5% quantiles of p at each dose; shape (J, 3).

    Parameters
    ----------
    parameters
        Means of log alpha and log beta, their standard deviations, and the correlation; shape (5,).
    x
        log(amount / reference amount), shape (J,).
    refine
        Multiplies the number of nodes.
    """
    p: FloatArray = _expit(_Layout(parameters, x, refine).roots())
    return p


def implied_with_slopes(parameters: FloatArray, x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the quantiles (J, 3), and their derivatives in the five parameters (J, 3, 5)."""
    laid = _Layout(parameters, x, 1)
    roots = laid.roots()
    p = _expit(roots)
    return p, (p * (1 - p))[:, :, None] * laid.slopes(roots)


def mixture_quantiles(components: Sequence[Component], x: FloatArray) -> FloatArray:
    """Return the 2.5%, 50% and 97.5% quantiles of p at each dose under a mixture; shape (J, 3)."""
    from scipy.special import ndtr  # noqa: PLC0415

    laid = [_Layout(np.array([*part.mean, *part.sd, part.correlation]), x, 4) for part in components]
    low, high = np.full((len(x), 3), -60.0), np.full((len(x), 3), 60.0)
    for _ in range(60):
        middle = (low + high) / 2
        mass = sum(
            part.weight * (ndtr(each.standard(middle)) @ each.weight)
            for part, each in zip(components, laid, strict=True)
        )
        below = mass < np.array(LEVELS)
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return _expit((low + high) / 2)


def _expit(l: FloatArray) -> FloatArray:  # noqa: E741
    return 0.5 * (1 + np.tanh(l / 2))


class _Layout:
    """Conditional means of logit p at nodes z of log beta = m2 + s2 z, and the conditional standard deviation."""

    def __init__(self, parameters: FloatArray, x: FloatArray, refine: int) -> None:
        self.m1, self.m2, self.s1, self.s2, self.r = (float(v) for v in parameters)
        self.x = x
        self.z = np.linspace(-REACH, REACH, NODES * refine + 1)
        self.weight = np.exp(-0.5 * self.z**2)
        self.weight /= self.weight.sum()
        self.rest = self.s1 * sqrt(1 - self.r**2)
        self.line = np.exp(np.minimum(self.m2 + self.s2 * self.z, LARGEST)) * x[:, None]
        self.mean = self.m1 + self.r * self.s1 * self.z + self.line

    def standard(self, l: FloatArray) -> FloatArray:  # noqa: E741
        """Return (l - conditional mean) / conditional sd; shape (J, 3, K)."""
        found: FloatArray = (l[:, :, None] - self.mean[:, None, :]) / self.rest
        return found

    def roots(self) -> FloatArray:
        """Return logit p at the three levels for each dose, by bisection and then Newton's method; shape (J, 3)."""
        from scipy.special import ndtr  # noqa: PLC0415

        levels = np.broadcast_to(np.array(LEVELS), (len(self.x), 3))
        order = np.argsort(self.mean, axis=1)
        below = np.cumsum(self.weight[order], axis=1)
        # The quantile of the conditional mean is a good start; the conditional spread widens it.
        start = np.stack([_pick(self.mean, order, below, q) for q in LEVELS], axis=1)
        low, high = start - 9 * self.rest - 1e-6, start + 9 * self.rest + 1e-6
        l = start  # noqa: E741
        for _ in range(60):
            u = self.standard(l)
            gap = ndtr(u) @ self.weight - levels
            low, high = np.where(gap < 0, l, low), np.where(gap < 0, high, l)
            density = np.exp(-0.5 * u**2) @ self.weight / (self.rest * sqrt(2 * pi))
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                step = l - gap / density
            inside = (step > low) & (step < high)
            after = np.where(inside, step, (low + high) / 2)
            done = bool(np.abs(after - l).max() < 1e-11)
            l = after  # noqa: E741
            if done:
                break
        return l

    def slopes(self, l: FloatArray) -> FloatArray:  # noqa: E741
        """Return the derivatives of the quantiles of logit p; shape (J, 3, 5).

        Notes
        -----
        F(l; v) = level stays true, so dl/dv = -(dF/dv) / (dF/dl).
        """
        u = self.standard(l)
        bell = np.exp(-0.5 * u**2) * self.weight
        total = bell.sum(axis=2)
        whole = self.rest / self.s1
        by = np.empty((*l.shape, 5))
        by[..., 0] = total
        by[..., 1] = np.einsum("jqk,jk->jq", bell, self.line)
        by[..., 2] = bell @ (self.r * self.z) + np.einsum("jqk,jqk->jq", bell, u) * whole
        by[..., 3] = np.einsum("jqk,jk->jq", bell, self.line * self.z)
        by[..., 4] = bell @ (self.s1 * self.z) - np.einsum("jqk,jqk->jq", bell, u) * self.s1 * self.r / whole
        return by / np.maximum(total, 1e-300)[..., None]


def _pick(mean: FloatArray, order: AnyArray, below: FloatArray, level: float) -> FloatArray:
    place = np.minimum((below < level).sum(axis=1), mean.shape[1] - 1)
    rows = np.arange(len(mean))
    found: FloatArray = mean[rows, order[rows, place]]
    return found
