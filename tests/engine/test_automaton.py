"""The automaton: complete, and its path counts exact."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import escalate as esc
from escalate.core.arrays import NONE
from escalate.core.decision import cohort_size, decide, select
from escalate.core.tally import States, Tally
from escalate.engine.automaton import compile_design, state_keys
from escalate.engine.outcomes import outcomes
from tests.helpers import make

CRM: dict[str, Any] = {"kind": "crm", "skeleton": {"half_width": 0.05, "prior_mtd": 2}, "estimate": "plug_in"}
SMALL = {
    "boin": make({"kind": "boin"}, 3, max_patients=12),
    "boin titration": make({"kind": "boin", "titration": True}, 3, max_patients=10),
    "boin cohorts of 2": make({"kind": "boin"}, 3, cohort_size=2, max_patients=9),
    "crm": make(CRM, 3, max_patients=9),
    "three_plus_three": make({"kind": "three_plus_three"}, 3, max_patients=18),
}


def _brute_force(design: esc.Design, truth: tuple[Fraction, ...]) -> dict[tuple[int, ...], Fraction]:
    """Return the probability of each final state by following every path of every patient, in rational numbers."""
    final: dict[tuple[int, ...], Fraction] = {}

    def follow(n: list[int], y: list[int], dose: int, mass: Fraction) -> None:
        tally = Tally.of([n], [y])
        m = int(cohort_size(design, tally, np.array([dose]))[0])
        _, ways = outcomes(m, 2)
        for k in range(m + 1):
            p = mass * int(ways[k]) * truth[dose] ** k * (1 - truth[dose]) ** (m - k)
            n2, y2 = list(n), list(y)
            n2[dose] += m
            y2[dose] += k
            after = Tally.of([n2], [y2])
            decision = decide(design, States(after, np.array([dose]), np.array([[m - k, k]])))
            following = int(decision.next[0])
            if following == NONE:
                key = (*n2, *y2, int(select(design, after)[0]), int(decision.stops[0]))
                final[key] = final.get(key, Fraction(0)) + p
            else:
                follow(n2, y2, following, p)

    nothing = [0] * design.n_doses
    follow(nothing, nothing, design.start_dose, Fraction(1))
    return final


@pytest.mark.parametrize("name", SMALL)
def test_terminals_against_brute_force(name: str) -> None:
    """Every final state and no other, its probability equal to that of all paths in rational numbers, to 1e-14."""
    design = SMALL[name]
    truth = (Fraction(1, 10), Fraction(1, 4), Fraction(9, 20))
    expected = _brute_force(design, truth)
    end = compile_design(design).terminals
    found = {}
    for t in range(len(end)):
        n, y = end.tally.n[t].tolist(), end.tally.dlt[t].tolist()
        mass = Fraction(int(end.paths[t]))
        for p, k, m in zip(truth, y, n, strict=True):
            mass *= p**k * (1 - p) ** (m - k)
        found[(*n, *y, int(end.selected[t]), int(end.stops[t]))] = mass
    assert found == expected


@pytest.mark.parametrize("n_doses", [2, 5, 9])
def test_path_counts_sum_to_all_outcomes(n_doses: int) -> None:
    """Sum of W 2^(N - n) is 2^N, exactly: every sequence of outcomes ends somewhere, once."""
    design = make({"kind": "boin"}, n_doses, max_patients=18)
    end = compile_design(design).terminals
    assert (end.paths * 2.0 ** (18 - end.tally.n_total)).sum() == 2.0**18


def test_path_to_leads_to_the_state() -> None:
    """Replaying the cohorts of a state gives its tally."""
    automaton = compile_design(SMALL["boin"])
    for t in range(0, len(automaton.terminals), 7):
        n, y = [0, 0, 0], [0, 0, 0]
        for dose, counts in automaton.path_to(automaton.n_states + t):
            n[dose] += sum(counts)
            y[dose] += counts[-1]
        assert automaton.terminals.tally.n[t].tolist() == n
        assert automaton.terminals.tally.dlt[t].tolist() == y


def test_keys_are_exact_when_they_do_not_fit_one_word() -> None:
    """Twenty doses of up to 999 patients: equal keys exactly where rows are equal."""
    rng = np.random.default_rng(1)
    counts = rng.integers(0, 2, size=(500, 20, 2)) * rng.integers(0, 999, size=(1, 20, 2))
    label = rng.integers(-1, 3, size=500)
    key = state_keys(counts, label)
    rows = np.column_stack([counts.reshape(500, -1), label])
    assert len(np.unique(key)) == len(np.unique(rows, axis=0))


def test_too_large_is_refused_with_an_estimate() -> None:
    """Within seconds, with the size it would have, and what to do."""
    design = make({"kind": "boin"}, 6, cohort_size=1, max_patients=60)
    with pytest.raises(
        esc.TooLargeError, match=r"about .* million reachable states, and the limit is 100,000; simulate it"
    ):
        compile_design(design, 100_000)


def test_estimate_is_of_the_right_order() -> None:
    """The extrapolated size is within a factor of two of the true one, from a tenth of the states."""
    design = make({"kind": "boin"}, 5, max_patients=45)
    automaton = compile_design(design)
    size = automaton.n_states + len(automaton.terminals)
    with pytest.raises(esc.TooLargeError) as error:
        compile_design(design, size // 10)
    said = str(error.value).split("about ")[1].split(" reachable")[0].replace(",", "")
    estimate = float(said.split()[0]) * (1e6 if "million" in said else 1)
    assert size / 2 < estimate < size * 2
