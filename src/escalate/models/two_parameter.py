"""The two-parameter logistic model: logit p = a + exp(b) x, with x the log of the dose over a reference dose.

Neuenschwander B, Branson M, Gsponer T (2008). Critical aspects of the Bayesian approach to phase I cancer trials. Stat Med
27:2420-2439.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from escalate.core.arrays import FloatArray, Mask
from escalate.core.belief import Belief
from escalate.core.tally import Tally
from escalate.models.bivariate_normal import Component
from escalate.models.two_parameter_grid import FINE, ROUGH, Grid, Level, grid_of


@dataclass(frozen=True)
class Known:
    """What is known beforehand from other patients: how many at one label, DLTs among them, discounted or invented."""

    label: float
    patients: float
    dlts: float


@dataclass(frozen=True)
class TwoParameterModel:
    """P(DLT at dose j) = expit(a + exp(b) x_j).

    Parameters
    ----------
    labels
        x_j, increasing, J of them.
    prior
        Of (a, b): a mixture of bivariate normal distributions.
    known
        Patients outside the trial whose likelihood is part of the prior: historical data raised to a power (Ibrahim and Chen
        2000), or pseudo-data.
    blind
        How many components, counted from the last, know nothing of these patients: the vague part of a robust prior. The
        weights of the components are those before the trial, and after the known patients.
    """

    labels: tuple[float, ...]
    prior: tuple[Component, ...]
    known: tuple[Known, ...] = ()
    blind: int = 0

    def log_rates(self, a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return log p and log(1 - p) at each dose; shape (..., J) for a and b of shape (...)."""
        eta = a[..., None] + np.exp(b)[..., None] * np.asarray(self.labels)
        return -np.logaddexp(0.0, -eta), -np.logaddexp(0.0, eta)

    def rates(self, a: FloatArray, b: FloatArray) -> FloatArray:
        """Return p at each dose; shape (..., J)."""
        eta = a[..., None] + np.exp(b)[..., None] * np.asarray(self.labels)
        # tanh: the logistic function without overflow.
        return 0.5 * (1 + np.tanh(eta / 2))

    def log_prior(self, a: FloatArray, b: FloatArray) -> FloatArray:
        """Return the log prior density of each component with its weight, the known patients included; shape (M, ...)."""
        densities = np.stack([np.log(part.weight) + part.log_density(a, b) for part in self.prior])
        if self.known:
            informed = len(self.prior) - self.blind
            densities[:informed] += self.log_known(a, b) - (log_evidence_of_known(self) if self.blind else 0.0)
        return densities

    def alone(self, component: int) -> TwoParameterModel:
        """Return the model with one component of the prior."""
        part = self.prior[component].model_copy(update={"weight": 1.0})
        informed = component < len(self.prior) - self.blind
        return TwoParameterModel(self.labels, (part,), self.known if informed else ())

    def log_known(self, a: FloatArray, b: FloatArray) -> FloatArray:
        """Return the log likelihood of the known patients, of the shape of a and b."""
        found = np.zeros(np.broadcast(a, b).shape)
        for known in self.known:
            eta = a + np.exp(b) * known.label
            found -= known.dlts * np.logaddexp(0.0, -eta) + (known.patients - known.dlts) * np.logaddexp(0.0, eta)
        return found

    def belief(self, tally: Tally, n_max: int, level: Level = FINE) -> TwoParameterBelief:
        """Return the posterior of tallies of up to n_max patients, on a grid of the level asked for."""
        return TwoParameterBelief(self, tally, n_max, grid_of(self, n_max, level))


@cache
def log_evidence_of_known(model: TwoParameterModel) -> float:
    """Return the log probability of the known patients averaged over the components that know of them."""
    informed = model.prior[: len(model.prior) - model.blind]
    total = sum(known.patients for known in model.known)
    alone = TwoParameterModel(tuple(sorted({known.label for known in model.known})), informed)
    grid = grid_of(alone, int(np.ceil(total)), FINE)
    log_prior = grid.nodes.log_prior
    return float(np.logaddexp.reduce(log_prior + model.log_known(grid.a, grid.b)) - np.logaddexp.reduce(log_prior))


