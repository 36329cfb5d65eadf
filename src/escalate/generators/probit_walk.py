"""A free walk on the probit scale: the level of the MTD is whatever comes out."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import Field
from scipy.special import ndtr, ndtri

from escalate.core.arrays import FloatArray, IntArray
from escalate.core.setting import Positive
from escalate.generators.families.drawn import DrawnGenerator, Uniforms


class ProbitWalk(DrawnGenerator):
    """A walk upwards on the probit scale, with no MTD in mind.

    Notes
    -----
    p_j = Phi(z_j), z_1 ~ N(mean, sd_first^2), z_{j+1} = z_j + e^2 with e ~ N(mu, sd^2): the outward steps of Paoletti,
    O'Quigley and Maccario (2004) without the part that places the MTD. All levels may be toxic, or all safe. With `mtd_level`
    the walk is drawn again until that level is the nearest to the target. The default numbers are this program's own: a
    first level near 7% and steps as in that paper.

    References
    ----------
    Paoletti X, O'Quigley J, Maccario J (2004). Design efficiency in dose finding studies. Computational Statistics & Data
    Analysis 45:197-214.
    """

    kind: Literal["probit_walk"] = "probit_walk"
    mean: Annotated[float, Field(ge=-5, le=5)] = -1.5
    sd_first: Annotated[Positive, Field(le=5)] = 0.5
    mu: Annotated[float, Field(ge=0, le=5)] = 0.5
    sd: Annotated[Positive, Field(le=5)] = 0.35

    level_first: ClassVar[bool] = False

    def draw(self, mtd: IntArray, uniforms: Uniforms) -> FloatArray:
        """Return the walks."""
        normal = ndtri(uniforms(len(mtd), self.doses))
        steps = (self.mu + self.sd * normal) ** 2
        steps[:, 0] = self.mean + self.sd_first * normal[:, 0]
        return ndtr(np.cumsum(steps, axis=1))

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Return a free walk, and one whose MTD is given."""
        return (
            cls(target=0.3, doses=5, count=200),
            cls(target=0.25, doses=4, count=50, seed=3, mtd_level=2, mtd_within=0.1, min_gap=0.05),
        )
