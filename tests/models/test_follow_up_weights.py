"""Weights of pending patients."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from escalate.models.follow_up_weights import adaptive_weights
from tests.methods.pending_patients import Patient, histories, tally_of, together


def _one_by_one(follow_up: float, times: list[float]) -> float:
    """Return the adaptive weight as Cheung and Chappell (2000) write it, case by case."""
    u, z = sorted(times), len(times)
    m = sum(time <= follow_up for time in u)
    if z == 0:
        return follow_up
    if m == 0:
        return follow_up / u[0] / (z + 1)
    if m == z:
        return (z + (follow_up - u[-1]) / (1 - u[-1])) / (z + 1)
    return (m + (follow_up - u[m - 1]) / (u[m] - u[m - 1])) / (z + 1)


@given(patients=histories(2))
def test_adaptive_weights_are_the_published_ones(patients: list[Patient]) -> None:
    """Whatever the DLT times, ties among them; without a DLT they are linear. They grow with follow-up and stay below 1."""
    tally = tally_of(patients, 2, width=16)
    assert tally.pending is not None
    waiting = [share for _, dlt, share in patients if not dlt and share < 1]
    found = adaptive_weights(tally.pending)[0, : len(waiting)]
    times = [share for _, dlt, share in patients if dlt]
    assert found.tolist() == pytest.approx([_one_by_one(share, times) for share in waiting], abs=1e-12)
    assert (found <= 1).all()
    assert (np.diff(found[np.argsort(waiting)]) >= -1e-12).all()


def test_states_side_by_side() -> None:
    """States with and without DLTs in one batch; 7 and 10 of 28 days, followed for 20 and 5: 0.8518519 and 0.2380952 (dfcrm)."""
    with_two = [(1, 1, 7 / 28), (1, 1, 10 / 28), (1, 0, 20 / 28), (1, 0, 5 / 28)]
    without = [(1, 0, 20 / 28), (1, 0, 5 / 28)]
    pending = together([tally_of(with_two, 1, width=2), tally_of(without, 1, width=2)]).pending
    assert pending is not None
    expected = [[0.8518519, 0.2380952], [20 / 28, 5 / 28]]
    assert adaptive_weights(pending).tolist() == [pytest.approx(row, abs=5e-8) for row in expected]
