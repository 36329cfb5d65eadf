"""Stop when the DLT rate at the MTD is known well enough."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np

from escalate.core.arrays import NONE, FloatArray, IntArray, Mask
from escalate.core.errors import Problem
from escalate.core.method import ModelMethod
from escalate.core.rule import StopRule
from escalate.core.setting import Count, Probability
from escalate.core.tally import States
from escalate.core.wording import percent

if TYPE_CHECKING:
    from escalate.core.design import Design


class StopWhenPrecise(StopRule):
    """Stop when the credible interval of p at the dose that would follow lies within given limits.

    Notes
    -----
    The equal-tailed interval of probability `interval` is within [lower, upper] when Pr(p < lower) and Pr(p > upper) are
    both at most (1 - interval) / 2.

    References
    ----------
    Sweeting M, Mander A, Sabin T (2013). bcrm: Bayesian continual reassessment method designs for phase I dose-finding
    trials. J Stat Softw 54(13):1-26.
    """

    kind: Literal["stop_when_precise"] = "stop_when_precise"
    lower: Probability
    upper: Probability
    interval: Probability = 0.95
    min_patients: Count = 6

    def _tails(self, design: Design, states: States, dose: IntArray) -> tuple[FloatArray, FloatArray]:
        assert isinstance(design.method, ModelMethod)
        above_lower = design.method.prob_above(design, states.tally, self.lower)
        above_upper = design.method.prob_above(design, states.tally, self.upper)
        row = np.arange(len(states))
        return 1 - above_lower[row, dose], above_upper[row, dose]

    def stops(self, design: Design, states: States, following: IntArray) -> Mask:
        """Stop where both tails at the following dose are small."""
        dose = np.maximum(following, 0)
        low, high = self._tails(design, states, dose)
        tail = (1 - self.interval) / 2
        enough = states.tally.at(dose)[0] >= self.min_patients
        return (following >= 0) & enough & (low <= tail) & (high <= tail)

    def when(self, design: Design) -> str:
        """Give the interval and its limits."""
        return (
            f"the {percent(self.interval)} credible interval, from the model, of the DLT rate at the recommended dose "
            f"lies within {self.lower:g} to {self.upper:g} and that dose has at least {self.min_patients} evaluable patients"
        )

    def weighs_follow_up(self, design: Design) -> bool:
        """Return whether the method weighs."""
        return design.method.weighs_follow_up

    def explain(self, design: Design, state: States, following: int) -> str:
        """Give both tails at the dose that would follow."""
        dose = int(state.dose[0]) if following == NONE else following
        low, high = self._tails(design, state, np.array([dose]))
        return (
            f"At level {dose + 1}: Pr(p < {self.lower:g}) = {low[0]:.4f}, Pr(p > {self.upper:g}) = "
            f"{high[0]:.4f}; both must be at most {(1 - self.interval) / 2:g} at the dose that follows."
        )

    def problems(self, design: Design) -> Iterator[Problem]:
        """Refuse crossed limits, and a method that has no posterior."""
        if self.lower >= self.upper:
            yield Problem("lower", f"{self.lower:g} is not below upper ({self.upper:g})")
        if not (isinstance(design.method, ModelMethod) and design.method.has_posterior):
            yield Problem(
                "kind", f"{design.method.kind} here gives no posterior probability, which stop_when_precise needs"
            )

    @classmethod
    def examples(cls) -> tuple[StopWhenPrecise, ...]:
        """Return a rule as used with the CRM."""
        return (cls(lower=0.1, upper=0.5),)
