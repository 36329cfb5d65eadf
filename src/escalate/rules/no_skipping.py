"""Never skip a dose when escalating."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from escalate.core.arrays import Mask
from escalate.core.rule import Rule
from escalate.core.tally import States

if TYPE_CHECKING:
    from escalate.core.design import Design


class NoSkipping(Rule):
    """Forbid doses more than one level above the last dose given, or above the highest dose tried.

    References
    ----------
    Goodman SN, Zahurak ML, Piantadosi S (1995). Some practical improvements in the continual reassessment method for
    phase I studies. Stat Med 14:1149-1161.
    """

    kind: Literal["no_skipping"] = "no_skipping"
    basis: Literal["last", "highest"] = Field(default="highest", alias="from")

    def forbids(self, design: Design, states: States) -> Mask:
        """Forbid every dose above the next level up."""
        reference = states.dose if self.basis == "last" else states.highest_tried
        return np.arange(design.n_doses) > reference[:, None] + 1

    def describe(self, design: Design) -> str:
        """Say what the rule does."""
        basis = "the dose last given" if self.basis == "last" else "the highest dose given so far"
        return f"Escalation is by at most one level from {basis}."

    def explain(self, design: Design, state: States, following: int) -> str:
        """Give the level from which one step is allowed."""
        reference = int((state.dose if self.basis == "last" else state.highest_tried)[0]) + 1
        basis = "last given" if self.basis == "last" else "highest given so far"
        if reference >= design.n_doses:
            return f"Level {reference} ({basis}) is the top level: nothing to skip."
        return f"Level {reference} is the {basis}: the next cohort may go up to level {reference + 1}."

    @classmethod
    def examples(cls) -> tuple[NoSkipping, ...]:
        """Return both forms."""
        return (cls.model_validate({"from": "highest"}), cls.model_validate({"from": "last"}))
