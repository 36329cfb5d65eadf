"""A control: one dose for all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np

from escalate.core.errors import Problem
from escalate.core.moves import Moves
from escalate.core.plan import Plan
from escalate.core.setting import Count
from escalate.core.tally import States
from escalate.methods.families.control import Control

if TYPE_CHECKING:
    from escalate.core.design import Design


class Constant(Control):
    """Control: every cohort gets the same level.

    Notes
    -----
    What a sample of one dose gives: the floor of any comparison, or the dose expansion part of a trial. No rules apply unless
    the design file names some.
    """

    kind: Literal["constant"] = "constant"
    level: Count

    reasons = ("constant",)

    def decide(self, plan: Plan, states: States) -> Moves:
        """Return the level, whatever was seen."""
        return Moves(np.full(len(states), self.level - 1), np.zeros(len(states), dtype=np.int64))

    def explain(self, plan: Plan, state: States, moves: Moves) -> str:
        """Name the level."""
        n, dlt = (int(x[0]) for x in state.tally.at(state.dose))
        return f"{dlt}/{n} DLTs at level {int(state.dose[0]) + 1}; every cohort gets level {self.level}, whatever was seen."

    def problems(self, plan: Plan) -> Iterator[Problem]:
        """Refuse a level that is not the one the trial starts at."""
        if self.level != plan.start_level:
            yield Problem(
                "level", f"{self.level} is not start_level {plan.start_level}; a constant design has one level"
            )

    def describe(self, design: Design) -> tuple[str, ...]:
        """Say that every cohort gets the level."""
        return (f"Every cohort is treated at level {self.level}, whatever was seen (a control).",)

    @classmethod
    def examples(cls) -> tuple[Constant, ...]:
        """Return the lowest level."""
        return (cls(level=1),)
