"""A hard rule for one count: so many DLTs in so many patients at a dose, and it is not exceeded, or is left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np

from escalate.core.arrays import Mask
from escalate.core.errors import Problem
from escalate.core.rule import Rule
from escalate.core.setting import Count
from escalate.core.tally import States

if TYPE_CHECKING:
    from escalate.core.design import Design


class StickOnDlts(Rule):
    """Never escalate, or leave the dose, at a given number of DLTs among a given number of patients.

    Notes
    -----
    It speaks where the dose just given has exactly `patients` evaluable patients and at least `dlts` DLTs. `then: stay`
    forbids every higher level; it does not keep the method from going down. `then: de_escalate` forbids the level itself too,
    except level 1, which stays. "1/3 stays" and "3/6 de-escalates" are two such rules. It holds for that one decision: with
    more patients at the dose the method is asked again.
    """

    kind: Literal["stick_on_dlts"] = "stick_on_dlts"
    patients: Count
    dlts: Count
    then: Literal["stay", "de_escalate"]

    in_table = True

    def _speaks(self, states: States) -> Mask:
        n, dlt = states.tally.at(states.dose)
        return (n == self.patients) & (dlt >= self.dlts)

    def forbids(self, design: Design, states: States) -> Mask:
        """Forbid what is above the dose just given, and the dose itself where it must be left."""
        # Level 1 cannot be left for a lower one.
        lowest = states.dose + 1 if self.then == "stay" else np.maximum(states.dose, 1)
        return self._speaks(states)[:, None] & (np.arange(design.n_doses) >= lowest[:, None])

    def describe(self, design: Design) -> str:
        """Say what the rule does."""
        if self.then == "stay":
            what = "there is no escalation from it."
        else:
            what = "it is left for a lower one, except level 1; the level can still be the MTD."
        return f"Where the dose just given has exactly {self.patients} evaluable patients and {self.dlts} or more DLTs, {what}"

    def explain(self, design: Design, state: States, following: int) -> str:
        """Give patients and DLTs at the dose just given."""
        n, dlt = (int(count[0]) for count in state.tally.at(state.dose))
        level = int(state.dose[0]) + 1
        verdict = "nothing follows from it"
        if self._speaks(state)[0]:
            verdict = "no escalation" if self.then == "stay" or level == 1 else "the level is left"
        return f"Level {level}: {dlt}/{n} DLTs; the rule is for {self.dlts} or more in {self.patients}: {verdict}."

    def problems(self, design: Design) -> Iterator[Problem]:
        """Refuse more DLTs than patients."""
        if self.dlts > self.patients:
            yield Problem("dlts", f"{self.dlts} is more than {self.patients} patients can have")

    def doubts(self, design: Design) -> Iterator[str]:
        """Question a number of patients that no dose can have."""
        sized = any(type(rule).cohort_size is not Rule.cohort_size for rule in design.rules)
        if not (sized or design.method.sizes_cohorts) and self.patients % design.cohort_size:
            yield (
                f"stick_on_dlts for {self.patients} patients never speaks: cohorts of {design.cohort_size} do not lead to "
                f"{self.patients} patients at a dose"
            )

    @classmethod
    def examples(cls) -> tuple[StickOnDlts, ...]:
        """Return both forms."""
        return (cls(patients=3, dlts=1, then="stay"), cls(patients=6, dlts=3, then="de_escalate"))
