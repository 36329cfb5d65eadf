"""What every method that weighs follow-up promises."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import escalate as esc
from escalate.core import registry
from escalate.core.arrays import NONE
from escalate.core.decision import Decisions, decide
from escalate.core.files import load_design
from escalate.core.method import Method
from escalate.core.tally import States, Tally
from escalate.methods.families.late_onset import LateOnset
from tests.helpers import ROOT, make
from tests.methods.pending_patients import Patient, tally_of, together

J = 3
WIDTH = 16
LATE = [cls for cls in registry.methods().all() if cls.weighs_follow_up]
EXAMPLES = [(cls.model_fields["kind"].default, k) for cls in LATE for k in range(len(cls.examples()))]
by_example = pytest.mark.parametrize(("kind", "k"), EXAMPLES)


def _method(kind: str, k: int) -> Method:
    return registry.methods().get(kind).examples()[k]


def _design(kind: str, k: int, **settings: Any) -> esc.Design:
    method = _method(kind, k)
    return make(method.model_dump(mode="json", exclude_none=True), J, max_patients=18, **settings)


def _states(histories: list[list[Patient]]) -> States:
    """Return states whose current dose is that of the last patient, alone in his cohort."""
    tally = together([tally_of(history, J, width=WIDTH) for history in histories])
    last = [history[-1] for history in histories]
    cohort = np.array([[1 - dlt, dlt] for _, dlt, _ in last])
    return States(tally, np.array([level - 1 for level, _, _ in last]), cohort)


def _cost(kind: str) -> int:
    """Return how many histories are drawn at once: fewer where a decision takes long."""
    return 2 if registry.methods().get(kind).costly else 6


def _level(decisions: Decisions) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the dose that the next patient can have now: NONE where the trial stops or waits."""
    return np.where(decisions.waits > 0, NONE, decisions.next)


FOLLOWED = st.tuples(st.integers(1, J), st.just(0), st.sampled_from([0.0, 0.1, 0.3, 0.6, 0.9, 1.0, 1.0]))
WITH_DLT = st.tuples(st.integers(1, J), st.just(1), st.sampled_from([0.1, 0.5, 1.0]))
PATIENT = st.one_of(FOLLOWED, FOLLOWED, FOLLOWED, WITH_DLT)
HISTORY = st.lists(PATIENT, min_size=1, max_size=14)


def test_there_are_such_methods() -> None:
    """The list is not empty by mistake."""
    kinds = {kind for kind, _ in EXAMPLES}
    assert {"tite_boin", "tite_keyboard", "tite_mtpi2", "rolling_six"} <= kinds


@by_example
@given(data=st.data())
def test_nothing_pending_is_as_without_follow_up(kind: str, k: int, data: st.DataObject) -> None:
    """With every patient followed to the end the decision is that of a tally without follow-up."""
    histories = data.draw(st.lists(HISTORY, min_size=1, max_size=_cost(kind)))
    states = _states([[(level, dlt, 1.0) for level, dlt, _ in history] for history in histories])
    design = _design(kind, k)
    found, expected = decide(design, states), decide(design, states.as_complete())
    assert (found.next == expected.next).all()
    assert not found.waits.any()
    assert not expected.waits.any()


@pytest.mark.parametrize("kind", [kind for kind, k in EXAMPLES if k == 0 and kind.startswith("tite_")])
@given(data=st.data())
def test_nothing_pending_is_the_parent(kind: str, data: st.DataObject) -> None:
    """A late-onset method named after another is that one where every outcome is known: settings it shares, same wish."""
    parent = registry.methods().get(kind.removeprefix("tite_"))
    histories = data.draw(st.lists(HISTORY, min_size=1, max_size=_cost(kind)))
    states = _states([[(level, dlt, 1.0) for level, dlt, _ in history] for history in histories])
    for method in registry.methods().get(kind).examples():
        settings = method.model_dump(mode="json", exclude_none=True)
        shared = {key: value for key, value in settings.items() if key in parent.model_fields and key != "kind"}
        plain = make({"kind": kind.removeprefix("tite_"), **shared}, J, max_patients=18, rules=())
        late = make(settings, J, max_patients=18, rules=())
        found = late.method.decide(late, states)
        expected = plain.method.decide(plain, states.as_complete())
        assert (found.next == expected.next).all()
        assert (found.reason == expected.reason).all()


