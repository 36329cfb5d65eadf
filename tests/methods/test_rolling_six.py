"""Rolling six against its published table, the 3+3 design that it is with cohorts of three, and a rational recursion."""

from __future__ import annotations

from fractions import Fraction
from math import comb
from typing import Any

import numpy as np
import pytest

import escalate as esc
from escalate.core.arrays import NONE
from escalate.core.decision import decide, select, wait_codes
from escalate.core.tally import States
from escalate.engine.automaton import compile_design
from escalate.methods.rolling_six import RollingSix, action
from escalate.study.characteristics import Characteristics
from escalate.study.simulate import simulate
from tests.helpers import make
from tests.methods.pending_patients import Patient, tally_of

ROLLING: dict[str, Any] = {"kind": "rolling_six"}
TRUTH = (0.05, 0.15, 0.30, 0.45, 0.60)


def _design(n_doses: int = 5, method: dict[str, Any] = ROLLING, **settings: Any) -> esc.Design:
    return make(method, n_doses, **{"max_patients": 6 * n_doses, **settings})


def _exact(design: esc.Design, truth: tuple[float, ...]) -> Characteristics:
    return simulate([design], [esc.Scenario(name="truth", dlt=truth)], exact=True).designs[0].characteristics


def _selection(found: Characteristics) -> list[float]:
    return [found.value(0, "selected_none"), *(x for x, _ in found.of(0, "selected"))]


@pytest.mark.parametrize(
    ("n", "dlts", "pending", "expected"),
    [
        (3, 0, 0, "escalate"), (3, 0, 1, "same"), (4, 0, 1, "same"), (5, 1, 0, "same"), (6, 1, 0, "escalate"),
        (6, 0, 1, "escalate"), (6, 1, 1, "suspend"), (6, 0, 2, "suspend"), (2, 2, 0, "de-escalate"),
        (6, 2, 3, "de-escalate"), (5, 0, 1, "same"), (5, 0, 2, "same"),
    ],
)  # fmt: skip
def test_published_table(n: int, dlts: int, pending: int, expected: str) -> None:
    """Source: Skolnik et al. (2008) and Frankel et al. (2020, table 2), by way of dossier rule_based.md 2."""
    assert action(n, dlts, pending) == expected


@pytest.mark.parametrize("strict", [False, True])
def test_whole_table(strict: bool) -> None:
    """Every (n, x, c): what escalates is listed here by hand, two DLTs close, and only six patients can suspend."""
    escalates = {(3, 0, 0), (4, 0, 0), (5, 0, 0), (6, 0, 0), (6, 1, 0)} | (set() if strict else {(6, 0, 1)})
    for n in range(7):
        for dlts in range(n + 1):
            for pending in range(n - dlts + 1):
                found = action(n, dlts, pending, strict)
                assert (found == "de-escalate") == (dlts >= 2)
                assert (found == "escalate") == ((n, dlts, pending) in escalates)
                assert (found == "suspend") == (n == 6 and dlts < 2 and (n, dlts, pending) not in escalates)


@pytest.mark.parametrize(("n", "dlts", "pending"), [(7, 0, 0), (3, 2, 2), (3, -1, 0), (3, 0, -1), (-1, 0, 0)])
def test_impossible_counts(n: int, dlts: int, pending: int) -> None:
    """Counts that no dose can have are a fault of the program."""
    with pytest.raises(ValueError, match="is not possible"):
        action(n, dlts, pending)


def test_cohorts_of_three_are_the_3_plus_3_with_six_at_the_mtd() -> None:
    """Source: dossier rule_based.md 1, variant C (exact enumeration and precautionary); six decimals, and our own exactly."""
    found = _exact(_design(), TRUTH)
    assert _selection(found) == pytest.approx([0.027847, 0.200583, 0.428946, 0.277445, 0.061421, 0.003758], abs=5.1e-7)
    assert found.value(0, "mean_patients") == pytest.approx(15.145021, abs=5.1e-7)
    other = _exact(_design(method={"kind": "three_plus_three", "six_at_mtd": True}), TRUTH)
    assert _selection(found) == pytest.approx(_selection(other), abs=1e-15)
    assert found.of(0, "dlts") == other.of(0, "dlts")


