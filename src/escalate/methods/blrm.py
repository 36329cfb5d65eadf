"""The Bayesian logistic regression model (BLRM) with two parameters and overdose control."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from math import log
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Discriminator, Field, Tag

from escalate.core.arrays import FloatArray, IntArray, Mask
from escalate.core.errors import EscalateError, Problem
from escalate.core.method import ModelMethod, most_patients
from escalate.core.moves import DoseSummary, Margin, Moves
from escalate.core.plan import Plan
from escalate.core.rule import Rule
from escalate.core.setting import Positive, Setting, Words
from escalate.core.tally import States, Tally
from escalate.methods.families import dose_choice_words, two_parameter_words
from escalate.methods.families.dose_choice import REASONS, DoseChoice
from escalate.models.bivariate_normal import BivariateNormal, Component, NormalMixture
from escalate.models.minimally_informative import MinimallyInformative
from escalate.models.remembered import Remembered
from escalate.models.two_parameter import Known, TwoParameterBelief, TwoParameterModel
from escalate.models.two_parameter_grid import CLOSE, FINE, ROUGH
from escalate.models.weighted_tally import WeightedTally
from escalate.rules.no_skipping import NoSkipping

if TYPE_CHECKING:
    from escalate.core.design import Design

FEW = 64
"""So many states are judged on the fine grid at once: a real trial's decisions, and what is shown of them."""
Share = Annotated[float, Field(gt=0, lt=1)]
Amount = Annotated[float, Field(ge=0, le=1e6)]


def _kind_of_prior(value: Any) -> str:
    """Return the name of the class that a prior is meant to be."""
    if isinstance(value, Setting):
        return type(value).__name__
    keys = value if isinstance(value, Mapping) else ()
    named = {"mixture": "NormalMixture", "minimally_informative": "MinimallyInformative"}
    return next((name for key, name in named.items() if key in keys), "BivariateNormal")


Prior = Annotated[
    Annotated[BivariateNormal, Tag("BivariateNormal")]
    | Annotated[NormalMixture, Tag("NormalMixture")]
    | Annotated[MinimallyInformative, Tag("MinimallyInformative")],
    Discriminator(_kind_of_prior),
]


class Robust(Setting):
    """A vague component beside the informative prior, with its weight before the trial; it knows nothing of `historical`.

    Schmidli H and others (2014). Robust meta-analytic-predictive priors in clinical trials with historical control information.
    Biometrics 70:1023-1032.
    """

    weight: Share
    mean: tuple[float, float] = (0.0, 0.0)
    sd: tuple[Positive, Positive] = (2.0, 1.0)


class Historical(Setting):
    """Patients outside the trial: at each amount how many, and how many DLTs, discounted.

    With `discount: 0.3` their likelihood is raised to the power 0.3 (Ibrahim and Chen 2000); with 1 they count in full, and as
    pseudo-data they need not be whole numbers.
    """

    name: Words
    amounts: Annotated[tuple[Positive, ...], Field(min_length=1, max_length=50)]
    patients: tuple[Amount, ...]
    dlts: tuple[Amount, ...]
    discount: Annotated[float, Field(ge=0, le=1)] = 1.0


