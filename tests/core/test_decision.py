"""Method and rules together: stops and vetoes are OR-ed, order cannot matter, a vetoed dose falls."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations, takewhile
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import escalate as esc
from escalate.core.arrays import NONE, IntArray, Mask
from escalate.core.decision import Decisions, best_permitted, combine, decide, select, stop_codes
from escalate.core.design import Design
from escalate.core.moves import Moves
from escalate.core.patients import from_outcomes
from escalate.core.rule import Rule
from escalate.core.tally import States, Tally
from escalate.engine.automaton import Automaton, compile_design
from tests.helpers import make

RULES: tuple[dict[str, Any], ...] = (
    {"kind": "eliminate"},
    {"kind": "extra_safe", "offset": 0.1},
    {"kind": "coherence"},
    {"kind": "stop_at_patients_at_dose", "patients": 6, "only_if_staying": True},
    {"kind": "stop_at_patients_at_dose", "patients": 9},
)
CRM: dict[str, Any] = {"kind": "crm", "skeleton": {"half_width": 0.08, "prior_mtd": 2}, "estimate": "mean"}
DESIGNS = {
    "boin": make({"kind": "boin"}, 3, max_patients=15, rules=RULES),
    "crm": make(
        CRM, 4, max_patients=12,
        rules=({"kind": "no_skipping", "from": "last"}, {"kind": "coherence"}, {"kind": "eliminate", "cutoff": 0.9},
               {"kind": "lowest_dose_too_toxic", "cutoff": 0.85}),
    ),
    "holding": make(
        {"kind": "boin"}, 3, max_patients=15,
        rules=({"kind": "min_patients_before_stop", "patients": 9}, {"kind": "stop_when_stable", "cohorts": 2},
               {"kind": "min_patients_at_selected", "patients": 6}, {"kind": "max_dlts", "dlts": 4},
               {"kind": "all_of", "rules": [{"kind": "stop_at_patients", "patients": 6},
                                            {"kind": "stop_at_patients_at_dose", "patients": 6}]}),
    ),
    "sizing": make(
        CRM, 4, max_patients=14,
        rules=({"kind": "cohort_sizes", "by_dlts": [{"from_dlts": 0, "size": 2}, {"from_dlts": 1, "size": 3}]},
               {"kind": "cap_increment", "relative": 1.0}, {"kind": "overdose_cap", "cutoff": 0.6},
               {"kind": "stick_on_dlts", "patients": 2, "dlts": 1, "then": "stay"},
               {"kind": "any_of", "rules": [{"kind": "stop_when_stable", "cohorts": 3}]}),
    ),
}  # fmt: skip


class Forbid(Rule):
    """Forbid some levels."""

    kind: Literal["forbid"] = "forbid"
    levels: tuple[int, ...]

    def forbids(self, design: Design, states: States) -> Mask:
        """Forbid them."""
        return np.broadcast_to(np.isin(np.arange(1, design.n_doses + 1), self.levels), states.tally.n.shape)

    def describe(self, design: Design) -> str:
        """Name them."""
        return f"Levels {self.levels} are forbidden."

    @classmethod
    def examples(cls) -> tuple[Forbid, ...]:
        """Return one."""
        return (cls(levels=(1,)),)


class End(Rule):
    """End the trial at once."""

    kind: Literal["end"] = "end"

    def stops(self, design: Design, states: States, following: IntArray) -> Mask:
        """End it."""
        return np.ones(len(states), dtype=bool)

    def describe(self, design: Design) -> str:
        """Say so."""
        return "The trial ends."

    @classmethod
    def examples(cls) -> tuple[End, ...]:
        """Return it."""
        return (cls(),)


def reachable(automaton: Automaton) -> Iterator[tuple[int, tuple[int, ...], list[tuple[int, tuple[int, ...]]]]]:
    """Yield the last cohort (dose, outcome counts) of every reachable state, and all cohorts before and with it."""
    for node in range(1, automaton.n_states + len(automaton.terminals)):
        cohorts = automaton.path_to(node)
        yield *cohorts[-1], cohorts


def states_of(design: Design) -> States:
    """Return every state that a trial can reach, just after a cohort."""
    counts, doses, cohort, in_a_row = [], [], [], []
    for dose, last, cohorts in reachable(compile_design(design)):
        tally = np.zeros((design.n_doses, 2), dtype=np.int64)
        for at, seen in cohorts:
            tally[at] += seen
        counts.append(tally)
        doses.append(dose)
        cohort.append(last)
        in_a_row.append(len(list(takewhile(lambda each, dose=dose: each[0] == dose, reversed(cohorts)))))  # type: ignore[misc]
    return States(Tally(np.array(counts)), np.array(doses), np.array(cohort), np.array(in_a_row))


def why(design: Design, found: Decisions) -> list[frozenset[str]]:
    """Return which rules stop the trial in each state, by name."""
    codes = stop_codes(design)
    return [frozenset(code for k, code in enumerate(codes) if stops >> k & 1) for stops in found.stops.tolist()]


def state(design: Design, outcomes: str) -> States:
    """Return the state after an outcome string."""
    return from_outcomes(outcomes, design).last(design.n_doses)


@pytest.mark.parametrize("name", DESIGNS)
def test_order_of_rules_does_not_matter(name: str) -> None:
    """In every reachable state, any permutation of the rules gives the same dose, vetoes, stops and MTD."""
    design = DESIGNS[name]
    states = states_of(design)
    expected = decide(design, states)
    assert len({*why(design, expected)}) > 3
    for order in permutations(design.rules):
        other = design.model_copy(update={"rules": order})
        found = decide(other, states)
        assert np.array_equal(found.next, expected.next)
        assert np.array_equal(found.permitted, expected.permitted)
        assert why(other, found) == why(design, expected)
        assert np.array_equal(select(other, states.tally), select(design, states.tally))


@pytest.mark.parametrize("name", DESIGNS)
def test_repeating_a_rule_changes_nothing(name: str) -> None:
    """Rules are a set: the same rule twice is the rule once."""
    design = DESIGNS[name]
    states = states_of(design)
    twice = design.model_copy(update={"rules": design.rules * 2})
    assert np.array_equal(decide(twice, states).next, decide(design, states).next)
    assert why(twice, decide(twice, states)) == why(design, decide(design, states))


@pytest.mark.parametrize("name", DESIGNS)
def test_another_rule_never_permits(name: str) -> None:
    """With a rule more, no dose is higher, and no trial that had stopped goes on at the dose that would have followed.

    But where the rule holds; and where it lowers the dose that follows, a stop about that dose may not be one any more.
    """
    design = DESIGNS[name]
    states = states_of(design)
    for k, rule in enumerate(design.rules):
        fewer = design.model_copy(update={"rules": design.rules[:k] + design.rules[k + 1 :]})
        more, less = decide(design, states), decide(fewer, states)
        assert (more.following <= less.following).all()
        held = rule.holds(design, states, more.following)
        assert ((more.next <= less.next) | held | (more.following < less.following)).all()
        assert (more.next <= less.following).all()


@pytest.mark.parametrize(
    ("forbidden", "level"),
    [((), 3), ((3,), 2), ((3, 4, 5), 2), ((2, 3), 1), ((1, 2), 3), ((4, 5), 3), ((1, 2, 3), None)],
)
def test_vetoed_dose_falls_to_the_highest_permitted_below(forbidden: tuple[int, ...], level: int | None) -> None:
    """BOIN wants level 3 after 1NNN 2NNN: it gets the highest permitted at or below, and stops where there is none."""
    design = make({"kind": "boin"}, rules=()).model_copy(update={"rules": (Forbid(levels=forbidden),)})
    found = decide(design, state(design, "1NNN 2NNN"))
    assert found.moves.next.tolist() == [2]
    assert found.next.tolist() == [NONE if level is None else level - 1]
    assert why(design, found) == [frozenset({"forbid"} if level is None else ())]


def test_vetoes_are_joined() -> None:
    """Two rules that each forbid one level forbid both, and each is known for its own."""
    design = make({"kind": "boin"}, rules=()).model_copy(update={"rules": (Forbid(levels=(3,)), Forbid(levels=(2,)))})
    found = decide(design, state(design, "1NNN 2NNN"))
    assert found.next.tolist() == [0]
    assert found.permitted.tolist() == [[True, False, False, True, True]]
    assert found.forbidden[:, 0].tolist() == [[False, False, True, False, False], [False, True, False, False, False]]


def test_stops_are_joined() -> None:
    """All that end a trial are named together: size, method, and each rule."""
    design = make({"kind": "boin"}, 3, max_patients=3).model_copy(update={"rules": (End(), Forbid(levels=(1, 2, 3)))})
    found = decide(design, state(design, "1TTT"))
    assert found.next.tolist() == [NONE]
    assert why(design, found) == [frozenset({"max_patients", "end", "forbid"})]
    three = make({"kind": "three_plus_three"}, 3, max_patients=18)
    assert why(three, decide(three, state(three, "1TTT"))) == [frozenset({"method_complete"})]


def test_without_rules_the_method_decides() -> None:
    """With no rules the dose is the one the method wants, until the patients are used up."""
    design = make({"kind": "boin"}, rules=())
    states = states_of(design.model_copy(update={"max_patients": 9}))
    found = decide(design, states)
    assert np.array_equal(found.next, found.moves.next)
    assert not found.stops.any()


@st.composite
def wishes_and_vetoes(draw: st.DrawFn) -> tuple[list[int], list[list[list[bool]]]]:
    """Draw wishes of some states among some doses, and what each of some rules forbids in each."""
    n_doses, n_states, n_rules = draw(st.integers(1, 6)), draw(st.integers(1, 5)), draw(st.integers(1, 3))
    wanted = draw(st.lists(st.integers(NONE, n_doses - 1), min_size=n_states, max_size=n_states))
    row = st.lists(st.booleans(), min_size=n_doses, max_size=n_doses)
    return wanted, [[draw(row) for _ in wanted] for _ in range(n_rules)]


@given(wishes_and_vetoes())
def test_any_wish_and_any_vetoes(drawn: tuple[list[int], list[list[list[bool]]]]) -> None:
    """The next dose is the highest at or below the one wanted that no rule forbids, counted out by hand."""
    wanted, vetoes = drawn
    forbidden = np.array(vetoes)
    n_doses = forbidden.shape[2]
    expected = [
        max((dose for dose in range(wish + 1) if not forbidden[:, s, dose].any()), default=NONE)
        for s, wish in enumerate(wanted)
    ]
    assert (
        best_permitted(
            Moves(np.array(wanted), np.zeros(len(wanted), dtype=np.int64)), np.logical_not(forbidden.any(axis=0))
        ).tolist()
        == expected
    )
    rules = tuple(Forbid(levels=(k,)) for k in range(len(vetoes)))
    design = make({"kind": "boin"}, n_doses, rules=()).model_copy(update={"rules": rules})
    nobody = States(
        Tally(np.zeros((len(wanted), n_doses, 2), np.int64)),
        np.zeros(len(wanted), np.int64),
        np.zeros((len(wanted), 2), np.int64),
    )
    found = combine(design, nobody, Moves(np.array(wanted), np.zeros(len(wanted), np.int64)), forbidden)
    assert found.next.tolist() == expected
    assert [bool(stops) for stops in found.stops] == [dose == NONE for dose in expected]


def test_recommendation_says_who_forbade() -> None:
    """A recommendation lowered by a rule gives the rule's reason first, and the method's after it."""
    design = make({"kind": "boin"}, rules=({"kind": "no_skipping"},)).model_copy(
        update={"rules": (Forbid(levels=(3,)),)}
    )
    found = esc.recommend(design, "1NNN 2NNN")
    assert (str(found.action), found.next_level) == ("stay", 2)
    assert [reason.code for reason in found.reasons] == ["forbid", "escalate"]
    assert [row.why_not for row in found.doses] == [None, None, "forbid", None, None]
