"""Beliefs held as draws."""

from __future__ import annotations

import numpy as np
import pytest

from escalate.models.drawn import DrawnBelief, weighted_quantile

DRAWS = np.array([[0.1, 0.2], [0.2, 0.4], [0.3, 0.9], [0.4, 0.5]])


def test_equal_draws() -> None:
    """Means, shares, variances and quantiles of four draws, by hand."""
    belief = DrawnBelief(DRAWS)
    assert belief.mean() == pytest.approx(np.array([[0.25, 0.5]]))
    assert belief.prob_above(0.3).tolist() == [[0.25, 0.75]]
    assert belief.variance() == pytest.approx(np.array([[0.0125, 0.065]]))
    assert belief.quantile(0.5) == pytest.approx(np.array([[0.25, 0.45]]))
    assert belief.plug_in().tolist() == belief.mean().tolist()
    assert DrawnBelief(DRAWS, at_means=np.array([0.1, 0.6])).plug_in().tolist() == [[0.1, 0.6]]


def test_weighted_draws_are_repeated_draws() -> None:
    """A draw with twice the weight is the draw twice."""
    weighted = DrawnBelief(DRAWS, np.array([0.4, 0.2, 0.2, 0.2]))
    plain = DrawnBelief(DRAWS[[0, 0, 1, 2, 3]])
    assert weighted.mean() == pytest.approx(plain.mean())
    assert weighted.prob_above(0.15) == pytest.approx(plain.prob_above(0.15))
    assert weighted.variance() == pytest.approx(plain.variance())
    assert weighted.prob_nearest(0.3) == pytest.approx(plain.prob_nearest(0.3))
    assert weighted_quantile(DRAWS, np.array([0.4, 0.2, 0.2, 0.2]), 0.5).tolist() == [0.2, 0.4]


def test_nearest() -> None:
    """The share of draws in which a dose is the nearest to the target; the lower one of two at the same distance."""
    assert DrawnBelief(np.array([[0.2, 0.4], [0.2, 0.31], [0.0, 0.5], [0.1, 0.2]])).prob_nearest(0.3).tolist() == [
        [0.25, 0.75]
    ]
