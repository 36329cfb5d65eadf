"""Every state that a trial can reach, merged: tally, next dose, and what each outcome of the next cohort leads to.

The probability of ending in a state is W * prod_j p_j^y_j (1 - p_j)^(n_j - y_j), where W counts the ways of getting there
and knows nothing of the scenario. So one compiled automaton serves any number of scenarios, and simulation too.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from math import log2

import numpy as np

from escalate.core.arrays import NONE, AnyArray, FloatArray, IntArray, Mask
from escalate.core.decision import carried, cohort_size, cohorts_counted, decide, select
from escalate.core.design import Design
from escalate.core.errors import TooLargeError
from escalate.core.tally import States, Tally
from escalate.engine.growth import too_large
from escalate.engine.outcomes import number_of_outcomes, outcomes

MAX_STATES = 6_000_000
"""States that a compiled automaton may have; making one of this size takes up to 3 GB."""
MAX_ARRIVALS = 30_000_000
"""Outcomes of one layer times doses that may be decided at once: bounds the memory before it is taken."""


@dataclass(frozen=True, eq=False)
class Terminals:
    """How trials end: T distinct final states.

    Parameters
    ----------
    tally
        Final outcomes of each.
    paths
        W: the ways of reaching it, each patient a trial of its own; shape (T,).
    selected
        MTD, 0-based, or NONE; shape (T,).
    stops
        Which rules ended the trial, bits as in `stop_codes`; shape (T,).
    """

    tally: Tally
    paths: FloatArray
    selected: IntArray
    stops: IntArray

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, rows: IntArray) -> Terminals:
        """Return some of the terminals."""
        return Terminals(Tally(self.tally.counts[rows]), self.paths[rows], self.selected[rows], self.stops[rows])


@dataclass(frozen=True, eq=False)
class Automaton:
    """A design as a finite automaton.

    Parameters
    ----------
    dose
        Dose of the next cohort in each state, 0-based; shape (S,). State 0 is the start.
    size
        Patients in that cohort; shape (S,).
    paths
        W: the ways of reaching it, each patient a trial of its own; shape (S,).
    child
        State after each outcome of the cohort, in the order of `outcomes`, shape (S, K); `~t` stands for terminal t, and 0,
        the start, for no such outcome. Where only DLTs are looked at the k-th outcome is k DLTs.
    parent, outcome
        One state and outcome that lead here: the first found; shape (S + T,), states before terminals.
    terminals
        How trials end.
    """

    dose: IntArray
    size: IntArray
    paths: FloatArray
    child: AnyArray
    parent: AnyArray
    outcome: AnyArray
    terminals: Terminals

    @property
    def n_states(self) -> int:
        """States in which a cohort is still to come."""
        return len(self.dose)

    @property
    def n_categories(self) -> int:
        """C, the number of outcome categories."""
        return int(self.terminals.tally.counts.shape[2])

    @cached_property
    def occurs(self) -> Mask:
        """Which outcomes the next cohort of each state can have, shape (S, K)."""
        return np.arange(self.child.shape[1]) < number_of_outcomes(self.size, self.n_categories)[:, None]

    def cohort(self, state: int, outcome: int) -> tuple[int, tuple[int, ...]]:
        """Return the dose of the next cohort of a state, and what its k-th outcome is: how many patients in each category."""
        counts = outcomes(int(self.size[state]), self.n_categories)[0][outcome]
        return int(self.dose[state]), tuple(counts.tolist())

    def path_to(self, node: int) -> list[tuple[int, tuple[int, ...]]]:
        """Return cohorts (dose, outcome counts) that lead to a state, or to terminal t at n_states + t."""
        cohorts = []
        while node != 0:
            parent = int(self.parent[node])
            cohorts.append(self.cohort(parent, int(self.outcome[node])))
            node = parent
        return cohorts[::-1]

    def tally_of_states(self) -> Tally:
        """Return what has been observed in each state, counts of shape (S, J, C)."""
        counts = np.zeros((self.n_states, *self.terminals.tally.counts.shape[1:]), dtype=np.int64)
        parent, outcome = self.parent[: self.n_states].astype(np.int64), self.outcome[: self.n_states].astype(np.int64)
        todo, done = np.arange(1, self.n_states), np.zeros(self.n_states, dtype=bool)
        done[0] = True
        while len(todo):
            ready = done[parent[todo]]
            rows = todo[ready]
            counts[rows] = counts[parent[rows]]
            for m in np.unique(self.size[parent[rows]]).tolist():
                some = rows[self.size[parent[rows]] == m]
                counts[some, self.dose[parent[some]]] += outcomes(m, self.n_categories)[0][outcome[some]]
            done[rows] = True
            todo = todo[~ready]
        return Tally(counts)


@dataclass(frozen=True, eq=False)
class _Arrivals:
    """Ways into the states of one number of patients, before merging."""

    counts: IntArray
    next: IntArray
    in_a_row: IntArray
    stops: IntArray
    paths: FloatArray
    parent: IntArray
    outcome: IntArray

    @classmethod
    def join(cls, parts: list[_Arrivals]) -> _Arrivals:
        names = ("counts", "next", "in_a_row", "stops", "paths", "parent", "outcome")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def where(self, keep: AnyArray) -> _Arrivals:
        return _Arrivals(
            self.counts[keep],
            self.next[keep],
            self.in_a_row[keep],
            self.stops[keep],
            self.paths[keep],
            self.parent[keep],
            self.outcome[keep],
        )


@dataclass(frozen=True, eq=False)
class _Layer:
    """Merged states of one number of patients: `label` is the next dose, or why the trial ended."""

    counts: IntArray
    label: IntArray
    in_a_row: IntArray
    paths: FloatArray
    parent: IntArray
    outcome: IntArray


def compile_design(design: Design, max_states: int = MAX_STATES) -> Automaton:
    """Walk every reachable state of a design, by number of patients.

    Raises
    ------
    TooLargeError
        Where there are more than `max_states`, with an estimate of how many there are.
    """
    n_categories = len(design.outcomes)
    start = Tally(np.zeros((1, design.n_doses, n_categories), dtype=np.int64))
    dose = np.array([design.start_dose])
    none = np.zeros(1, dtype=np.int64)
    pending: dict[int, list[_Arrivals]] = defaultdict(list)
    pending[0] = [_Arrivals(start.counts, dose, none, none, np.ones(1), none - 1, none)]

    layers: list[_Layer] = []
    ends: list[_Layer] = []
    doses: list[IntArray] = []
    sizes: list[IntArray] = []
    links: list[tuple[IntArray, IntArray, IntArray]] = []
    n_states, n_ends = 0, 0
    grown: dict[int, int] = {}
    while pending:
        patients = min(pending)
        arrivals = _Arrivals.join(pending.pop(patients))
        over = arrivals.next == NONE
        for ended in (False, True):
            some = arrivals.where(over == ended)
            if not len(some.paths):
                continue
            layer, merged = _merge(some, some.stops if ended else some.next)
            if ended:
                links.append((some.parent, some.outcome, ~(n_ends + merged)))
                ends.append(layer)
                n_ends += len(layer.paths)
            else:
                links.append((some.parent, some.outcome, n_states + merged))
                layers.append(layer)
                size = cohort_size(design, Tally(layer.counts), layer.label)
                if int(number_of_outcomes(size, n_categories).sum()) * design.n_doses * n_categories > 2 * MAX_ARRIVALS:
                    grown[patients] = grown.get(patients, 0) + len(layer.paths)
                    raise TooLargeError(too_large(design, grown, None))
                doses.append(layer.label)
                sizes.append(size)
                for part in _grow(design, layer, size, n_states):
                    pending[int(part.counts[0].sum())].append(part)
                n_states += len(layer.paths)
            grown[patients] = grown.get(patients, 0) + len(layer.paths)
        if n_states + n_ends > max_states:
            raise TooLargeError(too_large(design, grown, max_states))
    return _assemble(design, layers, ends, doses, sizes, links)


def _grow(design: Design, layer: _Layer, size: IntArray, first_id: int) -> list[_Arrivals]:
    """Return what every outcome of the next cohort leads to, decided."""
    parts, counted = [], cohorts_counted(design)
    for m in np.unique(size).tolist():
        rows = np.flatnonzero(size == m)
        table, ways = outcomes(m, len(design.outcomes))
        k = len(table)
        counts = np.repeat(layer.counts[rows], k, axis=0)
        dose = np.repeat(layer.label[rows], k)
        outcome = np.tile(np.arange(k), len(rows))
        cohort = table[outcome]
        counts[np.arange(len(counts)), dose] += cohort
        in_a_row = np.repeat(layer.in_a_row[rows] + 1, k) if counted else None
        states = States(Tally(counts), dose, cohort, in_a_row)
        decisions = decide(design, states)
        parts.append(
            _Arrivals(
                counts,
                decisions.next,
                carried(design, states, decisions.next),
                decisions.stops,
                np.repeat(layer.paths[rows], k) * ways[outcome],
                np.repeat(first_id + rows, k),
                outcome,
            )
        )
    return parts


def _merge(arrivals: _Arrivals, label: IntArray) -> tuple[_Layer, IntArray]:
    """Merge equal states; return the layer, and for each arrival its place in it."""
    key = state_keys(arrivals.counts, label * (int(arrivals.in_a_row.max()) + 1) + arrivals.in_a_row)
    _, first, place = np.unique(key, return_index=True, return_inverse=True)
    layer = _Layer(
        arrivals.counts[first],
        label[first],
        arrivals.in_a_row[first],
        np.bincount(place, weights=arrivals.paths, minlength=len(first)).astype(np.float64, copy=False),
        arrivals.parent[first],
        arrivals.outcome[first],
    )
    return layer, place


def state_keys(counts: IntArray, label: IntArray) -> IntArray:
    """Return one integer a state, equal where the states are; exact, however many doses there are."""
    key = label - label.min()
    size = int(key.max()) + 1
    for column in counts.reshape(len(counts), -1).T:
        base = int(column.max()) + 1
        if log2(size) + log2(base) > 62:
            _, key = np.unique(key, return_inverse=True)
            size = int(key.max()) + 1
        key = key * base + column
        size *= base
    return key


def _assemble(
    design: Design,
    layers: list[_Layer],
    ends: list[_Layer],
    doses: list[IntArray],
    sizes: list[IntArray],
    links: list[tuple[IntArray, IntArray, IntArray]],
) -> Automaton:
    dose, size = np.concatenate(doses), np.concatenate(sizes)
    widest = int(number_of_outcomes(size.max(keepdims=True), len(design.outcomes))[0])
    child = np.zeros((len(dose), widest), dtype=np.int32)
    for parent, outcome, target in links[1:]:
        child[parent, outcome] = target
    tally = Tally(np.concatenate([layer.counts for layer in ends]))
    terminals = Terminals(
        tally,
        np.concatenate([layer.paths for layer in ends]),
        select(design, tally),
        np.concatenate([layer.label for layer in ends]),
    )
    both = [*layers, *ends]
    return Automaton(
        dose,
        size,
        np.concatenate([layer.paths for layer in layers]),
        child,
        np.concatenate([layer.parent for layer in both]).astype(np.int32),
        np.concatenate([layer.outcome for layer in both]).astype(np.int32),
        terminals,
    )
