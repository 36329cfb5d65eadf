"""The data of a trial as the CSV that every command reads: what the record says and what is computed cannot differ."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from datetime import date

from escalate.conduct.bodies import PatientRow
from escalate.conduct.chain import sha256
from escalate.conduct.errors import RecordError
from escalate.conduct.state import TrialState
from escalate.core.design import Design
from escalate.core.errors import DataError
from escalate.core.outcome import BINARY
from escalate.core.patients import TrialData, parse_patients
from escalate.core.read_dated import parse_dated

_DATED = (
    "patient",
    "cohort",
    "level",
    "treated",
    "dlt_date",
    "last_follow_up",
    "evaluable",
    "reason",
    "backfill",
    "response",
)
_PLAIN = ("patient", "cohort", "level", "dlt", "evaluable", "reason")
_GRADED = ("patient", "cohort", "level", "outcome", "evaluable", "reason")


def columns(design: Design) -> tuple[str, ...]:
    """Return the columns that patients of a design have."""
    if design.outcomes != BINARY:
        return _GRADED
    return _PLAIN if design.dlt_window is None else _DATED


def snapshot(state: TrialState) -> str:
    """Return the CSV of all patients, as known now."""
    return csv_of(state.design, [patient.row for patient in state.patients.values()])


def csv_of(design: Design, rows: list[PatientRow]) -> str:
    """Return the CSV of patients."""
    names = columns(design)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        values = row.model_dump()
        writer.writerow([_cell(values[name]) for name in names])
    return out.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return str(int(value))
    return "" if value is None else str(value)


def read(design: Design, text: str, as_of: date | None) -> TrialData:
    """Return the trial data of a snapshot.

    Raises
    ------
    DataError
        Where they cannot be used; patients are named, not lines.
    """
    raw = text.encode("utf-8")
    try:
        if design.outcomes == BINARY and design.dlt_window is not None:
            return parse_dated(raw, "data", design, as_of or date.today(), design.outcomes)
        return parse_patients(raw, "data", design, design.outcomes)
    except DataError as error:
        raise DataError(_by_patient(str(error), text)) from None


def _by_patient(said: str, text: str) -> str:
    """Return a fault told by patient in place of file and line."""
    lines = text.splitlines()

    def named(match: re.Match[str]) -> str:
        number = int(match[1])
        return f"patient {lines[number - 1].split(',')[0]}" if 1 < number <= len(lines) else "data"

    return re.sub(r"data:(\d+)", named, said)


def data_of(state: TrialState, as_of: date | None) -> TrialData:
    """Return the trial data as known now.

    Raises
    ------
    DataError
        As `read`.
    """
    return read(state.design, snapshot(state), as_of)


def data_sha256(state: TrialState) -> str:
    """Return the hash of the data as known now: the same that every command prints of the CSV."""
    return sha256(snapshot(state))


def check_rows(design: Design, rows: Mapping[str, PatientRow], as_of: date | None) -> None:
    """Refuse patients who cannot be, all told together as the commands would; an outcome not known yet is no fault.

    Raises
    ------
    RecordError
        With patient and field, and what would be right.
    """
    dated = design.outcomes == BINARY and design.dlt_window is not None
    used = set(columns(design))
    for row in rows.values():
        _check_fields(design, row, used, dated)
    complete = rows.values() if dated else [row for row in rows.values() if outcome_known(design, row)]
    try:
        if complete:
            read(design, csv_of(design, list(complete)), as_of)
    except DataError as error:
        raise RecordError(str(error)) from None
    _check_levels(rows)


def _check_fields(design: Design, row: PatientRow, used: set[str], dated: bool) -> None:
    where = f"patient {row.patient}"
    if row.level > design.n_doses:
        raise RecordError(f"{where} level: {row.level} does not exist; the design has levels 1 to {design.n_doses}")
    if row.cohort is None and not row.backfill:
        raise RecordError(f"{where} cohort: is missing; every patient but one of a backfill belongs to a cohort")
    if row.backfill and not (dated and design.backfill is not None):
        raise RecordError(f"{where} backfill: this design has no backfill")
    blank = PatientRow(patient="1", level=1)
    for name, value in row.model_dump().items():
        if name not in used and value != getattr(blank, name):
            raise RecordError(
                f"{where} {name}: is not used by this design, whose patients have {', '.join(columns(design))}"
            )
    if dated and row.treated is None:
        raise RecordError(f"{where} treated: is missing; this design looks at days, so give the day of the first dose")
    if not dated and not row.evaluable and row.reason is None:
        raise RecordError(f"{where} reason: is missing; say why the patient is not evaluable")
    if row.evaluable and row.reason is not None:
        raise RecordError(f"{where} reason: is for patients who are not evaluable; say so, or leave it out")


def outcome_known(design: Design, row: PatientRow) -> bool:
    """Return whether the outcome of a patient without dates is known, or will not be."""
    return not row.evaluable or (row.dlt if design.outcomes == BINARY else row.outcome) is not None


def _check_levels(rows: Mapping[str, PatientRow]) -> None:
    first: dict[int, PatientRow] = {}
    for row in rows.values():
        if row.cohort is None:
            continue
        other = first.setdefault(row.cohort, row)
        if other.level != row.level:
            raise RecordError(
                f"patient {row.patient} level: cohort {row.cohort} is at level {other.level}, not {row.level}; "
                "a cohort has one level"
            )


def waiting_for(state: TrialState) -> tuple[str, ...]:
    """Return the study numbers of patients whose outcome a design without dates waits for."""
    design = state.design
    if state.dated:
        return ()
    return tuple(name for name, p in state.patients.items() if not outcome_known(design, p.row))
