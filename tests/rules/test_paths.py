"""Rules that count, hold, stop or size: the engines against every path written out, and against each other."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from scipy import stats

import escalate as esc
from escalate.core.arrays import NONE
from escalate.core.patients import outcome_string
from escalate.engine import monte_carlo
from escalate.engine.automaton import compile_design
from tests.helpers import make
from tests.rules.paths import History, Protocol, at, brute_force, by_automaton, in_all, last_all_at

BOIN: dict[str, Any] = {"kind": "boin"}
CRM: dict[str, Any] = {"kind": "crm", "skeleton": {"half_width": 0.05, "prior_mtd": 2}, "estimate": "plug_in"}
TRUTH = (Fraction(1, 10), Fraction(1, 4), Fraction(9, 20))


def _stable(history: History, following: int, cohorts: int) -> bool:
    return following != NONE and last_all_at(history, following, cohorts)


def _eliminated(history: History) -> set[int]:
    """Return doses at or above one with Pr(p > 0.3) > 0.95 under Beta(1, 1) from three patients on, by SciPy."""
    over = []
    for dose in range(3):
        n, y = at(history, dose)
        over.append(n >= 3 and stats.beta.sf(0.3, 1 + y, 1 + n - y) > 0.95)
    return {dose for dose in range(3) if any(over[: dose + 1])}


def _sticks(history: History) -> dict[int, str]:
    """1/3 stays."""
    dose = history[-1][0]
    n, y = at(history, dose)
    return dict.fromkeys(range(dose + 1, 3), "stick_on_dlts") if n == 3 and y >= 1 else {}


def _leaves(history: History) -> dict[int, str]:
    """3/6 de-escalates."""
    dose = history[-1][0]
    n, y = at(history, dose)
    return dict.fromkeys(range(max(dose, 1), 3), "stick_on_dlts") if n == 6 and y >= 3 else {}


def _fibonacci(history: History) -> dict[int, str]:
    """Amounts 10, 20, 30: at most doubled before the first DLT, at most 50% after it."""
    dose, dlts = history[-1][0], in_all(history)[1]
    return {d: "cap_increment" for d in range(3) if 10 * (d + 1) > (2 if dlts == 0 else 1.5) * 10 * (dose + 1)}


def _held_by_the_last(history: History) -> dict[int, str]:
    """Amounts 10, 20, 30: at most doubled after a cohort without a DLT, no escalation after one with."""
    dose, _, y = history[-1]
    return {d: "cap_increment" for d in range(3) if 10 * (d + 1) > (1 if y else 2) * 10 * (dose + 1)}


def _near(history: History, following: int) -> int:
    """Amounts 10, 12, 30: within 20% of 10 is 12, within 20% of 12 is 10, and nothing is near 30."""
    return sum(at(history, d)[0] for d in ((0, 1), (0, 1), (2,))[following])


def _rule(kind: str, **settings: Any) -> dict[str, Any]:
    return {"kind": kind, **settings}


CASES: dict[str, tuple[esc.Design, Protocol]] = {
    "stable": (
        make(BOIN, 3, max_patients=15, rules=(_rule("stop_when_stable", cohorts=3),)),
        Protocol(stops=lambda h, d: {"stop_when_stable"} if _stable(h, d, 3) else set()),
    ),
    "stable, one at a time": (
        make(CRM, 3, cohort_size=1, max_patients=10, rules=(_rule("stop_when_stable", cohorts=4),)),
        Protocol(stops=lambda h, d: {"stop_when_stable"} if _stable(h, d, 4) else set()),
    ),
    "stable, held": (
        make(BOIN, 3, cohort_size=2, max_patients=14, rules=(
            _rule("stop_when_stable", cohorts=2), _rule("min_patients_before_stop", patients=8), _rule("eliminate"),
        )),
        Protocol(
            forbids=lambda h: dict.fromkeys(_eliminated(h), "eliminate"),
            bars=_eliminated,
            stops=lambda h, d: {"stop_when_stable"} if _stable(h, d, 2) else set(),
            holds=lambda h, _: in_all(h)[0] < 8,
        ),
    ),
    "held until the MTD has patients": (
        make(BOIN, 3, max_patients=15, rules=(
            _rule("eliminate"), _rule("stop_at_patients", patients=9), _rule("min_patients_at_selected", patients=6),
        )),
        Protocol(
            forbids=lambda h: dict.fromkeys(_eliminated(h), "eliminate"),
            bars=_eliminated,
            stops=lambda h, _: {"stop_at_patients"} if in_all(h)[0] >= 9 else set(),
            holds=lambda h, mtd: mtd != NONE and at(h, mtd)[0] < 6,
        ),
    ),
    "combined": (
        make(BOIN, 3, max_patients=15, rules=(
            _rule("all_of", rules=[
                _rule("stop_at_patients", patients=9),
                _rule("any_of", rules=[
                    _rule("stop_when_stable", cohorts=2), _rule("stop_at_patients_at_dose", patients=6),
                ]),
            ]),
            _rule("max_dlts", dlts=4), _rule("min_patients_before_stop", patients=12),
        )),
        Protocol(
            stops=lambda h, d: (
                {"all_of"} if in_all(h)[0] >= 9 and (_stable(h, d, 2) or at(h, h[-1][0])[0] >= 6) else set()
            ),
            safety=lambda h, _: {"max_dlts"} if in_all(h)[1] >= 4 else set(),
            holds=lambda h, _: in_all(h)[0] < 12,
        ),
    ),
    "safety inside a combination": (
        make(BOIN, 3, max_patients=12, rules=(
            _rule("any_of", rules=[_rule("max_dlts", dlts=3), _rule("stop_when_stable", cohorts=2)]),
            _rule("all_of", rules=[_rule("max_dlts", dlts=2), _rule("stop_at_patients", patients=6)]),
            _rule("min_patients_before_stop", patients=9),
        )),
        Protocol(
            stops=lambda h, d: (
                ({"any_of"} if _stable(h, d, 2) else set())
                | ({"all_of"} if in_all(h)[1] >= 2 and in_all(h)[0] >= 6 else set())
            ),
            safety=lambda h, _: {"any_of"} if in_all(h)[1] >= 3 else set(),
            holds=lambda h, _: in_all(h)[0] < 9,
        ),
    ),
    "cohorts by DLTs": (
        make(BOIN, 3, max_patients=12, rules=(
            _rule("cohort_sizes", by_dlts=[{"from_dlts": 0, "size": 1}, {"from_dlts": 1, "size": 3}]),
            _rule("stop_when_stable", cohorts=3),
        )),
        Protocol(
            stops=lambda h, d: {"stop_when_stable"} if _stable(h, d, 3) else set(),
            size=lambda h, _: 1 if in_all(h)[1] == 0 else 3,
        ),
    ),
    "cohorts by level": (
        make(CRM, 3, max_patients=12, rules=(
            _rule("cohort_sizes", by_level=[1, 2, 4]), _rule("stop_at_patients_at_dose", patients=6),
        )),
        Protocol(
            stops=lambda h, _: {"stop_at_patients_at_dose"} if at(h, h[-1][0])[0] >= 6 else set(),
            size=lambda _, dose: (1, 2, 4)[dose],
        ),
    ),
    "1/3 stays and 3/6 de-escalates": (
        make(CRM, 3, max_patients=15, target=0.4, rules=(
            _rule("stick_on_dlts", patients=3, dlts=1, then="stay"),
            _rule("stick_on_dlts", patients=6, dlts=3, then="de_escalate"),
        )),
        Protocol(forbids=lambda h: {**_sticks(h), **_leaves(h)}),
    ),
    "increments": (
        make(CRM, 3, max_patients=15, doses={"unit": "mg", "levels": (10, 20, 30)}, rules=(
            _rule("cap_increment", bands=[{"from_dlts": 0, "relative": 1.0}, {"from_dlts": 1, "relative": 0.5}]),
        )),
        Protocol(forbids=_fibonacci),
    ),
    "increments by the last cohort": (
        make(CRM, 3, max_patients=15, doses={"unit": "mg", "levels": (10, 20, 30)}, rules=(
            _rule("cap_increment", bands=[
                {"from_dlts_in_cohort": 0, "relative": 1.0}, {"from_dlts_in_cohort": 1, "levels": 0},
            ]),
        )),
        Protocol(forbids=_held_by_the_last),
    ),
    "patients near": (
        make(CRM, 3, max_patients=15, doses={"unit": "mg", "levels": (10, 12, 30)}, rules=(
            _rule("stop_at_patients_near_dose", patients=9, within=0.2),
        )),
        Protocol(stops=lambda h, d: {"stop_at_patients_near_dose"} if d != NONE and _near(h, d) >= 9 else set()),
    ),
}  # fmt: skip
by_case = pytest.mark.parametrize("name", CASES)


@by_case
def test_exact_characteristics_against_every_path(name: str) -> None:
    """Each final state, its MTD, its reasons and its probability in rational numbers, from the whole history."""
    design, protocol = CASES[name]
    expected = brute_force(design, protocol, TRUTH)
    assert sum(expected.values()) == 1
    assert by_automaton(design, TRUTH) == expected


@by_case
def test_every_rule_of_a_case_acts(name: str) -> None:
    """Without any one of its rules a case comes out differently: the test above looks at them all."""
    design, _ = CASES[name]
    whole = by_automaton(design, TRUTH)
    for k in range(len(design.rules)):
        fewer = design.model_copy(update={"rules": design.rules[:k] + design.rules[k + 1 :]})
        assert by_automaton(fewer, TRUTH) != whole


@by_case
def test_trials_are_the_same_without_the_automaton(name: str) -> None:
    """Trial by trial, the counts of final states are equal."""
    design, _ = CASES[name]
    truth = tuple(float(p) for p in TRUTH)
    automaton = compile_design(design)
    walked = monte_carlo.walk(monte_carlo.Walkable.of(automaton), truth, design.max_patients, 20_011, 5)
    terminals, times = monte_carlo.decide_as_they_go(design, esc.Scenario(name="a", dlt=truth), 20_011, 5)
    ends = automaton.terminals
    expected = {(ends.tally.counts[t].tobytes(), int(ends.stops[t])): int(walked[t]) for t in np.flatnonzero(walked)}
    found = {
        (terminals.tally.counts[t].tobytes(), int(terminals.stops[t])): int(times[t]) for t in range(len(terminals))
    }
    assert found == expected


@by_case
def test_recommendation_follows_the_automaton(name: str) -> None:
    """Along any history: the next dose, the size of its cohort, the MTD at the end, and no note of a departure."""
    design, _ = CASES[name]
    automaton = compile_design(design)
    nodes = automaton.n_states + len(automaton.terminals)
    for node in np.random.default_rng(2).choice(np.arange(1, nodes), size=min(nodes - 1, 40), replace=False).tolist():
        found = esc.recommend(design, outcome_string(automaton.path_to(node)))
        assert found.notes == ()
        if node < automaton.n_states:
            assert found.next_level == int(automaton.dose[node]) + 1
            assert found.next_cohort_size == int(automaton.size[node])
        else:
            mtd = int(automaton.terminals.selected[node - automaton.n_states])
            assert found.action == "stop"
            assert found.mtd_level == (None if mtd == NONE else mtd + 1)


def test_history_matters_to_a_rule_that_counts() -> None:
    """1/6 and 2/6 either way, level 2 given last and wanted next: after one cohort in a row, and after two."""
    design = make(BOIN, 3, max_patients=15, rules=(_rule("stop_when_stable", cohorts=2),))
    assert esc.recommend(design, "1NNN 2NTT 1NNT 2NNN").action == "stay"
    assert esc.recommend(design, "1NNT 1NNN 2NNT 2NNT").action == "stop"
