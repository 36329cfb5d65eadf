"""At the top: the question, the answer in one sentence, its reasons, and what to beware of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from escalate.core.moves import Action
from escalate.report.documents.blocks import Heading, Items, Paragraph, Run
from escalate.report.sentences import level_words, sentences

if TYPE_CHECKING:
    from escalate.conduct.state import Closing
    from escalate.report.documents.blocks import Block, Words
    from escalate.report.meeting.subject import Subject
    from escalate.study.recommend import Recommendation


def blocks(subject: Subject) -> Iterator[Block]:
    """Yield the first section."""
    record = subject.record
    if record is not None and record.synthetic:
        yield Paragraph("Synthetic: the outcomes of this trial are made up.", "warning")
    yield Heading("The question and the answer")
    yield Paragraph((Run("Question: ", "strong"), question(subject)))
    main, because = answered(subject)
    yield Paragraph((Run("Answer: ", "strong"), Run(main, "strong")))
    if because:
        yield Paragraph((Run("Because: ", "strong"), because))
    more = tuple(_more(subject))
    if more:
        yield Items(more)
    yield from _held(subject)
    for note in subject.asked.notes if subject.asked is not None else ():
        yield Paragraph(f"Caution: {note}", "warning")


def _held(subject: Subject) -> Iterator[Block]:
    """Yield a warning where a decision in force lets nobody be treated, whatever is recommended."""
    record = subject.record
    last = None if record is None or not record.is_open else record.decision
    if last is not None and last.body.level is None and last.standing.value == "in force":
        from escalate.conduct.history import in_words  # noqa: PLC0415 - loads the record

        yield Paragraph(
            f"Decided by entry {last.entry.number}, and in force, whatever is recommended: {in_words(last.entry)}",
            "warning",
        )


def question(subject: Subject) -> str:
    """Return what the meeting is asked."""
    if subject.record is not None and subject.record.closing is not None:
        return "What was declared at the end of the trial?"
    found = subject.asked
    if found is not None and found.action is Action.START:
        return "Which dose does the first cohort get?"
    return "Which dose does the next cohort get, or does the trial end?"


def answered(subject: Subject) -> tuple[str, str]:
    """Return the answer in one sentence, and why."""
    record = subject.record
    if record is not None and record.closing is not None:
        return _closed(subject, record.closing)
    if subject.found is None:
        return "There is no recommendation yet.", subject.why_none
    said = sentences(subject.found)
    return said.main, said.because


def _closed(subject: Subject, closing: Closing) -> tuple[str, str]:
    body = closing.body
    declared = "no MTD" if body.mtd_level is None else f"{level_words(subject.design, body.mtd_level)} as the MTD"
    chosen = "no MTD" if body.selected_level is None else level_words(subject.design, body.selected_level)
    worth = f"is void since entry {closing.void_by}" if closing.void_by is not None else closing.standing.in_words
    reason = f" Reason given: {body.reason}" if body.reason else ""
    return f"The trial was closed with {declared}; the closing {worth}.", f"The design selects {chosen}.{reason}"


def _more(subject: Subject) -> Iterator[Words]:
    found, record = subject.asked, subject.record
    if found is not None and found.margin is not None:
        yield (Run("Margin: ", "strong"), f"{found.margin.text}.")
    if found is not None and found.as_of is not None:
        yield (Run("Day looked at: ", "strong"), _day(found))
    if record is not None:
        from escalate.report.record_forms import next_step  # noqa: PLC0415 - loads the record

        yield (Run("On the record: ", "strong"), next_step(record))


def _day(found: Recommendation) -> str:
    as_of = found.as_of
    assert as_of is not None
    n = len(as_of.pending)
    many = "no outcome is pending" if not n else f"{n} outcome{'s are' if n > 1 else ' is'} pending"
    later = f" Without a further DLT the answer changes first on {as_of.earliest}." if as_of.earliest else ""
    return f"{as_of.day}, with a DLT window of {as_of.window} days; {many}.{later}"
