"""What a trial under a decision table can come to at a level, whatever happened at the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from escalate.core.arrays import NONE, IntArray
from escalate.core.decision import carried, cohort_size, cohorts_counted, decide
from escalate.core.tally import States, Tally
from escalate.study.reached import visits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from escalate.core.design import Design
    from escalate.study.reached import Visit

Spot: TypeAlias = tuple[int, int]
"""Patients and DLTs at a level."""
MOST_STATES: Final = 30_000


def first_seen(design: Design, dose: int) -> set[Spot]:
    """Return what the first cohort of a level can show, where nobody had a DLT before; nothing where it is not come to so."""
    visit = _visit(design, dose)
    return set() if visit is None else set(_first(design, dose, visit))


def spots(design: Design) -> dict[int, set[Spot]]:
    """Return patients and DLTs that each level, 0-based, can have while the trial goes on.

    Notes
    -----
    All states of the trial are walked, where they are not too many; else each level by itself, which may keep some spots that
    the size of the trial rules out. Patients have a DLT or no toxicity at all. Of backfilled patients nothing is known here.
    """
    found = walked(design)
    return {dose: _alone(design, dose) for dose in range(design.n_doses)} if found is None else found


def walked(design: Design, most: int = MOST_STATES) -> dict[int, set[Spot]] | None:
    """Return the same from a walk of all states, or None where there are more than `most`."""
    levels, counted = design.n_doses, cohorts_counted(design)
    found: dict[int, set[Spot]] = {}
    # Patients and DLTs by level, then the level that comes next, then how many cohorts in a row it had.
    states = np.zeros((1, 2 * levels + 2), dtype=np.int64)
    states[0, -2] = design.start_level - 1
    seen = 0
    while len(states):
        seen += len(states)
        if seen > most:
            return None
        dose = states[:, -2]
        size = cohort_size(design, _tally(design, states), dose)
        parent, dlts = np.repeat(np.arange(len(states)), size + 1), np.concatenate([np.arange(n + 1) for n in size])
        grown, rows = states[parent], np.arange(len(parent))
        at, n = grown[:, -2], size[parent]
        grown[rows, at] += n
        grown[rows, levels + at] += dlts
        cohort = np.zeros((len(grown), len(design.outcomes)), dtype=np.int64)
        cohort[:, 0], cohort[:, -1] = n - dlts, dlts
        tally = _tally(design, grown)
        asked = States(tally, at, cohort, grown[:, -1] + 1)
        following = decide(design, asked).next
        for j, patients, toxic, total in zip(
            at.tolist(),
            grown[rows, at].tolist(),
            grown[rows, levels + at].tolist(),
            tally.n_total.tolist(),
            strict=True,
        ):
            if total < design.max_patients:
                found.setdefault(j, set()).add((patients, toxic))
        grown[:, -1] = carried(design, asked, following) if counted else 0
        grown[:, -2] = following
        states = np.unique(grown[following != NONE], axis=0)
    return found


def _tally(design: Design, states: IntArray) -> Tally:
    levels = design.n_doses
    counts = np.zeros((len(states), levels, len(design.outcomes)), dtype=np.int64)
    counts[:, :, -1] = states[:, levels : 2 * levels]
    counts[:, :, 0] = states[:, :levels] - counts[:, :, -1]
    return Tally(counts)


def _alone(design: Design, dose: int) -> set[Spot]:
    """Return the spots of a level, walked by itself.

    Notes
    -----
    A level gets a further cohort where its own data keep it, or where the trial leaves it and can come back: from the level
    below without a DLT there, or from the level above where all have one. Coming back costs a cohort elsewhere, once.
    """
    # Contexts below are larger than the trial may be; its size is counted apart.
    free = design.model_copy(update={"max_patients": 4 * design.max_patients + 4 * design.cohort_size})
    visit, found = _visit(design, dose), set[tuple[Spot, bool]]()
    elsewhere = 0 if visit is None else sum(visit.before.values())
    other = _smallest(design)
    now: set[tuple[Spot, bool]] = set()
    if visit is not None:
        now |= {(spot, False) for spot in _first(design, dose, visit)}
    if dose != design.start_level - 1:
        now |= {(spot, True) for spot in _grown(free, dose, {(0, 0)}, elsewhere_dlt=True)}
    while now:
        kept = set()
        for spot, left in now:
            if spot[0] + elsewhere + (other if left else 0) < design.max_patients:
                kept.add((spot, left))
        fresh = kept - found
        found |= fresh
        now = set()
        for left in (False, True):
            here = sorted(spot for spot, flag in fresh if flag is left)
            if not here:
                continue
            step = _step(free, dose, here, visit)
            going = {spot for spot, up in zip(here, step, strict=True) if up == 0}
            returning = set[Spot]()
            for up in (-1, 1):
                away = [spot for spot, way in zip(here, step, strict=True) if way == up]
                back = _comes_back(free, dose, away, dose + up) if away else []
                returning |= {spot for spot, again in zip(away, back, strict=True) if again}
            now |= {(spot, left) for spot in _grown(free, dose, going, elsewhere_dlt=left)}
            now |= {(spot, True) for spot in _grown(free, dose, returning | going, elsewhere_dlt=True)}
    return {spot for spot, _ in found}


def _visit(design: Design, dose: int) -> Visit | None:
    return next((visit for visit in visits(design) if visit.level == dose + 1), None)


def _smallest(design: Design) -> int:
    """Return the least that a first cohort has."""
    empty = Tally(np.zeros((1, design.n_doses, len(design.outcomes)), dtype=np.int64))
    return min(int(cohort_size(design, empty, np.array([dose]))[0]) for dose in range(design.n_doses))


def _first(design: Design, dose: int, visit: Visit) -> Iterator[Spot]:
    counts = np.zeros((1, design.n_doses, len(design.outcomes)), dtype=np.int64)
    for level, n in visit.before.items():
        counts[0, level - 1, 0] = n
    size = int(cohort_size(design, Tally(counts), np.array([dose]))[0])
    for dlts in range(size + 1):
        yield size, dlts


def _grown(design: Design, dose: int, now: Iterable[Spot], *, elsewhere_dlt: bool) -> set[Spot]:
    """Return what the next cohort makes of each; its size may ask whether there was a DLT at another level."""
    states = sorted(now)
    if not states:
        return set()
    counts = _at(design, dose, states)
    if design.n_doses > 1 and elsewhere_dlt:
        beside = dose - 1 if dose else dose + 1
        counts[:, beside, 0], counts[:, beside, -1] = max(design.cohort_size - 1, 1), 1
    sizes = cohort_size(design, Tally(counts), np.full(len(states), dose)).tolist()
    return {
        (n + size, dlts + more)
        for (n, dlts), size in zip(states, sizes, strict=True)
        if size > 0
        for more in range(size + 1)
    }


def _at(design: Design, dose: int, states: list[Spot]) -> IntArray:
    counts = np.zeros((len(states), design.n_doses, len(design.outcomes)), dtype=np.int64)
    for row, (n, dlts) in enumerate(states):
        counts[row, dose, 0], counts[row, dose, -1] = n - dlts, dlts
    return counts


def _below(design: Design, counts: IntArray, dose: int) -> IntArray:
    """Return the counts with one whole cohort without DLT at each level from the start level to below a dose."""
    counts[:, design.start_level - 1 : dose, 0] = design.cohort_size
    return counts


def _step(design: Design, dose: int, states: list[Spot], visit: Visit | None) -> list[int]:
    """Return whether the trial goes up, stays, or goes down, or 9 where it ends."""
    counts = _at(design, dose, states)
    last = counts[:, dose].copy()
    if visit is None:
        _below(design, counts, dose)
    else:
        for level, n in visit.before.items():
            counts[:, level - 1, 0] = n
    asked = States(Tally(counts), np.full(len(states), dose), last, np.ones(len(states), dtype=np.int64))
    following = decide(design, asked).next
    return np.where(following == NONE, 9, np.sign(following - dose)).tolist()


def _comes_back(design: Design, dose: int, states: list[Spot], beside: int) -> list[bool]:
    """Return whether the trial can give the level again from the one beside it."""
    back = np.zeros(len(states), dtype=bool)
    if not 0 <= beside < design.n_doses:
        return back.tolist()
    size, under = design.cohort_size, beside < dose
    # From below after one or two cohorts without DLT; from above after a cohort in which all, or all but one, had one.
    for n, dlts in ((size, 0), (2 * size, 0)) if under else ((size, size), (size, max(size - 1, 1))):
        counts = _below(design, _at(design, dose, states), min(beside, dose))
        counts[:, beside, 0], counts[:, beside, -1] = n - dlts, dlts
        cohort = np.zeros((len(states), counts.shape[2]), dtype=np.int64)
        cohort[:, 0], cohort[:, -1] = size - dlts, dlts
        asked = States(Tally(counts), np.full(len(states), beside), cohort, np.ones(len(states), dtype=np.int64))
        back |= decide(design, asked).next == dose
    return back.tolist()
