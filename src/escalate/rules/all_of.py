"""Stop when each of several stops would."""

from __future__ import annotations

from typing import Literal

import numpy as np

from escalate.core.arrays import Mask
from escalate.rules.any_of import AnyOf
from escalate.rules.families.combination import Combination
from escalate.rules.stop_at_patients import StopAtPatients
from escalate.rules.stop_at_patients_at_dose import StopAtPatientsAtDose
from escalate.rules.stop_when_stable import StopWhenStable


class AllOf(Combination):
    """Stop when every one of its rules would stop.

    Notes
    -----
    "At least 18 patients in all, and 9 at the dose" is `all_of` of two rules; listed one by one they would stop at the
    earlier. It is held back like other stops, unless all its rules are about safety.

    References
    ----------
    Sabanes Bove D, Yeung WY, Palermo G, Jaki T (2019). Model-based dose escalation designs in R with crmPack. J Stat Softw
    89(10):1-22. (Stopping rules joined by "and" and "or".)
    """

    kind: Literal["all_of"] = "all_of"

    word = "and"
    asks = "all are"

    @staticmethod
    def join(masks: list[Mask]) -> Mask:
        """Return where every part ends the trial."""
        return np.logical_and.reduce(masks)

    @classmethod
    def examples(cls) -> tuple[AllOf, ...]:
        """Return a pair, and one with an alternative inside."""
        enough, at_dose = StopAtPatients(patients=18), StopAtPatientsAtDose(patients=9, at="next")
        return (cls(rules=(enough, at_dose)), cls(rules=(enough, AnyOf(rules=(at_dose, StopWhenStable(cohorts=3))))))
