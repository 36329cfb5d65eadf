"""The patients of a trial as a table shows them, with the marks that nobody should overlook."""

from __future__ import annotations

from dataclasses import dataclass

from escalate.conduct.chain import Entry
from escalate.conduct.snapshot import outcome_known
from escalate.conduct.state import TrialState
from escalate.conduct.store import whole_entries_of
from escalate.report.sentences import dose_words
from escalate.report.svg import raised
from escalate.web.views.frame import kept
from escalate.web.views.words import outcome_words

KINDS = ("entered", "amended", "withdrawn")
"""Entries that concern patients."""


@dataclass(frozen=True)
class Mark:
    """Something to know of a patient, and the entry that says it."""

    text: str
    number: int


@dataclass(frozen=True)
class PatientLine:
    """A patient in the table; `gone` where entered in error."""

    name: str
    cohort: str
    level: int
    dose: str
    outcome: str
    known: bool
    changed: int
    marks: tuple[Mark, ...] = ()
    gone: bool = False


def patient_lines(state: TrialState) -> tuple[PatientLine, ...]:
    """Return the patients as a table shows them, those entered in error last."""
    design = state.design
    marks = kept(("marks", state.trial, state.head), lambda: _marks(state))
    known = tuple((name, p.row, len(p.changed), marks.get((name, p.entered), ())) for name, p in state.patients.items())
    gone = tuple((row.patient, row, 0, (Mark("entered in error", out.number),)) for row, out in state.withdrawn)
    return tuple(
        PatientLine(
            name,
            "backfill" if row.cohort is None else str(row.cohort),
            row.level,
            raised(dose_words(design, row.level)) if row.level <= design.n_doses else "",
            outcome_words(design, row),
            k >= len(known) or state.dated or outcome_known(design, row),
            changed,
            of_it,
            k >= len(known),
        )
        for k, (name, row, changed, of_it) in enumerate((*known, *gone))
    )


def _marks(state: TrialState) -> dict[tuple[str, int], tuple[Mark, ...]]:
    """Return, by study number and the entry that brought the patient, what to mark: a deviation, and the last correction."""
    deviations = {e.number for e in whole_entries_of(state.trial, kind="entered") if e.content.get("deviation")}
    corrected = {
        e.number for e in whole_entries_of(state.trial, kind="amended") if not e.content.get("first_report", True)
    }
    found = {}
    for name, patient in state.patients.items():
        marks = [Mark("treated otherwise than decided", patient.entered)] if patient.entered in deviations else []
        corrections = [number for number in patient.changed if number in corrected]
        if corrections:
            marks.append(Mark("corrected", corrections[-1]))
        if marks:
            found[name, patient.entered] = tuple(marks)
    return found


def entries_on(state: TrialState, patient: str) -> tuple[Entry, ...]:
    """Return the entries on a patient, in order, whether the patient is on record or was entered in error."""
    found = [entry for kind in KINDS for entry in whole_entries_of(state.trial, kind=kind) if _concerns(entry, patient)]
    return tuple(sorted(found, key=lambda entry: entry.number))


def _concerns(entry: Entry, patient: str) -> bool:
    content = entry.content
    if entry.kind == "entered":
        return any(row.get("patient") == patient for row in content["patients"])
    return bool(content.get("patient") == patient)
