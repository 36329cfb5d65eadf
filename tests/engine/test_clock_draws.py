"""Random numbers of trials on a clock: the words of trials without one, and the laws asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from escalate import Scenario
from escalate.core.arrays import FloatArray
from escalate.core.clock import Clock
from escalate.engine.clock_draws import DROP_OUT, GAP, LEFT, TOLERANCE, Draws, words
from escalate.engine.random_numbers import philox, scenario_word, thresholds
from escalate.engine.random_numbers import words as words_without_clock
from tests.helpers import make

TRUTH = Scenario(name="truth", dlt=(0.05, 0.15, 0.30, 0.45, 0.60))
DESIGN = make({"kind": "boin"}, dlt_window=28)
T = 5000


def draws(**settings: Any) -> Draws:
    clock = Clock.from_dict({"accrual": {"kind": "poisson", "mean_days": 10}, **settings})
    return Draws(DESIGN, TRUTH, clock, 1, 0, T)


def test_tolerance_is_that_without_a_clock() -> None:
    """Purpose 0 is the stream of trials without a clock, also beyond 2^32 trials; others differ from it and each other."""
    first, scenario = 2**32 - 2, scenario_word(TRUTH.dlt)
    trials = first + np.arange(5)
    assert np.array_equal(words(9, scenario, trials, TOLERANCE, 0, 8), words_without_clock(9, scenario, first, 5, 32))
    of_purposes = [words(9, scenario, trials, purpose, 2, 1) for purpose in range(4)]
    assert len({array.tobytes() for array in of_purposes}) == 4


def test_word_by_its_counter() -> None:
    """The word of arrival 6 for gaps is the third of the block (1 + 3 * 2^24, trial, 0, scenario)."""
    scenario = scenario_word(TRUTH.dlt)
    counter = np.array([[1 + (3 << 24)], [77], [0], [scenario]], dtype=np.uint64)
    expected = philox(counter, np.array([5, 0], dtype=np.uint32))[2, 0]
    assert words(5, scenario, np.array([77]), GAP, 1, 1)[2, 0] == expected


def test_outcomes_follow_the_words() -> None:
    """A DLT exactly where the word is below p * 2^32; a drop-out only without DLT, where its word is below q * 2^32."""
    some, trial, dose = draws(drop_out=0.2), np.arange(T), np.full(T, 2)
    fate, delay = some.outcome(np.full(T, 7), trial, dose)
    scenario = scenario_word(TRUTH.dlt)
    tolerance = words(1, scenario, trial, TOLERANCE, 1, 1)[3].astype(np.uint64)
    leaves = words(1, scenario, trial, DROP_OUT, 1, 1)[3].astype(np.uint64)
    dlt = tolerance < thresholds([0.3])[0]
    left = ~dlt & (leaves < thresholds([0.2])[0])
    assert np.array_equal(fate, np.where(dlt, 1, np.where(left, LEFT, 0)))
    assert np.array_equal(delay[left], leaves[left] / (0.2 * 2.0**32) * 28)
    assert (delay[fate == 0] == 28).all()
    assert ((delay[dlt] > 0) & (delay[dlt] <= 28)).all()


def _largest_gap(sample: FloatArray, law: FloatArray) -> float:
    """Return the Kolmogorov-Smirnov distance, given the law at the sorted sample, times the root of its size."""
    n = len(sample)
    steps = np.arange(n + 1) / n
    return float(max(np.abs(law - steps[1:]).max(), np.abs(law - steps[:-1]).max()) * np.sqrt(n))


# Pr(root of n times the distance > 2.5) is below 2 exp(-2 * 2.5^2) = 7.5e-6.
LIMIT = 2.5


@pytest.mark.parametrize("name", ["uniform", "weibull", "piecewise"])
def test_laws_of_dlt_times(name: str) -> None:
    """Days to a DLT follow the law asked for, at a dose of DLT probability 0.30."""
    times: dict[str, Any] = {
        "uniform": {"kind": "uniform"},
        "weibull": {"kind": "weibull", "late": 0.8},
        "piecewise": {"kind": "piecewise", "masses": [0.1, 0.2, 0.7]},
    }
    fate, delay = draws(dlt_times=times[name]).outcome(np.full(T, 3), np.arange(T), np.full(T, 2))
    share = np.sort(delay[fate == 1]) / 28
    assert 0.27 < len(share) / T < 0.33
    laws = {
        "uniform": share,
        # F(t) = 1 - exp(-(t / 42.104006)^2.5271719) over F(28) = 0.3.
        "weibull": -np.expm1(-((28 * share / 42.104006) ** 2.5271719)) / 0.3,
        "piecewise": np.interp(share, [0, 1 / 3, 2 / 3, 1], [0, 0.1, 0.3, 1]),
    }
    assert _largest_gap(share, laws[name]) < LIMIT
    if name != "uniform":
        assert _largest_gap(share, share) > LIMIT


@pytest.mark.parametrize(
    ("accrual", "law"),
    [
        ({"kind": "poisson", "mean_days": 10}, lambda gap: -np.expm1(-gap / 10)),
        ({"kind": "uniform", "mean_days": 10}, lambda gap: gap / 20),
    ],
    ids=["poisson", "uniform"],
)
def test_laws_of_gaps(accrual: dict[str, Any], law: Any) -> None:
    """The first patient arrives on day 0; gaps follow the law asked for, and those of one trial are not correlated."""
    some, trial = draws(accrual=accrual), np.arange(T)
    days = np.stack([some.arrival(np.full(T, k), trial) for k in (0, 1, 2, 39, 40)])
    assert not days[0].any()
    for before, after in ((0, 1), (1, 2), (3, 4)):
        gap = np.sort(days[after] - days[before])
        assert _largest_gap(gap, law(gap)) < LIMIT
    assert abs(np.corrcoef(days[1], days[2] - days[1])[0, 1]) < 5 / np.sqrt(T)


def test_days_do_not_depend_on_the_order_of_questions() -> None:
    """Patient 50 arrives on the same day, whether asked for at once or after the others."""
    far, near = draws(), draws()
    trial = np.arange(T)
    at_once = far.arrival(np.full(T, 50), trial)
    for k in range(51):
        near.arrival(np.full(T, k), trial)
    assert np.array_equal(near.arrival(np.full(T, 50), trial), at_once)
