"""iBOIN against the values of the dossier, BOIN, and a second way to the prior weights."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import escalate as esc
from escalate.methods.iboin import Iboin, prior_weights
from tests.helpers import make
from tests.methods.interval_references import actions, assert_monotone

RATES = (0.3, 0.18, 0.42)


def _iboin(guess: float, ess: int = 3, **settings: Any) -> esc.Design:
    return make({"kind": "iboin", "skeleton": (guess,), "ess": ess, **settings}, 1)


@pytest.mark.parametrize(
    ("guess", "n", "weights", "cuts"),
    [
        (0.10, 3, (0.325897, 0.444581, 0.229522), (0.391213, 0.581313)),
        (0.54, 1, (0.325638, 0.214927, 0.459434), (-0.384519, -0.297711)),
        (0.30, 6, None, (0.233795, 0.360517)),
    ],
)
def test_weights_and_cuts(
    guess: float, n: int, weights: tuple[float, float, float] | None, cuts: tuple[float, float]
) -> None:
    """Source: dossier interval.md 2, target 0.3, three prior patients, as the web tool behaves; six decimals."""
    if weights is not None:
        assert prior_weights(RATES, guess, 3) == pytest.approx(weights, abs=5e-7)
    design = _iboin(guess)
    assert Iboin(skeleton=(guess,), ess=3).cuts(design, n, 0) == pytest.approx(cuts, abs=5e-7)


def test_a_low_guess_escalates_at_1_of_3() -> None:
    """Source: dossier interval.md 2: guess 0.10 worth three patients."""
    assert actions(_iboin(0.10), 3)[1] == "E"
    assert actions(make({"kind": "boin"}), 3)[1] == "S"


@pytest.mark.parametrize(("guess", "most"), [(0.42, (-1, 0, 0, 1)), (0.54, (-1, -1, 0, 0))])
def test_most_dlts_that_escalate(guess: float, most: tuple[int, ...]) -> None:
    """Source: dossier interval.md 2, n = 1, 2, 3, 6; -1 is never."""
    design = _iboin(guess)
    assert tuple(actions(design, n).count("E") - 1 for n in (1, 2, 3, 6)) == most


def test_below_0_lambda_d_always_de_escalates() -> None:
    """Source: dossier interval.md 2, cuts are not kept within 0 and 1: guess 0.54, one patient, lambda_d = -0.298."""
    assert actions(_iboin(0.54), 1) == "DD"


@pytest.mark.parametrize("target", [0.2, 0.25, 0.3, 0.33])
def test_no_prior_patients_is_boin(target: float) -> None:
    """Source: dossier interval.md 2; every count among up to 30 patients, and `check` says so."""
    iboin = make({"kind": "iboin", "skeleton": (0.1, 0.2, 0.4), "ess": 0}, 3, target=target)
    boin = make({"kind": "boin"}, 3, target=target)
    for n in range(1, 31):
        assert {actions(iboin, n, dose) for dose in range(3)} == {actions(boin, n)}
    assert any("this is boin" in finding.text for finding in esc.check(iboin).findings)


@given(guess=st.integers(1, 99), worth=st.integers(0, 6), rates=st.permutations([0.3, 0.18, 0.42, 0.5]))
def test_weights_by_enumeration(guess: int, worth: int, rates: list[float]) -> None:
    """Source: the definition, over every sequence of prior patients instead of their number of DLTs; the weights sum to 1."""
    expected = [0.0, 0.0, 0.0]
    three = (rates[0], rates[1], rates[2])
    for path in product((0, 1), repeat=worth):
        chance = prod(guess / 100 if dlt else 1 - guess / 100 for dlt in path)
        likelihoods = [prod(rate if dlt else 1 - rate for dlt in path) for rate in three]
        for k in range(3):
            expected[k] += chance * likelihoods[k] / sum(likelihoods)
    found = prior_weights(three, guess / 100, worth)
    assert found == pytest.approx(expected, abs=1e-12)
    assert sum(found) == pytest.approx(1, abs=1e-12)


def test_robust_drops_the_prior_above_the_prior_mtd() -> None:
    """Source: dossier interval.md 2: where the prior MTD is in the upper half, levels above it count no prior patients."""
    frame = {"kind": "iboin", "ess": 3, "robust": True}
    late = make({**frame, "skeleton": (0.05, 0.15, 0.3, 0.45, 0.6)})
    assert late.method.prior_patients(late) == (3, 3, 3, 0, 0)  # type: ignore[attr-defined]
    early = make({**frame, "skeleton": (0.15, 0.3, 0.45, 0.6, 0.7)})
    assert early.method.prior_patients(early) == (3, 3, 3, 3, 3)  # type: ignore[attr-defined]
    half = make({**frame, "skeleton": (0.15, 0.3, 0.45, 0.6)}, 4)
    assert half.method.prior_patients(half) == (3, 3, 0, 0)  # type: ignore[attr-defined]


def test_table_is_by_level() -> None:
    """The table has rows for every level; the higher the prior guess, the fewer DLTs escalate."""
    design = make({"kind": "iboin", "skeleton": (0.05, 0.15, 0.3, 0.45, 0.6), "ess": 3})
    rows = esc.table(design).rows
    assert len(rows) == 5 * 30
    for n in range(1, 31):
        most = [actions(design, n, dose).count("E") - 1 for dose in range(5)]
        assert most == sorted(most, reverse=True)
        assert [row.escalate_if_dlts_at_most for row in rows if row.patients == n] == [
            k if k >= 0 else None for k in most
        ]


def test_mtd_with_prior_patients() -> None:
    """Source: dossier interval.md 2, rates (y + m q) / (n + m), by hand.

    0/3 and 1/3 at target 0.2; guesses 0.05 and 0.15 worth three: 0.15/6 and 1.45/6 = 0.242. Without them BOIN's 0.0161 and 0.339.
    """
    frame = {"kind": "iboin", "skeleton": (0.05, 0.15), "ess": 3}
    with_prior, without = (make({**frame, "mtd_borrowing": both}, 2, target=0.2) for both in (True, False))
    assert esc.select(with_prior, "1NNN 2NNT").mtd_level == 2
    assert esc.select(without, "1NNN 2NNT").mtd_level == 2
    # 1/6 and 1/3: 1.15/9 = 0.128 and 1.45/6 = 0.242 against 0.172 and 0.339: the prior makes level 2 the MTD.
    assert esc.select(with_prior, "1NNNNNT 2NNT").mtd_level == 2
    assert esc.select(without, "1NNNNNT 2NNT").mtd_level == 1


@given(
    target=st.integers(10, 50),
    guesses=st.lists(st.integers(1, 99), min_size=3, max_size=3, unique=True),
    ess=st.tuples(st.integers(0, 10), st.integers(0, 10), st.integers(0, 10)),
)
def test_more_dlts_never_raise_the_dose(target: int, guesses: list[int], ess: tuple[int, int, int]) -> None:
    """For any target and prior, at every level."""
    method = {"kind": "iboin", "skeleton": tuple(guess / 100 for guess in sorted(guesses)), "ess": ess}
    assert_monotone(make(method, 3, target=target / 100), 20)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"skeleton": (0.1, 0.2), "ess": 3}, "method.skeleton: has 2 entries for 3 dose levels; give one a level"),
        (
            {"skeleton": (0.1, 0.3, 0.3), "ess": 3},
            "method.skeleton: does not increase: level 3 (0.3) is not above level 2 (0.3)",
        ),
        (
            {"skeleton": (0.1, 0.2, 0.3), "ess": (3, 3)},
            "method.ess: has 2 entries for 3 dose levels; give one a level, or one number",
        ),
        ({"skeleton": (0.1, 0.2, 0.3), "ess": 3, "p_saf": 0.3}, "method.p_saf: 0.3 is not below the target 0.3"),
    ],
)
def test_nonsense_is_refused(settings: dict[str, Any], message: str) -> None:
    """Priors fit the doses and increase; p_saf < target < p_tox."""
    with pytest.raises(esc.DesignError) as refused:
        make({"kind": "iboin", **settings}, 3)
    assert message in str(refused.value)


def test_heavy_priors_are_questioned() -> None:
    """More than five prior patients a level, or more in all than half the trial; a start level held too toxic."""
    design = make({"kind": "iboin", "skeleton": (0.35, 0.45, 0.6), "ess": 6}, 3, max_patients=30)
    texts = [finding.text for finding in esc.check(design).findings]
    assert any("counts a prior guess as 6 patients" in text for text in texts)
    assert any("18 patients in all, more than half of the 30" in text for text in texts)
    assert any("over target before any patient" in text for text in texts)


def test_robust_takes_the_lower_of_two_guesses_equally_near() -> None:
    """0.15 and 0.25 are equally far from 0.20 as decimals, if not as doubles: the prior MTD is level 2."""
    design = make({"kind": "iboin", "skeleton": [0.05, 0.15, 0.25], "ess": 3, "robust": True}, 3, target=0.2)
    assert isinstance(design.method, Iboin)
    assert design.method.prior_patients(design) == (3, 3, 0)
