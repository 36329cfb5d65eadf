"""Nodes of an ordinal logistic model, and what joins its intercepts.

Given the slope the intercepts are a chain: each meets the likelihood through a factor of its own and its neighbour through one
more, so that sums over all intercepts are matrix products along the chain. The order alpha_1 > alpha_2 > .. and an interval of p_j
cut an axis in two. On equally spaced nodes a half-line has the weights of sinc indefinite integration (Stenger 1993): all
probabilities are linear in the masses of the nodes, and converge as fast as means do.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from escalate.core.arrays import FloatArray

if TYPE_CHECKING:
    from escalate.models.ordinal import OrdinalModel

PART = 10
"""Points between two nodes at which a factor that joins two intercepts is integrated."""
CARRIED = 0.75
"""Power of the normal density of an intercept that goes with its factor when sums run from the DLT up."""
INFORMED = 24
"""From so many patients on, more patients ask for closer nodes."""


@dataclass(frozen=True)
class Level:
    """How good a grid is.

    Parameters
    ----------
    error
        What the error of a probability stays below in states that a trial can reach; checked on some, and in tests.
    step, slope_step
        Between the nodes of an intercept and of log beta, in units of the smallest standard deviation or of 1, whichever is less.
    tail, pull, furthest
        Nodes go out to z prior standard deviations, where z^2 / 2 = tail + pull x patients: each patient can take the posterior
        that much further. Data that take it beyond `furthest` contradict the prior.
    """

    error: float
    step: float
    slope_step: float
    tail: float
    pull: float
    furthest: float

    def reach(self, n_max: int) -> float:
        """Return how many prior standard deviations the nodes span on either side."""
        return min(float(np.sqrt(2 * (self.tail + self.pull * n_max))), self.furthest)


ROUGH = Level(5e-4, 0.42, 0.45, 7.0, 0.2, 6.0)
CLOSE = Level(5e-5, 0.3, 0.3, 10.0, 0.35, 8.0)
FINE = Level(1e-6, 0.22, 0.2, 15.0, 0.7, 10.0)
FINER = Level(0.0, 0.18, 0.16, 17.0, 0.8, 12.0)
"""Few nodes for most states, more for those whose dose an error could change; the last is what the others are held against."""


@dataclass(frozen=True)
class Axis:
    """Nodes of one intercept: multiples of the step from `first` to `last`. The nodes of all intercepts lie on one lattice."""

    step: float
    first: int
    last: int

    @property
    def nodes(self) -> FloatArray:
        """Shape (K,)."""
        return np.asarray(self.step * np.arange(self.first, self.last + 1), dtype=np.float64)

    def share_above(self, cuts: FloatArray) -> FloatArray:
        """Return what share of each node's weight lies above each cut; shape (..., K) for cuts of shape (...)."""
        from scipy.special import sici  # noqa: PLC0415 - only probabilities need it

        share: FloatArray = 0.5 - sici(np.pi / self.step * (cuts[..., None] - self.nodes))[0] / np.pi
        return share

    def density(self, points: FloatArray) -> FloatArray:
        """Return the derivative of that share, its sign changed; shape (..., K)."""
        found: FloatArray = np.sinc((points[..., None] - self.nodes) / self.step) / self.step
        return found


@dataclass(frozen=True, eq=False)
class Grid:
    """Nodes of log beta, (B,), with their log prior masses, and axes of the intercepts."""

    model: OrdinalModel
    log_beta: FloatArray
    log_mass: FloatArray
    axes: tuple[Axis, ...]
    log_rates: tuple[tuple[FloatArray, FloatArray], ...]
    """For each intercept log p and log(1 - p) by dose, log beta and node, shape (J, B, K)."""

    @property
    def slopes(self) -> FloatArray:
        """exp(b) x_j, shape (B, J)."""
        return np.exp(self.log_beta)[:, None] * np.asarray(self.model.labels)

    def rates(self, grade: int) -> FloatArray:
        """Return Pr(outcome is at least this grade) at the nodes, shape (B, K, J)."""
        return np.exp(np.moveaxis(self.log_rates[grade][0], 0, -1))

    def prior(self, grade: int) -> FloatArray:
        """Return the normal density of an intercept at its nodes, not cut off, shape (K,)."""
        return np.exp(_log_normal(self.axes[grade].nodes, self.model.mean[grade], self.model.sd[grade]))


