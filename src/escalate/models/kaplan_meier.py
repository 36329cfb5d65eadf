"""How likely a pending patient's DLT is still to come, from when the DLTs of all patients came.

Yin G, Zheng S, Xu J (2013). Fractional dose-finding methods with late-onset toxicity in phase I clinical trials. J Biopharm
Stat 23:856-870.
"""

from __future__ import annotations

import numpy as np

from escalate.core.arrays import NONE, FloatArray
from escalate.core.tally import Tally
from escalate.models.follow_up_weights import require_dlt_times
from escalate.models.weighted_tally import WeightedTally


def with_fractions(tally: Tally) -> Tally:
    """Return the data with each pending outcome replaced by its estimated DLT probability, as a fraction of an outcome.

    Where nobody is pending the tally itself is returned.

    Raises
    ------
    DataError
        Where a DLT has no time.
    """
    if tally.pending is None or not tally.pending.n.any():
        return tally
    require_dlt_times(tally, "fractions of pending outcomes")
    expected = dlt_to_come(tally)
    at = tally.pending.dose[:, :, None] == np.arange(tally.n_doses)
    dlts = np.where(at, expected[:, :, None], 0.0).sum(axis=1)
    free = np.where(at, 1.0 - expected[:, :, None], 0.0).sum(axis=1)
    return WeightedTally(tally.known().counts, fractions=np.stack([free, dlts], axis=-1))


def dlt_to_come(tally: Tally) -> FloatArray:
    """Return 1 - S(1) / S(t) for each pending patient, with S the Kaplan-Meier curve of all patients; shape (S, P).

    Notes
    -----
    Doses are pooled. Patients without a DLT are censored at the end of the window, pending ones at their follow-up; at the same
    time a DLT comes before a censoring. It is 0 where no DLT came later than t, and where there is nobody.
    """
    assert tally.pending is not None
    pending = tally.pending
    there, t = pending.dose != NONE, pending.share
    times = np.sort(pending.dlt_shares, axis=1)
    valid = np.isfinite(times)
    # Taken one after the other, DLTs at the same time give the same product as taken together.
    dlts_left = valid.sum(axis=1, keepdims=True) - np.arange(times.shape[1])
    pending_left = (there[:, None, :] & (t[:, None, :] >= times[:, :, None])).sum(axis=2)
    complete = tally.n_total - tally.dlt.sum(axis=1) - pending.n
    at_risk = dlts_left + pending_left + complete[:, None]
    survives = np.where(valid, 1.0 - 1.0 / np.maximum(at_risk, 1), 1.0)
    later = times[:, None, :] > t[:, :, None]
    found = 1.0 - np.where(later, survives[:, None, :], 1.0).prod(axis=2)
    return np.where(there, found, 0.0)
