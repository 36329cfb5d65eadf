"""What a meeting looks at where the trial is on record: its locked design, its data, and what was decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from escalate.conduct.analysis import current, day_for
from escalate.conduct.snapshot import data_of, waiting_for
from escalate.report.meeting.patients import lines_of, of_row
from escalate.report.meeting.subject import Subject
from escalate.report.on_record import deviations

if TYPE_CHECKING:
    from datetime import date

    from escalate.conduct.state import TrialState
    from escalate.report.meeting.patients import PatientLine


def from_record(state: TrialState, as_of: date | None = None) -> Subject:
    """Return what a meeting on a trial of a record looks at.

    Parameters
    ----------
    state
        The trial, verified.
    as_of
        Day looked at, where patients have dates; today if not given.

    Raises
    ------
    EscalateError
        Where the data cannot be used on that day, or a day is given and the design looks at none.
    """
    day = day_for(state, as_of)
    sources = (state.version.kept.name, None)
    aside = deviations(state.trial)
    missing = waiting_for(state)
    if missing:
        several = len(missing) > 1
        who = f"{'patients' if several else 'patient'} {', '.join(missing)}"
        unknown = f"The outcome{'s' * several} of {who} {'are' if several else 'is'} not known yet"
        text = f"{unknown}, and the design decides on complete cohorts."
        return Subject(state.design, None, _rows(state), None, text, sources, state, aside)
    data = data_of(state, day) if state.patients else None
    found = current(state, day)
    patients = lines_of(state.design, data) if state.dated else _rows(state)
    return Subject(state.design, data, patients, found, "", sources, state, aside)


def _rows(state: TrialState) -> tuple[PatientLine, ...]:
    return tuple(of_row(state.design, patient.row) for patient in state.patients.values())
