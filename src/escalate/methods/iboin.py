"""BOIN with informative priors (iBOIN): what is known of each dose before the trial moves the cuts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from math import ceil, comb, floor, log
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from escalate.core.arrays import IntArray, Mask
from escalate.core.errors import Problem
from escalate.core.moves import Margin, Moves
from escalate.core.plan import Plan, exact
from escalate.core.setting import Probability
from escalate.core.tally import States, Tally
from escalate.methods.boin import Boin
from escalate.methods.crm import HalfWidth
from escalate.methods.families import iboin_words
from escalate.methods.families.interval import IntervalMethod, action_said, seen_at
from escalate.methods.families.optimal_cuts import SLACK, optimal_cuts
from escalate.models import isotonic
from escalate.models.skeleton import from_half_width

if TYPE_CHECKING:
    from escalate.core.design import Design

PriorPatients = Annotated[int, Field(ge=0, le=100)]
USUAL_ESS = 5


class Iboin(IntervalMethod):
    """Compare the DLT rate with BOIN's cuts, shifted at each dose by a prior guess worth some patients.

    Notes
    -----
    `skeleton` is the prior guess of the DLT rate of each dose, `ess` the number of patients that each guess is worth. The cuts
    depend on the dose and on the patients there, and are not kept within 0 and 1: below 0 nothing escalates, or everything
    de-escalates. `robust` drops the prior of the doses above the prior MTD where that lies in the upper half.

    References
    ----------
    Zhou Y, Lee JJ, Wang S, Bailey S, Yuan Y (2021). Incorporating historical information to improve phase I clinical trials.
    Pharm Stat 20:1017-1034.
    """

    kind: Literal["iboin"] = "iboin"
    skeleton: tuple[Probability, ...] | HalfWidth
    ess: PriorPatients | tuple[PriorPatients, ...]
    p_saf: Probability | None = None
    p_tox: Probability | None = None
    robust: bool = False
    mtd_borrowing: bool = False

    by_level: ClassVar[bool] = True

    def guesses(self, plan: Plan) -> tuple[float, ...]:
        """Return the prior guess of each dose."""
        if isinstance(self.skeleton, HalfWidth):
            half = self.skeleton
            return from_half_width(half.half_width, plan.target_rate, half.prior_mtd, plan.n_doses)
        return self.skeleton

    def prior_patients(self, plan: Plan) -> tuple[int, ...]:
        """Return what each guess is worth, `robust` considered."""
        ess = self.ess if isinstance(self.ess, tuple) else (self.ess,) * plan.n_doses
        if not self.robust:
            return ess
        # As the decimals they are: of two guesses equally near, the lower is the prior MTD.
        distances = [abs(exact(q) - exact(plan.target_rate)) for q in self.guesses(plan)]
        prior_mtd = distances.index(min(distances)) + 1
        late = 2 * prior_mtd >= plan.n_doses
        return tuple(0 if late and level > prior_mtd else m for level, m in enumerate(ess, start=1))

    def hypotheses(self, plan: Plan) -> tuple[float, float, float]:
        """Return the rates compared: the target, p_saf and p_tox."""
        return (plan.target_rate, *Boin(p_saf=self.p_saf, p_tox=self.p_tox).rates(plan))

    def weights(self, plan: Plan, dose: int) -> tuple[float, float, float]:
        """Return the prior weights of the three hypotheses at a dose."""
        return prior_weights(self.hypotheses(plan), self.guesses(plan)[dose], self.prior_patients(plan)[dose])

    def cuts(self, plan: Plan, n: int, dose: int) -> tuple[float, float]:
        """Return lambda_e and lambda_d at a dose with n patients (Zhou et al. 2021)."""
        phi, phi_1, phi_2 = self.hypotheses(plan)
        pi_0, pi_1, pi_2 = self.weights(plan, dose)
        lambda_e, lambda_d = optimal_cuts(phi, phi_1, phi_2)
        return (
            lambda_e + log(pi_1 / pi_0) / log(phi * (1 - phi_1) / (phi_1 * (1 - phi))) / n,
            lambda_d + log(pi_0 / pi_2) / log(phi_2 * (1 - phi) / (phi * (1 - phi_2))) / n,
        )

    def actions(self, plan: Plan, n: int, dose: int) -> IntArray:
        """Return the action for 0..n DLTs among n patients."""
        lambda_e, lambda_d = self.cuts(plan, n, dose)
        dlt = np.arange(n + 1)
        return np.where(dlt >= ceil(lambda_d * n - SLACK), -1, np.where(dlt <= floor(lambda_e * n), 1, 0))

    def select(self, plan: Plan, tally: Tally, allowed: Mask) -> IntArray:
        """Return the allowed dose with the isotonic estimate nearest to the target, with prior patients if `mtd_borrowing`."""
        if not self.mtd_borrowing:
            return super().select(plan, tally, allowed)
        m = np.array(self.prior_patients(plan))
        events = tally.dlt + m * np.array(self.guesses(plan))
        candidates = allowed & tally.tried
        return isotonic.select_nearest(events, tally.n + m, plan.target_rate, candidates, None, (0.0, 0.0), "patients")

    def table_notes(self, plan: Plan) -> tuple[str, ...]:
        """Say what is known before the trial."""
        pairs = zip(self.guesses(plan), self.prior_patients(plan), strict=True)
        said = ", ".join(f"{q:.4g} worth {m}" for q, m in pairs)
        return (f"Prior DLT rates by level, and the patients they count as: {said}.",)

    def explain(self, plan: Plan, state: States, moves: Moves) -> str:
        """Compare the observed rate with the cuts of this dose."""
        n, dlt = (int(x[0]) for x in state.tally.at(state.dose))
        dose = int(state.dose[0])
        lambda_e, lambda_d = self.cuts(plan, n, dose)
        relation = {
            1: f"at most lambda_e = {lambda_e:.4f}",
            0: f"between lambda_e = {lambda_e:.4f} and lambda_d = {lambda_d:.4f}",
            -1: f"at least lambda_d = {lambda_d:.4f}",
        }[int(moves.reason[0]) - 1]
        guess, worth = self.guesses(plan)[dose], self.prior_patients(plan)[dose]
        return (
            f"{seen_at(self, state)}, a rate of {dlt / n:.4f}, is {relation} (prior rate {guess:.4g} worth {worth} "
            f"patient{'s' * (worth != 1)}): {action_said(state, moves)}."
        )

    def margin(self, plan: Plan, state: States) -> Margin | None:
        """Return the distance of the observed rate to the nearer cut."""
        n, dlt = (int(x[0]) for x in state.tally.at(state.dose))
        named = zip(("lambda_e", "lambda_d"), self.cuts(plan, n, int(state.dose[0])), strict=True)
        name, cut = min(named, key=lambda item: abs(item[1] - dlt / n))
        return Margin(abs(cut - dlt / n), f"{abs(cut - dlt / n):.4f} from {name} = {cut:.4f}, in DLT rate")

    def problems(self, plan: Plan) -> Iterator[Problem]:
        """Refuse what BOIN refuses, and priors that do not fit the doses."""
        yield from Boin(p_saf=self.p_saf, p_tox=self.p_tox).problems(plan)
        if isinstance(self.ess, tuple) and len(self.ess) != plan.n_doses:
            yield Problem(
                "ess", f"has {len(self.ess)} entries for {plan.n_doses} dose levels; give one a level, or one number"
            )
        if isinstance(self.skeleton, HalfWidth):
            try:
                self.guesses(plan)
            except ValueError as error:
                yield Problem("skeleton", str(error))
            return
        s = self.skeleton
        if len(s) != plan.n_doses:
            yield Problem("skeleton", f"has {len(s)} entries for {plan.n_doses} dose levels; give one a level")
        for k in range(1, len(s)):
            if s[k] <= s[k - 1]:
                yield Problem(
                    "skeleton", f"does not increase: level {k + 1} ({s[k]:g}) is not above level {k} ({s[k - 1]:g})"
                )

    def doubts(self, design: Design) -> Iterator[str]:
        """Question a prior that weighs as much as the trial, or nothing."""
        worth = self.prior_patients(design)
        if max(worth) > USUAL_ESS:
            yield f"ess counts a prior guess as {max(worth)} patients; 1 to {USUAL_ESS} are usual"
        if 2 * sum(worth) > design.max_patients:
            yield f"ess counts the prior as {sum(worth)} patients in all, more than half of the {design.max_patients} of the trial"
        if not any(worth):
            yield "ess is 0 at every level: this is boin"
        if self.guesses(design)[design.start_dose] > design.target_rate:
            yield (
                f"the start level {design.start_level} is over target before any patient: the skeleton gives "
                f"{self.guesses(design)[design.start_dose]:g} against {design.target_rate:g}"
            )

    def describe(self, design: Design) -> tuple[str, ...]:
        """Say what is thought of each level, and how it shifts BOIN's cuts."""
        return iboin_words.choice(self, design)

    def describe_selection(self, design: Design) -> tuple[str, ...]:
        """Say by which rates the MTD is selected, with prior patients if `mtd_borrowing`."""
        return iboin_words.selection(self, design) if self.mtd_borrowing else super().describe_selection(design)

    @classmethod
    def examples(cls) -> tuple[Iboin, ...]:
        """Return a prior worth three patients a level, its robust form, and one that also bears on the MTD."""
        half = HalfWidth(half_width=0.05, prior_mtd=2)
        return (
            cls(skeleton=half, ess=3),
            cls(skeleton=half, ess=3, robust=True),
            cls(skeleton=half, ess=2, mtd_borrowing=True),
        )


@cache
def prior_weights(rates: tuple[float, float, float], guess: float, worth: int) -> tuple[float, float, float]:
    """Return the mean, over what `worth` patients with DLT rate `guess` would show, of the posterior of three rates.

    Examples
    --------
    >>> [round(weight, 6) for weight in prior_weights((0.3, 0.18, 0.42), 0.1, 3)]
    [0.325897, 0.444581, 0.229522]
    """
    weights = [0.0, 0.0, 0.0]
    for x in range(worth + 1):
        likelihoods = [rate**x * (1 - rate) ** (worth - x) for rate in rates]
        chance = comb(worth, x) * guess**x * (1 - guess) ** (worth - x)
        for k, likelihood in enumerate(likelihoods):
            weights[k] += chance * likelihood / sum(likelihoods)
    return weights[0], weights[1], weights[2]
