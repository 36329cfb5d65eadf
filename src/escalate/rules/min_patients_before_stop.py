"""Hold every stop until the trial has enough patients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from escalate.core.arrays import IntArray, Mask
from escalate.core.rule import Rule
from escalate.core.setting import Count
from escalate.core.tally import States
from escalate.rules.families.holding import nothing_to_hold

if TYPE_CHECKING:
    from escalate.core.design import Design


class MinPatientsBeforeStop(Rule):
    """Keep the trial from ending before it has enough evaluable patients, unless for safety.

    Notes
    -----
    It holds back the stops of other rules, not those for safety, not `max_patients`, and not the method's own end (a 3+3
    that has found its MTD).
    """

    kind: Literal["min_patients_before_stop"] = "min_patients_before_stop"
    patients: Count

    def holds(self, design: Design, states: States, following: IntArray) -> Mask:
        """Hold where the trial has fewer patients."""
        return states.tally.n_total < self.patients

    def describe(self, design: Design) -> str:
        """Say what the rule does."""
        return (
            f"Before it has at least {self.patients} evaluable patients the trial ends only for safety, at its maximum of "
            f"{design.max_patients}, or by the method itself."
        )

    def explain(self, design: Design, state: States, following: int) -> str:
        """Count the patients of the trial."""
        n = int(state.tally.n_total[0])
        verdict = "the trial may not end yet" if n < self.patients else "the trial may end"
        return f"The trial has {n} evaluable patients; the rule asks for {self.patients}: {verdict}."

    def doubts(self, design: Design) -> Iterator[str]:
        """Question a number that is never reached before the end, and a hold on nothing."""
        if self.patients >= design.max_patients:
            yield (
                f"min_patients_before_stop with {self.patients} patients holds back every stop until max_patients "
                f"({design.max_patients}) ends the trial"
            )
        yield from nothing_to_hold(design, self.kind)

    @classmethod
    def examples(cls) -> tuple[MinPatientsBeforeStop, ...]:
        """Return the rule."""
        return (cls(patients=12),)
