"""The optimal benchmark against published figures, and against every outcome of n patients in whole-number fractions."""

from __future__ import annotations

from fractions import Fraction
from math import comb, factorial

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from escalate.core.arrays import FloatArray
from escalate.study.optimal import BLOCK, Ties, efficiency, optimal_selection

TRUTH = ("0.05", "0.15", "0.3", "0.45", "0.6")
RATES = np.array([[float(p) for p in TRUTH]])

rates_of_one = st.lists(st.sampled_from([0.1, 0.3, 0.5]) | st.floats(1e-9, 1 - 1e-9), min_size=1, max_size=4).map(
    sorted
)
targets = st.sampled_from([0.1, 0.2, 0.25, 0.3, 1 / 3, 0.4, 0.5])
ties_rules = st.sampled_from(["lowest", "split", "selection"])


def chosen(dlts: list[int], target: Fraction, n: int, bar: int | None, ties: Ties) -> dict[int, Fraction]:
    """Return the share of each dose in the selection from DLTs by dose of n patients; -1 is none."""
    permitted = {j: abs(Fraction(s, n) - target) for j, s in enumerate(dlts) if bar is None or s < bar}
    nearest = [j for j, distance in permitted.items() if distance == min(permitted.values())]
    if not nearest:
        return {-1: Fraction(1)}
    if ties == "selection":
        below = [j for j in nearest if dlts[j] < n * target]
        nearest = below[-1:] or nearest
    nearest = nearest if ties == "split" else nearest[:1]
    return {j: Fraction(1, len(nearest)) for j in nearest}


def enumerated(rates: list[Fraction], target: Fraction, n: int, bar: int | None, ties: Ties) -> list[float]:
    """Return the selection over every way in which the tolerances of n patients fall between the rates (multinomial)."""
    cells = [high - low for low, high in zip([Fraction(0), *rates], [*rates, Fraction(1)], strict=True)]
    terms = [[cell**k / factorial(k) for k in range(n + 1)] for cell in cells]
    found = [Fraction(0)] * (len(rates) + 1)

    def fill(dlts: list[int], weight: Fraction) -> None:
        so_far = dlts[-1] if dlts else 0
        if len(dlts) == len(rates):
            weight *= terms[-1][n - so_far] * factorial(n)
            for j, share in chosen(dlts, target, n, bar, ties).items():
                found[j] += weight * share
            return
        for more in range(n - so_far + 1):
            fill([*dlts, so_far + more], weight * terms[len(dlts)][more])

    fill([], Fraction(1))
    return [float(p) for p in found]


def selection(rates: list[float], target: float, n: int, bar: int | None = None, ties: Ties = "lowest") -> FloatArray:
    """Return the selection under one scenario."""
    return optimal_selection(np.array([rates]), target, n, bar, ties)[0]


def test_worked_example() -> None:
    """Source: dossier simulation.md 5: the oracle of these tests finds dose 3 from nine tolerances."""
    tolerances = (0.02, 0.11, 0.27, 0.33, 0.52, 0.58, 0.71, 0.88, 0.94)
    dlts = [sum(u <= float(p) for u in tolerances) for p in TRUTH]
    assert dlts == [1, 2, 3, 4, 6]
    assert chosen(dlts, Fraction(3, 10), 9, None, "lowest") == {2: 1}


@pytest.mark.parametrize(
    ("n", "ties", "expected", "tolerance"),
    [
        (12, "lowest", (0.0164699, 0.2152997, 0.4741752, 0.2456701, 0.0483853), 6e-8),
        (12, "split", (0.0114, 0.1955, 0.4598, 0.2722, 0.0611), 5.1e-5),
        (18, "lowest", (0.0066354, 0.2270770, 0.5639790, 0.1883022, 0.0140065), 6e-8),
    ],
)
def test_published(n: int, ties: Ties, expected: tuple[float, ...], tolerance: float) -> None:
    """Source: dossier simulation.md 5, exact figures.

    Two are rounded up that should be down (.24567004713 and .56397894725 in fractions), hence 6e-8 in place of 5.1e-8.
    """
    found = optimal_selection(RATES, 0.3, n, ties=ties)[0]
    np.testing.assert_allclose(found, [*expected, 0.0], atol=tolerance, rtol=0)


@pytest.mark.parametrize(("n", "expected"), [(30, 0.68474), (36, 0.72871)])
def test_monte_carlo(n: int, expected: float) -> None:
    """Source: dossier simulation.md 5: 4e5 draws; 3.9 standard errors, passed by chance 1e-4 of the time."""
    found = optimal_selection(RATES, 0.3, n)[0, 2]
    assert abs(found - expected) < 3.9 * np.sqrt(expected * (1 - expected) / 4e5)


@pytest.mark.parametrize("ties", ["lowest", "split", "selection"])
@pytest.mark.parametrize(("n", "bar"), [(12, None), (9, 5), (10, 4)])
def test_five_doses(n: int, bar: int | None, ties: Ties) -> None:
    """The example agrees with the multinomial law in fractions; 1e-13."""
    expected = enumerated([Fraction(p) for p in TRUTH], Fraction(3, 10), n, bar, ties)
    np.testing.assert_allclose(optimal_selection(RATES, 0.3, n, bar, ties)[0], expected, atol=1e-13, rtol=0)


