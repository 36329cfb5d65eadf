"""What a day adds to a recommendation: who is pending, how long a wait can last, and what changed in the data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from escalate.core.arrays import Mask
from escalate.core.dated_patients import DatedTrial, Patient
from escalate.core.decision import decide
from escalate.core.design import Design


@dataclass(frozen=True)
class PendingPatient:
    """A patient within the DLT window: followed for so many days without a DLT, and the day on which the window ends."""

    patient: str
    level: int
    treated: date
    days: int
    window_ends: date


@dataclass(frozen=True)
class Change:
    """What differs in one patient's data from those looked at before."""

    patient: str
    text: str


@dataclass(frozen=True)
class AsOf:
    """A trial on one day.

    Parameters
    ----------
    day, window
        The day looked at, and the days of the DLT window.
    earliest
        Where accrual waits, the first day on which the answer changes if no further DLT is seen; a DLT can change it sooner.
    changes
        What differs from the data looked at before; None where no such were given.
    before
        What the answer would be on this day with the data looked at before.
    """

    day: date
    window: int
    pending: tuple[PendingPatient, ...]
    earliest: date | None = None
    changes: tuple[Change, ...] | None = None
    before: str | None = None


def as_of(trial: DatedTrial) -> AsOf:
    """Return who is pending."""
    days = timedelta(days=trial.window)
    return AsOf(
        trial.as_of,
        trial.window,
        tuple(
            PendingPatient(
                p.name,
                p.dose + 1,
                p.treated,
                round((p.seen(trial.as_of, trial.window) or 0) * trial.window),
                p.treated + days,
            )
            for p in trial.pending
        ),
    )


def earliest_change(design: Design, trial: DatedTrial, barred: Mask) -> date | None:
    """Return the first later day on which accrual no longer waits if no further DLT is seen.

    Parameters
    ----------
    barred
        What permanent rules forbade before, shape (R, 1, J).
    """
    ends = max(p.treated for p in trial.pending) + timedelta(days=trial.window)
    # A window that is over can be known tomorrow, with follow-up up to then.
    days = max((ends - trial.as_of).days, 1)
    states = trial.later(design.n_doses, days)
    found = decide(design, states, np.repeat(barred, days, axis=1))
    over = np.flatnonzero(found.waits == 0)
    return trial.as_of + timedelta(days=int(over[0]) + 1) if len(over) else None


def changes_between(before: DatedTrial, after: DatedTrial) -> tuple[Change, ...]:
    """Return what differs between two sets of data of one trial, patient by patient."""
    old = {p.name: p for p in before.patients}
    new = {p.name: p for p in after.patients}
    found = [
        Change(name, f"new: level {p.dose + 1}, treated {p.treated}") for name, p in new.items() if name not in old
    ]
    found += [Change(name, "is no longer in the data") for name in old if name not in new]
    for name, patient in new.items():
        if name in old:
            found += [Change(name, text) for text in _differences(old[name], patient, after.window)]
    return tuple(found)


def _differences(old: Patient, new: Patient, window: int) -> list[str]:
    texts = []
    if old.dlt != new.dlt:
        if old.dlt is None:
            days = (new.dlt - new.treated).days if new.dlt else 0
            within = "a DLT" if days <= window else f"after the window of {window} days, no DLT"
            texts.append(f"toxicity now reported, on {new.dlt}, day {days}: {within}")
        elif new.dlt is None:
            texts.append(f"the DLT of {old.dlt} is withdrawn")
        else:
            days = (new.dlt - new.treated).days
            within = "a DLT" if days <= window else f"after the window of {window} days, no DLT"
            texts.append(f"the toxicity is now dated {new.dlt}, day {days}: {within}; before {old.dlt}")
    if old.dose != new.dose:
        texts.append(f"now at level {new.dose + 1}, before at level {old.dose + 1}")
    if old.treated != new.treated:
        texts.append(f"now treated {new.treated}, before {old.treated}")
    if old.reason != new.reason:
        texts.append("now evaluable" if new.reason is None else f"now not evaluable ({new.reason})")
    if old.cohort != new.cohort:
        texts.append(f"now {_place(new)}, before {_place(old)}")
    if new.followed is not None and (old.followed is None or new.followed < old.followed) and new.dlt == old.dlt:
        before = "taken to go on" if old.followed is None else str(old.followed)
        texts.append(f"the last follow-up is now {new.followed}, before {before}")
    if old.responded != new.responded:
        texts.append(f"response now {'seen' if new.responded else 'not seen'}")
    return texts


def _place(patient: Patient) -> str:
    return "backfilled" if patient.cohort is None else f"in cohort {patient.cohort}"
