"""The preset of BOIN that names every departure from the design of the submission."""

from __future__ import annotations

from typing import Any

import pytest

import escalate as esc
from escalate.core.rule import Rule
from escalate.engine.automaton import compile_design
from tests.helpers import make

BASE: tuple[dict[str, Any], ...] = ({"kind": "eliminate"},)


def _doubts(method: dict[str, Any] | None = None, **settings: Any) -> list[str]:
    design = make({"kind": "boin", "preset": "ffp", **(method or {})}, 3, max_patients=9, **settings)
    return [finding.text for finding in esc.check(design).findings if finding.code == "doubt"]


def test_nothing_departs() -> None:
    """The defaults, and the same numbers written out, at a usual target; a stop for enough patients is in the software."""
    assert _doubts() == []
    assert _doubts({"p_saf": 0.18, "p_tox": 0.42}) == []
    assert _doubts(rules=(*BASE, {"kind": "stop_at_patients_at_dose", "patients": 6})) == []


@pytest.mark.parametrize(
    ("method", "rules", "said"),
    [
        ({"p_saf": 0.15}, BASE, ["p_saf is 0.15, not 0.6 x target = 0.18"]),
        ({"p_tox": 0.45}, BASE, ["p_tox is 0.45, not 1.4 x target = 0.42"]),
        ({"titration": True}, BASE, ["titration comes before the design"]),
        ({"bound_mtd": True}, BASE, ["bound_mtd restricts the choice of the MTD"]),
        ({}, (), ["the rule eliminate with cutoff 0.95 and min_patients 3 is not there"]),
        (
            {},
            ({"kind": "eliminate", "cutoff": 0.9},),
            ["the rule eliminate is changed"],
        ),
        ({}, (*BASE, {"kind": "coherence"}), ["the rule coherence is no part of it"]),
        ({}, (*BASE, {"kind": "extra_safe"}), ["the rule extra_safe is no part of it"]),
        (
            {"bound_mtd": True, "p_saf": 0.1},
            (*BASE, {"kind": "no_skipping"}),
            [
                "p_saf is 0.1, not 0.6 x target = 0.18",
                "bound_mtd restricts the choice of the MTD",
                "the rule no_skipping is no part of it",
            ],
        ),
    ],
)
def test_departures(method: dict[str, Any], rules: tuple[dict[str, Any], ...], said: list[str]) -> None:
    """Each departure is one sentence; there is no other."""
    assert _doubts(method, rules=rules) == [f"preset ffp: {text}" for text in said]
    assert all(not text.startswith("preset") for text in _without(method, rules))


def _without(method: dict[str, Any], rules: tuple[dict[str, Any], ...]) -> list[str]:
    design = make({"kind": "boin", **method}, 3, max_patients=9, rules=rules)
    return [finding.text for finding in esc.check(design).findings if finding.code == "doubt"]


def test_preset_changes_no_decision() -> None:
    """It is a statement, not a setting: states and doses are those without it."""
    found, other = (
        compile_design(make({"kind": "boin", **preset}, 3, max_patients=12)) for preset in ({}, {"preset": "ffp"})
    )
    assert (found.child == other.child).all()
    assert (found.dose == other.dose).all()


def test_other_presets() -> None:
    """There is one."""
    with pytest.raises(esc.DesignError, match=r"method\.preset: 'fda' is not known; it can be 'ffp'"):
        make({"kind": "boin", "preset": "fda"})


def test_rules_of_the_preset_are_the_published_ones() -> None:
    """Where the file names none, nothing departs."""
    rules: tuple[Rule, ...] = make({"kind": "boin", "preset": "ffp"}).rules
    assert [rule.kind for rule in rules] == ["eliminate"]
