"""One-parameter dose-toxicity models: power and logistic, with a normal prior on beta = log theta.

Cheung YK (2011). Dose Finding by the Continual Reassessment Method. Chapman & Hall/CRC.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias

import numpy as np

from escalate.core.arrays import FloatArray
from escalate.core.belief import Belief
from escalate.core.errors import NotConverged
from escalate.core.tally import Tally
from escalate.models.nodes import NodeTable

Form: TypeAlias = Literal["power", "logistic"]

RANGE_SD = 9.0
"""Nodes span at least this many prior standard deviations either side: truncation, not spacing, limits the accuracy."""
SATURATED = 10.0
"""Beyond this beta, or further for labels near 0, the rates are 0 or 1: data can pull the posterior no further."""
STRETCH = 1.5
TOLERANCE = 1e-9
"""Largest change of an estimate of p when the number of nodes is doubled."""
TOLERANCE_TAIL = 1e-6
"""Largest change of an interval probability."""


@dataclass(frozen=True)
class OneParameterModel:
    """P(DLT at dose j) = F(x_j; theta), decreasing in beta = log theta, with labels x_j from the skeleton at theta = 1.

    Parameters
    ----------
    form
        `power`: s_j ** theta. `logistic`: expit(intercept + theta x_j), x_j = logit(s_j) - intercept < 0.
    skeleton
        Prior guesses of the DLT rates, increasing, J of them.
    prior_sd
        Standard deviation of beta ~ N(0, prior_sd^2).
    intercept
        Of the logistic form.
    """

    form: Form
    skeleton: tuple[float, ...]
    prior_sd: float
    intercept: float = 3.0

    @property
    def labels(self) -> FloatArray:
        """x_j: log skeleton (power), or logit(skeleton) - intercept (logistic); shape (J,)."""
        s = np.asarray(self.skeleton)
        return np.log(s) if self.form == "power" else np.log(s / (1 - s)) - self.intercept

    @property
    def saturated(self) -> float:
        """Size of beta beyond which every rate is 0 or 1 to 20 digits."""
        return max(SATURATED, float(np.log((50 + abs(self.intercept)) / np.abs(self.labels).min())))

    def log_rates(self, beta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return log p and log(1 - p), each of shape (..., J) for beta of shape (...)."""
        theta = _theta(beta)
        if self.form == "power":
            log_p = theta * self.labels
            return log_p, np.log(-np.expm1(log_p))
        eta = self.intercept + theta * self.labels
        return -np.logaddexp(0.0, -eta), -np.logaddexp(0.0, eta)

    def rates(self, beta: FloatArray) -> FloatArray:
        """Return p at each dose; shape (..., J)."""
        eta = _theta(beta) * self.labels
        # tanh: the logistic function without overflow.
        return np.exp(eta) if self.form == "power" else 0.5 * (1 + np.tanh((self.intercept + eta) / 2))

    def beta_at(self, limit: float) -> FloatArray:
        """Return beta at which p_j equals the limit; -inf where p_j is below it whatever beta; shape (J,)."""
        if self.form == "power":
            return np.log(np.log(limit) / self.labels)
        theta = (np.log(limit / (1 - limit)) - self.intercept) / self.labels
        return np.where(theta > 0, np.log(np.maximum(theta, 1e-300)), -np.inf)

    # --- the posterior -------------------------------------------------------------------------------------------------

    def table(self, n_max: int, *, tails: bool = False) -> Grid:
        """Return the prior at as many nodes as estimates (or interval probabilities) from up to n_max patients need."""
        return _grid(self, n_max, tails)

    def mean_beta(self, tally: Tally, n_max: int) -> FloatArray:
        """Return E[beta | data], shape (S,)."""
        grid = self.table(n_max)
        return grid.nodes.expect(tally, grid.beta[:, None])[:, 0]

    def mean_rates(self, tally: Tally, n_max: int) -> FloatArray:
        """Return E[p_j | data], shape (S, J)."""
        grid = self.table(n_max)
        return grid.nodes.expect(tally, self.rates(grid.beta))

    def prob_above(self, tally: Tally, limit: float, n_max: int) -> FloatArray:
        """Return Pr(p_j > limit | data) = Pr(beta < b_j | data), shape (S, J)."""
        grid = self.table(n_max, tails=True)
        return np.clip(grid.nodes.expect(tally, grid.mass_below(self.beta_at(limit))), 0.0, 1.0)

    def beta_quantile(self, tally: Tally, probability: float, n_max: int) -> FloatArray:
        """Return the posterior quantile of beta, shape (S,), by bisection to 1e-12."""
        grid = self.table(n_max, tails=True)
        weight = grid.nodes.posterior(tally)
        low = np.full(len(tally), grid.beta[0])
        high = np.full(len(tally), grid.beta[-1])
        for _ in range(60):
            middle = (low + high) / 2
            below = np.einsum("sk,ks->s", weight, grid.mass_below(middle)) < probability
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return (low + high) / 2

    def log_evidence(self, tally: Tally, n_max: int) -> FloatArray:
        """Return the log probability of the outcomes, patient by patient, averaged over the prior; shape (S,)."""
        return _fine_grid(self, n_max).nodes.log_evidence(tally)

    # --- maximum likelihood --------------------------------------------------------------------------------------------

    def score(self, tally: Tally, beta: FloatArray) -> FloatArray:
        """Return the derivative of the log likelihood in theta, shape (S,); it decreases in theta."""
        x, dlt, free = self.labels, tally.dlt, tally.n - tally.dlt
        p = self.rates(beta)
        if self.form == "power":
            return (dlt * x - free * x * p / np.maximum(1 - p, 1e-300)).sum(axis=1)
        return (dlt * x * (1 - p) - free * x * p).sum(axis=1)

    def mle(self, tally: Tally) -> FloatArray:
        """Return the maximum likelihood estimate of beta, shape (S,); without both outcomes it is a bound, `saturated`."""
        low, high = np.full(len(tally), -self.saturated), np.full(len(tally), self.saturated)
        for _ in range(60):
            middle = (low + high) / 2
            rising = self.score(tally, middle) > 0
            low, high = np.where(rising, middle, low), np.where(rising, high, middle)
        return (low + high) / 2

    def information(self, tally: Tally, beta: FloatArray) -> FloatArray:
        """Return the observed information about beta at the estimate, shape (S,)."""
        h = 1e-4
        slope = [self.score(tally, beta + step) * np.exp(beta + step) for step in (-h, h)]
        return (slope[0] - slope[1]) / (2 * h)


