"""Isotonic regression against SciPy, and the selection's ties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression

from escalate.core.tally import Tally
from escalate.models.isotonic import estimate, pool, select_nearest


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.1, 1e4), st.booleans()), min_size=1, max_size=9))
def test_pool_is_weighted_isotonic_regression(doses: list[tuple[float, float, bool]]) -> None:
    """Source: scipy.optimize.isotonic_regression over the included doses; 1e-9."""
    values, weights = (np.array([[dose[k] for dose in doses]]) for k in (0, 1))
    included = np.array([[dose[2] for dose in doses]])
    found = pool(values, weights, included)
    assert np.isnan(found[~included]).all()
    if included.any():
        expected = isotonic_regression(values[included], weights=weights[included]).x
        np.testing.assert_allclose(found[included], expected, atol=1e-9)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=6))
def test_many_states_at_once(pairs: list[tuple[int, int]]) -> None:
    """A state's estimates do not depend on the states beside it."""
    n = np.array([[max(a, b) for a, b in pairs]] * 3)
    y = np.array([[min(a, b) for a, b in pairs]] * 3)
    y[1], n[2] = 0, 0
    y[2] = 0
    together = estimate(y, n, n > 0)
    for s in range(3):
        alone = estimate(y[s : s + 1], n[s : s + 1], n[s : s + 1] > 0)
        np.testing.assert_array_equal(together[s], alone[0])


@pytest.mark.parametrize(
    ("n", "y", "estimates", "mtd"),
    [
        ([3, 3, 15, 9, 0], [0, 0, 4, 4, 0], [0.016129, 0.016129, 0.268212, 0.445055, np.nan], 3),
        ([3, 6, 6, 3], [0, 2, 1, 2], [0.016129, 0.236024, 0.236024, 0.661290], 3),
        ([6, 6], [1, 3], [0.172131, 0.5], 1),
        ([6, 3], [3, 1], [0.436786, 0.436786], 1),
    ],
)
def test_dossier_examples(n: list[int], y: list[int], estimates: list[float], mtd: int) -> None:
    """Source: dossier interval.md 1, example 4 (also BOIN 2.7.2): ties below the target go up, above it down."""
    tally = Tally.of([n], [y])
    np.testing.assert_allclose(estimate(tally.dlt, tally.n, tally.tried)[0], estimates, atol=5.1e-7)
    assert select_nearest(tally.dlt, tally.n, 0.3, tally.tried).tolist() == [mtd - 1]
