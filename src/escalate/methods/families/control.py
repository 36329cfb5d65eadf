"""Controls: allocations that no outcome steers, to compare designs with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from escalate.core.arrays import IntArray, Mask
from escalate.core.method import Method
from escalate.core.moves import DoseSummary
from escalate.core.plan import Plan
from escalate.core.tally import Tally
from escalate.methods.families.interval_words import isotonic_selection
from escalate.models import isotonic

if TYPE_CHECKING:
    from escalate.core.design import Design


class Control(Method):
    """An allocation that does not look at outcomes; the MTD is selected by isotonic regression."""

    def select(self, plan: Plan, tally: Tally, allowed: Mask) -> IntArray:
        """Return the allowed and tried dose with the isotonic estimate nearest to the target, as BOIN does."""
        return isotonic.select_nearest(tally.dlt, tally.n, plan.target_rate, allowed & tally.tried)

    def describe_selection(self, design: Design) -> tuple[str, ...]:
        """Say that the MTD is selected by isotonic regression."""
        return isotonic_selection(design, prior=isotonic.BOIN_PRIOR, weights="precision")

    def summarise(self, plan: Plan, tally: Tally) -> DoseSummary:
        """Return isotonic estimates, limits and Pr(p > target) of the tried doses."""
        return isotonic.summarise(tally.dlt, tally.n, plan.target)

    def doubts(self, design: Design) -> Iterator[str]:
        """Say what it is for."""
        yield f"{self.kind} is a control for comparisons: outcomes do not steer its doses, so no patient should be given them"
