"""No escalation before enough is known of the current dose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from escalate.core.arrays import IntArray, Mask
from escalate.core.rule import Rule
from escalate.core.setting import Count
from escalate.core.tally import States

if TYPE_CHECKING:
    from escalate.core.design import Design

# A share of the window that is reached but for rounding is reached: else a trial could wait at its own mark for ever.
SLACK = 1e-9


class MinFollowUp(Rule):
    """Have an escalation wait for known outcomes at the current dose and for some follow-up of every pending patient there.

    Notes
    -----
    Where the dose that would follow is above the current one, accrual waits until at least `complete` outcomes at the current
    dose are known and every pending patient there was followed for at least `share` of the window. A dose with nothing pending
    has nothing to wait for.

    References
    ----------
    Yuan Y, Lin R, Li D, Nie L, Warren KE (2018). Time-to-event Bayesian optimal interval design to accelerate phase I trials.
    Clin Cancer Res 24:4921-4930.
    Lin R, Yuan Y (2020). Time-to-event model-assisted designs for dose-finding trials with delayed toxicity. Biostatistics
    21:807-824.
    """

    kind: Literal["min_follow_up"] = "min_follow_up"
    complete: Count = 2
    share: Annotated[float, Field(ge=0, lt=1)] = 0.25

    def suspends(self, design: Design, states: States, following: IntArray) -> Mask:
        """Wait where an escalation would follow and too little is known."""
        n, pending, shortest = _at(design, states)
        early = (n - pending < self.complete) | (shortest < self.share - SLACK)
        return (following > states.dose) & (pending > 0) & early

    def follow_up_marks(self, design: Design) -> tuple[float, ...]:
        """Return the share that every pending patient must reach."""
        return (self.share,) if self.share > 0 else ()

    def describe(self, design: Design) -> str:
        """Say what the rule does."""
        return (
            f"While outcomes at the current level are pending, the dose is not escalated until at least {self.complete} of its "
            f"outcomes are known and every pending patient there has been followed for at least a share of {self.share:g} of the "
            "window: accrual waits."
        )

    def explain(self, design: Design, state: States, following: int) -> str:
        """Give known outcomes and the shortest follow-up at the current dose."""
        n, pending, shortest = _at(design, state)
        level = int(state.dose[0]) + 1
        if not pending[0]:
            return f"Level {level}: no outcome is pending: nothing to wait for."
        seen = (
            f"Level {level}: {n[0] - pending[0]} of {n[0]} outcomes known against {self.complete}, shortest follow-up of the "
            f"pending {shortest[0]:.4g} of the window against {self.share:g}"
        )
        if following <= state.dose[0]:
            return f"{seen}: no escalation would follow, accrual need not wait."
        waits = self.suspends(design, state, np.array([following]))[0]
        return f"{seen}: {'accrual waits' if waits else 'the dose may be escalated'}."

    @classmethod
    def examples(cls) -> tuple[MinFollowUp, ...]:
        """Return the published rule and a stricter one."""
        return (cls(), cls(complete=3, share=0.5))


def _at(design: Design, states: States) -> tuple[IntArray, IntArray, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Return patients, pending patients and their shortest follow-up at the current dose; shape (S,) each."""
    tally, row = states.tally, np.arange(len(states))
    n, pending = tally.n[row, states.dose], tally.n_pending[row, states.dose]
    if tally.pending is None:
        return n, pending, np.ones(len(states))
    return n, pending, tally.pending.shortest(design.n_doses)[row, states.dose]
