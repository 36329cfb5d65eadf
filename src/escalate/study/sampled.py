"""Ask a design once, by NUTS: the recommendation rests on the draws, and says how far the method's own posterior is from them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from escalate.core.design import Design
from escalate.core.errors import EscalateError
from escalate.core.method import ModelMethod
from escalate.core.patients import TrialData, from_outcomes
from escalate.core.tally import Tally
from escalate.models.drawn import DrawnBelief
from escalate.models.nuts import Sample, Sampling, sample
from escalate.models.user_model import load
from escalate.study.recommend import Recommendation, recommend

FAR = 4.0
"""Difference, in Monte-Carlo errors, from which the two posteriors disagree."""


@dataclass(frozen=True)
class DoseDifference:
    """What the draws and the method's own posterior say of one dose, with the Monte-Carlo errors of the former."""

    level: int
    mean: float
    mean_nodes: float
    mean_error: float
    prob_overdose: float | None
    prob_overdose_nodes: float | None
    prob_overdose_error: float | None

    @property
    def largest(self) -> float:
        """The larger of the two differences, in Monte-Carlo errors."""
        found = abs(self.mean - self.mean_nodes) / self.mean_error
        if self.prob_overdose is None or self.prob_overdose_nodes is None or self.prob_overdose_error is None:
            return found
        return max(found, abs(self.prob_overdose - self.prob_overdose_nodes) / self.prob_overdose_error)


@dataclass(frozen=True)
class Sampler:
    """How the draws were made, whether they can be trusted, and how they compare."""

    sampling: Sampling
    r_hat: float
    ess_bulk: float
    ess_tail: float
    divergences: int
    draws_sha256: str
    netcdf: str | None
    netcdf_sha256: str | None
    versions: dict[str, str]
    doses: tuple[DoseDifference, ...]
    next_level_nodes: int | None
    same_dose: bool

    @property
    def largest(self) -> float:
        """The largest difference at any dose, in Monte-Carlo errors."""
        return max(dose.largest for dose in self.doses)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        s = self.sampling
        return {
            "kind": "nuts",
            "draws": s.draws,
            "tune": s.tune,
            "chains": s.chains,
            "seed": s.seed,
            "r_hat": self.r_hat,
            "ess_bulk": self.ess_bulk,
            "ess_tail": self.ess_tail,
            "divergences": self.divergences,
            "draws_sha256": self.draws_sha256,
            "netcdf": self.netcdf,
            "netcdf_sha256": self.netcdf_sha256,
            "versions": self.versions,
            "doses": [{**vars(dose), "largest_difference": dose.largest} for dose in self.doses],
            "largest_difference": self.largest,
            "next_level_nodes": self.next_level_nodes,
            "same_dose": self.same_dose,
        }

    def sentences(self) -> tuple[str, ...]:
        """Return what a person reads of it."""
        s = self.sampling
        found = [
            f"NUTS: {s.chains} chains of {s.draws} draws, seed {s.seed}; r-hat at most {self.r_hat:.4f}, effective sample size at "
            f"least {self.ess_bulk:.0f} (bulk) and {self.ess_tail:.0f} (tail), {self.divergences} divergent.",
            f"The method's own posterior is within {self.largest:.1f} Monte-Carlo errors of the draws at every level"
            f"{'' if self.largest < FAR else ', which is too far: one of the two is wrong'}.",
        ]
        if not self.same_dose:
            other = "stop" if self.next_level_nodes is None else f"level {self.next_level_nodes}"
            found.append(f"The two choose differently: by the method's own posterior it would be {other}.")
        return tuple(found)


@dataclass(frozen=True, eq=False)
class Sampled:
    """A recommendation from draws, and what is known of the draws; `netcdf` are the bytes of the file asked for."""

    recommendation: Recommendation
    sampler: Sampler
    netcdf: bytes | None


def recommend_sampled(
    design: Design,
    data: TrialData | str,
    sampling: Sampling | None = None,
    *,
    design_sha256: str | None = None,
    netcdf: str | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Sampled:
    """Return the dose of the next cohort, or the end of the trial, from draws of the posterior made by NUTS.

    Parameters
    ----------
    netcdf
        Name of the file that the draws will be kept in; its bytes are returned.

    Raises
    ------
    EscalateError
        Where the method has no PyMC model, or there are no data.
    NotConverged
        Where r-hat is above 1.01 at some dose, the bulk or tail effective sample size below 400, or more than 0.1% of the
        transitions are divergent.
    """
    if isinstance(data, str):
        data = from_outcomes(data, design, design.outcomes)
    method = design.method
    if not (isinstance(method, ModelMethod) and method.has_posterior):
        raise EscalateError(f"{method.kind} has no posterior to sample; leave out --sampler nuts")
    if not data.cohorts:
        raise EscalateError(
            "there are no patients yet: the first cohort gets the start level; leave out --sampler nuts"
        )
    sampling = sampling or Sampling()
    tally = Tally(data.prefixes(design.n_doses).tally.counts[-1:])
    progress("compiling the model and sampling")
    load("pymc")
    draws = sample(method.in_pymc(design, tally), sampling).checked()
    belief = DrawnBelief(draws.flat, at_means=method.at_means(design, draws.means))
    found = recommend(design, data, design_sha256=design_sha256, drawn=belief)
    nodes = recommend(design, data, design_sha256=design_sha256)
    kept = draws.netcdf() if netcdf is not None else None
    report = Sampler(
        sampling=sampling,
        r_hat=draws.r_hat,
        ess_bulk=draws.ess_bulk,
        ess_tail=draws.ess_tail,
        divergences=draws.divergences,
        draws_sha256=draws.sha256,
        netcdf=netcdf,
        netcdf_sha256=None if kept is None else hashlib.sha256(kept).hexdigest(),
        versions={name: version(name) for name in ("pymc", "arviz", "pytensor")},
        doses=differences(design, method, tally, draws),
        next_level_nodes=nodes.next_level,
        same_dose=found.next_level == nodes.next_level,
    )
    return Sampled(found, report, kept)


def differences(design: Design, method: ModelMethod, tally: Tally, draws: Sample) -> tuple[DoseDifference, ...]:
    """Return, dose by dose, what the draws and the method's own posterior say."""
    own = method.posterior(design, tally)
    mean, mean_error = draws.flat.mean(axis=0), draws.error(draws.p)
    rows: list[tuple[float | None, ...]] = [(None, None, None)] * design.n_doses
    limit = method.overdose_limit(design)
    if limit is not None:
        above = (draws.p > limit).astype(np.float64)
        columns = above.mean(axis=(0, 1)), own.prob_above(limit)[0], draws.error(above)
        rows = [tuple(float(column[j]) for column in columns) for j in range(design.n_doses)]
    return tuple(
        DoseDifference(j + 1, float(mean[j]), float(own.mean()[0, j]), float(mean_error[j]), *rows[j])
        for j in range(design.n_doses)
    )
