"""The ordinal continual reassessment method: one model of all grades of toxicity, in place of DLT or none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache, partial
from math import comb, log
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from escalate.core.arrays import NONE, FloatArray, IntArray, Mask
from escalate.core.errors import Problem
from escalate.core.method import ModelMethod
from escalate.core.moves import DoseSummary, Margin, Moves
from escalate.core.outcome import Outcome
from escalate.core.plan import Plan
from escalate.core.rule import Rule
from escalate.core.setting import Positive
from escalate.core.tally import States, Tally
from escalate.methods.families import dose_choice_words, ordinal_words
from escalate.methods.families.dose_choice import NOT_ADMISSIBLE, REASONS
from escalate.methods.families.graded_dose_choice import GRADED_REASONS, GradedDoseChoice
from escalate.methods.families.milder_outcomes import milder_outcomes
from escalate.methods.families.ordinal_settings import GradeLimit, OrdinalPrior
from escalate.models.ordinal import Likelihood, OrdinalBelief, OrdinalModel
from escalate.models.ordinal_levels import figures_where_needed, patients, posterior
from escalate.rules.no_skipping import NoSkipping

if TYPE_CHECKING:
    from escalate.core.design import Design

MANY = 500
"""Most outcomes of a cohort that are compared with each other."""


class OrdinalCrm(GradedDoseChoice, ModelMethod):
    """Give an admissible dose by a model of all grades of toxicity, each patient counted at the worst grade seen.

    Notes
    -----
    logit Pr(grade k or worse) = alpha_k + exp(b) log(dose / `reference_amount`) for every grade but the first, with one slope.
    Prior: alpha_1 ~ N(mean_1, sd_1^2); each further alpha_k ~ N(mean_k, sd_k^2) cut off at the one before; b normal.
    `likelihood: cumulative` is the multinomial; `bernoulli_products` counts each patient once for every grade, as crmPack does.
    The dose is chosen by the DLT, the last grade: `intervals`, `overdose_cutoff`, `choose` as for BLRM, and `choose: nearest`
    takes the admissible dose whose posterior mean is nearest to the target. `grade_limits` bar doses by milder
    grades. With `coherent_grades` a worse outcome of the last cohort never gives a higher dose than a milder one would have: the
    model alone can do that. Only doses that were given can be the MTD, unless `mtd_among: all`. Probabilities are integrals, to
    1e-6.

    References
    ----------
    Van Meter EM, Garrett-Mayer E, Bandyopadhyay D (2011). Proportional odds model for dose-finding clinical trial designs with
    ordinal toxicity grading. Stat Med 30:2070-2080.
    Neuenschwander B, Branson M, Gsponer T (2008). Critical aspects of the Bayesian approach to phase I cancer trials. Stat Med
    27:2420-2439.
    """

    kind: Literal["ordinal_crm"] = "ordinal_crm"
    reference_amount: Positive
    prior: OrdinalPrior
    likelihood: Likelihood = "cumulative"
    coherent_grades: bool = True
    mtd_among: Literal["tried", "all"] = "tried"

    reasons = GRADED_REASONS
    needs_target = False
    uses_amounts = True

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """The grades; as a burden only the DLT counts, so that the target and all rules speak of DLTs."""
        last = len(self.grades) - 1
        return tuple(Outcome(each.letter, each.name, Fraction(int(k == last))) for k, each in enumerate(self.grades))

    def published_rules(self) -> tuple[Rule, ...]:
        """Return no skipping of untried doses."""
        return (NoSkipping(),)

    def working_model(self, plan: Plan) -> OrdinalModel:
        """Return the model at this plan's doses."""
        return _working_model(self, plan.doses.levels)

    # --- the three questions -------------------------------------------------------------------------------------------

    def decide(self, plan: Plan, states: States) -> Moves:
        """Want the admissible dose that `choose` takes, or the end of the trial where none is admissible."""
        if not self.coherent_grades:
            return self._wish(plan, states.tally)
        tally, row, place = milder_outcomes(states)
        if self._drawn is None:
            wish = self._wish(plan, tally)
            own = wish.take(place[: len(states)])
        else:
            # Draws are of the one state they were made for; what would follow a milder outcome comes from the nodes.
            own, wish = self._wish(plan, states.tally), self._without_draws()._wish(plan, tally)
        least = own.next.copy()
        np.minimum.at(least, row[len(states) :], wish.next[place[len(states) :]])
        held = least < own.next
        assert own.preference is not None
        liked = np.where(held[:, None] & (np.arange(plan.n_doses) > least[:, None]), -np.inf, own.preference)
        return Moves(least, np.where(held, len(REASONS), own.reason), liked)

    def _without_draws(self) -> OrdinalCrm:
        copy = self.model_copy()
        copy._drawn = None
        return copy

    def _wish(self, plan: Plan, tally: Tally) -> Moves:
        """Return what the model alone asks for."""
        liked = self.liked(self.figures(plan, tally), _target(plan))
        some = np.isfinite(liked).any(axis=1)
        best = np.argmax(liked, axis=1)
        if self.if_none_admissible == "lowest":
            liked[~some, 0] = 0.0
            return Moves(np.where(some, best, 0), np.where(some, 0, 2), liked)
        return Moves(np.where(some, best, NONE), np.where(some, 0, 1), liked)

    def select(self, plan: Plan, tally: Tally, allowed: Mask) -> IntArray:
        """Return the admissible dose that `choose` takes, among those given unless `mtd_among: all`."""
        if self.mtd_among == "tried":
            allowed = allowed & tally.tried
        liked = np.where(allowed, self.liked(self.figures(plan, tally), _target(plan)), -np.inf)
        return np.where(np.isfinite(liked).any(axis=1), np.argmax(liked, axis=1), NONE)

    def summarise(self, plan: Plan, tally: Tally) -> DoseSummary:
        """Return posterior means, 95% limits and interval probabilities of every dose, and which are not admissible."""
        found = self.summary(self.belief(plan, tally))
        barred = np.asarray((self.excess(self.figures(plan, tally)) > 0).any(axis=2))
        return replace(found, refused=(NOT_ADMISSIBLE, barred))

    # --- what they rest on ---------------------------------------------------------------------------------------------

    def figures(self, plan: Plan, tally: Tally) -> FloatArray:
        """Return what the choice looks at, to 1e-6 wherever less could change the dose; shape (S, J, I + 1 + L).

        The probability of each interval of the DLT rate, its posterior mean, and Pr(beyond) of each grade limit. The mean is
        only there where `choose` is `nearest`, and 0 elsewhere.
        """
        model = self.working_model(plan)
        milder = tuple(sorted({self.place(limit.letter) - 1 for limit in self.grade_limits or ()}))
        if self._drawn is not None:
            limits = self._beyond(posterior(model, tally, milder)) if self.grade_limits else None
            return self._beside(self.cells(self._drawn), self._drawn.mean(), limits)
        return figures_where_needed(model, tally, self._figures, partial(self.in_doubt, _target(plan)), milder)

    def _figures(self, belief: OrdinalBelief) -> FloatArray:
        # A mean costs as much as all probabilities, and only `nearest` looks at it.
        cells = self.cells(belief)
        mean = belief.mean() if self.choose == "nearest" else np.zeros(cells.shape[:2])
        return self._beside(cells, mean, self._beyond(belief) if self.grade_limits else None)

    def _beside(self, cells: FloatArray, mean: FloatArray, beyond: FloatArray | None) -> FloatArray:
        parts = [cells, mean[..., None], *([] if beyond is None else [beyond])]
        return np.concatenate(parts, axis=2)

    def _beyond(self, belief: OrdinalBelief) -> FloatArray:
        """Return Pr(Pr(grade or worse) > above | data) of each grade limit, shape (S, J, L)."""
        found = [belief.of(self.place(each.letter) - 1).prob_above(each.above) for each in self.grade_limits or ()]
        return np.stack(found, axis=-1)

    def estimate_doses(self, plan: Plan, tally: Tally) -> FloatArray:
        """Return the posterior mean of every dose, shape (S, J)."""
        return self.belief(plan, tally).mean()

    def posterior(self, plan: Plan, tally: Tally) -> OrdinalBelief:
        """Return the posterior of the DLT rates on fine nodes; `of` asks for milder grades."""
        return posterior(self.working_model(plan), tally)

    def log_evidence(self, plan: Plan, tally: Tally) -> FloatArray:
        """Return the log probability of the outcomes, patient by patient, averaged over the prior; shape (S,)."""
        return self.working_model(plan).log_evidence(tally, patients(tally))

    def in_pymc(self, plan: Plan, tally: Tally) -> Any:
        """Return the model of a single state, with `alpha_1`, .. and `log_slope`."""
        from escalate.models.ordinal_pymc import in_pymc  # noqa: PLC0415 - PyMC takes seconds to import

        return in_pymc(self.working_model(plan), tally)

    # --- what people read ----------------------------------------------------------------------------------------------

    def explain(self, plan: Plan, state: States, moves: Moves) -> str:
        """Give Pr(overdosing) of each dose and what bars it, and why the dose that follows is taken."""
        return self.graded_choice_explained(self.figures(plan, state.tally), moves, _target(plan))

    def margin(self, plan: Plan, state: States) -> Margin | None:
        """Return how far the nearest probability stands from its cut-off."""
        return self.graded_choice_margin(self.figures(plan, state.tally))

    # --- what can be wrong with it -------------------------------------------------------------------------------------

    def problems(self, plan: Plan) -> Iterator[Problem]:
        """Refuse priors, letters and limits that do not fit the grades."""
        yield from self.choice_problems()
        if self.choose == "nearest" and plan.target is None:
            yield Problem(
                "choose", "nearest needs a target, and the design has none; add one or write 'choose: target'"
            )
        counting = len(self.grades) - 1
        for name in ("mean", "sd"):
            given = len(getattr(self.prior, name))
            if given != counting:
                yield Problem(
                    f"prior.{name}",
                    f"has {given} entries for {counting} grades that count; give one a grade, without the first",
                )
        if self.coherent_grades and comb(plan.cohort_size + counting, counting) > MANY:
            yield Problem(
                "coherent_grades",
                f"compares too many outcomes of {plan.cohort_size} patients in {counting + 1} grades; write false, or use fewer "
                "grades or smaller cohorts",
            )
        letters = [grade.letter for grade in self.grades]
        for k, letter in enumerate(letters, start=1):
            if letter in letters[: k - 1]:
                yield Problem(f"grades[{k}].letter", f"'{letter}' was given already; each grade needs its own letter")
        for k, limit in enumerate(self.grade_limits or (), start=1):
            if limit.letter not in letters[1:-1]:
                yield Problem(
                    f"grade_limits[{k}].letter",
                    f"'{limit.letter}' is no grade between none and the DLT; choose from {', '.join(letters[1:-1])}",
                )

    def doubts(self, plan: Plan) -> Iterator[str]:
        """Question a start that the prior already bars, a reference far from the doses, and a likelihood that counts twice."""
        nothing = Tally(np.zeros((1, plan.n_doses, len(self.grades)), dtype=np.int64))
        yield from self.start_doubts(plan, self.posterior(plan, nothing))
        low, high = plan.doses.levels[0], plan.doses.levels[-1]
        if not low / 3 <= self.reference_amount <= 3 * high:
            yield (
                f"the reference amount {self.reference_amount:g} lies far outside the doses, {low:g} to {high:g}: the prior of "
                "the intercepts then speaks of a dose that nobody gets"
            )
        if self.likelihood == "bernoulli_products":
            yield (
                f"likelihood: bernoulli_products counts each patient {len(self.grades) - 1} times, once a grade, so that "
                "probabilities are more certain than the data; cumulative counts each patient once"
            )

    @classmethod
    def starter(cls) -> tuple[OrdinalCrm, int, int]:
        """Return a small trial: an exact answer is then quick."""
        first = cls.examples()[0]
        return first.model_copy(update={"reference_amount": 40.0}), 4, 12

    def describe_model(self, design: Design) -> tuple[str, ...]:
        """Say what the model and its prior are."""
        return ordinal_words.model(design, self)

    def describe(self, design: Design) -> tuple[str, ...]:
        """Say which level follows from the posterior."""
        return ordinal_words.choice(design, self)

    def describe_selection(self, design: Design) -> tuple[str, ...]:
        """Say how the MTD is selected."""
        return dose_choice_words.selection(design, self, self.mtd_among)

    def describe_barred(self, design: Design) -> str:
        """Say that the choice is made again among fewer levels."""
        return dose_choice_words.BARRED

    @classmethod
    def examples(cls) -> tuple[OrdinalCrm, ...]:
        """Return the default, the nearest dose with a limit on a milder grade, and the products of crmPack."""
        prior = OrdinalPrior(mean=(-1.0, -2.5), sd=(1.5, 1.5))
        limit = GradeLimit(letter="M", above=0.7, cutoff=0.5)
        return (
            cls(reference_amount=3.0, prior=prior),
            cls(reference_amount=3.0, prior=prior, choose="nearest", grade_limits=(limit,)),
            cls(reference_amount=3.0, prior=prior, likelihood="bernoulli_products", choose="highest"),
        )


@cache
def _working_model(method: OrdinalCrm, amounts: tuple[float, ...]) -> OrdinalModel:
    labels = tuple(log(amount / method.reference_amount) for amount in amounts)
    slope = method.prior.log_slope
    return OrdinalModel(labels, method.prior.mean, method.prior.sd, (slope.mean, slope.sd), method.likelihood)


def _target(plan: Plan) -> float:
    # Only `choose: nearest` looks at it, and that is refused without one.
    return plan.target if plan.target is not None else 0.0
