"""What people should know beside a recommendation: what was left out or assumed, and where a trial left its design."""

from __future__ import annotations

import numpy as np

from escalate.core.arrays import NONE
from escalate.core.dated_patients import DatedTrial
from escalate.core.decision import Decisions, cohort_size
from escalate.core.design import Design
from escalate.core.patients import TrialData
from escalate.core.tally import States, Tally


def data_notes(design: Design, trial: TrialData) -> tuple[str, ...]:
    """Say who was left out, what was assumed of follow-up, and what came after the window."""
    n = trial.n_not_evaluable
    notes = [f"{n} patient{'s' if n > 1 else ''} not evaluable for DLT left out."] if n else []
    if not isinstance(trial, DatedTrial):
        return tuple(notes)
    if trial.assumed_followed:
        n = trial.assumed_followed
        notes.append(
            f"{n} patient{'s' if n > 1 else ''} without a DLT and without last_follow_up: taken to be followed up to {trial.as_of}."
        )
    if trial.overdue:
        names = ", ".join(p.name for p in trial.overdue[:5])
        notes.append(
            f"The window is over for {names}, last followed before its end: the outcome is known with a later last_follow_up."
        )
    for patient in trial.late:
        days = (patient.dlt - patient.treated).days if patient.dlt else 0
        notes.append(
            f"Patient {patient.name} had a toxicity on day {days}, after the window of {trial.window} days: no DLT by the design, "
            "but safety data."
        )
    if design.backfill is not None and not design.backfill.counts_in_tally:
        n = sum(patient.cohort is None for patient in trial.patients)
        notes += [f"{n} backfilled patients are not counted, as the design says."] if n else []
    return tuple(notes)


def notes_on(design: Design, trial: TrialData, history: States, decisions: Decisions) -> tuple[str, ...]:
    """Name cohorts whose level or size was not what the design said at the time."""
    # What is known of a day can change later: a DLT reported late, or one withdrawn.
    had_said = "on today's data the design would have said" if isinstance(trial, DatedTrial) else "the design had said"
    notes = list(data_notes(design, trial))
    nothing = Tally(np.zeros((1, design.n_doses, len(design.outcomes)), dtype=np.int64))
    asked = [design.start_dose, *decisions.next[:-1].tolist()]
    for k, (cohort, wanted) in enumerate(zip(trial.cohorts, asked, strict=True), start=1):
        if wanted == NONE:
            notes.append(f"Cohort {k} was given at level {cohort.dose + 1} although the design had stopped the trial.")
        elif wanted != cohort.dose:
            notes.append(f"Cohort {k} was given at level {cohort.dose + 1}; {had_said} level {wanted + 1}.")
        elif k > 1 and decisions.waits[k - 2]:
            notes.append(f"Cohort {k} was begun although {had_said} to wait for pending outcomes.")
        else:
            before = history.tally.take(np.array([k - 2])) if k > 1 else nothing
            size = int(cohort_size(design, before, np.array([wanted]))[0])
            if cohort.n != size:
                notes.append(
                    f"Cohort {k} has {cohort.n} evaluable patient{'s' * (cohort.n > 1)}; the design had said {size}."
                )
    if history.tally.n_escalated[-1] > design.max_patients:
        notes.append(
            f"There are more patients ({int(history.tally.n_escalated[-1])}) than the design allows ({design.max_patients})."
        )
    return tuple(notes)
