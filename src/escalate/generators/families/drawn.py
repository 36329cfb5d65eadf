"""What random generators share: a stream that does not depend on how much of it is read, and constraints."""

from __future__ import annotations

import zlib
from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field, ValidationInfo, field_validator

from escalate.core.arrays import FloatArray, IntArray, Mask
from escalate.core.errors import DesignError
from escalate.core.generator import Generator
from escalate.core.scenario import Scenario
from escalate.core.setting import Count, Probability

LEAST = 1e-6
"""No DLT probability is nearer to 0 or 1 than this."""
DIGITS = 6
TIED = 1e-9

_BLOCK = 1024
_BATCH = 4096
_FIRST_BUDGET, _BUDGET = 1_500_000, 15_000_000
"""Most probabilities drawn for a block; the first block decides, so that a refusal comes at once."""

Uniforms = Callable[..., FloatArray]
"""Gives independent uniforms, strictly inside (0, 1), of the shape asked for."""


@dataclass(frozen=True)
class _Check:
    """One constraint: which draws keep it, and what to do where none does."""

    name: str
    keeps: Mask
    advice: str


class DrawnGenerator(Generator):
    """A random law of scenarios.

    Notes
    -----
    Scenarios are drawn in blocks of 1,024, each with its own stream of NumPy's Philox generator, keyed by the kind, the seed
    and the block. A block is drawn whole whatever `count` is, so the first scenarios do not change when `count` grows. Only
    uniforms are taken from NumPy; all else is made of them here. Probabilities are clipped to [1e-6, 1 - 1e-6] and
    rounded to six decimals.

    A draw that does not keep the constraints is drawn again at the same MTD level, so that constraints do not change how
    often each level is the MTD.
    """

    count: Annotated[int, Field(ge=1, le=100_000)]
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 1
    mtd_level: Count | None = None
    mtd_within: Probability | None = None
    min_gap: Probability | None = None

    level_first: ClassVar[bool] = True
    """True where the law draws the MTD's level first, each alike; False where the level is what comes out."""

    @field_validator("mtd_level")
    @classmethod
    def _level_exists(cls, level: int | None, info: ValidationInfo) -> int | None:
        if level is not None and level > info.data.get("doses", level):
            raise ValueError(f"level {level} does not exist; there are {info.data['doses']} dose levels")
        return level

    @abstractmethod
    def draw(self, mtd: IntArray, uniforms: Uniforms) -> FloatArray:
        """Return one draw of the law for each MTD given (0-based), shape (N, J), lowest dose first.

        Where the law does not draw the level first, `mtd` says only how many draws are wanted.
        """

    def probabilities(self) -> FloatArray:
        """Return the DLT probabilities, shape (count, J).

        Raises
        ------
        DesignError
            Where a fixed number of draws does not suffice for the constraints.
        """
        blocks = [self._block(block) for block in range(-(-self.count // _BLOCK))]
        return np.concatenate(blocks)[: self.count]

    def scenarios(self) -> tuple[Scenario, ...]:
        """Return the scenarios, numbered from 1 in the order of the stream."""
        return tuple(
            Scenario(name=f"{self.family} {k:04d}", dlt=tuple(dlt), family=self.family, drawn=True, reason=self.reason)
            for k, dlt in enumerate(self.probabilities().tolist(), start=1)
        )

    @property
    def reason(self) -> str:
        """Which law it was drawn from, and with which seed."""
        return f"Drawn at random by the generator {self.kind}, seed {self.seed}."

    def _block(self, block: int) -> FloatArray:
        uniforms = self._stream(block)
        slots = uniforms(_BLOCK)
        if self.mtd_level is not None:
            mtd = np.full(_BLOCK, self.mtd_level - 1)
        else:
            mtd = np.minimum((slots * self.doses).astype(np.int64), self.doses - 1)
        found = np.empty((_BLOCK, self.doses))
        waiting = np.arange(_BLOCK)
        left = _FIRST_BUDGET if block == 0 else _BUDGET
        while len(waiting):
            if left <= 0:
                raise DesignError(self._why(mtd[waiting], uniforms))
            tries = max(1, _BATCH // len(waiting))
            drawn = self._drawn(np.repeat(mtd[waiting], tries), uniforms)
            left -= drawn.size
            kept = np.ones(len(drawn), dtype=bool)
            for check in self._checks(drawn, np.repeat(mtd[waiting], tries)):
                kept &= check.keeps
            by_slot = kept.reshape(len(waiting), tries)
            first, done = by_slot.argmax(axis=1), by_slot.any(axis=1)
            found[waiting[done]] = drawn.reshape(len(waiting), tries, self.doses)[done, first[done]]
            waiting = waiting[~done]
        return found

    def _stream(self, block: int) -> Uniforms:
        # The kind is in the key: two laws with one seed are independent. The block is the highest word of the counter.
        key = (zlib.crc32(self.kind.encode()) << 64) | self.seed
        generator = np.random.Generator(np.random.Philox(key=key, counter=block << 192))
        # A uniform of NumPy may be 0, and no quantile function has an answer to that.
        return lambda *shape: np.maximum(generator.random(shape), 2.0**-54)

    def _drawn(self, mtd: IntArray, uniforms: Uniforms) -> FloatArray:
        return self.draw(mtd, uniforms).clip(LEAST, 1 - LEAST).round(DIGITS)

    def _checks(self, drawn: FloatArray, mtd: IntArray) -> Iterator[_Check]:
        distance = np.abs(drawn - self.target)
        row, nearest = np.arange(len(drawn)), distance.argmin(axis=1)
        if self.level_first or self.mtd_level is not None:
            at = distance[row, mtd]
            others = distance.copy()
            others[row, mtd] = np.inf
            strictly = at < others.min(axis=1) - TIED
            yield _Check(
                f"have level {mtd[0] + 1} nearest to the target", strictly, "choose another mtd_level or target"
            )
            nearest = mtd
        if self.mtd_within is not None:
            text = f"have the MTD within {self.mtd_within:g} of the target (mtd_within)"
            yield _Check(text, distance[row, nearest] <= self.mtd_within + TIED, "raise mtd_within or leave it out")
        if self.min_gap is not None:
            text = f"have gaps of at least {self.min_gap:g} next to the MTD (min_gap)"
            yield _Check(text, smallest_gap(drawn, nearest) >= self.min_gap - TIED, "lower min_gap or leave it out")

    def _why(self, waiting: IntArray, uniforms: Uniforms) -> str:
        """Return which constraint is the hardest at the level that waits most, and what to relax."""
        level = int(np.bincount(waiting).argmax())
        at = self.level_first or self.mtd_level is not None
        mtd = np.full(_BATCH, level if at else 0)
        checks = list(self._checks(self._drawn(mtd, uniforms), mtd))
        hardest = min(checks, key=lambda check: int(check.keeps.sum()))
        where = f" for the MTD at level {level + 1}" if at else ""
        also = " all at once" if len(checks) > 1 else ""
        return (
            f"too few draws keep the constraints{also}: of {_BATCH:,} draws{where}, {int(hardest.keeps.sum()):,} "
            f"{hardest.name}; {hardest.advice}"
        )


def smallest_gap(rates: FloatArray, mtd: IntArray) -> FloatArray:
    """Return the smaller difference between the MTD and its neighbours, shape (N,); infinite with one dose.

    Examples
    --------
    >>> smallest_gap(np.array([[0.1, 0.3, 0.6]]), np.array([1])).round(6).tolist()
    [0.2]
    """
    steps = np.pad(np.diff(rates, axis=1), ((0, 0), (1, 1)), constant_values=np.inf)
    row = np.arange(len(rates))
    return np.minimum(steps[row, mtd], steps[row, mtd + 1])
