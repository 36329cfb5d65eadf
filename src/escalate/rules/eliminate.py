"""Eliminate a dose, and all above it, when it is likely to be too toxic."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np

from escalate.core.arrays import Mask
from escalate.core.errors import Problem
from escalate.core.outcome import burden_units, said, score_note
from escalate.core.rule import Rule
from escalate.core.setting import BetaPrior, Count, Probability
from escalate.core.tally import States
from escalate.models import beta_binomial

if TYPE_CHECKING:
    from escalate.core.design import Design


class Eliminate(Rule):
    """Forbid a dose and all above it where Pr(p > target) exceeds a cut-off under a uniform prior.

    Notes
    -----
    Strictly above the cut-off, from `min_patients` evaluable patients on, prior Beta(1, 1) unless given. When level 1 goes the
    trial stops and no MTD is declared. Where outcomes are graded, a patient counts as the part of a DLT that the outcome weighs.

    References
    ----------
    Liu S, Yuan Y (2015). Bayesian optimal interval designs for phase I clinical trials. J R Stat Soc Ser C Appl Stat
    64:507-523.
    """

    kind: Literal["eliminate"] = "eliminate"
    cutoff: Probability = 0.95
    min_patients: Count = 3
    prior: BetaPrior | None = None

    about_safety = True
    permanent = True

    @property
    def _prior(self) -> tuple[float, float]:
        return self.prior if self.prior is not None else beta_binomial.UNIFORM

    def forbids(self, design: Design, states: States) -> Mask:
        """Forbid each dose at or above one whose own data exceed the cut-off."""
        units, whole = burden_units(design.outcomes)
        n, burden = states.tally.n, states.tally.burden(units)
        too_toxic = beta_binomial.exceeds(n, burden, whole, design.target_rate, self.cutoff, self._prior) & (
            n >= self.min_patients
        )
        return np.logical_or.accumulate(too_toxic, axis=1)

    def describe(self, design: Design) -> str:
        """Say what the rule does."""
        prior = f"Beta({self._prior[0]:g}, {self._prior[1]:g})"
        return (
            f"A dose with at least {self.min_patients} evaluable patients and Pr(p > {design.target_rate:g} | data) above "
            f"{self.cutoff:g} under a {prior} prior is eliminated with all doses above it, for the rest of the trial; the "
            f"trial stops, with no MTD, when level 1 is eliminated.{score_note(design.outcomes)}"
        )

    def explain(self, design: Design, state: States, following: int) -> str:
        """Give Pr(p > target) of the dose just given, and of any dose eliminated."""
        units, whole = burden_units(design.outcomes)
        n, burden = state.tally.n[0], state.tally.burden(units)[0]
        out = self.forbids(design, state)[0]
        lowest_out = int(np.argmax(out)) if out.any() else None
        shown = sorted({int(state.dose[0]), *([lowest_out] if lowest_out is not None else [])})
        parts = [
            f"level {j + 1}: {said(int(burden[j]), whole, int(n[j]))}, Pr(p > {design.target_rate:g}) = "
            f"{beta_binomial.tail_of_burden(int(n[j]), int(burden[j]), whole, design.target_rate, self._prior):.4f}"
            for j in shown
        ]
        verdict = (
            "no dose is eliminated" if lowest_out is None else f"level {lowest_out + 1} and all above are eliminated"
        )
        few = f"; the rule applies from {self.min_patients} patients" if (n[shown] < self.min_patients).any() else ""
        return f"{'; '.join(parts)} against the cut-off {self.cutoff:g}{few}: {verdict}."

    def problems(self, design: Design) -> Iterator[Problem]:
        """Refuse a design without a target."""
        if design.target is None:
            yield Problem("kind", "eliminate needs the design's target")

    @classmethod
    def examples(cls) -> tuple[Eliminate, ...]:
        """Return the published rule and a stricter one."""
        return (cls(), cls(cutoff=0.9))
