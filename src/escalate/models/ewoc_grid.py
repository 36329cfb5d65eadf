"""The nodes of the EWOC model: double-exponential in the rate at the lowest dose, Gauss-Legendre in panels of the MTD.

The panels of the MTD end where a probability is asked for, so that Pr(MTD < break) is a sum of whole panels and no 0/1 indicator
cuts one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from escalate.core.arrays import FloatArray
from escalate.models.nodes import NodeTable

RATE_FROM, RATE_TO = -2.9, 3.7
"""Range of v, where rho = theta exp(-s) and s = exp(v - exp(-v)): beyond it the prior has less than 1e-15."""


@dataclass(frozen=True, eq=False)
class Legendre:
    """Gauss-Legendre on (-1, 1), and its indefinite integral: n nodes, exact for polynomials below degree n."""

    t: FloatArray
    weight: FloatArray
    transform: FloatArray
    """(k + 1/2) P_k(t_i), shape (n, n): from masses at the nodes to Legendre coefficients."""

    def integrals(self, z: FloatArray) -> FloatArray:
        """Return the integral of P_k over (-1, z) for k < n; shape (..., n)."""
        n = len(self.t)
        p = np.polynomial.legendre.legvander(z, n)
        found = np.empty((*z.shape, n))
        found[..., 0] = z + 1
        degree = np.arange(1, n)
        found[..., 1:] = (p[..., 2:] - p[..., :-2]) / (2 * degree + 1)
        return found


@cache
def legendre(n: int) -> Legendre:
    """Return the rule with n nodes."""
    t, weight = np.polynomial.legendre.leggauss(n)
    degree = np.arange(n)
    transform = (degree + 0.5)[:, None] * np.polynomial.legendre.legvander(t, n - 1).T
    return Legendre(t, weight, transform)


@dataclass(frozen=True, eq=False)
class Grid:
    """The prior at K = M n nodes: M of the MTD, in panels, by n of the rate at the lowest dose."""

    v: FloatArray
    """Equally spaced nodes of the rate, shape (n,): the trapezoid rule converges exponentially in v."""
    mtd_rule: Legendre
    edges: FloatArray
    """Limits of the panels of the MTD, from 0 to its largest value; shape (panels + 1,)."""
    rate: FloatArray
    """rho at each node, shape (n,)."""
    mtd: FloatArray
    """gamma at each node, shape (M,)."""
    nodes: NodeTable

    @property
    def sizes(self) -> tuple[int, int]:
        """Nodes of the rate, and of a panel of the MTD."""
        return len(self.v), len(self.mtd_rule.t)

    @property
    def all_rates(self) -> FloatArray:
        """The rate at all nodes, shape (K,)."""
        return np.tile(self.rate, len(self.mtd))

    @property
    def all_mtds(self) -> FloatArray:
        """The MTD at all nodes, shape (K,)."""
        return np.repeat(self.mtd, len(self.rate))

    def below(self, breaks: FloatArray) -> FloatArray:
        """Return whether gamma is below each break, which must be an edge, at 0 or beyond the last; shape (K, B)."""
        found: FloatArray = (self.all_mtds[:, None] < breaks).astype(np.float64)
        return found

    def rate_below(self, log_share: FloatArray) -> FloatArray:
        """Return what each node counts in Pr(rho < cut), given log(cut / theta) of any shape; shape (..., n).

        Notes
        -----
        Sinc indefinite integration (Stenger 1993): 1/2 + Si(pi (v - v_k) / h) / pi, here of the upper tail of v.
        """
        from scipy.special import sici, wrightomega  # noqa: PLC0415 - decisions do without

        s = np.maximum(-log_share, 0.0)
        log_s = np.log(np.maximum(s, 1e-300))
        # v - exp(-v) = log s has the solution v = log s + omega(-log s).
        v = log_s + wrightomega(-log_s)
        found: FloatArray = 0.5 - sici(np.pi * (v[..., None] - self.v) / (self.v[1] - self.v[0]))[0] / np.pi
        return np.where(s[..., None] > 0, found, 1.0)

    def mtd_quantile(self, weight: FloatArray, probability: float) -> float:
        """Return the quantile of gamma for posterior masses of shape (K,), by bisection within its panel to 1e-13."""
        panels = weight.reshape(len(self.edges) - 1, -1, len(self.rate)).sum(axis=2)
        total = np.cumsum(panels.sum(axis=1))
        k = min(int(np.searchsorted(total, probability)), len(panels) - 1)
        wanted = probability - (total[k - 1] if k else 0.0)
        coefficients = self.mtd_rule.transform @ panels[k]
        low, high = -1.0, 1.0
        for _ in range(46):
            middle = (low + high) / 2
            if float(self.mtd_rule.integrals(np.array(middle)) @ coefficients) < wanted:
                low = middle
            else:
                high = middle
        return float(_panel(self.edges, k, np.array((low + high) / 2))[0])


def _panel(edges: FloatArray, k: int, t: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return gamma at t in (-1, 1) of panel k, and its derivative: quadratic at either end of the range.

    A Beta prior with powers that are not whole numbers is smoother there in t.
    """
    low, width, u = edges[k], edges[k + 1] - edges[k], (t + 1) / 2
    first, last = k == 0, k == len(edges) - 2
    if first and last:
        shape, slope = u * u * (3 - 2 * u), 6 * u * (1 - u)
    elif first:
        shape, slope = u * u, 2 * u
    elif last:
        shape, slope = u * (2 - u), 2 * (1 - u)
    else:
        shape, slope = u, np.ones_like(u)
    return low + width * shape, width * slope / 2


