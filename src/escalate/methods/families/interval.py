"""Interval methods: the next dose follows from patients and DLTs at the current dose, read off a table."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from escalate.core.arrays import FloatArray, IntArray, Mask
from escalate.core.method import TableMethod
from escalate.core.moves import DoseSummary, Moves
from escalate.core.outcome import burden_units, said
from escalate.core.plan import Plan
from escalate.core.rule import Rule
from escalate.core.tally import States, Tally
from escalate.methods.families.interval_words import isotonic_selection
from escalate.models import isotonic
from escalate.rules.eliminate import Eliminate

if TYPE_CHECKING:
    from escalate.core.design import Design

WORDS = {1: "escalate", 0: "stay", -1: "de-escalate"}


class IntervalMethod(TableMethod):
    """A table of actions, moves of one level, elimination, and isotonic selection of the MTD."""

    # Ordered so that action + 1 indexes it.
    reasons: ClassVar[tuple[str, ...]] = ("de_escalate", "stay", "escalate")
    mtd_weights: ClassVar[isotonic.Weights] = "precision"
    """What pools rates that do not increase."""

    def published_rules(self) -> tuple[Rule, ...]:
        """Return the elimination rule of these designs."""
        return (Eliminate(),)

    def decide(self, plan: Plan, states: States) -> Moves:
        """Move one level by the table; stay where there is no such level."""
        action = self.table_actions(plan, states)
        return Moves(np.clip(states.dose + action, 0, plan.n_doses - 1), action + 1)

    def table_actions(self, plan: Plan, states: States) -> IntArray:
        """Return the action at the current dose of each state, shape (S,)."""
        units, _ = burden_units(self.outcomes)
        row = np.arange(len(states))
        n = states.tally.n[row, states.dose]
        burden = states.tally.burden(units)[row, states.dose]
        n_max = max(plan.max_patients, int(n.max(initial=0)))
        if not self.by_level:
            return action_table(self, plan, n_max, 0)[n, burden]
        tables = np.stack([action_table(self, plan, n_max, dose) for dose in range(plan.n_doses)])
        return tables[states.dose, n, burden]

    def mtd_pseudo_counts(self) -> tuple[float, float]:
        """Return the pseudo-counts of the rates that the MTD is selected by."""
        return isotonic.BOIN_PRIOR

    def events(self, tally: Tally) -> FloatArray | IntArray:
        """Return DLTs, or burdens as parts of a DLT, by state and dose; shape (S, J)."""
        units, whole = burden_units(self.outcomes)
        burden = tally.burden(units)
        return burden if whole == 1 else burden / whole

    def select(self, plan: Plan, tally: Tally, allowed: Mask) -> IntArray:
        """Return the allowed dose with the isotonic estimate nearest to the target."""
        candidates = allowed & tally.tried
        return isotonic.select_nearest(
            self.events(tally), tally.n, plan.target_rate, candidates, None, self.mtd_pseudo_counts(), self.mtd_weights
        )

    def describe_selection(self, design: Design) -> tuple[str, ...]:
        """Say that the MTD is selected by isotonic regression, from which rates, and what ties do."""
        return isotonic_selection(design, prior=self.mtd_pseudo_counts(), weights=self.mtd_weights)

    def summarise(self, plan: Plan, tally: Tally) -> DoseSummary:
        """Return isotonic estimates, limits and Pr(p > target) of the tried doses."""
        return isotonic.summarise(self.events(tally), tally.n, plan.target)


def seen_at(method: TableMethod, state: States) -> str:
    """Return what the current dose of a single state has seen, as people say it: `1/3 DLTs at level 2`."""
    units, whole = burden_units(method.outcomes)
    dose = int(state.dose[0])
    return f"{said(int(state.tally.burden(units)[0, dose]), whole, int(state.tally.n[0, dose]))} at level {dose + 1}"


def action_said(state: States, moves: Moves) -> str:
    """Return the action of a single state in words, with what keeps the dose where there is no such level."""
    action = int(moves.reason[0]) - 1
    blocked = int(moves.next[0]) == int(state.dose[0]) and action != 0
    edge = f", but there is no level {'above' if action > 0 else 'below'}" if blocked else ""
    return f"{WORDS[action]}{edge}"


@cache
def action_table(method: TableMethod, plan: Plan, n_max: int, dose: int) -> IntArray:
    """Return the action by patients and burden units at a dose; row 0 is unused.

    Returns
    -------
    IntArray
        Shape (n_max + 1, n_max * units of a DLT + 1).
    """
    _, whole = burden_units(method.outcomes)
    table = np.zeros((n_max + 1, n_max * whole + 1), dtype=np.int64)
    for n in range(1, n_max + 1):
        table[n, : n * whole + 1] = method.actions(plan, n, dose)
    table.flags.writeable = False
    return table
