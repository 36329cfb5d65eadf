"""What every method and every example design promises, over every reachable state."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import escalate as esc
from escalate.core import registry
from escalate.core.arrays import NONE
from escalate.core.decision import allowed_as_mtd, cohort_size, decide
from escalate.core.files import load_design
from escalate.core.method import Method, ModelMethod, TableMethod
from escalate.core.patients import outcome_string
from escalate.core.tally import States, Tally
from escalate.engine.automaton import Automaton, compile_design
from escalate.engine.outcomes import outcomes, worsenings
from escalate.methods.families.interval import IntervalMethod
from tests.helpers import ROOT, each, graded, make, quick

CONTROLS = {"constant", "random"}
"""Methods that do not look at the data: what others are measured against."""
DESIGNS = sorted((ROOT / "designs").glob("*.yaml"))
METHODS = registry.methods().all()
by_design = pytest.mark.parametrize("path", each(DESIGNS))
by_method = pytest.mark.parametrize("cls", METHODS, ids=lambda cls: cls.model_fields["kind"].default)
all_but_slow = pytest.mark.parametrize(
    "cls",
    [
        pytest.param(cls, marks=[pytest.mark.slow] if kind == "ordinal_crm" else [], id=kind)
        for cls, kind in ((cls, cls.model_fields["kind"].default) for cls in METHODS)
    ],
)


@cache
def _compiled(path: Path) -> tuple[esc.Design, Automaton]:
    design = load_design(path)
    return design, compile_design(design)


def _all_outcomes(
    design: esc.Design, automaton: Automaton
) -> tuple[States, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Return every state just after every outcome of every reachable cohort, and the dose the automaton gives next."""
    rows, outcome = np.nonzero(automaton.occurs)
    counts = automaton.tally_of_states().counts[rows].copy()
    cohort = np.zeros((len(rows), automaton.n_categories), dtype=np.int64)
    for m in np.unique(automaton.size).tolist():
        some = automaton.size[rows] == m
        cohort[some] = outcomes(m, automaton.n_categories)[0][outcome[some]]
    counts[np.arange(len(rows)), automaton.dose[rows]] += cohort
    child = automaton.child[rows, outcome].astype(np.int64)
    following = np.where(child > 0, automaton.dose[np.maximum(child, 0)], NONE)
    return States(Tally(counts), automaton.dose[rows], cohort), following


def _string(design: esc.Design, cohorts: list[tuple[int, tuple[int, ...]]]) -> str:
    return outcome_string(cohorts, design.outcomes)


@by_design
def test_automaton_is_the_decision_function(path: Path) -> None:
    """Asked anew, state by state, `decide` gives what the automaton stored."""
    design, automaton = _compiled(path)
    states, following = _all_outcomes(design, automaton)
    assert (decide(design, states).next == following).all()


@by_design
def test_next_dose_is_never_forbidden(path: Path) -> None:
    """Neither eliminated nor skipped to nor incoherent, whatever the rules of the design forbid; and it exists."""
    design, automaton = _compiled(path)
    states, following = _all_outcomes(design, automaton)
    assert following.max() < design.n_doses
    goes_on = following != NONE
    row = np.flatnonzero(goes_on)
    for rule in design.rules:
        assert not rule.forbids(design, states)[row, following[row]].any(), rule.kind


@by_design
def test_no_untried_level_is_skipped(path: Path) -> None:
    """The next dose is at most one level above the highest one tried."""
    design, automaton = _compiled(path)
    states, following = _all_outcomes(design, automaton)
    assert (following <= states.highest_tried + 1).all()


@by_design
def test_more_dlts_never_raise_the_next_dose(path: Path) -> None:
    """Within a cohort; a trial that goes on after a worse outcome never goes higher than after a better one."""
    design, automaton = _compiled(path)
    child = automaton.child.astype(np.int64)
    following = np.where(child > 0, automaton.dose[np.maximum(child, 0)], NONE)
    for m in np.unique(automaton.size).tolist():
        rows = np.flatnonzero(automaton.size == m)
        for better, worse in worsenings(m, automaton.n_categories):
            before, after = following[rows, better], following[rows, worse]
            wrong = rows[(after > before) & (before != NONE)]
            assert not len(wrong), _string(design, automaton.path_to(int(wrong[0])))


