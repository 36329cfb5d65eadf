"""Equal intervals, or keys, from 0 to 1: what mTPI-2 and the keyboard design share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np

from escalate.core.arrays import IntArray
from escalate.core.errors import Problem
from escalate.core.moves import Margin
from escalate.core.plan import Plan
from escalate.core.setting import BetaPrior
from escalate.core.tally import States
from escalate.methods.families.toxicity_intervals import EquivalenceInterval, Masses, masses

NARROWEST = Fraction(1, 100)


class Keys(EquivalenceInterval):
    """A method that repeats the equivalence interval below and above, and moves towards the densest of these keys."""

    prior: BetaPrior = (1.0, 1.0)

    @abstractmethod
    def counted(self, plan: Plan) -> Sequence[int]:
        """Return the indices of the keys that are compared."""

    def keys(self, plan: Plan) -> tuple[tuple[Fraction, ...], int]:
        """Return the edges of the keys, 0 and 1 included, and the index of the target key."""
        return tiled(*self.interval(plan))

    def posterior(self, plan: Plan, n: int) -> Masses:
        """Return the masses of the keys for each number of DLTs."""
        return masses(self.keys(plan)[0], self.prior, n)

    def actions(self, plan: Plan, n: int, dose: int) -> IntArray:
        """Return the action for 0..n DLTs among n patients."""
        target, posterior, counted = self.keys(plan)[1], self.posterior(plan, n), self.counted(plan)
        # Of tied keys the highest.
        strongest = np.array([posterior.densest(dlt, counted)[-1] for dlt in range(n + 1)])
        return np.sign(target - strongest)

    def densities(self, plan: Plan, state: States) -> tuple[list[float], int]:
        """Return the unit probability mass of each key at the current dose of a single state, and the strongest key."""
        n, dlt = (int(x[0]) for x in state.tally.at(state.dose))
        posterior = self.posterior(plan, n)
        return posterior.densities(dlt), posterior.densest(dlt, self.counted(plan))[-1]

    def margin(self, plan: Plan, state: States) -> Margin | None:
        """Return by how much the densest key exceeds the densest one with another action."""
        (_, target), (upm, best) = self.keys(plan), self.densities(plan, state)
        others = [upm[k] for k in self.counted(plan) if np.sign(target - k) != np.sign(target - best)]
        gap = upm[best] - max(others)
        return Margin(gap, f"{gap:.4f} more unit probability mass than any interval with another action")

    def problems(self, plan: Plan) -> Iterator[Problem]:
        """Refuse an interval that reaches 0 or 1, and one too narrow to be repeated."""
        yield from super().problems(plan)
        low, high = self.interval(plan)
        if high - low < NARROWEST:
            yield Problem(
                "epsilon_low",
                f"with epsilon_high makes keys of width {float(high - low):g}; they must be at least {float(NARROWEST):g} wide",
            )


def tiled(low: Fraction, high: Fraction) -> tuple[tuple[Fraction, ...], int]:
    """Return edges of keys as wide as low..high over 0..1, those at the ends cut off there, and the index of low..high.

    Examples
    --------
    >>> edges, target = tiled(Fraction(1, 4), Fraction(7, 20))
    >>> [float(edge) for edge in edges], target
    ([0.0, 0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95, 1.0], 3)
    """
    width = high - low
    n_below, n_above = low // width, (1 - high) // width
    whole = [low + k * width for k in range(-n_below, n_above + 2)]
    edges = ([Fraction(0)] if whole[0] > 0 else []) + whole + ([Fraction(1)] if whole[-1] < 1 else [])
    return tuple(edges), edges.index(low)
