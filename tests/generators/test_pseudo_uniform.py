"""Random scenarios as uniform as a given MTD allows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import escalate as esc


def rates(**settings: Any) -> np.ndarray[Any, Any]:
    """Return the DLT probabilities."""
    return np.array([s.dlt for s in esc.generate("pseudo_uniform", **{"target": 0.3, "doses": 5, **settings})])


def test_golden_moments() -> None:
    """Mean and standard deviation of p at the MTD, and the mean difference of adjacent doses: 0.298, 0.084, 0.115.

    Source: an independent program's 3,000 draws, target 30%, five doses. Allowed: 5 of its Monte-Carlo errors and ours
    (20,000 draws), and half a unit of the last decimal.
    """
    found = rates(count=20_000, seed=2)
    at = found[np.arange(20_000), np.abs(found - 0.3).argmin(axis=1)]
    steps = np.diff(found, axis=1).mean(axis=1)
    scale = 5 * np.sqrt(1 / 3000 + 1 / 20_000)
    spread = ((at - at.mean()) ** 2).std() / (2 * at.std())
    assert at.mean() == pytest.approx(0.298, abs=0.0005 + scale * at.std())
    assert at.std() == pytest.approx(0.084, abs=0.0005 + scale * spread)
    assert steps.mean() == pytest.approx(0.115, abs=0.0005 + scale * steps.std())


def loop(rng: np.random.Generator, target: float, doses: int, k: int) -> np.ndarray[Any, Any] | None:
    """Return one scenario as the paper draws it, or None where its loop has gone round 5,000 times."""
    m = rng.beta(max(doses - 1 - k, 0.5), 1.0)
    bound = target + (1 - target) * m
    for _ in range(50):
        p = np.sort(rng.uniform(0, bound, (100, doses)), axis=1)
        hits = np.flatnonzero(np.abs(p - target).argmin(axis=1) == k)
        if len(hits):
            return p[hits[0]]
    return None


@pytest.mark.parametrize(
    ("target", "doses", "k"), [(0.3, 5, 2), (0.3, 5, 4), (0.25, 4, 0), (0.6, 3, 1), (0.3, 1, 0), (0.5, 2, 1)]
)
def test_same_law_as_the_loop(target: float, doses: int, k: int) -> None:
    """Drawn without the loop of the paper, means and squares by level agree with it: 5 Monte-Carlo errors, 4,000 draws."""
    rng = np.random.default_rng(31)
    tried = [loop(rng, target, doses, k) for _ in range(4000)]
    plain = np.array([p for p in tried if p is not None])
    # Bounds next to the target hardly ever let a low level be the MTD; the loop is cut short there.
    lost = 4000 - len(plain)
    assert lost <= 40
    found = rates(target=target, doses=doses, mtd_level=k + 1, count=4000, seed=9)
    for power in (1, 2):
        a, b = plain**power, found**power
        error = np.sqrt(a.var(axis=0) / 4000 + b.var(axis=0) / 4000)
        assert (np.abs(a.mean(axis=0) - b.mean(axis=0)) < 5 * error + lost / 4000).all()


def test_comparison_can_fail() -> None:
    """The same comparison refuses a law that is near but wrong: a bound drawn anew at each turn of the loop."""
    rng = np.random.default_rng(33)
    n, target = 20_000, 0.3
    p = np.sort(rng.uniform(0, (target + 0.7 * rng.beta(1.0, 1.0, n))[:, None], (n, 3)), axis=1)
    wrong = p[np.abs(p - target).argmin(axis=1) == 1]
    found = rates(doses=3, mtd_level=2, count=20_000)
    error = np.sqrt(wrong.var(axis=0) / len(wrong) + found.var(axis=0) / len(found))
    assert (np.abs(wrong.mean(axis=0) - found.mean(axis=0)) > 5 * error).any()


@pytest.mark.parametrize("target", [0.01, 0.5, 0.99])
def test_twenty_doses(target: float) -> None:
    """Levels that the loop would hardly ever find are drawn too."""
    found = rates(target=target, doses=20, count=2000)
    shares = np.bincount(np.abs(found - target).argmin(axis=1), minlength=20) / 2000
    assert np.abs(shares - 0.05).max() < 5 * np.sqrt(0.05 * 0.95 / 2000)
