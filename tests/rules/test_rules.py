"""Rules: each against a hand calculation, and all as a set."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest

import escalate as esc
from escalate.core import registry
from escalate.core.decision import decide
from escalate.core.rule import Rule
from escalate.core.tally import States
from escalate.engine.automaton import compile_design
from escalate.methods.decision_table import DecisionTable
from tests.helpers import make

CRM: dict[str, Any] = {"kind": "crm", "skeleton": [0.05, 0.12, 0.25, 0.40, 0.55], "estimate": "plug_in"}

BLRM: dict[str, Any] = {"kind": "blrm", "reference_amount": 3.0, "prior": {"mean": (-1.0, 0.0), "sd": (1.0, 0.5)}}


def _next(rules: tuple[dict[str, Any], ...], outcomes: str, **settings: Any) -> int | None:
    return esc.recommend(make(CRM, target=0.25, rules=rules, **settings), outcomes).next_level


def test_no_skipping_from_highest_or_last() -> None:
    """After 1NNN 2NNN 1NNN the model wants 4 or more: from the highest that is 3, from the last 2."""
    assert _next(({"kind": "no_skipping", "from": "highest"},), "1NNN 2NNN 1NNN") == 3
    assert _next(({"kind": "no_skipping", "from": "last"},), "1NNN 2NNN 1NNN") == 2
    assert (_next((), "1NNN 2NNN 1NNN") or 0) > 3


def test_coherence_is_at_or_above_the_target() -> None:
    """One DLT in four is 25%: no escalation; one in five is not."""
    rules = ({"kind": "coherence"},)
    assert (_next(rules, "1NNNNNNNNNN 1NNNT") or 0) == 1
    assert (_next(rules, "1NNNNNNNNNN 1NNNNT") or 0) > 1


@pytest.mark.parametrize(("outcomes", "stops"), [("1NNN 1NNT 1NNT", False), ("1NNT 1NNN 1NNN 1NNT", True)])
def test_stop_at_patients_at_dose(outcomes: str, stops: bool) -> None:
    """At 12 patients at the dose just given."""
    rules = ({"kind": "stop_at_patients_at_dose", "patients": 12},)
    assert (esc.recommend(make({"kind": "boin"}, rules=rules), outcomes).action == "stop") == stops


def test_stop_only_if_staying() -> None:
    """Nine patients and an escalation go on; nine and a stay stop."""
    rules = ({"kind": "stop_at_patients_at_dose", "patients": 9, "only_if_staying": True},)
    design = make({"kind": "boin"}, rules=rules)
    assert esc.recommend(design, "1NNT 1NNT 1NNN").action == "escalate"
    assert esc.recommend(design, "1NNT 1NNT 1NNT").action == "stop"


def test_lowest_dose_too_toxic() -> None:
    """Source: dossier crm.md 1, example 6: Pr(p_1 > .25) = .0366804 after 0, 0, 1, 2 DLTs; strict above the cut-off."""
    for cutoff, action in ((0.03668, "stop"), (0.03669, "de-escalate")):
        design = make(CRM, target=0.25, rules=({"kind": "lowest_dose_too_toxic", "cutoff": cutoff},))
        assert esc.recommend(design, "1NNN 2NNN 3NNT 4NTT").action == action


def test_lowest_dose_by_its_own_data() -> None:
    """Source: dossier interval.md 1, example 3: Pr(p > .3) = .9163 after 2/3."""
    for cutoff, action in ((0.9162, "stop"), (0.9164, "stay")):
        rules = ({"kind": "lowest_dose_too_toxic", "cutoff": cutoff, "basis": "beta_binomial"},)
        assert esc.recommend(make({"kind": "boin"}, rules=rules), "1NTT").action == action


def test_model_based_rule_needs_a_model() -> None:
    """BOIN has no posterior of its own; the sentence says what to write instead."""
    with pytest.raises(esc.DesignError, match=r"rules\[1\]\.basis.*beta_binomial"):
        make({"kind": "boin"}, rules=({"kind": "lowest_dose_too_toxic", "cutoff": 0.9},))


def test_extra_safe_bar() -> None:
    """Source: BOIN's offset .05: level 1 goes at .90, so 2/3 (.9163) stops although .95 eliminates only at 3/3."""
    rules = ({"kind": "eliminate"}, {"kind": "extra_safe"})
    found = esc.recommend(make({"kind": "boin"}, rules=rules), "1NTT")
    assert found.action == "stop"
    assert {reason.code for reason in found.reasons} == {"extra_safe"}
    assert esc.recommend(make({"kind": "boin"}), "1NTT").action == "stay"


