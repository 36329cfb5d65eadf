"""i3+3 against the tables of the dossier, and the paper's rule written out anew."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

import escalate as esc
from tests.helpers import make
from tests.methods.interval_references import actions, assert_monotone


@pytest.mark.parametrize(
    ("target", "rows"),
    [
        (0.25, {1: "ES", 2: "ESD", 3: "ESDD", 4: "ESDDD", 6: "EESDDDD", 9: "EESDDDDDDD"}),
        (0.30, {3: "ESDD", 5: "EESDDD", 6: "EESDDDD", 9: "EEESDDDDDD", 12: "EEESSDDDDDDDD"}),
        (0.20, {6: "ESDDDDD"}),
    ],
)
def test_tables(target: float, rows: dict[int, str]) -> None:
    """Source: dossier rule_based.md 3, every string."""
    design = make({"kind": "i3p3"}, target=target)
    assert {n: actions(design, n) for n in rows} == rows


@pytest.mark.parametrize("target", [0.25, 0.30])
def test_exclusion(target: float) -> None:
    """Source: dossier rule_based.md 3: 3/3, 4/6 and 5/9 are excluded, at both targets; nothing before three patients."""
    rows = esc.table(make({"kind": "i3p3"}, target=target)).rows
    assert [rows[n - 1].eliminate_if_dlts_at_least for n in (1, 2, 3, 6, 9)] == [None, None, 3, 4, 5]


@given(
    target=st.integers(6, 60),
    epsilons=st.tuples(st.integers(1, 5), st.integers(1, 30)),
    n=st.integers(1, 40),
    data=st.data(),
)
def test_rule_of_the_paper(target: int, epsilons: tuple[int, int], n: int, data: st.DataObject) -> None:
    """Source: Liu, Wang and Ji (2020), the rule in words, in fractions: no count depends on rounding."""
    dlt = data.draw(st.integers(0, n))
    low, high = Fraction(target - epsilons[0], 100), Fraction(target + epsilons[1], 100)
    rate, fewer = Fraction(dlt, n), Fraction(dlt - 1, n)
    expected = "E" if rate < low else "S" if rate <= high else "S" if fewer < low else "D"
    method = {"kind": "i3p3", "epsilon_low": epsilons[0] / 100, "epsilon_high": epsilons[1] / 100}
    assert actions(make(method, target=target / 100), n)[dlt] == expected


def test_ends_of_the_interval_stay() -> None:
    """Source: dossier rule_based.md 3, the interval is closed: 5/20 and 7/20 at 0.25 to 0.35, where 0.3 + 0.05 is not 0.35."""
    row = actions(make({"kind": "i3p3"}, target=0.3), 20)
    assert row[4:9] == "ESSSD"


@given(target=st.integers(6, 60), epsilons=st.tuples(st.integers(1, 5), st.integers(1, 30)))
def test_more_dlts_never_raise_the_dose(target: int, epsilons: tuple[int, int]) -> None:
    """For any target and interval."""
    method = {"kind": "i3p3", "epsilon_low": epsilons[0] / 100, "epsilon_high": epsilons[1] / 100}
    assert_monotone(make(method, 1, target=target / 100), 30)


def test_reasons_give_both_rates() -> None:
    """Where the rate is above the interval the reason says where one DLT fewer would be."""
    found = esc.recommend(make({"kind": "i3p3"}), "1NNT 1NNT")
    assert found.reasons[0].text == ("2/6 DLTs at level 1, a rate of 0.3333, is within 0.25 to 0.35: stay.")
    found = esc.recommend(make({"kind": "i3p3"}), "1NNN 2NTT")
    assert found.reasons[0].text == (
        "2/3 DLTs at level 2, a rate of 0.6667, is above 0.25 to 0.35, and one DLT fewer, 1/3, is within it: de-escalate."
    )
    assert found.margin is not None
    # 1/3 with one DLT fewer is 0.0833 above 0.25.
    assert found.margin.value == pytest.approx(1 / 12)


def test_mtd_by_posterior_means() -> None:
    """Source: dossier rule_based.md 3: isotonic means under Beta(0.005, 0.005), nearest to the target, by hand.

    1/6 and 2/6 at target 0.25: means 1.005/6.01 = 0.167 and 2.005/6.01 = 0.334, distances 0.083 and 0.084.
    """
    design = make({"kind": "i3p3"}, target=0.25)
    assert esc.select(design, "1NNNNNT 2NNNNTT").mtd_level == 1
    # Under Beta(1, 1) 2/8 is at the target and 3/8 0.125 above it; 0/6 at 1/8 is no nearer.
    uniform = make({"kind": "i3p3", "mtd_prior": (1.0, 1.0)}, target=0.25)
    data = "1NNNNNN 2NNNNNT"
    assert (esc.select(design, data).mtd_level, esc.select(uniform, data).mtd_level) == (2, 2)
    data = "1NNNNNT 2NTT"
    assert (esc.select(design, data).mtd_level, esc.select(uniform, data).mtd_level) == (1, 1)
