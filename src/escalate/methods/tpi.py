"""The toxicity probability interval design (TPI)."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from escalate.core.arrays import IntArray
from escalate.core.moves import Margin, Moves
from escalate.core.plan import Plan
from escalate.core.setting import BetaPrior
from escalate.core.tally import States
from escalate.methods.families import toxicity_interval_words
from escalate.methods.families.interval import action_said, seen_at
from escalate.methods.families.toxicity_intervals import TIE, TpiFamily, said_interval, unusual_target
from escalate.models import beta_binomial

if TYPE_CHECKING:
    from escalate.core.design import Design

Multiple = Annotated[float, Field(gt=0, le=10)]


class Tpi(TpiFamily):
    """Give the action whose toxicity interval, cut by the posterior standard deviation, is the most probable.

    Notes
    -----
    Intervals: below target - k2 sd, from there to target + k1 sd, above; sd is that of the posterior at the current dose, so
    the intervals narrow as data come. Posterior probabilities are compared as they are, not divided by length. A tie for the
    largest stays.

    References
    ----------
    Ji Y, Li Y, Bekele BN (2007). Dose-finding in phase I clinical trials based on toxicity probability intervals. Clin Trials
    4:235-244.
    """

    kind: Literal["tpi"] = "tpi"
    k1: Multiple = 1.0
    k2: Multiple = 1.5
    prior: BetaPrior = (0.005, 0.005)

    def interval(self, plan: Plan, n: int, dlt: int) -> tuple[float, float]:
        """Return target - k2 sd and target + k1 sd, within 0 and 1."""
        a, b = self.prior[0] + dlt, self.prior[1] + n - dlt
        sd = sqrt(a * b / (a + b + 1)) / (a + b)
        return max(plan.target_rate - self.k2 * sd, 0.0), min(plan.target_rate + self.k1 * sd, 1.0)

    def probabilities(self, plan: Plan, n: int, dlt: int) -> tuple[float, float, float]:
        """Return the posterior probability of the rate being below, within and above the interval."""
        a, b = self.prior[0] + dlt, self.prior[1] + n - dlt
        low, high = self.interval(plan, n, dlt)
        below, above = beta_binomial.cdf(low, a, b), beta_binomial.sf(high, a, b)
        return below, max(1 - below - above, 0.0), above

    def actions(self, plan: Plan, n: int, dose: int) -> IntArray:
        """Return the action for 0..n DLTs among n patients."""
        return np.array([_most_probable(*self.probabilities(plan, n, dlt)) for dlt in range(n + 1)])

    def explain(self, plan: Plan, state: States, moves: Moves) -> str:
        """Give the three posterior probabilities."""
        n, dlt = (int(x[0]) for x in state.tally.at(state.dose))
        below, within, above = self.probabilities(plan, n, dlt)
        return (
            f"{seen_at(self, state)}: the posterior probability of a DLT rate below, within and above "
            f"{said_interval(*self.interval(plan, n, dlt))} is {below:.4f}, {within:.4f} and {above:.4f}: "
            f"{action_said(state, moves)}."
        )

    def margin(self, plan: Plan, state: States) -> Margin | None:
        """Return by how much the largest posterior probability exceeds the second."""
        n, dlt = (int(x[0]) for x in state.tally.at(state.dose))
        second, largest = sorted(self.probabilities(plan, n, dlt))[1:]
        gap = largest - second
        return Margin(gap, f"{gap:.4f} between the two largest posterior probabilities")

    def doubts(self, design: Design) -> Iterator[str]:
        """Question an unusual target, and intervals so wide that a clean cohort does not escalate."""
        yield from super().doubts(design)
        yield from unusual_target(design)
        size = design.cohort_size
        if self.actions(design, size, 0)[0] != 1:
            low, _ = self.interval(design, size, 0)
            yield f"stays at 0/{size} DLTs: the interval that escalates, 0 to {low:.4g}, is too short under this prior, or k2"

    def describe(self, design: Design) -> tuple[str, ...]:
        """Say which interval, cut by the posterior standard deviation, decides."""
        words = toxicity_interval_words
        return (words.beta(self.prior), *words.by_deviation(design, self.k1, self.k2))

    @classmethod
    def examples(cls) -> tuple[Tpi, ...]:
        """Return the published design, and the two multiples the other way round."""
        return (cls(), cls(k1=1.5, k2=1.0))


def _most_probable(below: float, within: float, above: float) -> int:
    if below > max(within, above) * (1 + TIE):
        return 1
    return -1 if above > max(within, below) * (1 + TIE) else 0
