"""A one-parameter model laid out at nodes, as many as its estimates need."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from escalate.core.arrays import FloatArray
from escalate.core.errors import NotConverged
from escalate.core.tally import Tally
from escalate.models.nodes import NodeTable
from escalate.models.stretch import Stretch

if TYPE_CHECKING:
    from escalate.models.one_parameter import OneParameterModel

TOLERANCE = 1e-9
"""Largest change of an estimate of p when the number of nodes is doubled."""
TOLERANCE_TAIL = 1e-6
"""Largest change of an interval probability."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Nodes equally spaced in t, with beta a stretch of t: the trapezoid rule converges exponentially there."""

    beta: FloatArray
    t: FloatArray
    stretch: Stretch
    nodes: NodeTable

    @property
    def theta(self) -> FloatArray:
        """exp(beta), shape (K,)."""
        theta: FloatArray = np.exp(np.clip(self.beta, -300.0, 300.0))
        return theta

    def mass_below(self, limits: FloatArray) -> FloatArray:
        """Return the weight of each node in Pr(beta < limit), shape (K, M) for M limits.

        Notes
        -----
        Sinc indefinite integration (Stenger 1993): 1/2 + Si(pi (t - t_k) / h) / pi. A 0/1 indicator at the nodes would be
        wrong in the second digit.
        """
        from scipy.special import sici  # noqa: PLC0415 - only probabilities need it; estimates start faster without

        h = self.t[1] - self.t[0]
        steps = np.pi * (self.stretch.t_at(limits) - self.t[:, None]) / h
        weight: FloatArray = 0.5 + sici(steps)[0] / np.pi
        return weight


@cache
def grid_of(model: OneParameterModel, n_max: int, tails: bool) -> Grid:
    """Return the smallest grid whose estimates do not change when it is refined.

    Raises
    ------
    NotConverged
        Where the largest grid does not suffice.
    """
    probe = _probe(len(model.skeleton), n_max)
    for size in (48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048):
        coarse, fine = _laid_out(model, size, n_max), _laid_out(model, 2 * size, n_max)
        means = [grid.nodes.expect(probe, grid.beta[:, None])[:, 0] for grid in (coarse, fine)]
        means_p = [grid.nodes.expect(probe, model.rates(grid.beta)) for grid in (coarse, fine)]
        plug_in = [means[0], means[1]]
        if model.prior.on_theta:
            plug_in = [np.log(grid.nodes.expect(probe, grid.theta[:, None])[:, 0]) for grid in (coarse, fine)]
        changed = np.abs(model.rates(plug_in[0]) - model.rates(plug_in[1])).max()
        settled = max(changed, np.abs(means_p[0] - means_p[1]).max()) < TOLERANCE
        if settled and tails:
            below = [grid.nodes.expect(probe, grid.mass_below(means[1][::7])) for grid in (coarse, fine)]
            settled = bool(np.abs(below[0] - below[1]).max() < TOLERANCE_TAIL)
        if settled:
            return coarse
    raise NotConverged(
        f"method.{model.prior.field}: {model.prior.described()} with this skeleton gives a posterior that {size} nodes cannot "
        "resolve; use a prior and a skeleton less extreme"
    )


@cache
def fine_grid_of(model: OneParameterModel, n_max: int, tails: bool = False) -> Grid:
    """Return a grid of twice as many nodes as estimates (or interval probabilities) need.

    Half the spacing squares the error of the trapezoid rule: 1e-9 in an estimate becomes 1e-12 or less in the evidence.
    """
    return _laid_out(model, 2 * grid_of(model, n_max, tails).nodes.size, n_max)


def _laid_out(model: OneParameterModel, size: int, n_max: int) -> Grid:
    pull = n_max * max(-np.log(model.skeleton[0]), -np.log1p(-model.skeleton[-1]))
    slope = n_max * float(np.abs(model.labels).max())
    stretch = model.prior.stretch(model.centre, model.saturated, float(pull), slope)
    t = np.linspace(*stretch.ends, size)
    beta = stretch.beta(t)
    log_prior = model.prior.log_density(beta) + stretch.log_slope(t)
    log_p, log_q = model.log_rates(beta)
    # A rate of exactly 1 would give 0 * -inf for a dose nobody had.
    log_outcome = np.stack([np.maximum(log_q, -1e300), np.maximum(log_p, -1e300)], axis=-1)
    return Grid(beta, t, stretch, NodeTable(log_prior, log_outcome))


def _probe(n_doses: int, n_max: int) -> Tally:
    """Return tallies at the edges of what a trial can see: one dose alone, or all of them, with few or many DLTs."""
    n, dlt = [np.zeros(n_doses, dtype=np.int64)], [np.zeros(n_doses, dtype=np.int64)]
    sizes = sorted({1, min(3, n_max), max(1, n_max // 2), n_max})
    for dose in range(n_doses):
        for size in sizes:
            for events in sorted({0, 1, size // 3, size - 1, size}):
                n.append(np.eye(n_doses, dtype=np.int64)[dose] * size)
                dlt.append(np.eye(n_doses, dtype=np.int64)[dose] * events)
    for size in sizes:
        each = np.full(n_doses, max(1, size // n_doses))
        n += [each, each, each]
        dlt += [np.zeros_like(each), np.arange(n_doses) * each // n_doses, each]
    return Tally.of(np.array(n), np.array(dlt))
