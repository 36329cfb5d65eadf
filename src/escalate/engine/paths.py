"""Ways through an automaton: how many keep clear of some transitions, and the likeliest one to each state.

The probability of a way is its multinomial coefficients times prod_jc p_jc^n_jc, and the latter is the same for all ways to one
state. So both questions are answered once, whatever the scenario; only sums over transitions need the scenario's rates.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from escalate.core.arrays import FloatArray, IntArray, Mask
from escalate.engine.automaton import Automaton
from escalate.engine.outcomes import outcomes

BLOCK = 131_072
"""Transitions whose probabilities are computed at once: bounds the memory."""


@dataclass(frozen=True, eq=False)
class Likeliest:
    """The way to each state that has the most orders of patients: its number of orders, its last state and its last outcome."""

    orders: FloatArray
    parent: IntArray
    outcome: IntArray


@dataclass(frozen=True, eq=False)
class Walk:
    """An automaton with what has been observed in each state, shape (S, J, C)."""

    automaton: Automaton
    counts: IntArray

    @classmethod
    def of(cls, automaton: Automaton) -> Walk:
        """Return an automaton ready to be walked."""
        return cls(automaton, automaton.tally_of_states().counts)

    @cached_property
    def layers(self) -> list[slice]:
        """States by number of patients: each leads to later ones only."""
        total = self.counts.sum(axis=(1, 2))
        edges = [0, *(np.flatnonzero(np.diff(total)) + 1).tolist(), len(total)]
        return [slice(a, b) for a, b in pairwise(edges)]

    def ways(self, states: slice | IntArray) -> FloatArray:
        """Return the orders of patients within each outcome of the next cohort, 0 where it has no such outcome, shape (S, K)."""
        table = np.zeros((int(self.automaton.size.max()) + 1, self.automaton.child.shape[1]))
        for m in np.unique(self.automaton.size[states]).tolist():
            ways = outcomes(m, self.automaton.n_categories)[1]
            table[m, : len(ways)] = ways
        return table[self.automaton.size[states]]

    def clear_of(self, marked: Mask) -> FloatArray:
        """Return the ways to each state that use no marked transition, each patient a trial of its own; shape (S,)."""
        paths = np.zeros(len(self.counts))
        paths[0] = 1.0
        for layer in self.layers:
            child = self.automaton.child[layer]
            flow = paths[layer, None] * self.ways(layer)
            flow[marked[layer]] = 0.0
            goes_on = child > 0
            if goes_on.any():
                to = child[goes_on]
                first = int(to.min())
                arriving = np.bincount(to - first, weights=flow[goes_on])
                paths[first : first + len(arriving)] += arriving
        return paths

    @cached_property
    def likeliest(self) -> Likeliest:
        """The likeliest way to each state, under any scenario."""
        found = Likeliest(np.zeros(len(self.counts)), *(np.zeros(len(self.counts), dtype=np.int64) for _ in range(2)))
        found.orders[0] = 1.0
        for layer in self.layers:
            child = self.automaton.child[layer]
            rows, outcome = np.nonzero(child > 0)
            to = child[rows, outcome]
            orders = (found.orders[layer, None] * self.ways(layer))[rows, outcome]
            np.maximum.at(found.orders, to, orders)
            best = orders == found.orders[to]
            found.parent[to[best]] = rows[best] + layer.start
            found.outcome[to[best]] = outcome[best]
        return found

    def path_to(self, state: int) -> list[tuple[int, tuple[int, ...]]]:
        """Return the cohorts (dose, outcome counts) of the likeliest way to a state."""
        cohorts, likeliest = [], self.likeliest
        while state != 0:
            parent = int(likeliest.parent[state])
            cohorts.append(self.automaton.cohort(parent, int(likeliest.outcome[state])))
            state = parent
        return cohorts[::-1]


@dataclass(frozen=True, eq=False)
class Events:
    """Transitions, or states whatever their next cohort shows, and the ways to them, each patient a trial of its own.

    Parameters
    ----------
    state, outcome
        Of each of M events; shape (M,).
    before
        Whether the events are the states, before their next cohort.
    paths, first, likeliest
        All ways; those that meet no other of the events before; the orders of patients in the likeliest way; shape (M,).
    """

    walk: Walk
    state: IntArray
    outcome: IntArray
    before: bool
    paths: FloatArray
    first: FloatArray
    likeliest: FloatArray

    @classmethod
    def of(cls, walk: Walk, marked: Mask, *, before: bool) -> Events:
        """Return the marked transitions, shape (S, K), in the order of the states."""
        state, outcome = np.nonzero(marked)
        whole = np.broadcast_to(marked.any(axis=1, keepdims=True), marked.shape) if before else marked
        clear = walk.clear_of(whole) if len(state) else np.zeros(len(marked))
        ways = np.ones(len(state)) if before else walk.ways(state)[np.arange(len(state)), outcome]
        parts = (walk.automaton.paths, clear, walk.likeliest.orders)
        return cls(walk, state, outcome, before, *(part[state] * ways for part in parts))

    def __len__(self) -> int:
        return len(self.state)

    @cached_property
    def patients(self) -> IntArray:
        """Patients until each event; shape (M,)."""
        total = self.walk.counts.sum(axis=(1, 2))[self.state]
        return total if self.before else total + self.walk.automaton.size[self.state]

    def counts(self, rows: IntArray) -> IntArray:
        """Return what has been observed at some events, shape (M', J, C)."""
        automaton, state = self.walk.automaton, self.state[rows]
        counts = self.walk.counts[state]
        if not self.before:
            for m in np.unique(automaton.size[state]).tolist():
                some = np.flatnonzero(automaton.size[state] == m)
                table = outcomes(m, automaton.n_categories)[0]
                counts[some, automaton.dose[state[some]]] += table[self.outcome[rows[some]]]
        return counts

    def probability(self, rows: IntArray, rates: FloatArray) -> FloatArray:
        """Return the probability of some events under one scenario, rates (J, C); shape (M',).

        Notes
        -----
        Term by term and not as a matrix product: then the bits of a scenario do not depend on its company.
        """
        log_p = np.log(self.paths[rows])
        columns = self.counts(rows).reshape(len(rows), rates.size).T
        for log_rate, column in zip(np.log(rates).ravel().tolist(), columns, strict=True):
            log_p += log_rate * column
        return np.exp(log_p)

    def sums(self, rates: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Sum over the events under each of V scenarios, rates (V, J, C).

        Returns
        -------
        tuple
            Probability that a trial meets at least one event (V,), expected number of events (V,), and for each event the
            probability of its likeliest way under its most favourable scenario (M,).
        """
        once, number, best = np.zeros(len(rates)), np.zeros(len(rates)), np.zeros(len(self))
        for start in range(0, len(self), BLOCK):
            rows = np.arange(start, min(start + BLOCK, len(self)))
            first, likeliest = (part[rows] / self.paths[rows] for part in (self.first, self.likeliest))
            for v, truth in enumerate(rates):
                p = self.probability(rows, truth)
                number[v] += p.sum()
                once[v] += (p * first).sum()
                np.maximum(best[rows[0] : rows[-1] + 1], p * likeliest, out=best[rows[0] : rows[-1] + 1])
        return np.minimum(once, 1.0), number, best

    def string(self, row: int) -> list[tuple[int, tuple[int, ...]]]:
        """Return the cohorts of the likeliest way to an event, its own cohort included unless it is a state."""
        cohorts = self.walk.path_to(int(self.state[row]))
        if self.before:
            return cohorts
        return [*cohorts, self.walk.automaton.cohort(int(self.state[row]), int(self.outcome[row]))]
