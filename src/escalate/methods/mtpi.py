"""The modified toxicity probability interval design (mTPI)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

import numpy as np

from escalate.core.arrays import IntArray
from escalate.core.moves import Margin, Moves
from escalate.core.plan import Plan, exact
from escalate.core.tally import States
from escalate.methods.families import toxicity_interval_words
from escalate.methods.families.interval import action_said, seen_at
from escalate.methods.families.toxicity_intervals import EquivalenceInterval, Masses, TpiFamily, masses

if TYPE_CHECKING:
    from escalate.core.design import Design

ACTIONS = (1, 0, -1)
"""The action of each interval: below, within and above."""
QUESTIONED = Fraction(3, 2)
"""Staying at an observed rate of this many targets, or more, is questioned."""


class Mtpi(EquivalenceInterval, TpiFamily):
    """Give the action whose toxicity interval has the largest posterior probability for its length (UPM).

    Notes
    -----
    Intervals: below target - epsilon_low, from there to target + epsilon_high, above. UPM is unit probability mass: the
    posterior probability of an interval divided by its length. A tie for the largest stays.

    References
    ----------
    Ji Y, Liu P, Li Y, Bekele BN (2010). A modified toxicity probability interval method for dose-finding trials. Clin Trials
    7:653-663.
    """

    kind: Literal["mtpi"] = "mtpi"

    def posterior(self, plan: Plan, n: int) -> Masses:
        """Return the masses of the three intervals for each number of DLTs."""
        low, high = self.interval(plan)
        return masses((Fraction(0), low, high, Fraction(1)), self.prior, n)

    def actions(self, plan: Plan, n: int, dose: int) -> IntArray:
        """Return the action for 0..n DLTs among n patients."""
        posterior = self.posterior(plan, n)
        largest = [posterior.densest(dlt) for dlt in range(n + 1)]
        return np.array([ACTIONS[which[0]] if len(which) == 1 else 0 for which in largest])

    def explain(self, plan: Plan, state: States, moves: Moves) -> str:
        """Give the three unit probability masses."""
        below, within, above = self._upm(plan, state)
        return (
            f"{seen_at(self, state)}: the unit probability mass below, within and above {self.interval_said(plan)} is "
            f"{below:.4f}, {within:.4f} and {above:.4f}: {action_said(state, moves)}."
        )

    def margin(self, plan: Plan, state: States) -> Margin | None:
        """Return by how much the largest UPM exceeds the second."""
        second, largest = sorted(self._upm(plan, state))[1:]
        return Margin(largest - second, f"{largest - second:.4f} between the two largest unit probability masses")

    def _upm(self, plan: Plan, state: States) -> list[float]:
        n, dlt = (int(x[0]) for x in state.tally.at(state.dose))
        return self.posterior(plan, n).densities(dlt)

    def doubts(self, design: Design) -> Iterator[str]:
        """Question staying at a rate well above the target, which the long interval above it brings about."""
        yield from super().doubts(design)
        limit = exact(design.target_rate) * QUESTIONED
        for n in range(design.cohort_size, design.max_patients + 1, design.cohort_size):
            stays = np.flatnonzero(self.actions(design, n, 0) == 0)
            if n > design.cohort_size and len(stays) and Fraction(int(stays[-1]), n) >= limit:
                yield (
                    f"stays at {stays[-1]}/{n} DLTs, a rate of {stays[-1] / n:.4g} against the target {design.target_rate:g}; "
                    "mtpi2 and keyboard were made to avoid this"
                )
                return

    def describe(self, design: Design) -> tuple[str, ...]:
        """Say which of three intervals decides."""
        words = toxicity_interval_words
        three = words.three_intervals(design)
        return (self.interval_described(design), words.beta(self.prior), words.UPM, *three)

    @classmethod
    def examples(cls) -> tuple[Mtpi, ...]:
        """Return the published design, a narrower interval, and Jeffreys' prior."""
        return (cls(), cls(epsilon_low=0.03, epsilon_high=0.03), cls(prior=(0.5, 0.5)))
