"""What a trial can come to at a level, and what follows: the rows that the decision table of a protocol prints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import numpy as np

from escalate.core.arrays import NONE, IntArray
from escalate.core.decision import cohort_size, decide
from escalate.core.design import Design
from escalate.core.tally import States, Tally

Fate: TypeAlias = Literal["escalate", "stay", "deescalate", "eliminate", "stop"]
FATES: Final[tuple[Fate, ...]] = ("escalate", "stay", "deescalate", "eliminate", "stop")
"""From the least to the most cautious."""


@dataclass
class Seen:
    """What follows a number of DLTs among the patients of a level, by the DLTs of the last cohort."""

    level: int
    patients: int
    dlts: int
    after: dict[int, set[Fate]] = field(default_factory=dict)

    @property
    def fates(self) -> set[Fate]:
        """All that can follow."""
        return set().union(*self.after.values())

    @property
    def fate(self) -> Fate:
        """The most cautious of what can follow."""
        return max(self.fates, key=FATES.index)


@dataclass(frozen=True)
class Visit:
    """A level as the trial first comes to it: who was treated before, all without a DLT, by level counted from 1."""

    level: int
    before: dict[int, int]


def visits(design: Design) -> tuple[Visit, ...]:
    """Return each level that a trial without a DLT comes to, in that order.

    Examples
    --------
    >>> from escalate.core.design import Design
    >>> design = Design.from_dict({
    ...     "title": "example", "doses": {"unit": "mg", "levels": (10.0, 20.0, 40.0)}, "target": 0.3,
    ...     "max_patients": 30, "start_level": 2, "method": {"kind": "boin"}})
    >>> [(visit.level, visit.before) for visit in visits(design)]
    [(2, {}), (3, {2: 3})]
    """
    found: dict[int, Visit] = {}
    counts = np.zeros((1, design.n_doses, len(design.outcomes)), dtype=np.int64)
    dose, in_a_row = design.start_level - 1, 0
    while dose != NONE:
        before = {j + 1: int(n) for j, n in enumerate(counts[0].sum(axis=1)) if n}
        found.setdefault(dose, Visit(dose + 1, before))
        size = int(cohort_size(design, Tally(counts), np.array([dose]))[0])
        counts = counts.copy()
        counts[0, dose, 0] += size
        cohort = np.zeros((1, counts.shape[2]), dtype=np.int64)
        cohort[0, 0] = size
        in_a_row += 1
        states = States(Tally(counts), np.array([dose]), cohort, np.array([in_a_row]))
        following = int(decide(design, states).next[0])
        in_a_row = in_a_row if following == dose else 0
        dose = following
    return tuple(found.values())


def reached(design: Design, visit: Visit, cohorts: int) -> tuple[Seen, ...]:
    """Return all that the first cohorts at a level can show, and what follows: every order of DLTs for which the level stays.

    Parameters
    ----------
    cohorts
        How many of them at most.
    """
    found: dict[tuple[int, int], Seen] = {}
    dose = visit.level - 1
    before = np.zeros((design.n_doses, len(design.outcomes)), dtype=np.int64)
    for level, n in visit.before.items():
        before[level - 1, 0] = n
    now = {(0, 0)}
    for k in range(1, cohorts + 1):
        grown = sorted(_grown(design, before, dose, now))
        if not grown:
            break
        tally, cohort = _tally(before, dose, grown), _cohorts(grown, before.shape[1])
        states = States(tally, np.full(len(grown), dose), cohort, np.full(len(grown), k))
        decisions = decide(design, states)
        barred = _barred(design, states, dose)
        now = set()
        for (n, dlts, _, last), following, bar in zip(grown, decisions.next.tolist(), barred.tolist(), strict=True):
            fate: Fate = (
                "stop"
                if following == NONE
                else "escalate"
                if following > dose
                else "stay"
                if following == dose
                else "eliminate"
                if bar
                else "deescalate"
            )
            found.setdefault((n, dlts), Seen(visit.level, n, dlts)).after.setdefault(last, set()).add(fate)
            if fate == "stay":
                now.add((n, dlts))
    return tuple(found[key] for key in sorted(found))


def _grown(
    design: Design, before: IntArray, dose: int, now: Iterable[tuple[int, int]]
) -> Iterator[tuple[int, int, int, int]]:
    """Yield patients, DLTs, and patients and DLTs of the last cohort after the next cohort of each state."""
    states = sorted(now)
    if not states:
        return
    tally = _tally(before, dose, [(n, dlts, 0, 0) for n, dlts in states])
    sizes = cohort_size(design, tally, np.full(len(states), dose)).tolist()
    for (n, dlts), size in zip(states, sizes, strict=True):
        for last in range(size + 1) if size > 0 else ():
            yield n + size, dlts + last, size, last


def _tally(before: IntArray, dose: int, states: Sequence[tuple[int, int, int, int]]) -> Tally:
    counts = np.repeat(before[None], len(states), axis=0)
    for row, (n, dlts, _, _) in enumerate(states):
        counts[row, dose] = 0
        counts[row, dose, 0], counts[row, dose, -1] = n - dlts, dlts
    return Tally(counts)


def _cohorts(states: Sequence[tuple[int, int, int, int]], categories: int) -> IntArray:
    cohort = np.zeros((len(states), categories), dtype=np.int64)
    for row, (_, _, size, last) in enumerate(states):
        cohort[row, 0], cohort[row, -1] = size - last, last
    return cohort


def _barred(design: Design, states: States, dose: int) -> IntArray:
    out = np.zeros(len(states), dtype=bool)
    for rule in design.rules:
        if rule.about_safety:
            out |= rule.forbids(design, states)[:, dose]
    return out
