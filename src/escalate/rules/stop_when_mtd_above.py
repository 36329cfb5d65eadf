"""Stop when the MTD is likely to lie above the dose that would follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from escalate.core.arrays import NONE, FloatArray, IntArray, Mask
from escalate.core.setting import Probability
from escalate.core.tally import States, Tally
from escalate.core.wording import number
from escalate.rules.families.mtd_amount import MtdAmountRule

if TYPE_CHECKING:
    from escalate.core.design import Design

NEAR = 3e-3
"""A first answer is good to 1e-3; within this of the cut-off it is asked again."""


class StopWhenMtdAbove(MtdAmountRule):
    """Stop when Pr(MTD > factor x the amount that would follow) is at least `probability`.

    Notes
    -----
    The MTD is the amount, a dose or not, where the DLT rate is `target`. At the cut-off the trial stops. A patient whose outcome
    is pending counts as without a DLT. With `factor: 0.5` and `probability: 0.9` the trial ends once the dose that would follow
    is at most twice the MTD, with 90% certainty: alone it is met early, so that it belongs in an `all_of`.

    References
    ----------
    Sabanes Bove D, Yeung WY, Palermo G, Jaki T (2019). Model-based dose escalation designs in R with crmPack. J Stat Softw
    89(10):1-22.
    """

    kind: Literal["stop_when_mtd_above"] = "stop_when_mtd_above"
    factor: Annotated[float, Field(ge=0.01, le=100)]
    probability: Probability

    def stops(self, design: Design, states: States, following: IntArray) -> Mask:
        """Stop where the MTD is likely enough to lie above."""
        above = np.zeros(len(states))
        for j in np.unique(following[following >= 0]).tolist():
            amount = self.factor * design.doses.levels[j]
            rows = np.flatnonzero(following == j)
            above[rows] = self._above(design, states, rows, amount, precise=False)
            near = rows[np.abs(above[rows] - self.probability) < NEAR]
            if len(near):
                above[near] = self._above(design, states, near, amount, precise=True)
        return (following >= 0) & (above >= self.probability)

    def _above(self, design: Design, states: States, rows: IntArray, amount: float, *, precise: bool) -> FloatArray:
        return 1 - self.below(design, Tally(states.tally.counts[rows]), [amount], precise=precise)[:, 0]

    def when(self, design: Design) -> str:
        """Give the factor and the probability."""
        return (
            f"the MTD, the amount with a DLT rate of {self.rate(design):g}, lies above {self.factor:g} times the recommended "
            f"dose with a probability of at least {self.probability:g}"
        )

    def explain(self, design: Design, state: States, following: int) -> str:
        """Give the probability for the dose that would follow."""
        if following == NONE:
            return "No dose follows to compare the MTD with."
        amount = self.factor * design.doses.levels[following]
        value = 1 - self.below(design, Tally(state.tally.counts), [amount])[0, 0]
        return (
            f"Pr(MTD > {number(amount)} {design.doses.unit}), {self.factor:g} times level {following + 1}, which would follow, is "
            f"{value:.4f}; the rule asks for {self.probability:g}."
        )

    @classmethod
    def examples(cls) -> tuple[StopWhenMtdAbove, ...]:
        """Return a rule as in crmPack's documentation."""
        return (cls(factor=0.5, probability=0.9, target=0.33),)
