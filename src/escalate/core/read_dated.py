"""Read a CSV of patients with dates, every fault with its file, line and column."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path

from escalate.core.dated_patients import DatedTrial, Patient
from escalate.core.errors import DataError
from escalate.core.outcome import BINARY, Outcome
from escalate.core.patient_rows import dose_of, rows_of, whole, yes_or_no
from escalate.core.patients import MAX_BYTES, MAX_PATIENTS, Cohort
from escalate.core.plan import Plan
from escalate.core.yaml_reader import decode, read_bytes

REASONS = (
    "progression",
    "death",
    "withdrawal",
    "lost_to_follow_up",
    "intercurrent_illness",
    "insufficient_dose",
    "protocol_deviation",
    "other_treatment",
)
"""Why a patient without a DLT is not evaluable."""
WHATEVER_FOLLOWED = ("insufficient_dose", "protocol_deviation", "other_treatment")
"""Reasons that hold also after the whole window."""


def day_of(text: str, where: str) -> date:
    """Return a date written as 2026-03-31.

    Raises
    ------
    DataError
        Where it is written otherwise, has a time of day or a time zone, or is not in the calendar.

    Examples
    --------
    >>> day_of("2026-03-31", "treated")
    datetime.date(2026, 3, 31)
    """
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, flags=re.ASCII):
        if re.match(r"\d{4}-\d{2}-\d{2}[T ]", text, flags=re.ASCII):
            raise DataError(
                f"{where}: '{text[:40]}' has a time of day or a time zone; write the local calendar day alone: 2026-03-31"
            )
        raise DataError(f"{where}: '{text[:40]}' is not an ISO date; write year-month-day: 2026-03-31")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise DataError(f"{where}: {text} is not in the calendar; check month and day") from None


def read_dated(path: str | Path, plan: Plan, as_of: date, outcomes: tuple[Outcome, ...] = BINARY) -> DatedTrial:
    """Read a CSV of patients with dates, as the trial stands on a day.

    Columns `patient, cohort, level` (or `dose`), `treated`, `dlt_date`, and where they are known `last_follow_up`, `evaluable`
    with its `reason`, `backfill`, `response`. Dates are calendar days, 2026-03-31.

    Raises
    ------
    DataError
        With file and line, and what would be right.
    """
    _check_plan(plan, outcomes)
    raw = read_bytes(str(path), MAX_BYTES, "a CSV file of patients", DataError)
    return parse_dated(raw, "standard input" if str(path) == "-" else str(path), plan, as_of, outcomes)


def _check_plan(plan: Plan, outcomes: tuple[Outcome, ...]) -> None:
    if plan.dlt_window is None:
        raise DataError(
            "--as-of: the design has no DLT window to hold the dates against; add 'dlt_window: 28' (days) to it"
        )
    if outcomes != BINARY:
        raise DataError(
            "--as-of: this design grades outcomes, and dates are looked at for DLTs alone; leave out --as-of"
        )


def parse_dated(raw: bytes, name: str, plan: Plan, as_of: date, outcomes: tuple[Outcome, ...] = BINARY) -> DatedTrial:
    """Read the bytes of such a CSV; `name` is what its faults are told under.

    Raises
    ------
    DataError
        With name and line, and what would be right.
    """
    _check_plan(plan, outcomes)
    assert plan.dlt_window is not None
    patients: list[Patient] = []
    line_of: dict[str, int] = {}
    for line, row in rows_of(decode(raw, name, DataError), name, "treated"):
        patient = _patient(row, plan, f"{name}:{line}")
        if patient.name in line_of:
            raise DataError(f"{name}:{line} patient: '{patient.name}' was already on line {line_of[patient.name]}")
        line_of[patient.name] = line
        patients.append(patient)
    if len(patients) > MAX_PATIENTS:
        raise DataError(
            f"{name}: holds {len(patients)} patients, more than the {MAX_PATIENTS} that any design may have"
        )
    if patients and as_of < min(p.treated for p in patients):
        first = min(p.treated for p in patients)
        raise DataError(
            f"--as-of: {as_of} is before the first patient of {name} was treated, {first}; give that day or a later one"
        )
    for patient in patients:
        _not_after(patient, as_of, f"{name}:{line_of[patient.name]}")
    _check_cohorts(patients, line_of, name)
    if all(p.cohort is None or p.seen(as_of, plan.dlt_window) is None for p in patients) and any(
        p.cohort is None for p in patients
    ):
        raise DataError(
            f"{name}: has backfilled patients, but no patient of a cohort who can be judged; there is nothing to decide on"
        )
    trial = DatedTrial((), hashlib.sha256(raw).hexdigest(), 0, tuple(patients), as_of, plan.dlt_window)
    return replace(
        trial,
        cohorts=tuple(_cohorts(trial)),
        n_not_evaluable=sum(p.seen(as_of, plan.dlt_window) is None for p in patients),
        assumed_followed=sum(p.followed is None and p.dlt is None for p in patients),
    )


def _cohorts(trial: DatedTrial) -> Iterator[Cohort]:
    for number in trial.numbers:
        there = [p for p in trial.patients if p.cohort == number and trial.counts(p)]
        dlts = sum(p.had_dlt(trial.as_of, trial.window) for p in there)
        yield Cohort(there[0].dose, (len(there) - dlts, dlts))


def _patient(row: dict[str, str], plan: Plan, where: str) -> Patient:
    name = row["patient"]
    if not name:
        raise DataError(f"{where} patient: is empty; every patient needs an identifier")
    dose = dose_of(row, plan, where)
    if not row["treated"]:
        raise DataError(f"{where} treated: is empty; give the day of the first dose, or leave out who was not treated")
    treated = day_of(row["treated"], f"{where} treated")
    backfill = bool(row.get("backfill")) and yes_or_no(row["backfill"], f"{where} backfill")
    if backfill and row["cohort"]:
        raise DataError(f"{where} cohort: a backfill patient belongs to no cohort; leave it empty")
    cohort = None if backfill else whole(row["cohort"], f"{where} cohort")
    dlt, followed = (
        day_of(row[column], f"{where} {column}") if row.get(column) else None
        for column in ("dlt_date", "last_follow_up")
    )
    if dlt is not None and dlt < treated:
        raise DataError(f"{where} dlt_date: {dlt} is before the treatment, {treated}; a DLT comes on that day or later")
    if followed is not None and followed < treated:
        raise DataError(f"{where} last_follow_up: {followed} is before the treatment, {treated}")
    if dlt is not None and followed is not None and dlt > followed:
        raise DataError(f"{where} dlt_date: {dlt} is after the last follow-up, {followed}; one of them is wrong")
    if row.get("dlt") and yes_or_no(row["dlt"], f"{where} dlt") != (dlt is not None):
        raise DataError(f"{where} dlt: {row['dlt'][:40]} contradicts dlt_date, which is {dlt or 'empty'}")
    responded = yes_or_no(row["response"], f"{where} response") if row.get("response") else None
    window = plan.dlt_window or 0
    had_dlt = dlt is not None and (dlt - treated).days <= window
    complete = followed is not None and (followed - treated).days >= window
    reason = _reason(row, had_dlt, complete, followed, where)
    return Patient(name, cohort, dose, treated, dlt, followed, reason, responded)


def _reason(row: dict[str, str], had_dlt: bool, complete: bool, followed: date | None, where: str) -> str | None:
    """Return why a patient is not evaluable, or None for one who is."""
    evaluable = not row.get("evaluable") or yes_or_no(row["evaluable"], f"{where} evaluable")
    reason = row.get("reason", "").lower()
    if evaluable:
        if reason:
            raise DataError(
                f"{where} reason: is for patients who are not evaluable; write evaluable 0, or leave it empty"
            )
        return None
    if had_dlt:
        raise DataError(f"{where} evaluable: the patient had a DLT; a DLT makes a patient evaluable")
    if reason not in REASONS:
        said = f"'{reason[:40]}' is not known" if reason else "is empty"
        raise DataError(f"{where} reason: {said}; one of {', '.join(REASONS)}")
    if complete and reason not in WHATEVER_FOLLOWED:
        raise DataError(
            f"{where} evaluable: the patient was followed for the whole window without a DLT, and so is evaluable; only "
            f"{', '.join(WHATEVER_FOLLOWED)} would change that"
        )
    if followed is None:
        raise DataError(f"{where} last_follow_up: is empty; a patient who is not evaluable was followed to some day")
    return reason


def _not_after(patient: Patient, as_of: date, where: str) -> None:
    for column, day in (("treated", patient.treated), ("dlt_date", patient.dlt), ("last_follow_up", patient.followed)):
        if day is not None and day > as_of:
            raise DataError(
                f"{where} {column}: {day} is after the day looked at, {as_of}; give a later --as-of, or the data of that day"
            )


def _check_cohorts(patients: list[Patient], line_of: dict[str, int], name: str) -> None:
    first: dict[int, Patient] = {}
    for patient in patients:
        if patient.cohort is None:
            continue
        other = first.setdefault(patient.cohort, patient)
        if other.dose != patient.dose:
            raise DataError(
                f"{name}:{line_of[patient.name]} level: cohort {patient.cohort} is at level {other.dose + 1} on an earlier line "
                f"and at level {patient.dose + 1} here; a cohort has one level"
            )
    began = {number: min((p for p in patients if p.cohort == number), key=lambda p: p.treated) for number in first}
    numbers = sorted(began)
    for before, after in pairwise(numbers):
        if began[after].treated < began[before].treated:
            raise DataError(
                f"{name}:{line_of[began[after].name]} treated: cohort {after} began on {began[after].treated}, before cohort "
                f"{before}, {began[before].treated}; cohorts are numbered in the order in which they began"
            )
