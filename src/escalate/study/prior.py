"""What the prior of a design says before any patient: of the doses, of the MTD, and of the first decisions."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from escalate.core.arrays import FloatArray
from escalate.core.belief import Belief
from escalate.core.design import Design
from escalate.core.errors import EscalateError
from escalate.core.method import ModelMethod
from escalate.core.shown import Shown
from escalate.core.tally import Tally
from escalate.study.first_cohorts import FirstOutcome, NoDltRun, first_outcomes, no_dlt_run
from escalate.study.prior_warnings import PriorWarning, warnings_of
from escalate.study.provenance import Provenance

QUANTILES: Final = (0.025, 0.25, 0.5, 0.75, 0.975)
MONOTONE: Final = 1e-5
"""By how much Pr(p > target) may fall from one dose to the next through rounding alone."""


@dataclass(frozen=True)
class DosePrior:
    """What the prior says of one dose.

    Parameters
    ----------
    mean, sd
        Of the DLT probability.
    quantiles
        At the probabilities of `QUANTILES`.
    prob_above_target
        Pr(p > target); None without a target.
    prob_overdose
        Pr(p > overdose limit of the method); None without one.
    intervals
        Probability of each of the method's intervals, from low to high; None where it has none.
    effective_patients
        Patients whose data would say as much: a + b of the beta distribution with this mean and sd; None where sd is 0.
    """

    level: int
    amount: float
    mean: float
    sd: float
    quantiles: tuple[float, ...]
    prob_above_target: float | None
    prob_overdose: float | None
    intervals: tuple[float, ...] | None
    effective_patients: float | None


@dataclass(frozen=True)
class MtdPrior:
    """Where the prior expects the MTD.

    Parameters
    ----------
    limit
        The MTD is the highest dose with a DLT probability of at most this.
    none
        Probability that even level 1 is above it.
    levels
        Probability of each level; that of the highest includes an MTD above all levels.
    highest_underdosed
        Probability that even the highest level is below the target interval; None without intervals.
    nearest
        Probability that each level is the one nearest to the limit; None where the method cannot tell.
    """

    limit: float
    none: float
    levels: tuple[float, ...]
    highest_underdosed: float | None
    nearest: tuple[float, ...] | None


@dataclass(frozen=True)
class Prior(Shown):
    """Results of `prior`.

    Parameters
    ----------
    overdose_limit
        What `prob_overdose` counts above; None where the method has no such limit.
    interval_limits
        Inner limits of the method's intervals; None where it has none.
    mtd
        None where the DLT probability may fall with the dose, so that tail probabilities do not give it.
    first_cohort
        Every outcome of the first cohort: how likely it is under the prior, and what follows.
    stops_at_dlts
        Fewest DLTs in the first cohort that end the trial; None where none do.
    no_dlt
        What is given while no DLT is seen.
    """

    design: Design
    overdose_limit: float | None
    interval_limits: tuple[float, ...] | None
    doses: tuple[DosePrior, ...]
    mtd: MtdPrior | None
    first_cohort: tuple[FirstOutcome, ...]
    no_dlt: NoDltRun
    warnings: tuple[PriorWarning, ...]
    provenance: Provenance

    def __repr__(self) -> str:
        return f"Prior({self.design.title!r}: {len(self.warnings)} warnings)"

    @property
    def stops_at_dlts(self) -> int | None:
        """Fewest DLTs in the first cohort that end the trial; None where none do."""
        return min((outcome.dlts for outcome in self.first_cohort if outcome.next_level is None), default=None)


def prior(design: Design, *, design_sha256: str | None = None) -> Prior:
    """Return what the prior of a design says before any patient.

    Parameters
    ----------
    design_sha256
        Hash to record; of the settings unless given.

    Raises
    ------
    EscalateError
        Where the method has no prior of the doses.

    Examples
    --------
    >>> import escalate as esc
    >>> design = esc.Design.from_dict({
    ...     "title": "example", "doses": {"unit": "mg", "levels": (10.0, 20.0, 40.0)}, "target": 0.3, "max_patients": 30,
    ...     "method": {"kind": "crm", "skeleton": (0.1, 0.3, 0.5), "estimate": "mean"}})
    >>> [round(dose.quantiles[2], 4) for dose in prior(design).doses]
    [0.1, 0.3, 0.5]
    """
    method = with_prior(design)
    belief = method.posterior(design, nothing(design))
    limits = getattr(method, "intervals", None)
    over = method.overdose_limit(design)
    doses = _doses(design, belief, over, limits)
    mtd = _mtd(design, belief, over, limits)
    outcomes, run = first_outcomes(design, method), no_dlt_run(design)
    return Prior(
        design=design,
        overdose_limit=over,
        interval_limits=limits,
        doses=doses,
        mtd=mtd,
        first_cohort=outcomes,
        no_dlt=run,
        warnings=warnings_of(design, belief, [dose.effective_patients for dose in doses], mtd, outcomes, run),
        provenance=Provenance.now(design_sha256 or design.sha256, None),
    )


def with_prior(design: Design) -> ModelMethod:
    """Return the method of a design, which has a prior of the doses.

    Raises
    ------
    EscalateError
        Where it has none.
    """
    method = design.method
    if not isinstance(method, ModelMethod):
        raise EscalateError(
            f"method.kind: {method.kind} does not rest on a model of all doses, so it has no prior to show; a method with a "
            "posterior has, such as crm"
        )
    if not method.has_posterior:
        raise EscalateError(
            f"method: {method.kind} with these settings has no prior (maximum likelihood); use a Bayesian one"
        )
    for fault in method.cannot_run(design):
        raise EscalateError(f"method.{fault.field}: {fault.text}")
    return method


def nothing(design: Design) -> Tally:
    """Return the tally before any patient."""
    return Tally(np.zeros((1, design.n_doses, len(design.outcomes)), dtype=np.int64))


def _doses(
    design: Design, belief: Belief, over: float | None, limits: tuple[float, ...] | None
) -> tuple[DosePrior, ...]:
    mean, variance = belief.mean()[0], belief.variance()[0]
    quantiles = np.stack([belief.quantile(probability)[0] for probability in QUANTILES], axis=1)
    above = {
        limit: belief.prob_above(limit)[0] for limit in {design.target, over, *(limits or ())} if limit is not None
    }
    return tuple(
        DosePrior(
            level=j + 1,
            amount=design.doses.levels[j],
            mean=float(mean[j]),
            sd=float(np.sqrt(variance[j])),
            quantiles=tuple(quantiles[j].tolist()),
            prob_above_target=None if design.target is None else float(above[design.target][j]),
            prob_overdose=None if over is None else float(above[over][j]),
            intervals=None if limits is None else _cells([float(above[limit][j]) for limit in limits]),
            effective_patients=_effective(float(mean[j]), float(variance[j])),
        )
        for j in range(design.n_doses)
    )


def _cells(above: list[float]) -> tuple[float, ...]:
    """Return the probability of each interval, given that of lying above each of its limits."""
    return tuple(max(low - high, 0.0) for low, high in pairwise([1.0, *above, 0.0]))


def _effective(mean: float, variance: float) -> float | None:
    """Return a + b of the beta distribution with this mean and variance."""
    return mean * (1 - mean) / variance - 1 if variance > 1e-12 else None


def _mtd(design: Design, belief: Belief, over: float | None, limits: tuple[float, ...] | None) -> MtdPrior | None:
    limit = design.target if design.target is not None else over
    if limit is None:
        return None
    above: FloatArray = belief.prob_above(limit)[0]
    if (np.diff(above) < -MONOTONE).any():
        return None
    above = np.maximum.accumulate(above)
    nearest = belief.prob_nearest(limit)
    return MtdPrior(
        limit=limit,
        none=float(above[0]),
        levels=tuple(np.diff([*above, 1.0]).tolist()),
        highest_underdosed=None if limits is None else float(1 - belief.prob_above(limits[0])[0, -1]),
        nearest=None if nearest is None else tuple(nearest[0].tolist()),
    )
