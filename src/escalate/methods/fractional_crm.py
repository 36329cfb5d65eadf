"""The fractional CRM: a pending outcome is replaced by the estimated probability that a DLT is still to come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from escalate.core.arrays import NONE
from escalate.core.moves import Moves
from escalate.core.plan import Plan
from escalate.core.rule import Rule
from escalate.core.tally import States, Tally
from escalate.methods.crm import Crm, HalfWidth
from escalate.methods.families import late_onset_words
from escalate.methods.families.follow_up_weights import unguarded
from escalate.models.kaplan_meier import dlt_to_come, with_fractions
from escalate.rules.min_follow_up import MinFollowUp

if TYPE_CHECKING:
    from escalate.core.design import Design


class FractionalCrm(Crm):
    """Give the dose the CRM would give, with a fraction of a DLT for each pending patient, from when DLTs came so far.

    Notes
    -----
    A pending patient followed for t counts as y = 1 - S(1) / S(t) of a DLT and 1 - y of none, S being the Kaplan-Meier curve of
    the DLT times of all patients, whatever their dose. Before the first DLT, and beyond the last one, y is 0: such a patient
    counts as having had no DLT. All settings of `crm` apply; with every outcome known it is `crm`. It never suspends accrual:
    rules may.

    References
    ----------
    Yin G, Zheng S, Xu J (2013). Fractional dose-finding methods with late-onset toxicity in phase I clinical trials. J Biopharm
    Stat 23:856-870.
    """

    kind: Literal["fractional_crm"] = "fractional_crm"  # type: ignore[assignment]

    weighs_follow_up: ClassVar[bool] = True

    def published_rules(self) -> tuple[Rule, ...]:
        """Return the rules of the method for known outcomes, and no escalation before some follow-up."""
        return (*super().published_rules(), MinFollowUp())

    def evidence(self, tally: Tally) -> Tally:
        """Return known outcomes, and fractions of the pending ones.

        Raises
        ------
        DataError
            Where a DLT has no time.
        """
        return with_fractions(tally)

    def explain(self, plan: Plan, state: States, moves: Moves) -> str:
        """Give the estimates, which one is nearest, and the fractions of the pending patients."""
        text = super().explain(plan, state, moves)
        pending = state.tally.pending
        if pending is None or not pending.n.any():
            return text
        there = np.flatnonzero(pending.dose[0] != NONE)
        doses, fractions = pending.dose[0][there].tolist(), dlt_to_come(state.tally)[0][there].tolist()
        found = sorted(zip(doses, fractions, strict=True))
        listed = ", ".join(f"{fraction:.3f} at level {dose + 1}" for dose, fraction in found)
        return f"{text} Pending patients count as fractions of a DLT: {listed}."

    def doubts(self, plan: Plan) -> Iterator[str]:
        """Question what `crm` does, and a trial that never waits."""
        yield from super().doubts(plan)
        yield from unguarded(plan)

    def describe_model(self, design: Design) -> tuple[str, ...]:
        """Say what the model is, and how pending patients count in it."""
        return (*super().describe_model(design), *late_onset_words.FRACTIONS)

    @classmethod
    def examples(cls) -> tuple[FractionalCrm, ...]:
        """Return both estimates, and a two-stage likelihood CRM."""
        half = HalfWidth(half_width=0.05, prior_mtd=2)
        return (
            cls(skeleton=half, estimate="plug_in"),
            cls(model="logistic", skeleton=half, estimate="mean"),
            cls(skeleton=half, inference="mle", initial_levels=(1, 1, 1, 2, 2, 2, 3)),
        )
