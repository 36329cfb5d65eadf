"""The time-to-event BLRM: pending patients count by how long they have been followed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np

from escalate.core.arrays import NONE
from escalate.core.moves import Moves
from escalate.core.plan import Plan
from escalate.core.rule import Rule
from escalate.core.tally import States
from escalate.methods.blrm import Blrm, Robust
from escalate.methods.families import late_onset_words
from escalate.methods.families.dose_choice import REASONS
from escalate.methods.families.follow_up_weights import FollowUpWeights, unguarded
from escalate.models.bivariate_normal import BivariateNormal
from escalate.rules.min_follow_up import MinFollowUp

if TYPE_CHECKING:
    from escalate.core.design import Design


class TiteBlrm(FollowUpWeights, Blrm):
    """Give the dose the BLRM would give, with pending patients weighted by their follow-up: no waiting for outcomes.

    Notes
    -----
    The likelihood is prod (w p)^y (1 - w p)^(1 - y), p from the two-parameter logistic curve; w is 1 where the outcome is known,
    and for a pending patient the share of the DLT window that he has been followed (`weights: linear`) or what the DLT times of
    the trial say of it (`adaptive`). Overdose control is by the posterior of that likelihood. All settings of `blrm` apply;
    with every outcome known it is `blrm`. Accrual waits where no dose is admissible but one would be if no pending patient had
    a DLT; otherwise only rules suspend it.

    References
    ----------
    Cheung YK, Chappell R (2000). Sequential designs for phase I clinical trials with late-onset toxicities. Biometrics
    56:1177-1182.
    Neuenschwander B, Branson M, Gsponer T (2008). Critical aspects of the Bayesian approach to phase I cancer trials. Stat Med
    27:2420-2439.
    """

    kind: Literal["tite_blrm"] = "tite_blrm"  # type: ignore[assignment]

    reasons = (*REASONS, "no_admissible_dose_yet")

    def published_rules(self) -> tuple[Rule, ...]:
        """Return the rules of the method for known outcomes, and no escalation before some follow-up."""
        return (*super().published_rules(), MinFollowUp())

    def decide(self, plan: Plan, states: States) -> Moves:
        """Want what `blrm` wants, but end the trial only where no outcome of the pending patients could make a dose admissible."""
        moves, pending = super().decide(plan, states), states.tally.pending
        if pending is None or moves.preference is None:
            return moves
        ended = np.flatnonzero((moves.next == NONE) & (pending.n > 0))
        if not len(ended):
            return moves
        # Draws are of the data as they are, and say nothing of other data.
        by_nodes = self.model_copy()
        by_nodes._drawn = None
        waiting = ended[Blrm.decide(by_nodes, plan, states.take(ended).as_complete()).next != NONE]
        following, reason, preference = moves.next.copy(), moves.reason.copy(), moves.preference.copy()
        # Nobody is treated meanwhile; whoever overlooks that gives the lowest dose.
        following[waiting], preference[waiting, 0] = 0, 0.0
        reason[waiting] = self.reasons.index("no_admissible_dose_yet")
        suspend = np.zeros(len(states), dtype=bool)
        suspend[waiting] = True
        return Moves(following, reason, preference, suspend)

    def explain(self, plan: Plan, state: States, moves: Moves) -> str:
        """Give what `blrm` does, and the weights of the pending patients."""
        weights = self.weights_explained(state.tally)
        if self.reasons[int(moves.reason[0])] != "no_admissible_dose_yet":
            return super().explain(plan, state, moves) + weights
        over = self.overdosing(self.belief(plan, state.tally))[0]
        listed = ", ".join(f"{value:.4f} at level {j + 1}" for j, value in enumerate(over))
        return (
            f"Pr(p > {self.intervals[1]:g}) is {listed}, against the cut-off {self.overdose_cutoff:g}: no dose is admissible "
            f"now, but one would be if no pending patient had a DLT.{weights}"
        )

    def doubts(self, plan: Plan) -> Iterator[str]:
        """Question what `blrm` does, and a trial that never waits."""
        yield from super().doubts(plan)
        yield from unguarded(plan)

    @classmethod
    def starter(cls) -> tuple[TiteBlrm, int, int]:
        """Return the prior that a `blrm` starts from."""
        return cls(reference_amount=40.0, prior=BivariateNormal(mean=(-1.1, 0.0), sd=(1.0, 0.6))), 5, 30

    def describe_model(self, design: Design) -> tuple[str, ...]:
        """Say what the model is, and how pending patients count in it."""
        return (*super().describe_model(design), *late_onset_words.weighted(self.weights))

    def describe(self, design: Design) -> tuple[str, ...]:
        """Say which level follows from the posterior, and where accrual waits for one to be admissible."""
        return (*super().describe(design), late_onset_words.WAITS_FOR_ADMISSIBLE)

    @classmethod
    def examples(cls) -> tuple[TiteBlrm, ...]:
        """Return both weights, the second with a robust mixture."""
        vague = BivariateNormal(mean=(-0.85, 0.0), sd=(2.0, 1.0))
        return (
            cls(reference_amount=40.0, prior=vague),
            cls(reference_amount=40.0, prior=vague, robust=Robust(weight=0.2), choose="highest", weights="adaptive"),
        )