@dataclass(frozen=True, eq=False)
class TwoParameterBelief(Belief):
    """The posterior of a two-parameter model on a grid of nodes."""

    model: TwoParameterModel
    tally: Tally
    n_max: int
    grid: Grid

    def mean(self) -> FloatArray:
        """Return E[p_j | data]."""
        return self.grid.nodes.expect(self.tally, self.model.rates(self.grid.a, self.grid.b))

    def plug_in(self) -> FloatArray:
        """Return p_j at the posterior means of a and b."""
        mean = self.grid.nodes.expect(self.tally, np.column_stack([self.grid.a, self.grid.b]))
        return self.model.rates(mean[:, 0], mean[:, 1])

    def prob_above(self, limit: float) -> FloatArray:
        """Return Pr(p_j > limit | data)."""
        return self.probs_above([limit])[0]

    def probs_above(self, limits: Sequence[float]) -> FloatArray:
        """Return Pr(p_j > limit | data) of several limits."""
        weights = np.concatenate([self.grid.mass_below(limit, self.model.labels) for limit in limits], axis=1)
        below = self.grid.nodes.expect(self.tally, weights).reshape(len(self.tally), len(limits), -1)
        return np.clip(1 - below.transpose(1, 0, 2), 0.0, 1.0)

    def checked(self, limits: Sequence[float]) -> tuple[FloatArray, Mask]:
        """Return what `probs_above` does, and where the nodes resolve the posterior; shapes (L, S, J) and (S,)."""
        weights = [self.grid.mass_below(limit, self.model.labels) for limit in limits]
        found = self.grid.nodes.expect(self.tally, np.concatenate([*weights, self.grid.checks], axis=1))
        n = len(limits) * len(self.model.labels)
        below = found[:, :n].reshape(len(self.tally), len(limits), -1)
        return np.clip(1 - below.transpose(1, 0, 2), 0.0, 1.0), self.grid.resolved(found[:, n:])

    def prob_above_at(self, limit: float, labels: FloatArray) -> FloatArray:
        """Return Pr(p > limit | data) at labels that need not be doses, shape (S, A)."""
        eta = np.full(len(labels), np.log(limit / (1 - limit)))
        return np.clip(1 - self.grid.nodes.expect(self.tally, self.grid.mass_below_eta(eta, labels)), 0.0, 1.0)

    def quantile(self, probability: float) -> FloatArray:
        """Return the quantile of p_j: found on the coarse grid, and corrected once on this one."""
        rough = grid_of(self.model, self.n_max, ROUGH)
        both = zip(rough.nodes.posterior(self.tally), self.grid.nodes.posterior(self.tally), strict=True)
        return np.stack([self._quantile(rough, few, all_, probability) for few, all_ in both])

    def _quantile(self, rough: Grid, few: FloatArray, weight: FloatArray, probability: float) -> FloatArray:
        """Return the quantiles of one state, shape (J,), given its posterior on the coarse grid and on this one."""
        labels = np.asarray(self.model.labels)
        eta = rough.a[:, None] + np.exp(rough.b)[:, None] * labels
        mean = few @ eta
        sd = np.sqrt(np.maximum(few @ (eta - mean) ** 2, 1e-12))
        low, high = mean - 12 * sd, mean + 12 * sd
        for _ in range(22):
            middle = (low + high) / 2
            below = few @ rough.mass_below_eta(middle, labels) < probability
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        step = 1e-3 * sd
        density = few @ (rough.mass_below_eta(middle + step, labels) - rough.mass_below_eta(middle - step, labels))
        off = (weight @ self.grid.mass_below_eta(middle, labels) - probability) * 2 * step
        middle -= np.clip(off / np.maximum(density, 1e-12), -sd, sd)
        found: FloatArray = 0.5 * (1 + np.tanh(middle / 2))
        return found

    def parameters(self) -> tuple[FloatArray, FloatArray]:
        """Return the posterior mean of (a, b), shape (S, 2), and their covariance, shape (S, 2, 2)."""
        a, b = self.grid.a, self.grid.b
        found = self.grid.nodes.expect(self.tally, np.column_stack([a, b, a * a, a * b, b * b]))
        mean = found[:, :2]
        second = found[:, [2, 3, 3, 4]].reshape(-1, 2, 2)
        return mean, second - mean[:, :, None] * mean[:, None, :]

    def component_weights(self) -> FloatArray:
        """Return the posterior weight of each component of the prior, shape (S, M)."""
        return self.grid.nodes.expect(self.tally, self.grid.of_part)

    def log_evidence(self) -> FloatArray:
        """Return the log probability of the outcomes, patient by patient, averaged over the prior; shape (S,)."""
        return self.grid.nodes.log_evidence(self.tally)