@lru_cache(maxsize=32)
def grid_of(model: OrdinalModel, n_max: int, level: Level) -> Grid:
    """Return the nodes for tallies of up to n_max patients."""
    z = level.reach(n_max)
    centre, sd = model.log_slope
    half = int(np.ceil(z * sd / (level.slope_step * min(1.0, sd))))
    h = z * sd / half
    log_beta = np.asarray(centre + h * np.arange(-half, half + 1), dtype=np.float64)
    step = level.step * min(1.0, *model.sd, np.sqrt(INFORMED / max(n_max, INFORMED)))
    axes = tuple(_axes(model, step, z))
    slopes = np.exp(log_beta)[:, None] * np.asarray(model.labels)
    log_rates = []
    for axis in axes:
        eta = axis.nodes + slopes.T[:, :, None]
        log_q = -np.logaddexp(0.0, eta)
        log_rates.append((eta + log_q, log_q))
    return Grid(model, log_beta, _log_normal(log_beta, centre, sd) + np.log(h), axes, tuple(log_rates))


def _axes(model: OrdinalModel, step: float, z: float) -> list[Axis]:
    found: list[Axis] = []
    low = high = np.inf
    for mean, sd in zip(model.mean, model.sd, strict=True):
        # Below a neighbour that lies far below its mean an intercept is squeezed: exponential, with this scale.
        squeezed = min(sd, sd**2 / max(mean - low, sd)) if np.isfinite(low) else 0.0
        low = min(mean - z * sd, low - z**2 / 2 * squeezed)
        high = min(mean + z * sd, high)
        found.append(Axis(step, int(np.floor(low / step)), int(np.ceil(high / step))))
    return found


def _log_normal(x: FloatArray, mean: float, sd: float) -> FloatArray:
    found: FloatArray = -0.5 * ((x - mean) / sd) ** 2 - np.log(sd * np.sqrt(2 * np.pi))
    return found


# --- what joins an intercept and the next ----------------------------------------------------------------------------------


@lru_cache(maxsize=512)
def downward(grid: Grid, link: int, patients: int) -> FloatArray:
    """Return the weights that take a factor of intercept `link` to the next: integrals over all above it; shape (K', K).

    Parameters
    ----------
    patients
        How many outcomes lie between the two: each contributes 1 - exp(-distance) beside the two logistic factors.
    """
    upper, lower = grid.axes[link], grid.axes[link + 1]
    x, weights = _between_nodes(upper.step, min(upper.first, lower.first), upper.last)
    joined = _joined(grid.model, link, patients, x[None, :], lower.nodes[:, None])
    found: FloatArray = (joined * weights) @ np.sinc((x[:, None] - upper.nodes) / upper.step)
    return found


@lru_cache(maxsize=512)
def upward(grid: Grid, link: int, patients: int) -> FloatArray:
    """Return the weights that take a factor of intercept `link` + 1 to the one before: integrals over all below; (K, K').

    The factor holds the power `CARRIED` of its normal density: without, it need not fall off and could not be interpolated;
    with all of it, data that pull far below the mean would rest on the last digits.
    """
    upper, lower = grid.axes[link], grid.axes[link + 1]
    y, weights = _between_nodes(lower.step, lower.first, max(upper.last, lower.last))
    joined = _joined(grid.model, link, patients, upper.nodes[:, None], y[None, :], share=1 - CARRIED)
    found: FloatArray = (joined * weights) @ np.sinc((y[:, None] - lower.nodes) / lower.step)
    return found


def _between_nodes(step: float, first: int, last: int) -> tuple[FloatArray, FloatArray]:
    """Return Gauss-Legendre points and weights in each gap of the lattice from `first` to `last`."""
    u, w = np.polynomial.legendre.leggauss(PART)
    points = step * (np.arange(first, last)[:, None] + (1 + u) / 2).ravel()
    return points, np.tile(w * step / 2, last - first)


def _joined(
    model: OrdinalModel, link: int, patients: int, x: FloatArray, y: FloatArray, *, share: float = 1.0
) -> FloatArray:
    """Return the prior density of y given its neighbour x, times (1 - exp(y - x)) ^ patients; 0 where y is not below x.

    Of the normal density of y only the power `share` is there; what makes it whole again is all there.
    """
    from scipy.special import log_ndtr  # noqa: PLC0415 - only a posterior needs it

    mean, sd = model.mean[link + 1], model.sd[link + 1]
    found = share * _log_normal(y, mean, sd) - log_ndtr((x - mean) / sd)
    if patients:
        found = found + patients * np.log(-np.expm1(-np.maximum(x - y, 1e-300)))
    factor: FloatArray = np.where(x > y, np.exp(np.minimum(found, 700.0)), 0.0)
    return factor
