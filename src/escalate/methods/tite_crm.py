"""The time-to-event CRM: pending patients count by how long they have been followed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from escalate.core.moves import Moves
from escalate.core.plan import Plan
from escalate.core.rule import Rule
from escalate.core.tally import States
from escalate.methods.crm import Crm, HalfWidth
from escalate.methods.families import late_onset_words
from escalate.methods.families.follow_up_weights import FollowUpWeights, unguarded
from escalate.models.bivariate_normal import BivariateNormal
from escalate.rules.min_follow_up import MinFollowUp

if TYPE_CHECKING:
    from escalate.core.design import Design


class TiteCrm(FollowUpWeights, Crm):
    """Give the dose the CRM would give, with pending patients weighted by their follow-up: no waiting for outcomes.

    Notes
    -----
    The likelihood is prod (w p)^y (1 - w p)^(1 - y); w is 1 where the outcome is known, and for a pending patient the share of
    the DLT window that he has been followed (`weights: linear`) or what the DLT times of the trial say of it (`adaptive`).
    All settings of `crm` apply; with every outcome known it is `crm`. It never suspends accrual: rules may.

    References
    ----------
    Cheung YK, Chappell R (2000). Sequential designs for phase I clinical trials with late-onset toxicities. Biometrics
    56:1177-1182.
    Cheung YK (2011). Dose Finding by the Continual Reassessment Method, chapter 11. Chapman & Hall/CRC.
    """

    kind: Literal["tite_crm"] = "tite_crm"  # type: ignore[assignment]

    def published_rules(self) -> tuple[Rule, ...]:
        """Return the rules of the method for known outcomes, and no escalation before some follow-up."""
        return (*super().published_rules(), MinFollowUp())

    def explain(self, plan: Plan, state: States, moves: Moves) -> str:
        """Give the estimates, which one is nearest, and the weights of the pending patients."""
        return super().explain(plan, state, moves) + self.weights_explained(state.tally)

    def doubts(self, plan: Plan) -> Iterator[str]:
        """Question what `crm` does, and a trial that never waits."""
        yield from super().doubts(plan)
        yield from unguarded(plan)

    def describe_model(self, design: Design) -> tuple[str, ...]:
        """Say what the model is, and how pending patients count in it."""
        return (*super().describe_model(design), *late_onset_words.weighted(self.weights))

    @classmethod
    def examples(cls) -> tuple[TiteCrm, ...]:
        """Return both weights, and with them other models, an average and a two-stage likelihood CRM."""
        half = HalfWidth(half_width=0.05, prior_mtd=2)
        return (
            cls(skeleton=half, estimate="plug_in"),
            cls(skeleton=half, estimate="mean", weights="adaptive"),
            cls(model="logistic", skeleton=half, inference="mle", initial_levels=(1, 1, 1, 2, 2, 2, 3)),
            cls(
                model="logistic2",
                skeleton=(0.1, 0.3, 0.5),
                two_parameter_prior=BivariateNormal(mean=(0.0, 0.0), sd=(2.0, 1.0)),
                estimate="mean",
            ),
            cls(skeletons=((0.1, 0.3, 0.5), (0.2, 0.3, 0.4)), estimate="mean"),
        )
