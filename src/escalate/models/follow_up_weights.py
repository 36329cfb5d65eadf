"""How much a pending patient without a DLT counts, by how long he has been followed.

Cheung YK, Chappell R (2000). Sequential designs for phase I clinical trials with late-onset toxicities. Biometrics
56:1177-1182.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from escalate.core.arrays import FloatArray
from escalate.core.errors import DataError
from escalate.core.follow_up import FollowUp
from escalate.core.tally import Tally
from escalate.models.weighted_tally import WeightedTally

Scheme: TypeAlias = Literal["linear", "adaptive"]


def weighted(tally: Tally, scheme: Scheme) -> Tally:
    """Return the data of a weighted likelihood: known outcomes with weight 1, pending patients with theirs.

    Where nobody is pending the tally itself is returned.

    Raises
    ------
    DataError
        Where adaptive weights lack the time of a DLT.
    """
    if tally.pending is None or not tally.pending.n.any():
        return tally
    if scheme == "adaptive":
        require_dlt_times(tally, "adaptive weights")
    weight = tally.pending.share if scheme == "linear" else adaptive_weights(tally.pending)
    return WeightedTally(tally.known().counts, FollowUp(tally.pending.dose, weight, tally.pending.dlt_shares))


def adaptive_weights(pending: FollowUp) -> FloatArray:
    """Return how likely a DLT would have been seen by now, judged from when those of the trial came; shape (S, P).

    Notes
    -----
    With z DLTs at times u_1 <= ... <= u_z, a follow-up t with m of them at or before it weighs
    (m + (t - u_m) / (u_{m+1} - u_m)) / (z + 1), where u_0 = 0 and u_{z+1} is the end of the window. Without a DLT it is t.
    """
    t, times = pending.share, np.sort(pending.dlt_shares, axis=1)
    n_dlts = np.isfinite(times).sum(axis=1, keepdims=True)
    zero, end = np.zeros((len(times), 1)), np.ones((len(times), 1))
    knots = np.concatenate([zero, np.where(np.isfinite(times), times, 1.0), end], axis=1)
    passed = (times[:, None, :] <= t[:, :, None]).sum(axis=2)
    before, after = (np.take_along_axis(knots, passed + step, axis=1) for step in (0, 1))
    return (passed + (t - before) / (after - before)) / (n_dlts + 1)


def require_dlt_times(tally: Tally, needed_by: str) -> None:
    """Refuse data in which, while somebody is pending, a DLT has no time.

    Raises
    ------
    DataError
        With the numbers of the first such state.
    """
    assert tally.pending is not None
    timed, dlts = np.isfinite(tally.pending.dlt_shares).sum(axis=1), tally.dlt.sum(axis=1)
    wrong = np.flatnonzero((timed != dlts) & (tally.pending.n > 0))
    if len(wrong):
        raise DataError(
            f"{needed_by} need the day of every DLT: there are {dlts[wrong[0]]} DLTs and {timed[wrong[0]]} days; give the days"
        )
