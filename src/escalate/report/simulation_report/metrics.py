"""The metrics that the report shows: how columns are headed, how numbers are written, what is meant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from escalate.core.arrays import FloatArray
from escalate.core.outcome import BINARY, rate_word
from escalate.report.simulation_report.cells import INDEX, MEAN, PERCENT
from escalate.report.simulation_report.subject import Subject
from escalate.report.truth import true_rates
from escalate.study.metrics import SAFE, TOXIC, Truths
from escalate.study.results import DesignResult


class Shown(NamedTuple):
    """One metric of the report."""

    metric: str
    head: str
    kind: str


SELECTION: Final = (
    Shown("pcs", "Correct, %", PERCENT),
    Shown("pas", "Acceptable, %", PERCENT),
    Shown("overdose_selected", "Overdose, %", PERCENT),
    Shown("selected_none", "None, %", PERCENT),
    Shown("accuracy_index", "Accuracy", INDEX),
    Shown("benchmark_pcs", "Benchmark, %", PERCENT),
    Shown("efficiency", "Efficiency, %", PERCENT),
)
ALLOCATION: Final = (
    Shown("mean_patients", "Patients", MEAN),
    Shown("sd_patients", "SD", MEAN),
    Shown("mean_dlts", "DLTs", MEAN),
    Shown("dlt_rate", "DLT rate, %", PERCENT),
    Shown("pca", "At MTD, %", PERCENT),
    Shown("overdose_allocated", "Overdosed, %", PERCENT),
    Shown("risk_overdose_60", "Risk, %", PERCENT),
)
COMPARED: Final = (
    Shown("pcs", "Correct selection", PERCENT),
    Shown("overdose_selected", "Overdose selected", PERCENT),
    Shown("overdose_allocated", "Patients overdosed", PERCENT),
    Shown("risk_overdose_60", "Risk", PERCENT),
    Shown("mean_patients", "Patients", MEAN),
    Shown("mean_dlts", "DLTs", MEAN),
)


def by_scenario(result: DesignResult, metric: str) -> tuple[FloatArray, FloatArray]:
    """Return a metric under each scenario with its errors; NaN where the scenario has nothing that it could count.

    Nothing is acceptable where no level is, nobody is at an MTD where there is none, and the benchmark of a design without the
    rule `eliminate` cannot select none where there is no MTD.
    """
    found, errors = result.scalars[metric]
    target = result.design.target
    if target is None or metric not in {"pas", "pca", "benchmark_pcs", "efficiency"}:
        return found, errors
    truth = Truths.of(np.array([true_rates(result.design, scenario) for scenario in result.scenarios]), target)
    if metric == "pas":
        counts = truth.acceptable.any(axis=1)
    elif metric == "pca":
        counts = ~truth.no_mtd
    else:
        counts = ~truth.no_mtd | (result.scalars["benchmark_pcs"][0] > 0)
    return np.where(counts, found, np.nan), np.where(counts, errors, np.nan)


def definitions(subject: Subject) -> Iterator[str]:
    """Yield what each metric means, in the words of docs/reference/metrics.md."""
    scored = any(rate_word(design.outcomes) != rate_word(BINARY) for design in subject.designs)
    rate = "true mean score" if scored else "true DLT probability"
    toxic = f"{TOXIC:g} times the target"
    yield (
        f"The MTD of a scenario is the level whose {rate} is nearest to the target; two levels equally near are both MTDs. "
        f"There is no MTD where level 1 is above {toxic}."
    )
    yield "Correct: the share of trials that select an MTD; where there is none, of those that select no level."
    yield (
        f"Acceptable: the share of trials that select a level between {SAFE:g} and {toxic}, both ends included"
        f"{_nothing(subject, 'no level is, and the share is 0')}"
    )
    yield f"Overdose: the share of trials that select a level whose {rate} is above the target."
    yield "None: the share of trials that select no level."
    yield (
        "Accuracy: the accuracy index, 1 - J sum rho(j) Pr(level j is selected) / sum rho(j), for J levels, with rho(j) the "
        "distance of level j from the target (Cheung 2011). It is at most 1, and 0 where every level is selected equally often. A "
        "trial that selects no level loses nothing in it."
    )
    if any(result.benchmark is not None for result in subject.found.designs):
        yield (
            "Benchmark: the share of correct selections of the non-parametric optimal benchmark, which knows of each patient the "
            "outcome at every level (O'Quigley, Paoletti and Maccario 2002). It selects no level only by the design's rule "
            "eliminate; without that rule it has no value where there is no MTD. Efficiency: correct selection as a part of it. "
            "It can exceed 100%, for the benchmark uses no prior and no other rule."
        )
    yield "Patients and SD: mean and standard deviation of the number of patients. DLT rate: mean DLTs by mean patients."
    yield f"At MTD: the mean share of a trial's patients at an MTD{_nothing(subject, 'there is none, and level 1 counts')}"
    yield f"Overdosed: the mean share of a trial's patients at levels whose {rate} is above the target."
    yield "Risk: the risk of overdosing, the share of trials in which 60% of the patients or more are overdosed."


def _nothing(subject: Subject, where: str) -> str:
    """Return the end of a sentence: what is shown where a metric has nothing to count, `where` saying how summaries count it."""
    case, _, counted = where.partition(", and ")
    return f"; where {case}, {counted}." if subject.many else f"; where {case}, it is shown as '-'."
