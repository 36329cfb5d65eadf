"""Fractions of pending outcomes, against a textbook Kaplan-Meier curve."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from escalate.core.arrays import NONE
from escalate.models.kaplan_meier import dlt_to_come, with_fractions
from escalate.models.weighted_tally import WeightedTally
from tests.methods.pending_patients import Patient, histories, tally_of, together


def survival(patients: list[Patient], at: float) -> float:
    """Return S(at): over the distinct DLT times, the product of (at risk - DLTs) / at risk."""
    found = 1.0
    for time in sorted({share for _, dlt, share in patients if dlt and share <= at}):
        at_risk = sum(share >= time for _, _, share in patients)
        dlts = sum(dlt and share == time for _, dlt, share in patients)
        found *= (at_risk - dlts) / at_risk
    return found


@pytest.mark.parametrize(("followed", "expected"), [(5, 0.4), (8, 0.25), (20, 0.0)])
def test_worked_example(followed: int, expected: float) -> None:
    """Follow-up of 28, 28, 7 (DLT), 20, 10 (DLT) days and of the last patient, of 28; by hand.

    With 5 days S is 0.8 from day 7 and 0.6 from day 10. Whoever was followed for 8 days has day 10 ahead, with 4 at risk.
    """
    days = [(28, 0), (28, 0), (7, 1), (20, 0), (10, 1), (followed, 0)]
    patients = [(1, dlt, day / 28) for day, dlt in days]
    assert dlt_to_come(tally_of(patients, 2))[0, 1] == pytest.approx(expected, abs=1e-15)


@given(patients=histories(3))
def test_it_is_the_product_limit_estimate(patients: list[Patient]) -> None:
    """1 - S(1) / S(t), with DLTs before censorings at the same time."""
    tally = tally_of(patients, 3)
    waiting = [share for _, dlt, share in patients if not dlt and share < 1]
    expected = [1 - survival(patients, 1.0) / survival(patients, share) for share in waiting]
    assert dlt_to_come(tally)[0].tolist() == pytest.approx(expected, abs=1e-12)


def test_ties() -> None:
    """Two DLTs and a censoring on the same day: the censored patient was at risk for both, and has nothing to come."""
    patients = [(1, 1, 0.5), (1, 1, 0.5), (1, 0, 0.5), (1, 0, 0.25), (1, 0, 1.0)]
    assert dlt_to_come(tally_of(patients, 1))[0] == pytest.approx([0.0, 0.5], abs=1e-15)


def test_fractions_stand_at_the_dose() -> None:
    """Padding adds nothing; states side by side have what they have alone."""
    one = [(1, 1, 0.3), (2, 0, 0.1), (2, 0, 1.0), (3, 0, 0.6)]
    two = [(1, 0, 1.0), (3, 0, 0.6)]
    data = with_fractions(together([tally_of(one, 3, width=4), tally_of(two, 3, width=4)]))
    assert isinstance(data, WeightedTally)
    assert data.pending is None
    assert data.counts.tolist() == [[[0, 1], [1, 0], [0, 0]], [[1, 0], [0, 0], [0, 0]]]
    assert data.fractions is not None
    # At risk at 0.3: the DLT, the complete one, and the one followed for 0.6.
    expected = [[[0, 0], [2 / 3, 1 / 3], [1, 0]], [[0, 0], [0, 0], [1, 0]]]
    assert np.abs(data.fractions - np.array(expected)).max() < 1e-15
    assert data.partial.tolist() == [True, True]
    assert data.take(np.array([1])).fractions is not None


def test_nobody_pending() -> None:
    """The data stay as they are where every outcome is known."""
    tally = tally_of([(1, 0, 1.0), (2, 1, 0.2)], 3, width=2)
    assert tally.pending is not None
    assert (tally.pending.dose == NONE).all()
    assert with_fractions(tally) is tally
