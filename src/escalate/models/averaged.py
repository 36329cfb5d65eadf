"""Several one-parameter models, one a skeleton, averaged by how well they predict the data.

Yin G, Yuan Y (2009). Bayesian model averaging continual reassessment method in phase I clinical trials. J Am Stat Assoc
104:954-968.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from escalate.core.arrays import FloatArray
from escalate.core.belief import Belief
from escalate.core.tally import Tally
from escalate.models.nodes import NodeTable
from escalate.models.one_parameter import OneParameterModel
from escalate.models.one_parameter_grid import Grid, fine_grid_of


@dataclass(frozen=True)
class AveragedModel:
    """A mixture of one-parameter models over the same doses.

    Parameters
    ----------
    models
        K of them.
    weights
        Their prior probabilities, which sum to one.
    """

    models: tuple[OneParameterModel, ...]
    weights: tuple[float, ...]

    def table(self, n_max: int, *, tails: bool = False) -> AveragedGrid:
        """Return the nodes of all models as one table, for up to n_max patients."""
        return _grid(self, n_max, tails)

    def belief(self, tally: Tally, n_max: int) -> AveragedBelief:
        """Return the posterior of tallies of up to n_max patients."""
        return AveragedBelief(self, tally, n_max)

    def log_evidence(self, tally: Tally, n_max: int) -> FloatArray:
        """Return the log probability of the outcomes, patient by patient, averaged over models and priors; shape (S,)."""
        return self.table(n_max).nodes.log_evidence(tally)


@dataclass(frozen=True, eq=False)
class AveragedGrid:
    """The grids of all models, and their nodes in one table: each model's nodes have its prior weight in all."""

    model: AveragedModel
    grids: tuple[Grid, ...]

    @cached_property
    def nodes(self) -> NodeTable:
        """The nodes of all models, one after the other."""
        log_priors = [grid.nodes.log_prior for grid in self.grids]
        weights = zip(log_priors, self.model.weights, strict=True)
        return NodeTable(
            np.concatenate(
                [log_prior - np.logaddexp.reduce(log_prior) + np.log(weight) for log_prior, weight in weights]
            ),
            np.concatenate([grid.nodes.log_outcome for grid in self.grids]),
        )

    @cached_property
    def rates(self) -> FloatArray:
        """The DLT probability of each dose at each node, shape (K, J)."""
        return np.concatenate([m.rates(grid.beta) for m, grid in zip(self.model.models, self.grids, strict=True)])

    @cached_property
    def belongs(self) -> FloatArray:
        """1 where a node is of a model, else 0; shape (K, number of models)."""
        return np.repeat(np.eye(len(self.grids)), [grid.nodes.size for grid in self.grids], axis=0)

    def mass_above(self, limit: float | FloatArray) -> FloatArray:
        """Return the weight of each node in Pr(p_j > limit), shape (K, J) or, for limits of shape (S, J), (K, S * J)."""
        pairs = zip(self.model.models, self.grids, strict=True)
        return np.concatenate([grid.mass_below(m.beta_at(limit).ravel()) for m, grid in pairs])


@cache
def _grid(model: AveragedModel, n_max: int, tails: bool) -> AveragedGrid:
    return AveragedGrid(model, tuple(fine_grid_of(m, n_max, tails) for m in model.models))


@dataclass(frozen=True, eq=False)
class AveragedBelief(Belief):
    """The posterior of averaged models."""

    model: AveragedModel
    tally: Tally
    n_max: int

    def mean(self) -> FloatArray:
        """Return E[p_j | data]."""
        grid = self.model.table(self.n_max)
        return grid.nodes.expect(self.tally, grid.rates)

    def prob_above(self, limit: float) -> FloatArray:
        """Return Pr(p_j > limit | data)."""
        grid = self.model.table(self.n_max, tails=True)
        return np.clip(grid.nodes.expect(self.tally, grid.mass_above(limit)), 0.0, 1.0)

    def quantile(self, probability: float) -> FloatArray:
        """Return the quantile of p_j, by bisection of its logit to 1e-12."""
        grid = self.model.table(self.n_max, tails=True)
        return np.concatenate([_quantile(grid, weight, probability) for weight in grid.nodes.posterior(self.tally)])

    def variance(self) -> FloatArray:
        """Return Var(p_j | data), from the nodes."""
        grid = self.model.table(self.n_max)
        return np.maximum(grid.nodes.expect(self.tally, grid.rates**2) - self.mean() ** 2, 0.0)

    def weights(self) -> FloatArray:
        """Return the posterior probability of each model, shape (S, number of models)."""
        grid = self.model.table(self.n_max)
        return grid.nodes.expect(self.tally, grid.belongs)


def _quantile(grid: AveragedGrid, weight: FloatArray, probability: float) -> FloatArray:
    """Return the quantiles of one state, shape (1, J)."""
    n_doses = grid.rates.shape[1]
    low, high = np.full((1, n_doses), -700.0), np.full((1, n_doses), 36.0)
    for _ in range(60):
        middle = (low + high) / 2
        too_low = 1 - weight @ grid.mass_above(_expit(middle)) < probability
        low, high = np.where(too_low, middle, low), np.where(too_low, high, middle)
    return _expit((low + high) / 2)


def _expit(logit: FloatArray) -> FloatArray:
    # Exact near 0, where tanh would cancel.
    return np.exp(-np.logaddexp(0.0, -logit))
