"""The recommendation as one large sentence, its reason as the next, and what one more DLT would have changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from escalate.core.dated_patients import DatedTrial, Patient
from escalate.core.moves import Action
from escalate.core.patients import Cohort, TrialData, from_outcomes
from escalate.study.recommend import recommend

if TYPE_CHECKING:
    from escalate.core.design import Design
    from escalate.core.moves import Reason
    from escalate.study.recommend import Recommendation

COMPLETES: Final = "complete_cohort"
"""The code of the reason where a cohort still lacks patients."""


@dataclass(frozen=True)
class Sentences:
    """A recommendation in sentences.

    Parameters
    ----------
    main
        What to do, in one sentence.
    because
        Why, as the recommendation says it.
    """

    main: str
    because: str


@dataclass(frozen=True)
class OneMoreDlt:
    """What the recommendation would be if one more patient had a DLT.

    Parameters
    ----------
    who
        Which patient.
    differs
        Whether action, level, MTD or the size of the next cohort would be others than they are.
    """

    who: str
    action: Action
    next_level: int | None
    mtd_level: int | None
    main: str
    because: str
    differs: bool


def dose_words(design: Design, level: int) -> str:
    """Return the dose of a level: amount and unit, and its label where it has one.

    Examples
    --------
    >>> from escalate.core.plan import Doses, Plan
    >>> dose_words(Plan(doses=Doses(unit="mg", levels=(10.0, 20.0)), max_patients=30), 2)
    '20 mg'
    >>> dose_words(Plan(doses=Doses(unit="mg", levels=(10.0, 20.0), labels=("weekly", "daily")), max_patients=30), 2)
    '20 mg (daily)'
    """
    return design.amount(level - 1)


def level_words(design: Design, level: int) -> str:
    """Return a level and its dose: `level 2 (20 mg)`, or `level 2 (20 mg; daily)` where it has a label."""
    label = f"; {design.doses.labels[level - 1]}" if design.doses.labels else ""
    return f"level {level} ({design.bare_amount(level - 1)}{label})"


def sentences(found: Recommendation) -> Sentences:
    """Return what to do in one sentence, and why."""
    return Sentences(_main(found), said(found.reasons))


def said(reasons: tuple[Reason, ...]) -> str:
    """Return reasons as one text, each a sentence."""
    return " ".join(reason.text[:1].upper() + reason.text[1:] for reason in reasons)


def mtd_sentence(design: Design, mtd_level: int | None) -> str:
    """Return what a trial that stops declares."""
    if mtd_level is None:
        return "Stop: no dose can be declared the MTD."
    return f"Stop: the MTD is {level_words(design, mtd_level)}."


def _main(found: Recommendation) -> str:
    design = found.design
    if found.action is Action.STOP:
        if found.as_of is not None and found.as_of.pending:
            return "Stop accrual: the MTD is selected when the pending outcomes are known."
        return mtd_sentence(design, found.mtd_level)
    if found.action is Action.SUSPEND:
        earliest = found.as_of.earliest if found.as_of is not None else None
        if earliest is None:
            return "Wait: outcomes are pending, and the next cohort is not treated until more of them are known."
        return f"Wait: outcomes are pending; the earliest change is on {earliest}, or sooner with a DLT."
    assert found.next_level is not None
    where, size = level_words(design, found.next_level), found.next_cohort_size or 0
    if found.reasons[0].code == COMPLETES:
        return f"Treat {_patients(size, 'more ')} at {where}: complete the cohort."
    which = "first" if found.action is Action.START else "next"
    many = f"{which} patient" if size == 1 else f"{which} {size} patients"
    return f"Treat the {many} at {where}: {found.action}."


def _patients(n: int, more: str = "") -> str:
    return f"{n} {more}patient{'s' * (n != 1)}"


def one_more_dlt(design: Design, data: TrialData | str, found: Recommendation) -> tuple[OneMoreDlt, ...]:
    """Return the recommendation if one more patient had a DLT: each pending one in turn, or else one of the last cohort.

    The same `recommend` is asked for the data with that DLT. Nothing where there is nobody without one.

    Parameters
    ----------
    found
        The recommendation for the data as they are.
    """
    trial = from_outcomes(data, design, design.outcomes) if isinstance(data, str) else data
    return tuple(_changed(design, who, other, found) for who, other in _with_one_more(design, trial))


def _changed(design: Design, who: str, trial: TrialData, found: Recommendation) -> OneMoreDlt:
    other = recommend(design, trial, design_sha256=found.provenance.design_sha256)
    now = (found.action, found.next_level, found.mtd_level, found.next_cohort_size)
    then = (other.action, other.next_level, other.mtd_level, other.next_cohort_size)
    both = sentences(other)
    return OneMoreDlt(
        who, other.action, other.next_level, other.mtd_level, both.main, both.because, differs=now != then
    )


def _with_one_more(design: Design, trial: TrialData) -> Iterator[tuple[str, TrialData]]:
    if isinstance(trial, DatedTrial):
        pending = trial.pending
        for patient in pending or _last_without(trial):
            when = "had a DLT now" if pending else "had had a DLT"
            yield f"If patient {patient.name} (level {patient.dose + 1}) {when}", _dated(trial, patient)
        return
    if not trial.cohorts:
        return
    last = trial.cohorts[-1]
    for k, outcome in enumerate(design.outcomes[:-1]):
        if not last.counts[k]:
            continue
        counts = [n - (c == k) for c, n in enumerate(last.counts)]
        counts[-1] += 1
        graded = f" instead of {outcome.name}" if len(design.outcomes) > 2 else ""
        who = f"If one more patient of the last cohort (level {last.dose + 1}) had had a DLT{graded}"
        yield who, replace(trial, cohorts=(*trial.cohorts[:-1], Cohort(last.dose, tuple(counts))))


def _last_without(trial: DatedTrial) -> tuple[Patient, ...]:
    """Return one patient of the last cohort who has had no DLT, if there is one: without dates they are alike."""
    there = (p for p in trial.patients if trial.numbers and p.cohort == trial.numbers[-1] and trial.counts(p))
    without = [p for p in there if not p.had_dlt(trial.as_of, trial.window)]
    return tuple(without[-1:])


def _dated(trial: DatedTrial, patient: Patient) -> DatedTrial:
    """Return the trial with a DLT of a patient today, or on the last day of the window where that is over."""
    day = min(trial.as_of, patient.treated + timedelta(days=trial.window))
    changed = tuple(replace(p, dlt=day) if p is patient else p for p in trial.patients)
    cohorts, k = list(trial.cohorts), None if patient.cohort is None else trial.numbers.index(patient.cohort)
    if k is not None:
        none, dlt = cohorts[k].counts
        cohorts[k] = Cohort(cohorts[k].dose, (none - 1, dlt + 1))
    return replace(trial, patients=changed, cohorts=tuple(cohorts))
