"""What is kept of trials on a clock: patients and their days, and what operating characteristics need of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from escalate.core.arrays import NONE, FloatArray, IntArray, Mask
from escalate.core.decision import Decisions
from escalate.core.tally import States
from escalate.engine.clock_draws import LEFT


class Asked(NamedTuple):
    """Decisions asked for in one round: of which trials, by which arrivals, on which days."""

    trial: IntArray
    patient: IntArray
    day: FloatArray
    states: States
    decisions: Decisions


class Moments(NamedTuple):
    """What happened in one round to trials and their arrivals on days."""

    trial: IntArray
    patient: IntArray
    day: FloatArray


@dataclass(frozen=True, eq=False)
class ClockTrials:
    """T trials, with up to P patients treated in each; unused places hold NONE as dose.

    Parameters
    ----------
    dose
        Dose of each patient treated, 0-based, in order of treatment; shape (T, P).
    who
        Which arrival each is, from 0; shape (T, P).
    arrived, start, end
        Days of arrival, of treatment, and on which the outcome is known; shape (T, P).
    fate
        Outcome category, or `LEFT`; shape (T, P).
    counts
        Final outcomes, shape (T, J, C).
    stops
        Bits as in `stop_codes`, shape (T,).
    selected
        MTD, 0-based, or NONE; shape (T,).
    last_day
        Day on which accrual ended: of the decision to stop, or of the last patient treated; shape (T,).
    turned_away
        Patients turned away while accrual was suspended, shape (T,).
    waiting_days
        Days from an arrival that the escalation could not treat to its next treatment or the stop, summed; shape (T,).
    queued_days
        Days that treated patients waited, summed; shape (T,).
    asked, lost, held
        Where kept: decisions; patients turned away; and when waits began, for each trial and arrival.
    beside
        Which patients were backfilled, shape (T, P); None where the design has no backfill.
    """

    dose: IntArray
    who: IntArray
    arrived: FloatArray
    start: FloatArray
    end: FloatArray
    fate: IntArray
    counts: IntArray
    stops: IntArray
    selected: IntArray
    last_day: FloatArray
    turned_away: IntArray
    waiting_days: FloatArray
    queued_days: FloatArray
    asked: tuple[Asked, ...] = ()
    lost: tuple[Moments, ...] = ()
    held: tuple[Moments, ...] = ()
    beside: Mask | None = None

    @property
    def treated(self) -> Mask:
        """Places that hold a patient, shape (T, P)."""
        return self.dose != NONE

    @property
    def duration_days(self) -> FloatArray:
        """Day on which the last outcome is known, shape (T,)."""
        return np.where(self.treated, self.end, 0.0).max(axis=1)

    @property
    def not_evaluable(self) -> IntArray:
        """Patients who left before their outcome was known, shape (T,)."""
        return (self.treated & (self.fate == LEFT)).sum(axis=1)

    def backfilled(self) -> IntArray | None:
        """Return evaluable backfilled patients by dose, shape (T, J); None where the design has no backfill."""
        if self.beside is None:
            return None
        counted = self.beside & (self.fate != LEFT)
        return np.stack([(counted & (self.dose == j)).sum(axis=1) for j in range(self.counts.shape[1])], axis=1)

    def first_days(self) -> FloatArray:
        """Return the day on which each dose is first given, infinite where it never is; shape (T, J)."""
        n_doses = self.counts.shape[1]
        return np.stack([np.where(self.dose == j, self.start, np.inf).min(axis=1) for j in range(n_doses)], axis=1)


@dataclass(frozen=True, eq=False)
class ClockEnds:
    """What operating characteristics need of T trials; see `ClockTrials`.

    Parameters
    ----------
    first_days
        Day on which each dose is first given, infinite where it never is; shape (T, J).
    last_arrival
        The last arrival who was treated, from 0; shape (T,).
    backfilled
        Evaluable backfilled patients by dose, shape (T, J); None where the design has no backfill.
    """

    counts: IntArray
    stops: IntArray
    selected: IntArray
    duration_days: FloatArray
    waiting_days: FloatArray
    queued_days: FloatArray
    turned_away: IntArray
    not_evaluable: IntArray
    first_days: FloatArray
    last_arrival: IntArray
    backfilled: IntArray | None = None

    @classmethod
    def of(cls, trials: ClockTrials) -> ClockEnds:
        """Return how trials end."""
        return cls(
            trials.counts, trials.stops, trials.selected, trials.duration_days, trials.waiting_days, trials.queued_days,
            trials.turned_away, trials.not_evaluable, trials.first_days(), trials.who.max(axis=1),
            trials.backfilled(),
        )  # fmt: skip


class Packed(NamedTuple):
    """Places of the marked entries of rows, moved to the front, and which of these are used; shape (L, most)."""

    place: IntArray
    used: Mask


def packed(marked: Mask) -> Packed:
    """Return where the marked entries of rows, shape (L, P), stand."""
    number = marked.sum(axis=1)
    most = int(number.max(initial=0))
    return Packed(np.argsort(~marked, axis=1, kind="stable")[:, :most], np.arange(most) < number[:, None])
