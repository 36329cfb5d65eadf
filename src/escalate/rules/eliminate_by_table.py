"""Eliminate a dose, and all above it, where the method's own table says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np

from escalate.core.arrays import IntArray, Mask
from escalate.core.errors import Problem
from escalate.core.method import TableMethod
from escalate.core.rule import Rule
from escalate.core.tally import States

if TYPE_CHECKING:
    from escalate.core.design import Design


class EliminateByTable(Rule):
    """Forbid a dose and all above it where the decision table eliminates it (`DU`).

    Notes
    -----
    When level 1 goes the trial stops and no MTD is declared. A dose with more patients than the table has rows for is judged
    by its last row: more patients do not lift what as many DLTs have barred.
    """

    kind: Literal["eliminate_by_table"] = "eliminate_by_table"

    about_safety = True
    permanent = True

    def forbids(self, design: Design, states: States) -> Mask:
        """Forbid each dose at or above one that the table eliminates."""
        return np.logical_or.accumulate(_eliminated(design, states), axis=1)

    def stops(self, design: Design, states: States, following: IntArray) -> Mask:
        """Stop where level 1 is eliminated, even where the table has come to its end too."""
        return _eliminated(design, states)[:, 0]

    def describe(self, design: Design) -> str:
        """Say what the rule does."""
        return (
            "A dose for whose patients and DLTs the decision table says DU is eliminated with all doses above it, for the rest "
            "of the trial; the trial stops, with no MTD, when level 1 is eliminated."
        )

    def explain(self, design: Design, state: States, following: int) -> str:
        """Name the level that the table eliminates, or that there is none."""
        out = _eliminated(design, state)[0]
        if not out.any():
            dose = int(state.dose[0])
            seen = f"{state.tally.dlt[0, dose]}/{state.tally.n[0, dose]} DLTs at level {dose + 1}"
            return f"{seen} are not DU in the table, and no level is eliminated."
        lowest = int(np.argmax(out))
        seen = f"{state.tally.dlt[0, lowest]}/{state.tally.n[0, lowest]} DLTs"
        return f"Level {lowest + 1}: {seen} are DU in the table: level {lowest + 1} and all above are eliminated."

    def problems(self, design: Design) -> Iterator[Problem]:
        """Refuse a method whose table eliminates nothing."""
        method = design.method
        if any(True for _ in method.problems(design)):
            # A table that is not whole cannot be asked; its own faults are told.
            return
        if not isinstance(method, TableMethod) or not any(
            method.eliminates(design, np.full(n + 1, n), np.arange(n + 1)).any()
            for n in method.patients_in_table(design)
        ):
            yield Problem("kind", f"eliminate_by_table needs a table with DU in it; {design.method.kind} has none")

    @classmethod
    def examples(cls) -> tuple[EliminateByTable, ...]:
        """Return the rule."""
        return (cls(),)


def _eliminated(design: Design, states: States) -> Mask:
    method = design.method
    if not isinstance(method, TableMethod):
        return np.zeros(states.tally.n.shape, dtype=bool)
    return method.eliminates(design, states.tally.n, states.tally.dlt)
