"""What the recommendation would be if one DLT of the last cohort had not been one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from escalate.core.dated_patients import DatedTrial
from escalate.core.patients import Cohort
from escalate.report.sentences import OneMoreDlt, sentences
from escalate.study.recommend import recommend

if TYPE_CHECKING:
    from escalate.core.dated_patients import Patient
    from escalate.core.design import Design
    from escalate.core.patients import TrialData
    from escalate.study.recommend import Recommendation


def one_dlt_fewer(design: Design, trial: TrialData, found: Recommendation) -> tuple[OneMoreDlt, ...]:
    """Return the recommendation if one DLT of the last cohort had been the next milder outcome.

    The same `recommend` is asked for the data without that DLT. Nothing where the last cohort has none.

    Parameters
    ----------
    found
        The recommendation for the data as they are.

    Examples
    --------
    >>> import escalate as esc
    >>> from escalate.core.patients import from_outcomes
    >>> design = esc.Design.from_dict({
    ...     "title": "example", "doses": {"unit": "mg", "levels": (10.0, 20.0, 40.0)}, "target": 0.3,
    ...     "max_patients": 30, "method": {"kind": "boin"}})
    >>> data = from_outcomes("1NNN 2NNT", design)
    >>> one_dlt_fewer(design, data, esc.recommend(design, data))[0].main
    'Treat the next 3 patients at level 3 (40 mg): escalate.'
    """
    now = (found.action, found.next_level, found.mtd_level, found.next_cohort_size)
    answers = []
    for who, other in _with_one_fewer(design, trial):
        then = recommend(design, other, design_sha256=found.provenance.design_sha256)
        differs = now != (then.action, then.next_level, then.mtd_level, then.next_cohort_size)
        said = sentences(then)
        answers.append(
            OneMoreDlt(who, then.action, then.next_level, then.mtd_level, said.main, said.because, differs=differs)
        )
    return tuple(answers)


def _with_one_fewer(design: Design, trial: TrialData) -> Iterator[tuple[str, TrialData]]:
    if isinstance(trial, DatedTrial):
        last = max(trial.numbers, default=None)
        for patient in trial.patients:
            if last is not None and patient.cohort == last and patient.had_dlt(trial.as_of, trial.window):
                yield f"If patient {patient.name} (level {patient.dose + 1}) had not had a DLT", _dated(trial, patient)
        return
    if not trial.cohorts or not trial.cohorts[-1].dlt:
        return
    last_cohort = trial.cohorts[-1]
    counts = list(last_cohort.counts)
    counts[-1] -= 1
    counts[-2] += 1
    milder = f" but {design.outcomes[-2].name}" if len(design.outcomes) > 2 else ""
    who = f"If one patient of the last cohort (level {last_cohort.dose + 1}) with a DLT had not had it{milder}"
    cohorts = (*trial.cohorts[:-1], Cohort(last_cohort.dose, tuple(counts)))
    yield who, replace(trial, cohorts=cohorts)


def _dated(trial: DatedTrial, patient: Patient) -> DatedTrial:
    """Return the trial without the DLT of a patient, who is then taken to be followed as far as the day looked at."""
    patients = tuple(replace(p, dlt=None, followed=None) if p is patient else p for p in trial.patients)
    cohorts, k = list(trial.cohorts), trial.numbers.index(patient.cohort or 0)
    none, dlt = cohorts[k].counts
    cohorts[k] = Cohort(cohorts[k].dose, (none + 1, dlt - 1))
    return replace(trial, patients=patients, cohorts=tuple(cohorts))
