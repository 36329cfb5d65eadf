"""Accrual waits while too many of the patients at a dose are pending."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from escalate.core.arrays import NONE, IntArray, Mask
from escalate.core.decision import decide
from escalate.core.plan import exact
from escalate.core.rule import Rule
from escalate.core.setting import Probability
from escalate.core.tally import States

if TYPE_CHECKING:
    from escalate.core.design import Design


class SuspendWhenPending(Rule):
    """Have accrual wait where more than a share of the patients at the current dose have outcomes pending.

    Notes
    -----
    Strictly more than `share`, compared as fractions. Nobody waits where the dose would be left for a lower one even if no
    pending patient had a DLT: safety goes before waiting. At level 1 there is no lower dose, and accrual waits.

    References
    ----------
    Yuan Y, Lin R, Li D, Nie L, Warren KE (2018). Time-to-event Bayesian optimal interval design to accelerate phase I trials.
    Clin Cancer Res 24:4921-4930.
    """

    kind: Literal["suspend_when_pending"] = "suspend_when_pending"
    share: Probability = 0.5

    def suspends(self, design: Design, states: States, following: IntArray) -> Mask:
        """Wait where too many are pending and the dose need not be left at once."""
        return self._many(states) & ~_left_anyway(design, states)

    def _many(self, states: States) -> Mask:
        share, row = exact(self.share), np.arange(len(states))
        n, pending = states.tally.n[row, states.dose], states.tally.n_pending[row, states.dose]
        return pending * share.denominator > n * share.numerator

    def describe(self, design: Design) -> str:
        """Say what the rule does."""
        return (
            f"Accrual waits while more than a share of {self.share:g} of the patients at the current level have outcomes "
            "pending, unless the level would be left for a lower one even if none of them had a DLT."
        )

    def explain(self, design: Design, state: States, following: int) -> str:
        """Give pending and treated patients at the current dose."""
        dose = int(state.dose[0])
        n, pending = int(state.tally.n[0, dose]), int(state.tally.n_pending[0, dose])
        seen = f"Level {dose + 1}: {pending} of {n} patients pending against a share of {self.share:g}"
        if not self._many(state)[0]:
            return f"{seen}: accrual need not wait."
        if _left_anyway(design, state)[0]:
            return f"{seen}: more, but the level is left even if none of them has a DLT; accrual need not wait."
        return f"{seen}: accrual waits."

    @classmethod
    def examples(cls) -> tuple[SuspendWhenPending, ...]:
        """Return the published rule and a laxer one."""
        return (cls(), cls(share=0.65))


def _left_anyway(design: Design, states: States) -> Mask:
    """Return where a lower dose, or none, would follow even if no pending patient had a DLT; shape (S,)."""
    known = decide(design, states.as_complete())
    # The method's own end rests on outcomes that are not known: it is no reason to go on.
    return (known.following < states.dose) & (known.moves.next != NONE)
