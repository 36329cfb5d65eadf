"""Hold every stop until the dose that would be the MTD has enough patients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np

from escalate.core.arrays import NONE, IntArray, Mask
from escalate.core.decision import select
from escalate.core.method import ModelMethod
from escalate.core.rule import Rule
from escalate.core.setting import Count
from escalate.core.tally import States
from escalate.rules.families.holding import nothing_to_hold

if TYPE_CHECKING:
    from escalate.core.design import Design


class MinPatientsAtSelected(Rule):
    """Keep the trial from ending before the dose to be selected has enough patients, unless for safety.

    Notes
    -----
    The dose is the MTD that the data so far would select. Where they would select none, nothing is held. It holds back the
    stops of other rules, not those for safety, not `max_patients`, and not the method's own end. The next dose need not be the
    one selected, so that a trial may go on until `max_patients` although this rule is never satisfied.
    """

    kind: Literal["min_patients_at_selected"] = "min_patients_at_selected"
    patients: Count

    def holds(self, design: Design, states: States, following: IntArray) -> Mask:
        """Hold where the dose that would be selected has fewer patients."""
        mtd = select(design, states.tally)
        return (mtd != NONE) & (states.tally.at(np.maximum(mtd, 0))[0] < self.patients)

    def describe(self, design: Design) -> str:
        """Say what the rule does."""
        source = " from the model" if self.weighs_follow_up(design) else ""
        return (
            f"Until the dose that would be selected as the MTD{source} has at least {self.patients} evaluable patients the "
            f"trial ends only for safety, at its maximum of {design.max_patients}, or by the method itself; where none would be "
            "selected nothing is held back."
        )

    def weighs_follow_up(self, design: Design) -> bool:
        """Return whether the method selects by a model that weighs."""
        return isinstance(design.method, ModelMethod) and design.method.weighs_follow_up

    def explain(self, design: Design, state: States, following: int) -> str:
        """Name the dose that would be selected, and count its patients."""
        mtd = int(select(design, state.tally)[0])
        if mtd == NONE:
            return "No dose would be selected now: the trial may end."
        n = int(state.tally.n[0, mtd])
        verdict = "the trial may not end yet" if n < self.patients else "the trial may end"
        return (
            f"Level {mtd + 1} would be selected now and has {n} evaluable patients; the rule asks for {self.patients}: "
            f"{verdict}."
        )

    def doubts(self, design: Design) -> Iterator[str]:
        """Question a number that is never reached before the end, and a hold on nothing."""
        if self.patients >= design.max_patients:
            yield (
                f"min_patients_at_selected with {self.patients} patients at one dose holds back every stop until max_patients "
                f"({design.max_patients}) ends the trial"
            )
        yield from nothing_to_hold(design, self.kind)

    @classmethod
    def examples(cls) -> tuple[MinPatientsAtSelected, ...]:
        """Return the rule."""
        return (cls(patients=6),)
