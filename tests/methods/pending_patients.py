"""States with pending patients, written patient by patient."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from escalate.core.arrays import NONE, FloatArray
from escalate.core.design import Design
from escalate.core.follow_up import FollowUp
from escalate.core.tally import States, Tally

Patient = tuple[int, int, float]
"""Level, DLT (0 or 1), and the share of the window: followed so far, or at the DLT."""


def tally_of(patients: Sequence[Patient], n_doses: int, *, width: int = 0) -> Tally:
    """Return the tally of one state; a patient without a DLT is pending below a share of 1.

    Parameters
    ----------
    width
        Columns that the rows are padded to.
    """
    counts = np.zeros((1, n_doses, 2), dtype=np.int64)
    for level, dlt, _ in patients:
        counts[0, level - 1, dlt] += 1
    waiting = [(level - 1, share) for level, dlt, share in patients if not dlt and share < 1]
    times = [share for _, dlt, share in patients if dlt]
    padding = max(0, width - len(waiting))
    dose = np.array([[dose for dose, _ in waiting] + [NONE] * padding], dtype=np.int64)
    share = np.array([[share for _, share in waiting] + [0.0] * padding])
    return Tally(counts, FollowUp(dose, share, np.array([times + [np.nan] * max(0, width - len(times))])))


def together(tallies: Sequence[Tally]) -> Tally:
    """Return states of one width as one batch."""
    pending = [tally.pending for tally in tallies if tally.pending is not None]
    assert len(pending) == len(tallies)
    return Tally(
        np.concatenate([tally.counts for tally in tallies]),
        FollowUp(
            np.concatenate([each.dose for each in pending]),
            np.concatenate([each.share for each in pending]),
            np.concatenate([each.dlt_shares for each in pending]),
        ),
    )


def states_of(tally: Tally) -> States:
    """Return states whose last cohort was one patient without a DLT at the highest dose given."""
    highest = tally.n_doses - 1 - np.argmax(tally.tried[:, ::-1], axis=1)
    return States(tally, highest, np.tile([1, 0], (len(tally), 1)))


def estimates(design: Design, patients: Sequence[Patient]) -> FloatArray:
    """Return the estimate of each dose, shape (J,)."""
    from escalate.core.method import ModelMethod

    assert isinstance(design.method, ModelMethod)
    return design.method.estimate_doses(design, tally_of(patients, design.n_doses))[0]


def histories(n_doses: int, shares: st.SearchStrategy[float] | None = None) -> st.SearchStrategy[list[Patient]]:
    """Return lists of patients, some of them pending."""
    followed = st.floats(0.01, 1.0) if shares is None else shares
    patient = st.tuples(st.integers(1, n_doses), st.sampled_from([0, 0, 1]), followed)
    return st.lists(patient, min_size=1, max_size=15)
