"""Data so far: by level, by cohort, by study number, and who is pending."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from escalate.core.outcome import BINARY
from escalate.report.documents.blocks import Cell, Heading, Paragraph, Reference, Table
from escalate.report.meeting import figures
from escalate.report.meeting.patients import by_cohort, by_level
from escalate.report.sentences import dose_words

if TYPE_CHECKING:
    from escalate.core.design import Design
    from escalate.report.documents.blocks import Block, Tone, Words
    from escalate.report.meeting.patients import Count, PatientLine
    from escalate.report.meeting.subject import Subject


def blocks(subject: Subject) -> Iterator[Block]:
    """Yield the section."""
    design = subject.design
    yield Heading("Data so far")
    levels = by_level(design, subject.patients, subject.data)
    total = sum(count.patients for count in levels)
    if not total:
        yield Paragraph("Nobody has been treated yet.")
        return
    n_dlts, n_pending = sum(count.dlts for count in levels), sum(count.pending for count in levels)
    cohorts = by_cohort(design, subject.patients, subject.data)
    n_cohorts = sum(name != "backfill" for name, _, _ in cohorts)
    yield Paragraph(
        (
            f"{_many(total, 'patient')} in {_many(n_cohorts, 'cohort')}, {_many(n_dlts, 'DLT')}"
            f"{f', {n_pending} pending' if n_pending else ''}: by level in ",
            Reference("by-level"),
            ", by cohort in ",
            Reference("by-cohort"),
            *((", one by one in ", Reference("patients")) if subject.patients else ()),
            ".",
        )
    )
    yield _table("by-level", "Patients by dose level", ("Level", "Dose"), design,
                 [((str(k), dose_words(design, k)), count) for k, count in enumerate(levels, start=1)])  # fmt: skip
    yield _table("by-cohort", "Patients by cohort", ("Cohort", "Level", "Dose"), design,
                 [((name, str(k), dose_words(design, k)), count) for name, k, count in cohorts])  # fmt: skip
    yield from figures.trial_so_far(subject)
    if subject.patients:
        yield _listing(design, subject.patients)
    yield from _pending(subject)


def _many(n: int, what: str) -> str:
    return f"{n} {what}{'s' * (n != 1)}"


def _table(
    key: str, caption: str, first: tuple[str, ...], design: Design, rows: list[tuple[tuple[str, ...], Count]]
) -> Table:
    graded = design.outcomes != BINARY
    pending = any(count.pending for _, count in rows)
    names = tuple(f"{outcome.letter}: {outcome.name}" for outcome in design.outcomes[:-1]) if graded else ()
    header = (*first, "Patients", "Evaluable", *names, "DLTs", *(("Pending",) if pending else ()))
    body: list[tuple[Words | Cell, ...]] = []
    for name, count in rows:
        milder = tuple(map(str, count.by_outcome[:-1])) if graded else ()
        last = (str(count.pending),) if pending else ()
        body.append((*name, str(count.patients), str(count.evaluable), *milder, str(count.dlts), *last))
    counts = len(header) - len(first)
    align = "".join("l" if word == "Dose" else "c" for word in first) + "r" * counts
    notes = ("Evaluable: with an outcome for the design, or pending.",) if pending else ()
    return Table(key, caption, header, tuple(body), align, notes)


def _listing(design: Design, patients: tuple[PatientLine, ...]) -> Table:
    dated = any(line.treated for line in patients)
    header = ("Patient", "Cohort", "Level", *(("Treated", "Last follow-up") if dated else ()), "Outcome")
    rows = tuple(
        (
            line.patient,
            "backfill" if line.cohort is None else str(line.cohort),
            str(line.level),
            *((line.treated, line.followed) if dated else ()),
            Cell(line.said, _tone(design, line)),
        )
        for line in patients
    )
    return Table("patients", "Patients by study number", header, rows, "lcc" + "cc" * dated + "l")


def _tone(design: Design, line: PatientLine) -> Tone:
    if line.category == len(design.outcomes) - 1:
        return "bad"
    return "open" if line.pending else "plain" if line.evaluable else "muted"


def _pending(subject: Subject) -> Iterator[Block]:
    as_of = subject.found.as_of if subject.found is not None else None
    if as_of is None or not as_of.pending:
        return
    rows = tuple(
        (p.patient, str(p.level), str(p.treated), f"{p.days} of {as_of.window}", str(p.window_ends))
        for p in as_of.pending
    )
    header = ("Patient", "Level", "Treated", "Days followed", "Window ends")
    yield Table("pending", f"Outcomes pending on {as_of.day}", header, rows, "lcccc")
