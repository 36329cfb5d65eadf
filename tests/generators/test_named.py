"""The named families have the property they are named for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import escalate as esc
from escalate.study.metrics import Truths


def by_name(**settings: Any) -> dict[str, tuple[float, ...]]:
    """Return DLT probabilities by the name of the scenario."""
    return {scenario.name: scenario.dlt for scenario in esc.generate("named", **settings)}


@given(target=st.floats(0.01, 0.71), doses=st.integers(1, 20))
def test_names_tell_the_truth(target: float, doses: int) -> None:
    """For any number of doses and target: each family is what it is called, by the definitions of the metrics."""
    found, middle = by_name(target=target, doses=doses), (doses + 1) // 2
    mtds = {name: np.flatnonzero(Truths.of(np.array([dlt]), target).mtd[0]) + 1 for name, dlt in found.items()}
    for level in range(1, doses + 1):
        assert found[f"MTD at level {level}"][level - 1] == target
        assert mtds[f"MTD at level {level}"].tolist() == [level]
    assert found["all toxic"][0] > 1.4 * target
    assert found["all safe"][-1] < 0.6 * target
    assert (f"steep, MTD at level {middle}" in found) == (doses >= 2)
    if doses >= 2:
        steep, shallow, usual = (
            np.diff(found[f"{name}MTD at level {middle}"]) for name in ("steep, ", "shallow, ", "")
        )
        # On the side of the target that is nearest, steps grow with the slope.
        assert shallow[middle - 1] < usual[middle - 1] < steep[middle - 1]
        assert mtds[f"steep, MTD at level {middle}"].tolist() == [middle]
        assert mtds[f"shallow, MTD at level {middle}"].tolist() == [middle]
    assert (f"plateau from level {middle}" in found) == (doses >= 3)
    if doses >= 3:
        plateau = found[f"plateau from level {middle}"]
        assert set(plateau[middle - 1 :]) == {target}
        assert plateau[middle - 2] < target
        assert mtds[f"plateau from level {middle}"].tolist() == list(range(middle, doses + 1))


def test_by_hand() -> None:
    """Odds double with each level: target 1/3 has odds 1/2, so level 2 of an MTD at level 1 has odds 1."""
    found = by_name(target=1 / 3, doses=2, which=["mtd", "steep"])
    assert found["MTD at level 1"] == pytest.approx((1 / 3, 1 / 2))
    assert found["MTD at level 2"] == pytest.approx((1 / 5, 1 / 3))
    assert found["steep, MTD at level 1"] == pytest.approx((1 / 3, 2 / 3))


def test_few_doses() -> None:
    """One dose has no steep, shallow or plateau scenario, two have no plateau."""
    assert list(by_name(target=0.3, doses=1)) == ["MTD at level 1", "all toxic", "all safe"]
    assert "plateau from level 1" not in by_name(target=0.3, doses=2)
    assert len(by_name(target=0.3, doses=2)) == 6


def test_a_choice_of_families() -> None:
    """`which` chooses, in its order; a name goes before the scenarios'."""
    found = by_name(target=0.3, doses=3, which=["all_safe", "plateau"], name="mine")
    assert list(found) == ["mine: all safe", "mine: plateau from level 2"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"doses": 1, "which": ["steep"]}, "which: 'steep' needs at least 2 dose levels, and there are 1; leave it out"),
        ({"doses": 2, "which": ["plateau"]}, "which: 'plateau' needs at least 3 dose levels, and there are 2; leave it out"),
        ({"which": ["mtd", "mtd"]}, "which: 'mtd' is given twice"),
        ({"which": ["toxic"]}, "which[1]: 'toxic' is not known; it can be 'mtd', 'all_toxic', 'all_safe', 'steep', 'shallow' or "
         "'plateau'"),
        ({"which": []}, "which: is empty"),
        ({"target": 0.75}, "which: 'all_toxic' needs a target below 0.714, and it is 0.75; list the families wanted without it"),
    ],
)  # fmt: skip
def test_faults(settings: dict[str, Any], message: str) -> None:
    """What cannot be is said with its reason."""
    with pytest.raises(esc.DesignError) as refused:
        by_name(**{"target": 0.3, "doses": 5, **settings})
    assert str(refused.value) == message


def test_high_target() -> None:
    """A target at which nothing can be far too toxic has the other families."""
    assert by_name(target=0.9, doses=2, which=["mtd", "all_safe"])["MTD at level 2"][1] == 0.9
