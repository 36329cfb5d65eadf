"""Stop when the same dose has come again and again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from escalate.core.arrays import IntArray, Mask
from escalate.core.rule import Rule, StopRule
from escalate.core.setting import Count
from escalate.core.tally import States

if TYPE_CHECKING:
    from escalate.core.design import Design


class StopWhenStable(StopRule):
    """Stop when the last few cohorts all had the dose that would follow.

    Notes
    -----
    The cohort just seen is one of the `cohorts`, so `cohorts: 3` stops after the third cohort in a row at a dose if the
    fourth would have it too. Earlier visits to the dose do not count. At the top or the bottom level a dose is also stable
    because there is nowhere else to go.
    """

    kind: Literal["stop_when_stable"] = "stop_when_stable"
    cohorts: Count

    @property
    def cohorts_counted(self) -> int:
        """How many cohorts in a row it counts up to."""
        return self.cohorts

    def stops(self, design: Design, states: States, following: IntArray) -> Mask:
        """Stop where the cohorts in a row are enough and the next would have the same dose."""
        # Whoever asks a design that counts has to say how many there were.
        assert states.in_a_row is not None
        return (states.in_a_row >= self.cohorts) & (following == states.dose)

    def when(self, design: Design) -> str:
        """Give the number of cohorts."""
        if self.cohorts == 1:
            return "the next cohort would get the dose just given"
        return f"the last {self.cohorts} cohorts all had the dose that the next would get"

    def explain(self, design: Design, state: States, following: int) -> str:
        """Count the cohorts in a row at the dose just given."""
        assert state.in_a_row is not None
        k = int(state.in_a_row[0])
        return (
            f"Level {int(state.dose[0]) + 1} was given to {k} cohort{'s' * (k != 1)} in a row; the rule asks for "
            f"{self.cohorts}, and for the same level next."
        )

    def doubts(self, design: Design) -> Iterator[str]:
        """Question a rule that comes too late to matter."""
        sized = design.method.sizes_cohorts or any(
            type(rule).cohort_size is not Rule.cohort_size for rule in design.rules
        )
        if not sized and self.cohorts * design.cohort_size >= design.max_patients:
            yield (
                f"stop_when_stable after {self.cohorts} cohorts of {design.cohort_size} has no effect: the trial has at most "
                f"{design.max_patients} patients"
            )

    @classmethod
    def examples(cls) -> tuple[StopWhenStable, ...]:
        """Return the rule."""
        return (cls(cohorts=3),)
