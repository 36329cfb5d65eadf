"""Settings of a method whose likelihood counts pending patients by their follow-up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from escalate.core.arrays import NONE
from escalate.core.design import Design
from escalate.core.plan import Plan
from escalate.core.rule import Rule
from escalate.core.setting import Setting
from escalate.core.tally import Tally
from escalate.models.follow_up_weights import Scheme, weighted
from escalate.models.weighted_tally import WeightedTally


class FollowUpWeights(Setting):
    """Settings of a weighted likelihood: prod (w p)^y (1 - w p)^(1 - y), with w = 1 where the outcome is known.

    Notes
    -----
    `weights: linear`: the share of the DLT window that a pending patient has been followed. `adaptive`: how likely a DLT would
    have been seen by then, judged from when the DLTs of the trial came.

    References
    ----------
    Cheung YK, Chappell R (2000). Sequential designs for phase I clinical trials with late-onset toxicities. Biometrics
    56:1177-1182.
    """

    weights: Scheme = "linear"

    weighs_follow_up: ClassVar[bool] = True

    def evidence(self, tally: Tally) -> Tally:
        """Return known outcomes, and pending patients with their weights.

        Raises
        ------
        DataError
            Where adaptive weights lack the time of a DLT.
        """
        return weighted(tally, self.weights)

    def weights_explained(self, tally: Tally) -> str:
        """Return a blank and a sentence with the weights of the pending patients of a single state, or nothing."""
        data = self.evidence(tally)
        if not (isinstance(data, WeightedTally) and data.pending is not None):
            return ""
        found = sorted(
            (int(dose), float(share))
            for dose, share in zip(data.pending.dose[0], data.pending.share[0], strict=True)
            if dose != NONE
        )
        listed = ", ".join(f"{weight:.3f} at level {dose + 1}" for dose, weight in found)
        return f" Pending patients count by their follow-up, with weights {listed}."


def unguarded(plan: Plan) -> Iterator[str]:
    """Question a design with a DLT window and no rule that ever waits for a pending outcome."""
    if isinstance(plan, Design) and plan.dlt_window is not None:
        waits = any(type(rule).suspends is not Rule.suspends for rule in plan.rules)
        if not waits:
            yield (
                "no rule waits for pending outcomes: with fast accrual the dose can rise over patients who have hardly been "
                "followed; consider a rule that suspends accrual"
            )
