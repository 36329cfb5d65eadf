"""The i3+3 design: interval rules simple enough to carry in the head."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor
from typing import TYPE_CHECKING, Literal

import numpy as np

from escalate.core.arrays import IntArray
from escalate.core.moves import Margin, Moves
from escalate.core.plan import Plan
from escalate.core.tally import States
from escalate.methods.families import toxicity_interval_words
from escalate.methods.families.interval import action_said, seen_at
from escalate.methods.families.toxicity_intervals import EquivalenceInterval, PosteriorMeanMtd

if TYPE_CHECKING:
    from escalate.core.design import Design


class I3p3(EquivalenceInterval, PosteriorMeanMtd):
    """Compare the DLT rate, and the rate with one DLT fewer, with an interval around the target.

    Notes
    -----
    Rate below the interval: escalate. Within it, ends included: stay. Above it: de-escalate, unless the rate with one DLT
    fewer is below the interval; then a single DLT makes the difference, and the dose stays.

    References
    ----------
    Liu M, Wang SJ, Ji Y (2020). The i3+3 design for phase I clinical trials. J Biopharm Stat 30:294-304.
    """

    kind: Literal["i3p3"] = "i3p3"

    def actions(self, plan: Plan, n: int, dose: int) -> IntArray:
        """Return the action for 0..n DLTs among n patients."""
        low, high = self.interval(plan)
        fewest_within, most_within = ceil(low * n), floor(high * n)
        dlt = np.arange(n + 1)
        one_makes_the_difference = dlt - 1 < fewest_within
        above = np.where(one_makes_the_difference, 0, -1)
        return np.where(dlt < fewest_within, 1, np.where(dlt <= most_within, 0, above))

    def boundaries(self, plan: Plan) -> dict[str, float]:
        """Return the ends of the interval."""
        low, high = self.interval(plan)
        return {"low": float(low), "high": float(high)}

    def explain(self, plan: Plan, state: States, moves: Moves) -> str:
        """Compare the rate, and where it is above the interval the rate with one DLT fewer."""
        n, dlt = (int(x[0]) for x in state.tally.at(state.dose))
        place = self._place(plan, n, dlt)
        text = f"{seen_at(self, state)}, a rate of {dlt / n:.4f}, is {place} {self.interval_said(plan)}"
        if place == "above":
            text += f", and one DLT fewer, {dlt - 1}/{n}, is {self._place(plan, n, dlt - 1)} it"
        return f"{text}: {action_said(state, moves)}."

    def _place(self, plan: Plan, n: int, dlt: int) -> str:
        low, high = self.interval(plan)
        rate = Fraction(dlt, n)
        return "below" if rate < low else "above" if rate > high else "within"

    def margin(self, plan: Plan, state: States) -> Margin | None:
        """Return the distance of the rate that decides to the nearer end of the interval."""
        n, dlt = (int(x[0]) for x in state.tally.at(state.dose))
        low, high = self.interval(plan)
        gaps = [
            (abs(Fraction(dlt, n) - end), f"{name} = {float(end):g}") for name, end in (("low", low), ("high", high))
        ]
        if self._place(plan, n, dlt) == "above":
            gaps.append((abs(Fraction(dlt - 1, n) - low), f"low = {float(low):g}, of the rate with one DLT fewer"))
        gap, text = min(gaps)
        return Margin(float(gap), f"{float(gap):.4f} from {text}, in DLT rate")

    def describe(self, design: Design) -> tuple[str, ...]:
        """Say how the rate, and the rate with one DLT fewer, stand to the interval."""
        return (self.interval_described(design), *toxicity_interval_words.one_dlt_fewer(design))

    @classmethod
    def examples(cls) -> tuple[I3p3, ...]:
        """Return the published design, and a wider interval."""
        return (cls(), cls(epsilon_low=0.1, epsilon_high=0.1))
