"""What the safety atlas finds, found without it: along every path in rational numbers, and along random trials."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import combinations_with_replacement
from math import factorial, prod
from typing import Any

import numpy as np
from scipy import stats

import escalate as esc
from escalate.core.arrays import NONE
from escalate.core.decision import carried, cohort_size, decide
from escalate.core.tally import States, Tally


@dataclass(frozen=True)
class State:
    """A state of one trial: patients by dose and outcome, the next dose, cohorts in a row there, and what was met so far."""

    counts: tuple[tuple[int, ...], ...]
    dose: int
    in_a_row: int


def cohorts_of(m: int, n_outcomes: int) -> Iterator[tuple[tuple[int, ...], int]]:
    """Yield each outcome of a cohort and in how many orders of its patients it comes about."""
    for patients in combinations_with_replacement(range(n_outcomes), m):
        counts = tuple(patients.count(c) for c in range(n_outcomes))
        yield counts, factorial(m) // prod(factorial(k) for k in counts)


@cache
def next_state(design: esc.Design, state: State, cohort: tuple[int, ...]) -> State | None:
    counts = [list(row) for row in state.counts]
    counts[state.dose] = [a + b for a, b in zip(counts[state.dose], cohort, strict=True)]
    states = States(
        Tally(np.array([counts])), np.array([state.dose]), np.array([cohort]), np.array([state.in_a_row + 1])
    )
    following = decide(design, states).next
    if following[0] == NONE:
        return None
    in_a_row = int(carried(design, states, following)[0])
    return State(tuple(tuple(row) for row in counts), int(following[0]), in_a_row)


def _burden(design: esc.Design, counts: tuple[int, ...]) -> Fraction:
    return sum((k * outcome.burden for k, outcome in zip(counts, design.outcomes, strict=True)), Fraction(0))


def _risky(design: esc.Design, counts: tuple[int, ...], risk: float) -> bool:
    """Whether Pr(p > target) is above the risk: by SciPy, not by the tails of the package."""
    y, n = float(_burden(design, counts)), sum(counts)
    return n > 0 and float(stats.beta.sf(design.target_rate, 1 + y, 1 + n - y)) > risk


def _asked(
    design: esc.Design, state: State, cohort: tuple[int, ...], after: State | None, risk: float
) -> Iterator[str]:
    """Yield the codes of what is questionable in one decision, from the words of the documentation."""
    if after is None:
        return
    m, dlts, here = sum(cohort), cohort[-1], after.counts[state.dose]
    if after.dose > state.dose:
        if _burden(design, cohort) >= m * Fraction(str(design.target_rate)):
            yield "incoherent"
        if m > 1 and dlts == m:
            yield "escalates_after_all_dlts"
        if m > 1 and dlts / m > 0.5:
            yield "escalates_after_dlt_majority"
        if _risky(design, after.counts[after.dose], risk):
            yield "escalates_into_risk"
    if after.dose == state.dose:
        if sum(here) >= 6 and here[-1] / sum(here) >= 0.5:
            yield "stays_on_half"
        if _risky(design, here, risk):
            yield "stays_in_risk"


@dataclass
class Met:
    """What following every path gives for one kind."""

    once: Fraction
    number: Fraction
    ways: dict[str, Fraction]
    places: set[tuple[Any, ...]]


def follow_all(design: esc.Design, rates: list[list[Fraction]], risk: float) -> dict[str, Met]:
    """Follow every path of every patient, in rational numbers."""
    found: dict[str, Met] = defaultdict(lambda: Met(Fraction(0), Fraction(0), {}, set()))
    letters = [outcome.letter for outcome in design.outcomes]

    def meet(code: str, mass: Fraction, text: str, place: tuple[Any, ...], met: frozenset[str]) -> None:
        kind = found[code]
        kind.number += mass
        kind.once += mass if code not in met else 0
        kind.ways[text] = kind.ways.get(text, Fraction(0)) + mass
        kind.places.add(place)

    def follow(state: State, mass: Fraction, text: str, met: frozenset[str]) -> None:
        m = int(cohort_size(design, Tally(np.array([state.counts])), np.array([state.dose]))[0])
        outcomes = [(cohort, ways, next_state(design, state, cohort)) for cohort, ways in cohorts_of(m, len(letters))]
        if m > 1 and design.n_doses > 1 and all(after and after.dose == state.dose for _, _, after in outcomes):
            meet("rigid", mass, text or "(before the first patient)", (state,), met)
            met |= {"rigid"}
        for cohort, ways, after in outcomes:
            p = mass * ways * prod(rate**k for rate, k in zip(rates[state.dose], cohort, strict=True))
            word = f"{state.dose + 1}" + "".join(letter * k for letter, k in zip(letters, cohort, strict=True))
            string, codes = f"{text} {word}".strip(), list(_asked(design, state, cohort, after, risk))
            for code in codes:
                meet(code, p, string, (state, cohort), met)
            if after is not None:
                follow(after, p, string, met | set(codes))

    nothing = tuple((0,) * len(letters) for _ in range(design.n_doses))
    follow(State(nothing, design.start_dose, 0), Fraction(1), "", frozenset())
    return found


def random_trials(design: esc.Design, rates: Any, trials: int, rng: np.random.Generator) -> dict[str, Any]:
    """Run trials side by side and return which of them met each kind."""
    n, y = (np.zeros((trials, design.n_doses), dtype=np.int64) for _ in range(2))
    dose, going, row = np.full(trials, design.start_dose), np.arange(trials), np.arange(trials)
    codes = ("incoherent", "escalates_after_all_dlts", "escalates_into_risk", "stays_in_risk", "stays_on_half")
    met = {code: np.zeros(trials, dtype=bool) for code in codes}
    risky = np.array([[stats.beta.sf(0.3, 1 + k, 1 + m - k) > 0.8 for k in range(31)] for m in range(31)])
    while len(going):
        k = rng.binomial(3, rates[dose[going]])
        n[going, dose[going]] += 3
        y[going, dose[going]] += k
        tally = Tally.of(n[going], y[going])
        following = decide(design, States(tally, dose[going], np.stack([3 - k, k], axis=1))).next
        d, here = dose[going], (row[: len(going)], dose[going])
        up, same = following > d, following == d
        at, seen = tally.n[here], tally.dlt[here]
        there = (row[: len(going)], np.maximum(following, 0))
        n_there, y_there = tally.n[there], tally.dlt[there]
        met["incoherent"][going] |= up & (k >= 1)
        met["escalates_after_all_dlts"][going] |= up & (k == 3)
        met["escalates_into_risk"][going] |= up & (n_there > 0) & risky[n_there, y_there]
        met["stays_in_risk"][going] |= same & risky[at, seen]
        met["stays_on_half"][going] |= same & (at >= 6) & (2 * seen >= at)
        dose[going] = following
        going = going[following != NONE]
    return met
