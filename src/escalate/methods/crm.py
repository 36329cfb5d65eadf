"""The continual reassessment method (CRM) with a one-parameter model."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from math import log, sqrt
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from escalate.core.arrays import NONE, FloatArray, IntArray, Mask
from escalate.core.belief import Belief
from escalate.core.errors import DesignError, Problem
from escalate.core.method import ModelMethod
from escalate.core.moves import DoseSummary, Margin, Moves
from escalate.core.plan import Plan
from escalate.core.rule import Rule
from escalate.core.setting import Count, Probability, Setting
from escalate.core.tally import States, Tally
from escalate.methods.families.initial_sequence import coherent_after
from escalate.models import skeleton
from escalate.models.one_parameter import OneParameterBelief, OneParameterModel
from escalate.rules.coherence import Coherence
from escalate.rules.no_skipping import NoSkipping

TIE = 1e-9
"""Estimates whose distances to the target differ by less are tied; the lower dose is taken."""
Z_95 = 1.959963984540054


class HalfWidth(Setting):
    """A skeleton made from the indifference interval target +- half_width (Lee and Cheung 2009)."""

    half_width: Probability
    prior_mtd: Count


class Crm(ModelMethod):
    """Give the dose whose estimated DLT probability is nearest to the target, from a model of all doses.

    Notes
    -----
    Prior beta ~ N(0, prior_sd^2), theta = exp(beta). `estimate: plug_in` is F at E[beta | data]; `mean` is E[p | data]; the
    two can choose different doses, so one must be named. `inference: mle` is the likelihood CRM. `initial_levels` gives
    the level of each patient until the first DLT (the two-stage start); the model takes over then, or at its end. Ties go
    to the lower dose. Only doses that were given can be the MTD, unless `mtd_among: all`.

    References
    ----------
    O'Quigley J, Pepe M, Fisher L (1990). Continual reassessment method. Biometrics 46:33-48.
    O'Quigley J, Shen LZ (1996). Continual reassessment method: a likelihood approach. Biometrics 52:673-684.
    Cheung YK (2011). Dose Finding by the Continual Reassessment Method. Chapman & Hall/CRC.
    """

    kind: Literal["crm"] = "crm"
    model: Literal["power", "logistic"] = "power"
    skeleton: tuple[Probability, ...] | HalfWidth
    prior_sd: Annotated[float, Field(gt=0, le=30)] = sqrt(1.34)
    intercept: Annotated[float, Field(ge=-20, le=20)] = 3.0
    estimate: Literal["plug_in", "mean"] | None = None
    inference: Literal["bayes", "mle"] = "bayes"
    initial_levels: tuple[Count, ...] | None = None
    mtd_among: Literal["tried", "all"] = "tried"

    reasons = ("nearest_to_target", "initial_sequence")

    def published_rules(self) -> tuple[Rule, ...]:
        """Return no skipping from the highest dose tried, and coherence."""
        return (NoSkipping(), Coherence())

    def working_model(self, plan: Plan) -> OneParameterModel:
        """Return the model at this plan's doses.

        Raises
        ------
        DesignError
            Where the skeleton does not increase.
        """
        return _working_model(self, plan)

    @property
    def has_posterior(self) -> bool:
        """Whether there is a prior."""
        return self.inference == "bayes"

    # --- the three questions -------------------------------------------------------------------------------------------

    def decide(self, plan: Plan, states: States) -> Moves:
        """Want the dose nearest to the target, or what the initial sequence says before the first DLT."""
        every = np.ones(states.tally.n.shape, dtype=bool)
        wanted = nearest(self.estimate_doses(plan, states.tally), plan.target_rate, every)
        initial = self._in_initial_sequence(states.tally)
        if self.initial_levels is not None:
            level = np.asarray(self.initial_levels)
            wanted = np.where(initial, level[np.minimum(states.tally.n_total, len(level) - 1)] - 1, wanted)
        return Moves(wanted, initial.astype(np.int64))

    def select(self, plan: Plan, tally: Tally, allowed: Mask) -> IntArray:
        """Return the dose nearest to the target, among those given unless `mtd_among: all`; whatever the last cohort."""
        if self.mtd_among == "tried":
            allowed = allowed & tally.tried
        return nearest(self.estimate_doses(plan, tally), plan.target_rate, allowed)

    def summarise(self, plan: Plan, tally: Tally) -> DoseSummary:
        """Return estimates, 95% limits and Pr(p > target) of every dose, given or not."""
        model, estimate = self.working_model(plan), self.estimate_doses(plan, tally)
        if self.has_posterior:
            belief = self.belief(plan, tally)
            limits = [belief.quantile(q) for q in (0.025, 0.975)]
            return DoseSummary(estimate, limits[0], limits[1], belief.prob_above(plan.target_rate))
        beta = model.mle(tally)
        exists = self._mle_exists(tally)[:, None]
        half = Z_95 / np.sqrt(np.maximum(model.information(tally, beta), 1e-300))
        lower, upper = (np.where(exists, model.rates(beta + side * half), np.nan) for side in (1, -1))
        return DoseSummary(estimate, lower, upper, np.full(estimate.shape, np.nan))

    # --- what they rest on ---------------------------------------------------------------------------------------------

    def estimate_doses(self, plan: Plan, tally: Tally) -> FloatArray:
        """Return the estimated DLT probability of every dose, shape (S, J)."""
        model = self.working_model(plan)
        if self.inference == "mle":
            return model.rates(model.mle(tally))
        belief = self.belief(plan, tally)
        return belief.mean() if self.estimate == "mean" else belief.plug_in()

    def posterior(self, plan: Plan, tally: Tally) -> Belief:
        """Return the posterior of beta, and with it of every dose."""
        return OneParameterBelief(self.working_model(plan), tally, _n_max(plan, tally))

    def log_evidence(self, plan: Plan, tally: Tally) -> FloatArray:
        """Return the log probability of the outcomes, patient by patient, averaged over the prior; shape (S,)."""
        return self.working_model(plan).log_evidence(tally, _n_max(plan, tally))

    def _in_initial_sequence(self, tally: Tally) -> Mask:
        if self.initial_levels is None:
            return np.zeros(len(tally), dtype=bool)
        return (tally.dlt.sum(axis=1) == 0) & (tally.n_total < len(self.initial_levels))

    def _mle_exists(self, tally: Tally) -> Mask:
        dlt = tally.dlt.sum(axis=1)
        return (dlt > 0) & (dlt < tally.n_total)

    # --- what people read ----------------------------------------------------------------------------------------------

    def explain(self, plan: Plan, state: States, moves: Moves) -> str:
        """Give the estimates and which one is nearest."""
        level = int(moves.next[0]) + 1
        if self.reasons[int(moves.reason[0])] == "initial_sequence":
            patient = int(state.tally.n_total[0]) + 1
            return f"No DLT so far: the initial sequence gives patient {patient} level {level}."
        estimates = self.estimate_doses(plan, state.tally)[0]
        listed = ", ".join(f"{p:.3f}" for p in estimates)
        text = (
            f"Estimated DLT probabilities are {listed}; level {level} ({estimates[level - 1]:.4f}) is nearest to the target "
            f"{plan.target_rate:g}."
        )
        if self.inference == "mle" and not self._mle_exists(state.tally)[0]:
            text += " The maximum likelihood estimate does not exist without both outcomes; its limit is used."
        return text

    def margin(self, plan: Plan, state: States) -> Margin | None:
        """Return by how much the nearest dose is nearer than the next nearest."""
        if plan.n_doses == 1 or self._in_initial_sequence(state.tally)[0]:
            return None
        distance = np.sort(np.abs(self.estimate_doses(plan, state.tally)[0] - plan.target_rate))
        gap = float(distance[1] - distance[0])
        return Margin(gap, f"{gap:.4f} nearer to the target than the second nearest level, in DLT probability")

    # --- what can be wrong with it -------------------------------------------------------------------------------------

    def problems(self, plan: Plan) -> Iterator[Problem]:
        """Refuse what the model cannot be built from."""
        if self.inference == "bayes" and self.estimate is None:
            yield Problem("estimate", "is missing; choose plug_in or mean: they can lead to different doses")
        if self.inference == "mle" and self.estimate == "mean":
            yield Problem("estimate", "mean needs a posterior; with inference: mle only plug_in is possible")
        if isinstance(self.skeleton, HalfWidth):
            try:
                skeleton.from_half_width(
                    self.skeleton.half_width, plan.target_rate, self.skeleton.prior_mtd, plan.n_doses, self.model, self.intercept
                )  # fmt: skip
            except ValueError as error:
                yield Problem("skeleton", str(error))
        else:
            if len(self.skeleton) != plan.n_doses:
                yield Problem(
                    "skeleton", f"has {len(self.skeleton)} entries for {plan.n_doses} dose levels; give one a level"
                )
            highest = max(self.skeleton, default=0.5)
            logit = log(highest / (1 - highest))
            if self.model == "logistic" and logit >= self.intercept:
                yield Problem(
                    "intercept", f"{self.intercept:g} is too small: it must exceed logit({highest:g}) = {logit:.3f}"
                )  # fmt: skip
        if self.initial_levels is not None:
            yield from self._sequence_problems(plan, self.initial_levels)

    def _sequence_problems(self, plan: Plan, levels: tuple[int, ...]) -> Iterator[Problem]:
        if not levels:
            yield Problem("initial_levels", "is empty; leave it out for a one-stage CRM")
        elif max(levels) > plan.n_doses:
            yield Problem("initial_levels", f"level {max(levels)} does not exist; the doses have {plan.n_doses} levels")
        elif list(levels) != sorted(levels):
            yield Problem("initial_levels", "goes down; before the first DLT there is no reason to")
        elif levels[0] != plan.start_level:
            yield Problem("initial_levels", f"starts at level {levels[0]} but start_level is {plan.start_level}")

    def cannot_run(self, plan: Plan) -> Iterator[Problem]:
        """Refuse a skeleton that does not increase."""
        s = self._skeleton(plan)
        for k in range(1, len(s)):
            if s[k] <= s[k - 1]:
                yield Problem(
                    "skeleton", f"does not increase: level {k + 1} ({s[k]:g}) is not above level {k} ({s[k - 1]:g})"
                )

    def doubts(self, plan: Plan) -> Iterator[str]:
        """Question a start over target and a likelihood CRM without a start."""
        s = self._skeleton(plan)
        if s[plan.start_dose] > plan.target_rate:
            yield (
                f"the start level {plan.start_level} is over target before any patient: the skeleton gives "
                f"{s[plan.start_dose]:g} against {plan.target_rate:g}"
            )
        if self.initial_levels is not None and len(self.initial_levels) > 1:
            coherent = coherent_after(self, plan, self.initial_levels)
            if not all(coherent):
                yield (
                    f"the initial sequence is not coherent with the model: a first DLT in patient {coherent.index(False) + 1} "
                    "would be followed by a higher level; a faster sequence would not have this"
                )
        if self.inference == "mle" and self.initial_levels is None:
            yield "inference: mle has no estimate until both outcomes are seen; give initial_levels for a two-stage start"

    def _skeleton(self, plan: Plan) -> tuple[float, ...]:
        if isinstance(self.skeleton, HalfWidth):
            return skeleton.from_half_width(
                self.skeleton.half_width, plan.target_rate, self.skeleton.prior_mtd, plan.n_doses, self.model, self.intercept
            )  # fmt: skip
        return self.skeleton

    @classmethod
    def examples(cls) -> tuple[Crm, ...]:
        """Return both models, both estimates, and a two-stage likelihood CRM."""
        half = HalfWidth(half_width=0.05, prior_mtd=2)
        return (
            cls(skeleton=half, estimate="plug_in"),
            cls(skeleton=half, estimate="mean"),
            cls(model="logistic", skeleton=half, estimate="plug_in"),
            cls(skeleton=half, inference="mle", initial_levels=(1, 1, 1, 2, 2, 2, 3)),
        )


@cache
def _working_model(method: Crm, plan: Plan) -> OneParameterModel:
    for fault in method.cannot_run(plan):
        raise DesignError(f"method.{fault.field}: {fault.text}")
    s = method._skeleton(plan)
    return OneParameterModel(method.model, s, method.prior_sd, method.intercept)


def _n_max(plan: Plan, tally: Tally) -> int:
    # The grid is laid out for the plan; only data beyond it ask for another.
    return max(plan.max_patients, int(tally.n_total.max(initial=0)))


def nearest(estimates: FloatArray, target: float, allowed: Mask) -> IntArray:
    """Return the allowed dose nearest to the target, the lower one on ties, or NONE; shape (S,).

    Notes
    -----
    Estimates increase with the dose, so the choice is between the highest allowed dose at or below the target and the
    lowest above it. Where all are (even indistinguishably) below, that is the highest allowed.
    """
    n_doses = estimates.shape[1]
    below, above = allowed & (estimates <= target), allowed & (estimates > target)
    lower = n_doses - 1 - np.argmax(below[:, ::-1], axis=1)
    upper = np.argmax(above, axis=1)
    row = np.arange(len(estimates))
    upper_nearer = target - estimates[row, lower] > estimates[row, upper] - target + TIE
    has_lower, has_upper = below.any(axis=1), above.any(axis=1)
    choice = np.where(has_lower & ~(has_upper & upper_nearer), lower, upper)
    return np.where(has_lower | has_upper, choice, NONE)
