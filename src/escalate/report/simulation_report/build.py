"""The simulation report as a document: sections in their order."""

from __future__ import annotations

from escalate.core.errors import EscalateError
from escalate.report.documents.blocks import Block, Document
from escalate.report.simulation_report.comparison import comparison
from escalate.report.simulation_report.designs import designs
from escalate.report.simulation_report.limits import limitations, literature
from escalate.report.simulation_report.methods import methods
from escalate.report.simulation_report.purpose import counted_trials, purpose
from escalate.report.simulation_report.results import results
from escalate.report.simulation_report.sensitive import sensitive
from escalate.report.simulation_report.stories import stories
from escalate.report.simulation_report.subject import Subject
from escalate.report.simulation_report.truths import scenarios
from escalate.study.sensitivity import Sensitivity


def build(subject: Subject, *, examples: int = 3, sensitivity: Sensitivity | None = None) -> Document:
    """Return the report of a simulation study.

    Parameters
    ----------
    examples
        How many trials of a design are told step by step, at most.
    sensitivity
        What changes when an assumption changes; None to leave the section out.

    Raises
    ------
    EscalateError
        Where a design has another number of levels than the others.
    """
    if len({design.n_doses for design in subject.designs}) > 1:
        raise EscalateError(
            "the designs have different numbers of dose levels; a report is of designs over the same levels"
        )
    blocks: list[Block] = [
        *purpose(subject),
        *designs(subject),
        *scenarios(subject),
        *methods(subject),
        *results(subject),
        *comparison(subject),
        *stories(subject, examples),
        *sensitive(subject, sensitivity),
        *limitations(subject),
        *literature(subject),
    ]
    made, found = subject.found.provenance, subject.found
    how = "exact" if found.exact else f"{counted_trials(found.trials)}, seed {found.seed}"
    facts = [
        ("Designs" if len(subject.designs) > 1 else "Design", "; ".join(design.title for design in subject.designs)),
        ("Scenarios", f"{len(subject.scenarios):,} (sha256 {made.scenarios_sha256[:12]})"),
        ("Operating characteristics", how),
        ("Software", f"escalate {made.version}, Python {made.python}, NumPy {made.numpy}"),
    ]
    return Document(
        kind="simulation",
        title="Simulation report",
        subtitle=subject.heading,
        blocks=tuple(blocks),
        facts=tuple(facts),
        footer=f"Simulation report: {subject.heading}",
    )
