"""Patients with dates: who is still within the DLT window on a given day, and what was known at each earlier decision."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np

from escalate.core.arrays import NONE, FloatArray, IntArray
from escalate.core.errors import DataError
from escalate.core.follow_up import FollowUp
from escalate.core.outcome import BINARY, Outcome
from escalate.core.patient_rows import dose_of, rows_of, whole, yes_or_no
from escalate.core.patients import MAX_BYTES, MAX_PATIENTS, Cohort, TrialData
from escalate.core.plan import Plan
from escalate.core.tally import States, Tally
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


@dataclass(frozen=True)
class Patient:
    """One patient: when treated and with what, and what was seen.

    Parameters
    ----------
    cohort
        Its number; None for a backfill patient, who stands beside the cohorts.
    dose
        0-based.
    dlt
        The day of the toxicity that would be dose-limiting within the window.
    followed
        The last day on which the patient was known to have had none; None where follow-up goes on.
    reason
        Why the patient is not evaluable, from the day `followed`; None for one who is.
    responded
        Whether a response was seen; None where it is not recorded.
    """

    name: str
    cohort: int | None
    dose: int
    treated: date
    dlt: date | None = None
    followed: date | None = None
    reason: str | None = None
    responded: bool | None = None

    def seen(self, day: date, window: int) -> float | None:
        """Return the share of the window seen without a DLT by a day: 1 where the outcome is known, None where not evaluable."""
        if self.had_dlt(day, window):
            return 1.0
        last = day if self.followed is None else min(day, self.followed)
        days = (last - self.treated).days
        if days >= window:
            return 1.0
        if self.reason is not None and self.followed is not None and day >= self.followed:
            return None
        return max(days, 0) / window

    def had_dlt(self, day: date, window: int) -> bool:
        """Return whether a DLT had been seen by a day; one on the last day of the window counts."""
        return self.dlt is not None and self.dlt <= day and (self.dlt - self.treated).days <= window


@dataclass(frozen=True)
class DatedTrial(TrialData):
    """A trial as it stands on one day, and as it stood at each decision before.

    Parameters
    ----------
    patients
        In the order of the file.
    as_of
        The day looked at.
    window
        Days of the DLT window.
    assumed_followed
        Patients whose follow-up is taken to `as_of`, because no last day is given.
    """

    patients: tuple[Patient, ...] = ()
    as_of: date = date.min
    window: int = 1
    assumed_followed: int = 0

    @property
    def pending(self) -> tuple[Patient, ...]:
        """Patients whose outcome is not known on the day."""
        return tuple(p for p in self.patients if (p.seen(self.as_of, self.window) or 0.0) < 1 and self._counts(p))

    @property
    def late(self) -> tuple[Patient, ...]:
        """Patients whose toxicity came after the window: no DLT by the design, but safety data."""
        return tuple(p for p in self.patients if p.dlt is not None and (p.dlt - p.treated).days > self.window)

    def responders(self, n_doses: int) -> IntArray | None:
        """Return patients with a response by dose, shape (J,); None where responses are not recorded."""
        if all(p.responded is None for p in self.patients):
            return None
        found = np.zeros(n_doses, dtype=np.int64)
        for patient in self.patients:
            found[patient.dose] += bool(patient.responded)
        return found

    def prefixes(self, n_doses: int) -> States:
        """Return the state at each decision, as it was known then: the last one is that of the day looked at."""
        days = [*self._decision_days(), self.as_of]
        return self._states(n_doses, [(day, k + 1) for k, day in enumerate(days)])

    def later(self, n_doses: int, days: int) -> States:
        """Return the states of the following days if no further DLT is seen and everybody is followed; S = days."""
        going_on = tuple(
            replace(p, followed=None) if p.reason is None and self._counts(p) else p for p in self.patients
        )
        trial = replace(self, patients=going_on)
        asked = [(self.as_of + timedelta(days=day), len(self.cohorts)) for day in range(1, days + 1)]
        return trial._states(n_doses, asked)

    def _counts(self, patient: Patient) -> bool:
        return patient.seen(self.as_of, self.window) is not None

    def _numbers(self) -> list[int]:
        return sorted({p.cohort for p in self.patients if p.cohort is not None and self._counts(p)})

    def _decision_days(self) -> list[date]:
        """Return the day on which each cohort but the first began."""
        return [min(p.treated for p in self.patients if p.cohort == number) for number in self._numbers()[1:]]

    def _states(self, n_doses: int, asked: Sequence[tuple[date, int]]) -> States:
        """Return the state on each day, of the first so many cohorts and of the backfill patients treated before."""
        numbers = self._numbers()
        doses = {p.cohort: p.dose for p in self.patients if p.cohort is not None}
        counts = np.zeros((len(asked), n_doses, 2), dtype=np.int64)
        cohort = np.zeros((len(asked), 2), dtype=np.int64)
        dose, in_a_row = np.zeros(len(asked), dtype=np.int64), np.ones(len(asked), dtype=np.int64)
        backfilled = np.zeros((len(asked), n_doses), dtype=np.int64)
        pending: list[list[tuple[int, float]]] = []
        dlts: list[list[float]] = []
        for s, (day, k) in enumerate(asked):
            known = set(numbers[:k])
            dose[s] = doses[numbers[k - 1]]
            while in_a_row[s] < k and doses[numbers[k - 1 - int(in_a_row[s])]] == dose[s]:
                in_a_row[s] += 1
            waiting, shares = [], []
            for patient in self.patients:
                share = patient.seen(day, self.window)
                if (
                    patient.treated > day
                    or share is None
                    or (patient.cohort is not None and patient.cohort not in known)
                ):
                    continue
                dlt = patient.had_dlt(day, self.window)
                counts[s, patient.dose, int(dlt)] += 1
                backfilled[s, patient.dose] += patient.cohort is None
                if patient.cohort == numbers[k - 1]:
                    cohort[s, int(dlt)] += 1
                if dlt and patient.dlt is not None:
                    shares.append(max((patient.dlt - patient.treated).days, 0.5) / self.window)
                elif share < 1:
                    waiting.append((patient.dose, share))
            pending.append(waiting)
            dlts.append(sorted(shares))
        beside = backfilled if backfilled.any() else None
        return States(Tally(counts, _padded(pending, dlts), beside), dose, cohort, in_a_row)


def _padded(pending: list[list[tuple[int, float]]], dlts: list[list[float]]) -> FollowUp | None:
    widest, most = max(map(len, pending)), max(map(len, dlts))
    if not widest:
        return None
    dose = np.full((len(pending), widest), NONE, dtype=np.int64)
    share: FloatArray = np.zeros((len(pending), widest))
    shares: FloatArray = np.full((len(pending), most), np.nan)
    for s, (waiting, seen) in enumerate(zip(pending, dlts, strict=True)):
        for i, (at, how_far) in enumerate(waiting):
            dose[s, i], share[s, i] = at, how_far
        shares[s, : len(seen)] = seen
    return FollowUp(dose, share, shares)


# --- reading -----------------------------------------------------------------------------------------------------------


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
    if plan.dlt_window is None:
        raise DataError(
            "--as-of: the design has no DLT window to hold the dates against; add 'dlt_window: 28' (days) to it"
        )
    if outcomes != BINARY:
        raise DataError(
            "--as-of: this design grades outcomes, and dates are looked at for DLTs alone; leave out --as-of"
        )
    raw = read_bytes(str(path), MAX_BYTES, "a CSV file of patients", DataError)
    name = "standard input" if str(path) == "-" else str(path)
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
            f"--as-of: {as_of} is before the first patient was treated, {first}; give that day or a later one"
        )
    for patient in patients:
        _not_after(patient, as_of, f"{name}:{line_of[patient.name]}")
    _check_cohorts(patients, line_of, name)
    trial = DatedTrial((), hashlib.sha256(raw).hexdigest(), 0, tuple(patients), as_of, plan.dlt_window)
    waiting = trial.pending
    return replace(
        trial,
        cohorts=tuple(_cohorts(trial)),
        n_not_evaluable=sum(p.seen(as_of, plan.dlt_window) is None for p in patients),
        assumed_followed=sum(p.followed is None for p in waiting),
    )


def _cohorts(trial: DatedTrial) -> Iterator[Cohort]:
    for number in trial._numbers():
        there = [p for p in trial.patients if p.cohort == number and trial._counts(p)]
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
    reason = _reason(row, dlt is not None and (dlt - treated).days <= (plan.dlt_window or 0), followed, where)
    return Patient(name, cohort, dose, treated, dlt, followed, reason, responded)


def _reason(row: dict[str, str], had_dlt: bool, followed: date | None, where: str) -> str | None:
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