def test_stop_when_precise() -> None:
    """The interval at the following dose must lie inside; a wide one does not stop."""
    narrow = ({"kind": "stop_when_precise", "lower": 0.02, "upper": 0.8, "min_patients": 6},)
    wide = ({"kind": "stop_when_precise", "lower": 0.24, "upper": 0.26, "min_patients": 6},)
    outcomes = "1NNN 2NNN 3NNT 3NNT 3NNN 3NNT"
    assert esc.recommend(make(CRM, target=0.25, rules=narrow), outcomes).action == "stop"
    assert esc.recommend(make(CRM, target=0.25, rules=wide), outcomes).action != "stop"
    found = esc.recommend(make(CRM, target=0.25, rules=narrow), outcomes)
    dose = found.doses[(found.mtd_level or 1) - 1]
    assert dose.lower is not None
    assert dose.upper is not None
    assert 0.02 <= dose.lower < dose.upper <= 0.8


def test_order_cannot_matter() -> None:
    """Every permutation of four rules gives the same automaton, stops and all."""
    rules: tuple[dict[str, Any], ...] = (
        {"kind": "no_skipping", "from": "last"},
        {"kind": "coherence"},
        {"kind": "lowest_dose_too_toxic", "cutoff": 0.8},
        {"kind": "stop_at_patients_at_dose", "patients": 6},
    )
    shapes = set()
    for order in permutations(rules):
        automaton = compile_design(make(CRM, target=0.25, max_patients=12, rules=order))
        shapes.add((automaton.child.tobytes(), automaton.dose.tobytes(), automaton.terminals.selected.tobytes()))
    assert len(shapes) == 1


@pytest.mark.parametrize("cls", registry.rules().all(), ids=lambda cls: cls.model_fields["kind"].default)
def test_every_rule_describes_and_explains_itself(cls: type[Rule]) -> None:
    """One sentence each, ending in a full stop, over a few states; round trip through a file's content."""
    for rule in cls.examples():
        data = rule.model_dump(mode="json", by_alias=True, exclude_none=True)
        # One rule asks the method whether it bars a dose itself, two for a curve through all amounts.
        needs: dict[str, dict[str, Any]] = {
            "eliminate_by_table": DecisionTable.examples()[0].model_dump(mode="json"),
            "stop_when_mtd_above": BLRM,
            "stop_when_mtd_certain": BLRM,
        }
        design = make(needs.get(rule.kind, CRM), target=0.25, rules=(data,))
        assert design.rules == (rule,)
        assert rule.describe(design).endswith(".")
        for outcomes in ("1NNN", "1TTT", "1NNN 2NNT 3TTT"):
            found = esc.recommend(design, outcomes)
            line = next(line for line in found.trace if line.source == f"rule: {rule.kind}")
            assert line.text.endswith(".")


def test_vetoed_dose_falls_to_the_highest_permitted_below() -> None:
    """BOIN wants level 2 after 0/3 at level 1, which 3/3 there has eliminated: level 1 again."""
    found = esc.recommend(make({"kind": "boin"}), "1NNN 2TTT 1NNN")
    assert (found.action, found.next_level) == ("stay", 1)
    assert found.reasons[0].code == "eliminate"


def test_forbidden_masks_have_the_shape_of_the_states() -> None:
    """R rules, S states, J doses."""
    design = make(CRM, target=0.25)
    automaton = compile_design(make(CRM, target=0.25, max_patients=6))
    tally = automaton.terminals.tally
    states = States(tally, np.zeros(len(tally), dtype=np.int64), np.tile([3, 0], (len(tally), 1)))
    assert decide(design, states).forbidden.shape == (2, len(tally), 5)