@by_design
def test_mtd_was_tried_and_is_not_barred(path: Path) -> None:
    """No final state declares a dose that nobody had, or that a safety rule bars."""
    design, automaton = _compiled(path)
    end = automaton.terminals
    allowed = allowed_as_mtd(design, end.tally)
    declared = np.flatnonzero(end.selected != NONE)
    assert allowed[declared, end.selected[declared]].all()
    assert (end.tally.n[declared, end.selected[declared]] > 0).all()


@by_design
def test_nobody_is_treated_beyond_the_maximum(path: Path) -> None:
    """And every trial ends."""
    design, automaton = _compiled(path)
    assert automaton.terminals.tally.n_total.max() <= design.max_patients
    assert (automaton.terminals.stops > 0).all()


@pytest.mark.parametrize("histories", [40, pytest.param(200, marks=pytest.mark.slow)])
@pytest.mark.parametrize("path", quick(DESIGNS))
def test_recommend_gives_the_dose_of_the_automaton(path: Path, histories: int) -> None:
    """For a history of every kind: the same next dose, cohort size and MTD, and no note of a departure."""
    design, automaton = _compiled(path)
    rng = np.random.default_rng(4)
    nodes = rng.choice(automaton.n_states + len(automaton.terminals), size=histories, replace=False)
    for node in nodes.tolist():
        found = esc.recommend(design, _string(design, automaton.path_to(node)))
        if node < automaton.n_states:
            assert (found.next_level, found.next_cohort_size) == (automaton.dose[node] + 1, automaton.size[node])
        else:
            mtd = int(automaton.terminals.selected[node - automaton.n_states])
            assert found.action == "stop"
            assert found.mtd_level == (None if mtd == NONE else mtd + 1)
            assert esc.select(design, _string(design, automaton.path_to(node))).mtd_level == found.mtd_level
        assert found.notes == ()


@pytest.mark.parametrize("path", quick(DESIGNS))
def test_amounts_change_nothing(path: Path) -> None:
    """Another unit, no labels and, where nothing asks for them, other amounts: the same states and decisions."""
    design, automaton = _compiled(path)
    data = design.to_dict()
    asked = design.method.uses_amounts or any(rule.uses_amounts for rule in design.rules)
    levels = design.doses.levels if asked else tuple(100.0 + level for level in range(design.n_doses))
    other = esc.Design.from_dict({**_tuples(data), "doses": {"unit": "kBq", "levels": levels}, "title": "another"})
    found = compile_design(other)
    assert (found.child == automaton.child).all()
    assert (found.dose == automaton.dose).all()


def _tuples(value: object) -> dict[str, object]:
    def convert(item: object) -> object:
        if isinstance(item, dict):
            return {key: convert(inner) for key, inner in item.items()}
        return tuple(convert(inner) for inner in item) if isinstance(item, list) else item

    found = convert(value)
    assert isinstance(found, dict)
    return found


@by_method
def test_method_has_page_design_and_tests(cls: type[Method]) -> None:
    """A method comes with its page, its example design and its golden values."""
    kind = cls.model_fields["kind"].default
    assert (ROOT / "docs" / "methods" / f"{kind}.md").is_file()
    found = [path for path in (ROOT / "designs").rglob(f"{kind}.yaml") if path.parent.name in {"designs", "late-onset"}]
    assert [load_design(path).method.kind for path in found][:1] == [kind]
    assert (ROOT / "tests" / "methods" / f"test_{kind}.py").is_file()


