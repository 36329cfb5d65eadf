"""Patients with dates: who is still within the DLT window on a given day, and what was known at each earlier decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from escalate.core.arrays import NONE, FloatArray, IntArray
from escalate.core.follow_up import FollowUp
from escalate.core.patients import TrialData
from escalate.core.tally import States, Tally


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
        if self.reason is not None and self.followed is not None and day >= self.followed:
            return None
        last = day if self.followed is None else min(day, self.followed)
        return min(max((last - self.treated).days, 0) / window, 1.0)

    def had_dlt(self, day: date, window: int) -> bool:
        """Return whether a DLT had been seen by a day; one on the last day of the window counts."""
        return self.dlt is not None and self.dlt <= day and (self.dlt - self.treated).days <= window


@dataclass(frozen=True, repr=False)
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
        Patients without a DLT whose follow-up is taken to reach `as_of`, because no last day is given.
    """

    patients: tuple[Patient, ...] = ()
    as_of: date = date.min
    window: int = 1
    assumed_followed: int = 0

    @property
    def pending(self) -> tuple[Patient, ...]:
        """Patients whose outcome is not known on the day."""
        return tuple(p for p in self.patients if (p.seen(self.as_of, self.window) or 0.0) < 1 and self.counts(p))

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

    @property
    def overdue(self) -> tuple[Patient, ...]:
        """Pending patients whose window is over, but who were last followed before its end."""
        return tuple(p for p in self.pending if (self.as_of - p.treated).days >= self.window)

    def without_backfill(self) -> DatedTrial:
        """Return the trial of the cohorts alone."""
        return replace(self, patients=tuple(p for p in self.patients if p.cohort is not None))

    def prefixes(self, n_doses: int) -> States:
        """Return the state at each decision, as it was known then: the last one is that of the day looked at."""
        days = [*self._decision_days(), self.as_of]
        return self._states(n_doses, [(day, k + 1) for k, day in enumerate(days)])

    def later(self, n_doses: int, days: int) -> States:
        """Return the states of the following days if no further DLT is seen and everybody is followed; S = days."""
        going_on = tuple(replace(p, followed=None) if p.reason is None and self.counts(p) else p for p in self.patients)
        trial = replace(self, patients=going_on)
        asked = [(self.as_of + timedelta(days=day), len(self.cohorts)) for day in range(1, days + 1)]
        return trial._states(n_doses, asked)

    def counts(self, patient: Patient) -> bool:
        """Return whether a patient counts on the day: all but those who are not evaluable."""
        return patient.seen(self.as_of, self.window) is not None

    @property
    def numbers(self) -> list[int]:
        """The numbers of the cohorts that have a patient who counts, in order."""
        return sorted({p.cohort for p in self.patients if p.cohort is not None and self.counts(p)})

    def _decision_days(self) -> list[date]:
        """Return the day on which each cohort but the first began."""
        return [min(p.treated for p in self.patients if p.cohort == number) for number in self.numbers[1:]]

    def _states(self, n_doses: int, asked: Sequence[tuple[date, int]]) -> States:
        """Return the state on each day, of the first so many cohorts and of the backfill patients treated before."""
        numbers = self.numbers
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
        return States(Tally(counts, _padded(pending, dlts), backfilled), dose, cohort, in_a_row)


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
