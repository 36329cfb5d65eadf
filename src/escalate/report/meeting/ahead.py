"""What one more DLT would do, and one fewer; and where each outcome of the next cohort leads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from escalate.core.dated_patients import DatedTrial
from escalate.report.documents.blocks import Cell, Heading, Items, Paragraph, Reference, Run, Table
from escalate.report.meeting import figures
from escalate.report.meeting.fewer import one_dlt_fewer
from escalate.report.next_cohort import next_cohort
from escalate.report.path_tables import percent
from escalate.report.sentences import level_words, one_more_dlt

if TYPE_CHECKING:
    from escalate.core.moves import Action
    from escalate.report.documents.blocks import Block, Tone, Words
    from escalate.report.meeting.subject import Subject
    from escalate.report.next_cohort import NextCohort
    from escalate.report.sentences import OneMoreDlt
    from escalate.study.pathways import Pathways
    from escalate.study.recommend import Recommendation


def blocks(subject: Subject) -> Iterator[Block]:
    """Yield the sections; nothing where no decision is due."""
    found = subject.asked
    if found is None:
        return
    yield Heading("What one more DLT would do, and one fewer")
    yield from _one_more(subject, found)
    yield Heading("After the next cohort")
    following = next_cohort(subject.design, subject.data, found)
    if following.why_none is not None:
        yield Paragraph(following.why_none)
        return
    tree = _tree(subject)
    yield from _next(subject, following, tree)
    if tree is not None:
        yield from figures.next_cohort(tree)


def _one_more(subject: Subject, found: Recommendation) -> Iterator[Block]:
    if subject.data is None or not subject.data.cohorts:
        yield Paragraph("Nobody has been treated yet: there is no outcome that could be another.")
        return
    more = one_more_dlt(subject.design, subject.data, found)
    fewer = one_dlt_fewer(subject.design, subject.data, found)
    nobody: tuple[Words, ...] = ("Every patient of the last cohort had a DLT: there cannot be one more.",)
    none: tuple[Words, ...] = ("No patient of the last cohort had a DLT: there cannot be one fewer.",)
    yield Items((*(map(_changed, more) if more else nobody), *(map(_changed, fewer) if fewer else none)))


def _changed(one: OneMoreDlt) -> Words:
    if not one.differs:
        return (f"{one.who}: the recommendation would be the same.",)
    return (f"{one.who}: ", Run(one.main, "strong"), f" {one.because}")


def _tree(subject: Subject) -> Pathways | None:
    """Return the next cohort with its probabilities; None of a trial with dates, whose outcomes come one by one."""
    if isinstance(subject.data, DatedTrial):
        return None
    from escalate.study.pathways import paths  # noqa: PLC0415 - where it is asked for

    sha256 = None if subject.found is None else subject.found.provenance.design_sha256
    return paths(subject.design, subject.data, cohorts=1, design_sha256=sha256)


def _next(subject: Subject, following: NextCohort, tree: Pathways | None) -> Iterator[Block]:
    assert following.level is not None
    size = following.size or 0
    many = f"{size} patient{'s' * (size != 1)}"
    yield Paragraph(
        (
            f"Every outcome of the next {many} at {level_words(subject.design, following.level)}, and what the design "
            "would say then, stands in ",
            Reference("next-cohort"),
            ".",
        )
    )
    shares = {} if tree is None else {node.outcomes: node.conditional_probability for node in tree.next_cohort}
    rows: list[tuple[Words | Cell, ...]] = [
        (
            row.text,
            *((percent(shares[row.outcomes]).strip(),) if shares else ()),
            Cell(row.sentence, _tone(row.action)),
            row.because,
        )
        for row in following.rows
    ]
    header = ("Outcome", *(("Probability",) if shares else ()), "Then", "Because")
    basis = () if tree is None else (tree.basis_text,)
    caption = f"Where each outcome of the next {many} leads"
    yield Table(
        "next-cohort", caption, header, tuple(rows), "l" + "r" * bool(shares) + "ll", (*following.notes, *basis)
    )


def _tone(action: Action) -> Tone:
    tones: dict[str, Tone] = {"escalate": "escalate", "stay": "stay", "de-escalate": "deescalate"}
    return tones.get(str(action), "eliminate")
