"""What a design does at each level by patients and DLTs there, over all histories: the picture of the safety atlas."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from escalate.core.arrays import NONE, IntArray
from escalate.core.decision import allowed_as_mtd
from escalate.core.design import Design
from escalate.core.outcome import burden_units
from escalate.core.tally import Tally
from escalate.engine.paths import Walk
from escalate.study.marks import Mark, burdens

ACTIONS = ("escalate", "stay", "de-escalate", "eliminate", "complete", "full")
"""Eliminate: a safety rule bars the level, or the trial ends without an MTD. Complete: the trial ends with one. Full: it ends
because all patients have been treated."""
ESCALATE, STAY, DE_ESCALATE, ELIMINATE, COMPLETE, FULL = range(len(ACTIONS))


@dataclass(frozen=True)
class Cell:
    """One level with some patients and DLTs, its last cohort just seen.

    Parameters
    ----------
    level, patients
        The level, from 1, and its evaluable patients.
    dlts
        Their DLTs; where outcomes are graded, their total score, in DLTs.
    actions
        What the design does next, each with the number of states in which it does so, commonest first.
    kinds
        Codes of the questionable kinds that occur here, under some history.
    """

    level: int
    patients: int
    dlts: float
    actions: tuple[tuple[str, int], ...]
    kinds: tuple[str, ...]


def cells(design: Design, walk: Walk, following: IntArray, marks: Sequence[Mark]) -> tuple[Cell, ...]:
    """Return every cell that a trial can reach, by level, patients and DLTs."""
    whole = burden_units(design.outcomes)[1]
    key, n_patients, n_burdens = _keys(design, walk)
    occurs = walk.automaton.occurs
    places, number = np.unique(
        key[occurs] * len(ACTIONS) + _actions(design, walk, following)[occurs], return_counts=True
    )
    done: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for place, states in zip(places.tolist(), number.tolist(), strict=True):
        done[place // len(ACTIONS)].append((states, place % len(ACTIONS)))
    questioned: dict[int, list[str]] = defaultdict(list)
    for mark in marks:
        # What is meant of a state before its next cohort has no cell of its own: no outcome is the cause.
        if not mark.before:
            for place in np.unique(key[mark.where]).tolist():
                questioned[place].append(mark.code)
    found = []
    for place, actions in sorted(done.items()):
        rest, burden = divmod(place, n_burdens)
        dose, patients = divmod(rest, n_patients)
        by_number = sorted(actions, key=lambda each: (-each[0], each[1]))
        score = burden if whole == 1 else burden / whole
        named = tuple((ACTIONS[action], states) for states, action in by_number)
        found.append(Cell(dose + 1, patients, score, named, tuple(questioned[place])))
    return tuple(found)


def _keys(design: Design, walk: Walk) -> tuple[IntArray, int, int]:
    """Return one integer for level, patients and burden after each outcome (S, K), and the bases it is made with."""
    automaton, row = walk.automaton, np.arange(walk.automaton.n_states)
    tally, units = Tally(walk.counts), burden_units(design.outcomes)[0]
    n = tally.n[row, automaton.dose] + automaton.size
    burden = tally.burden(units)[row, automaton.dose][:, None] + burdens(design, automaton)
    n_patients, n_burdens = int(n.max()) + 1, int(burden.max()) + 1
    return (automaton.dose * n_patients + n)[:, None] * n_burdens + burden, n_patients, n_burdens


def _actions(design: Design, walk: Walk, following: IntArray) -> IntArray:
    """Return which of `ACTIONS` follows each outcome of each state; shape (S, K)."""
    automaton, terminals = walk.automaton, walk.automaton.terminals
    child, dose = automaton.child.astype(np.int64), automaton.dose[:, None]
    # `stop_codes` begins with the maximum number of patients.
    ending = np.where(terminals.selected == NONE, ELIMINATE, np.where(terminals.stops == 1, FULL, COMPLETE))
    moves = np.where(following > dose, ESCALATE, np.where(following == dose, STAY, DE_ESCALATE))
    action = np.where(child < 0, ending[np.where(child < 0, ~child, 0)], moves)
    barred = ~np.concatenate([allowed_as_mtd(design, Tally(walk.counts)), allowed_as_mtd(design, terminals.tally)])
    node = np.where(child < 0, automaton.n_states + ~child, child)
    return np.where(barred[node, dose], ELIMINATE, action)