State = tuple[int, tuple[int, ...], tuple[int, ...]]


class _ByHand:
    """The design by recursion over the dossier's table, in fractions; equal states are taken together."""

    def __init__(self, truth: tuple[Fraction, ...], size: int, start: int) -> None:
        self.truth, self.size = truth, size
        self.mtd = [Fraction(0)] * (len(truth) + 1)
        self.patients = [Fraction(0)] * len(truth)
        nothing = (0,) * len(truth)
        self.todo: dict[State, Fraction] = {(start - 1, nothing, nothing): Fraction(1)}
        while self.todo:
            state = min(self.todo, key=lambda each: sum(each[1]))
            self.cohort(*state, self.todo.pop(state))

    def cohort(self, dose: int, n: tuple[int, ...], y: tuple[int, ...], mass: Fraction) -> None:
        m, p = min(self.size, 6 - n[dose]), self.truth[dose]
        self.patients[dose] += mass * m
        for k in range(m + 1):
            self.settle(
                dose,
                tuple(c + m * (j == dose) for j, c in enumerate(n)),
                tuple(c + k * (j == dose) for j, c in enumerate(y)),
                mass * comb(m, k) * p**k * (1 - p) ** (m - k),
            )

    def settle(self, dose: int, n: tuple[int, ...], y: tuple[int, ...], mass: Fraction) -> None:
        following: int | None = dose
        if y[dose] >= 2:
            if dose == 0 or n[dose - 1] == 6:
                following, self.mtd[dose] = None, self.mtd[dose] + mass
            else:
                following = dose - 1
        elif dose + 1 == len(n) or y[dose + 1] >= 2:
            if n[dose] == 6:
                following, self.mtd[dose + 1] = None, self.mtd[dose + 1] + mass
        elif n[dose] == 6 or (n[dose] >= 3 and y[dose] == 0):
            following = dose + 1
        if following is not None:
            self.todo[following, n, y] = self.todo.get((following, n, y), Fraction(0)) + mass


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("start", [1, 3])
def test_exact_characteristics(size: int, start: int) -> None:
    """Source: a recursion over the dossier's table, in fractions, for every size of cohort; to 1e-13."""
    hand = _ByHand(tuple(Fraction(str(p)) for p in TRUTH[:3]), size, start)
    found = _exact(_design(3, cohort_size=size, start_level=start), TRUTH[:3])
    assert sum(hand.mtd) == 1
    assert _selection(found) == pytest.approx([float(p) for p in hand.mtd], abs=1e-13)
    assert [x for x, _ in found.of(0, "patients")] == pytest.approx([float(x) for x in hand.patients], abs=1e-13)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6])
def test_nobody_is_the_seventh(size: int) -> None:
    """Over every reachable state no dose has more than six patients, and what is declared is what `select` finds."""
    design = _design(3, cohort_size=size)
    end = compile_design(design).terminals
    assert end.tally.n.max() == 6
    for n, y, mtd in zip(end.tally.n, end.tally.dlt, end.selected, strict=True):
        closed = np.flatnonzero(y >= 2)
        assert mtd == (closed[0] - 1 if len(closed) else 2)
        assert mtd < 0 or n[mtd] == 6
    assert (select(design, end.tally) == end.selected).all()


