"""Rules that have accrual wait for pending outcomes, each against a hand calculation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import escalate as esc
from escalate.core.arrays import NONE
from escalate.core.decision import decide, wait_codes
from escalate.core.tally import States
from escalate.rules.decide_when_certain import DecideWhenCertain, with_dlts
from escalate.rules.min_follow_up import MinFollowUp
from escalate.rules.suspend_when_pending import SuspendWhenPending
from tests.helpers import make
from tests.methods.pending_patients import Patient, tally_of, together

TITE: dict[str, Any] = {"kind": "tite_boin"}


def _state(n: int, dlt: int, shares: list[float], level: int = 2, others: tuple[Patient, ...] = ()) -> States:
    """Return one state at a level with so many patients, DLTs and pending follow-ups."""
    patients: list[Patient] = [(level, 1, 1.0)] * dlt + [(level, 0, share) for share in shares]
    patients += [(level, 0, 1.0)] * (n - len(patients))
    return States(tally_of([*others, *patients], 3), np.array([level - 1]), np.array([[1, 0]]))


def _design(rule: dict[str, Any], method: dict[str, Any] = TITE, **settings: Any) -> esc.Design:
    return make(method, 3, rules=(rule,), **settings)


def _waits(design: esc.Design, state: States) -> set[str]:
    bits = int(decide(design, state).waits[0])
    return {code for k, code in enumerate(wait_codes(design)) if bits >> k & 1}


def _explained(design: esc.Design, state: States) -> str:
    return design.rules[0].explain(design, state, int(decide(design, state).following[0]))


@pytest.mark.parametrize(
    ("n", "dlt", "pending", "share", "waits"),
    [
        (6, 0, 3, 0.5, False),   # 3/6 is the share, not above it
        (6, 0, 4, 0.5, True),
        (5, 0, 3, 0.5, True),
        (1, 0, 1, 0.5, True),
        (10, 0, 7, 0.7, False),  # as decimals; 0.7 * 10 is no whole number in floats everywhere
        (10, 0, 8, 0.7, True),
        (3, 1, 2, 0.5, True),    # 1/3 = 0.3333 is below lambda_d = 0.3585: stay even without further DLTs
        (5, 2, 3, 0.5, False),   # 2/5 de-escalates already
    ],
)  # fmt: skip
def test_suspend_when_pending(n: int, dlt: int, pending: int, share: float, waits: bool) -> None:
    """Source: dossier tite.md 2: suspend if c/n is above the share, strictly, unless s/n is at least lambda_d."""
    design = _design({"kind": "suspend_when_pending", "share": share})
    state = _state(n, dlt, [0.5] * pending)
    assert ("suspend_when_pending" in _waits(design, state)) == waits
    text = _explained(design, state)
    assert f"Level 2: {pending} of {n} patients pending against a share of {share:g}" in text
    assert text.endswith("accrual waits.") == waits


def test_suspend_at_the_lowest_level_waits() -> None:
    """2/5 at level 1 asks for a level below, and there is none: accrual waits. Eliminated, the trial ends instead."""
    design = make(TITE, 3)
    assert "suspend_when_pending" in _waits(design, _state(5, 2, [0.5] * 3, level=1))
    gone = decide(design, _state(5, 4, [0.5], level=1))
    assert (gone.next[0], gone.waits[0]) == (NONE, 0)


def test_suspend_leaves_other_levels_alone() -> None:
    """Pending patients of another level do not count."""
    design = _design({"kind": "suspend_when_pending"})
    others: tuple[Patient, ...] = ((1, 0, 0.2),) * 6
    assert not _waits(design, _state(3, 0, [0.5], others=others))


@pytest.mark.parametrize(
    ("n", "shares", "complete", "share", "waits"),
    [
        (3, [0.5], 2, 0.25, False),
        (3, [0.5, 0.5], 2, 0.25, True),         # one outcome known
        (4, [0.5, 0.5], 2, 0.25, False),
        (4, [0.24, 0.9], 2, 0.25, True),
        (4, [7 / 28, 0.9], 2, 0.25, False),     # exactly a quarter
        (4, [0.25 - 1e-12, 0.9], 2, 0.25, False),
        (4, [0.9], 4, 0.0, True),
        (4, [0.0], 2, 0.0, False),
    ],
)  # fmt: skip
def test_min_follow_up(n: int, shares: list[float], complete: int, share: float, waits: bool) -> None:
    """Source: dossier tite.md 2: r >= 2 known outcomes and a quarter of the window for every pending patient before going up."""
    design = _design({"kind": "min_follow_up", "complete": complete, "share": share})
    state = _state(n, 0, shares)
    assert decide(design, state).following[0] == 2
    assert ("min_follow_up" in _waits(design, state)) == waits
    text = _explained(design, state)
    assert text.startswith(f"Level 2: {n - len(shares)} of {n} outcomes known against {complete}, shortest follow-up")
    assert f"{min(shares):.4g} of the window against {share:g}" in text


def test_min_follow_up_is_about_escalation() -> None:
    """Staying or going down does not wait; nor does a level with nothing pending, or the top level."""
    design = _design({"kind": "min_follow_up"})
    assert not _waits(design, _state(3, 1, [0.1]))
    assert "no escalation would follow" in _explained(design, _state(3, 1, [0.1]))
    assert not _waits(design, _state(1, 0, [], others=((1, 0, 0.1),)))
    assert not _waits(design, _state(3, 0, [0.1, 0.1], level=3))
    assert _explained(design, _state(1, 0, [])) == "Level 2: no outcome is pending: nothing to wait for."


def test_marks() -> None:
    """The share is a point in time at which a wait can end; 0 is none."""
    design = make(TITE, 3)
    assert MinFollowUp(share=0.4).follow_up_marks(design) == (0.4,)
    assert MinFollowUp(share=0).follow_up_marks(design) == ()
    assert SuspendWhenPending().follow_up_marks(design) == ()


BOIN: dict[str, Any] = {"kind": "boin"}


@pytest.mark.parametrize(
    ("n", "dlt", "pending", "waits", "said"),
    [
        (6, 0, 1, False, "Level 2: 0/6 DLTs, 1 pending; with 0, 1 further DLTs would follow: level 3, level 3"),
        (6, 0, 2, True, "Level 2: 0/6 DLTs, 2 pending; with 0, 1, 2 further DLTs would follow: level 3, level 3, level 2"),
        (3, 2, 1, False, "Level 2: 2/3 DLTs, 1 pending; with 0, 1 further DLTs would follow: level 1, level 1"),
    ],
)  # fmt: skip
def test_decide_when_certain(n: int, dlt: int, pending: int, waits: bool, said: str) -> None:
    """Source: dossier tite.md 5 (c), BOIN with target 0.3."""
    rules = ({"kind": "decide_when_certain"}, {"kind": "eliminate"})
    design = make(BOIN, 3, rules=rules)
    state = _state(n, dlt, [0.5] * pending)
    found = decide(design, state)
    assert _waits(design, state) == ({"decide_when_certain"} if waits else set())
    assert _explained(design, state) == f"{said}: {'accrual waits' if waits else 'accrual need not wait'}."
    if not waits:
        assert found.next[0] == (0 if dlt else 2)


def test_decide_when_certain_by_probability() -> None:
    """0/6 with 2 pending: p = 0.15 / 5 = 0.03, another decision after two DLTs with probability 0.0009."""
    state = _state(6, 0, [0.5, 0.5])
    for tolerance, waits in ((0.00089, True), (0.00091, False)):
        design = _design({"kind": "decide_when_certain", "tolerance": tolerance}, BOIN)
        assert bool(_waits(design, state)) == waits
        assert f"the probability of another decision is 0.0009 against {tolerance:g}" in _explained(design, state)


def test_decide_when_certain_at_the_probability() -> None:
    """1/3 with 1 pending: p = 1.15 / 3; 2/3 de-escalates, 1/3 stays: another decision with probability 0.3833."""
    state = _state(3, 1, [0.9])
    for tolerance, waits in ((0.3833, True), (0.3834, False)):
        design = _design({"kind": "decide_when_certain", "tolerance": tolerance}, BOIN)
        assert bool(_waits(design, state)) == waits


def test_without_the_rule_the_trial_waits() -> None:
    """A method that does not weigh follow-up waits for every outcome; the rule takes that over, for the current dose alone."""
    state = _state(6, 0, [0.5])
    assert _waits(make(BOIN, 3, rules=()), state) == {"outcomes_pending"}
    elsewhere = _state(6, 0, [], others=((1, 0, 0.1),))
    assert _waits(_design({"kind": "decide_when_certain"}, BOIN), elsewhere) == set()
    assert (
        _explained(_design({"kind": "decide_when_certain"}, BOIN), elsewhere) == "Level 2: no outcome is pending there."
    )


def test_a_stop_to_come_is_another_decision() -> None:
    """2/3 at level 1 stays there, 3/3 ends the trial: with one pending accrual waits."""
    rules = ({"kind": "eliminate"}, {"kind": "decide_when_certain"})
    design = make(BOIN, 3, rules=rules)
    state = _state(3, 2, [0.5], level=1)
    assert _waits(design, state) == {"decide_when_certain"}
    assert "level 1, stop" in design.rules[1].explain(design, state, 0)


def test_certain_for_a_batch() -> None:
    """States with different numbers pending, side by side, as one by one."""
    design = _design({"kind": "decide_when_certain"}, BOIN)
    rule = design.rules[0]
    assert isinstance(rule, DecideWhenCertain)
    patients: list[list[Patient]] = [[(2, 0, 0.5)] * c + [(2, 0, 1.0)] * (6 - c) for c in range(5)]
    tally = together([tally_of(each, 3, width=6) for each in patients])
    states = States(tally, np.full(5, 1), np.tile([1, 0], (5, 1)))
    assert rule.suspends(design, states, np.full(5, 2)).tolist() == [False, False, True, True, True]


def test_further_dlts() -> None:
    """They come out of those without, from the mildest outcome up, in the last cohort too, and nothing is pending after."""
    state = _state(4, 1, [0.5, 0.5])
    found = with_dlts(state, 2)
    assert found.tally.counts[0, 1].tolist() == [1, 3]
    assert found.cohort[0].tolist() == [0, 1]
    assert found.tally.pending is None
    assert state.tally.counts[0, 1].tolist() == [3, 1]


def test_settings() -> None:
    """Shares are below 1; a probability needs a target."""
    for rule, message in (
        ({"kind": "suspend_when_pending", "share": 1.0}, "share"),
        ({"kind": "min_follow_up", "share": 1.0}, "share"),
        ({"kind": "min_follow_up", "complete": 0}, "complete"),
    ):
        with pytest.raises(esc.DesignError, match=rf"rules\[1\]\.{message}"):
            _design(rule)
    with pytest.raises(esc.DesignError, match=r"rules\[1\]\.tolerance: needs the design's target"):
        _design({"kind": "decide_when_certain", "tolerance": 0.1}, {"kind": "three_plus_three"}, target=None)
