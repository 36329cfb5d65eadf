"""Recommendations: explained line by line, and never contradicting themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import escalate as esc
from escalate.core.moves import Action
from tests.helpers import make

CRM: dict[str, Any] = {"kind": "crm", "skeleton": [0.05, 0.12, 0.25, 0.40, 0.55], "estimate": "plug_in"}


def test_action_and_level_cannot_disagree() -> None:
    """A stop has no level, anything else has one; the constructor refuses the rest."""
    found = esc.recommend(make({"kind": "boin"}), "1NNN")
    with pytest.raises(ValueError, match="cannot have next level"):
        replace(found, action=Action.STOP)
    with pytest.raises(ValueError, match="cannot have next level"):
        replace(found, next_level=None)


def test_trace_names_method_and_every_rule() -> None:
    """What the method wanted, what each rule said, with the numbers."""
    found = esc.recommend(make(CRM, target=0.25), "1NNN")
    assert [line.source for line in found.trace] == [
        "method: crm",
        "max_patients",
        "rule: no_skipping",
        "rule: coherence",
    ]
    assert found.trace[0].verdict == "wants level 4"
    assert found.trace[2].verdict == "forbids levels 3 to 5"
    assert found.trace[2].forbidden_levels == (3, 4, 5)
    assert found.reasons[0].code == "no_skipping"
    assert found.next_level == 2


def test_margin() -> None:
    """The distance of 1/3 to lambda_d, and by how much the CRM's dose is nearer than the next."""
    found = esc.recommend(make({"kind": "boin"}), "1NNN 2NNT")
    assert found.margin is not None
    assert found.margin.value == pytest.approx(0.358519465 - 1 / 3, abs=1e-9)
    crm = esc.recommend(make(CRM, target=0.25, rules=()), "1NNN 2NNN 3NNT")
    assert crm.margin is not None
    assert crm.margin.value == pytest.approx((0.3397130 - 0.25) - (0.25 - 0.1952541), abs=2e-7)


def test_departures_are_noted() -> None:
    """Another level, another cohort size, going on after the end, more patients than allowed."""
    design = make({"kind": "boin"}, max_patients=12)
    assert "design had said level 2" in esc.recommend(design, "1NNN 3NNN").notes[0]
    assert "the design had said 3" in esc.recommend(design, "1NN").notes[0]
    assert any("had stopped" in note for note in esc.recommend(design, "1TTT 1NNN").notes)
    assert any("more patients" in note for note in esc.recommend(design, "1NNN 2NNN 3NNN 4NNN 5NNN").notes)


def test_an_eliminated_dose_stays_eliminated() -> None:
    """Three more patients given against the rule, all well, do not lift the bar: 3/6 alone would not eliminate."""
    design = make({"kind": "boin"})
    found = esc.recommend(design, "1NNN 2TTT 2NNN")
    assert found.doses[1].allowed is False
    assert found.next_level == 1
    assert esc.recommend(design, "1NNN 2NNN 2TTT").doses[1].allowed is True


@pytest.mark.parametrize(
    ("outcomes", "codes", "mtd"),
    [
        ("1TTT", {"eliminate"}, None),
        ("1NNN 2NNN 3NNN 4NNN", {"max_patients"}, 4),
        ("1NNN 1NNT 1NNN", {"stop_at_patients_at_dose"}, 1),
    ],
)
def test_stop_reasons(outcomes: str, codes: set[str], mtd: int | None) -> None:
    """Each rule that ends the trial is named; the MTD comes with the end."""
    rules = ({"kind": "eliminate"}, {"kind": "stop_at_patients_at_dose", "patients": 9})
    found = esc.recommend(make({"kind": "boin"}, max_patients=12, rules=rules), outcomes)
    assert found.action == "stop"
    assert {reason.code for reason in found.reasons} == codes
    assert found.mtd_level == mtd


def test_provenance() -> None:
    """Version, hashes and a time in UTC."""
    found = esc.recommend(make({"kind": "boin"}), "1NNN").provenance
    assert found.version == esc.__version__
    assert len(found.design_sha256) == 64
    assert found.data_sha256 is not None
    assert found.time.endswith("+00:00")


def test_select_without_patients_is_refused() -> None:
    """There is nothing to select from."""
    with pytest.raises(esc.EscalateError, match="no patients"):
        esc.select(make({"kind": "boin"}), "")


def test_select_says_first_what_recommend_would_not_do() -> None:
    """An MTD that the final data allow, but that was barred on the way, is named as such before anything else."""
    design = make({"kind": "boin"})
    outcomes = "1NNN 2TTT 2NNN 2NNN"
    assert not esc.recommend(design, outcomes).doses[1].allowed
    found = esc.select(design, outcomes)
    assert found.mtd_level == 2
    assert found.notes[0] == (
        "recommend would not name level 2 the MTD: eliminate barred levels 2, 3, 4, 5 during the trial, for the rest of it. "
        "select judges the final data alone, and they do not."
    )