@all_but_slow
def test_examples_run_everywhere(cls: type[Method]) -> None:
    """Each example makes a design that is tabulated, checked, recommended from, walked and simulated, to one answer."""
    for method in cls.examples():
        design = make(method.model_dump(mode="json"), 3, max_patients=method.default_max_patients(3) or 15)
        if isinstance(method, TableMethod):
            assert esc.table(design).rows
        assert esc.check(design).n_states
        first = esc.recommend(design)
        assert first.next_level == 1
        assert first.next_cohort_size
        # Without a DLT every design goes up, the controls apart.
        after = esc.recommend(design, "1" + "N" * first.next_cohort_size).next_level
        assert after == 2 or (method.kind in CONTROLS and after in {1, 2})
        truth = [graded(esc.Scenario(name="a", dlt=(0.1, 0.3, 0.5)), design)]
        exact = esc.simulate([design], truth).designs[0].characteristics
        random = esc.simulate([design], truth, trials=20_000).designs[0].characteristics
        # 5.5 standard errors of each of 4 figures: a false alarm in 7 million.
        for (p, _), (share, error) in zip(exact.of(0, "selected"), random.of(0, "selected"), strict=True):
            assert abs(p - share) <= 5.5 * error + 10 / 20_000


FEW, MANY = 12, 150
"""Explained states: of each reason, and in all."""


@all_but_slow
def test_reasons_are_sentences(cls: type[Method]) -> None:
    """Every reason a method can give is explained in a sentence, over the states of a small trial."""
    for method in cls.examples():
        design = make(method.model_dump(mode="json"), 3, max_patients=method.default_max_patients(3) or 9)
        states, _ = _all_outcomes(design, compile_design(design))
        moves = design.method.decide(design, states)
        # All states of a small trial, and of a large one some of each reason.
        few = [np.flatnonzero(moves.reason == code)[:FEW] for code in np.unique(moves.reason)]
        some = np.unique(np.concatenate([*few, np.arange(0, len(states), max(1, len(states) // MANY))]))
        for k in some:
            text = design.method.explain(design, states.take(np.array([k])), moves.take(np.array([k])))
            assert text[0].isupper() or text[0].isdigit()
            assert text.endswith(".")


@given(data=st.data())
def test_any_history_gets_a_permitted_dose(data: st.DataObject) -> None:
    """Histories that no design would produce: the next dose exists and no rule forbids it, or the trial stops."""
    path = data.draw(st.sampled_from(DESIGNS))
    design, _ = _compiled(path)
    cohort = st.tuples(st.integers(1, design.n_doses), st.text("NT", min_size=1, max_size=6))
    history = " ".join(f"{level}{letters}" for level, letters in data.draw(st.lists(cohort, min_size=1, max_size=12)))
    found = esc.recommend(design, history)
    if found.next_level is None:
        assert found.action == "stop"
        assert found.mtd_level is None or found.doses[found.mtd_level - 1].patients > 0
    else:
        assert found.doses[found.next_level - 1].allowed
        assert found.next_cohort_size is not None
        assert found.next_cohort_size >= 1
    assert found.reasons


@given(data=st.data())
def test_one_more_dlt_never_helps(data: st.DataObject) -> None:
    """Turning one of the last cohort's N into a T never gives a higher dose (interval and model-based methods)."""
    path = data.draw(
        st.sampled_from(
            [path for path in DESIGNS if isinstance(load_design(path).method, IntervalMethod | ModelMethod)]
        )
    )
    design, _ = _compiled(path)
    cohort = st.tuples(st.integers(1, design.n_doses), st.text("NT", min_size=3, max_size=3))
    history = data.draw(st.lists(cohort, min_size=0, max_size=5))
    level = data.draw(st.integers(1, design.n_doses))
    before = " ".join(f"{k}{letters}" for k, letters in history)
    levels = [
        esc.recommend(design, f"{before} {level}{'N' * (3 - k)}{'T' * k}").next_level or 0
        for k in range(4)
        if esc.recommend(design, f"{before} {level}{'N' * (3 - k)}{'T' * k}").next_level
    ]
    assert levels == sorted(levels, reverse=True)


def test_start_is_at_the_start_level() -> None:
    """Before the first patient: the start level, whatever the method."""
    for path in DESIGNS:
        design, automaton = _compiled(path)
        found = esc.recommend(design)
        assert (found.action, found.next_level) == ("start", design.start_level)
        nothing = Tally(np.zeros((1, design.n_doses, 2), dtype=np.int64))
        assert (
            found.next_cohort_size
            == cohort_size(design, nothing, np.array([design.start_dose]))[0]
            == automaton.size[0]
        )