@given(rates_of_one, targets, st.integers(1, 6), st.none() | st.integers(0, 8), ties_rules)
@example([0.3, 0.3, 0.3, 0.3], 0.5, 5, None, "split")
@example([0.1, 0.2, 0.2, 0.6], 0.25, 6, None, "split")
@example([0.1, 0.2, 0.2, 0.6], 0.25, 6, 2, "split")
@example([0.3, 1 - 1e-9, 1 - 1e-9], 0.3, 5, 3, "lowest")
@example([1e-9, 1 - 1e-9], 0.5, 4, None, "split")
@example([0.1, 0.2, 0.2, 0.6], 0.25, 6, None, "selection")
@example([0.3, 0.3, 0.5, 0.5], 0.5, 6, 4, "selection")
def test_every_outcome(rates: list[float], target: float, n: int, bar: int | None, ties: Ties) -> None:
    """Any rates, equal neighbours too, with and without a bar: the multinomial law in fractions; 1e-13."""
    expected = enumerated([Fraction(p) for p in rates], Fraction(repr(target)), n, bar, ties)
    np.testing.assert_allclose(selection(rates, target, n, bar, ties), expected, atol=1e-13, rtol=0)


@given(rates_of_one, targets, st.integers(1, 120), st.none() | st.integers(0, 60), ties_rules)
def test_something_is_selected_or_none(rates: list[float], target: float, n: int, bar: int | None, ties: Ties) -> None:
    """Probabilities sum to one; none is the binomial chance that dose 1 is barred, and never without a bar."""
    found = selection(rates, target, n, bar, ties)
    assert (found >= 0).all()
    assert found.sum() == pytest.approx(1.0, abs=1e-12)
    none = sum(
        comb(n, s) * rates[0] ** s * (1 - rates[0]) ** (n - s) for s in range(n + 1 if bar is None else bar, n + 1)
    )
    assert found[-1] == pytest.approx(none, abs=1e-12)


@pytest.mark.parametrize("ties", ["lowest", "split", "selection"])
@pytest.mark.parametrize(("n", "bar"), [(1, None), (30, None), (30, 13), (127, 50)])
def test_company(n: int, bar: int | None, ties: Ties) -> None:
    """A scenario's bits are the same alone, among few, and in any place of any block."""
    rates = np.sort(np.random.default_rng(8).uniform(0.001, 0.999, (2 * BLOCK // (n + 1) + 5, 5)), axis=1)
    rates[::3, 2] = rates[::3, 3]
    together = optimal_selection(rates, 0.3, n, bar, ties)
    for width in (1, 2, 3, 7):
        for start in (0, 1, len(rates) // 2, len(rates) - width):
            some = slice(start, start + width)
            np.testing.assert_array_equal(optimal_selection(rates[some], 0.3, n, bar, ties), together[some])
    np.testing.assert_array_equal(optimal_selection(np.asfortranarray(rates), 0.3, n, bar, ties), together)


def test_one_dose() -> None:
    """The only dose is selected unless it is barred: by hand, .3^3 with three DLTs of three."""
    np.testing.assert_allclose(selection([0.3], 0.3, 3), [1.0, 0.0], atol=1e-15)
    np.testing.assert_allclose(selection([0.3], 0.3, 3, bar=3, ties="split"), [0.973, 0.027], atol=1e-15)


def test_one_patient() -> None:
    """By hand: the tolerance lies above both rates (tie), between them, or below both (tie, or none where barred)."""
    np.testing.assert_allclose(selection([0.1, 0.4], 0.6, 1), [0.7, 0.3, 0.0], atol=1e-15)
    np.testing.assert_allclose(selection([0.1, 0.4], 0.6, 1, ties="split"), [0.35, 0.65, 0.0], atol=1e-15)
    np.testing.assert_allclose(selection([0.1, 0.4], 0.6, 1, bar=1), [0.9, 0.0, 0.1], atol=1e-15)


def test_a_tie_across_the_target() -> None:
    """By hand: two patients, target 1/4, tolerances below .1, between .1 and .4, or above; 0 and 1 DLT are equally near."""
    tie = 0.6**2 + 2 * 0.1 * 0.6 + 0.1**2  # (0, 0), (1, 1) and (2, 2) DLTs at the two doses
    across = 2 * 0.3 * 0.6  # (0, 1)
    first = 0.3**2 + 2 * 0.1 * 0.3  # (0, 2) and (1, 2)
    np.testing.assert_allclose(selection([0.1, 0.4], 0.25, 2), [1, 0, 0], atol=1e-15)
    half = (tie + across) / 2
    np.testing.assert_allclose(selection([0.1, 0.4], 0.25, 2, ties="split"), [first + half, half, 0], atol=1e-15)


def test_no_scenarios() -> None:
    """None in, none out."""
    assert optimal_selection(np.zeros((0, 3)), 0.3, 12).shape == (0, 4)


def test_efficiency() -> None:
    """A ratio, NaN where the benchmark never selects correctly."""
    np.testing.assert_array_equal(efficiency(np.array([0.3, 0.1]), np.array([0.6, 0.0])), [0.5, np.nan])
