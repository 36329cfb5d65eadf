"""Stop when the trial has seen too many DLTs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from escalate.core.arrays import IntArray, Mask
from escalate.core.rule import StopRule
from escalate.core.setting import Count
from escalate.core.tally import States

if TYPE_CHECKING:
    from escalate.core.design import Design


class MaxDlts(StopRule):
    """Stop when the DLTs of the whole trial reach a number, whatever other rules hold.

    Notes
    -----
    DLTs at all doses count. It bars no dose: the MTD is selected as usual. As a stop for safety it is never held back. A cap
    on DLTs ends long trials at safe doses too: look at the operating characteristics before using one.
    """

    kind: Literal["max_dlts"] = "max_dlts"
    dlts: Count

    about_safety = True

    def stops(self, design: Design, states: States, following: IntArray) -> Mask:
        """Stop where the trial has the DLTs."""
        return states.tally.dlt.sum(axis=1) >= self.dlts

    def when(self, design: Design) -> str:
        """Give the number."""
        return f"{self.dlts} or more DLTs have been seen in the whole trial"

    def explain(self, design: Design, state: States, following: int) -> str:
        """Count the DLTs of the trial."""
        dlts = int(state.tally.dlt.sum())
        return f"The trial has seen {dlts} DLT{'s' * (dlts != 1)}; the rule ends it at {self.dlts}."

    def doubts(self, design: Design) -> Iterator[str]:
        """Question a number that no trial reaches."""
        if self.dlts > design.max_patients:
            yield f"max_dlts: {self.dlts} DLTs are more than the {design.max_patients} patients of the trial can have"

    def table_note(self, design: Design) -> str:
        """Say that it ends the trial whatever the rows say."""
        return f"The trial ends with {self.dlts} DLTs in all (max_dlts), whatever the rows say."

    @classmethod
    def examples(cls) -> tuple[MaxDlts, ...]:
        """Return the rule."""
        return (cls(dlts=10),)
