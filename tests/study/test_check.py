"""What `check` finds by walking every reachable state."""

from __future__ import annotations

from typing import Any

import escalate as esc
from tests.helpers import make

CRM: dict[str, Any] = {"kind": "crm", "skeleton": [0.05, 0.12, 0.25, 0.40, 0.55], "estimate": "plug_in"}


def _codes(design: esc.Design) -> dict[str, int]:
    return {finding.code: k for k, finding in enumerate(esc.check(design).findings)}


def test_boin_escalates_after_a_cohort_full_of_dlts_in_two_states() -> None:
    """Source: the house's own enumeration: exactly two states of a 30-patient BOIN trial, at 3/15."""
    found = esc.check(make({"kind": "boin"}))
    finding = next(finding for finding in found.findings if finding.code == "escalates_after_all_dlts")
    assert "2 reachable states" in finding.text
    design = make({"kind": "boin"})
    for example in finding.examples:
        assert example.endswith("1TTT")
        assert esc.recommend(design, example).action == "escalate"


def test_coherent_design_has_no_incoherent_state() -> None:
    """With the coherence rule none is found; without it some are, each with an outcome string that shows it."""
    assert "incoherent" not in _codes(make(CRM, target=0.25))
    boin = make({"kind": "boin"})
    finding = next(finding for finding in esc.check(boin).findings if finding.code == "incoherent")
    for example in finding.examples:
        assert esc.recommend(boin, example).action == "escalate"
        last = example.split()[-1][1:]
        assert last.count("T") / len(last) >= 0.3


def test_rigid_states_are_named() -> None:
    """At the lowest dose, with the next one eliminated, no outcome short of elimination changes anything."""
    assert "rigid" in _codes(make({"kind": "boin"}))


def test_start_over_target_under_the_prior() -> None:
    """A skeleton above the target at the start level is questioned, and the check fails."""
    found = esc.check(make({**CRM, "skeleton": [0.4, 0.5, 0.6, 0.7, 0.8]}, target=0.25))
    assert not found.passed
    assert "over target" in found.findings[0].text


def test_likelihood_crm_without_a_start_is_questioned() -> None:
    """There is no estimate before both outcomes are seen."""
    assert not esc.check(make({**CRM, "inference": "mle"}, target=0.25)).passed


def test_too_large_to_walk_is_said() -> None:
    """The settings are still checked; the states are not walked, and the answer says so."""
    found = esc.check(make({"kind": "boin"}), max_states=500)
    assert found.passed
    assert [finding.code for finding in found.findings] == ["not_walked"]


def test_incoherent_initial_sequence_is_questioned() -> None:
    """Source: dfcrm `cohere` (tests/reference/crm_skeleton.json, 0355): three a level is too slow at a target of 25%."""
    method = {
        "kind": "crm",
        "model": "logistic",
        "skeleton": [0.05, 0.1, 0.2, 0.35, 0.5, 0.7],
        "estimate": "plug_in",
        "initial_levels": [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4],
    }
    found = esc.check(make(method, 6, target=0.25, max_patients=18))
    assert any("first DLT in patient 9" in finding.text for finding in found.findings if finding.warning)


def test_two_levels_with_one_label_are_questioned() -> None:
    """A label that does not tell levels apart is a warning, with the levels; labels that do are none."""
    doses = {"unit": "mg", "levels": (10.0, 20.0, 40.0)}
    same = esc.check(make({"kind": "boin"}, 3, doses={**doses, "labels": ("daily", "daily", "daily")}))
    assert not same.passed
    assert [f.text for f in same.findings if "labels" in f.text] == [
        "doses.labels: levels 1, 2 and 3 have the same label, 'daily'; give each level a label of its own"
    ]
    other = esc.check(make({"kind": "boin"}, 3, doses={**doses, "labels": ("a", "b", "c")}))
    assert not any("labels" in f.text for f in other.findings)
