"""Interval methods: the next dose follows from patients and DLTs at the current dose, read off a table."""

from __future__ import annotations

from functools import cache
from typing import ClassVar

import numpy as np

from escalate.core.arrays import IntArray, Mask
from escalate.core.method import TableMethod
from escalate.core.moves import DoseSummary, Moves
from escalate.core.plan import Plan
from escalate.core.rule import Rule
from escalate.core.tally import States, Tally
from escalate.models import isotonic
from escalate.rules.eliminate import Eliminate

WORDS = {1: "escalate", 0: "stay", -1: "de-escalate"}


class IntervalMethod(TableMethod):
    """A table of actions, moves of one level, elimination, and isotonic selection of the MTD."""

    # Ordered so that action + 1 indexes it.
    reasons: ClassVar[tuple[str, ...]] = ("de_escalate", "stay", "escalate")

    def published_rules(self) -> tuple[Rule, ...]:
        """Return the elimination rule of these designs."""
        return (Eliminate(),)

    def decide(self, plan: Plan, states: States) -> Moves:
        """Move one level by the table; stay where there is no such level."""
        action = self.table_actions(plan, states)
        return Moves(np.clip(states.dose + action, 0, plan.n_doses - 1), action + 1)

    def table_actions(self, plan: Plan, states: States) -> IntArray:
        """Return the action at the current dose of each state, shape (S,)."""
        n, dlt = states.tally.at(states.dose)
        n_max = max(plan.max_patients, int(n.max(initial=0)))
        return action_table(self, plan, n_max)[n, dlt]

    def select(self, plan: Plan, tally: Tally, allowed: Mask) -> IntArray:
        """Return the allowed dose with the isotonic estimate nearest to the target."""
        return isotonic.select_nearest(tally, plan.target_rate, allowed & tally.tried)

    def summarise(self, plan: Plan, tally: Tally) -> DoseSummary:
        """Return isotonic estimates, limits and Pr(p > target) of the tried doses."""
        return isotonic.summarise(tally, plan.target)


@cache
def action_table(method: TableMethod, plan: Plan, n_max: int) -> IntArray:
    """Return the action by patients and DLTs at the current dose, shape (n_max + 1, n_max + 1); row 0 is unused."""
    table = np.zeros((n_max + 1, n_max + 1), dtype=np.int64)
    for n in range(1, n_max + 1):
        table[n, : n + 1] = method.actions(plan, n)
    table.flags.writeable = False
    return table
