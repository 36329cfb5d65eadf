"""Sensitivity: what changes when an assumption changes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from escalate.report.documents.blocks import Block, Heading, Items, Paragraph, Reference, Table
from escalate.report.simulation_report.cells import MEAN, PERCENT, cell
from escalate.report.simulation_report.metrics import by_scenario
from escalate.report.simulation_report.purpose import counted_large, counted_trials
from escalate.report.simulation_report.subject import Subject
from escalate.study.results import DesignResult
from escalate.study.sensitivity import Sensitivity
from escalate.study.summary import mean_and_error

_SHOWN = (
    ("pcs", "Correct, %", PERCENT),
    ("pas", "Acceptable, %", PERCENT),
    ("overdose_selected", "Overdose, %", PERCENT),
    ("overdose_allocated", "Overdosed, %", PERCENT),
    ("mean_patients", "Patients", MEAN),
    ("mean_dlts", "DLTs", MEAN),
)


def sensitive(subject: Subject, found: Sensitivity | None) -> Iterator[Block]:
    """Yield the section; nothing where it was not asked for."""
    if found is None:
        return
    yield Heading("Sensitivity")
    how = "exactly" if found.trials is None else f"over {counted_trials(found.trials)} with the same seed"
    taken = (
        f"all {len(subject.scenarios)} scenarios"
        if found.n_scenarios == len(subject.scenarios) > 1
        else counted_large(found.n_scenarios, "scenario")
    )
    yield Paragraph(
        (
            "One assumption is changed at a time, all else as in the study; ",
            Reference("sensitivity"),
            f" has the means over {taken}, computed {how}. The target is not varied, for it says which level is correct.",
            _kept(subject),
        )
    )
    rows = []
    for d, name in enumerate(subject.names):
        for k, each in enumerate(found.of(d)):
            named = (name if k == 0 else "",) if len(subject.names) > 1 else ()
            rows.append((*named, each.what or "as it is", *_cells(each.result)))
    yield Table(
        "sensitivity",
        "Means over the scenarios with one assumption changed",
        (*subject.named_head, "Change", *(head for _, head, _ in _SHOWN), "Lowest correct, %"),
        tuple(rows),
        align="l" * (1 + len(subject.named_head)) + "r" * (len(_SHOWN) + 1),
        notes=(
            "Every scenario weighs the same; acceptable is a mean over those that have an acceptable level. Lowest correct: "
            "under the scenario in which the design is right least often.",
            "Where odds change, correct is what is correct under the changed scenario. Where they rise, an MTD that was at the "
            "target is above it, and counts as overdose; acceptable selections are then the better guide.",
            *(() if found.trials is None else ("In brackets: Monte-Carlo standard errors.",)),
        ),
    )
    if found.left_out:
        yield Items(found.left_out)


def _kept(subject: Subject) -> str:
    if not any(design.rules for design in subject.designs):
        return ""
    return " Rules stay as they are: one that names a number of patients keeps it when the cohort size changes."


def _cells(result: DesignResult) -> Iterator[str]:
    chosen = np.full(len(result.scenarios), -1)
    for metric, _, kind in _SHOWN:
        mean, error = mean_and_error(*by_scenario(result, metric), chosen)
        yield cell(float(mean), float(error), kind)
    values, errors = result.scalars["pcs"]
    if not np.isfinite(values).any():
        yield cell(float("nan"), 0.0, PERCENT)
        return
    lowest = int(np.nanargmin(values))
    yield cell(float(values[lowest]), float(errors[lowest]), PERCENT)
