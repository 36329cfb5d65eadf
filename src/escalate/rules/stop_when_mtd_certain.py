"""Stop when the MTD is known well enough, relative to its size."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from escalate.core.arrays import FloatArray, IntArray, Mask
from escalate.core.tally import States, Tally
from escalate.core.wording import percent, rounded
from escalate.rules.families.mtd_amount import MtdAmountRule

if TYPE_CHECKING:
    from escalate.core.design import Design

NORMAL = 1.4826022185056018
"""The median absolute deviation times this estimates the standard deviation of a normal distribution."""
BEYOND = 100.0
"""An MTD whose median lies further than this factor outside the doses is not known well."""
STEP = 0.02
"""Largest step of the log amount in a first answer."""
BLOCK = 4096
"""So many states are held against many amounts at once."""
NEAR = 0.01
"""A first answer is good to half of this; nearer to one half it is worked out."""


class StopWhenMtdCertain(MtdAmountRule):
    """Stop when the robust coefficient of variation of the MTD is at most `cv`.

    Notes
    -----
    The MTD is the amount, a dose or not, where the DLT rate is `target`. Its robust coefficient of variation is 1.4826 times the
    median absolute deviation from its median, over its median, all of its posterior: it is at most `cv` exactly where the
    MTD lies within cv / 1.4826 of its median, relative to that, with a probability of at least one half. An MTD whose
    median lies more than a factor 100 below the lowest dose or above the highest is never certain. A patient whose
    outcome is pending counts as without a DLT.

    References
    ----------
    Sabanes Bove D, Yeung WY, Palermo G, Jaki T (2019). Model-based dose escalation designs in R with crmPack. J Stat Softw
    89(10):1-22.
    """

    kind: Literal["stop_when_mtd_certain"] = "stop_when_mtd_certain"
    cv: Annotated[float, Field(ge=0.05, le=2)] = 0.3

    def stops(self, design: Design, states: States, following: IntArray) -> Mask:
        """Stop where the MTD is close enough to its median with a probability of one half."""
        found = np.zeros(len(states))
        rows = np.flatnonzero(following >= 0)
        for start in range(0, len(rows), BLOCK):
            part = rows[start : start + BLOCK]
            found[part] = self._first_answer(design, Tally(states.tally.counts[part]))
        for s in rows[np.abs(found[rows] - 0.5) < NEAR].tolist():
            one = Tally(states.tally.counts[s : s + 1])
            found[s] = self._near_median(design, one, self._median(design, one), self.cv / NORMAL)
        return (following >= 0) & (found >= 0.5)

    def _first_answer(self, design: Design, tally: Tally) -> FloatArray:
        """Return the probability that the MTD is close to its median, from its distribution at many amounts; shape (S,)."""
        grid, share = self._grid(design), self.cv / NORMAL
        found = np.zeros(len(tally))
        for s, row in enumerate(self.below(design, tally, np.exp(grid).tolist(), precise=False)):
            if row[0] < 0.5 < row[-1]:
                median = float(np.interp(0.5, np.maximum.accumulate(row), grid))
                high = float(np.interp(median + log(1 + share), grid, row))
                low = float(np.interp(median + log(1 - share), grid, row)) if share < 1 else 0.0
                found[s] = high - low
        return found

    def _grid(self, design: Design) -> FloatArray:
        """Return log amounts, evenly spaced from far below the doses to far above them."""
        low, high = log(design.doses.levels[0] / BEYOND), log(design.doses.levels[-1] * BEYOND)
        step = min(STEP, self.cv / NORMAL / 5)
        return np.linspace(low, high, int((high - low) / step) + 2)

    def _median(self, design: Design, one: Tally) -> float | None:
        """Return the log of the median of the MTD of a single state, or None where it lies far outside the doses."""
        from scipy.optimize import brentq  # noqa: PLC0415 - loads when first needed

        ends = self._grid(design)[[0, -1]].tolist()

        def height(at: float) -> float:
            return float(self.below(design, one, [exp(at)])[0, 0]) - 0.5

        if height(ends[0]) >= 0 or height(ends[1]) <= 0:
            return None
        return float(brentq(height, *ends, xtol=1e-9))

    def _near_median(self, design: Design, one: Tally, median: float | None, share: float) -> float:
        """Return the probability of being within a share of the median, of a single state."""
        if median is None:
            return 0.0
        amounts: Sequence[float] = [exp(median) * (1 + share)]
        if share < 1:
            amounts = [*amounts, exp(median) * (1 - share)]
        values = self.below(design, one, amounts)[0]
        return float(values[0] - (values[1] if share < 1 else 0.0))

    def variation(self, design: Design, one: Tally) -> tuple[float, float] | None:
        """Return the median of the MTD of a single state and its robust coefficient of variation.

        None where the median lies far outside the doses.
        """
        from scipy.optimize import brentq  # noqa: PLC0415

        median = self._median(design, one)
        if median is None:
            return None

        def height(share: float) -> float:
            return self._near_median(design, one, median, share) - 0.5

        most = 1e4
        share = brentq(height, 0.0, most, xtol=1e-9) if height(most) > 0 else most
        return exp(median), NORMAL * float(share)

    def when(self, design: Design) -> str:
        """Give the coefficient."""
        return (
            f"the robust coefficient of variation of the MTD, the amount with a DLT rate of {self.rate(design):g}, is at most "
            f"{percent(self.cv)} (1.4826 times the median absolute deviation from the median, over the median)"
        )

    def explain(self, design: Design, state: States, following: int) -> str:
        """Give the median of the MTD and its coefficient of variation."""
        found = self.variation(design, Tally(state.tally.counts))
        if found is None:
            return "The median of the MTD lies more than a factor 100 outside the doses: it is not known well."
        return (
            f"The MTD has the median {rounded(found[0])} {design.doses.unit} and the robust coefficient of variation "
            f"{found[1]:.4f}; the rule asks for at most {self.cv:g}."
        )

    @classmethod
    def examples(cls) -> tuple[StopWhenMtdCertain, ...]:
        """Return the usual 30%."""
        return (cls(cv=0.3, target=0.3),)
