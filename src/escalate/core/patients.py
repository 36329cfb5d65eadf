"""Trial data: a CSV with one line a patient, or an outcome string such as `1NNN 2NNT`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from escalate.core.errors import DataError
from escalate.core.outcome import BINARY, Outcome
from escalate.core.patient_rows import dose_at, dose_of, rows_of, whole, yes_or_no
from escalate.core.plan import Plan
from escalate.core.shown import Shown
from escalate.core.tally import States, Tally
from escalate.core.yaml_reader import decode, read_bytes

MAX_BYTES = 5_000_000
MAX_PATIENTS = 1000
_UNKNOWN = {"", "pending", "na", "n/a", "?"}


@dataclass(frozen=True)
class Cohort:
    """Patients given one dose before the next decision: dose 0-based, and how many had each outcome, shape (C,)."""

    dose: int
    counts: tuple[int, ...]

    @property
    def n(self) -> int:
        """Evaluable patients."""
        return sum(self.counts)

    @property
    def dlt(self) -> int:
        """DLTs."""
        return self.counts[-1]


@dataclass(frozen=True)
class TrialData(Shown):
    """The cohorts of a trial in order, a hash of what they were read from, and how many patients were not evaluable."""

    cohorts: tuple[Cohort, ...]
    sha256: str
    n_not_evaluable: int = 0

    def __repr__(self) -> str:
        cohorts = len(self.cohorts)
        return f"{type(self).__name__}({self.n} patient{'s' * (self.n != 1)}, {cohorts} cohort{'s' * (cohorts != 1)})"

    @property
    def n(self) -> int:
        """Evaluable patients."""
        return sum(cohort.n for cohort in self.cohorts)

    def prefixes(self, n_doses: int) -> States:
        """Return the state after each cohort, in order: S = number of cohorts, or the empty state alone."""
        n_outcomes = len(self.cohorts[0].counts) if self.cohorts else 2
        counts = np.zeros((max(len(self.cohorts), 1), n_doses, n_outcomes), dtype=np.int64)
        dose = np.zeros(len(counts), dtype=np.int64)
        cohort = np.zeros((len(counts), n_outcomes), dtype=np.int64)
        in_a_row = np.zeros(len(counts), dtype=np.int64)
        for k, each in enumerate(self.cohorts):
            cohort[k] = each.counts
            counts[k:, each.dose] += cohort[k]
            dose[k] = each.dose
            in_a_row[k] = in_a_row[k - 1] + 1 if k and dose[k] == dose[k - 1] else 1
        return States(Tally(counts), dose, cohort, in_a_row)

    def last(self, n_doses: int) -> States:
        """Return the state after the last cohort."""
        return self.prefixes(n_doses).take(np.array([-1]))


def from_outcomes(text: str, plan: Plan, outcomes: tuple[Outcome, ...] = BINARY) -> TrialData:
    """Read an outcome string: cohorts of a level and one letter a patient, T for a DLT, N for none.

    Parameters
    ----------
    outcomes
        What the letters may be, in order.

    Raises
    ------
    DataError
        Where a cohort is not of that form or its level does not exist.

    Examples
    --------
    >>> from escalate.core.plan import Doses
    >>> plan = Plan(doses=Doses(unit="mg", levels=(10.0, 20.0)), max_patients=30)
    >>> from_outcomes("1NNN 2NNT", plan).cohorts
    (Cohort(dose=0, counts=(3, 0)), Cohort(dose=1, counts=(2, 1)))
    """
    known = "".join(outcome.letter for outcome in outcomes)
    cohorts = []
    for k, word in enumerate(text.split(), start=1):
        match = re.fullmatch(r"(\d{1,3})([A-Za-z]*)", word, flags=re.ASCII)
        where = f"outcomes, cohort {k} ('{word[:40]}')"
        if match is None:
            raise DataError(
                f"{where}: write the dose level, then one letter a patient, T for a DLT and N for none: 2NNT"
            )
        level, letters = int(match[1]), match[2].upper()
        wrong = sorted(set(letters) - set(known))
        if wrong:
            raise DataError(f"{where}: '{wrong[0]}' is not an outcome; {_legend(outcomes)}")
        if not letters:
            raise DataError(f"{where}: has no patients; write one letter a patient after the level")
        cohorts.append(Cohort(dose_at(level, plan, where), tuple(letters.count(letter) for letter in known)))
    n = sum(cohort.n for cohort in cohorts)
    if n > MAX_PATIENTS:
        raise DataError(f"outcomes: hold {n} patients, more than the {MAX_PATIENTS} that any design may have")
    return TrialData(tuple(cohorts), hashlib.sha256(" ".join(text.split()).encode()).hexdigest())


def outcome_string(cohorts: Iterable[tuple[int, Sequence[int]]], outcomes: tuple[Outcome, ...] = BINARY) -> str:
    """Return cohorts, each a dose (0-based) and how many patients had each outcome, as the field writes them.

    Examples
    --------
    >>> outcome_string([(0, (3, 0)), (1, (2, 1))])
    '1NNN 2NNT'
    """
    return " ".join(
        f"{dose + 1}" + "".join(outcome.letter * n for outcome, n in zip(outcomes, counts, strict=True))
        for dose, counts in cohorts
    )


def _legend(outcomes: tuple[Outcome, ...]) -> str:
    if outcomes == BINARY:
        return "T is a DLT, N is none"
    return ", ".join(f"{outcome.letter} is {outcome.name}" for outcome in outcomes)


def read_patients(path: str | Path, plan: Plan, outcomes: tuple[Outcome, ...] = BINARY) -> TrialData:
    """Read a CSV with one line a patient: `patient, cohort, level` (or `dose`, the amount)`, dlt`; `-` is standard input.

    Where `outcomes` are more than two, a column `outcome` with their letters takes the place of `dlt`. Cohorts are put in the
    order of their numbers. Patients with `evaluable` 0 are left out and counted. Commas or semicolons separate; a byte-order
    mark and CRLF are accepted.

    Raises
    ------
    DataError
        With file and line, and what would be right.
    """
    raw = read_bytes(str(path), MAX_BYTES, "a CSV file of patients", DataError)
    return parse_patients(raw, "standard input" if str(path) == "-" else str(path), plan, outcomes)


def parse_patients(raw: bytes, name: str, plan: Plan, outcomes: tuple[Outcome, ...] = BINARY) -> TrialData:
    """Read the bytes of such a CSV; `name` is what its faults are told under.

    Raises
    ------
    DataError
        With name and line, and what would be right.
    """
    text = decode(raw, name, DataError)
    rows = list(rows_of(text, name, "dlt" if outcomes == BINARY else "outcome"))
    cohorts: dict[int, Cohort] = {}
    first_line: dict[str, int] = {}
    not_evaluable = 0
    for line, row in rows:
        where = f"{name}:{line}"
        if row.get("treated"):
            raise DataError(f"{where} treated: has dates of treatment; say which day is looked at: --as-of 2026-03-31")
        patient = row["patient"]
        if not patient:
            raise DataError(f"{where} patient: is empty; every patient needs an identifier")
        if patient in first_line:
            raise DataError(f"{where} patient: '{patient}' was already on line {first_line[patient]}")
        first_line[patient] = line
        number = whole(row["cohort"], f"{where} cohort")
        dose = dose_of(row, plan, where)
        if row.get("evaluable") and not yes_or_no(row["evaluable"], f"{where} evaluable"):
            if _had_a_dlt(row, outcomes, where):
                raise DataError(
                    f"{where} evaluable: patient '{patient[:40]}' had a DLT; a DLT makes a patient evaluable"
                )
            not_evaluable += 1
            continue
        category = _category(row, outcomes, where, patient)
        before = cohorts.get(number, Cohort(dose, (0,) * len(outcomes)))
        if before.dose != dose:
            raise DataError(
                f"{where} level: cohort {number} is at level {before.dose + 1} on an earlier line and at level {dose + 1} here; "
                "a cohort has one level"
            )
        cohorts[number] = Cohort(dose, tuple(n + (k == category) for k, n in enumerate(before.counts)))
    if len(first_line) > MAX_PATIENTS:
        raise DataError(
            f"{name}: holds {len(first_line)} patients, more than the {MAX_PATIENTS} that any design may have"
        )
    ordered = tuple(cohorts[number] for number in sorted(cohorts))
    return TrialData(ordered, hashlib.sha256(raw).hexdigest(), not_evaluable)


def _category(row: dict[str, str], outcomes: tuple[Outcome, ...], where: str, patient: str) -> int:
    """Return which of the outcomes a patient had."""
    column = "dlt" if outcomes == BINARY else "outcome"
    word = row[column].lower()
    if word in _UNKNOWN:
        raise DataError(
            f"{where} {column}: patient '{patient[:40]}' has no outcome yet; this design decides on complete cohorts: wait for it, "
            "or leave the whole cohort out"
        )
    if outcomes == BINARY:
        return int(yes_or_no(row["dlt"], f"{where} dlt"))
    for k, outcome in enumerate(outcomes):
        if word in (outcome.letter.lower(), outcome.name.lower()):
            return _agreeing_with_dlt(row, k, outcomes, where)
    raise DataError(f"{where} outcome: '{row['outcome'][:40]}' is not an outcome; {_legend(outcomes)}")


def _agreeing_with_dlt(row: dict[str, str], category: int, outcomes: tuple[Outcome, ...], where: str) -> int:
    """Refuse a graded outcome that a column `dlt`, where there is one, contradicts."""
    said = row.get("dlt", "")
    if said.lower() not in _UNKNOWN and yes_or_no(said, f"{where} dlt") != (category == len(outcomes) - 1):
        raise DataError(f"{where} dlt: {said[:40]} contradicts the outcome '{outcomes[category].letter}'")
    return category


def _had_a_dlt(row: dict[str, str], outcomes: tuple[Outcome, ...], where: str) -> bool:
    column = "dlt" if outcomes == BINARY else "outcome"
    known = row[column].lower() not in _UNKNOWN
    return known and _category(row, outcomes, where, row["patient"]) == len(outcomes) - 1
