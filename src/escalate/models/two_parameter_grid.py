"""Nodes of the two-parameter logistic model, and interval probabilities on them.

Pr(p_j <= c) is the mass where a <= logit(c) - exp(b) x_j. On equally spaced nodes of a that half-line has the weights of sinc
indefinite integration (Stenger 1993), so that each probability is a fixed linear function of the posterior masses and converges
as fast as the mean does. A 0/1 indicator at the nodes would be wrong in the second digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from math import asinh
from typing import TYPE_CHECKING

import numpy as np

from escalate.core.arrays import FloatArray
from escalate.core.errors import NotConverged
from escalate.core.tally import Tally
from escalate.models.bivariate_normal import moments
from escalate.models.nodes import NodeTable

if TYPE_CHECKING:
    from escalate.models.two_parameter import TwoParameterModel


@dataclass(frozen=True)
class Level:
    """How good a grid is.

    Parameters
    ----------
    error
        What the error of a probability stays below in states that a trial can reach; tests hold it there.
    probes
        Largest change of a probability, when nodes are added, over the probing data. They contradict prior and model more than
        a trial can: in reachable states errors are at least ten times smaller.
    negligible
        Mass of a posterior that may lie outside the nodes.
    """

    error: float
    probes: float
    negligible: float


ROUGH, CLOSE, FINE = Level(5e-4, 3e-3, 1e-6), Level(1e-5, 1e-5, 1e-8), Level(1e-6, 1e-6, 1e-12)
"""Few nodes for most states; more for those whose dose an error could change."""
SIZES = ((48, 36), (60, 44), (72, 56), (96, 72), (128, 96), (160, 128), (224, 176), (320, 240), (448, 352))
"""Numbers of nodes of a and b, tried in this order."""
LIMITS = (0.1, 0.2, 0.33, 0.5)
"""Limits at which grids are compared."""
WIDE_SD = 14.0
"""Where data can take the posterior is searched for within so many prior standard deviations."""
STRETCH = 2.5
"""Nodes are spaced evenly within about so many standard deviations of the centre, and wider beyond."""


@dataclass(frozen=True, eq=False)
class Grid:
    """A tensor grid in b and in u = a - slope (b - centre of b), each coordinate centre + scale sinh(t) with t evenly spaced.

    Parameters
    ----------
    a, b
        The parameters at each node, shape (K,), b varying slowest.
    t
        The even coordinate of u, shape (K_u,).
    centre, scale
        Of u.
    tilt
        slope (b - centre of b) at each node of b, shape (K_b,).
    nodes
        The prior and the outcome probabilities at the nodes.
    """

    a: FloatArray
    b: FloatArray
    t: FloatArray
    centre: float
    scale: float
    tilt: FloatArray
    nodes: NodeTable

    def mass_below(self, limit: float, labels: Sequence[float]) -> FloatArray:
        """Return the weight of each node in Pr(p_j <= limit), shape (K, J)."""
        return _mass_below(self, limit, tuple(labels))

    def mass_below_eta(self, eta: FloatArray, labels: FloatArray) -> FloatArray:
        """Return the weight of each node in Pr(logit p_j <= eta_j), with a limit for each dose; shape (K, J)."""
        from scipy.special import sici  # noqa: PLC0415 - only probabilities need it; estimates start faster without

        b = self.b[:: len(self.t)]
        end = (eta - np.exp(b)[:, None] * labels - self.tilt[:, None] - self.centre) / self.scale
        steps = np.pi * (np.arcsinh(end)[:, None, :] - self.t[:, None]) / (self.t[1] - self.t[0])
        weight: FloatArray = 0.5 + sici(steps)[0] / np.pi
        return weight.reshape(len(self.a), -1)


@cache
def grid_of(model: TwoParameterModel, n_max: int, level: Level) -> Grid:
    """Return the smallest grid whose answers do not change when nodes are added.

    Raises
    ------
    NotConverged
        Where no grid settles.
    """
    place, probe = _placed(model, n_max, level.negligible), _probe(len(model.labels), n_max)
    before, grid = None, None
    for size in SIZES:
        after_grid = _laid_out(model, place, size)
        after = _answers(model, after_grid, probe)
        if before is not None and grid is not None and np.abs(after - before).max() < level.probes:
            return after_grid if level is FINE else grid
        before, grid = after, after_grid
    raise NotConverged(
        "method.prior: with so narrow or so wide a prior the posterior cannot be resolved; use standard deviations less extreme"
    )


def _answers(model: TwoParameterModel, grid: Grid, probe: Tally) -> FloatArray:
    doses = _some_doses(len(model.labels))
    labels = [model.labels[j] for j in doses]
    below = [grid.mass_below(limit, labels) for limit in LIMITS]
    return grid.nodes.expect(probe, np.concatenate([model.rates(grid.a, grid.b)[:, doses], *below], axis=1))


@lru_cache(maxsize=64)
def _mass_below(grid: Grid, limit: float, labels: tuple[float, ...]) -> FloatArray:
    return grid.mass_below_eta(np.full(len(labels), np.log(limit / (1 - limit))), np.asarray(labels))


@dataclass(frozen=True)
class _Place:
    """Where nodes are needed: centre, and lowest and highest value, of u and of b."""

    slope: float
    u: tuple[float, float, float]
    b: tuple[float, float, float]
    scale_u: float
    scale_b: float


def _placed(model: TwoParameterModel, n_max: int, negligible: float) -> _Place:
    """Find the range of the posteriors of the hardest data on a wide grid."""
    mean, covariance = moments(model.prior)
    slope = float(covariance[0, 1] / covariance[1, 1])
    edges = []
    for part in model.prior:
        (m1, m2), (s1, s2), r = part.mean, part.sd, part.correlation
        s_u = np.sqrt(s1**2 - 2 * slope * r * s1 * s2 + (slope * s2) ** 2)
        m_u = m1 - slope * (m2 - mean[1])
        edges.append((m_u - WIDE_SD * s_u, m_u + WIDE_SD * s_u, m2 - WIDE_SD * s2, m2 + WIDE_SD * s2, s_u, s2))
    low_u, low_b = min(e[0] for e in edges), min(e[2] for e in edges)
    high_u, high_b = max(e[1] for e in edges), max(e[3] for e in edges)
    u, b = np.linspace(low_u, high_u, 241), np.linspace(low_b, high_b, 161)
    grid_b = np.repeat(b, len(u))
    grid_a = np.tile(u, len(b)) + slope * (grid_b - mean[1])
    table = _table(model, grid_a, grid_b, np.zeros(len(grid_a)))
    mass = table.posterior(_probe(len(model.labels), n_max)).reshape(-1, len(b), len(u))
    needed_u, needed_b = mass.sum(axis=1).max(axis=0), mass.sum(axis=2).max(axis=0)
    ranges = []
    for axis, needed in ((u, needed_u), (b, needed_b)):
        where = np.flatnonzero(needed > negligible)
        low, high = axis[max(where[0] - 1, 0)], axis[min(where[-1] + 1, len(axis) - 1)]
        ranges.append((float(low), float(high)))
    scale_u = STRETCH * min(e[4] for e in edges)
    scale_b = STRETCH * min(e[5] for e in edges)
    return _Place(slope, (float(mean[0]), *ranges[0]), (float(mean[1]), *ranges[1]), scale_u, scale_b)


def _laid_out(model: TwoParameterModel, place: _Place, size: tuple[int, int]) -> Grid:
    (centre_u, low_u, high_u), (centre_b, low_b, high_b) = place.u, place.b
    t_u = np.linspace(asinh((low_u - centre_u) / place.scale_u), asinh((high_u - centre_u) / place.scale_u), size[0])
    t_b = np.linspace(asinh((low_b - centre_b) / place.scale_b), asinh((high_b - centre_b) / place.scale_b), size[1])
    u, b = centre_u + place.scale_u * np.sinh(t_u), centre_b + place.scale_b * np.sinh(t_b)
    tilt = place.slope * (b - centre_b)
    a, every_b = (u + tilt[:, None]).ravel(), np.repeat(b, len(u))
    log_cell = (np.log(np.cosh(t_u)) + np.log(np.cosh(t_b))[:, None]).ravel()
    return Grid(a, every_b, t_u, centre_u, place.scale_u, tilt, _table(model, a, every_b, log_cell))


def _table(model: TwoParameterModel, a: FloatArray, b: FloatArray, log_cell: FloatArray) -> NodeTable:
    log_p, log_q = model.log_rates(a, b)
    log_prior = np.logaddexp.reduce(model.log_prior(a, b), axis=0)
    return NodeTable(log_prior + log_cell, np.stack([log_q, log_p], axis=-1))


def _some_doses(n_doses: int) -> list[int]:
    """Return up to eight doses, evenly spread, the lowest and the highest among them."""
    return sorted({round(k) for k in np.linspace(0, n_doses - 1, min(n_doses, 8))})


def _probe(n_doses: int, n_max: int) -> Tally:
    """Return tallies at the edges of what a trial can see: one dose alone, or a few, with few or many DLTs."""
    n, dlt = [np.zeros(n_doses, dtype=np.int64)], [np.zeros(n_doses, dtype=np.int64)]
    doses = _some_doses(n_doses)
    for dose in doses:
        for size in sorted({min(3, n_max), n_max}):
            for events in sorted({0, 1, size // 3, size}):
                n.append(np.eye(n_doses, dtype=np.int64)[dose] * size)
                dlt.append(np.eye(n_doses, dtype=np.int64)[dose] * events)
    half = max(1, n_max // 2)
    for low, high in [*pairwise(doses), (doses[0], doses[-1])]:
        for first, second in ((half, 0), (0, half), (half // 2, half // 3)):
            n.append((np.eye(n_doses, dtype=np.int64)[low] + np.eye(n_doses, dtype=np.int64)[high]).clip(max=1) * half)
            dlt.append(np.zeros(n_doses, dtype=np.int64))
            dlt[-1][high], dlt[-1][low] = second, first
    each = np.zeros(n_doses, dtype=np.int64)
    each[doses] = max(1, n_max // len(doses))
    rising = np.zeros_like(each)
    rising[doses] = np.arange(len(doses)) * each[doses] // len(doses)
    n += [each, each, each]
    dlt += [np.zeros_like(each), rising, each]
    return Tally.of(np.array(n), np.array(dlt))
