"""Settings of escalation with overdose control: how its bound rises, how doses are rounded, and the prior.

Babb JS, Rogatko A (2001). Patient specific dosing in a cancer phase I clinical trial. Stat Med 20:2079-2090.
Wheeler GM, Sweeting MJ, Mander AP (2017). Toxicity-dependent feasibility bounds for the escalation with overdose control approach
in phase I cancer trials. Stat Med 36:2499-2513.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from escalate.core.arrays import FloatArray
from escalate.core.setting import Probability, Setting
from escalate.core.tally import Tally

Beta = tuple[Annotated[float, Field(ge=1, le=100)], Annotated[float, Field(ge=1, le=100)]]


class Schedule(Setting):
    """How the feasibility bound rises: by `step` for each cohort or patient seen after the first `hold`, up to `max`.

    With `only_after: no_dlt` only patients without a DLT count, `cohort_size` of them as one cohort.
    """

    step: float = 0.05
    max: Probability = 0.5
    per: Literal["cohort", "patient"] = "cohort"
    only_after: Literal["none", "no_dlt"] = "none"
    hold: Annotated[int, Field(ge=0)] = 1

    def bound(self, first: float, tally: Tally, cohort_size: int) -> FloatArray:
        """Return the bound of the next dose in each state, shape (S,), given the one it starts from.

        Examples
        --------
        >>> Schedule().bound(0.25, Tally.of([[3, 0], [3, 3], [3, 6]], [[0, 0], [0, 1], [0, 1]]), 3).tolist()
        [0.25, 0.3, 0.35]
        >>> safe = Schedule(only_after="no_dlt")
        >>> safe.bound(0.25, Tally.of([[3, 0], [3, 3], [3, 6]], [[0, 0], [0, 1], [0, 1]]), 3).tolist()
        [0.25, 0.25, 0.3]
        """
        safe = self.only_after == "no_dlt"
        count = tally.n_total - tally.dlt.sum(axis=1) if safe else tally.n_total
        if self.per == "cohort":
            # A cohort counts when it has begun; where only safe patients count, when there are as many as a cohort has.
            count = count // cohort_size if safe else -(-count // cohort_size)
        # Rounded: 0.25 + 2 x 0.05 is to be the 0.35 that people write.
        raised = np.round(first + np.maximum(count - self.hold, 0) * self.step, 12)
        found: FloatArray = np.minimum(raised, self.max)
        return found


class Tolerance(Setting):
    """How far the next dose may be above the quantile, and its probability above the bound (Babb and others 1998)."""

    amount: Annotated[float, Field(ge=0)] = 0.0
    probability: Annotated[float, Field(ge=0, lt=1)] = 0.0


class EwocPrior(Setting):
    """Beta distributions: of the DLT rate at the lowest dose over the target, and of the MTD over its range."""

    lowest_rate: Beta = (1.0, 1.0)
    mtd: Beta = (1.0, 1.0)
