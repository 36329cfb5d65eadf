"""The continual reassessment method (CRM)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from escalate.core.arrays import FloatArray, IntArray, Mask
from escalate.core.belief import Belief
from escalate.core.errors import DesignError, EscalateError, Problem
from escalate.core.method import ModelMethod, most_patients
from escalate.core.moves import DoseSummary, Margin, Moves
from escalate.core.plan import Plan
from escalate.core.rule import Rule
from escalate.core.setting import Count
from escalate.core.tally import States, Tally
from escalate.methods.families import crm_words
from escalate.methods.families.curve_settings import CurveSettings, HalfWidth
from escalate.methods.families.estimate_choice import EstimateChoice, nearest
from escalate.methods.families.initial_sequence import coherent_after
from escalate.models.averaged import AveragedBelief, AveragedModel
from escalate.models.bivariate_normal import BivariateNormal
from escalate.models.one_parameter import OneParameterBelief, OneParameterModel
from escalate.models.priors_1d import Gamma, PriorChoice
from escalate.models.two_parameter import TwoParameterModel
from escalate.models.weighted_tally import WeightedTally, outcomes_of
from escalate.rules.coherence import Coherence
from escalate.rules.no_skipping import NoSkipping

if TYPE_CHECKING:
    from escalate.core.design import Design

Z_95 = 1.959963984540054

__all__ = ["Crm", "HalfWidth", "nearest"]


class Crm(EstimateChoice, CurveSettings, ModelMethod):
    """Give the dose whose estimated DLT probability suits the target best, from a model of all doses.

    Notes
    -----
    Prior beta ~ N(0, prior_sd^2), theta = exp(beta), or a `prior` of theta. `estimate: plug_in` is F at exp(E[beta | data])
    under a normal prior and at E[theta | data] under a prior of theta; `mean` is E[p | data]; they can choose different doses,
    so one must be named. With `skeletons` their posterior means are averaged (BMA-CRM). `inference: mle` is the likelihood
    CRM. `initial_levels` gives the level of each patient until the first DLT (the two-stage start); the model takes over then,
    or at its end. `choose` says how the dose follows from the estimates. Only doses that were given can be the MTD, unless
    `mtd_among: all`.

    References
    ----------
    O'Quigley J, Pepe M, Fisher L (1990). Continual reassessment method: a practical design for phase 1 clinical trials in
    cancer. Biometrics 46:33-48.
    O'Quigley J, Shen LZ (1996). Continual reassessment method: a likelihood approach. Biometrics 52:673-684. [inference: mle]
    Yin G, Yuan Y (2009). Bayesian model averaging continual reassessment method. J Am Stat Assoc 104:954-968. [skeletons]
    Lee SM, Cheung YK (2009). Model calibration in the continual reassessment method. Clin Trials 6:227-238.
    [skeleton.half_width]
    Cheung YK (2011). Dose Finding by the Continual Reassessment Method. Chapman & Hall/CRC.
    """

    kind: Literal["crm"] = "crm"
    estimate: Literal["plug_in", "mean"] | None = None
    inference: Literal["bayes", "mle"] = "bayes"
    initial_levels: tuple[Count, ...] | None = None
    mtd_among: Literal["tried", "all"] = "tried"

    reasons = ("nearest_to_target", "initial_sequence", "smallest_criterion", "highest_below_target")

    def published_rules(self) -> tuple[Rule, ...]:
        """Return no skipping from the highest dose tried, and coherence."""
        return (NoSkipping(), Coherence())

    def working_model(self, plan: Plan) -> OneParameterModel:
        """Return the model at this plan's doses; with several skeletons the first.

        Raises
        ------
        DesignError
            Where the skeleton does not increase.
        """
        return _averaged(self, plan).models[0]

    def averaged_model(self, plan: Plan) -> AveragedModel:
        """Return the models of all skeletons, one or more.

        Raises
        ------
        DesignError
            Where a skeleton does not increase.
        """
        return _averaged(self, plan)

    @property
    def has_posterior(self) -> bool:
        """Whether there is a prior."""
        return self.inference == "bayes"

    # --- the three questions -------------------------------------------------------------------------------------------

    def decide(self, plan: Plan, states: States) -> Moves:
        """Want the dose that `choose` takes, or what the initial sequence says before the first DLT."""
        every = np.ones(states.tally.n.shape, dtype=bool)
        wanted = self.chosen(self.estimate_doses(plan, states.tally), plan.target_rate, every)
        initial = self._in_initial_sequence(states.tally)
        if self.initial_levels is not None:
            level = np.asarray(self.initial_levels)
            wanted = np.where(initial, level[np.minimum(states.tally.n_total, len(level) - 1)] - 1, wanted)
        return Moves(wanted, np.where(initial, 1, self.reasons.index(self.choice_reasons[self.choose])))

    def select(self, plan: Plan, tally: Tally, allowed: Mask) -> IntArray:
        """Return the dose that `choose` takes, among those given unless `mtd_among: all`; whatever the last cohort."""
        if self.mtd_among == "tried":
            allowed = allowed & tally.tried
        return self.chosen(self.estimate_doses(plan, tally), plan.target_rate, allowed)

    def summarise(self, plan: Plan, tally: Tally) -> DoseSummary:
        """Return estimates, 95% limits and Pr(p > target) of every dose, given or not."""
        estimate = self.estimate_doses(plan, tally)
        if self.has_posterior:
            belief = self.belief(plan, tally)
            limits = [belief.quantile(q) for q in (0.025, 0.975)]
            return DoseSummary(estimate, limits[0], limits[1], belief.prob_above(plan.target_rate))
        model, data = self.working_model(plan), self.evidence(tally)
        beta = model.mle(data)
        exists = self._mle_exists(tally)[:, None]
        half = Z_95 / np.sqrt(np.maximum(model.information(data, beta), 1e-300))
        lower, upper = (np.where(exists, model.rates(beta + side * half), np.nan) for side in (1, -1))
        return DoseSummary(estimate, lower, upper, np.full(estimate.shape, np.nan))

    # --- what they rest on ---------------------------------------------------------------------------------------------

    def evidence(self, tally: Tally) -> Tally:
        """Return the data as the likelihood takes them; here a pending patient counts as having had no DLT."""
        return tally

    def estimate_doses(self, plan: Plan, tally: Tally) -> FloatArray:
        """Return the estimated DLT probability of every dose, shape (S, J)."""
        if self.inference == "mle":
            model = self.working_model(plan)
            return model.rates(model.mle(self.evidence(tally)))
        belief = self.belief(plan, tally)
        return belief.mean() if self.estimate == "mean" else belief.plug_in()

    def posterior(self, plan: Plan, tally: Tally) -> Belief:
        """Return the posterior of beta, or of every skeleton's beta, and with it of every dose."""
        if self.skeletons is not None:
            return self._averaged_belief(plan, tally)
        if self.model == "logistic2":
            return _two_parameters(self, plan).belief(self.evidence(tally), most_patients(plan, tally))
        return OneParameterBelief(self.working_model(plan), self.evidence(tally), most_patients(plan, tally))

    def log_evidence(self, plan: Plan, tally: Tally) -> FloatArray:
        """Return the log probability of the outcomes, patient by patient, averaged over the prior; shape (S,)."""
        if self.model == "logistic2":
            return _two_parameters(self, plan).belief(self.evidence(tally), most_patients(plan, tally)).log_evidence()
        model = self.working_model(plan) if self.skeletons is None else self.averaged_model(plan)
        return model.log_evidence(self.evidence(tally), most_patients(plan, tally))

    def in_pymc(self, plan: Plan, tally: Tally) -> Any:
        """Return the model of a single state.

        Raises
        ------
        EscalateError
            With several skeletons, and without a prior.
        """
        if self.skeletons is not None:
            raise EscalateError(
                "method.skeletons: an average over skeletons is no single model for NUTS; leave out --sampler nuts"
            )
        if not self.has_posterior:
            raise EscalateError("method.inference: mle has no prior and so nothing to sample; leave out --sampler nuts")
        from escalate.models import one_parameter_pymc, two_parameter_pymc  # noqa: PLC0415 - PyMC is slow to import

        if self.model == "logistic2":
            return two_parameter_pymc.in_pymc(_two_parameters(self, plan), self.evidence(tally))
        return one_parameter_pymc.in_pymc(self.working_model(plan), self.evidence(tally))

    def at_means(self, plan: Plan, means: Mapping[str, FloatArray]) -> FloatArray:
        """Return what `plug_in` is, from the posterior means of the variables of `in_pymc`."""
        if self.model == "logistic2":
            a, b = means["theta"]
            return 0.5 * (1 + np.tanh((a + np.exp(b) * np.asarray(_two_parameters(self, plan).labels)) / 2))
        return self.working_model(plan).rates(means["beta"] if "beta" in means else np.log(means["theta"]))

    def _averaged_belief(self, plan: Plan, tally: Tally) -> AveragedBelief:
        return self.averaged_model(plan).belief(self.evidence(tally), most_patients(plan, tally))

    def _in_initial_sequence(self, tally: Tally) -> Mask:
        if self.initial_levels is None:
            return np.zeros(len(tally), dtype=bool)
        return (tally.dlt.sum(axis=1) == 0) & (tally.n_total < len(self.initial_levels))

    def _mle_exists(self, tally: Tally) -> Mask:
        data = self.evidence(tally)
        free, dlt = (each.sum(axis=1) for each in outcomes_of(data))
        if isinstance(data, WeightedTally) and data.pending is not None:
            free = free + data.placed()[1].sum(axis=1)
        return (dlt > 0) & (free > 0)

    # --- what people read ----------------------------------------------------------------------------------------------

    def explain(self, plan: Plan, state: States, moves: Moves) -> str:
        """Give the estimates and which one is nearest."""
        level = int(moves.next[0]) + 1
        if self.reasons[int(moves.reason[0])] == "initial_sequence":
            patient = int(state.tally.n_total[0]) + 1
            return f"No DLT so far: the initial sequence gives patient {patient} level {level}."
        text = self.choice_explained(self.estimate_doses(plan, state.tally)[0], plan.target_rate, level)
        if self.skeletons is not None:
            posterior = self._averaged_belief(plan, state.tally).weights()[0]
            pairs = zip(posterior, self.averaged_model(plan).weights, strict=True)
            text += f" Posterior weights of the skeletons: {', '.join(f'{w:.4f} (prior {p:.3g})' for w, p in pairs)}."
        if self.inference == "mle" and not self._mle_exists(state.tally)[0]:
            text += " The maximum likelihood estimate does not exist without both outcomes; its limit is used."
        return text

    def margin(self, plan: Plan, state: States) -> Margin | None:
        """Return how far the choice of dose stands from another."""
        if self._in_initial_sequence(state.tally)[0]:
            return None
        return self.choice_margin(self.estimate_doses(plan, state.tally)[0], plan.target_rate)

    # --- what can be wrong with it -------------------------------------------------------------------------------------

    def problems(self, plan: Plan) -> Iterator[Problem]:
        """Refuse what the model cannot be built from."""
        if self.inference == "bayes" and self.estimate is None:
            yield Problem("estimate", "is missing; choose plug_in or mean: they can lead to different doses")
        if self.inference == "mle" and self.estimate == "mean":
            yield Problem("estimate", "mean needs a posterior; with inference: mle only plug_in is possible")
        if self.inference == "mle" and self.model == "logistic2":
            yield Problem("inference", "mle is for models of one parameter; with model: logistic2 write bayes")
        if self.inference == "mle" and (self.prior is not None or self.labels_at is not None):
            field = "prior" if self.prior is not None else "labels_at"
            yield Problem(field, "is not used with inference: mle; leave it out")
        if self.skeletons is not None and self.inference == "mle":
            yield Problem("skeletons", "are averaged by their posteriors; with inference: mle give one skeleton")
        elif self.skeletons is not None and self.estimate == "plug_in":
            yield Problem("estimate", "must be mean with several skeletons: the average is of posterior means")
        yield from self.choice_problems()
        yield from self.curve_problems(plan)
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
        yield from self.falling(plan)

    def doubts(self, plan: Plan) -> Iterator[str]:
        """Question a start over target and a likelihood CRM without a start."""
        for number, s in enumerate(self.every_skeleton(plan), start=1):
            if s[plan.start_dose] > plan.target_rate:
                which = "the skeleton" if self.skeletons is None else f"skeleton {number}"
                yield (
                    f"the start level {plan.start_level} is over target before any patient: {which} gives "
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

    def describe_model(self, design: Design) -> tuple[str, ...]:
        """Say what the model and its prior are."""
        return crm_words.model(design, self)

    def describe(self, design: Design) -> tuple[str, ...]:
        """Say which level follows from the estimates."""
        return crm_words.choice(design, self)

    def describe_selection(self, design: Design) -> tuple[str, ...]:
        """Say how the MTD is selected."""
        return crm_words.selection(design, self)

    @classmethod
    def examples(cls) -> tuple[Crm, ...]:
        """Return both models, both estimates, and a two-stage likelihood CRM."""
        half = HalfWidth(half_width=0.05, prior_mtd=2)
        return (
            cls(skeleton=half, estimate="plug_in"),
            cls(skeleton=half, estimate="mean"),
            cls(model="logistic", skeleton=half, estimate="plug_in"),
            cls(skeleton=half, inference="mle", initial_levels=(1, 1, 1, 2, 2, 2, 3)),
            cls(model="tanh", skeleton=half, prior=PriorChoice(gamma=Gamma(shape=1.0, scale=1.0)), estimate="mean"),
            cls(skeleton=half, estimate="mean", choose="cibp", asymmetry=0.5),
            cls(
                model="logistic2",
                skeleton=(0.1, 0.3, 0.5),
                two_parameter_prior=BivariateNormal(mean=(0.0, 0.0), sd=(2.0, 1.0)),
                estimate="mean",
            ),
            cls(skeletons=((0.1, 0.3, 0.5), (0.2, 0.3, 0.4)), estimate="mean", choose="highest_below"),
        )


@cache
def _averaged(method: Crm, plan: Plan) -> AveragedModel:
    for fault in method.cannot_run(plan):
        raise DesignError(f"method.{fault.field}: {fault.text}")
    return method.averaged(plan)


@cache
def _two_parameters(method: Crm, plan: Plan) -> TwoParameterModel:
    for fault in method.cannot_run(plan):
        raise DesignError(f"method.{fault.field}: {fault.text}")
    return method.two_parameter_curve(plan)
