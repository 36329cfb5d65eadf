"""What a prior says, as JSON; documented in docs/reference/json.md."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from escalate.study.forms import provenance, reasons

if TYPE_CHECKING:
    from collections.abc import Sequence

    from escalate.study.first_cohorts import FirstOutcome
    from escalate.study.prior import DosePrior, Prior

QUANTILE_NAMES = ("q025", "q25", "median", "q75", "q975")


def priors(found: Sequence[Prior]) -> dict[str, Any]:
    """Return what the priors of designs say as JSON."""
    return {"schema": "escalate/prior/1", "designs": [_prior(one) for one in found]}


def _prior(found: Prior) -> dict[str, Any]:
    design = found.design
    return {
        "title": design.title,
        "unit": design.doses.unit,
        "target": design.target,
        "overdose_limit": found.overdose_limit,
        "interval_limits": None if found.interval_limits is None else list(found.interval_limits),
        "max_patients": design.max_patients,
        "start_level": design.start_level,
        "doses": [_dose(dose) for dose in found.doses],
        "mtd": None if found.mtd is None else _listed(asdict(found.mtd)),
        "first_cohort": [_outcome(found, outcome) for outcome in found.first_cohort],
        "stops_at_dlts": found.stops_at_dlts,
        "no_dlt": {
            "cohorts": [asdict(cohort) for cohort in found.no_dlt.cohorts],
            "first_patient_at": [found.no_dlt.first_patient_at(level) for level in range(1, design.n_doses + 1)],
            "mtd_level": found.no_dlt.mtd_level,
            "ended_by": reasons(found.no_dlt.ended_by),
        },
        "warnings": [asdict(warning) for warning in found.warnings],
        "provenance": provenance(found.provenance),
    }


def _dose(dose: DosePrior) -> dict[str, Any]:
    return {
        "level": dose.level,
        "amount": dose.amount,
        "mean": dose.mean,
        "sd": dose.sd,
        **dict(zip(QUANTILE_NAMES, dose.quantiles, strict=True)),
        "prob_above_target": dose.prob_above_target,
        "prob_overdose": dose.prob_overdose,
        "intervals": None if dose.intervals is None else list(dose.intervals),
        "effective_patients": dose.effective_patients,
    }


def _outcome(found: Prior, outcome: FirstOutcome) -> dict[str, Any]:
    names = [one.letter for one in found.design.outcomes]
    graded = {} if len(names) == 2 else {"outcomes": dict(zip(names, outcome.outcomes, strict=True))}
    return {
        "patients": outcome.patients,
        "dlts": outcome.dlts,
        **graded,
        "probability": outcome.probability,
        "action": str(outcome.action),
        "next_level": outcome.next_level,
        "mtd_level": outcome.mtd_level,
        "reasons": reasons(outcome.reasons),
        "wanted_level": outcome.wanted_level,
        "estimates": list(outcome.estimates),
        "prob_overdose": None if outcome.prob_overdose is None else list(outcome.prob_overdose),
    }


def _listed(named: dict[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in named.items()}
