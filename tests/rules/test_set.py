"""Rules as a set, drawn at random: whatever is added or moved, a veto only lowers the dose."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from escalate.core.arrays import NONE, IntArray
from escalate.core.decision import Decisions, cohort_size, decide, stop_codes
from escalate.core.design import Design
from escalate.core.tally import States, Tally
from tests.helpers import make

CRM: dict[str, Any] = {"kind": "crm", "skeleton": [0.05, 0.12, 0.25, 0.40, 0.55], "estimate": "plug_in"}
STOPS: tuple[dict[str, Any], ...] = (
    {"kind": "stop_at_patients", "patients": 12},
    {"kind": "stop_at_patients_at_dose", "patients": 6},
    {"kind": "stop_when_stable", "cohorts": 2},
    {"kind": "max_dlts", "dlts": 4},
)
POOL: tuple[dict[str, Any], ...] = (
    *STOPS,
    {"kind": "any_of", "rules": STOPS[2:]},
    {"kind": "all_of", "rules": (STOPS[0], {"kind": "any_of", "rules": STOPS[1:]})},
    {"kind": "min_patients_before_stop", "patients": 15},
    {"kind": "min_patients_at_selected", "patients": 6},
    {"kind": "stick_on_dlts", "patients": 3, "dlts": 1, "then": "stay"},
    {"kind": "stick_on_dlts", "patients": 6, "dlts": 2, "then": "de_escalate"},
    {"kind": "cap_increment", "relative": 0.5},
    {"kind": "cap_increment", "bands": ({"from_dlts": 0, "levels": 2}, {"from_dlts": 2, "levels": 1}), "from": "highest"},
    {"kind": "overdose_cap", "cutoff": 0.3},
    {"kind": "overdose_cap", "cutoff": 0.8, "basis": "beta_binomial"},
    {"kind": "eliminate"},
    {"kind": "coherence"},
    {"kind": "cohort_sizes", "by_dlts": ({"from_dlts": 0, "size": 1}, {"from_dlts": 1, "size": 3})},
)  # fmt: skip
HOLDING = {"min_patients_before_stop", "min_patients_at_selected"}


@st.composite
def states(draw: st.DrawFn) -> States:
    """Draw some states of a trial with five doses, reachable or not."""
    n = draw(st.integers(1, 6))
    counts = np.array(draw(st.lists(st.lists(st.integers(0, 6), min_size=10, max_size=10), min_size=n, max_size=n)))
    counts = counts.reshape(n, 5, 2)
    dose = np.array(draw(st.lists(st.integers(0, 4), min_size=n, max_size=n)))
    cohort = np.array(draw(st.lists(st.sampled_from([(3, 0), (2, 1), (1, 2), (0, 3)]), min_size=n, max_size=n)))
    counts[np.arange(n), dose] += cohort
    in_a_row = np.array(draw(st.lists(st.integers(1, 4), min_size=n, max_size=n)))
    return States(Tally(counts), dose, cohort, in_a_row)


def asked(rules: tuple[dict[str, Any], ...], at: States) -> tuple[Design, Decisions]:
    """Return a design with some rules, and its decisions."""
    design = make(CRM, target=0.25, max_patients=60, rules=rules)
    return design, decide(design, at)


def why(design: Design, found: Decisions) -> list[set[str]]:
    """Return what ends the trial in each state."""
    return [{code for k, code in enumerate(stop_codes(design)) if int(s) >> k & 1} for s in found.stops]


some_rules = st.lists(st.sampled_from(POOL), max_size=5, unique_by=id).map(tuple)


@given(some_rules, st.sampled_from(POOL), states())
def test_another_rule_never_raises_the_dose(
    rules: tuple[dict[str, Any], ...], another: dict[str, Any], at: States
) -> None:
    """The dose that would follow is never higher, nor the next one, but where a rule that holds lets the trial go on."""
    _, fewer = asked(rules, at)
    design, more = asked((*rules, another), at)
    assert (more.following <= fewer.following).all()
    assert (more.next <= fewer.following).all()
    if another["kind"] in HOLDING:
        assert np.array_equal(more.following, fewer.following)
        assert ((more.next == fewer.next) | (fewer.next == NONE)).all()
    else:
        # Where the dose that follows is lowered, a stop about that dose may not be one any more.
        assert ((more.next <= fewer.next) | (more.following < fewer.following)).all()
    if another["kind"] == "cohort_sizes":
        assert np.array_equal(more.next, fewer.next)
        dose: IntArray = np.maximum(more.next, 0)
        assert (cohort_size(design, at.tally, dose) >= 1).all()


@given(some_rules, st.randoms(), states())
def test_order_and_repetition_cannot_matter(rules: tuple[dict[str, Any], ...], random: Any, at: States) -> None:
    """Shuffled and with one of them twice the rules give the same dose, the same stops, the same holds."""
    design, found = asked(rules, at)
    shuffled = [*rules, *rules[:1]]
    random.shuffle(shuffled)
    other, again = asked(tuple(shuffled), at)
    assert np.array_equal(found.next, again.next)
    assert why(design, found) == why(other, again)
    assert np.array_equal(found.held.any(axis=0), again.held.any(axis=0))
    dose: IntArray = np.maximum(found.next, 0)
    assert np.array_equal(cohort_size(design, at.tally, dose), cohort_size(other, at.tally, dose))


@given(some_rules, states())
def test_a_veto_only_lowers_the_dose(rules: tuple[dict[str, Any], ...], at: States) -> None:
    """What follows is no higher than what the method wants, and is not forbidden."""
    _, found = asked(rules, at)
    assert (found.following <= found.moves.next).all()
    going = np.flatnonzero(found.next != NONE)
    assert not found.forbidden[:, going, found.next[going]].any()


@given(some_rules, states())
def test_stop_is_held_back_or_happens(rules: tuple[dict[str, Any], ...], at: States) -> None:
    """A stop is held back only where a rule holds, never for safety, and always ends the trial otherwise."""
    design, found = asked(rules, at)
    for r, rule in enumerate(design.rules):
        asks = rule.stops(design, at, found.following)
        assert np.array_equal(asks & ~found.ended_by[r], found.held_back[r])
        assert not (found.held_back[r] & ~found.held.any(axis=0)).any()
        assert not (found.held_back[r] & rule.stops_for_safety(design, at, found.following)).any()
        assert (found.next[found.ended_by[r]] == NONE).all()
