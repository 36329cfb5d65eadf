"""Logistic curves through the target: every MTD level, every slope."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, ValidationInfo, field_validator, model_validator
from scipy.special import expit, logit

from escalate.core.generator import Generator
from escalate.core.scenario import Scenario
from escalate.core.setting import Count, Positive

LARGEST_LOGIT = 30.0
"""Beyond it a probability differs from 1 by a few units of rounding."""


class Logistic(Generator):
    """Logistic curves in the log amount, each with one level exactly at the target.

    Notes
    -----
    p_j = expit(logit(target) + slope log(d_j / d_k)) for amounts d and the MTD at level k: one scenario for each MTD level
    and slope. `doses` may be left out, as the amounts give it. A combination that takes a probability to 0 or 1 within
    rounding is refused.

    References
    ----------
    Cheung YK (2011). Dose Finding by the Continual Reassessment Method. Chapman & Hall/CRC (logistic model in the log dose).
    """

    kind: Literal["logistic"] = "logistic"
    amounts: Annotated[tuple[Positive, ...], Field(min_length=1, max_length=20)]
    mtd_levels: Annotated[tuple[Count, ...], Field(min_length=1)] | None = None
    slopes: Annotated[tuple[Positive, ...], Field(min_length=1, max_length=50)]

    @model_validator(mode="before")
    @classmethod
    def _count_amounts(cls, data: Any) -> Any:
        if isinstance(data, dict) and "doses" not in data and isinstance(data.get("amounts"), tuple):
            return {**data, "doses": len(data["amounts"])}
        return data

    @field_validator("amounts")
    @classmethod
    def _one_a_level(cls, amounts: tuple[float, ...], info: ValidationInfo) -> tuple[float, ...]:
        for k, (below, above) in enumerate(pairwise(amounts), start=1):
            if above <= below:
                raise ValueError(
                    f"amount {k + 1} ({above:g}) is not above amount {k} ({below:g}); list them from lowest to highest"
                )
        if len(amounts) != info.data.get("doses", len(amounts)):
            raise ValueError(f"there are {len(amounts)} amounts for {info.data['doses']} dose levels; give one a level")
        return amounts

    @field_validator("mtd_levels")
    @classmethod
    def _levels_exist(cls, levels: tuple[int, ...] | None, info: ValidationInfo) -> tuple[int, ...] | None:
        for level in levels or ():
            if level > info.data.get("doses", level):
                raise ValueError(f"level {level} does not exist; there are {info.data['doses']} dose levels")
            if (levels or ()).count(level) > 1:
                raise ValueError(f"{level} is given twice")
        return levels

    @field_validator("slopes")
    @classmethod
    def _not_too_steep(cls, slopes: tuple[float, ...], info: ValidationInfo) -> tuple[float, ...]:
        amounts, target = info.data.get("amounts", (1.0,)), info.data.get("target", 0.5)
        for slope in slopes:
            if slopes.count(slope) > 1:
                raise ValueError(f"{slope:g} is given twice")
            if slope * float(np.log(amounts[-1] / amounts[0])) + abs(float(logit(target))) > LARGEST_LOGIT:
                raise ValueError(
                    f"{slope:g} takes the DLT probability to 0 or 1 over these amounts; choose a lower slope"
                )
        return slopes

    def scenarios(self) -> tuple[Scenario, ...]:
        """Return one scenario for each MTD level and slope."""
        levels = self.mtd_levels or tuple(range(1, self.doses + 1))
        return tuple(self._scenario(level, slope) for level in levels for slope in self.slopes)

    def _scenario(self, level: int, slope: float) -> Scenario:
        relative = np.array(self.amounts) / self.amounts[level - 1]
        dlt = expit(logit(self.target) + slope * np.log(relative))
        dlt[level - 1] = self.target
        return Scenario(
            name=f"{self.family}: MTD at level {level}, slope {str(slope).removesuffix('.0')}",
            dlt=tuple(dlt.tolist()),
            family=self.family,
            reason=f"The MTD is level {level} on a logistic curve in the log dose with slope {str(slope).removesuffix('.0')}.",
        )

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Return five doubling doses at three slopes, and one dose."""
        doubling = (10.0, 20.0, 40.0, 80.0, 160.0)
        return (
            cls(target=0.3, doses=5, amounts=doubling, slopes=(0.5, 1.0, 2.0)),
            cls(target=0.25, doses=1, amounts=(5.0,), slopes=(1.0,)),
        )
