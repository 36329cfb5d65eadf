"""The engine with more than two outcome categories: brute force, and random trials."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import prod

import numpy as np
import pytest
from scipy import stats

import escalate as esc
from escalate.core.arrays import NONE
from escalate.core.decision import cohort_size, decide, select
from escalate.core.tally import States, Tally
from escalate.engine import monte_carlo
from escalate.engine.automaton import compile_design
from escalate.engine.outcomes import outcomes, worsenings
from escalate.methods.gboin import ETS
from tests.helpers import make

THREE = {"kind": "gboin", "grades": [grade.model_dump() for grade in (ETS[0], ETS[1], ETS[3])]}
FOUR = {"kind": "gboin"}
RATES = {
    3: ((6, 3, 1), (4, 4, 2), (3, 3, 4)),
    4: ((6, 2, 1, 1), (4, 3, 2, 1), (2, 3, 2, 3)),
}
"""Tenths of each outcome at three doses."""


def _by_patient(design: esc.Design, tenths: tuple[tuple[int, ...], ...]) -> dict[tuple[int, ...], Fraction]:
    """Return the probability of each final state by giving every patient every outcome, one by one, in rational numbers."""
    final: dict[tuple[int, ...], Fraction] = {}

    def follow(counts: np.ndarray[tuple[int, int], np.dtype[np.int64]], dose: int, mass: Fraction) -> None:
        m = int(cohort_size(design, Tally(counts[None]), np.array([dose]))[0])
        for seen in product(range(len(tenths[0])), repeat=m):
            after, cohort = counts.copy(), np.bincount(seen, minlength=len(tenths[0]))
            after[dose] += cohort
            p = mass * prod((Fraction(tenths[dose][c], 10) for c in seen), start=Fraction(1))
            decision = decide(design, States(Tally(after[None]), np.array([dose]), cohort[None]))
            if int(decision.next[0]) == NONE:
                key = (*after.ravel().tolist(), int(select(design, Tally(after[None]))[0]), int(decision.stops[0]))
                final[key] = final.get(key, Fraction(0)) + p
            else:
                follow(after, int(decision.next[0]), p)

    follow(np.zeros((3, len(tenths[0])), dtype=np.int64), design.start_dose, Fraction(1))
    return final


@pytest.mark.parametrize(("method", "n_outcomes", "size", "n"), [(THREE, 3, 2, 8), (THREE, 3, 3, 9), (FOUR, 4, 2, 6)])
def test_terminals_against_brute_force(method: dict[str, object], n_outcomes: int, size: int, n: int) -> None:
    """Every final state and no other, with exactly the probability of all sequences of single patients."""
    design = make(method, 3, cohort_size=size, max_patients=n, target=0.3133)
    end = compile_design(design).terminals
    found = {}
    for t in range(len(end)):
        mass = Fraction(int(end.paths[t]))
        for tenths, seen in zip(RATES[n_outcomes], end.tally.counts[t].tolist(), strict=True):
            mass *= prod((Fraction(a, 10) ** k for a, k in zip(tenths, seen, strict=True)), start=Fraction(1))
        found[(*end.tally.counts[t].ravel().tolist(), int(end.selected[t]), int(end.stops[t]))] = mass
    assert found == _by_patient(design, RATES[n_outcomes])
    assert sum(found.values()) == 1


def test_random_trials_agree_with_exact_ones() -> None:
    """Selections by exact binomial tests, means within 6.5 errors; false alarm below 1e-4 in all."""
    design = make(FOUR, 3, max_patients=15, target=0.3133)
    scenario = esc.Scenario(name="a", dlt=(0.05, 0.1, 0.3), outcomes={"M": (0.2, 0.3, 0.3), "S": (0.1, 0.1, 0.2)})
    exact = esc.simulate([design], [scenario]).designs[0].characteristics
    trials = 100_000
    random = esc.simulate([design], [scenario], trials=trials, seed=3).designs[0].characteristics
    for metric in ("selected", "selected_none", "pcs", "overdose_selected"):
        for (p, _), (share, _) in zip(exact.of(0, metric), random.of(0, metric), strict=True):
            assert stats.binomtest(round(share * trials), trials, min(max(p, 0.0), 1.0)).pvalue > 1e-6
    for metric in ("patients", "dlts", "mean_patients", "pca", "mean_dlts"):
        for (mean, _), (found, error) in zip(exact.of(0, metric), random.of(0, metric), strict=True):
            assert abs(found - mean) <= 6.5 * error + 60 / trials


def test_a_patient_is_the_same_under_graded_and_plain_designs() -> None:
    """A DLT is a DLT whatever the design looks at: with grades that weigh nothing more the trials are those of BOIN."""
    rates = (0.1, 0.25, 0.4)
    scenario = esc.Scenario(name="a", dlt=rates, outcomes={"M": (1e-12,) * 3})
    graded, plain = make(THREE, 3, max_patients=12), make({"kind": "boin"}, 3, max_patients=12)
    ends, place = monte_carlo.decide_some(graded, scenario, 7, 0, 5000)
    others, elsewhere = monte_carlo.decide_some(plain, scenario, 7, 0, 5000)
    assert (ends.tally.dlt[place] == others.tally.dlt[elsewhere]).all()
    assert (ends.tally.n[place] == others.tally.n[elsewhere]).all()


@pytest.mark.parametrize(("size", "n_outcomes"), [(1, 2), (3, 2), (3, 3), (2, 4), (4, 4)])
def test_outcomes_of_a_cohort(size: int, n_outcomes: int) -> None:
    """All of them, each once, in as many ways as there are sequences of patients; each pair one step worse."""
    table, ways = outcomes(size, n_outcomes)
    sequences = [tuple(np.bincount(seen, minlength=n_outcomes)) for seen in product(range(n_outcomes), repeat=size)]
    assert {tuple(row): int(w) for row, w in zip(table.tolist(), ways, strict=True)} == {
        row: sequences.count(row) for row in set(sequences)
    }
    assert (np.diff(table[:, -1]) >= 0).all()
    for better, worse in worsenings(size, n_outcomes):
        step = table[worse] - table[better]
        c = int(np.argmin(step))
        assert step[c] == -1
        assert step[c + 1] == 1
        assert np.abs(step).sum() == 2
