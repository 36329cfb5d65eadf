"""What is believed of each dose: estimate, interval, probability of an overdose."""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan
from typing import TYPE_CHECKING

from escalate.report.documents.blocks import Cell, Heading, Paragraph, Reference, Table
from escalate.report.estimate_notes import overdose_words, probability_words, smoothing_words
from escalate.report.meeting import figures
from escalate.report.sentences import dose_words
from escalate.report.truth import scored

if TYPE_CHECKING:
    from escalate.report.documents.blocks import Block
    from escalate.report.meeting.subject import Subject
    from escalate.study.recommend import Recommendation
    from escalate.study.select import DoseRow


def blocks(subject: Subject) -> Iterator[Block]:
    """Yield the section; nothing where nothing can be estimated."""
    found = subject.found
    if found is None:
        return
    yield Heading("Estimates")
    if not any(row.estimate is not None for row in found.doses):
        treated = any(row.patients for row in found.doses)
        nothing = (
            "gives no estimate of the DLT probability" if treated else "gives no estimate before the first patient"
        )
        yield Paragraph(f"The method {found.design.method.kind} {nothing}.")
        if not treated:
            return
    yield Paragraph(("What is believed of each dose, given the data so far, stands in ", Reference("estimates"), "."))
    yield table(found)
    yield from figures.dose_toxicity(subject)


def table(found: Recommendation) -> Table:
    """Return the estimates of each dose."""
    design, rows = found.design, found.doses
    limit = design.method.overdose_limit(design)
    pending = any(row.pending for row in rows)
    named = list(rows[0].intervals or {})
    score = scored(design)
    above = f"Pr({'score' if score else 'p'} > {'target' if limit is None else f'{limit:g}'})"
    header = (
        "Level",
        "Dose",
        "DLTs / patients",
        *(("Pending",) if pending else ()),
        "Mean score" if score else "Estimate",
        "95% interval",
        *(f"Pr({name})" for name in named),
        above,
    )
    body = tuple(
        (
            str(row.level),
            dose_words(design, row.level),
            f"{row.dlts} / {row.patients}",
            *((str(row.pending),) if pending else ()),
            number(row.estimate),
            interval(row),
            *(number((row.intervals or {})[name]) for name in named),
            Cell(number(row.prob_overdose), "chosen" if row.level == found.next_level else "plain"),
        )
        for row in rows
    )
    notes = tuple(text for text in (smoothing_words(design), overdose_words(design), probability_words(design)) if text)
    return Table("estimates", "Estimates by dose level", header, body, "cl" + "r" * (len(header) - 2), notes)


def number(x: float | None) -> str:
    """Return a number as every table of the product prints it."""
    return "-" if x is None or isnan(x) else f"{x:.3f}"


def interval(row: DoseRow) -> str:
    """Return the 95% interval of a dose."""
    return "-" if row.lower is None else f"{number(row.lower)} to {number(row.upper)}"
