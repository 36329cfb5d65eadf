"""The model of escalation with overdose control: a logistic curve through the rate at the lowest dose and the MTD.

Babb J, Rogatko A, Zacks S (1998). Cancer phase I clinical trials: efficient dose escalation with overdose control. Stat Med
17:1103-1120.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from escalate.core.arrays import FloatArray, IntArray, Mask
from escalate.core.belief import Belief
from escalate.core.errors import NotConverged
from escalate.core.tally import Tally
from escalate.models.ewoc_grid import Grid, edges_of, lay_out

LADDER = ((16, 8), (32, 16))
"""Nodes of the rate, and of a panel of the MTD, with which states far enough from any cut-off are decided."""
RATE_SIZES = (48, 64, 96, 128, 192, 256, 384)
MTD_SIZES = (12, 16, 24, 32, 48, 64)
TOLERANCE = 5e-7
"""Largest change of Pr(MTD < break) and of a mean when the number of nodes is raised by half."""
LAYERS = (8.0, 1.0, 0.125)
"""Values of log(theta / rho) whose cuts are edges of panels: Pr(p > limit) changes fast there where the limit is near theta."""


@dataclass(frozen=True)
class EwocModel:
    """logit p(x) = logit rho + (logit theta - logit rho) x / gamma, with x = 0 at the lowest dose.

    Parameters
    ----------
    target
        theta, the DLT rate at the MTD gamma.
    positions
        x of the doses, increasing from 0; J of them.
    reach
        The largest value gamma can have, at least the last position.
    rate_prior, mtd_prior
        a and b, at least 1, of the Beta distributions of rho / theta and of gamma / reach.
    breaks
        Where else than at the doses Pr(gamma < x) is asked for.
    """

    target: float
    positions: tuple[float, ...]
    reach: float = 1.0
    rate_prior: tuple[float, float] = (1.0, 1.0)
    mtd_prior: tuple[float, float] = (1.0, 1.0)
    breaks: tuple[float, ...] = ()

    @property
    def log_odds(self) -> float:
        """Logit of the target."""
        return float(np.log(self.target / (1 - self.target)))

    def grid(self, sizes: tuple[int, int]) -> Grid:
        """Return the prior at so many nodes."""
        return _laid_out(self, sizes)

    def fine(self, n_max: int) -> Grid:
        """Return the prior at as many nodes as tallies of up to n_max patients need."""
        return self.grid(_fine_sizes(self, n_max))

    def error(self, sizes: tuple[int, int], n_max: int) -> float:
        """Return how far Pr(gamma < break) and E[gamma] can be off at so many nodes, with a margin of two."""
        return _error(self, sizes, n_max)

    def rates(self, rate: FloatArray, mtd: FloatArray) -> FloatArray:
        """Return p at each dose, shape (..., J), for rho and gamma of shape (...)."""
        lowest = np.log(rate / (1 - rate))[..., None]
        eta = lowest + (self.log_odds - lowest) * np.asarray(self.positions) / mtd[..., None]
        # tanh: the logistic function without overflow.
        found: FloatArray = 0.5 * (1 + np.tanh(eta / 2))
        return found

    def mtd_below(self, grid: Grid, tally: Tally, breaks: FloatArray) -> FloatArray:
        """Return Pr(gamma < break | data) and, last, E[gamma | data]; shape (S, B + 1)."""
        asked = np.column_stack([grid.below(breaks), grid.all_mtds])
        return grid.nodes.expect(tally, asked)

    def belief(self, tally: Tally, n_max: int) -> EwocBelief:
        """Return the posterior of tallies of up to n_max patients."""
        return EwocBelief(self, tally, self.fine(n_max))


@cache
def _laid_out(model: EwocModel, sizes: tuple[int, int]) -> Grid:
    edges = edges_of((*model.positions, *model.breaks), model.reach)
    return lay_out(model.target, model.positions, edges, (model.rate_prior, model.mtd_prior), sizes)


@cache
def _fine_sizes(model: EwocModel, n_max: int) -> tuple[int, int]:
    """Return the fewest nodes whose answers do not change with more."""
    probe = probes(len(model.positions), n_max)

    def settled(sizes: tuple[int, int], better: tuple[int, int]) -> bool:
        found = (_answers(model, model.grid(size), probe) for size in (sizes, better))
        return bool(np.abs(np.subtract(*found)).max() < TOLERANCE)

    few = next((n for n in RATE_SIZES if settled((n, 8), (3 * n // 2, 8))), None)
    many = next((m for m in MTD_SIZES if few and settled((few, m), (few, 3 * m // 2))), None)
    if not few or not many:
        raise NotConverged(
            f"method.prior: the posterior of {n_max} patients is too narrow for {RATE_SIZES[-1]} x {MTD_SIZES[-1]} nodes; use "
            "fewer patients or a prior less extreme"
        )
    return few, many


@cache
def _error(model: EwocModel, sizes: tuple[int, int], n_max: int) -> float:
    probe = probes(len(model.positions), n_max)
    off = _answers(model, model.grid(sizes), probe) - _answers(model, model.fine(n_max), probe)
    return 2 * float(np.abs(off).max())


def _answers(model: EwocModel, grid: Grid, probe: Tally) -> FloatArray:
    edges = grid.edges[1:-1]
    return np.column_stack(
        [model.mtd_below(grid, probe, edges), grid.nodes.expect(probe, model.rates(grid.all_rates, grid.all_mtds))]
    )


def probes(n_doses: int, n_max: int) -> Tally:
    """Return tallies at the edges of what a trial can see: one dose alone, two neighbours, or all, with few or many DLTs."""
    half, third = n_max // 2, n_max // 3

    def row(*cohorts: tuple[int, int, int]) -> IntArray:
        counts = np.zeros((n_doses, 2), dtype=np.int64)
        for dose, free, dlt in cohorts:
            counts[dose] += free, dlt
        return counts

    ends = sorted({0, 1, n_doses - 1})
    rows = [row((dose, n_max - half, half)) for dose in range(n_doses)]
    rows += [row((dose, *(pair))) for dose in ends for pair in ((n_max, 0), (0, n_max), (0, 1))]
    rows += [row((dose - 1, n_max - third, 0), (dose, 0, third)) for dose in range(1, n_doses)]
    rows += [np.tile(pair, (n_doses, 1)) for pair in ((0, max(1, n_max // n_doses)), (max(1, n_max // n_doses), 0))]
    return Tally(np.stack(rows))


@dataclass(frozen=True, eq=False)
class EwocBelief(Belief):
    """The posterior of the EWOC model on a grid of nodes."""

    model: EwocModel
    tally: Tally
    grid: Grid

    def mean(self) -> FloatArray:
        """Return E[p_j | data]."""
        return self.grid.nodes.expect(self.tally, self.model.rates(self.grid.all_rates, self.grid.all_mtds))

    def plug_in(self) -> FloatArray:
        """Return p_j at the posterior means of rho and gamma."""
        found = self.grid.nodes.expect(self.tally, np.column_stack([self.grid.all_rates, self.grid.all_mtds]))
        return self.model.rates(found[:, 0], found[:, 1])

    def variance(self) -> FloatArray:
        """Return Var(p_j | data), from the nodes."""
        rates = self.model.rates(self.grid.all_rates, self.grid.all_mtds)
        return np.maximum(self.grid.nodes.expect(self.tally, rates**2) - self.mean() ** 2, 0.0)

    def prob_above(self, limit: float) -> FloatArray:
        """Return Pr(p_j > limit | data): for each gamma the rates rho on one side of a cut."""
        model, distance = self.model, self.model.log_odds - float(np.log(limit / (1 - limit)))
        # The cuts of `LAYERS` become edges of panels.
        edges = [x / (1 - distance / s) for x in model.positions for s in LAYERS if distance < s]
        grid = self.grid if distance == 0 else replace(model, breaks=tuple(edges)).grid(self.grid.sizes)
        cut, above = self._cuts(grid, np.full(len(model.positions), limit))
        below = grid.rate_below(cut).transpose(0, 2, 1)
        asked = np.where(above[:, None, :], 1 - below, below).reshape(grid.nodes.size, -1)
        return np.clip(grid.nodes.expect(self.tally, asked), 0.0, 1.0)

    def quantile(self, probability: float) -> FloatArray:
        """Return the quantile of p_j, by bisection of the logit then by secants."""
        return np.stack([self._quantile(row, probability) for row in self.grid.nodes.posterior(self.tally)])

    def mtd_quantile(self, probability: float) -> FloatArray:
        """Return the posterior quantile of gamma, shape (S,)."""
        weights = self.grid.nodes.posterior(self.tally)
        return np.array([self.grid.mtd_quantile(row, probability) for row in weights])

    def mtd_mean(self) -> FloatArray:
        """Return E[gamma | data], shape (S,)."""
        return self.grid.nodes.expect(self.tally, self.grid.all_mtds[:, None])[:, 0]

    def prob_mtd_below(self, breaks: FloatArray) -> FloatArray:
        """Return Pr(gamma < break | data) for any breaks, shape (S, B): the panels end where the breaks are."""
        model = replace(self.model, breaks=(*self.model.breaks, *(float(x) for x in breaks)))
        return model.mtd_below(model.grid(self.grid.sizes), self.tally, breaks)[:, :-1]

    def log_evidence(self) -> FloatArray:
        """Return the log probability of the outcomes, patient by patient, averaged over the prior; shape (S,)."""
        return self.grid.nodes.log_evidence(self.tally)

    def _cuts(self, grid: Grid, limits: FloatArray) -> tuple[FloatArray, Mask]:
        """Return log(rho / theta) where p_j is the limit, and whether p_j > limit above it or below it; shape (M, J)."""
        ratio = np.asarray(self.model.positions) / grid.mtd[:, None]
        cut = (np.log(limits / (1 - limits)) - self.model.log_odds * ratio) / np.where(ratio == 1, 1e-300, 1 - ratio)
        return -np.logaddexp(0.0, -cut) - np.log(self.model.target), ratio < 1

    def _quantile(self, weight: FloatArray, probability: float) -> FloatArray:
        grid = self.grid
        masses = weight.reshape(len(grid.mtd), len(grid.rate))
        total = masses.sum(axis=1)[:, None]

        def excess(logit: FloatArray) -> FloatArray:
            cut, above = self._cuts(grid, 1 / (1 + np.exp(-logit)))
            below = np.einsum("mjk,mk->mj", grid.rate_below(cut), masses)
            found: FloatArray = np.where(above, below, total - below).sum(axis=0) - probability
            return found

        low, high = np.full(len(self.model.positions), -32.0), np.full(len(self.model.positions), 32.0)
        at_low, at_high = np.full_like(low, -probability), np.full_like(high, 1 - probability)
        for step in range(17):
            # Halving first, then the secant, which is kept away from the ends.
            share = 0.5 if step < 8 else np.clip(at_low / (at_low - at_high), 0.02, 0.98)
            middle = low + share * (high - low)
            value = excess(middle)
            smaller = value < 0
            low, high = np.where(smaller, middle, low), np.where(smaller, high, middle)
            at_low, at_high = np.where(smaller, value, at_low), np.where(smaller, at_high, value)
        middle = low + np.clip(at_low / (at_low - at_high), 0.0, 1.0) * (high - low)
        return 1 / (1 + np.exp(-middle))
