"""The keyboard design."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from escalate.core.errors import Problem
from escalate.core.moves import Moves
from escalate.core.plan import Plan
from escalate.core.tally import States
from escalate.methods.families import toxicity_interval_words
from escalate.methods.families.interval import action_said, seen_at
from escalate.methods.families.keys import Keys
from escalate.methods.families.toxicity_intervals import said_interval

if TYPE_CHECKING:
    from escalate.core.design import Design


class Keyboard(Keys):
    """Move towards the strongest key: the interval, of equal ones, in which the DLT rate most probably lies.

    Notes
    -----
    The target key target - epsilon_low to target + epsilon_high is repeated below and above until 0 and 1. Where the strongest
    key lies below the target key escalate, above it de-escalate; of tied keys the highest counts. The keys at the ends may be
    cut off by 0 and 1: their probability is brought to a whole key's width (`end_keys: rescale`, as the authors' software
    does) or not looked at (`discard`, as the paper says). Either way the decisions are the same wherever both can be used.

    References
    ----------
    Yan F, Mandrekar SJ, Yuan Y (2017). Keyboard: a novel Bayesian toxicity probability interval design for phase I clinical
    trials. Clin Cancer Res 23:3994-4003.
    """

    kind: Literal["keyboard"] = "keyboard"
    end_keys: Literal["discard", "rescale"] = "rescale"

    def counted(self, plan: Plan) -> Sequence[int]:
        """Return the keys that are compared: those of full width, or all."""
        edges, target = self.keys(plan)
        lengths = [b - a for a, b in pairwise(edges)]
        every = range(len(lengths))
        return every if self.end_keys == "rescale" else [k for k in every if lengths[k] == lengths[target]]

    def explain(self, plan: Plan, state: States, moves: Moves) -> str:
        """Give the strongest key and the target key."""
        (edges, target), (upm, best) = self.keys(plan), self.densities(plan, state)
        width = float(edges[target + 1] - edges[target])
        cut = " (rescaled to a whole key)" if edges[best + 1] - edges[best] != edges[target + 1] - edges[target] else ""
        place = (
            "the target key" if best == target else f"against {upm[target] * width:.4f} in {self.interval_said(plan)}"
        )
        return (
            f"{seen_at(self, state)}: the strongest key is {said_interval(edges[best], edges[best + 1])}, with posterior "
            f"probability {upm[best] * width:.4f}{cut}, {place}: {action_said(state, moves)}."
        )

    def problems(self, plan: Plan) -> Iterator[Problem]:
        """Refuse to discard the only key on one side of the target."""
        yield from super().problems(plan)
        if self.end_keys == "discard" and not any(True for _ in super().problems(plan)):
            target, counted = self.keys(plan)[1], self.counted(plan)
            for side, there in (("below", min(counted) < target), ("above", max(counted) > target)):
                if not there:
                    yield Problem("end_keys", f"discard leaves no key {side} {self.interval_said(plan)}; use rescale")

    def describe(self, design: Design) -> tuple[str, ...]:
        """Say which key decides, and what those at the ends count."""
        ends = {
            "rescale": (
                "These intervals, the keys, have one width, except that the last ones may be cut off at 0 and 1; the posterior "
                "probability of such a key is multiplied by the width of a whole key and divided by its own."
            ),
            "discard": "These intervals, the keys, have one width; what is left at 0 and 1 and is narrower is not looked at.",
        }[self.end_keys]
        words = toxicity_interval_words
        equal = words.equal_intervals(design, "target key", ends, "posterior probability")
        return (self.interval_described(design, "target key"), words.beta(self.prior), *equal)

    @classmethod
    def examples(cls) -> tuple[Keyboard, ...]:
        """Return the published design in both forms, and a wider target key."""
        return (cls(), cls(end_keys="discard"), cls(epsilon_low=0.1, epsilon_high=0.05))
