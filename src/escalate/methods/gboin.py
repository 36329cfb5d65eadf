"""The generalised Bayesian optimal interval design (gBOIN): graded toxicity instead of DLT or none."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from escalate.core import wording
from escalate.core.arrays import IntArray, Mask
from escalate.core.errors import Problem
from escalate.core.moves import Margin, Moves
from escalate.core.outcome import Outcome, burden_units
from escalate.core.plan import Plan, exact
from escalate.core.rule import Rule
from escalate.core.setting import Probability, Setting, Words
from escalate.core.tally import States, Tally
from escalate.core.wording import number
from escalate.methods.families import interval_words
from escalate.methods.families.interval import IntervalMethod, action_said
from escalate.methods.families.optimal_cuts import SLACK, optimal_cuts
from escalate.models import isotonic
from escalate.rules.eliminate import Eliminate

if TYPE_CHECKING:
    from escalate.core.design import Design


class ScoredGrade(Setting):
    """One category of outcome: how an outcome string writes it, what it is, and its toxicity score."""

    letter: Annotated[str, Field(pattern=r"^[A-Z]$")]
    name: Words
    score: Annotated[float, Field(ge=0)]


ETS = (
    ScoredGrade(letter="N", name="grade 0 or 1", score=0.0),
    ScoredGrade(letter="M", name="grade 2", score=0.5),
    ScoredGrade(letter="S", name="grade 3", score=1.0),
    ScoredGrade(letter="T", name="DLT", score=1.5),
)
"""The equivalent toxicity score of Chen et al. (2010)."""


class Gboin(IntervalMethod):
    """Escalate or de-escalate by comparing the mean toxicity score with two fixed cuts.

    Notes
    -----
    Each patient's worst toxicity has a score; scores are divided by that of a DLT, so that they lie between 0 and 1, and so
    does the design's `target`. `endpoint: quasi_binary` has BOIN's cuts with the target score in the place of the target
    rate; `endpoint: normal` those of a normal score, half way between the target and 0.6 or 1.4 times it. Both cuts
    are inclusive. A continuous score is entered on a grid: one grade for each value it can take.

    References
    ----------
    Mu R, Yuan Y, Xu J, Mandrekar SJ, Yin J (2019). gBOIN: a unified model-assisted phase I trial design accounting for toxicity
    grades, and binary or continuous end points. J R Stat Soc Ser C Appl Stat 68:289-308.
    Chen Z, Krailo MD, Azen SP, Tighiouart M (2010). A novel toxicity scoring system treating toxicity response as a
    quasi-continuous variable in phase I clinical trials. Contemp Clin Trials 31:473-482.
    """

    kind: Literal["gboin"] = "gboin"
    grades: Annotated[tuple[ScoredGrade, ...], Field(min_length=3, max_length=20)] = ETS
    endpoint: Literal["quasi_binary", "normal"] = "quasi_binary"
    p_saf: Probability | None = None
    p_tox: Probability | None = None

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """The grades, each counting as a part of a DLT."""
        whole = exact(self.grades[-1].score)
        return tuple(Outcome(grade.letter, grade.name, exact(grade.score) / whole) for grade in self.grades)

    def score_of_dlt(self) -> float:
        """Return the score of the last grade."""
        return self.grades[-1].score

    def published_rules(self) -> tuple[Rule, ...]:
        """Return elimination by the score for the quasi-binary endpoint; the normal one has none."""
        return (Eliminate(),) if self.endpoint == "quasi_binary" else ()

    def _limits(self, plan: Plan) -> tuple[Fraction, Fraction, Fraction]:
        """Return the mean score held too low, the target, and the mean score held too high, as parts of a DLT."""
        target = exact(plan.target_rate)
        low = exact(self.p_saf) if self.p_saf is not None else target * 6 / 10
        high = exact(self.p_tox) if self.p_tox is not None else target * 14 / 10
        return low, target, high

    def boundaries(self, plan: Plan) -> dict[str, float]:
        """Return lambda_e and lambda_d for the mean score as a part of that of a DLT."""
        low, target, high = self._limits(plan)
        if self.endpoint == "normal":
            return {"lambda_e": float((low + target) / 2), "lambda_d": float((target + high) / 2)}
        lambda_e, lambda_d = optimal_cuts(float(target), float(low), float(high))
        return {"lambda_e": lambda_e, "lambda_d": lambda_d}

    def actions(self, plan: Plan, n: int, dose: int) -> IntArray:
        """Return the action for every total score of n patients, in whole units."""
        full = n * burden_units(self.outcomes)[1]
        burden = np.arange(full + 1)
        if self.endpoint == "normal":
            low, target, high = self._limits(plan)
            at_most, at_least = floor((low + target) / 2 * full), ceil((target + high) / 2 * full)
        else:
            cuts = self.boundaries(plan)
            at_most, at_least = floor(cuts["lambda_e"] * full), ceil(cuts["lambda_d"] * full - SLACK)
        return np.where(burden <= at_most, 1, np.where(burden >= at_least, -1, 0))

    def select(self, plan: Plan, tally: Tally, allowed: Mask) -> IntArray:
        """Return the allowed dose with the isotonic mean score nearest to the target."""
        weights: isotonic.Weights = "precision" if self.endpoint == "quasi_binary" else "patients"
        return isotonic.select_nearest(
            self.events(tally), tally.n, plan.target_rate, allowed & tally.tried, weights=weights
        )

    def explain(self, plan: Plan, state: States, moves: Moves) -> str:
        """Compare the mean score with the two cuts."""
        mean, n, cuts = self._mean(state), int(state.tally.at(state.dose)[0][0]), self.boundaries(plan)
        action = int(moves.reason[0]) - 1
        relation = {
            1: f"at most lambda_e = {cuts['lambda_e']:.4f}",
            0: f"between lambda_e = {cuts['lambda_e']:.4f} and lambda_d = {cuts['lambda_d']:.4f}",
            -1: f"at least lambda_d = {cuts['lambda_d']:.4f}",
        }[action]
        patients, level = f"{n} patient{'s' * (n > 1)}", int(state.dose[0]) + 1
        part = f" is {mean:.4f} of a DLT's score," if self.score_of_dlt() != 1 else " is"
        return (
            f"Mean score {mean * self.score_of_dlt():.4f} in {patients} at level {level}{part} {relation}: "
            f"{action_said(state, moves)}."
        )

    def margin(self, plan: Plan, state: States) -> Margin | None:
        """Return the distance of the mean score to the nearer cut."""
        mean = self._mean(state)
        name, cut = min(self.boundaries(plan).items(), key=lambda item: abs(item[1] - mean))
        return Margin(
            abs(cut - mean), f"{abs(cut - mean):.4f} from {name} = {cut:.4f}, in mean score as a part of a DLT's"
        )

    def _mean(self, state: States) -> float:
        dose = int(state.dose[0])
        return float(self.events(state.tally)[0, dose] / state.tally.n[0, dose])

    def table_notes(self, plan: Plan) -> tuple[str, ...]:
        """Say what the scores are and what the target is on their scale."""
        scores = ", ".join(f"{grade.letter} ({grade.name}) {grade.score:g}" for grade in self.grades)
        scaled = plan.target_rate * self.score_of_dlt()
        return (f"Total scores: {scores}; the target is a mean score of {scaled:.6g}.",)

    def problems(self, plan: Plan) -> Iterator[Problem]:
        """Refuse grades that do not increase, and cuts on the wrong side of the target."""
        for k, (milder, worse) in enumerate(pairwise(self.grades), start=2):
            if worse.score <= milder.score:
                yield Problem(
                    f"grades[{k}].score", f"{worse.score:g} is not above that of the grade before ({milder.score:g})"
                )
        letters = [grade.letter for grade in self.grades]
        for k, letter in enumerate(letters, start=1):
            if letter in letters[: k - 1]:
                yield Problem(f"grades[{k}].letter", f"'{letter}' was given already; each grade needs its own letter")
        if self.grades[0].score != 0:
            yield Problem(
                "grades[1].score", f"{self.grades[0].score:g} is not 0; the first grade is no toxicity that counts"
            )
        low, target, high = self._limits(plan)
        if not target / 10 <= target - low:
            yield Problem(
                "p_saf", f"{float(low):g} is not below the target {plan.target_rate:g} by at least a tenth of it"
            )
        if not target / 10 <= high - target or high >= 1:
            yield Problem(
                "p_tox", f"{float(high):g} is not between the target {plan.target_rate:g}, plus a tenth of it, and 1"
            )

    def doubts(self, design: Design) -> Iterator[str]:
        """Question a trial that nothing stops."""
        if self.endpoint == "normal" and not any(rule.about_safety for rule in design.rules):
            yield "endpoint: normal has no published safety rule and none is given: nothing bars a dose that is too toxic"

    @classmethod
    def starter(cls) -> tuple[Gboin, int, int]:
        """Return three grades: an exact answer is then quick."""
        grades = (("N", "mild or none", 0.0), ("M", "moderate", 0.5), ("T", "DLT", 1.0))
        return (
            cls(grades=tuple(ScoredGrade(letter=letter, name=name, score=score) for letter, name, score in grades)),
            5,
            21,
        )

    def describe(self, design: Design) -> tuple[str, ...]:
        """Say what outcomes score, and which mean is compared with which cuts."""
        cuts = self.boundaries(design)
        low, target, high = (number(x) for x in self._limits(design))
        ends = tuple(wording.cut(cuts[name], design.max_patients * burden_units(self.outcomes)[1]) for name in cuts)
        scores = wording.listed([f"{grade.letter} ({grade.name}) {number(grade.score)}" for grade in self.grades])
        how = (
            "as BOIN's cut-offs for a DLT rate of the same value"
            if self.endpoint == "quasi_binary"
            else "half way between the target and each of them"
        )
        mean = "mean score at the current level"
        return (
            f"Each patient's worst toxicity has a score: {scores}. Scores are divided by that of a DLT, "
            f"{number(self.score_of_dlt())}; the target is a mean score of {target} on this scale.",
            f"After each cohort, the {mean} is compared with two cut-offs, lambda_e = {ends[0]} and lambda_d = {ends[1]}. They "
            f"follow, {how}, from a mean score of {low} that is held to be too low (p_saf) and one of {high} that is held to be "
            "too high (p_tox).",
            *interval_words.compared(
                design, f"the {mean} is at most lambda_e", "the same otherwise", "it is at least lambda_d"
            ),
        )

    def describe_selection(self, design: Design) -> tuple[str, ...]:
        """Say that the MTD is selected by the mean scores."""
        return interval_words.isotonic_selection(
            design,
            prior=isotonic.BOIN_PRIOR,
            weights="precision" if self.endpoint == "quasi_binary" else "patients",
            what="mean score",
            counted="sum of the scores",
        )

    @classmethod
    def examples(cls) -> tuple[Gboin, ...]:
        """Return the equivalent toxicity score, a normal score, and three grades."""
        return (cls(), cls(endpoint="normal"), cls(grades=(ETS[0], ETS[2], ETS[3])))
