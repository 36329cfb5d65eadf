"""The posterior of one state by adaptive importance sampling, where draws of the prior are too few.

Cappe O, Douc R, Guillin A, Marin JM, Robert CP (2008). Adaptive importance sampling in general mixture classes. Stat Comput
18:447-459.
Hesterberg T (1995). Weighted average importance sampling and defensive mixture distributions. Technometrics 37:185-194.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import lgamma, log, pi

import numpy as np

from escalate.core.arrays import FloatArray
from escalate.models.importance import FEWEST, HEAVIEST, effective_size, pareto_k

POINTS = 16_384
"""Draws that a refined posterior consists of."""
TRIAL = 2_048
"""Draws on which each proposal is tried."""
ROUNDS = 12
FREEDOM = 6.0
"""Degrees of freedom of the proposal: its tails are heavier than those of a posterior with a normal prior."""
WIDER = (1.15, 1.4, 1.8)
"""Factors on the standard deviations of the proposal, each tried where the one before was not good enough."""
DEFENSIVE = 0.1
"""Share of the draws taken from the prior: a mode that the proposal misses cannot then go unseen."""
GOOD = 0.25
"""Effective share of the trial draws from which a proposal is good enough."""
ANCHOR = 200.0
"""Effective draws that a tempered posterior keeps: what the next proposal is fitted to."""

LogDensity = Callable[[FloatArray], tuple[FloatArray, FloatArray]]
"""From parameters (N, D) to log prior density (N,) and DLT probabilities (N, J)."""


@dataclass(frozen=True, eq=False)
class Refined:
    """A posterior as weighted draws, with how far they can be trusted.

    Parameters
    ----------
    p
        DLT probabilities, shape (N, J).
    weight
        Sums to one, shape (N,).
    effective, pareto_k
        Effective sample size, and the shape of the tail of the weights.
    """

    p: FloatArray
    weight: FloatArray
    effective: float
    pareto_k: float

    @property
    def good(self) -> bool:
        """Whether something may be said from it."""
        return self.effective >= FEWEST and self.pareto_k <= HEAVIEST


def log_likelihood(p: FloatArray, counts: FloatArray) -> FloatArray:
    """Return the log likelihood of the outcomes (J, 2) at probabilities (N, J), patient by patient; shape (N,)."""
    free, dlt = counts[:, 0], counts[:, 1]
    used = (free + dlt) > 0
    with np.errstate(divide="ignore"):
        at = np.log(np.maximum(p[:, used], 1e-300)) @ dlt[used]
        at += np.maximum(np.log1p(-p[:, used]), -690.0) @ free[used]
    return at


def refine(density: LogDensity, counts: FloatArray, prior: FloatArray, seed: int, *, defend: bool) -> Refined:
    """Return the posterior of one state.

    Parameters
    ----------
    counts
        Outcomes by dose, shape (J, 2).
    prior
        Draws of the prior, shape (K, D), where the search starts; those of a potential need not be weighted.
    seed
        The same random numbers, moved and stretched, serve every state.
    defend
        Mix draws of the prior in: only where the density is normalised.
    """
    first = prior[: 4 * TRIAL]
    z, log_weight = first, log_likelihood(density(first)[1], counts)
    for _ in range(ROUNDS):
        proposal = _fit(z, _tempered(log_weight), WIDER[0])
        z = proposal.draw(_standard(prior.shape[1], TRIAL, seed))
        log_prior, p = density(z)
        log_weight = _finite(log_prior + log_likelihood(p, counts) - proposal.log_density(z))
        if effective_size(_scaled(log_weight))[0] >= GOOD * TRIAL:
            break
    for wider in WIDER:
        # What was found last time tells more than the trial did.
        proposal = _fit(z, _tempered(log_weight), wider)
        z, log_weight, p = _final(density, counts, proposal, prior, seed, defend)
        weight = _scaled(log_weight)
        found = Refined(p, weight[0] / weight.sum(), float(effective_size(weight)[0]), float(pareto_k(weight)[0]))
        if found.good:
            break
    return found


def _final(
    density: LogDensity, counts: FloatArray, proposal: _Proposal, prior: FloatArray, seed: int, defend: bool
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return POINTS draws of the proposal and the prior, shape (N, D), their log weights (N,) and their p (N, J)."""
    from_prior = prior[: int(DEFENSIVE * POINTS) if defend else 0]
    z = np.concatenate([proposal.draw(_standard(prior.shape[1], POINTS, seed)[len(from_prior) :]), from_prior])
    log_prior, p = density(z)
    log_q = proposal.log_density(z)
    if len(from_prior):
        share = len(from_prior) / POINTS
        log_q = np.logaddexp(log_q + log(1 - share), log_prior + log(share))
    return z, _finite(log_prior + log_likelihood(p, counts) - log_q), p


