"""The decision: a form to be filled and signed by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from escalate.report.documents.blocks import Cell, Heading, PageBreak, Paragraph, Table
from escalate.report.plan import barred_words
from escalate.report.sentences import dose_words, sentences

if TYPE_CHECKING:
    from escalate.report.documents.blocks import Block
    from escalate.report.meeting.subject import Subject

BLANK: Final = Cell("", "open")
BOX: Final = "\N{BALLOT BOX}"
_ROOM: Final = "\N{NO-BREAK SPACE}" * 10
"""Keeps columns as wide as a signature needs."""
SIGNERS: Final = 5
"""Lines for names: a sponsor, a chair, a statistician, and two more."""


def blocks(subject: Subject) -> Iterator[Block]:
    """Yield the section; nothing where the trial is closed."""
    if subject.record is not None and not subject.record.is_open:
        return
    design = subject.design
    yield PageBreak()
    yield Heading("The decision")
    yield Paragraph("To be filled in and signed by hand at the meeting.")
    said = "none" if subject.asked is None else sentences(subject.asked).main
    levels = "   ".join(
        f"{BOX} {k}: {dose_words(design, k)}{_against(subject, k)}" for k in range(1, design.n_doses + 1)
    )
    choices = ("as recommended", "a lower dose", "a higher dose", "hold", "stop")
    rows = (
        ("Recommended by the design", said),
        ("Proposed dose level", f"{levels}   {BOX} none"),
        ("Number of patients", BLANK),
        ("Decision", "   ".join(f"{BOX} {choice}" for choice in choices)),
        ("Reasons, needed where the decision departs from the recommendation", BLANK),
        ("Conditions, and what is looked at before the next decision", BLANK),
    )
    yield Table("decision", "Decision of the meeting", ("", "To be filled in"), rows, "ll")
    lines = tuple((BLANK,) * 4 for _ in range(SIGNERS))
    heads = tuple(f"{name}{_ROOM}" for name in ("Name", "Role", "Date, time (UTC)", "Signature"))
    yield Table("signatures", "Who decided", heads, lines, "llll")
    if subject.record is not None:
        yield Paragraph("Paper is for the meeting; what counts is the decision signed on the record.", "note")


def _against(subject: Subject, level: int) -> str:
    """Return, in brackets, what keeps a level from being given now; empty where nothing does."""
    why = None if subject.asked is None else subject.asked.doses[level - 1].why_not
    return "" if why is None else f" ({barred_words(subject.design, why)})"