def lay_out(
    target: float,
    positions: tuple[float, ...],
    breaks: tuple[float, ...],
    priors: tuple[tuple[float, float], tuple[float, float]],
    sizes: tuple[int, int],
) -> Grid:
    """Return the prior at `sizes` = (nodes of the rate, nodes a panel of the MTD).

    Parameters
    ----------
    positions
        Of the doses, the lowest at 0; J of them.
    breaks
        Increasing limits of the panels, from 0 to the largest MTD.
    priors
        Beta(a, b) of rho / target, and of gamma over its largest value.
    """
    mtd_rule = legendre(sizes[1])
    (a0, b0), (a1, b1) = priors
    v = np.linspace(RATE_FROM, RATE_TO, sizes[0])
    s = np.exp(v - np.exp(-v))
    # The derivative of s brings in 1 + exp(-v), and that of rho / theta = exp(-s) another exp(-s).
    log_rate = -a0 * s + (b0 - 1) * np.log(-np.expm1(-s)) + np.log(s) + np.log1p(np.exp(-v))
    edges = np.array(breaks)
    parts = [_panel(edges, k, mtd_rule.t) for k in range(len(edges) - 1)]
    mtd = np.concatenate([part[0] for part in parts])
    slope = np.concatenate([part[1] for part in parts])
    part_of = mtd / edges[-1]
    log_mtd = np.log(np.tile(mtd_rule.weight, len(parts)) * slope) + (a1 - 1) * np.log(part_of)
    log_mtd += (b1 - 1) * np.log1p(-part_of)
    rate = target * np.exp(-s)
    lowest = np.tile(np.log(target) - s - np.log1p(-rate), len(mtd))
    steepness = np.log(target / (1 - target)) - lowest
    eta = lowest[:, None] + steepness[:, None] * np.asarray(positions) / np.repeat(mtd, len(rate))[:, None]
    log_prior = (log_mtd[:, None] + log_rate).ravel()
    log_prior -= np.logaddexp.reduce(log_prior)
    log_outcome = np.stack([-np.logaddexp(0.0, eta), -np.logaddexp(0.0, -eta)], axis=-1)
    return Grid(v, mtd_rule, edges, rate, mtd, NodeTable(log_prior, log_outcome))


def edges_of(points: tuple[float, ...], reach: float) -> tuple[float, ...]:
    """Return 0, the points strictly between, and the largest MTD, increasing."""
    return (0.0, *sorted({p for p in points if 0 < p < reach}), reach)