@pytest.mark.parametrize(
    ("outcomes", "level", "size", "code"),
    [
        ("1NNN", 2, 3, "escalate"),
        ("1NN", 1, 3, "stay"),
        ("1NNNN", 2, 3, "escalate"),
        ("1NNNT", 1, 2, "stay"),
        ("1NNNT 1NN", 2, 3, "escalate"),
        ("1NNN 2NTT", 1, 3, "de_escalate"),
        ("1NNN 2NNN 3NNN", 3, 3, "stay"),
        ("1NTT", None, None, "no_dose_acceptable"),
        ("1NNN 2NTT 1NNT", None, None, "mtd_established"),
        ("1NNN 2NTT 1NTT", None, None, "no_dose_acceptable"),
        ("1NNNNNN 2NTT", None, None, "mtd_established"),
    ],
)
def test_decisions(outcomes: str, level: int | None, size: int | None, code: str) -> None:
    """The table, level by level; where it is the top level or below a closed one six patients are needed."""
    found = esc.recommend(_design(3), outcomes)
    assert (found.next_level, found.next_cohort_size, found.reasons[-1].code) == (level, size, code)


def test_top_level_is_not_called_the_mtd() -> None:
    """Six patients at the top with at most one DLT: the highest planned level, and the sentence says that."""
    found = esc.recommend(_design(2), "1NNN 2NNN 2NNT")
    assert (found.action, found.mtd_level, found.reasons[0].code) == ("stop", 2, "highest_planned")
    assert found.reasons[0].text.endswith("it is the highest planned level, not necessarily the MTD.")
    below = esc.recommend(_design(3), "1NNN 2NNT 2NNN 3NTT")
    assert below.reasons[0].text == (
        "2/3 DLTs at level 3: closed, and level 2 has 1/6; the level above level 2 is closed."
    )


def test_departures() -> None:
    """No way back into a closed dose, and a level that has its six is passed."""
    assert esc.recommend(_design(4), "1NNN 3NTT 1NNN").next_level == 2
    assert esc.recommend(_design(4), "2NNNNNN 1NNN").next_level == 3
    assert esc.recommend(_design(4), "2NTT 3NNN").reasons[0].text == (
        "0/3 DLTs at level 3, and 2/3 at level 2: closed; level 1 is filled to six patients."
    )


def test_strict_concerns_pending_outcomes_alone() -> None:
    """On complete cohorts it changes nothing; the notes under the table differ."""
    plain, strict = _design(), _design(method={**ROLLING, "strict": True})
    assert _selection(_exact(plain, TRUTH)) == _selection(_exact(strict, TRUTH))
    assert "at least five outcomes known" in esc.table(plain).notes[2]
    assert "with all six outcomes known" in esc.table(strict).notes[2].replace(
        "escalate with all six", "escalate with all six"
    )
    assert esc.table(plain).rows == esc.table(strict).rows


def test_target_is_not_used() -> None:
    """Without a target the design is the same."""
    assert _selection(_exact(_design(target=None), TRUTH)) == _selection(_exact(_design(), TRUTH))


def test_settings() -> None:
    """Cohorts beyond six are refused; a trial too short is questioned; six a level is the default size."""
    with pytest.raises(
        esc.DesignError, match=r"method\.kind: rolling_six treats at most 6 at a dose; cohort_size is 7"
    ):
        _design(cohort_size=7)
    assert any("below six a dose" in finding.text for finding in esc.check(_design(max_patients=29)).findings)
    assert RollingSix().default_max_patients(4) == 24


def _at(level: int, *patients: tuple[int, int, int, int]) -> States:
    """Return one state at a level, from (level, patients, DLTs, pending) by level."""
    each: list[Patient] = []
    for at, n, dlt, pending in patients:
        each += [(at, 1, 1.0)] * dlt + [(at, 0, 0.5)] * pending + [(at, 0, 1.0)] * (n - dlt - pending)
    return States(tally_of(each, 3), np.array([level - 1]), np.array([[1, 0]]))