class Blrm(DoseChoice, ModelMethod):
    """Give an admissible dose by its probabilities of under-, target and overdosing, from a two-parameter logistic model.

    Notes
    -----
    logit p = a + exp(b) log(dose / `reference_amount`), with (a, b) bivariate normal: `prior` gives means, standard deviations
    and correlation, or a `mixture` of such with weights, or is `minimally_informative` for a statement on the lowest dose and one
    on the highest. `robust` adds a vague component, `historical` discounted data of
    other patients. How the dose is chosen: `intervals`, `overdose_cutoff`, `choose`. Probabilities are integrals on a grid, to
    1e-6; the estimate of a dose is its posterior mean. Only doses that were given can be the MTD, unless `mtd_among: all`.

    References
    ----------
    Neuenschwander B, Branson M, Gsponer T (2008). Critical aspects of the Bayesian approach to phase I cancer trials. Stat Med
    27:2420-2439.
    Babb J, Rogatko A, Zacks S (1998). Cancer phase I clinical trials: efficient dose escalation with overdose control. Stat Med
    17:1103-1120.
    """

    kind: Literal["blrm"] = "blrm"
    reference_amount: Positive
    prior: Prior
    robust: Robust | None = None
    historical: Annotated[tuple[Historical, ...], Field(min_length=1, max_length=20)] | None = None
    mtd_among: Literal["tried", "all"] = "tried"

    reasons: ClassVar[tuple[str, ...]] = REASONS
    needs_target = False
    uses_amounts = True

    def published_rules(self) -> tuple[Rule, ...]:
        """Return no skipping of untried doses."""
        return (NoSkipping(),)

    def working_model(self, plan: Plan) -> TwoParameterModel:
        """Return the model at this plan's doses."""
        return _working_model(self, plan.doses.levels)

    def components(self, amounts: tuple[float, ...]) -> tuple[Component, ...]:
        """Return the prior for these amounts as a mixture, the vague component last."""
        prior = self.prior
        if isinstance(prior, MinimallyInformative):
            prior = prior.fit(amounts, self.reference_amount).prior
        if self.robust is None:
            return prior.components
        vague = Component(weight=self.robust.weight, mean=self.robust.mean, sd=self.robust.sd)
        kept = 1 - self.robust.weight
        return (*(part.model_copy(update={"weight": kept * part.weight}) for part in prior.components), vague)

    # --- the three questions -------------------------------------------------------------------------------------------

    def decide(self, plan: Plan, states: States) -> Moves:
        """Want the admissible dose that `choose` takes, or the end of the trial where none is admissible."""
        return self.moves(self.interval_probabilities(plan, states.tally))

    def select(self, plan: Plan, tally: Tally, allowed: Mask) -> IntArray:
        """Return the admissible dose that `choose` takes, among those given unless `mtd_among: all`."""
        if self.mtd_among == "tried":
            allowed = allowed & tally.tried
        return self.select_among(self.interval_probabilities(plan, tally), allowed)

    def summarise(self, plan: Plan, tally: Tally) -> DoseSummary:
        """Return posterior means, 95% limits and interval probabilities of every dose."""
        return self.summary(self.belief(plan, tally))

    # --- what they rest on ---------------------------------------------------------------------------------------------

    def evidence(self, tally: Tally) -> Tally:
        """Return the data as the likelihood takes them; here a pending patient counts as having had no DLT."""
        return tally

    def interval_probabilities(self, plan: Plan, tally: Tally) -> FloatArray:
        """Return the probability of each interval, shape (S, J, I): to 1e-6 wherever less could change the dose."""
        if self._drawn is not None:
            return self.cells(self._drawn)
        n_max, data = most_patients(plan, tally), self.evidence(tally)
        if len(tally) <= FEW:
            return self.cells(self.working_model(plan).belief(data, n_max))
        remembered = _remembered(self, plan.doses.levels, n_max)
        if not isinstance(data, WeightedTally):
            return remembered(tally.counts)
        found = np.empty((*tally.n.shape, len(self.intervals) + 1))
        # Follow-up seldom repeats, so that nothing of it is remembered.
        partial, whole = np.flatnonzero(data.partial), np.flatnonzero(~data.partial)
        if len(whole):
            found[whole] = remembered(data.counts[whole])
        found[partial] = _computed(self, plan.doses.levels, n_max, data.take(partial))
        return found

    def prob_above_at(
        self, plan: Plan, tally: Tally, limit: float, amounts: Sequence[float], *, precise: bool
    ) -> FloatArray:
        """Return Pr(p(amount) > limit | data), shape (S, A): from the nodes, to 1e-6, or to 1e-3 where that is enough."""
        level, data = FINE if precise else CLOSE, self.evidence(tally)
        belief = self.working_model(plan).belief(data, most_patients(plan, tally), level)
        return belief.prob_above_at(limit, np.log(np.asarray(amounts) / self.reference_amount))

    def estimate_doses(self, plan: Plan, tally: Tally) -> FloatArray:
        """Return the posterior mean of every dose, shape (S, J)."""
        return self.belief(plan, tally).mean()

    def posterior(self, plan: Plan, tally: Tally) -> TwoParameterBelief:
        """Return the posterior on the fine grid."""
        return self.working_model(plan).belief(self.evidence(tally), most_patients(plan, tally))

    def log_evidence(self, plan: Plan, tally: Tally) -> FloatArray:
        """Return the log probability of the outcomes, patient by patient, averaged over the prior; shape (S,)."""
        return self.posterior(plan, tally).log_evidence()

    def in_pymc(self, plan: Plan, tally: Tally) -> Any:
        """Return the model of a single state; `theta` is (a, b)."""
        from escalate.models.two_parameter_pymc import in_pymc  # noqa: PLC0415 - PyMC takes seconds to import

        return in_pymc(self.working_model(plan), self.evidence(tally))

    # --- what people read ----------------------------------------------------------------------------------------------

    def explain(self, plan: Plan, state: States, moves: Moves) -> str:
        """Give Pr(overdosing) of each dose, which dose follows, and the posterior weights of a mixture."""
        text = self.choice_explained(self.interval_probabilities(plan, state.tally), moves)
        prior = [part.weight for part in self.working_model(plan).prior]
        if len(prior) > 1 and self._drawn is None:
            weights = self.posterior(plan, state.tally).component_weights()[0]
            listed = ", ".join(f"{w:.4f} (prior {p:.3g})" for w, p in zip(weights, prior, strict=True))
            text += f" Posterior weights of the components of the prior: {listed}."
        return text

    def margin(self, plan: Plan, state: States) -> Margin | None:
        """Return how far Pr(overdosing) of the nearest dose stands from the cut-off."""
        return self.choice_margin(self.interval_probabilities(plan, state.tally))

    # --- what can be wrong with it -------------------------------------------------------------------------------------

    def problems(self, plan: Plan) -> Iterator[Problem]:
        """Refuse losses, statements and historical data that do not fit."""
        yield from self.choice_problems()
        if isinstance(self.prior, MinimallyInformative):
            try:
                self.prior.fit(plan.doses.levels, self.reference_amount)
            except EscalateError as error:
                yield Problem("prior", str(error).removeprefix("method.prior: "))
        for k, data in enumerate(self.historical or (), start=1):
            where = f"historical[{k}]"
            if not len(data.amounts) == len(data.patients) == len(data.dlts):
                yield Problem(
                    where, f"has {len(data.amounts)} amounts, {len(data.patients)} patients and {len(data.dlts)} dlts"
                )
                continue
            for amount, patients, dlts in zip(data.amounts, data.patients, data.dlts, strict=True):
                if dlts > patients:
                    yield Problem(f"{where}.dlts", f"{dlts:g} DLTs among {patients:g} patients at {amount:g}")

    def doubts(self, plan: Plan) -> Iterator[str]:
        """Question a start that the prior already calls an overdose, and a reference far from the doses."""
        if isinstance(self.prior, MinimallyInformative):
            yield from self.prior.fit(plan.doses.levels, self.reference_amount).doubts()
        nothing = Tally(np.zeros((1, plan.n_doses, 2), dtype=np.int64))
        yield from self.start_doubts(plan, self.posterior(plan, nothing))
        low, high = plan.doses.levels[0], plan.doses.levels[-1]
        if not low / 3 <= self.reference_amount <= 3 * high:
            yield (
                f"the reference amount {self.reference_amount:g} lies far outside the doses, {low:g} to {high:g}: the prior of "
                "the intercept then speaks of a dose that nobody gets"
            )

    @classmethod
    def starter(cls) -> tuple[Blrm, int, int]:
        """Return a prior that one DLT among three does not end: about 25% DLTs at the middle dose of a new file."""
        return cls(reference_amount=40.0, prior=BivariateNormal(mean=(-1.1, 0.0), sd=(1.0, 0.6))), 5, 30

    def describe_model(self, design: Design) -> tuple[str, ...]:
        """Say what the model and its prior are."""
        return two_parameter_words.model(design, self)

    def describe(self, design: Design) -> tuple[str, ...]:
        """Say which level follows from the posterior."""
        return dose_choice_words.choice(design, self)

    def describe_selection(self, design: Design) -> tuple[str, ...]:
        """Say how the MTD is selected."""
        return dose_choice_words.selection(design, self, self.mtd_among)

    def describe_barred(self, design: Design) -> str:
        """Say that the choice is made again among fewer levels."""
        return dose_choice_words.BARRED

    @classmethod
    def examples(cls) -> tuple[Blrm, ...]:
        """Return the three choices of dose, a robust mixture, and historical data."""
        vague = BivariateNormal(mean=(-0.85, 0.0), sd=(2.0, 1.0))
        known = Historical(
            name="other organ", amounts=(20.0, 40.0), patients=(12.0, 12.0), dlts=(1.0, 2.0), discount=0.3
        )
        return (
            cls(reference_amount=40.0, prior=vague),
            cls(reference_amount=40.0, prior=vague, choose="highest"),
            cls(reference_amount=40.0, prior=vague, intervals=(0.2, 0.35, 0.6), choose="loss"),
            cls(reference_amount=40.0, prior=vague, robust=Robust(weight=0.2), historical=(known,)),
        )