def _theta(beta: FloatArray) -> FloatArray:
    # Beyond +-300 the rates are 0 and 1 in any case; exp(300) keeps the products finite.
    theta: FloatArray = np.exp(np.clip(beta, -300.0, 300.0))
    return theta[..., None]


@dataclass(frozen=True, eq=False)
class Grid:
    """Nodes beta_k = a sinh(t_k), equally spaced in t: the trapezoid rule converges exponentially there."""

    beta: FloatArray
    t: FloatArray
    scale: float
    nodes: NodeTable

    def mass_below(self, limits: FloatArray) -> FloatArray:
        """Return the weight of each node in Pr(beta < limit), shape (K, M) for M limits.

        Notes
        -----
        Sinc indefinite integration (Stenger 1993): 1/2 + Si(pi (t - t_k) / h) / pi. A 0/1 indicator at the nodes would be
        wrong in the second digit.
        """
        from scipy.special import sici  # noqa: PLC0415 - only probabilities need it; estimates start faster without

        h = self.t[1] - self.t[0]
        finite = np.where(np.isfinite(limits), limits, self.beta[0] * 2)
        steps = np.pi * (np.arcsinh(finite / self.scale) - self.t[:, None]) / h
        weight: FloatArray = 0.5 + sici(steps)[0] / np.pi
        return np.where(np.isfinite(limits), weight, 0.0)


@cache
def _grid(model: OneParameterModel, n_max: int, tails: bool) -> Grid:
    """Return the smallest grid whose estimates do not change when it is refined."""
    probe = _probe(len(model.skeleton), n_max)
    for size in (48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048):
        coarse, fine = _laid_out(model, size, n_max), _laid_out(model, 2 * size, n_max)
        means = [grid.nodes.expect(probe, grid.beta[:, None])[:, 0] for grid in (coarse, fine)]
        means_p = [grid.nodes.expect(probe, model.rates(grid.beta)) for grid in (coarse, fine)]
        plug_in = np.abs(model.rates(means[0]) - model.rates(means[1])).max()
        settled = max(plug_in, np.abs(means_p[0] - means_p[1]).max()) < TOLERANCE
        if settled and tails:
            below = [grid.nodes.expect(probe, grid.mass_below(means[1][::7])) for grid in (coarse, fine)]
            settled = bool(np.abs(below[0] - below[1]).max() < TOLERANCE_TAIL)
        if settled:
            return coarse
    raise NotConverged(
        f"method.prior_sd: {model.prior_sd:g} with this skeleton gives a posterior that {size} nodes cannot resolve; use a "
        "prior and a skeleton less extreme"
    )


@cache
def _fine_grid(model: OneParameterModel, n_max: int) -> Grid:
    # Half the spacing squares the error of the trapezoid rule: 1e-9 in an estimate becomes 1e-12 or less in the evidence.
    return _laid_out(model, 2 * _grid(model, n_max, False).nodes.size, n_max)


def _laid_out(model: OneParameterModel, size: int, n_max: int) -> Grid:
    # All data against a narrow prior: each patient can add this much to the log likelihood, at (deviations)^2 / 2 of the prior.
    pull = n_max * max(-np.log(model.skeleton[0]), -np.log1p(-model.skeleton[-1]))
    furthest = min((RANGE_SD + np.sqrt(2 * pull)) * model.prior_sd, max(RANGE_SD * model.prior_sd, model.saturated))
    reach = np.arcsinh(furthest / STRETCH)
    t = np.linspace(-reach, reach, size)
    beta = STRETCH * np.sinh(t)
    log_prior = -0.5 * (beta / model.prior_sd) ** 2 + np.log(np.cosh(t))
    log_p, log_q = model.log_rates(beta)
    # A rate of exactly 1 would give 0 * -inf for a dose nobody had.
    log_outcome = np.stack([np.maximum(log_q, -1e300), np.maximum(log_p, -1e300)], axis=-1)
    return Grid(beta, t, STRETCH, NodeTable(log_prior, log_outcome))


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


@dataclass(frozen=True, eq=False)
class OneParameterBelief(Belief):
    """The posterior of a one-parameter model."""

    model: OneParameterModel
    tally: Tally
    n_max: int

    def mean(self) -> FloatArray:
        """Return E[p_j | data]."""
        return self.model.mean_rates(self.tally, self.n_max)

    def plug_in(self) -> FloatArray:
        """Return p_j at E[beta | data]."""
        return self.model.rates(self.model.mean_beta(self.tally, self.n_max))

    def prob_above(self, limit: float) -> FloatArray:
        """Return Pr(p_j > limit | data)."""
        return self.model.prob_above(self.tally, limit, self.n_max)

    def quantile(self, probability: float) -> FloatArray:
        """Return the quantile of p_j: p_j falls as beta rises."""
        return self.model.rates(self.model.beta_quantile(self.tally, 1 - probability, self.n_max))
