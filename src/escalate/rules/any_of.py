"""Stop when any one of several stops would."""

from __future__ import annotations

from typing import Literal

import numpy as np

from escalate.core.arrays import Mask
from escalate.rules.families.combination import Combination
from escalate.rules.stop_at_patients import StopAtPatients
from escalate.rules.stop_at_patients_at_dose import StopAtPatientsAtDose
from escalate.rules.stop_when_stable import StopWhenStable


class AnyOf(Combination):
    """Stop when any one of its rules would stop: for use inside `all_of`.

    Notes
    -----
    Listing the rules one by one does the same. A rule inside that is about safety (`max_dlts`) stops the trial even where
    another rule holds it, as it would outside.
    """

    kind: Literal["any_of"] = "any_of"

    word = "or"
    asks = "one is"

    @staticmethod
    def join(masks: list[Mask]) -> Mask:
        """Return where any part ends the trial."""
        return np.logical_or.reduce(masks)

    @classmethod
    def examples(cls) -> tuple[AnyOf, ...]:
        """Return two stops."""
        return (
            cls(rules=(StopAtPatientsAtDose(patients=12), StopWhenStable(cohorts=4))),
            cls(rules=(StopAtPatients(patients=18),)),
        )
