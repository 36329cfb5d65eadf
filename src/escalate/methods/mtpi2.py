"""The mTPI-2 design: mTPI with intervals of equal length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from escalate.core.moves import Moves
from escalate.core.plan import Plan
from escalate.core.tally import States
from escalate.methods.families import toxicity_interval_words
from escalate.methods.families.interval import action_said, seen_at
from escalate.methods.families.keys import Keys
from escalate.methods.families.toxicity_intervals import TpiFamily, said_interval

if TYPE_CHECKING:
    from escalate.core.design import Design


class Mtpi2(Keys, TpiFamily):
    """Give the action of the interval with the largest posterior probability for its length (UPM), among equal intervals.

    Notes
    -----
    The equivalence interval target - epsilon_low to target + epsilon_high is repeated below and above until 0 and 1, where
    the last ones are cut off. The interval of the largest unit probability mass (UPM) decides: below the equivalence interval
    escalate, above de-escalate. Of tied intervals the highest counts.

    References
    ----------
    Guo W, Wang SJ, Yang S, Lynn H, Ji Y (2017). A Bayesian interval dose-finding design addressing Ockham's razor: mTPI-2.
    Contemp Clin Trials 58:23-33.
    """

    kind: Literal["mtpi2"] = "mtpi2"

    def counted(self, plan: Plan) -> Sequence[int]:
        """Return all intervals."""
        return range(len(self.keys(plan)[0]) - 1)

    def explain(self, plan: Plan, state: States, moves: Moves) -> str:
        """Give the interval with the largest unit probability mass, and that of the target."""
        (edges, target), (upm, best) = self.keys(plan), self.densities(plan, state)
        place = (
            "the equivalence interval" if best == target else f"against {upm[target]:.4f} in {self.interval_said(plan)}"
        )
        return (
            f"{seen_at(self, state)}: the largest unit probability mass, {upm[best]:.4f}, is in "
            f"{said_interval(edges[best], edges[best + 1])}, {place}: {action_said(state, moves)}."
        )

    def describe(self, design: Design) -> tuple[str, ...]:
        """Say which of the equal intervals decides."""
        words, ends = toxicity_interval_words, "The last intervals are cut off at 0 and 1."
        equal = words.equal_intervals(design, "equivalence interval", ends, "UPM")
        return (self.interval_described(design), words.beta(self.prior), words.UPM, *equal)

    @classmethod
    def examples(cls) -> tuple[Mtpi2, ...]:
        """Return the published design, a narrower interval, and Jeffreys' prior."""
        return (cls(), cls(epsilon_low=0.03, epsilon_high=0.03), cls(prior=(0.5, 0.5)))
