"""Patients whose outcome is not known yet: where they are, and how far each has come."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from escalate.core.arrays import NONE, FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class FollowUp:
    """Who is still within the DLT window, for S states at once.

    Follow-up is counted in shares of the window: 0 is the day of treatment, 1 its end. Rows are padded, so that states with
    few pending patients stand beside states with many.

    Parameters
    ----------
    dose
        The dose of each pending patient, 0-based, NONE where there is none; shape (S, P).
    share
        How much of the window each has been followed without a DLT, in [0, 1), and 0 where there is none; shape (S, P).
    dlt_shares
        When each DLT of the trial was seen, in (0, 1], NaN where there is none; shape (S, D).
    """

    dose: IntArray
    share: FloatArray
    dlt_shares: FloatArray

    def __len__(self) -> int:
        return len(self.dose)

    def count(self, n_doses: int) -> IntArray:
        """Return pending patients by state and dose, shape (S, J)."""
        return (self.dose[:, :, None] == np.arange(n_doses)).sum(axis=1)

    def total(self, n_doses: int) -> FloatArray:
        """Return the summed follow-up of pending patients (STFT, in windows) by state and dose, shape (S, J)."""
        return np.where(self.dose[:, :, None] == np.arange(n_doses), self.share[:, :, None], 0.0).sum(axis=1)

    def shortest(self, n_doses: int) -> FloatArray:
        """Return the shortest follow-up among the pending patients of each dose, 1 where there is none; shape (S, J)."""
        at = self.dose[:, :, None] == np.arange(n_doses)
        return np.where(at, self.share[:, :, None], 1.0).min(axis=1, initial=1.0)

    @property
    def n(self) -> IntArray:
        """Pending patients of each state, shape (S,)."""
        return (self.dose != NONE).sum(axis=1)

    def take(self, rows: IntArray) -> FollowUp:
        """Return the follow-up of some of the states, in the order asked for."""
        return FollowUp(self.dose[rows], self.share[rows], self.dlt_shares[rows])