@by_example
@pytest.mark.parametrize("level", range(1, J + 1))
def test_no_follow_up_never_escalates(kind: str, k: int, level: int) -> None:
    """All patients at the current dose were treated today, those below are known: nobody goes up under the published rules."""
    design = _design(kind, k, dlt_window=28)
    for n in range(1, 7):
        below: list[Patient] = [(lower, 0, 1.0) for lower in range(1, level) for _ in range(3)]
        decisions = decide(design, _states([below + [(level, 0, 0.0)] * n]))
        assert decisions.waits[0] or _level(decisions)[0] <= level - 1, n


@by_example
@given(data=st.data())
def test_more_dlts_never_raise_the_dose(kind: str, k: int, data: st.DataObject) -> None:
    """One known outcome at the current dose more that is a DLT: never a higher dose than without, the same patients pending."""
    design = _design(kind, k)
    history = data.draw(HISTORY)
    level = history[-1][0]
    better, worse = [*history, (level, 0, 1.0)], [*history, (level, 1, 1.0)]
    better_tally = tally_of(better, J, width=WIDTH)
    worse_tally = tally_of(worse, J, width=WIDTH)
    # The last cohort is the same, so that what differs is the tally alone.
    cohort = np.array([[1, 0]])
    before, after = (
        design.method.decide(design, States(tally, np.array([level - 1]), cohort))
        for tally in (better_tally, worse_tally)
    )
    treats = [moves.next[0] != NONE and (moves.suspend is None or not moves.suspend[0]) for moves in (before, after)]
    assert not all(treats) or after.next[0] <= before.next[0]


@by_example
@given(data=st.data())
def test_dose_is_admissible(kind: str, k: int, data: st.DataObject) -> None:
    """The next dose exists and no rule forbids it; where accrual waits for outcomes there is one pending."""
    design = _design(kind, k)
    states = _states(data.draw(st.lists(HISTORY, min_size=1, max_size=_cost(kind))))
    decisions = decide(design, states)
    assert (decisions.next < J).all()
    assert (decisions.next >= NONE).all()
    goes_on = np.flatnonzero(decisions.next != NONE)
    assert decisions.permitted[goes_on, decisions.next[goes_on]].all()
    assert states.tally.pending is not None
    assert (states.tally.pending.n[decisions.waits > 0] > 0).all()


@by_example
@given(data=st.data())
def test_batches_decide_as_single_states(kind: str, k: int, data: st.DataObject) -> None:
    """Side by side or alone: the same dose, the same waits."""
    design = _design(kind, k)
    states = _states(data.draw(st.lists(HISTORY, min_size=2, max_size=_cost(kind))))
    together_ = decide(design, states)
    for row in range(len(states)):
        alone = decide(design, states.take(np.array([row])))
        assert alone.next[0] == together_.next[row]
        assert alone.waits[0] == together_.waits[row]
        assert design.method.explain(design, states.take(np.array([row])), alone.moves).endswith(".")


@pytest.mark.parametrize(
    ("kind", "k"), [pair for pair in EXAMPLES if issubclass(registry.methods().get(pair[0]), LateOnset)]
)
@given(data=st.data())
def test_cuts_are_the_decision(kind: str, k: int, data: st.DataObject) -> None:
    """The arrays that a compiled simulator reads give what `decide` says, to the last bit."""
    design = _design(kind, k)
    method = design.method
    assert isinstance(method, LateOnset)
    states = _states(data.draw(st.lists(HISTORY, min_size=1, max_size=6)))
    n, dlt = states.tally.at(states.dose)
    pending = states.tally.n_pending[np.arange(len(states)), states.dose]
    cuts = method.cuts(design, 18)
    assert states.tally.pending is not None
    stft = method.stft(states.tally.pending, states.dose[:, None])[:, 0]
    up, down = cuts.escalate_from[n, dlt, pending], cuts.deescalate_to[n, dlt, pending]
    action = np.where(stft >= up, 1, np.where(stft <= down, -1, 0))
    assert (method.decide(design, states).reason == action + 1).all()


@pytest.mark.parametrize("kind", sorted({kind for kind, _ in EXAMPLES}))
def test_design_file(kind: str) -> None:
    """There is a design file of five doses to start from."""
    path = ROOT / "designs" / "late-onset" / f"{kind}.yaml"
    design = load_design(path)
    assert (design.method.kind, design.n_doses) == (kind, 5)


def test_states_without_patients_pending_beside_others() -> None:
    """A batch in which one state has nobody pending: that one is decided by the table."""
    states = _states([[(1, 0, 1.0)] * 3, [(1, 0, 0.5)] * 3])
    design = _design("tite_boin", 0)
    found = design.method.decide(design, states)
    assert (
        found.next[0]
        == design.method.decide(
            design, States(Tally.of([[3, 0, 0]], [[0, 0, 0]]), np.array([0]), np.array([[1, 0]]))
        ).next[0]
    )
