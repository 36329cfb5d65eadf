"""What has been observed: outcome counts by dose, for many trial states at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from escalate.core.arrays import IntArray, Mask
from escalate.core.follow_up import FollowUp


@dataclass(frozen=True, eq=False)
class Tally:
    """Counts of outcome categories at each dose, for S states at once.

    Parameters
    ----------
    counts
        Shape (S, J, C): patients by state, dose and outcome category. The last category is the DLT; with C = 2 the
        first is "no DLT". A pending patient is counted as having had no DLT so far.
    pending
        Which of these patients are still within the DLT window; None where every outcome is known.
    backfilled
        How many of these patients were backfilled, by state and dose, shape (S, J); None where nobody says.
    """

    counts: IntArray
    pending: FollowUp | None = None
    backfilled: IntArray | None = None

    @classmethod
    def of(cls, n: Sequence[Sequence[int]] | IntArray, dlt: Sequence[Sequence[int]] | IntArray) -> Tally:
        """Build a tally with two categories from evaluable patients and DLTs, each of shape (S, J).

        Examples
        --------
        >>> Tally.of([[3, 6]], [[0, 2]]).counts.tolist()
        [[[3, 0], [4, 2]]]
        """
        evaluable, dlts = np.asarray(n, dtype=np.int64), np.asarray(dlt, dtype=np.int64)
        return cls(np.stack([evaluable - dlts, dlts], axis=-1))

    def __len__(self) -> int:
        return int(self.counts.shape[0])

    @property
    def n_doses(self) -> int:
        """J, the number of doses."""
        return int(self.counts.shape[1])

    @cached_property
    def n(self) -> IntArray:
        """Evaluable patients by state and dose, shape (S, J)."""
        if self.counts.shape[2] == 2:
            return self.counts[:, :, 0] + self.counts[:, :, 1]
        return self.counts.sum(axis=2)

    @cached_property
    def dlt(self) -> IntArray:
        """DLTs by state and dose, shape (S, J)."""
        return self.counts[:, :, -1]

    @cached_property
    def n_total(self) -> IntArray:
        """Evaluable patients by state, shape (S,)."""
        return self.n.sum(axis=1)

    @property
    def n_escalated(self) -> IntArray:
        """Patients of the escalation by state, those backfilled left out, shape (S,)."""
        return self.n_total if self.backfilled is None else self.n_total - self.backfilled.sum(axis=1)

    @cached_property
    def tried(self) -> Mask:
        """Doses given to at least one patient, shape (S, J)."""
        return self.n > 0

    @cached_property
    def n_pending(self) -> IntArray:
        """Pending patients by state and dose, shape (S, J)."""
        return np.zeros_like(self.n) if self.pending is None else self.pending.count(self.n_doses)

    def take(self, rows: IntArray) -> Tally:
        """Return some of the states, in the order asked for."""
        pending = None if self.pending is None else self.pending.take(rows)
        return Tally(self.counts[rows], pending, None if self.backfilled is None else self.backfilled[rows])

    def as_complete(self) -> Tally:
        """Return the states as if no pending patient had a DLT."""
        return replace(self, pending=None)

    def known(self) -> Tally:
        """Return the states without their pending patients."""
        if self.pending is None:
            return self
        counts = self.counts.copy()
        counts[:, :, 0] -= self.n_pending
        return Tally(counts)

    def burden(self, units: IntArray) -> IntArray:
        """Return the sum of the burdens of the outcomes by state and dose, in whole units, shape (S, J).

        Parameters
        ----------
        units
            What each outcome counts, shape (C,); where only the DLT counts, and counts one, this is `dlt`.
        """
        if units[-1] == 1 and units.sum() == 1:
            return self.dlt
        return self.counts @ units

    def at(self, dose: IntArray) -> tuple[IntArray, IntArray]:
        """Return evaluable patients and DLTs at one dose of each state, each of shape (S,)."""
        row = np.arange(len(self))
        return self.n[row, dose], self.dlt[row, dose]


@dataclass(frozen=True, eq=False)
class States:
    """What a decision may look at, for S states at once.

    Parameters
    ----------
    tally
        All outcomes so far, the last cohort's included.
    dose
        The dose just given, 0-based, shape (S,).
    cohort
        Outcome counts of the cohort just seen, shape (S, C).
    in_a_row
        How many cohorts in a row had this dose, the one just seen included, shape (S,); None where no rule counts them. An
        engine may count no further than the rules of the design do.
    """

    tally: Tally
    dose: IntArray
    cohort: IntArray
    in_a_row: IntArray | None = None

    def __len__(self) -> int:
        return len(self.tally)

    @cached_property
    def highest_tried(self) -> IntArray:
        """The highest dose given so far, 0-based, shape (S,)."""
        tried = self.tally.tried
        return tried.shape[1] - 1 - np.argmax(tried[:, ::-1], axis=1)

    def take(self, rows: IntArray) -> States:
        """Return some of the states, in the order asked for."""
        in_a_row = None if self.in_a_row is None else self.in_a_row[rows]
        return States(self.tally.take(rows), self.dose[rows], self.cohort[rows], in_a_row)

    def as_complete(self) -> States:
        """Return the states as if no pending patient had a DLT."""
        return (
            self
            if self.tally.pending is None
            else States(self.tally.as_complete(), self.dose, self.cohort, self.in_a_row)
        )
