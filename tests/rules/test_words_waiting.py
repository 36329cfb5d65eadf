"""The sentences of rules on pending outcomes and on the size of cohorts, against what waits and who comes."""

from __future__ import annotations

import re
from math import comb

import pytest

import escalate as esc
from escalate.core.decision import decide
from tests.helpers import make
from tests.methods.pending_patients import states_of, tally_of
from tests.rules.claims import BOIN, UP


def _waits(design: esc.Design, people: list[tuple[int, int, float]]) -> bool:
    decisions = decide(design, states_of(tally_of(people, design.n_doses)))
    return bool(decisions.waits[0])


def test_share_of_pending_patients() -> None:
    """More than the share waits, the share itself does not."""
    design = make({"kind": "tite_boin"}, rules=({"kind": "suspend_when_pending", "share": 0.5},), dlt_window=28)
    (share,) = re.findall(r"more than a share of ([\d.]+) of the patients", design.rules[0].describe(design))
    for pending in range(1, 7):
        people = [*[(1, 0, 0.9)] * pending, *[(1, 0, 1.0)] * (6 - pending)]
        assert _waits(design, people) is (pending / 6 > float(share))
    toxic = [(2, 1, 0.5), (2, 1, 0.5), (2, 1, 0.5), (2, 0, 0.1), (2, 0, 0.1), (2, 0, 0.1), (2, 0, 0.1), (1, 0, 1.0)]
    assert not _waits(design, toxic), "the level is left whatever is pending"


def test_follow_up_before_escalation() -> None:
    """As many known outcomes, and as much follow-up, as the sentence asks for: equality is enough."""
    rule = {"kind": "min_follow_up", "complete": 2, "share": 0.25}
    design = make({"kind": "tite_boin"}, rules=(rule,), dlt_window=28)
    said = design.rules[0].describe(design)
    complete, share = re.findall(r"until at least (\d+) of its .* at least a share of ([\d.]+) of", said)[0]
    for known in range(4):
        for followed in (0.2, 0.25, 0.6):
            people = [*[(1, 0, 1.0)] * known, *[(1, 0, followed)] * 3]
            late = known < int(complete) or followed < float(share)
            assert _waits(design, people) is late, (known, followed)


def _after(design: esc.Design, dlts: int, n: int) -> int:
    """Return the dose after so many DLTs among the patients of level 2, every outcome known."""
    people = [*[(2, 1, 1.0)] * dlts, *[(2, 0, 1.0)] * (n - dlts), (1, 0, 1.0)]
    return int(decide(design, states_of(tally_of(people, design.n_doses))).next[0])


@pytest.mark.parametrize("tolerance", [0.0, 0.2])
def test_decisions_that_pending_outcomes_can_change(tolerance: float) -> None:
    """Asked for every number of further DLTs, with the probability that the sentence gives."""
    design = make(BOIN, rules=({"kind": "decide_when_certain", "tolerance": tolerance},), dlt_window=28)
    said = design.rules[0].describe(design)
    plain = make(BOIN, rules=(), dlt_window=28)
    seen = set()
    for s in range(3):
        for c in range(1, 4):
            people = [*[(2, 1, 0.5)] * s, *[(2, 0, 0.5)] * c, *[(2, 0, 1.0)] * (6 - s - c), (1, 0, 1.0)]
            levels = [_after(plain, s + k, 6) for k in range(c + 1)]
            if tolerance:
                target, most = (
                    float(re.findall(r"\(s \+ ([\d.]+) / 2\)", said)[0]),
                    float(re.findall(r"is at most ([\d.]+);", said)[0]),
                )
                p = (s + target / 2) / (6 - c + 1)
                changed = sum(comb(c, k) * p**k * (1 - p) ** (c - k) for k in range(c + 1) if levels[k] != levels[0])
                wait = changed > most
            else:
                assert "none of them can change the decision" in said
                wait = len(set(levels)) > 1
            assert _waits(design, people) is wait, (s, c)
            seen.add(wait)
    assert seen == {True, False}


def test_sizes_of_cohorts() -> None:
    """The list of the sentence is what the next cohort has."""
    rule = {"kind": "cohort_sizes", "by_level": [1, 1, 2, 3, 4]}
    by_level = make(UP, rules=(rule, {"kind": "cap_increment", "levels": 1}))
    listed = {
        int(level): int(size) for size, level in re.findall(r"(\d) at level (\d)", by_level.rules[0].describe(by_level))
    }
    assert list(listed) == [1, 2, 3, 4, 5]
    for level in range(2, 6):
        found = esc.recommend(by_level, f"{level - 1}N")
        assert (found.next_level, found.next_cohort_size) == (level, listed[level])
    steps = [{"from_dlts": 0, "size": 1}, {"from_dlts": 2, "size": 3}]
    by_dlts = make(UP, rules=({"kind": "cohort_sizes", "by_dlts": steps},))
    sizes = {
        int(start): int(size)
        for size, start in re.findall(r"(\d) from (\d) DLTs? on", by_dlts.rules[0].describe(by_dlts))
    }
    for dlts in range(4):
        found = esc.recommend(by_dlts, " ".join(["1T"] * dlts + ["1N"]))
        assert found.next_cohort_size == sizes[max(start for start in sizes if start <= dlts)]
