"""Logistic curves through the target."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import escalate as esc

DOUBLING = [10, 20, 40, 80, 160]


@pytest.mark.parametrize(
    ("slope", "expected"),
    [
        (0.5, [0.176471, 0.232567, 0.3, 0.377370, 0.461538]),
        (1, [0.096774, 0.176471, 0.3, 0.461538, 0.631579]),
        (2, [0.026087, 0.096774, 0.3, 0.631579, 0.872727]),
    ],
)
def test_golden_values(slope: float, expected: list[float]) -> None:
    """Amounts 10 to 160, MTD at level 3, target 30%: computed independently from the formula, to half the last decimal.

    By hand for slope 1: odds 3/7 at level 3, halved at level 2: (3/14)/(1 + 3/14) = 3/17 = 0.176471.
    """
    (found,) = esc.generate("logistic", target=0.3, amounts=DOUBLING, mtd_levels=[3], slopes=[slope])
    assert found.dlt == pytest.approx(expected, abs=5e-7)
    assert found.dlt[2] == 0.3


def test_one_scenario_for_each_level_and_slope() -> None:
    """Every level by default, in order; the number of doses follows from the amounts."""
    found = esc.generate("logistic", target=0.25, amounts=DOUBLING, slopes=[0.5, 2])
    assert [s.name for s in found][:3] == [
        "logistic: MTD at level 1, slope 0.5",
        "logistic: MTD at level 1, slope 2",
        "logistic: MTD at level 2, slope 0.5",
    ]
    assert [s.dlt.index(0.25) for s in found] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


@given(
    target=st.floats(0.01, 0.9),
    amounts=st.lists(st.floats(0.1, 1000), min_size=1, max_size=20, unique=True).map(sorted),
    slope=st.floats(0.01, 2),
)
def test_curves_rise_through_the_target(target: float, amounts: list[float], slope: float) -> None:
    """For any amounts and slope that are not refused: inside (0, 1), not falling, at the target where the MTD is."""
    for k, scenario in enumerate(esc.generate("logistic", target=target, amounts=amounts, slopes=[slope])):
        assert scenario.dlt[k] == target
        assert list(scenario.dlt) == sorted(scenario.dlt)
        assert 0 < scenario.dlt[0] <= scenario.dlt[-1] < 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"amounts": [10, 10]}, "amounts: amount 2 (10) is not above amount 1 (10); list them from lowest to highest"),
        ({"doses": 4}, "amounts: there are 5 amounts for 4 dose levels; give one a level"),
        ({"amounts": []}, "doses: 0 is not at least 1"),
        ({"mtd_levels": [6]}, "mtd_levels: level 6 does not exist; there are 5 dose levels"),
        ({"mtd_levels": [2, 2]}, "mtd_levels: 2 is given twice"),
        ({"slopes": [1, 1.0]}, "slopes: 1 is given twice"),
        ({"slopes": [-1]}, "slopes[1]: -1 is not above 0"),
        ({"slopes": [20]}, "slopes: 20 takes the DLT probability to 0 or 1 over these amounts; choose a lower slope"),
        ({"slopes": None}, "slopes: nothing is not a list [..]"),
    ],
)
def test_faults(changes: dict[str, Any], message: str) -> None:
    """Each fault is told with its setting, and what to do."""
    with pytest.raises(esc.DesignError) as refused:
        esc.generate("logistic", **{"target": 0.3, "amounts": DOUBLING, "slopes": [1], **changes})
    assert message in str(refused.value).splitlines()
