"""Enter the patients of a cohort, and what becomes known or was wrong of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from pydantic import ValidationError

from escalate.conduct import store
from escalate.conduct.actor import Actor
from escalate.conduct.allowance import not_allowed, wrong_cohort
from escalate.conduct.bodies import Amended, Entered, PatientRow, Withdrawn
from escalate.conduct.body_faults import in_words
from escalate.conduct.chain import Entry
from escalate.conduct.errors import RecordError
from escalate.conduct.making import made, reason_given
from escalate.conduct.permissions import Act, require
from escalate.conduct.snapshot import check_rows
from escalate.conduct.state import TrialState
from escalate.core.errors import did_you_mean, harmless


def enter(
    trial: str,
    patients: Iterable[PatientRow],
    actor: Actor,
    *,
    deviation: str | None = None,
    as_of: date | None = None,
    seen: str | None = None,
) -> Entry:
    """Enter patients, as known now; an outcome may come later.

    Parameters
    ----------
    deviation
        Why they were treated although no decision in force allows it; what happened is recorded all the same.
    as_of
        Day after which no date can be; today where none is given.

    Raises
    ------
    RecordError
        Where a patient is there already, cannot be, or was treated without a decision and no deviation is given.
    """
    rows = tuple(patients)
    body = made(Entered, patients=rows, deviation=reason_given(deviation))
    with store.appending(trial, actor, seen=seen) as pen:
        state = pen.trial
        require(state, actor, Act.ENTER)
        if not state.is_open:
            raise RecordError(f"{trial}: is closed; no patient is entered any more, outcomes can still be amended")
        _check_new(state, rows)
        everybody = {name: p.row for name, p in state.patients.items()} | {row.patient: row for row in rows}
        check_rows(state.design, everybody, latest_day(as_of) if state.dated else None)
        if wrong := wrong_cohort(state, rows, deviating=body.deviation is not None):
            raise RecordError(wrong)
        without = not_allowed(state, rows)
        if without and body.deviation is None:
            raise RecordError(
                f"{without}; if they were treated so all the same, enter them with the reason of the deviation"
            )
        if not without and body.deviation is not None:
            raise RecordError("deviation: these patients are as decided; leave the deviation out")
        return pen.write(body)


def latest_day(as_of: date | None) -> date:
    """Return the day after which no date can be: the one given, and never one that has not come anywhere."""
    return min(as_of or date.today(), date.today() + timedelta(days=1))


def _check_new(state: TrialState, rows: Iterable[PatientRow]) -> None:
    """Refuse patients who are there, or given twice; S1 and s1 are one patient, of whom two doses would be counted."""
    known = {name.casefold(): (name, patient.entered) for name, patient in state.patients.items()}
    given = set[str]()
    for row in rows:
        key = row.patient.casefold()
        if key in known:
            name, entered = known[key]
            raise RecordError(
                f"patient {row.patient}: is on record already{'' if name == row.patient else f' as {name}'}, "
                f"since entry {entered}; amend what is known of the patient"
            )
        if key in given:
            raise RecordError(f"patient {row.patient}: is given twice")
        given.add(key)


def amend(
    trial: str,
    patient: str,
    changes: Mapping[str, Any],
    actor: Actor,
    *,
    reason: str | None = None,
    as_of: date | None = None,
    seen: str | None = None,
) -> Entry:
    """Record what is known of a patient now: a first report, or a correction with its reason.

    Parameters
    ----------
    changes
        By field, what stands there from now on.

    Raises
    ------
    RecordError
        Where there is no such patient or field, nothing changes, the result cannot be, or a correction has no reason.
    """
    with store.appending(trial, actor, seen=seen) as pen:
        state = pen.trial
        require(state, actor, Act.AMEND)
        known = state.patients.get(patient)
        if known is None:
            who = did_you_mean(patient[:40], state.patients) if state.patients else "nobody is yet"
            raise RecordError(f"patient {patient[:40]}: is not on record; {who}")
        new = _changed(known.row, changes)
        before, after = known.row.model_dump(), new.model_dump()
        differs = {name: (before[name], after[name]) for name in after if before[name] != after[name]}
        corrected = [name for name, (old, now) in differs.items() if not fills_in(name, old, now, known.row)]
        if not differs:
            raise RecordError(f"patient {patient}: nothing changes; the record says so already")
        first, said = not corrected, reason_given(reason)
        if corrected and said is None:
            what = f"{', '.join(corrected)} of patient {patient} was on record already"
            if corrected == ["dlt_date"] and known.row.dlt_date is None:
                what = f"no DLT of patient {patient} was on record up to {known.row.last_follow_up}"
            raise RecordError(f"reason: is missing; {what}, so say why it changes")
        rows = {name: p.row for name, p in state.patients.items()} | {patient: new}
        check_rows(state.design, rows, latest_day(as_of) if state.dated else None)
        return pen.write(made(Amended, patient=patient, changes=differs, first_report=first, reason=said))


def withdraw(trial: str, patient: str, reason: str, actor: Actor, *, seen: str | None = None) -> Entry:
    """Record that a patient was entered in error: out of the data, and never out of the record.

    Raises
    ------
    RecordError
        Where there is no such patient, or no reason.
    """
    with store.appending(trial, actor, seen=seen) as pen:
        state = pen.trial
        require(state, actor, Act.AMEND)
        if patient not in state.patients:
            raise RecordError(f"patient {harmless(patient[:40])}: is not on record")
        said = reason_given(reason)
        if said is None:
            raise RecordError(f"reason: is missing; say why patient {patient} was entered in error")
        return pen.write(made(Withdrawn, patient=patient, reason=said))


PLACED = ("patient", "level", "cohort", "backfill")
"""Where a patient stands: never amended, because decisions and deviations are held against it when patients are entered."""


def _changed(row: PatientRow, changes: Mapping[str, Any]) -> PatientRow:
    where = f"patient {row.patient}"
    values = row.model_dump()
    for name, value in changes.items():
        if name in PLACED and value != values.get(name):
            raise RecordError(
                f"{where} {name}: is not amended, because what was decided counts it; record that the patient was entered in "
                "error, then enter the patient anew"
            )
        if name not in values:
            raise RecordError(f"{where} {name[:40]}: is not known; {did_you_mean(name[:40], values)}")
        values[name] = value
    try:
        return PatientRow.model_validate(values)
    except ValidationError as error:
        raise RecordError(f"{where} {in_words(error)}") from None


def fills_in(name: str, old: Any, new: Any, row: PatientRow | None = None) -> bool:
    """Return whether a change tells what was not known yet, or that follow-up went on.

    Parameters
    ----------
    row
        The patient as known before: a DLT of a day up to which none was seen is a correction.
    """
    if name == "dlt_date" and row is not None and new is not None and str(new) <= (row.last_follow_up or ""):
        return False
    if name == "last_follow_up" and old is not None and new is not None:
        return str(new) > str(old)
    if name == "response" and new is True:
        # None had been seen so far.
        return True
    return old is None and new is not None
