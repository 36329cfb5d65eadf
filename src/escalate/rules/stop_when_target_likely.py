"""Stop when the dose that would follow is likely enough to be on target."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from escalate.core.arrays import NONE, FloatArray, IntArray, Mask
from escalate.core.errors import Problem
from escalate.core.method import ModelMethod
from escalate.core.rule import StopRule
from escalate.core.setting import Probability
from escalate.core.tally import States, Tally

if TYPE_CHECKING:
    from escalate.core.design import Design

NEAR = 2e-3
"""Many states at once may be answered to 5e-4; within this of the cut-off they are asked again, a few at a time."""
FEW = 32


class StopWhenTargetLikely(StopRule):
    """Stop when the DLT rate of the dose that would follow lies in the target interval with at least a given probability.

    Notes
    -----
    At the cut-off the trial stops. A patient whose outcome is pending counts as without a DLT. `interval` is that of the method
    (`blrm`: its `intervals`) unless given; any method with a posterior will do then. Whether the limits belong to the interval
    makes no difference: the posterior is continuous. Practice adds patients at the dose: combine it with
    `stop_at_patients_at_dose` (`at: next`) in an `all_of`.

    References
    ----------
    Neuenschwander B, Branson M, Gsponer T (2008). Critical aspects of the Bayesian approach to phase I cancer trials. Stat Med
    27:2420-2439.
    Sabanes Bove D, Yeung WY, Palermo G, Jaki T (2019). Model-based dose escalation designs in R with crmPack. J Stat Softw
    89(10):1-22.
    """

    kind: Literal["stop_when_target_likely"] = "stop_when_target_likely"
    probability: Probability = 0.5
    interval: tuple[Probability, Probability] | None = None

    def _limits(self, design: Design) -> tuple[float, float]:
        if self.interval is not None:
            return self.interval
        limits = _limits_of(design.method)
        assert limits is not None
        return limits

    def stops(self, design: Design, states: States, following: IntArray) -> Mask:
        """Stop where the following dose is likely enough."""
        dose, row = np.maximum(following, 0), np.arange(len(states))
        asks = following >= 0
        found = np.zeros(len(states))
        if asks.any():
            some = np.flatnonzero(asks)
            found[some] = self._probability(design, Tally(states.tally.counts[some]))[row[: len(some)], dose[some]]
            near = np.flatnonzero(asks & (np.abs(found - self.probability) < NEAR))
            for start in range(0, len(near), FEW):
                part = near[start : start + FEW]
                exact = self._from_posterior(design, Tally(states.tally.counts[part]))
                found[part] = exact[np.arange(len(part)), dose[part]]
        return asks & (found >= self.probability)

    def _probability(self, design: Design, tally: Tally) -> FloatArray:
        """Return Pr(target interval) of every dose, shape (S, J): what the method has computed for its choice, where it has."""
        method: Any = design.method
        if self._limits(design) == _limits_of(method) and hasattr(method, "interval_probabilities"):
            cells: FloatArray = method.interval_probabilities(design, tally)[:, :, 1]
            return cells
        return self._from_posterior(design, tally)

    def _from_posterior(self, design: Design, tally: Tally) -> FloatArray:
        assert isinstance(design.method, ModelMethod)
        above = design.method.belief(design, tally).probs_above(self._limits(design))
        return np.maximum(above[0] - above[1], 0.0)

    def when(self, design: Design) -> str:
        """Give the interval and the probability."""
        low, high = self._limits(design)
        return (
            f"the DLT rate at the recommended dose lies between {low:g} and {high:g} with a probability of at least "
            f"{self.probability:g}"
        )

    def explain(self, design: Design, state: States, following: int) -> str:
        """Give the probability at the dose that would follow."""
        if following == NONE:
            return "No dose follows, so that none is likely to be on target."
        low, high = self._limits(design)
        value = self._from_posterior(design, Tally(state.tally.counts))[0, following]
        return (
            f"At level {following + 1}, which would follow, Pr({low:g} < p <= {high:g}) is {value:.4f}; the rule asks for "
            f"{self.probability:g}."
        )

    def problems(self, design: Design) -> Iterator[Problem]:
        """Refuse an interval that is none, none at all, and a method that has no posterior."""
        if not (isinstance(design.method, ModelMethod) and design.method.has_posterior):
            yield Problem(
                "kind", f"{design.method.kind} here gives no posterior probability, which stop_when_target_likely needs"
            )
        elif self.interval is None and _limits_of(design.method) is None:
            yield Problem("interval", f"is missing, and {design.method.kind} has no target interval; write [low, high]")
        if self.interval is not None and self.interval[0] >= self.interval[1]:
            yield Problem("interval", f"{self.interval[0]:g} is not below {self.interval[1]:g}; write [low, high]")

    @classmethod
    def examples(cls) -> tuple[StopWhenTargetLikely, ...]:
        """Return a rule with an interval of its own: every method with a posterior can have it."""
        return (cls(interval=(0.2, 0.35)),)


def _limits_of(method: object) -> tuple[float, float] | None:
    """Return the limits of the target interval of a method that chooses by one."""
    found = getattr(method, "intervals", None)
    return (found[0], found[1]) if isinstance(found, tuple) and len(found) >= 2 else None
