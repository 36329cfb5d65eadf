"""Decide while outcomes are pending only where they cannot, or hardly can, change the decision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import comb
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from escalate.core.arrays import NONE, FloatArray, IntArray, Mask
from escalate.core.decision import decide
from escalate.core.errors import Problem
from escalate.core.rule import Rule
from escalate.core.tally import States

if TYPE_CHECKING:
    from escalate.core.design import Design


class DecideWhenCertain(Rule):
    """Have accrual wait unless the pending outcomes at the current dose leave the decision as it is.

    Notes
    -----
    The decision is asked for 0 to c further DLTs among the c patients pending at the current dose, each time as if every
    outcome were known. Accrual goes on where the probability that it differs from the decision without further DLTs is at most
    `tolerance`; 0 asks for one decision whatever comes. Each pending patient has a DLT with probability
    (s + target / 2) / (r + 1), with s DLTs among r known outcomes. Further DLTs are put into the last cohort first, where
    rules that look at it would see them. Patients pending at other doses count as without DLT so far.

    References
    ----------
    Zhou T, Guo W, Ji Y (2020). PoD-TPI: probability-of-decision toxicity probability interval design to accelerate phase I
    trials. Stat Biosci 12:124-145.
    """

    kind: Literal["decide_when_certain"] = "decide_when_certain"
    tolerance: Annotated[float, Field(ge=0, lt=1)] = 0.0

    decides_pending = True

    def suspends(self, design: Design, states: States, following: IntArray) -> Mask:
        """Wait where the decision may still change."""
        next_ = self.decisions(design, states)
        # What no completion reaches repeats the decision without further DLTs.
        differs = next_ != next_[:, :1]
        if self.tolerance == 0:
            return differs.any(axis=1)
        return self._probability(design, states, differs) > self.tolerance

    def decisions(self, design: Design, states: States) -> IntArray:
        """Return the next dose after 0, 1, 2, ... further DLTs at the current dose, 0-based or NONE; shape (S, 1 + max c).

        Where fewer are pending the rest repeats the first.
        """
        row = np.arange(len(states))
        pending = states.tally.n_pending[row, states.dose]
        first = decide(design, states.as_complete()).next
        found = np.tile(first[:, None], (1, 1 + int(pending.max(initial=0))))
        for k in range(1, found.shape[1]):
            some = np.flatnonzero(pending >= k)
            found[some, k] = decide(design, with_dlts(states.take(some), k)).next
        return found

    def _probability(self, design: Design, states: States, differs: Mask) -> FloatArray:
        row = np.arange(len(states))
        n, dlt = states.tally.at(states.dose)
        c = states.tally.n_pending[row, states.dose]
        p = (dlt + design.target_rate / 2) / (n - c + 1)
        total = np.zeros(len(states))
        for k in range(1, differs.shape[1]):
            ways = np.array([comb(m, k) for m in c.tolist()])
            total += np.where(differs[:, k], ways * p**k * (1 - p) ** np.maximum(c - k, 0), 0.0)
        return total

    def describe(self, design: Design) -> str:
        """Say what the rule does."""
        others = "Patients pending at other levels count as without a DLT so far."
        if self.tolerance == 0:
            return (
                "While outcomes at the current level are pending, accrual waits unless none of them can change the decision, "
                f"however many of these patients have a DLT. {others}"
            )
        return (
            "While outcomes at the current level are pending, accrual waits unless the probability that they change the "
            f"decision is at most {self.tolerance:g}; each of these patients has a DLT with probability (s + "
            f"{design.target_rate:g} / 2) / (r + 1), with s DLTs among the r known outcomes there. {others}"
        )

    def explain(self, design: Design, state: States, following: int) -> str:
        """Give the level after each number of further DLTs, and how probable a change is."""
        dose = int(state.dose[0])
        c = int(state.tally.n_pending[0, dose])
        if not c:
            return f"Level {dose + 1}: no outcome is pending there."
        next_ = self.decisions(design, state)
        said = ", ".join("stop" if d == NONE else f"level {d + 1}" for d in next_[0].tolist())
        counts = ", ".join(str(k) for k in range(c + 1))
        chance = ""
        if self.tolerance > 0:
            p = self._probability(design, state, next_ != next_[:, :1])[0]
            chance = f"; the probability of another decision is {p:.4f} against {self.tolerance:g}"
        waits = self.suspends(design, state, np.array([following]))[0]
        return (
            f"Level {dose + 1}: {state.tally.dlt[0, dose]}/{state.tally.n[0, dose]} DLTs, {c} pending; with {counts} further "
            f"DLTs would follow: {said}{chance}: {'accrual waits' if waits else 'accrual need not wait'}."
        )

    def problems(self, design: Design) -> Iterator[Problem]:
        """Refuse a probability without a target to start from."""
        if self.tolerance > 0 and design.target is None:
            yield Problem("tolerance", "needs the design's target; without one it must be 0")

    @classmethod
    def examples(cls) -> tuple[DecideWhenCertain, ...]:
        """Return the rule without and with a tolerance."""
        return (cls(), cls(tolerance=0.1))


def with_dlts(states: States, more: int) -> States:
    """Return states whose outcomes are known, with so many further DLTs at the current dose, in the last cohort first."""
    counts, cohort, row = states.tally.counts.copy(), states.cohort.copy(), np.arange(len(states))
    left, of_cohort = np.full(len(states), more), np.full(len(states), more)
    for category in range(counts.shape[2] - 1):
        moved = np.minimum(left, counts[row, states.dose, category])
        counts[row, states.dose, category] -= moved
        counts[row, states.dose, -1] += moved
        left = left - moved
        seen = np.minimum(of_cohort, cohort[:, category])
        cohort[:, category] -= seen
        cohort[:, -1] += seen
        of_cohort = of_cohort - seen
    return States(replace(states.tally, counts=counts, pending=None), states.dose, cohort, states.in_a_row)