@pytest.mark.parametrize("strict", [False, True])
def test_pending_follows_the_table(strict: bool) -> None:
    """Every (n, x, c) of the table at level 2 of 3: the same level, the next, the one below, or accrual suspended."""
    design = _design(3, {**ROLLING, "strict": strict}, cohort_size=1)
    for n in range(1, 7):
        for dlts in range(n + 1):
            for pending in range(n - dlts + 1):
                state = _at(2, (1, 3, 0, 0), (2, n, dlts, pending))
                found = decide(design, state)
                expected = action(n, dlts, pending, strict)
                assert bool(found.waits[0]) == (expected == "suspend")
                if expected != "suspend":
                    assert found.next[0] == 1 + {"escalate": 1, "same": 0, "de-escalate": -1}[expected]
                else:
                    assert found.moves.reason[0] == design.method.reasons.index("wait")


@pytest.mark.parametrize(
    ("level", "patients", "following", "waits", "text"),
    [
        (2, ((1, 3, 0, 0), (2, 2, 2, 0)), 1, False,
         "2/2 DLTs at level 2: closed; level 1 is filled to six patients."),
        (2, ((1, 5, 0, 2), (2, 3, 2, 1)), 1, False, None),
        (2, ((1, 6, 0, 2), (2, 3, 2, 1)), 1, True,
         "2/3 DLTs at level 2, 1 pending: closed; level 1 has 0/6, 2 pending: accrual waits for outcomes up to it."),
        (2, ((1, 6, 1, 0), (2, 3, 2, 1)), None, False, None),
        (2, ((1, 6, 2, 0), (2, 3, 2, 1)), None, False, None),
        (1, ((1, 6, 0, 1), (2, 3, 2, 0)), 1, True, None),
        (3, ((1, 3, 0, 0), (2, 3, 0, 0), (3, 6, 0, 1)), 3, True, None),
        (3, ((1, 3, 0, 0), (2, 3, 0, 0), (3, 6, 0, 2)), 3, True,
         "0/6 DLTs at level 3, 2 pending: the level has its six patients, and accrual waits for their outcomes."),
        (3, ((1, 3, 0, 0), (2, 3, 0, 0), (3, 6, 1, 0)), None, False, None),
        (3, ((1, 3, 0, 0), (2, 6, 0, 1), (3, 6, 1, 0)), 3, True, None),
        (1, ((1, 3, 0, 0), (2, 6, 1, 1)), 1, True, None),
        (1, ((1, 4, 1, 1),), 1, False, "1/4 DLTs at level 1, 1 pending: the next patients get the same level."),
    ],
)  # fmt: skip
def test_pending_beside_closed_levels(
    level: int, patients: tuple[tuple[int, int, int, int], ...], following: int | None, waits: bool, text: str | None
) -> None:
    """Source: dossier rule_based.md 2, by hand.

    A level below a closed one is filled to six and its outcomes awaited; a closed level stays closed; no level that is not
    settled is passed; the MTD is declared when nothing up to it is pending.
    """
    design = _design(3, cohort_size=1)
    state = _at(level, *patients)
    found = decide(design, state)
    assert found.next[0] == (NONE if following is None else following - 1)
    assert bool(found.waits[0]) == waits
    if waits:
        assert found.waits[0] == 1 << wait_codes(design).index("method_waits")
    said = design.method.explain(design, state, found.moves)
    assert text is None or said == text


def test_summary_counts_known_outcomes() -> None:
    """1 DLT in 4 known outcomes, 2 pending: (1 + 0.05) / (4 + 0.1)."""
    design = _design(3)
    found = design.method.summarise(design, _at(1, (1, 6, 1, 2)).tally)
    assert found.estimate[0, 0] == pytest.approx(1.05 / 4.1, abs=1e-12)


def test_three_pending_are_not_called_tolerated() -> None:
    """The sentence goes by what is known: three patients without a DLT so far, all pending, get the same level again."""
    design = make({"kind": "rolling_six"}, n_doses=3, cohort_size=1)
    tally = tally_of([(1, 0, 1.0)] * 3 + [(2, 0, 0.3)] * 3, 3)
    state = States(tally, np.array([1]), np.array([[3, 0]]))
    text = design.method.explain(design, state, design.method.decide(design, state))
    assert text == "0/3 DLTs at level 2, 3 pending: the next patients get the same level."
