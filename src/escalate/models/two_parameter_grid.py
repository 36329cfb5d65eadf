"""Nodes of the two-parameter logistic model, and interval probabilities on them.

Pr(p_j <= c) is the mass where a <= logit(c) - exp(b) x_j. On equally spaced nodes of a that half-line has the weights of sinc
indefinite integration (Stenger 1993), so that each probability is a fixed linear function of the posterior masses and converges
as fast as the mean does. A 0/1 indicator at the nodes would be wrong in the second digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from itertools import pairwise
from math import asinh, log, sqrt
from typing import TYPE_CHECKING

import numpy as np

from escalate.core.arrays import FloatArray, Mask
from escalate.core.errors import NotConverged
from escalate.core.tally import Tally
from escalate.models.nodes import NodeTable

if TYPE_CHECKING:
    from escalate.models.two_parameter import TwoParameterModel


@dataclass(frozen=True)
class Level:
    """How good a grid is.

    Parameters
    ----------
    error
        What the error of a probability stays below where the nodes resolve the posterior (`Grid.resolved`); tests hold it there.
    probes
        Largest change of a probability, when nodes are added, over the probing data, which contradict prior and model.
    negligible
        Mass of a posterior that may lie outside the nodes.
    """

    error: float
    probes: float
    negligible: float


ROUGH, CLOSE, FINE = Level(4e-4, 3e-3, 1e-7), Level(2e-5, 1e-4, 1e-9), Level(1e-6, 1e-6, 1e-12)
"""Few nodes for most states; more for those whose dose an error could change."""
SIZES = ((48, 36), (60, 44), (72, 56), (96, 72), (128, 96), (160, 128), (224, 176), (320, 240), (448, 352))
"""Numbers of nodes of a and b, tried in this order."""
LIMITS = (0.1, 0.2, 0.33, 0.6)
"""Limits at which grids are compared."""
WIDE_SD = 14.0
"""Where data can take the posterior is searched for within so many prior standard deviations."""
NARROWEST = 1.4
"""Posterior standard deviation, in distances between nodes, from which on the nodes resolve it."""
LARGEST_SHARE = 0.02
"""Largest difference between the masses of every other node that they may have: more tells of a mode between two nodes."""
UNIMPORTANT = 1e-5
"""Posterior weight of a component below which its resolution does not matter."""
STRETCH = 2.5
"""Nodes are spaced evenly within about so many standard deviations of the centre, and wider beyond."""


@dataclass(frozen=True, eq=False)
class Part:
    """The nodes of one component of the prior: a tensor grid in b and in u = a - slope (b - centre of b).

    Each coordinate is centre + scale sinh(t) with t evenly spaced.

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
    log_cell
        Log area of the cell of each node, shape (K,).
    """

    a: FloatArray
    b: FloatArray
    t: FloatArray
    centre: float
    scale: float
    tilt: FloatArray
    log_cell: FloatArray

    def mass_below_eta(self, eta: FloatArray, labels: FloatArray) -> FloatArray:
        """Return the weight of each node in Pr(logit p_j <= eta_j), with a limit for each dose; shape (K, J)."""
        from scipy.special import sici  # noqa: PLC0415 - only probabilities need it; estimates start faster without

        b = self.b[:: len(self.t)]
        end = (eta - np.exp(b)[:, None] * labels - self.tilt[:, None] - self.centre) / self.scale
        steps = np.pi * (np.arcsinh(end)[:, None, :] - self.t[:, None]) / (self.t[1] - self.t[0])
        weight: FloatArray = 0.5 + sici(steps)[0] / np.pi
        return weight.reshape(len(self.a), -1)


@dataclass(frozen=True, eq=False)
class Grid:
    """The nodes of all components of the prior, one part after the other, and the outcome probabilities there."""

    parts: tuple[Part, ...]
    nodes: NodeTable

    @cached_property
    def a(self) -> FloatArray:
        """The intercept at each node, shape (K,)."""
        return np.concatenate([part.a for part in self.parts])

    @cached_property
    def b(self) -> FloatArray:
        """The log slope at each node, shape (K,)."""
        return np.concatenate([part.b for part in self.parts])

    @cached_property
    def of_part(self) -> FloatArray:
        """1 where a node belongs to a part, else 0; shape (K, M)."""
        return np.repeat(np.eye(len(self.parts)), [len(part.a) for part in self.parts], axis=0)

    @cached_property
    def checks(self) -> FloatArray:
        """What `resolved` asks the posterior expectations of, seven columns a part; shape (K, 7 M)."""
        columns = np.zeros((len(self.nodes.log_prior), 7 * len(self.parts)))
        start = 0
        for k, part in enumerate(self.parts):
            n_u, end = len(part.t), start + len(part.a)
            u = np.tile(np.arange(n_u) - n_u / 2, len(part.a) // n_u)
            b = np.repeat(np.arange(len(part.a) // n_u) - len(part.a) // n_u / 2, n_u)
            every_other = [(-1.0) ** np.round(x - x[0]) for x in (u, b)]
            own = [np.ones(len(u)), u, u * u, b, b * b, *every_other]
            columns[start:end, 7 * k : 7 * k + 7] = np.stack(own, axis=1)
            start = end
        return columns

    def resolved(self, found: FloatArray) -> Mask:
        """Return where the nodes lie dense enough for the posterior, given the expectations of `checks`; shape (S,)."""
        each = found.reshape(len(found), -1, 7)
        weight = np.maximum(each[:, :, 0], 1e-300)
        u, uu, b, bb, odd_u, odd_b = (each[:, :, c] / weight for c in range(1, 7))
        wide = np.minimum(uu - u * u, bb - b * b) >= NARROWEST**2
        even = np.maximum(np.abs(odd_u), np.abs(odd_b)) <= LARGEST_SHARE
        return np.asarray(((wide & even) | (each[:, :, 0] < UNIMPORTANT)).all(axis=1))

    def mass_below(self, limit: float, labels: Sequence[float]) -> FloatArray:
        """Return the weight of each node in Pr(p_j <= limit), shape (K, J)."""
        return _mass_below(self, limit, tuple(labels))

    def mass_below_eta(self, eta: FloatArray, labels: FloatArray) -> FloatArray:
        """Return the weight of each node in Pr(logit p_j <= eta_j), with a limit for each dose; shape (K, J)."""
        return np.concatenate([part.mass_below_eta(eta, labels) for part in self.parts])


@cache
def grid_of(model: TwoParameterModel, n_max: int, level: Level) -> Grid:
    """Return a grid of the level asked for, each component of the prior with nodes of its own.

    Raises
    ------
    NotConverged
        Where no grid settles.
    """
    parts = [_settled(model.alone(k), n_max, level) for k in range(len(model.prior))]
    tables = [_table(model, part, k) for k, part in enumerate(parts)]
    log_prior = np.concatenate([table.log_prior for table in tables])
    return Grid(tuple(parts), NodeTable(log_prior, np.concatenate([table.log_outcome for table in tables])))


@cache
def _settled(model: TwoParameterModel, n_max: int, level: Level) -> Part:
    """Return the smallest grid of a prior of one component whose answers do not change when nodes are added."""
    place, probe = _placed(model, n_max, level.negligible), _probe(len(model.labels), n_max)
    before = None
    for size in SIZES:
        part = _laid_out(place, size)
        after = _answers(model, Grid((part,), _table(model, part, 0)), probe)
        if before is not None and np.abs(after - before).max() < level.probes:
            return part
        before = after
    (prior,) = model.prior
    raise NotConverged(
        f"method.prior: with mean {prior.mean[0]:g}, {prior.mean[1]:g}, sd {prior.sd[0]:g}, {prior.sd[1]:g} and up to {n_max} "
        "patients the posterior cannot be resolved; use a prior less extreme, or fewer patients"
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
    """Find the range of the posteriors of the hardest data on a wide grid; the prior has one component."""
    (prior,) = model.prior
    (m1, m2), (s1, s2), r = prior.mean, prior.sd, prior.correlation
    slope, s_u = r * s1 / s2, s1 * sqrt(1 - r**2)
    u = m1 + s_u * np.linspace(-WIDE_SD, WIDE_SD, 241)
    b = m2 + s2 * np.linspace(-WIDE_SD, WIDE_SD, 161)
    every_b = np.repeat(b, len(u))
    a = np.tile(u, len(b)) + slope * (every_b - m2)
    log_p, log_q = model.log_rates(a, every_b)
    table = NodeTable(model.log_prior(a, every_b)[0], np.stack([log_q, log_p], axis=-1))
    mass = table.posterior(_probe(len(model.labels), n_max)).reshape(-1, len(b), len(u))
    ranges = []
    for axis, needed in ((u, mass.sum(axis=1).max(axis=0)), (b, mass.sum(axis=2).max(axis=0))):
        where = np.flatnonzero(needed > negligible)
        ranges.append((float(axis[max(where[0] - 1, 0)]), float(axis[min(where[-1] + 1, len(axis) - 1)])))
    return _Place(slope, (m1, *ranges[0]), (m2, *ranges[1]), STRETCH * s_u, STRETCH * s2)


def _laid_out(place: _Place, size: tuple[int, int]) -> Part:
    (centre_u, low_u, high_u), (centre_b, low_b, high_b) = place.u, place.b
    t_u = np.linspace(asinh((low_u - centre_u) / place.scale_u), asinh((high_u - centre_u) / place.scale_u), size[0])
    t_b = np.linspace(asinh((low_b - centre_b) / place.scale_b), asinh((high_b - centre_b) / place.scale_b), size[1])
    u, b = centre_u + place.scale_u * np.sinh(t_u), centre_b + place.scale_b * np.sinh(t_b)
    tilt = place.slope * (b - centre_b)
    area = log(place.scale_u * (t_u[1] - t_u[0]) * place.scale_b * (t_b[1] - t_b[0]))
    log_cell = (np.log(np.cosh(t_u)) + np.log(np.cosh(t_b))[:, None]).ravel() + area
    return Part((u + tilt[:, None]).ravel(), np.repeat(b, len(u)), t_u, centre_u, place.scale_u, tilt, log_cell)


def _table(model: TwoParameterModel, part: Part, component: int) -> NodeTable:
    """Return the nodes of one component, with its weight."""
    log_p, log_q = model.log_rates(part.a, part.b)
    log_prior = model.log_prior(part.a, part.b)[component]
    return NodeTable(log_prior + part.log_cell, np.stack([log_q, log_p], axis=-1))


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
