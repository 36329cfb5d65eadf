"""Random scenarios around a given MTD on the probit scale."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

import escalate as esc
from escalate.generators.paoletti import Paoletti, mean_gap

NORMAL = NormalDist()
Z, PHI = NORMAL.inv_cdf, NORMAL.cdf
TABLE = {
    0.30: {0.3: 0.083, 0.4: 0.104, 0.5: 0.131, 0.55: 0.146, 0.6: 0.161, 0.76: 0.217},
    0.25: {0.3: 0.077, 0.4: 0.097, 0.5: 0.122, 0.55: 0.136, 0.6: 0.151, 0.76: 0.204},
}
CELLS = [(target, mu, gap) for target, row in TABLE.items() for mu, gap in row.items()]


def gaps_at_the_mtd(rates: np.ndarray[Any, Any], target: float) -> list[float]:
    """Return the differences between each MTD and the neighbours it has."""
    found = []
    for row in rates.tolist():
        k = min(range(len(row)), key=lambda j: abs(row[j] - target))
        found += [abs(row[j] - row[k]) for j in (k - 1, k + 1) if 0 <= j < len(row)]
    return found


def rates(**settings: Any) -> np.ndarray[Any, Any]:
    """Return the DLT probabilities."""
    return np.array([s.dlt for s in esc.generate("paoletti", **{"target": 0.3, "doses": 5, **settings})])


@pytest.mark.parametrize(("target", "mu", "gap"), CELLS)
def test_golden_mean_gaps(target: float, mu: float, gap: float) -> None:
    """Mean gap next to the MTD for each mu, sd 0.35, sd_mtd 0.05.

    Source: an independent program's 200,000 draws, three decimals. A gap has a standard deviation below 0.14, so its
    error is at most 0.0003, and 5 of these plus half a unit of the last decimal are allowed.
    """
    assert mean_gap(mu, target, 0.35, 0.05) == pytest.approx(gap, abs=0.0005 + 5 * 0.14 / np.sqrt(2e5))


@pytest.mark.parametrize("level", [None, 1, 3, 5])
def test_quadrature_and_draws_agree(level: int | None) -> None:
    """The mean of 30,000 scenarios' gaps is within 5 Monte-Carlo errors of the gap asked for, at any MTD level."""
    found = gaps_at_the_mtd(rates(gap=0.15, count=30_000, seed=8, mtd_level=level), 0.3)
    # Two gaps of one scenario share its MTD; counting scenarios, not gaps, is on the safe side.
    assert np.mean(found) == pytest.approx(0.15, abs=5 * np.std(found) / np.sqrt(30_000))


@pytest.mark.parametrize("gap", [0.07, 0.10, 0.15])
def test_calibration(gap: float) -> None:
    """The mu found for a gap gives that gap back, and equals the table's mu by interpolation."""
    found = Paoletti(target=0.3, doses=5, count=1, gap=gap)
    assert mean_gap(found.step_mean, 0.3, 0.35, 0.05) == pytest.approx(gap, abs=1e-9)
    if gap > 0.083:
        expected = np.interp(gap, list(TABLE[0.30].values()), list(TABLE[0.30]))
        assert found.step_mean == pytest.approx(expected, abs=0.01)


def one_by_one(
    rng: np.random.Generator, target: float, doses: int, k: int, mu: float, sd: float, sd_mtd: float
) -> list[float]:
    """Return one scenario, line by line as the definition has it, level k counted from 0."""

    def step() -> float:
        return float(rng.normal(mu, sd)) ** 2

    p = [0.0] * doses
    p[k] = PHI(rng.normal(Z(target), sd_mtd))
    mirror = Z(2 * target - p[k]) - Z(p[k])
    if k > 0:
        p[k - 1] = PHI(Z(p[k]) + (mirror if p[k] > target else 0.0) - step())
    if k < doses - 1:
        p[k + 1] = PHI(Z(p[k]) + (mirror if p[k] < target else 0.0) + step())
    for j in range(k - 2, -1, -1):
        p[j] = PHI(Z(p[j + 1]) - step())
    for j in range(k + 2, doses):
        p[j] = PHI(Z(p[j - 1]) + step())
    return p


def test_same_law_as_one_by_one() -> None:
    """Means and variances by level agree with the definition programmed a second time: 5 Monte-Carlo errors, 4,000 draws."""
    rng = np.random.default_rng(21)
    law = {"mu": 0.45, "sd": 0.3, "sd_mtd": 0.15}
    for k in (0, 2, 4):
        plain = np.array([one_by_one(rng, 0.3, 5, k, **law) for _ in range(4000)])
        found = rates(count=4000, seed=5, mtd_level=k + 1, **law)
        for power in (1, 2):
            a, b = plain**power, found**power
            error = np.sqrt(a.var(axis=0) / 4000 + b.var(axis=0) / 4000)
            assert (np.abs(a.mean(axis=0) - b.mean(axis=0)) < 5 * error).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "gap: is missing, and mu too; give gap, the mean difference next to the MTD, such as 0.10, or mu, not both"),
        ({"gap": 0.1, "mu": 0.5}, "gap: is given, and mu too; give gap, the mean difference next to the MTD, such as 0.10, or mu, "
         "not both"),
        ({"gap": 0.1, "doses": 1}, "gap: one dose level has no neighbours; give mu instead, any number will do"),
        ({"gap": 0.02}, "gap: 0.02 is not between 0.0551 and 0.5000, which this target and sd allow"),
        ({"gap": 0.7}, "gap: 0.7 is not between 0.0551 and 0.5000, which this target and sd allow"),
        ({"mu": -1}, "mu: -1 is not at least 0"),
    ],
)  # fmt: skip
def test_faults(settings: dict[str, Any], message: str) -> None:
    """Exactly one of mu and gap, and a gap that can be."""
    with pytest.raises(esc.DesignError) as refused:
        rates(**{"count": 3, **settings})
    assert str(refused.value) == message


@pytest.mark.parametrize("target", [0.01, 0.95])
def test_extreme_targets(target: float) -> None:
    """Targets near 0 and 1, where the mirror of the MTD may lie outside (0, 1), give scenarios all the same."""
    found = rates(target=target, mu=0.5, sd_mtd=1.0, count=500)
    assert (np.diff(found, axis=1) >= 0).all()
