"""The constant control: one level, whatever is seen."""

from __future__ import annotations

from math import comb
from typing import Any

import pytest

import escalate as esc
from escalate.study.characteristics import Characteristics
from escalate.study.simulate import simulate
from tests.helpers import make

TRUTH = (0.1, 0.3, 0.5)


def _design(level: int = 2, **settings: Any) -> esc.Design:
    return make({"kind": "constant", "level": level}, 3, **{"start_level": level, "max_patients": 12, **settings})


def _exact(design: esc.Design) -> Characteristics:
    return simulate([design], [esc.Scenario(name="truth", dlt=TRUTH)], exact=True).designs[0].characteristics


@pytest.mark.parametrize("level", [1, 2, 3])
def test_exact_characteristics(level: int) -> None:
    """Source: it is one binomial sample: n patients, n p DLTs, and the only dose tried is the MTD."""
    found = _exact(_design(level))
    patients = [x for x, _ in found.of(0, "patients")]
    assert patients == pytest.approx([12.0 if k == level else 0.0 for k in (1, 2, 3)], abs=1e-12)
    assert found.value(0, "mean_dlts") == pytest.approx(12 * TRUTH[level - 1], abs=1e-12)
    assert [x for x, _ in found.of(0, "selected")] == pytest.approx([float(k == level) for k in (1, 2, 3)], abs=1e-12)


def test_rules_apply() -> None:
    """With elimination of level 1 the trial stops where 3/3, 4/6, 5/9 or more are seen: dossier interval.md 1, example 3."""
    design = _design(1, max_patients=6, rules=({"kind": "eliminate"},))
    p = TRUTH[0]
    three = p**3
    # 4/6 or more without 3/3 in the first cohort.
    later = sum(
        comb(3, a) * comb(3, b) * p ** (a + b) * (1 - p) ** (6 - a - b)
        for a in range(3)
        for b in range(4)
        if a + b >= 4
    )
    assert _exact(design).value(0, "selected_none") == pytest.approx(three + later, abs=1e-14)


def test_departures_come_back() -> None:
    """Whatever was given, the next cohort gets the level; a rule may send it below."""
    assert esc.recommend(_design(), "1NNN 3TTT").next_level == 2
    assert esc.recommend(_design(), "2TTT").reasons[0].text == (
        "3/3 DLTs at level 2; every cohort gets level 2, whatever was seen."
    )
    assert esc.recommend(_design(rules=({"kind": "eliminate"},)), "2TTT").next_level == 1


def test_level_is_the_start_level() -> None:
    """Any other is refused, and so is none."""
    with pytest.raises(
        esc.DesignError, match=r"method\.level: 2 is not start_level 1; a constant design has one level"
    ):
        _design(2, start_level=1)
    with pytest.raises(esc.DesignError, match=r"method\.level: is missing"):
        make({"kind": "constant"}, 3)
    with pytest.raises(esc.DesignError, match="start_level: level 4 does not exist"):
        _design(4)


def test_check_says_what_it_is_for() -> None:
    """It is a control: the check fails."""
    found = esc.check(_design())
    assert not found.passed
    assert any("is a control for comparisons" in finding.text for finding in found.findings)
