"""Diagnostics of weighted draws."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from escalate.models.importance import HEAVIEST, effective_size, pareto_k
from escalate.models.user_model import load


@pytest.mark.parametrize("spread", [0.2, 0.5, 1.0, 2.0, 4.0])
def test_k_hat_is_that_of_arviz(spread: float) -> None:
    """The tail of log-normal weights, light to far too heavy, has the shape that ArviZ finds in it."""
    az = load("arviz")
    log_weight = np.random.default_rng(1).normal(0, spread, (6, 5000))
    found = pareto_k(np.exp(log_weight - log_weight.max(axis=1, keepdims=True)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert found == pytest.approx([float(az.psislw(each.copy())[1]) for each in log_weight], abs=1e-6)


def test_effective_size() -> None:
    """Equal weights count in full, a single one counts as one, whatever the scale."""
    weight = np.zeros((3, 100))
    weight[0], weight[1, 7], weight[2, :50] = 3.0, 1e-200, 2.0
    weight[1] *= 1e150
    assert effective_size(weight) == pytest.approx([100, 1, 50])


def test_weights_without_a_tail() -> None:
    """Equal weights are as good as can be; one draw that has all the weight is refused."""
    weight = np.ones((2, 1000))
    weight[1, 1:] = 0.0
    found = pareto_k(weight)
    assert found[0] < 0
    assert found[1] > HEAVIEST
