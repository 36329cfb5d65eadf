"""The patients of trials on a clock, and what is known of them on a day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from escalate.core.arrays import NONE, FloatArray, IntArray, Mask
from escalate.core.design import Design
from escalate.engine.clock_draws import LEFT


@dataclass(frozen=True, eq=False)
class View:
    """What is known of the patients of L trials, each on its day; all of shape (L, P).

    Parameters
    ----------
    there
        Patients who count, evaluable or pending.
    pending
        Those whose outcome is not known.
    leaving
        Those of the escalation who will leave, and be replaced.
    category
        Outcome category, 0 while it is not known.
    in_cohort
        Patients of the current cohort.
    beside
        Backfilled patients.
    responded
        Those whose response is known.
    """

    there: Mask
    pending: Mask
    leaving: Mask
    category: IntArray
    in_cohort: Mask
    beside: Mask
    responded: Mask

    @property
    def n_escalated(self) -> IntArray:
        """Patients of the escalation who count, shape (L,)."""
        return (self.there & ~self.beside).sum(axis=1)


class Patients:
    """Up to P patients treated in each of T trials, in the order of treatment.

    `n` counts them, `first` is the place of the first of the current cohort, and `joined` how many it has had. Arrays are those of
    `ClockTrials`, and `responds`, of shape (T, P).
    """

    def __init__(self, design: Design, n_trials: int) -> None:
        self.design, room = design, design.max_patients
        self.dose = np.full((n_trials, room), NONE, dtype=np.int64)
        self.who = np.full((n_trials, room), NONE, dtype=np.int64)
        self.fate = np.zeros((n_trials, room), dtype=np.int64)
        self.arrived, self.start = np.zeros((n_trials, room)), np.zeros((n_trials, room))
        self.end = np.full((n_trials, room), np.inf)
        self.beside, self.responds = np.zeros((2, n_trials, room), dtype=bool)
        self.n, self.joined, self.first = np.zeros((3, n_trials), dtype=np.int64)

    def view(self, rows: IntArray, day: FloatArray) -> View:
        """Return what is known of the patients of some trials, each on its day."""
        width = int(self.n.max())
        dose, fate = self.dose[rows, :width], self.fate[rows, :width]
        known = self.end[rows, :width] <= day[:, None]
        leaves = fate == LEFT
        there, beside = (dose != NONE) & ~(known & leaves), self.beside[rows, :width]
        return View(
            there,
            pending=there & ~known,
            leaving=there & leaves & ~beside,
            category=np.where(known, fate, 0),
            in_cohort=there & ~beside & (np.arange(width) >= self.first[rows][:, None]),
            beside=there & beside,
            responded=there & known & self.responds[rows, :width],
        )

    def by_dose(self, rows: IntArray, marked: Mask) -> IntArray | None:
        """Return marked patients by dose, shape (L, J); None where the design has no backfill."""
        if self.design.backfill is None:
            return None
        n_doses, label = self.design.n_doses, np.arange(len(rows))[:, None]
        flat = (label * n_doses + self.dose[rows, : marked.shape[1]])[marked]
        return np.bincount(flat, minlength=len(rows) * n_doses).reshape(len(rows), n_doses)

    def make_room(self) -> None:
        """Make room for more patients."""
        fillers = {"dose": NONE, "who": NONE, "fate": 0, "arrived": 0, "start": 0, "end": np.inf}
        for name, filler in {**fillers, "beside": False, "responds": False}.items():
            old = getattr(self, name)
            more = np.full((len(old), old.shape[1] // 2 + 4), filler, dtype=old.dtype)
            setattr(self, name, np.concatenate([old, more], axis=1))
