"""Stop when the trial has enough patients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from escalate.core.arrays import IntArray, Mask
from escalate.core.rule import StopRule
from escalate.core.setting import Count
from escalate.core.tally import States

if TYPE_CHECKING:
    from escalate.core.design import Design


class StopAtPatients(StopRule):
    """Stop when the whole trial has enough evaluable patients: a part of an `all_of`.

    Notes
    -----
    By itself it is a second, smaller `max_patients` that a holding rule can hold back.
    """

    kind: Literal["stop_at_patients"] = "stop_at_patients"
    patients: Count

    def stops(self, design: Design, states: States, following: IntArray) -> Mask:
        """Stop where the trial has the patients."""
        return states.tally.n_total >= self.patients

    def when(self, design: Design) -> str:
        """Give the number."""
        return f"it has {self.patients} or more evaluable patients in all"

    def explain(self, design: Design, state: States, following: int) -> str:
        """Count the patients of the trial."""
        return f"The trial has {int(state.tally.n_total[0])} evaluable patients; the rule asks for {self.patients}."

    def doubts(self, design: Design) -> Iterator[str]:
        """Question a number that `max_patients` makes pointless."""
        if self.patients >= design.max_patients:
            yield (
                f"stop_at_patients with {self.patients} patients has no effect: max_patients ends the trial at "
                f"{design.max_patients}"
            )

    @classmethod
    def examples(cls) -> tuple[StopAtPatients, ...]:
        """Return the rule."""
        return (cls(patients=18),)
