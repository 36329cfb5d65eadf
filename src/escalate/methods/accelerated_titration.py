"""Accelerated titration: single patients at rising doses, then the 3+3 design."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

import numpy as np

from escalate.core.arrays import IntArray, Mask
from escalate.core.errors import Problem
from escalate.core.method import TableMethod
from escalate.core.moves import DoseSummary, Moves
from escalate.core.outcome import Outcome
from escalate.core.plan import Plan
from escalate.core.setting import Count
from escalate.core.tally import States, Tally
from escalate.methods.families import rule_based_words
from escalate.methods.three_plus_three import ThreePlusThree
from escalate.rules.no_skipping import NoSkipping

if TYPE_CHECKING:
    from escalate.core.design import Design

# Moderate toxicity ends the titration; it counts nothing towards the DLT rate.
OUTCOMES = (
    Outcome("N", "no or mild toxicity", Fraction(0)),
    Outcome("M", "moderate toxicity", Fraction(0)),
    Outcome("T", "DLT", Fraction(1)),
)
MODERATE = 1


class AcceleratedTitration(TableMethod):
    """One patient a dose until the first DLT or the second moderate toxicity, then 3+3 from that dose.

    Notes
    -----
    `moderate_to_stop` is the number of patients with moderate (grade 2, drug-related) toxicity that ends the titration.
    `step` is how many levels a step goes up while accelerated; `cap` the highest level given in single patients. The level
    that ends the titration is completed to three patients and the 3+3 design takes over, with `six_at_mtd` as there.

    References
    ----------
    Simon R, Freidlin B, Rubinstein L, Arbuck SG, Collins J, Christian MC (1997). Accelerated titration designs for phase I
    clinical trials in oncology. J Natl Cancer Inst 89:1138-1147.
    """

    kind: Literal["accelerated_titration"] = "accelerated_titration"
    moderate_to_stop: Count = 2
    step: Count = 1
    cap: Count | None = None
    deescalate: bool = True
    six_at_mtd: bool = False

    needs_target = False
    closes = ThreePlusThree.closes
    reasons = (*ThreePlusThree.reasons, "titrate", "complete_cohort", "start_full_cohorts")

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """No or mild toxicity, moderate toxicity, DLT."""
        return OUTCOMES

    @property
    def standard(self) -> ThreePlusThree:
        """The design that takes over."""
        return ThreePlusThree(deescalate=self.deescalate, six_at_mtd=self.six_at_mtd)

    def decide(self, plan: Plan, states: States) -> Moves:
        """Go up while titrating; complete the cohort where that ends; then follow the 3+3 design."""
        after, dose, last = self.standard.decide(plan, states), states.dose, self._last(plan)
        single = _single(states.tally)
        free = single & ~self._triggered(states.tally)
        climbs = free & (dose < last)
        passes = free & (dose == last) & (last < plan.n_doses - 1)
        code = len(ThreePlusThree.reasons)
        following = np.where(climbs, np.minimum(dose + self.step, last), np.where(passes, dose + 1, dose))
        reason = np.where(climbs, code, np.where(passes, code + 2, code + 1))
        return Moves(np.where(single, following, after.next), np.where(single, reason, after.reason))

    def cohort_size(self, plan: Plan, tally: Tally, dose: IntArray) -> IntArray:
        """Return 1 while titrating, else what completes a cohort of three."""
        titrates = _single(tally) & ~self._triggered(tally) & (tally.at(dose)[0] == 0) & (dose <= self._last(plan))
        return np.where(titrates, 1, self.standard.cohort_size(plan, tally, dose))

    def actions(self, plan: Plan, n: int, dose: int) -> IntArray:
        """Return the 3+3 table, which holds once the titration is over."""
        return self.standard.actions(plan, n, dose)

    def largest_at_dose(self, plan: Plan) -> int:
        """Return six."""
        return self.standard.largest_at_dose(plan)

    def table_notes(self, plan: Plan) -> tuple[str, ...]:
        """Say what comes before the table."""
        step, last = f"{self.step} level{'s' * (self.step > 1)}", self._last(plan) + 1
        beyond = "its cohort is completed" if last == plan.n_doses else f"whole cohorts start at level {last + 1}"
        return (
            *self.standard.table_notes(plan),
            f"While no level has more than one patient: one patient a level, {step} up at a time, to level {last} at most.",
            f"The first DLT, or {_patients(self.moderate_to_stop)} with moderate toxicity, ends this: that level is completed "
            f"to 3 patients. Without either, after level {last} {beyond}. Then the table applies.",
        )

    def select(self, plan: Plan, tally: Tally, allowed: Mask) -> IntArray:
        """Return the MTD of the 3+3 design; a level that one patient had is none."""
        return self.standard.select(plan, tally, allowed)

    def summarise(self, plan: Plan, tally: Tally) -> DoseSummary:
        """Return isotonic estimates of the tried doses: a help to the reader, not part of the design."""
        return self.standard.summarise(plan, tally)

    def closed(self, design: Design, tally: Tally) -> Iterator[tuple[str, Mask]]:
        """Yield what the 3+3 design closes: with two DLTs at a level the titration is over."""
        yield from self.standard.closed(design, tally)

    def explain(self, plan: Plan, state: States, moves: Moves) -> str:
        """Say what the single patients had, or which row of the 3+3 table applies."""
        reason = self.reasons[int(moves.reason[0])]
        if reason in ThreePlusThree.reasons:
            return self.standard.explain(plan, state, moves)
        level, moderate = int(state.dose[0]) + 1, int(_moderate(state.tally)[0])
        so_far = f"no DLT and {_patients(moderate)} with moderate toxicity so far"
        if reason == "titrate":
            return (
                f"Single patients up to level {level}: {so_far}, {_patients(self.moderate_to_stop)} would end it; titration "
                f"goes on to level {int(moves.next[0]) + 1}."
            )
        if reason == "start_full_cohorts":
            return f"Single patients up to level {level}, the cap: {so_far}; whole cohorts start at level {level + 1}."
        why = (
            "a DLT"
            if state.tally.dlt.sum()
            else f"{_patients(moderate)} with moderate toxicity"
            if moderate >= self.moderate_to_stop
            else "the top level"
            if level == plan.n_doses
            else "above the cap"
        )
        return f"Titration ended at level {level} ({why}): its cohort is completed to 3 patients."

    def default_max_patients(self, n_doses: int) -> int:
        """Return six patients a dose: the design never uses more."""
        return self.standard.default_max_patients(n_doses)

    def problems(self, plan: Plan) -> Iterator[Problem]:
        """Refuse what the 3+3 design cannot take over from, and a cap that is no level of the titration."""
        if plan.cohort_size != 3:
            yield Problem("kind", f"accelerated_titration goes over to cohorts of 3; cohort_size is {plan.cohort_size}")
        if not self.deescalate:
            yield Problem(
                "deescalate",
                "false would declare a level that a single patient had, below one that is too toxic; it must be true",
            )
        if self.cap is not None and self.cap > plan.n_doses:
            yield Problem("cap", f"level {self.cap} does not exist; the doses have {plan.n_doses} levels")
        if self.cap is not None and self.cap < plan.start_level:
            yield Problem("cap", f"level {self.cap} is below start_level {plan.start_level}: nothing would be titrated")

    def doubts(self, design: Design) -> Iterator[str]:
        """Question a short trial, and a step that a rule takes back."""
        yield from self.standard.doubts(design)
        if self.step > 1 and any(isinstance(rule, NoSkipping) for rule in design.rules):
            yield f"step: {self.step} skips levels and the rule no_skipping forbids that: titration goes up by one level"
        elif self.step > 2:
            to = min(design.start_level + self.step, design.n_doses)
            yield (
                f"step: {self.step} goes from level {design.start_level} to level {to} after one patient without toxicity; the "
                "published designs have steps of at most 100%, two levels of a 40% ladder"
            )

    @property
    def sizes_cohorts(self) -> bool:
        """Return True: one patient, then three, then three more."""
        return True

    @classmethod
    def starter(cls) -> tuple[AcceleratedTitration, int, int]:
        """Return four levels: an exact answer is then quick."""
        return cls.examples()[0], 4, 24

    def describe_sizes(self, design: Design) -> str:
        """Say how many patients a cohort has."""
        return (
            "Single patients come first, one at a level; after this accelerated titration a level is filled to 3 patients, "
            "then to 6."
        )

    def describe(self, design: Design) -> tuple[str, ...]:
        """Say how single patients come first, and what the 3+3 design does then."""
        before = rule_based_words.titration(design, self.moderate_to_stop, self.step, self._last(design) + 1)
        return (*before, *self.standard.describe(design))

    def describe_selection(self, design: Design) -> tuple[str, ...]:
        """Say which level is the MTD."""
        return self.standard.describe_selection(design)

    @classmethod
    def examples(cls) -> tuple[AcceleratedTitration, ...]:
        """Return design 2 of the paper, and one with a cap."""
        return (cls(), cls(cap=2, six_at_mtd=True))

    def _last(self, plan: Plan) -> int:
        return plan.n_doses - 1 if self.cap is None else self.cap - 1

    def _triggered(self, tally: Tally) -> Mask:
        return (tally.dlt.sum(axis=1) > 0) | (_moderate(tally) >= self.moderate_to_stop)


def _single(tally: Tally) -> Mask:
    """Return where no dose has more than one patient: the titration, read off the tally (decision 0007)."""
    return tally.n.max(axis=1) <= 1


def _moderate(tally: Tally) -> IntArray:
    return tally.counts[:, :, MODERATE].sum(axis=1)


def _patients(n: int) -> str:
    return f"{n} patient{'s' * (n != 1)}"
