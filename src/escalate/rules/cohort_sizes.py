"""Cohorts whose size depends on the dose level or on the DLTs seen."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from escalate.core.arrays import NONE, IntArray
from escalate.core.errors import Problem
from escalate.core.rule import Rule
from escalate.core.setting import Setting
from escalate.core.tally import States, Tally

if TYPE_CHECKING:
    from escalate.core.design import Design

Size = Annotated[int, Field(ge=1, le=20)]


class SizeStep(Setting):
    """A cohort size that applies from a number of DLTs in the trial on."""

    from_dlts: Annotated[int, Field(ge=0)]
    size: Size


class CohortSizes(Rule):
    """Size the cohorts by dose level, or by the DLTs seen in the whole trial.

    Notes
    -----
    It takes the place of `cohort_size`. The last cohort is cut to what `max_patients` leaves. Where several rules size a
    cohort the largest size holds.

    References
    ----------
    Sabanes Bove D, Yeung WY, Palermo G, Jaki T (2019). Model-based dose escalation designs in R with crmPack. J Stat Softw
    89(10):1-22.
    """

    kind: Literal["cohort_sizes"] = "cohort_sizes"
    by_level: tuple[Size, ...] | None = None
    by_dlts: Annotated[tuple[SizeStep, ...], Field(min_length=1, max_length=20)] | None = None

    def cohort_size(self, design: Design, tally: Tally, dose: IntArray) -> IntArray:
        """Return the size that the list says for the dose or the DLTs."""
        if self.by_level is not None:
            return np.array(self.by_level)[dose]
        steps = self.by_dlts or ()
        at = np.searchsorted([step.from_dlts for step in steps], tally.dlt.sum(axis=1), side="right") - 1
        return np.array([step.size for step in steps])[at]

    def describe(self, design: Design) -> str:
        """Say what the rule does."""
        if self.by_level is not None:
            listed = ", ".join(f"{size} at level {k}" for k, size in enumerate(self.by_level, start=1))
            return f"Patients in a cohort: {listed}."
        parts = [
            f"{step.size} from {step.from_dlts} DLT{'s' * (step.from_dlts != 1)} on" for step in self.by_dlts or ()
        ]
        return f"Patients in a cohort, by the DLTs seen in the trial: {', '.join(parts)}."

    def explain(self, design: Design, state: States, following: int) -> str:
        """Give the size of the next cohort, and what it comes from."""
        if following == NONE:
            return "No dose follows, so there is no cohort to size."
        size = int(self.cohort_size(design, state.tally, np.array([following]))[0])
        if self.by_level is not None:
            return f"Cohorts at level {following + 1}, the level to follow, have {size} patient{'s' * (size != 1)}."
        dlts = int(state.tally.dlt.sum())
        return f"After {dlts} DLT{'s' * (dlts != 1)} in the trial, cohorts have {size} patient{'s' * (size != 1)}."

    def problems(self, design: Design) -> Iterator[Problem]:
        """Refuse a method that sizes its own cohorts, and lists that do not say every size."""
        if design.method.sizes_cohorts:
            yield Problem("kind", f"{design.method.kind} here sizes its cohorts itself; leave cohort_sizes out")
        if (self.by_level is None) == (self.by_dlts is None):
            yield Problem("kind", "cohort_sizes needs either 'by_level' or 'by_dlts'; for two lists write two rules")
        elif self.by_level is not None and len(self.by_level) != design.n_doses:
            yield Problem(
                "by_level", f"has {len(self.by_level)} entries for {design.n_doses} dose levels; give one a level"
            )
        starts = [step.from_dlts for step in self.by_dlts or ()]
        if starts and starts[0] != 0:
            yield Problem(
                "by_dlts[1].from_dlts", f"{starts[0]} is not 0; the first size is that of a trial without DLT"
            )
        for k, (before, start) in enumerate(pairwise(starts), start=2):
            if start <= before:
                yield Problem(
                    f"by_dlts[{k}].from_dlts", f"{start} is not above {before}, where the size before it starts"
                )

    @classmethod
    def examples(cls) -> tuple[CohortSizes, ...]:
        """Return both forms."""
        return (
            cls(by_level=(1, 1, 3, 3, 3)),
            cls(by_dlts=(SizeStep(from_dlts=0, size=1), SizeStep(from_dlts=1, size=3))),
        )