@cache
def _working_model(method: Blrm, amounts: tuple[float, ...]) -> TwoParameterModel:
    reference = method.reference_amount
    known = [
        Known(log(amount / reference), data.discount * patients, data.discount * dlts)
        for data in method.historical or ()
        for amount, patients, dlts in zip(data.amounts, data.patients, data.dlts, strict=True)
        if data.discount * patients > 0
    ]
    labels = tuple(log(amount / reference) for amount in amounts)
    return TwoParameterModel(labels, method.components(amounts), tuple(known), int(method.robust is not None))


def _computed(method: Blrm, amounts: tuple[float, ...], n_max: int, data: Tally) -> FloatArray:
    """Return the interval probabilities, shape (S, J, I): on few nodes, and on more where the dose could depend on it."""
    model, rows = _working_model(method, amounts), np.arange(len(data))
    cells = np.empty((len(data), len(amounts), len(method.intervals) + 1))
    for level in (ROUGH, CLOSE, FINE):
        above, resolved = model.belief(data.take(rows), n_max, level).checked(method.intervals)
        cells[rows] = method.cells_between(above)
        rows = rows[~resolved | method.undecided(cells[rows], level.error)]
        if not len(rows):
            break
    return cells


@lru_cache(maxsize=8)
def _remembered(method: Blrm, amounts: tuple[float, ...], n_max: int) -> Remembered:
    """Return the interval probabilities of many tallies, those asked for before from memory."""
    return Remembered(lambda counts: _computed(method, amounts, n_max, Tally(counts)))
