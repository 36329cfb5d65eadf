"""The named families that a simulation study should always have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final, Literal, Self

import numpy as np
from pydantic import Field, ValidationInfo, field_validator
from scipy.special import expit, logit

from escalate.core.arrays import FloatArray
from escalate.core.generator import Generator
from escalate.core.scenario import Scenario

SAFE, TOXIC = 0.6, 1.4
"""Below 0.6 and above 1.4 times the target a dose is under- and overdosing (Liu and Yuan 2015, as in the metrics)."""
STEP: Final = float(np.log(2))
"""One level on the logit scale: slope 1 over doubling doses."""

Family = Literal["mtd", "all_toxic", "all_safe", "steep", "shallow", "plateau"]
NEEDS: Final[dict[Family, int]] = {
    "mtd": 1,
    "all_toxic": 1,
    "all_safe": 1,
    "steep": 2,
    "shallow": 2,
    "plateau": 3,
}
"""Fewest dose levels with which a family means something."""
REASONS: Final[dict[Family, str]] = {
    "mtd": "The DLT probability of one level is the target: can the design find it wherever it is?",
    "all_toxic": "Every level is too toxic: does the design stop, and after how many patients?",
    "all_safe": "No level reaches the target: does the design get to the highest one?",
    "steep": "The DLT probability rises steeply around the MTD: a step too far does most harm.",
    "shallow": "The DLT probability rises slowly around the MTD: neighbouring levels are hard to tell apart.",
    "plateau": "From a level on the DLT probability stays at the target: any of these levels is an MTD.",
}
"""Why each family belongs in a simulation study."""


class Named(Generator):
    """The MTD at each level, all toxic, all safe, steep, shallow, and a plateau.

    Notes
    -----
    With l = logit(target), h = log 2 (slope 1 over doubling doses) and m = ceil(J/2) the middle level:

    - mtd, one for each level k: p_j = expit(l + h (j - k)), so p_k is the target;
    - all_toxic: p_j = expit(logit(1.4 target) + h (j - 1/2)), so p_1 is above 1.4 times the target;
    - all_safe: p_j = expit(logit(0.6 target) - h (J + 1/2 - j)), so p_J is below 0.6 times the target;
    - steep and shallow: the MTD at level m, with steps of 2 h and h/2;
    - plateau: as the MTD at level m up to there, and the target at every level above, so that each of these is an MTD.

    steep and shallow need two levels, plateau needs three; with fewer they are left out unless `which` asks for them. all_toxic
    needs a target below 1/1.4. The families are those of common practice; the formulas are this program's own.

    References
    ----------
    Liu S, Yuan Y (2015). Bayesian optimal interval designs for phase I clinical trials. J R Stat Soc Ser C Appl Stat
    64:507-523 (0.6 and 1.4).
    """

    kind: Literal["named"] = "named"
    which: Annotated[tuple[Family, ...], Field(min_length=1)] | None = Field(default=None, validate_default=True)

    @field_validator("which")
    @classmethod
    def _can_be(cls, which: tuple[Family, ...] | None, info: ValidationInfo) -> tuple[Family, ...] | None:
        doses, target = info.data.get("doses", max(NEEDS.values())), info.data.get("target", 0.0)
        for family in which or ():
            if (which or ()).count(family) > 1:
                raise ValueError(f"'{family}' is given twice")
            if doses < NEEDS[family]:
                raise ValueError(
                    f"'{family}' needs at least {NEEDS[family]} dose levels, and there are {doses}; leave it out"
                )
        if TOXIC * target >= 1 and (which is None or "all_toxic" in which):
            raise ValueError(
                f"'all_toxic' needs a target below {1 / TOXIC:.3f}, and it is {target:g}; list the families wanted without it"
            )
        return which

    @property
    def families(self) -> tuple[Family, ...]:
        """The families asked for, or all that these dose levels allow."""
        return self.which or tuple(family for family, needed in NEEDS.items() if self.doses >= needed)

    def scenarios(self) -> tuple[Scenario, ...]:
        """Return one scenario for each family, and one for each level for `mtd`."""
        middle = (self.doses + 1) // 2
        curves: dict[Family, Callable[[], dict[str, FloatArray]]] = {
            "mtd": lambda: {f"MTD at level {k}": self._through(k, STEP) for k in range(1, self.doses + 1)},
            "all_toxic": lambda: {"all toxic": expit(logit(TOXIC * self.target) + STEP * (self._levels - 0.5))},
            "all_safe": lambda: {
                "all safe": expit(logit(SAFE * self.target) - STEP * (self.doses + 0.5 - self._levels))
            },
            "steep": lambda: {f"steep, MTD at level {middle}": self._through(middle, 2 * STEP)},
            "shallow": lambda: {f"shallow, MTD at level {middle}": self._through(middle, STEP / 2)},
            "plateau": lambda: {f"plateau from level {middle}": np.minimum(self._through(middle, STEP), self.target)},
        }
        start = f"{self.name}: " if self.name else ""
        return tuple(
            Scenario(name=f"{start}{what}", dlt=tuple(dlt.tolist()), family=self.family, reason=REASONS[family])
            for family in self.families
            for what, dlt in curves[family]().items()
        )

    @property
    def _levels(self) -> FloatArray:
        return np.arange(1, self.doses + 1, dtype=np.float64)

    def _through(self, level: int, step: float) -> FloatArray:
        dlt: FloatArray = expit(logit(self.target) + step * (self._levels - level))
        dlt[level - 1] = self.target
        return dlt

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Return five doses, three doses with some of the families, and one dose."""
        return (
            cls(target=0.3, doses=5),
            cls(target=0.25, doses=3, which=("mtd", "all_toxic")),
            cls(target=0.2, doses=1),
        )
