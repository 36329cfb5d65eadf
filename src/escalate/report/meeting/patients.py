"""Patients by study number, as a listing shows them, and counted by level and by cohort."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from escalate.core.dated_patients import DatedTrial
from escalate.core.errors import harmless
from escalate.core.outcome import BINARY
from escalate.core.patient_rows import dose_of, rows_of, whole, yes_or_no

if TYPE_CHECKING:
    from escalate.conduct.bodies import PatientRow
    from escalate.core.dated_patients import Patient
    from escalate.core.design import Design
    from escalate.core.patients import TrialData


@dataclass(frozen=True)
class PatientLine:
    """One patient.

    Parameters
    ----------
    cohort
        None for a backfilled patient.
    level
        Counted from 1.
    category
        Which of the outcomes of the design it is; None where it is not known, or the patient is not evaluable.
    said
        The outcome in words.
    treated, followed
        Days, where the design looks at them.
    """

    patient: str
    cohort: int | None
    level: int
    evaluable: bool
    category: int | None
    said: str
    treated: str = ""
    followed: str = ""

    @property
    def pending(self) -> bool:
        """Whether the outcome is not known yet."""
        return self.evaluable and self.category is None


@dataclass(frozen=True)
class Count:
    """Patients of a level or a cohort: all, those evaluable, by outcome, and those whose outcome is not known."""

    patients: int
    evaluable: int
    by_outcome: tuple[int, ...]
    pending: int

    @property
    def dlts(self) -> int:
        """DLTs."""
        return self.by_outcome[-1]


def lines_of(design: Design, data: TrialData | None, text: str | None = None) -> tuple[PatientLine, ...]:
    """Return the patients by study number; nothing where the data have none.

    Parameters
    ----------
    text
        The CSV that the data were read from.
    """
    if isinstance(data, DatedTrial):
        return tuple(_dated(data, patient) for patient in data.patients)
    return () if text is None else tuple(_read(design, text))


def _dated(data: DatedTrial, patient: Patient) -> PatientLine:
    seen, dlt = patient.seen(data.as_of, data.window), patient.had_dlt(data.as_of, data.window)
    if dlt:
        said = f"DLT on {patient.dlt}"
    elif seen is None:
        said = f"not evaluable ({harmless(patient.reason or '')})" if patient.reason else "not evaluable"
    elif seen < 1:
        said = f"pending: {round(seen * data.window)} of {data.window} days"
    elif patient in data.late:
        said = f"no DLT in the window; toxicity on {patient.dlt}"
    else:
        said = "no DLT"
    known = seen is not None and seen >= 1
    followed = "" if patient.followed is None else str(patient.followed)
    return PatientLine(
        harmless(patient.name),
        patient.cohort,
        patient.dose + 1,
        seen is not None,
        int(dlt) if known else None,
        said,
        str(patient.treated),
        followed,
    )


def _read(design: Design, text: str) -> Iterator[PatientLine]:
    column = "dlt" if design.outcomes == BINARY else "outcome"
    for line, row in rows_of(text, "data", column):
        where = f"data:{line}"
        evaluable = not row.get("evaluable") or yes_or_no(row["evaluable"], f"{where} evaluable")
        level = dose_of(row, design, where) + 1
        category = _category(design, row[column], where) if evaluable else None
        said = outcome_words(design, category) if evaluable else _not_evaluable(row.get("reason"))
        yield PatientLine(
            harmless(row["patient"]), whole(row["cohort"], f"{where} cohort"), level, evaluable, category, said
        )


def _category(design: Design, word: str, where: str) -> int:
    if design.outcomes == BINARY:
        return int(yes_or_no(word, where))
    names = [{outcome.letter.lower(), outcome.name.lower()} for outcome in design.outcomes]
    return next(k for k, known in enumerate(names) if word.lower() in known)


def of_row(design: Design, row: PatientRow) -> PatientLine:
    """Return a patient of a record whose design looks at no days."""
    letters = [outcome.letter for outcome in design.outcomes]
    category = None
    if row.evaluable:
        category = int(row.dlt) if row.dlt is not None else letters.index(row.outcome) if row.outcome else None
    said = outcome_words(design, category) if row.evaluable else _not_evaluable(row.reason)
    return PatientLine(row.patient, row.cohort, row.level, row.evaluable, category, said)


def outcome_words(design: Design, category: int | None) -> str:
    """Return an outcome in words."""
    if category is None:
        return "not known yet"
    if design.outcomes == BINARY:
        return "DLT" if category else "no DLT"
    outcome = design.outcomes[category]
    return f"{outcome.letter}: {outcome.name}"


def _not_evaluable(reason: str | None) -> str:
    return f"not evaluable ({harmless(reason)})" if reason else "not evaluable"


def by_level(design: Design, patients: tuple[PatientLine, ...], data: TrialData | None) -> tuple[Count, ...]:
    """Return the patients of each level, lowest first."""
    if patients or data is None:
        return tuple(
            _count(design, [line for line in patients if line.level == level]) for level in range(1, design.n_doses + 1)
        )
    found = []
    for dose in range(design.n_doses):
        there = [cohort.counts for cohort in data.cohorts if cohort.dose == dose]
        counts = tuple(map(sum, zip(*there, strict=True))) if there else (0,) * len(design.outcomes)
        found.append(Count(sum(counts), sum(counts), counts, 0))
    return tuple(found)


def by_cohort(
    design: Design, patients: tuple[PatientLine, ...], data: TrialData | None
) -> tuple[tuple[str, int, Count], ...]:
    """Return name, level and patients of each cohort in order, backfilled patients last, level by level."""
    if patients or data is None:
        found = []
        for number in sorted({line.cohort for line in patients if line.cohort is not None}):
            there = [line for line in patients if line.cohort == number]
            found.append((str(number), there[0].level, _count(design, there)))
        filled = [line for line in patients if line.cohort is None]
        found += [
            ("backfill", level, _count(design, [line for line in filled if line.level == level]))
            for level in sorted({line.level for line in filled})
        ]
        return tuple(found)
    return tuple(
        (str(k), cohort.dose + 1, Count(cohort.n, cohort.n, cohort.counts, 0))
        for k, cohort in enumerate(data.cohorts, start=1)
    )


def _count(design: Design, lines: list[PatientLine]) -> Count:
    by_outcome = tuple(sum(line.category == k for line in lines) for k in range(len(design.outcomes)))
    return Count(len(lines), sum(line.evaluable for line in lines), by_outcome, sum(line.pending for line in lines))
