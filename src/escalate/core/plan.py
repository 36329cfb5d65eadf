"""The frame of a trial: its doses, target, cohorts and size."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from escalate.core.backfill import Backfill
from escalate.core.setting import Count, Positive, Probability, Setting, Words
from escalate.core.wording import number


class Doses(Setting):
    """The dose levels, lowest first: amounts with one unit, and optional names."""

    unit: Words
    levels: Annotated[tuple[Positive, ...], Field(min_length=1, max_length=60)]
    labels: tuple[Words, ...] | None = None

    @field_validator("levels")
    @classmethod
    def _increasing(cls, levels: tuple[float, ...]) -> tuple[float, ...]:
        for k, (below, above) in enumerate(pairwise(levels), start=1):
            if above <= below:
                raise ValueError(
                    f"level {k + 1} ({above:g}) is not above level {k} ({below:g}); list the doses from lowest to highest"
                )
        return levels

    @model_validator(mode="after")
    def _one_label_each(self) -> Doses:
        if self.labels is not None and len(self.labels) != len(self.levels):
            raise ValueError(f"there are {len(self.labels)} labels for {len(self.levels)} levels; give one a level")
        return self


class Plan(Setting):
    """What every method needs to know of a trial, and nothing of the method itself."""

    doses: Doses
    target: Probability | None = None
    cohort_size: Annotated[int, Field(ge=1, le=20)] = 3
    max_patients: Annotated[int, Field(ge=1, le=1000)]
    start_level: Count = 1
    dlt_window: Annotated[int, Field(ge=1, le=3650)] | None = None
    """Days after treatment within which a toxicity is a DLT, the last day included; None where no dates are looked at."""
    backfill: Backfill | None = None
    """Who may be treated below the dose under escalation while that waits; None where nobody is."""

    @property
    def n_doses(self) -> int:
        """J, the number of dose levels."""
        return len(self.doses.levels)

    @property
    def start_dose(self) -> int:
        """The dose of the first cohort, 0-based."""
        return self.start_level - 1

    @property
    def target_rate(self) -> float:
        """The target; raises where the design has none."""
        if self.target is None:
            raise ValueError("this design has no target")
        return self.target

    def amount(self, dose: int) -> str:
        """Return a dose as people write it: amount, unit and label.

        Examples
        --------
        >>> Plan(doses=Doses(unit="mg", levels=(10.0, 20.0)), max_patients=30).amount(1)
        '20 mg'
        """
        text = self.bare_amount(dose)
        return f"{text} ({self.doses.labels[dose]})" if self.doses.labels else text

    def bare_amount(self, dose: int) -> str:
        """Return a dose with its unit and without its label.

        Examples
        --------
        >>> Plan(doses=Doses(unit="PFU", levels=(4e7, 8e8), labels=("low", "high")), max_patients=18).bare_amount(1)
        '8 x 10^8 PFU'
        """
        return f"{number(self.doses.levels[dose])} {self.doses.unit}"


def exact(x: float) -> Fraction:
    """Return the decimal number a person wrote, exactly: 0.3 is 3/10, not its nearest double.

    Examples
    --------
    >>> exact(0.3)
    Fraction(3, 10)
    """
    return Fraction(repr(x))
