"""Which doses are allowed, why the others are not, and what the method and each rule said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from escalate.core.moves import Action
from escalate.report.documents.blocks import Cell, Heading, Paragraph, Reference, Table
from escalate.report.plan import state_words
from escalate.report.sentences import dose_words

if TYPE_CHECKING:
    from escalate.report.documents.blocks import Block, Tone
    from escalate.report.meeting.subject import Subject
    from escalate.study.recommend import Recommendation
    from escalate.study.select import DoseRow


def blocks(subject: Subject) -> Iterator[Block]:
    """Yield the section; nothing where no decision is due."""
    found = subject.asked
    if found is None:
        return
    yield Heading("Which doses are allowed, and why not")
    yield Paragraph(
        (
            "Where each dose stands is in ",
            Reference("allowed"),
            "; what the method wished and what each rule of the protocol said of it, in ",
            Reference("trace"),
            ".",
        )
    )
    rows = tuple(_row(found, row) for row in found.doses)
    yield Table("allowed", "Where each dose stands now", ("Level", "Dose", "Now", "Why not"), rows, "clll")
    trace = tuple((_source(line.source), line.verdict, line.text) for line in found.trace)
    yield Table("trace", "The method and the rules, one by one", ("Asked", "Answer", "Because"), trace, "lll")


def _row(found: Recommendation, row: DoseRow) -> tuple[str | Cell, ...]:
    return (
        str(row.level),
        dose_words(found.design, row.level),
        Cell(state_words(found, row, None), _tone(found, row)),
        why_not(found, row),
    )


def _tone(found: Recommendation, row: DoseRow) -> Tone:
    if row.level in (found.next_level, found.mtd_level):
        return "chosen"
    return "eliminate" if row.why_not is not None else "plain"


def why_not(found: Recommendation, row: DoseRow) -> str:
    """Return what forbids a dose now, with the numbers; empty where nothing does."""
    if row.why_not is None:
        return ""
    if found.action is Action.START:
        return f"The first cohort gets the start level, {found.design.start_level}."
    closed = [code for code in row.why_not.split(", ") if code in found.design.method.closes]
    texts = [_closed(found, code) for code in closed]
    texts += [line.text for line in found.trace if row.level in line.forbidden_levels]
    return " ".join(dict.fromkeys(texts)) or f"{row.why_not.replace('_', ' ')}."


def _closed(found: Recommendation, code: str) -> str:
    """Return that the method closed levels for good, with the data of the lowest."""
    first = next(row for row in found.doses if code in (row.why_not or "").split(", "))
    return (
        f"Level {first.level}: {first.dlts}/{first.patients} DLTs; {found.design.method.kind} gives neither it nor a level above "
        "it again."
    )


def _source(source: str) -> str:
    return source[:1].upper() + source[1:].replace("_", " ")