@dataclass(frozen=True, eq=False)
class _Proposal:
    """A Student t distribution: centre (D,), and root (D, D) with root root' its scale matrix."""

    centre: FloatArray
    root: FloatArray

    def draw(self, standard: FloatArray) -> FloatArray:
        return self.centre + standard @ self.root.T

    def log_density(self, z: FloatArray) -> FloatArray:
        d = len(self.centre)
        # Moved by a solved triangle, not by an inverse: the scale matrix may be nearly singular.
        at = np.linalg.solve(self.root, (z - self.centre).T)
        constant = lgamma((FREEDOM + d) / 2) - lgamma(FREEDOM / 2) - d / 2 * log(FREEDOM * pi)
        constant -= float(np.log(np.diag(self.root)).sum())
        return constant - (FREEDOM + d) / 2 * np.log1p((at * at).sum(axis=0) / FREEDOM)


def _fit(z: FloatArray, weight: FloatArray, wider: float) -> _Proposal:
    """Return the t distribution with the mean of weighted draws, and their spread made wider."""
    centre: FloatArray = weight @ z
    moved = z - centre
    scale = (moved * weight[:, None]).T @ moved * wider**2
    ridge = 1e-9 * np.maximum(np.diag(scale), 1e-12)
    root: FloatArray = np.linalg.cholesky(scale + np.diag(ridge)).astype(np.float64)
    return _Proposal(centre, root)


def _tempered(log_weight: FloatArray) -> FloatArray:
    """Return weights raised to the largest power up to 1 that leaves ANCHOR effective draws; they sum to one."""
    low, high = 0.0, 1.0
    if effective_size(_scaled(log_weight))[0] < ANCHOR:
        for _ in range(40):
            middle = (low + high) / 2
            enough = effective_size(_scaled(middle * log_weight))[0] >= ANCHOR
            low, high = (middle, high) if enough else (low, middle)
    else:
        low = 1.0
    weight = _scaled(low * log_weight)[0]
    return weight / weight.sum()


def _scaled(log_weight: FloatArray) -> FloatArray:
    return np.exp(log_weight - log_weight.max())[None]


def _finite(log_weight: FloatArray) -> FloatArray:
    """Return log weights with those outside the model's support at next to nothing."""
    return np.where(np.isfinite(log_weight), log_weight, -1e300)


@lru_cache(maxsize=8)
def _standard(dimension: int, n: int, seed: int) -> FloatArray:
    """Return quasi-random draws of a standard t distribution, shape (N, D)."""
    from scipy.special import ndtri  # noqa: PLC0415 - only the rare state needs SciPy
    from scipy.stats import chi2, qmc  # noqa: PLC0415

    uniform = qmc.Sobol(dimension + 1, scramble=True, rng=seed).random(n)
    uniform = np.clip(uniform, 1e-12, 1 - 1e-12)
    return ndtri(uniform[:, 1:]) / np.sqrt(chi2.ppf(uniform[:, :1], FREEDOM) / FREEDOM)
