"""A free walk on the probit scale."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

import escalate as esc


def rates(**settings: Any) -> np.ndarray[Any, Any]:
    """Return the DLT probabilities."""
    return np.array([s.dlt for s in esc.generate("probit_walk", **{"target": 0.3, "doses": 5, **settings})])


def test_moments_on_the_probit_scale() -> None:
    """z_1 has the mean and sd given; a step has mean mu^2 + sd^2 and variance 2 sd^4 + 4 mu^2 sd^2: 5 Monte-Carlo errors.

    The square of a normal with mean mu and sd s is s^2 times a noncentral chi-square with 1 df and noncentrality mu^2/s^2.
    """
    n, mu, sd = 20_000, 0.4, 0.3
    z = ndtri(rates(count=n, seed=6, mean=-1.2, sd_first=0.4, mu=mu, sd=sd))
    assert z[:, 0].mean() == pytest.approx(-1.2, abs=5 * 0.4 / np.sqrt(n))
    assert z[:, 0].std() == pytest.approx(0.4, abs=5 * 0.4 / np.sqrt(2 * n))
    steps = np.diff(z, axis=1)
    variance = 2 * sd**4 + 4 * mu**2 * sd**2
    assert np.abs(steps.mean(axis=0) - (mu**2 + sd**2)).max() < 5 * np.sqrt(variance / n)
    errors = ((steps - steps.mean(axis=0)) ** 2).std(axis=0) / np.sqrt(n)
    assert (np.abs(steps.var(axis=0) - variance) < 5 * errors).all()
    # First level and steps are independent.
    assert np.abs(np.corrcoef(np.column_stack([z[:, 0], steps]).T) - np.eye(5)).max() < 5 / np.sqrt(n)


def test_level_is_free() -> None:
    """Without `mtd_level` every level may be the MTD, and the share of walks that start above a rate is that of the law."""
    n = 20_000
    found = rates(count=n, mean=-1.0, sd_first=0.6)
    assert set(np.abs(found - 0.3).argmin(axis=1)) == set(range(5))
    share = float(1 - ndtr((ndtri(0.42) + 1.0) / 0.6))
    assert (found[:, 0] > 0.42).mean() == pytest.approx(share, abs=5 * np.sqrt(share * (1 - share) / n))


def test_conditional_law() -> None:
    """With `mtd_level` the walks are those of the free law that have this level as MTD: 5 Monte-Carlo errors."""
    free = rates(count=40_000, seed=12)
    free = free[np.abs(free - 0.3).argmin(axis=1) == 2]
    asked = rates(count=10_000, seed=13, mtd_level=3)
    error = np.sqrt(free.var(axis=0) / len(free) + asked.var(axis=0) / len(asked))
    assert (np.abs(free.mean(axis=0) - asked.mean(axis=0)) < 5 * error).all()
