"""Stop when enough patients have been treated near the dose that would follow."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from escalate.core.arrays import NONE, IntArray, Mask
from escalate.core.plan import exact
from escalate.core.rule import StopRule
from escalate.core.setting import Count
from escalate.core.tally import States

if TYPE_CHECKING:
    from escalate.core.design import Design


class StopAtPatientsNearDose(StopRule):
    """Stop when doses close to the one that would follow have enough evaluable patients together.

    Notes
    -----
    Close are amounts from (1 - within) to (1 + within) times the amount that would follow, ends included, compared as the
    decimal numbers written: within 0.2 of 100 mg are 80 mg and 120 mg. With a fine grid of doses few patients get exactly the
    same one; with `within: 0` it is `stop_at_patients_at_dose` with `at: next`.

    References
    ----------
    Sabanes Bove D, Yeung WY, Palermo G, Jaki T (2019). Model-based dose escalation designs in R with crmPack. J Stat Softw
    89(10):1-22.
    """

    kind: Literal["stop_at_patients_near_dose"] = "stop_at_patients_near_dose"
    patients: Count
    within: Annotated[float, Field(ge=0, lt=1)] = 0.2

    uses_amounts = True

    def stops(self, design: Design, states: States, following: IntArray) -> Mask:
        """Stop where the doses near the following one have the patients."""
        near = _near(design.doses.levels, self.within)[np.maximum(following, 0)]
        return (following >= 0) & ((states.tally.n * near).sum(axis=1) >= self.patients)

    def when(self, design: Design) -> str:
        """Give the number and what counts as near."""
        return (
            f"doses within {float(100 * exact(self.within)):g}% of the one recommended next, it included, have {self.patients} "
            "or more evaluable patients together"
        )

    def explain(self, design: Design, state: States, following: int) -> str:
        """Count the patients near the dose that would follow."""
        if following == NONE:
            return "No dose follows, so that no patients are near it."
        near = np.flatnonzero(_near(design.doses.levels, self.within)[following]) + 1
        n = int(state.tally.n[0, near - 1].sum())
        levels = f"level {near[0]}" if len(near) == 1 else f"levels {near[0]} to {near[-1]}"
        return (
            f"Within {float(100 * exact(self.within)):g}% of {design.amount(following)}, which would follow, {levels} "
            f"ha{'s' if len(near) == 1 else 've'} {n} evaluable patient{'s' * (n != 1)}; the rule asks for {self.patients}."
        )

    def doubts(self, design: Design) -> Iterator[str]:
        """Question a distance that reaches no other dose."""
        if self.within > 0 and (_near(design.doses.levels, self.within).sum(axis=1) == 1).all():
            yield (
                f"stop_at_patients_near_dose: no two doses are within {float(100 * exact(self.within)):g}% of each other; it "
                "counts the patients at the dose that would follow alone"
            )

    @classmethod
    def examples(cls) -> tuple[StopAtPatientsNearDose, ...]:
        """Return the usual distance, and none."""
        return (cls(patients=9, within=0.2), cls(patients=6, within=0.0))


@cache
def _near(amounts: tuple[float, ...], within: float) -> IntArray:
    """Return 1 where an amount (column) is near another (row), else 0; shape (J, J)."""
    low, high = 1 - exact(within), 1 + exact(within)
    each = [exact(amount) for amount in amounts]
    return np.array([[int(low * centre <= other <= high * centre) for other in each] for centre in each])
