"""The posterior of the MTD as an amount, which need not be one of the doses: what the rules about it share.

The MTD is where the DLT rate reaches the target. The rate rises with the amount, so that Pr(MTD < x) = Pr(p(x) > target).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from escalate.core.arrays import FloatArray
from escalate.core.errors import Problem
from escalate.core.plan import Plan
from escalate.core.rule import StopRule
from escalate.core.setting import Probability
from escalate.core.tally import Tally

if TYPE_CHECKING:
    from escalate.core.design import Design


@runtime_checkable
class BetweenDoses(Protocol):
    """A method whose curve says something of every amount, given or not."""

    def prob_above_at(
        self, plan: Plan, tally: Tally, limit: float, amounts: Sequence[float], *, precise: bool
    ) -> FloatArray:
        """Return Pr(p(amount) > limit | data), shape (S, A): to 1e-6, or to 1e-3 where that is enough."""


class MtdAmountRule(StopRule):
    """A stop that asks where the MTD lies; `target` is the DLT rate there, that of the design unless given."""

    target: Probability | None = None

    uses_amounts = True

    def rate(self, design: Design) -> float:
        """Return the DLT rate at the MTD."""
        return self.target if self.target is not None else design.target_rate

    def below(self, design: Design, tally: Tally, amounts: Sequence[float], *, precise: bool = True) -> FloatArray:
        """Return Pr(MTD < amount | data), shape (S, A): to 1e-6, or to 1e-3 where that is enough."""
        assert isinstance(design.method, BetweenDoses)
        return design.method.prob_above_at(design, tally, self.rate(design), amounts, precise=precise)

    def problems(self, design: Design) -> Iterator[Problem]:
        """Refuse a method that knows only its doses, and an MTD of no DLT rate."""
        if not isinstance(design.method, BetweenDoses):
            yield Problem(
                "kind",
                f"{design.method.kind} says nothing of amounts between the doses, which {self.kind} needs; blrm does",
            )
        if self.target is None and design.target is None:
            yield Problem("target", "is missing, and the design has no target")
