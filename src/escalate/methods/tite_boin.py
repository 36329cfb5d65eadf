"""TITE-BOIN: the Bayesian optimal interval design for late toxicity."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np

from escalate.core.arrays import FloatArray, IntArray
from escalate.core.errors import Problem
from escalate.core.moves import Moves
from escalate.core.plan import Plan, exact
from escalate.core.tally import States
from escalate.methods.boin import Boin
from escalate.methods.families import late_onset_words
from escalate.methods.families.late_onset import LEAST, NOTHING, FollowUpCuts, LateOnset

if TYPE_CHECKING:
    from escalate.core.design import Design


class TiteBoin(LateOnset, Boin):
    """BOIN that goes on while outcomes are pending: what is not known yet is imputed from the follow-up so far.

    Notes
    -----
    With n patients at the dose, s DLTs, c pending outcomes and r = n - c known ones, p = (s + target / 2) / (r + 1) is the
    posterior mean of the DLT rate, and the imputed rate [s + p / (1 - p) (c - STFT)] / n is compared with lambda_e and
    lambda_d. It escalates only where s / n is below the target and de-escalates only where s / n is above, as the published
    tables do. `weights: ess` compares s / ESS instead, ESS = r + STFT (Lin and Yuan 2020). With every outcome known both are
    BOIN.

    References
    ----------
    Yuan Y, Lin R, Li D, Nie L, Warren KE (2018). Time-to-event Bayesian optimal interval design to accelerate phase I trials.
    Clin Cancer Res 24:4921-4930.
    Lin R, Yuan Y (2020). Time-to-event model-assisted designs for dose-finding trials with delayed toxicity. Biostatistics
    21:807-824.
    """

    kind: Literal["tite_boin"] = "tite_boin"  # type: ignore[assignment]
    weights: Literal["imputation", "ess"] = "imputation"

    def pending_cuts(self, plan: Plan, n: IntArray, dlt: IntArray, pending: IntArray) -> FollowUpCuts:
        """Return the follow-up at which the imputed rate, or the rate among effective patients, meets lambda_e and lambda_d."""
        lambda_e, lambda_d = self.boundaries(plan).values()
        if self.weights == "ess":
            known = n - pending
            return FollowUpCuts(
                np.where(dlt > 0, dlt / lambda_e, LEAST) - known, np.where(dlt > 0, dlt / lambda_d - known, -np.inf)
            )
        target, odds = exact(plan.target_rate), self.odds(plan, n - pending, dlt)
        # Whole numbers: s / n is not compared with the target as a float.
        low = dlt * target.denominator < n * target.numerator
        high = dlt * target.denominator > n * target.numerator
        return FollowUpCuts(
            np.where(low, pending - (n * lambda_e - dlt) / odds, np.inf),
            np.where(high, pending - (n * lambda_d - dlt) / odds, -np.inf),
        )

    def odds(self, plan: Plan, known: IntArray, dlt: IntArray) -> FloatArray:
        """Return p / (1 - p) at the posterior mean p of the DLT rate, of the shape of the counts."""
        half = plan.target_rate / 2
        return (dlt + half) / (known - dlt + 1 - half)

    def explain_pending(self, plan: Plan, state: States, moves: Moves, known: int, stft: float) -> str:
        """Compare the imputed rate, or the rate among effective patients, with the two cuts."""
        n, dlt = (int(x[0]) for x in state.tally.at(state.dose))
        if self.weights == "ess":
            if known + stft == 0:
                return NOTHING
            rate = dlt / (known + stft)
            told = f"the rate of {dlt} in {known + stft:.4f} patients (ESS), {rate:.4f},"
        else:
            odds = float(self.odds(plan, np.array([known]), np.array([dlt]))[0])
            rate = (dlt + odds * (n - known - stft)) / n
            told = f"the imputed rate {rate:.4f}"
            if rate > 1:
                told += (
                    f" ({dlt} DLTs and {odds * (n - known - stft):.4f} imputed for the pending outcomes, over {n} patients; above "
                    "1 because odds are imputed, not probabilities)"
                )
        cuts = self.boundaries(plan)
        lambda_e, lambda_d = (f"lambda_{end} = {cuts[f'lambda_{end}']:.4f}" for end in "ed")
        action = int(moves.reason[0]) - 1
        if action > 0:
            return f"{told} is at most {lambda_e}"
        if action < 0:
            return f"{told} is at least {lambda_d}"
        if rate >= cuts["lambda_d"]:
            return f"{told} is at least {lambda_d}, but {dlt}/{n} is not above the target {plan.target_rate:g}"
        return f"{told} is between {lambda_e} and {lambda_d}"

    def problems(self, plan: Plan) -> Iterator[Problem]:
        """Refuse what BOIN refuses, and what is for known outcomes only."""
        yield from super().problems(plan)
        if self.titration:
            yield Problem("titration", "tite_boin does not titrate; leave it out, or use boin")
        if self.preset is not None:
            yield Problem("preset", f"{self.preset} is a preset of boin, whose outcomes are known before each decision")

    def describe_pending(self, design: Design) -> str:
        """Say which rate is compared with BOIN's cuts."""
        return late_onset_words.tite_boin(design, self.weights)

    @classmethod
    def examples(cls) -> tuple[TiteBoin, ...]:
        """Return the published design, effective numbers of patients, and DLTs that come late in the window."""
        return (cls(), cls(weights="ess"), cls(thirds=(0.1, 0.2, 0.7)))
