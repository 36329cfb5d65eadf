"""What was decided so far, from the record: against which recommendation, why, by whom, signed by whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from escalate.report.documents.blocks import Cell, Heading, Items, Paragraph, Reference, Table

if TYPE_CHECKING:
    from escalate.conduct.state import Closing, Decision, TrialState
    from escalate.report.documents.blocks import Block, Tone
    from escalate.report.meeting.subject import Subject


def blocks(subject: Subject) -> Iterator[Block]:
    """Yield the section; nothing where there is no record."""
    state = subject.record
    if state is None:
        return
    yield Heading("What was decided so far")
    acts: list[Decision | Closing] = sorted((*state.decisions, *state.closings), key=lambda each: each.entry.number)
    if acts:
        departed = sum(each.body.departs for each in acts)
        said = f"{departed} of them depart{'s' * (departed == 1)} from what the design recommended" if departed else (
            "none departs from what the design recommended"
        )  # fmt: skip
        many = f"{len(acts)} decision{'s are' if len(acts) > 1 else ' is'}"
        yield Paragraph((f"{many} on record; {said}. All stand in ", Reference("decisions"), "."))
        yield _table(state, acts)
    else:
        yield Paragraph("No decision is on record.")
    if subject.deviations:
        yield Paragraph("Patients who were treated without a decision that allows it:")
        yield Items(tuple(_deviations(subject)))
    if state.withdrawn:
        names = ", ".join(f"{row.patient} (entry {entry.number})" for row, entry in state.withdrawn)
        yield Paragraph(f"Entered in error, and out of the data: {names}.")
    if len(state.designs) > 1:
        yield Paragraph("The design was amended:")
        yield Items(
            tuple(
                f"version {version.number}, entry {version.entry}, {_time(version.at)} UTC, by {version.by}: {version.reason or ''}"
                for version in state.designs[1:]
            )
        )


def _table(state: TrialState, acts: list[Decision | Closing]) -> Table:
    header = ("Entry", "Recommended", "Decided", "By, at (UTC)", "Standing", "Reason", "Second person, signatures")
    rows = tuple(
        (
            str(each.entry.number),
            recommended(each),
            Cell(in_words(each), "stay" if each.body.departs else "plain"),
            f"{each.entry.by}, {_time(each.entry.at)}",
            Cell(worth(each), _tone(each)),
            each.body.reason or "",
            " ".join(signed(state, each)) or "none",
        )
        for each in acts
    )
    return Table("decisions", "Decisions on record, oldest first", header, rows, "rllllll")


def recommended(each: Decision | Closing) -> str:
    """Return what the design recommended, or selected, when it was decided."""
    from escalate.conduct.history import advice  # noqa: PLC0415 - loads the record
    from escalate.conduct.state import Decision  # noqa: PLC0415

    if isinstance(each, Decision):
        said = advice(each.analysis.body.recommendation)
        return said[:1].upper() + said[1:] + "."
    level = each.body.selected_level
    return "No MTD." if level is None else f"MTD: level {level}."


def in_words(each: Decision | Closing) -> str:
    """Return what was decided."""
    from escalate.conduct.history import in_words as said  # noqa: PLC0415 - loads the record

    return f"{said(each.entry)}{' It departs from the recommendation.' if each.body.departs else ''}"


def worth(each: Decision | Closing) -> str:
    """Return what a decision is worth now."""
    return f"void since entry {each.void_by}" if each.void_by is not None else str(each.standing)


def _tone(each: Decision | Closing) -> Tone:
    tones: dict[str, Tone] = {
        "in force": "good",
        "acted on": "good",
        "awaits a second person": "open",
        "refused by the second person": "bad",
        "void": "bad",
    }
    return tones.get(str(each.standing), "muted")


def signed(state: TrialState, each: Decision | Closing) -> Iterator[str]:
    """Yield what a second person said, and every signature, a sentence each."""
    subjects = [each.entry.hash]
    if each.approval is not None:
        subjects.append(each.approval.entry.hash)
        body = each.approval.body
        why = f": {body.reason.rstrip('.')}" if body.reason else ""
        yield f"{each.approval.entry.by} {'agrees' if body.agrees else 'does not agree'}{why}."
    for subject in subjects:
        for signature in state.signatures_on(subject):
            void = f", void since entry {signature.void_by}" if signature.void_by is not None else ""
            yield f"Signed by {signature.body.name}, {signature.body.meaning}, {_time(signature.entry.at)}{void}."


def _deviations(subject: Subject) -> Iterator[str]:
    for entry in subject.deviations:
        rows = entry.content["patients"]
        names = ", ".join(f"{row['patient']} at level {row['level']}" for row in rows)
        yield f"entry {entry.number}, {_time(entry.at)} UTC, by {entry.by}: {names}. Reason: {entry.content['deviation']}"


def _time(at: str) -> str:
    return at[:16].replace("T", " ")
