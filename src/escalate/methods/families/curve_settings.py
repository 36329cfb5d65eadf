"""Settings of a one-parameter dose-toxicity curve: its form, its skeleton or skeletons, and its prior."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, log, sqrt
from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from escalate.core.errors import Problem
from escalate.core.plan import Plan
from escalate.core.setting import Count, Probability, Setting
from escalate.models import skeleton
from escalate.models.averaged import AveragedModel
from escalate.models.bivariate_normal import BivariateNormal
from escalate.models.one_parameter import Form, OneParameterModel
from escalate.models.priors_1d import Centre, Normal, Prior1d, PriorChoice
from escalate.models.two_parameter import TwoParameterModel

SUM_OF_WEIGHTS = 1e-9
Skeleton = tuple[Probability, ...]


class HalfWidth(Setting):
    """A skeleton made from the indifference interval target +- half_width (Lee and Cheung 2009)."""

    half_width: Probability
    prior_mtd: Count


class CurveSettings(Setting):
    """Settings of a curve with one parameter, or with two.

    Notes
    -----
    `model: logistic2` is expit(a + exp(b) x) with `two_parameter_prior` of (a, b), which gives the skeleton at its means.
    `model: tanh` with labels from the skeleton is algebraically the power model. `prior_sd` is short for
    `prior: {normal: {sd: ..}}`. The model gives the skeleton at theta_0: the median of the prior of theta for a normal or
    lognormal prior, the mean for a gamma or uniform one, unless `labels_at` says.
    """

    model: Literal["power", "tanh", "logistic", "logistic2"] = "power"
    skeleton: Skeleton | HalfWidth | None = None
    skeletons: Annotated[tuple[Skeleton, ...], Field(min_length=2, max_length=20)] | None = None
    skeleton_weights: tuple[Annotated[float, Field(gt=0, lt=1)], ...] | None = None
    prior_sd: Annotated[float, Field(gt=0, le=30)] = sqrt(1.34)
    prior: PriorChoice | None = None
    two_parameter_prior: BivariateNormal | None = None
    labels_at: Centre | None = None
    intercept: Annotated[float, Field(ge=-20, le=20)] = 3.0

    @model_serializer(mode="wrap")
    def _without_unused_sd(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # What is written can be read again: prior_sd beside prior is refused.
        written: dict[str, Any] = write(self)
        if self.prior is not None or self.model == "logistic2":
            written.pop("prior_sd", None)
        if self.model == "logistic2":
            written.pop("intercept", None)
        return written

    @property
    def form(self) -> Form:
        """The model, tanh being power."""
        return "logistic" if self.model == "logistic" else "power"

    @property
    def distribution(self) -> Prior1d:
        """The prior of theta."""
        return Normal(sd=self.prior_sd) if self.prior is None else self.prior.distribution

    def every_skeleton(self, plan: Plan) -> tuple[Skeleton, ...]:
        """Return one skeleton, or those that are averaged over."""
        if self.skeletons is not None:
            return self.skeletons
        if isinstance(self.skeleton, HalfWidth):
            made = (self.skeleton.half_width, plan.target_rate, self.skeleton.prior_mtd, plan.n_doses)
            return (skeleton.from_half_width(*made, self.form, self.intercept),)
        return () if self.skeleton is None else (self.skeleton,)

    def curves(self, plan: Plan) -> tuple[OneParameterModel, ...]:
        """Return the model of each skeleton."""
        prior, at = self.distribution, self.labels_at
        return tuple(OneParameterModel(self.form, s, prior, self.intercept, at) for s in self.every_skeleton(plan))

    def two_parameter_curve(self, plan: Plan) -> TwoParameterModel:
        """Return the curve with two parameters."""
        assert self.two_parameter_prior is not None
        (guess,) = self.every_skeleton(plan)
        a, b = self.two_parameter_prior.mean
        labels = tuple((log(s / (1 - s)) - a) / exp(b) for s in guess)
        return TwoParameterModel(labels, self.two_parameter_prior.components)

    def averaged(self, plan: Plan) -> AveragedModel:
        """Return the models of all skeletons with their weights, equal unless given."""
        found = self.curves(plan)
        return AveragedModel(found, self.skeleton_weights or (1 / len(found),) * len(found))

    def curve_problems(self, plan: Plan) -> Iterator[Problem]:
        """Refuse what no curve can be built from."""
        if self.prior is not None and "prior_sd" in self.model_fields_set:
            yield Problem("prior", "is given beside prior_sd, which means a normal prior; give one of them")
        if self.model == "logistic2":
            yield from self._two_parameter_problems()
        elif self.two_parameter_prior is not None:
            yield Problem("two_parameter_prior", f"is not used with model: {self.model}; write 'model: logistic2'")
        if self.skeletons is not None:
            yield from self._averaging_problems(plan)
        elif self.skeleton_weights is not None:
            yield Problem("skeleton_weights", "belongs to skeletons; a single skeleton has no weight")
        if isinstance(self.skeleton, HalfWidth):
            try:
                self.every_skeleton(plan)
            except ValueError as error:
                yield Problem("skeleton", str(error))
        elif self.skeleton is not None:
            yield from self._guess_problems("skeleton", self.skeleton, plan)
        elif self.skeletons is None:
            yield Problem(
                "skeleton", "is missing; give one prior guess a level, {half_width: .., prior_mtd: ..}, or skeletons"
            )

    def _two_parameter_problems(self) -> Iterator[Problem]:
        if self.two_parameter_prior is None:
            yield Problem("two_parameter_prior", "is missing; give mean, sd and correlation of (a, b)")
        if isinstance(self.skeleton, HalfWidth):
            yield Problem("skeleton", "half_width makes a skeleton of one parameter; give one prior guess a level")
        for name in ("prior", "prior_sd", "labels_at", "skeletons", "intercept"):
            if name in self.model_fields_set and getattr(self, name) is not None:
                yield Problem(name, "is not used with model: logistic2; leave it out")

    def _averaging_problems(self, plan: Plan) -> Iterator[Problem]:
        guesses, weights = self.skeletons or (), self.skeleton_weights
        if self.skeleton is not None:
            yield Problem("skeletons", "is given beside skeleton; give one of them")
        if weights is not None and len(weights) != len(guesses):
            yield Problem(
                "skeleton_weights", f"has {len(weights)} entries for {len(guesses)} skeletons; give one a skeleton"
            )
        elif weights is not None and abs(sum(weights) - 1) > SUM_OF_WEIGHTS:
            yield Problem("skeleton_weights", f"sums to {sum(weights):.10g}; prior probabilities sum to 1")
        for k, guess in enumerate(guesses, start=1):
            yield from self._guess_problems(f"skeletons[{k}]", guess, plan)

    def _guess_problems(self, where: str, guess: Skeleton, plan: Plan) -> Iterator[Problem]:
        if len(guess) != plan.n_doses:
            yield Problem(where, f"has {len(guess)} entries for {plan.n_doses} dose levels; give one a level")
        highest = max(guess, default=0.5)
        logit = log(highest / (1 - highest))
        if self.model == "logistic" and logit >= self.intercept:
            yield Problem(
                "intercept", f"{self.intercept:g} is too small: it must exceed logit({highest:g}) = {logit:.3f}"
            )

    def falling(self, plan: Plan) -> Iterator[Problem]:
        """Refuse a skeleton that does not increase."""
        for number, s in enumerate(self.every_skeleton(plan), start=1):
            where = "skeleton" if self.skeletons is None else f"skeletons[{number}]"
            for k in range(1, len(s)):
                if s[k] <= s[k - 1]:
                    yield Problem(
                        where, f"does not increase: level {k + 1} ({s[k]:g}) is not above level {k} ({s[k - 1]:g})"
                    )
