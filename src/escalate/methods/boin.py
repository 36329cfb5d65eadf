"""The Bayesian optimal interval design (BOIN), local and non-informative."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, floor, log
from typing import TYPE_CHECKING, Literal

import numpy as np

from escalate.core.arrays import IntArray, Mask
from escalate.core.errors import Problem
from escalate.core.moves import Margin, Moves
from escalate.core.plan import Plan, exact
from escalate.core.setting import Probability
from escalate.core.tally import States, Tally
from escalate.core.wording import cut
from escalate.methods.families import interval_words
from escalate.methods.families.interval import IntervalMethod, action_said
from escalate.methods.families.interval_words import isotonic_selection
from escalate.models import isotonic
from escalate.rules.eliminate import Eliminate
from escalate.rules.stop_at_patients_at_dose import StopAtPatientsAtDose

if TYPE_CHECKING:
    from escalate.core.design import Design

# Equality with lambda_d de-escalates, as the paper has it; the slack absorbs the rounding of the product (decision 0003).
SLACK = 1e-9


class Boin(IntervalMethod):
    """Escalate or de-escalate by comparing the observed DLT rate with two fixed cuts.

    Notes
    -----
    Escalate where the rate at the current dose is at most lambda_e, de-escalate where it is at least lambda_d, else stay.
    `titration` gives single patients at rising doses until the first DLT, then completes that cohort. `bound_mtd` never
    selects an MTD whose estimate exceeds lambda_d. `preset: ffp` changes nothing: it names, in `check`, every departure from
    the design as it was submitted to FDA.

    References
    ----------
    Liu S, Yuan Y (2015). Bayesian optimal interval designs for phase I clinical trials. J R Stat Soc Ser C Appl Stat
    64:507-523.
    Yan F, Zhang L, Zhou Y, Pan H, Liu S, Yuan Y (2020). BOIN: an R package for designing single-agent and drug-combination
    dose-finding trials using Bayesian optimal interval designs. J Stat Softw 94(13):1-32.
    """

    kind: Literal["boin"] = "boin"
    p_saf: Probability | None = None
    p_tox: Probability | None = None
    titration: bool = False
    bound_mtd: bool = False
    preset: Literal["ffp"] | None = None

    reasons = (*IntervalMethod.reasons, "titrate", "complete_cohort")

    def rates(self, plan: Plan) -> tuple[float, float]:
        """Return the highest rate held too low and the lowest held too high (0.6 and 1.4 times the target)."""
        target = plan.target_rate
        return (
            self.p_saf if self.p_saf is not None else 0.6 * target,
            self.p_tox if self.p_tox is not None else 1.4 * target,
        )

    def boundaries(self, plan: Plan) -> dict[str, float]:
        """Return lambda_e and lambda_d (Liu and Yuan 2015, equal prior weights)."""
        phi = plan.target_rate
        phi_1, phi_2 = self.rates(plan)
        lambda_e = log((1 - phi_1) / (1 - phi)) / log(phi * (1 - phi_1) / (phi_1 * (1 - phi)))
        lambda_d = log((1 - phi) / (1 - phi_2)) / log(phi_2 * (1 - phi) / (phi * (1 - phi_2)))
        return {"lambda_e": lambda_e, "lambda_d": lambda_d}

    def actions(self, plan: Plan, n: int, dose: int) -> IntArray:
        """Return the action for 0..n DLTs among n patients."""
        cuts = self.boundaries(plan)
        escalate_at_most = floor(cuts["lambda_e"] * n)
        deescalate_at_least = ceil(cuts["lambda_d"] * n - SLACK)
        dlt = np.arange(n + 1)
        return np.where(dlt <= escalate_at_most, 1, np.where(dlt >= deescalate_at_least, -1, 0))

    def decide(self, plan: Plan, states: States) -> Moves:
        """Move by the table, or by the titration that comes before it."""
        moves = super().decide(plan, states)
        if not self._titrates(plan):
            return moves
        single = states.tally.n.max(axis=1) == 1
        top = states.dose == plan.n_doses - 1
        done = single & (top | (states.tally.dlt.sum(axis=1) > 0))
        following = np.where(single, np.where(done, states.dose, states.dose + 1), moves.next)
        return Moves(following, np.where(single, np.where(done, 4, 3), moves.reason))

    def cohort_size(self, plan: Plan, tally: Tally, dose: IntArray) -> IntArray:
        """Return 1 while titrating, then what completes that cohort, then whole cohorts."""
        size = super().cohort_size(plan, tally, dose)
        if not self._titrates(plan):
            return size
        single = tally.n.max(axis=1) <= 1
        fresh = tally.at(dose)[0] == 0
        return np.where(single, np.where(fresh, 1, plan.cohort_size - 1), size)

    def _titrates(self, plan: Plan) -> bool:
        return self.titration and plan.cohort_size > 1

    def select(self, plan: Plan, tally: Tally, allowed: Mask) -> IntArray:
        """Return the allowed dose with the isotonic estimate nearest to the target."""
        upper = self.boundaries(plan)["lambda_d"] if self.bound_mtd else None
        return isotonic.select_nearest(tally.dlt, tally.n, plan.target_rate, allowed & tally.tried, upper)

    def explain(self, plan: Plan, state: States, moves: Moves) -> str:
        """Compare the observed rate with the two cuts."""
        n, dlt = (int(x[0]) for x in state.tally.at(state.dose))
        level, cuts = int(state.dose[0]) + 1, self.boundaries(plan)
        reason = self.reasons[int(moves.reason[0])]
        if reason == "titrate":
            return f"No DLT in the single patient at level {level}: titration goes on to level {level + 1}."
        if reason == "complete_cohort":
            why = "a DLT" if state.tally.dlt.sum() else "the top level"
            return f"Titration ended at level {level} ({why}): its cohort is completed to {plan.cohort_size} patients."
        action = int(moves.reason[0]) - 1
        relation = {
            1: f"at most lambda_e = {cuts['lambda_e']:.4f}",
            0: f"between lambda_e = {cuts['lambda_e']:.4f} and lambda_d = {cuts['lambda_d']:.4f}",
            -1: f"at least lambda_d = {cuts['lambda_d']:.4f}",
        }[action]
        said = action_said(state, moves)
        return f"{dlt}/{n} DLTs at level {level}, a rate of {dlt / n:.4f}, is {relation}: {said}."

    def margin(self, plan: Plan, state: States) -> Margin | None:
        """Return the distance of the observed rate to the nearer cut."""
        if self._titrates(plan) and state.tally.n.max() == 1:
            return None
        n, dlt = (int(x[0]) for x in state.tally.at(state.dose))
        name, cut = min(self.boundaries(plan).items(), key=lambda item: abs(item[1] - dlt / n))
        return Margin(abs(cut - dlt / n), f"{abs(cut - dlt / n):.4f} from {name} = {cut:.4f}, in DLT rate")

    def problems(self, plan: Plan) -> Iterator[Problem]:
        """Refuse a target outside 0.05 to 0.6 and cuts too close to it, as the authors' software does."""
        target, tenth = exact(plan.target_rate), exact(plan.target_rate) / 10
        if not exact(0.05) <= target <= exact(0.6):
            yield Problem("kind", f"the target {plan.target_rate:g} is outside 0.05 to 0.6, where BOIN can be used")
        p_saf, p_tox = self.p_saf, self.p_tox
        if p_saf is not None and exact(p_saf) >= target:
            yield Problem(
                "p_saf", f"{p_saf:g} is not below the target {plan.target_rate:g}; BOIN needs p_saf < target < p_tox"
            )
        elif p_saf is not None and target - exact(p_saf) < tenth:
            yield Problem(
                "p_saf",
                f"{p_saf:g} is too close to the target {plan.target_rate:g}; it can be at most {float(target - tenth):g}",
            )
        if p_tox is not None and exact(p_tox) <= target:
            yield Problem(
                "p_tox", f"{p_tox:g} is not above the target {plan.target_rate:g}; BOIN needs p_saf < target < p_tox"
            )
        elif p_tox is not None and exact(p_tox) - target < tenth:
            yield Problem(
                "p_tox",
                f"{p_tox:g} is too close to the target {plan.target_rate:g}; it must be at least {float(target + tenth):g}",
            )

    def doubts(self, design: Design) -> Iterator[str]:
        """Question a titration that cannot happen, and what departs from a preset."""
        if self.titration and design.cohort_size == 1:
            yield "titration has no effect with cohorts of one"
        if self.preset == "ffp":
            yield from (f"preset ffp: {text}" for text in self._departures(design))

    def _departures(self, design: Design) -> Iterator[str]:
        """Yield what is not local BOIN with the non-informative prior and its own elimination."""
        target = exact(design.target_rate)
        for name, given, share in (("p_saf", self.p_saf, exact(0.6)), ("p_tox", self.p_tox, exact(1.4))):
            if given is not None and exact(given) != share * target:
                yield f"{name} is {given:g}, not {float(share):g} x target = {float(share * target):g}"
        if self.titration:
            yield "titration comes before the design"
        if self.bound_mtd:
            yield "bound_mtd restricts the choice of the MTD"
        if not any(isinstance(rule, Eliminate) for rule in design.rules):
            yield "the rule eliminate with cutoff 0.95 and min_patients 3 is not there"
        for rule in design.rules:
            if rule != Eliminate() and not isinstance(rule, StopAtPatientsAtDose):
                yield f"the rule {rule.kind} is {'changed' if isinstance(rule, Eliminate) else 'no part of it'}"

    @property
    def sizes_cohorts(self) -> bool:
        """Return whether it titrates."""
        return self.titration

    def describe_sizes(self, design: Design) -> str:
        """Say how many patients a cohort has."""
        size = design.cohort_size
        if not self._titrates(design):
            return f"Cohorts have {size} evaluable patient{'s' * (size != 1)}."
        return f"Single patients come first, one at a level (titration); after that cohorts have {size} evaluable patients."

    def describe(self, design: Design) -> tuple[str, ...]:
        """Say which rate is compared with which cuts, and how titration comes before."""
        cuts = self.boundaries(design)
        said = interval_words.boin_cuts(design, (cuts["lambda_e"], cuts["lambda_d"]), self.rates(design))
        return (*said, interval_words.titration(design)) if self._titrates(design) else said

    def describe_selection(self, design: Design) -> tuple[str, ...]:
        """Say how the MTD is selected by isotonic regression, and what `bound_mtd` excludes."""
        limit = cut(self.boundaries(design)["lambda_d"], design.max_patients)
        upper = f"A level whose estimate is above lambda_d = {limit} cannot be selected." if self.bound_mtd else None
        return isotonic_selection(design, prior=isotonic.BOIN_PRIOR, weights="precision", upper=upper)

    @classmethod
    def examples(cls) -> tuple[Boin, ...]:
        """Return the published design, titration, a bounded MTD, and the preset."""
        return (cls(), cls(titration=True), cls(bound_mtd=True), cls(preset="ffp"))
