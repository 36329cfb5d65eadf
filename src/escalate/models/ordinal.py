"""The ordinal logistic model: logit Pr(outcome is at least grade k) = alpha_k + exp(b) x, alpha_1 > alpha_2 > .., one slope.

Van Meter EM, Garrett-Mayer E, Bandyopadhyay D (2011). Proportional odds model for dose-finding clinical trial designs with
ordinal toxicity grading. Stat Med 30:2070-2080.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from escalate.core.arrays import FloatArray, IntArray
from escalate.core.belief import Belief
from escalate.core.tally import Tally
from escalate.models.ordinal_grid import CARRIED, FINE, Axis, Grid, Level, downward, grid_of, upward

Likelihood: TypeAlias = Literal["cumulative", "bernoulli_products"]
_Weights: TypeAlias = Callable[[Grid, int, int], FloatArray]

BLOCK = 1 << 18
"""Numbers of a block of masses."""


@dataclass(frozen=True)
class OrdinalModel:
    """Pr(outcome at dose j is at least grade k) = expit(alpha_k + exp(b) x_j), k = 1..G; grade G is the DLT.

    Parameters
    ----------
    labels
        x_j, the log of each dose over the reference dose, increasing, J of them.
    mean, sd
        Of the intercepts: alpha_1 ~ N(m_1, s_1^2); alpha_k given alpha_(k-1) ~ N(m_k, s_k^2) cut off at alpha_(k-1) and made
        whole again; G of each.
    log_slope
        Mean and standard deviation of b, the log of the common slope.
    likelihood
        `cumulative`: each patient has one outcome, a multinomial. `bernoulli_products`: each patient counts once a grade, as if
        "at least grade k" were seen in G different patients (crmPack).
    """

    labels: tuple[float, ...]
    mean: tuple[float, ...]
    sd: tuple[float, ...]
    log_slope: tuple[float, float]
    likelihood: Likelihood = "cumulative"

    @property
    def n_grades(self) -> int:
        """G, the number of intercepts."""
        return len(self.mean)

    def events(self, counts: IntArray) -> tuple[IntArray, IntArray, IntArray]:
        """Return how often each factor of the likelihood occurs, for counts of shape (S, J, C).

        Returns
        -------
        tuple
            Exponents of p_k and of 1 - p_k at each dose, each (S, G, J), and of 1 - exp(alpha_(k+1) - alpha_k), (S, G - 1).

        Notes
        -----
        Between two grades lies p_k - p_(k+1) = p_k (1 - p_(k+1)) (1 - exp(alpha_(k+1) - alpha_k)).
        """
        by_category = counts.transpose(0, 2, 1)
        if self.likelihood == "cumulative":
            return by_category[:, 1:], by_category[:, :-1], by_category[:, 1:-1].sum(axis=2)
        at_least = by_category[:, ::-1].cumsum(axis=1)[:, ::-1]
        none = np.zeros((len(counts), self.n_grades - 1), dtype=np.int64)
        return at_least[:, 1:], at_least[:, :1] - at_least[:, 1:], none

    def belief(self, tally: Tally, n_max: int, level: Level = FINE) -> OrdinalBelief:
        """Return the posterior of tallies of up to n_max patients, on nodes of the level asked for."""
        return OrdinalBelief(self, tally, grid_of(self, n_max, level), self.n_grades - 1)

    def log_evidence(self, tally: Tally, n_max: int) -> FloatArray:
        """Return the log probability of the outcomes, patient by patient, averaged over the prior; shape (S,).

        Notes
        -----
        Of the multinomial, whatever the likelihood: products over grades are no probabilities of outcomes.
        """
        model = replace(self, likelihood="cumulative")
        none = Tally(np.zeros((1, *tally.counts.shape[1:]), dtype=np.int64))
        both = [model.belief(each, n_max).log_total() for each in (none, tally)]
        return both[1] - both[0]


@dataclass(frozen=True, eq=False)
class OrdinalBelief(Belief):
    """The posterior of Pr(at least one grade), the DLT unless asked otherwise with `of`.

    Parameters
    ----------
    grade
        0-based: 0 is the mildest grade that counts, G - 1 the DLT.
    """

    model: OrdinalModel
    tally: Tally
    grid: Grid
    grade: int

    def of(self, grade: int) -> OrdinalBelief:
        """Return the posterior of Pr(at least this grade), 0-based."""
        return replace(self, grade=grade)

    def mean(self) -> FloatArray:
        """Return E[p_j | data]."""
        return self._expect(self.grid.rates(self.grade))

    def plug_in(self) -> FloatArray:
        """Return p_j at the posterior means of the parameters."""
        mean = self.parameters()[0]
        eta = mean[:, :1] + np.exp(mean[:, 1:]) * np.asarray(self.model.labels)
        rate: FloatArray = 0.5 * (1 + np.tanh(eta / 2))
        return rate

    def prob_above(self, limit: float) -> FloatArray:
        """Return Pr(p_j > limit | data)."""
        return self.probs_above([limit])[0]

    def probs_above(self, limits: Sequence[float]) -> FloatArray:
        """Return Pr(p_j > limit | data) of several limits."""
        logits = np.log([limit / (1 - limit) for limit in limits])
        share = self._axis.share_above(logits[:, None, None] - self.grid.slopes)
        found = self._expect(np.moveaxis(share, (1, 3), (0, 1)).reshape(*share.shape[1::2], -1))
        return np.clip(found.reshape(len(self.tally), len(limits), -1).transpose(1, 0, 2), 0.0, 1.0)

    def quantile(self, probability: float) -> FloatArray:
        """Return the quantile of p_j."""
        each = (mass for masses, _ in self._masses() for mass in masses)
        return np.stack([self._quantiles(mass / mass.sum(), probability) for mass in each])

    def parameters(self) -> tuple[FloatArray, FloatArray]:
        """Return posterior means and standard deviations of (alpha of this grade, b), each (S, 2)."""
        alpha, b = np.broadcast_arrays(self._axis.nodes, self.grid.log_beta[:, None])
        found = self._expect(np.stack([alpha, b, alpha**2, b**2], axis=-1))
        return found[:, :2], np.sqrt(np.maximum(found[:, 2:] - found[:, :2] ** 2, 0.0))

    def log_total(self) -> FloatArray:
        """Return the log of the total mass, shape (S,)."""
        parts = [offset + np.log(mass.sum(axis=(1, 2))) for mass, offset in self._masses()]
        return np.concatenate(parts)

    @property
    def _axis(self) -> Axis:
        return self.grid.axes[self.grade]

    def _expect(self, functionals: FloatArray) -> FloatArray:
        """Return posterior expectations of M functions given at the nodes, (B, K, M); shape (S, M)."""
        flat = np.column_stack([functionals.reshape(-1, functionals.shape[-1]), np.ones(functionals[..., 0].size)])
        sums = np.concatenate([mass.reshape(len(mass), -1) @ flat for mass, _ in self._masses()])
        return sums[:, :-1] / sums[:, -1:]

    def _quantiles(self, mass: FloatArray, probability: float) -> FloatArray:
        """Return the quantiles of one state, (J,), given the masses of its nodes, (B, K): bisection, then Newton's steps."""
        axis, slopes = self._axis, self.grid.slopes
        cumulative = np.cumsum(mass, axis=1)
        row = np.arange(len(mass))[:, None]
        low, high = np.full(slopes.shape[1], -60.0), np.full(slopes.shape[1], 60.0)
        for _ in range(40):
            middle = (low + high) / 2
            # Each node's mass spread evenly over its cell.
            at = np.clip((middle - slopes) / axis.step - axis.first + 0.5, 0.0, mass.shape[1])
            cell = np.minimum(at.astype(np.int64), mass.shape[1] - 1)
            below = (cumulative[row, cell] - (1 - (at - cell)) * mass[row, cell]).sum(axis=0) < probability
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        found = (low + high) / 2
        for _ in range(3):
            cuts = found - slopes
            off = 1 - np.einsum("bk,bjk->j", mass, axis.share_above(cuts)) - probability
            density = np.einsum("bk,bjk->j", mass, axis.density(cuts))
            found = found - np.clip(off / np.maximum(density, 1e-12), -axis.step, axis.step)
        rate: FloatArray = 0.5 * (1 + np.tanh(found / 2))
        return rate

    # --- masses of the nodes -------------------------------------------------------------------------------------------

    def _masses(self) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Yield posterior masses of the nodes (log beta, this grade's intercept), (S', B, K), up to a factor exp(offset)."""
        positive, negative, between = self.model.events(self.tally.counts)
        size = len(self.grid.log_beta) * max(len(axis.nodes) for axis in self.grid.axes)
        step = max(1, BLOCK // size)
        for start in range(0, max(len(self.tally), 1), step):
            rows = slice(start, start + step)
            yield _Chain(self.grid, positive[rows], negative[rows], between[rows]).mass(self.grade)


@dataclass(frozen=True, eq=False)
class _Chain:
    """Factors of a block of states along the chain of intercepts."""

    grid: Grid
    positive: IntArray
    negative: IntArray
    between: IntArray

    def mass(self, grade: int) -> tuple[FloatArray, FloatArray]:
        """Return masses (S, B, K) of one intercept and log beta, and the logs of what was divided out, (S,)."""
        grid = self.grid
        found, offset = self.factor(0)
        found *= grid.prior(0)
        for link in range(grade):
            found = self._along(found, link, downward)
            own, more = self.factor(link + 1)
            found *= own
            offset = offset + more
        if grade < self.positive.shape[1] - 1:
            below, more = self._from_below(grade)
            found *= below
            offset = offset + more
        found *= grid.axes[grade].step * np.exp(grid.log_mass)[:, None]
        return found, offset

    def _from_below(self, grade: int) -> tuple[FloatArray, FloatArray]:
        """Return what the intercepts below this one contribute to it."""
        last = self.positive.shape[1] - 1
        found, offset = self.factor(last)
        for link in range(last - 1, grade - 1, -1):
            found *= self.grid.prior(link + 1) ** CARRIED
            found = self._along(found, link, upward)
            if link > grade:
                own, more = self.factor(link)
                found *= own
                offset = offset + more
        return found, offset

    def factor(self, grade: int) -> tuple[FloatArray, FloatArray]:
        """Return the likelihood's factor of one intercept at its nodes, (S, B, K), largest value 1, and the log of that."""
        log_p, log_q = (each.reshape(len(each), -1) for each in self.grid.log_rates[grade])
        found = self.positive[:, grade].astype(np.float64) @ log_p
        found += self.negative[:, grade].astype(np.float64) @ log_q
        largest = found.max(axis=1)
        found -= largest[:, None]
        np.exp(found, out=found)
        return found.reshape(len(found), len(self.grid.log_beta), -1), largest

    def _along(self, factor: FloatArray, link: int, weights: _Weights) -> FloatArray:
        """Return the sums over one intercept, at the nodes of its neighbour."""
        counts = self.between[:, link]
        parts = {n: weights(self.grid, link, n).T for n in np.unique(counts).tolist()}
        found = np.empty((*factor.shape[:2], next(iter(parts.values())).shape[1]))
        for n, matrix in parts.items():
            some = np.flatnonzero(counts == n)
            found[some] = (factor[some].reshape(-1, factor.shape[2]) @ matrix).reshape(len(some), *found.shape[1:])
        return found
