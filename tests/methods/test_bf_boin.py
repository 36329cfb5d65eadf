"""BF-BOIN against worked examples, its rule written a second time in fractions, and what pooled doses must never do."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import escalate as esc
from escalate.core.decision import decide, select
from escalate.core.follow_up import FollowUp
from escalate.core.moves import Moves
from escalate.core.tally import States, Tally
from escalate.engine.automaton import compile_design
from escalate.methods.bf_boin import BfBoin
from tests.helpers import make

BACKFILL: dict[str, Any] = {"activity": "none"}


def _design(
    n_doses: int = 3, *, target: float = 0.25, method: dict[str, Any] | None = None, **settings: Any
) -> esc.Design:
    return make({"kind": "bf_boin", **(method or {})}, n_doses, target=target, backfill=BACKFILL, **settings)


def _states(
    n: list[int], dlt: list[int], level: int, backfilled: list[int] | None = None, pending: list[int] | None = None
) -> States:
    tally = Tally.of([n], [dlt])
    follow = None
    if pending is not None:
        dose = np.array([[level - 1 for level in pending]], dtype=np.int64)
        follow = FollowUp(dose, np.zeros(dose.shape), np.zeros((1, 0)))
    given = None if backfilled is None else np.array([backfilled])
    return States(Tally(tally.counts, follow, given), np.array([level - 1]), np.zeros((1, 2), dtype=np.int64))


def _asked(design: esc.Design, states: States) -> Moves:
    return design.method.decide(design, states)


def _level(design: esc.Design, states: States) -> int:
    return int(_asked(design, states).next[0]) + 1


@pytest.mark.parametrize(
    ("n", "dlt", "boin", "level", "why"),
    [
        ([9, 6, 3], [3, 1, 0], 4, 3, "Levels 1 to 3 together have 4/18; the rate of 0.2222 is above lambda_e = 0.1968"),
        ([3, 6, 3], [0, 2, 0], 4, 3, "Levels 2 and 3 together have 2/9; the rate of 0.2222 is above lambda_e = 0.1968"),
        ([3, 6, 3], [0, 2, 1], 2, 1, "Levels 2 and 3 together have 3/9; the rate of 0.3333 is above lambda_d = 0.2984"),
    ],
)
def test_worked_examples(n: list[int], dlt: list[int], boin: int, level: int, why: str) -> None:
    """Source: examples of Zhao et al. (2024), target 0.25, worked by hand; a fourth level stands above the current one."""
    design, plain = _design(4), make({"kind": "boin"}, 4, target=0.25)
    states = _states([*n, 0], [*dlt, 0], 3)
    assert _level(plain, states) == boin
    moves = _asked(design, states)
    assert int(moves.next[0]) + 1 == level
    assert why in design.method.explain(design, states, moves)
    assert decide(design, states).next[0] + 1 == level


def test_lambdas_of_the_examples() -> None:
    """Source: the same examples; six decimals."""
    cuts = esc.table(_design()).boundaries
    assert cuts == pytest.approx({"lambda_e": 0.196801, "lambda_d": 0.298392}, abs=5e-7)


def test_pools_that_ask_for_less_than_one_level_down() -> None:
    """By hand: 1/3 at level 2, 0/6 at level 3 and 3/3 at level 4 pool at 4/12, above lambda_d; levels 2 and 3 at 1/9, not."""
    states = _states([3, 3, 6, 3, 0], [0, 1, 0, 3, 0], 4)
    assert _level(_design(5), states) == 3
    # With 2/6 at level 3 that conflicts first: 5/9 and 2/6 are both above lambda_d, so that level 2 is next.
    assert _level(_design(5), _states([3, 3, 6, 3, 0], [0, 1, 2, 3, 0], 4)) == 2


@pytest.mark.parametrize(
    ("dlt", "boin", "level"),
    [([1, 0, 1, 0], 3, 3), ([1, 0, 2, 0], 2, 2), ([1, 0, 0, 0], 4, 4)],
)
def test_a_tolerated_dose_between_does_not_raise_the_dose(dlt: list[int], boin: int, level: int) -> None:
    """By hand: 0/12 at level 2 pulls each pool below lambda_e; the current level still decides, and goes down on 2/4."""
    states = _states([3, 12, 4, 0], dlt, 3)
    design = _design(4)
    assert _level(make({"kind": "boin"}, 4, target=0.25), states) == boin
    assert _level(design, states) == level
    moves = _asked(design, states)
    text = design.method.explain(design, states, moves)
    assert ("That is more than level 3 by itself asks for" in text) == (level < 4)
    assert design.method.reasons[int(moves.reason[0])] == {2: "de_escalate", 3: "stay", 4: "pooled_escalate"}[level]


def test_pool_equal_to_lambda_d_stays() -> None:
    """lambda_d is exactly 1/2 at target 0.3 with p_tox 0.7: a pool of 5/10 stays, 6/10 goes down; a single dose goes down."""
    design = _design(3, target=0.3, method={"p_tox": 0.7})
    assert _level(design, _states([6, 4, 0], [4, 1, 0], 2)) == 2
    assert _level(design, _states([6, 4, 0], [5, 1, 0], 2)) == 1
    assert _level(design, _states([6, 4, 0], [0, 2, 0], 2)) == 1


def test_only_backfilled_doses_are_compared() -> None:
    """Where the tally says who was backfilled, a level without backfilled patients cannot conflict."""
    n, dlt = [9, 6, 3, 0], [3, 1, 0, 0]
    assert _level(_design(4), _states(n, dlt, 3, backfilled=[0, 3, 0, 0])) == 4
    assert _level(_design(4), _states(n, dlt, 3, backfilled=[6, 0, 0, 0])) == 3


def test_pending_patients_of_lower_doses_are_left_out() -> None:
    """2/6 at level 2 with three pending is 2/3 of those known: the pool of 2/6 goes down where 2/9 would have stayed."""
    design = _design(4)
    states = _states([3, 6, 3, 0], [0, 2, 0, 0], 3, pending=[2, 2, 2])
    assert _level(design, states) == 1
    assert not decide(design, states).waits[0]


def test_the_trial_waits_for_the_current_dose() -> None:
    """A pending patient at the current level has the trial wait, and nobody goes up."""
    design = _design(4)
    states = _states([3, 3, 3, 0], [0, 0, 0, 0], 3, pending=[3])
    found = decide(design, states)
    assert found.waits[0]
    assert found.next[0] + 1 == 3
    assert "1 patient is pending at level 3" in design.method.explain(design, states, _asked(design, states))
    unknown = _states([3, 3, 1, 0], [0, 0, 0, 0], 3, pending=[3])
    assert "No outcome is known yet at level 3" in design.method.explain(design, unknown, _asked(design, unknown))
    assert design.method.margin(design, unknown) is None


def test_without_backfilled_patients_it_is_boin() -> None:
    """Every reachable state of a trial in which nobody is backfilled has the decision and the MTD of BOIN."""
    for target in (0.2, 0.25, 0.3):
        ours = compile_design(_design(4, target=target, max_patients=24))
        theirs = compile_design(make({"kind": "boin"}, 4, target=target, max_patients=24))
        assert (ours.child == theirs.child).all()
        assert (ours.dose == theirs.dose).all()
        assert (ours.terminals.selected == theirs.terminals.selected).all()


def test_mtd_is_that_of_boin_with_all_data() -> None:
    """Backfilled patients count in the isotonic rates."""
    tally = Tally(Tally.of([[9, 6, 3]], [[3, 1, 0]]).counts, None, np.array([[6, 3, 0]]))
    assert select(_design(), tally) == select(make({"kind": "boin"}, 3, target=0.25), tally)


def test_every_dose_is_eliminated_by_its_own_data() -> None:
    """5/6 at a backfilled level 2 bars levels 2 and above whatever the current level shows."""
    found = decide(_design(4), _states([3, 6, 3, 0], [0, 5, 0, 0], 3))
    assert found.forbidden[0, 0].tolist() == [False, True, True, True]
    assert found.next[0] + 1 == 1


def test_one_more_dlt_below_can_shorten_the_pool() -> None:
    """By hand: the published pool starts at the highest conflict. With `every` no DLT can raise the next dose."""
    before = _states([12, 6, 5, 0], [5, 1, 1, 0], 3)
    after = _states([12, 6, 5, 0], [5, 2, 1, 0], 3)
    published, every = _design(4), _design(4, method={"conflicts": "every"})
    # 7/23 = 0.3043 is above lambda_d = 0.2984; once level 2 conflicts too, 3/11 = 0.2727 is not.
    assert (_level(published, before), _level(published, after)) == (1, 3)
    assert (_level(every, before), _level(every, after)) == (1, 1)
    # No elimination hides it.
    assert (decide(published, before).next[0] + 1, decide(published, after).next[0] + 1) == (1, 3)


@st.composite
def _tallies(draw: st.DrawFn) -> tuple[list[int], list[int], int]:
    n_doses = draw(st.integers(2, 5))
    level = draw(st.integers(1, n_doses))
    # Doses above the current one may have been tried, and doses below it skipped.
    n = [draw(st.integers(1 if j + 1 == level else 0, 13)) for j in range(n_doses)]
    return n, [draw(st.integers(0, each)) for each in n], level


def _by_hand(n: list[int], dlt: list[int], level: int, target: float, *, every: bool) -> tuple[int, bool]:
    """Return the next level and whether a lower level conflicts: the rule once more, in fractions and loops."""
    cuts = make({"kind": "boin"}, len(n), target=target).method.boundaries(_design(len(n), target=target))  # type: ignore[attr-defined]
    low, high = Fraction(cuts["lambda_e"]), Fraction(cuts["lambda_d"])

    def category(k: int) -> str:
        rate = Fraction(dlt[k - 1], n[k - 1])
        return "E" if rate <= low else "D" if rate >= high else "S"

    def pool(first: int, last: int) -> Fraction:
        return Fraction(sum(dlt[first - 1 : last]), sum(n[first - 1 : last]))

    now = category(level)
    alone = {"E": min(level + 1, len(n)), "S": level, "D": max(level - 1, 1)}[now]
    conflicts = [b for b in range(1, level) if n[b - 1] and (category(b) == "D" or (category(b) == "S" and now == "E"))]
    asked = [alone]
    for b in conflicts if every else conflicts[-1:]:
        rate = pool(b, level)
        if rate <= low:
            asked.append(min(level + 1, len(n)))
        elif rate > high:
            asked.append(max([k for k in range(b, level) if pool(b, k) <= high] or [max(b - 1, 1)]))
        else:
            asked.append(level)
    return min(asked), bool(conflicts)


@given(_tallies(), st.sampled_from([0.2, 0.25, 0.3, 0.33]), st.booleans())
def test_it_is_the_rule_written_twice(data: tuple[list[int], list[int], int], target: float, every: bool) -> None:
    """The arrays give what loops over fractions give; never above BOIN, and BOIN itself where no lower dose conflicts."""
    n, dlt, level = data
    design = _design(len(n), target=target, method={"conflicts": "every" if every else "highest"})
    states = _states(n, dlt, level)
    wanted, conflict = _by_hand(n, dlt, level, target, every=every)
    boin = _level(make({"kind": "boin"}, len(n), target=target), states)
    assert _level(design, states) == wanted <= boin
    if not conflict:
        assert wanted == boin
    # What is said agrees with what is done, whichever of the two decides.
    moves = _asked(design, states)
    text = design.method.explain(design, states, moves)
    pooled = design.method.reasons[int(moves.reason[0])].startswith("pooled")
    assert conflict == ("conflicts with that" in text)
    assert pooled <= conflict
    margin = design.method.margin(design, states)
    assert (margin is None) == (every and pooled)
    assert margin is None or ("pooled" in margin.text) == pooled


@given(_tallies(), st.data())
def test_more_dlts_at_the_current_dose_never_raise_the_next_one(
    data: tuple[list[int], list[int], int], draw: st.DataObject
) -> None:
    """And with `every` neither do more DLTs at any other dose."""
    n, dlt, level = data
    for conflicts in ("highest", "every"):
        where = level if conflicts == "highest" else draw.draw(st.integers(1, len(n)))
        assume(dlt[where - 1] < n[where - 1])
        more = [each + (j + 1 == where) for j, each in enumerate(dlt)]
        design = _design(len(n), method={"conflicts": conflicts})
        assert _level(design, _states(n, more, level)) <= _level(design, _states(n, dlt, level))


@given(st.lists(_tallies(), min_size=1, max_size=6))
def test_many_states_at_once_are_each_by_itself(many: list[tuple[list[int], list[int], int]]) -> None:
    """A batch of states gives what each of its states gives."""
    many = [(n + [0] * (5 - len(n)), dlt + [0] * (5 - len(dlt)), level) for n, dlt, level in many]
    design = _design(5)
    batch = States(
        Tally.of([n for n, _, _ in many], [dlt for _, dlt, _ in many]),
        np.array([level - 1 for _, _, level in many]),
        np.zeros((len(many), 2), dtype=np.int64),
    )
    assert (_asked(design, batch).next + 1).tolist() == [_level(design, _states(*one)) for one in many]


@given(_tallies(), st.data())
def test_with_nothing_known_at_the_current_dose_nobody_goes_up(
    data: tuple[list[int], list[int], int], draw: st.DataObject
) -> None:
    """Pending patients at the current level have the trial wait; with none pending it is as if follow-up had no place."""
    n, _, level = data
    design = _design(len(n))
    pending = draw.draw(st.lists(st.just(level), max_size=n[level - 1]))
    states = _states(n, [0] * len(n), level, pending=pending)
    moves = _asked(design, states)
    assert moves.suspend is not None
    assert bool(moves.suspend[0]) == bool(pending)
    if pending:
        assert int(moves.next[0]) + 1 <= level
    else:
        assert moves.next[0] == _asked(design, _states(n, [0] * len(n), level)).next[0]


@pytest.mark.parametrize(
    ("method", "backfill", "field"),
    [
        ({"titration": True}, BACKFILL, "method.titration"),
        ({"preset": "ffp"}, BACKFILL, "method.preset"),
        ({}, {"counts_in_tally": False}, "method.kind"),
        ({"p_saf": 0.3}, BACKFILL, "method.p_saf"),
    ],
)
def test_what_would_be_another_design_is_refused(method: dict[str, Any], backfill: dict[str, Any], field: str) -> None:
    """Each with the field and what is wrong."""
    with pytest.raises(esc.DesignError, match=field):
        make({"kind": "bf_boin", **method}, backfill=backfill)


def test_check_says_that_nobody_is_backfilled() -> None:
    """Without the setting `backfill` it is BOIN, and the table has a note of what it cannot show."""
    design = make({"kind": "bf_boin"}, 3, max_patients=15)
    assert any("nobody is backfilled" in finding.text for finding in esc.check(design).findings)
    assert any("backfilled patients conflicts" in note for note in esc.table(design).notes)
    assert [example.conflicts for example in BfBoin.examples()] == ["highest", "every"]
