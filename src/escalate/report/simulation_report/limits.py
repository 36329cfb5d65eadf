"""Limitations, as far as the study itself shows them; and what the designs rest on in the literature."""

from __future__ import annotations

from collections.abc import Iterator

from escalate.core.outcome import BINARY
from escalate.report.documents.blocks import Block, Heading, Items
from escalate.report.references import SOFTWARE, references
from escalate.report.simulation_report.subject import Subject
from escalate.report.truth import scored


def limitations(subject: Subject) -> Iterator[Block]:
    """Yield the section."""
    yield Heading("Limitations")
    yield Items(tuple(_limits(subject)))


def _limits(subject: Subject) -> Iterator[str]:
    found = subject.found
    yield (
        "The scenarios are assumptions. Results hold under them and say nothing of a truth that is unlike all of them."
        if len(subject.scenarios) > 1
        else "The scenario is an assumption. Results hold under it and say nothing of another truth."
    )
    if not all(scenario.drawn for scenario in subject.scenarios):
        yield "Means over chosen scenarios weigh these equally; another choice of scenarios gives other means."
    yield "DLT probabilities do not fall with the dose, patients are independent, and every trial follows its design to the letter."
    if found.clock is None:
        yield (
            "Outcomes are known before the next decision, and nobody drops out: duration, waiting and late DLTs are not looked at."
        )
    else:
        yield "Accrual, times to DLT and drop-out are those of the clock; another clock gives other durations."
    if found.exact:
        yield "The numbers are exact for these assumptions; printed digits are rounded."
    else:
        yield "Numbers have Monte-Carlo errors; a rare event may not occur among the random trials."
    if any(scored(design) for design in subject.designs):
        yield "Where outcomes are scored, the MTD is the level nearest to the target score, not to a DLT rate."
    if any(result.benchmark is not None for result in found.designs):
        yield "The benchmark knows what no trial knows; it is a bound to hold designs against, not a design."
    if any(design.target is None for design in subject.designs):
        yield "A design without target has no correct selection: metrics that need a target are shown as '-'."
    if found.comparison is not None:
        yield from found.comparison.notes
    if any(scenario.outcomes is None and design.outcomes != BINARY for design in subject.designs
           for scenario in subject.scenarios):  # fmt: skip
        yield "Some scenarios say nothing of milder outcomes."
    yield (
        "Correct selection counts a level beside the MTD as wrong, however close its DLT probability is; it is to be read with the "
        "share of acceptable selections."
    )


def literature(subject: Subject) -> Iterator[Block]:
    """Yield the references: of the designs, of what was computed, and of this software."""
    yield Heading("References")
    found = {str(each) for design in subject.designs for each in references(design)}
    found |= {
        "Cheung YK (2011). Dose Finding by the Continual Reassessment Method. Chapman & Hall/CRC.",
        "Liu S, Yuan Y (2015). Bayesian optimal interval designs for phase I clinical trials. J R Stat Soc Ser C Appl Stat "
        "64:507-523.",
    }
    if any(result.benchmark is not None for result in subject.found.designs):
        found.add(
            "O'Quigley J, Paoletti X, Maccario J (2002). Non-parametric optimal design in dose finding studies. Biostatistics "
            "3:51-56."
        )
    if not subject.found.exact:
        found.add(
            "Salmon JK, Moraes MA, Dror RO, Shaw DE (2011). Parallel random numbers: as easy as 1, 2, 3. Proceedings of SC11."
        )
    yield Items((*sorted(found), SOFTWARE), ordered=True)
