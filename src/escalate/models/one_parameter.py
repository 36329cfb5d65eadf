"""One-parameter dose-toxicity models: power, hyperbolic tangent and logistic, with a prior on theta = exp(beta).

Cheung YK (2011). Dose Finding by the Continual Reassessment Method. Chapman & Hall/CRC.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import log
from typing import Literal, TypeAlias

import numpy as np

from escalate.core.arrays import FloatArray
from escalate.core.belief import Belief
from escalate.core.tally import Tally
from escalate.models.one_parameter_grid import Grid, fine_grid_of, grid_of
from escalate.models.priors_1d import Centre, Prior1d
from escalate.models.weighted_tally import WeightedTally, outcomes_of

Form: TypeAlias = Literal["power", "logistic"]

SCANNED = 201
"""Values of beta among which the largest likelihood is looked for where it may have several peaks."""
SATURATED = 10.0
"""Beyond this distance from the centre, or further for labels near 0, the rates are 0 or 1: data pull no further."""


@dataclass(frozen=True)
class OneParameterModel:
    """P(DLT at dose j) = F(x_j; theta), decreasing in beta = log theta, with labels x_j that give the skeleton at theta_0.

    Parameters
    ----------
    form
        `power`: b_j ** theta, b_j = s_j ** (1 / theta_0). `logistic`: expit(intercept + theta x_j), with
        x_j = (logit(s_j) - intercept) / theta_0 < 0.
    skeleton
        Prior guesses of the DLT rates, increasing, J of them.
    prior
        Of theta.
    intercept
        Of the logistic form.
    labels_at
        Whether theta_0 is the median or the mean of the prior; None for what is usual with it.

    Notes
    -----
    The hyperbolic tangent ((tanh(x_j) + 1) / 2) ** theta with x_j from the skeleton has the same b_j: it is the power model.
    """

    form: Form
    skeleton: tuple[float, ...]
    prior: Prior1d
    intercept: float = 3.0
    labels_at: Centre | None = None

    @cached_property
    def theta_0(self) -> float:
        """Where the model gives the skeleton."""
        return self.prior.theta_at(self.labels_at or self.prior.usual_centre)

    @property
    def centre(self) -> float:
        """Beta at theta_0."""
        return log(self.theta_0)

    @cached_property
    def labels(self) -> FloatArray:
        """x_j: log b_j (power), or (logit(skeleton) - intercept) / theta_0 (logistic); shape (J,)."""
        return self._labels_at_one / self.theta_0

    @property
    def _labels_at_one(self) -> FloatArray:
        s = np.asarray(self.skeleton)
        return np.log(s) if self.form == "power" else np.log(s / (1 - s)) - self.intercept

    @property
    def saturated(self) -> float:
        """Distance of beta from the centre beyond which every rate is 0 or 1 to 20 digits."""
        return max(SATURATED, float(np.log((50 + abs(self.intercept)) / np.abs(self._labels_at_one).min())))

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

    def beta_at(self, limit: float | FloatArray) -> FloatArray:
        """Return beta at which p_j equals the limit; -inf where p_j is below it whatever beta.

        Shape (J,), or (S, J) for limits of shape (S, J).
        """
        if self.form == "power":
            return np.log(np.log(limit) / self.labels)
        theta = (np.log(limit / (1 - limit)) - self.intercept) / self.labels
        return np.where(theta > 0, np.log(np.maximum(theta, 1e-300)), -np.inf)

    # --- the posterior -------------------------------------------------------------------------------------------------

    def table(self, n_max: int, *, tails: bool = False) -> Grid:
        """Return the prior at as many nodes as estimates (or interval probabilities) from up to n_max patients need."""
        return grid_of(self, n_max, tails)

    def mean_beta(self, tally: Tally, n_max: int) -> FloatArray:
        """Return E[beta | data], shape (S,)."""
        grid = self.table(n_max)
        return grid.nodes.expect(tally, grid.beta[:, None])[:, 0]

    def mean_theta(self, tally: Tally, n_max: int) -> FloatArray:
        """Return E[theta | data], shape (S,)."""
        grid = self.table(n_max)
        return grid.nodes.expect(tally, grid.theta[:, None])[:, 0]

    def plug_in_beta(self, tally: Tally, n_max: int) -> FloatArray:
        """Return E[beta | data] under a normal prior of beta, log E[theta | data] under a prior of theta; shape (S,)."""
        if self.prior.on_theta:
            return np.log(self.mean_theta(tally, n_max))
        return self.mean_beta(tally, n_max)

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
        return fine_grid_of(self, n_max).nodes.log_evidence(tally)

    # --- maximum likelihood --------------------------------------------------------------------------------------------

    def score(self, tally: Tally, beta: FloatArray) -> FloatArray:
        """Return the derivative of the log likelihood in theta, shape (S,).

        It decreases in theta, except where pending patients count by weight in a logistic model.
        """
        x, (free, dlt) = self.labels, outcomes_of(tally)
        p = self.rates(beta)
        if self.form == "power":
            found = (dlt * x - free * x * p / np.maximum(1 - p, 1e-300)).sum(axis=1)
        else:
            found = (dlt * x * (1 - p) - free * x * p).sum(axis=1)
        if isinstance(tally, WeightedTally) and tally.pending is not None:
            dose, weight = tally.placed()
            p, x = np.take_along_axis(p, dose, axis=1), x[dose]
            slope = x * p if self.form == "power" else x * p * (1 - p)
            found = found - (weight * slope / (1 - weight * p)).sum(axis=1)
        return found

    def mle(self, tally: Tally) -> FloatArray:
        """Return the maximum likelihood estimate of beta, shape (S,).

        Without both outcomes it is a bound, at `saturated` from the centre.
        """
        low = np.full(len(tally), self.centre - self.saturated)
        high = np.full(len(tally), self.centre + self.saturated)
        if isinstance(tally, WeightedTally) and tally.pending is not None:
            low, high = self._around_the_peak(tally)
        for _ in range(60):
            middle = (low + high) / 2
            rising = self.score(tally, middle) > 0
            low, high = np.where(rising, middle, low), np.where(rising, high, middle)
        return (low + high) / 2

    def _around_the_peak(self, tally: WeightedTally) -> tuple[FloatArray, FloatArray]:
        """Return limits between which the likelihood has its largest peak, each of shape (S,)."""
        beta = self.centre + np.linspace(-self.saturated, self.saturated, SCANNED)
        log_p, log_q = (np.maximum(each, -1e300) for each in self.log_rates(beta))
        free, dlt = outcomes_of(tally)
        best = np.argmax(free @ log_q.T + dlt @ log_p.T + tally.log_pending(np.exp(log_p)), axis=1)
        return beta[np.maximum(best - 1, 0)], beta[np.minimum(best + 1, SCANNED - 1)]

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
class OneParameterBelief(Belief):
    """The posterior of a one-parameter model."""

    model: OneParameterModel
    tally: Tally
    n_max: int

    def mean(self) -> FloatArray:
        """Return E[p_j | data]."""
        return self.model.mean_rates(self.tally, self.n_max)

    def plug_in(self) -> FloatArray:
        """Return p_j at exp(E[beta | data]) under a normal prior of beta, at E[theta | data] under a prior of theta."""
        return self.model.rates(self.model.plug_in_beta(self.tally, self.n_max))

    def prob_above(self, limit: float) -> FloatArray:
        """Return Pr(p_j > limit | data)."""
        return self.model.prob_above(self.tally, limit, self.n_max)

    def quantile(self, probability: float) -> FloatArray:
        """Return the quantile of p_j: p_j falls as beta rises."""
        return self.model.rates(self.model.beta_quantile(self.tally, 1 - probability, self.n_max))

    def variance(self) -> FloatArray:
        """Return Var(p_j | data), from the nodes."""
        grid = self.model.table(self.n_max, tails=True)
        second = grid.nodes.expect(self.tally, self.model.rates(grid.beta) ** 2)
        return np.maximum(second - self.mean() ** 2, 0.0)

    def prob_nearest(self, target: float) -> FloatArray:
        """Return Pr(p_j is the nearest to the target | data): beta lies between two breaks, where the recommended dose changes."""
        from escalate.models.skeleton import sensitivity  # noqa: PLC0415 - that module imports this one

        grid = self.model.table(self.n_max, tails=True)
        breaks = np.array([-np.inf, *sensitivity(self.model, target).breaks, np.inf])
        below = grid.nodes.expect(self.tally, grid.mass_below(breaks))
        below[:, -1] = 1.0
        return np.maximum(np.diff(below, axis=1), 0.0)
