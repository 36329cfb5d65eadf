"""Stop when enough patients have been treated at one dose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from escalate.core.arrays import NONE, IntArray, Mask
from escalate.core.rule import StopRule
from escalate.core.setting import Count
from escalate.core.tally import States

if TYPE_CHECKING:
    from escalate.core.design import Design


class StopAtPatientsAtDose(StopRule):
    """Stop when the dose just given (or the one that would follow) has enough evaluable patients.

    Notes
    -----
    With `only_if_staying` the trial stops only where the next cohort would get the same dose again: BOIN's `n.earlystop`.
    With `at: next` the dose that would follow is counted: bcrm's `nmtd`.
    """

    kind: Literal["stop_at_patients_at_dose"] = "stop_at_patients_at_dose"
    patients: Count
    only_if_staying: bool = False
    at: Literal["last", "next"] = "last"

    def stops(self, design: Design, states: States, following: IntArray) -> Mask:
        """Stop where the dose has the patients."""
        dose = states.dose if self.at == "last" else np.where(following >= 0, following, states.dose)
        enough = states.tally.at(dose)[0] >= self.patients
        return enough & (following == states.dose) if self.only_if_staying else enough

    def when(self, design: Design) -> str:
        """Name the dose and the number."""
        which = "just given" if self.at == "last" else "recommended next"
        condition = " and the same dose would be given again" if self.only_if_staying else ""
        return f"the dose {which} has {self.patients} or more evaluable patients{condition}"

    def explain(self, design: Design, state: States, following: int) -> str:
        """Count the patients at the dose that counts, and say whether the same dose would follow where that is asked."""
        given = int(state.dose[0])
        dose = given if self.at == "last" or following == NONE else following
        n = int(state.tally.n[0, dose])
        which = f"Level {dose + 1}" if dose == given else f"Level {dose + 1}, which would follow,"
        staying = ""
        if self.only_if_staying:
            staying = f", and the same level next, which {'is' if following == given else 'is not'} so"
        return f"{which} has {n} evaluable patient{'s' * (n != 1)}; the rule asks for {self.patients}{staying}."

    @classmethod
    def examples(cls) -> tuple[StopAtPatientsAtDose, ...]:
        """Return the three forms."""
        return (cls(patients=12), cls(patients=9, only_if_staying=True), cls(patients=9, at="next"))
