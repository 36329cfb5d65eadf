"""Cap how far the dose may rise in one step."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from escalate.core.arrays import IntArray, Mask
from escalate.core.errors import Problem
from escalate.core.plan import exact
from escalate.core.rule import Rule
from escalate.core.setting import Count, Positive, Setting
from escalate.core.tally import States
from escalate.core.wording import number

if TYPE_CHECKING:
    from escalate.core.design import Design


STARTS = ("from_amount", "from_dlts", "from_dlts_in_cohort")
"""What the start of a band can be."""


class IncrementBand(Setting):
    """A cap that applies from an amount of the reference dose on, or from a number of DLTs in the trial or last cohort on."""

    from_amount: Annotated[float, Field(ge=0)] | None = None
    from_dlts: Annotated[int, Field(ge=0)] | None = None
    from_dlts_in_cohort: Annotated[int, Field(ge=0)] | None = None
    relative: Annotated[float, Field(ge=0)] | None = None
    levels: Annotated[int, Field(ge=0)] | None = None

    @property
    def dlts(self) -> int | None:
        """The number of DLTs from which it applies, where it goes by that."""
        return self.from_dlts if self.from_dlts_in_cohort is None else self.from_dlts_in_cohort


class CapIncrement(Rule):
    """Forbid doses too far above the last dose given, or above the highest dose tried.

    Notes
    -----
    `relative: 1.0` allows an amount of at most (1 + 1.0) times that of the reference dose, compared as the decimal numbers
    written: from 30 mg a cap of 0.33 allows 39.9 mg, not 40 mg. `levels: 1` allows one level up. Where both are given both
    hold. With `bands` the cap depends on the amount of the reference dose (`from_amount`), on the DLTs seen in the whole
    trial (`from_dlts`) or on those in the cohort just seen (`from_dlts_in_cohort`); a band holds from its start, included, to
    the start of the next. The reference is the dose given last (crmPack 2 takes it too, although its manual says the highest
    so far) unless `from: highest`. Going down is never capped.

    References
    ----------
    Sabanes Bove D, Yeung WY, Palermo G, Jaki T (2019). Model-based dose escalation designs in R with crmPack. J Stat Softw
    89(10):1-22.
    """

    kind: Literal["cap_increment"] = "cap_increment"
    relative: Positive | None = None
    levels: Count | None = None
    bands: Annotated[tuple[IncrementBand, ...], Field(min_length=1, max_length=20)] | None = None
    basis: Literal["last", "highest"] = Field(default="last", alias="from")

    uses_amounts = True

    @property
    def _caps(self) -> tuple[IncrementBand, ...]:
        return self.bands or (IncrementBand(from_amount=0.0, relative=self.relative, levels=self.levels),)

    @property
    def _starts(self) -> tuple[int, ...]:
        """The numbers of DLTs at which the cap changes."""
        return tuple(cap.dlts for cap in self._caps if cap.dlts is not None) or (0,)

    @property
    def _in_cohort(self) -> bool:
        return self._caps[0].from_dlts_in_cohort is not None

    @property
    def _where(self) -> str:
        return "in the last cohort" if self._in_cohort else "in the trial"

    def _dlts(self, states: States) -> IntArray:
        """Return the DLTs that the cap goes by, shape (S,)."""
        return states.cohort[:, -1] if self._in_cohort else states.tally.dlt.sum(axis=1)

    def _cap(self, row: int, amount: float) -> IncrementBand:
        """Return what holds at a reference amount, from the DLTs of a row of `_starts` on."""
        if self._caps[0].dlts is not None:
            return self._caps[row]
        return [cap for cap in self._caps if exact(cap.from_amount or 0.0) <= exact(amount)][-1]

    def _row(self, states: States) -> IntArray:
        return np.searchsorted(self._starts, self._dlts(states), side="right") - 1

    def _reference(self, states: States) -> IntArray:
        return states.dose if self.basis == "last" else states.highest_tried

    def forbids(self, design: Design, states: States) -> Mask:
        """Forbid every dose above the cap."""
        highest = _highest(self, design.doses.levels)[self._row(states), self._reference(states)]
        return np.arange(design.n_doses) > highest[:, None]

    def describe(self, design: Design) -> str:
        """Say what the rule does."""
        basis = "the dose last given" if self.basis == "last" else "the highest dose given so far"
        parts = [f"Escalation from {basis} is by at most {_said(self._caps[0])}"]
        for cap in self._caps[1:]:
            start = f"{number(cap.from_amount or 0)} {design.doses.unit} or more"
            where = f"where that is {start}" if cap.dlts is None else f"from {_counted(cap.dlts)} {self._where} on"
            parts.append(f"by at most {_said(cap)} instead {where}")
        return f"{'; '.join(parts)}."

    def explain(self, design: Design, state: States, following: int) -> str:
        """Give the reference dose, its cap, and the highest level allowed."""
        reference, row = int(self._reference(state)[0]), int(self._row(state)[0])
        amount, cap = design.doses.levels[reference], self._cap(row, design.doses.levels[reference])
        basis = "last given" if self.basis == "last" else "highest given so far"
        seen = f", after {_counted(int(self._dlts(state)[0]))} {self._where}" if cap.dlts is not None else ""
        limit = "" if cap.relative is None else f" ({number(_limit(cap, amount))} {design.doses.unit})"
        top = int(_highest(self, design.doses.levels)[row, reference])
        return (
            f"Level {reference + 1} ({design.amount(reference)}) is the {basis}{seen}: at most {_said(cap)} above it{limit}, so "
            f"up to level {top + 1}."
        )

    def problems(self, design: Design) -> Iterator[Problem]:
        """Refuse a rule that caps nothing, and bands that leave a gap or overlap."""
        if self.bands is None:
            if self.relative is None and self.levels is None:
                yield Problem("kind", "cap_increment caps nothing; give 'relative', 'levels', or 'bands' that do")
            return
        for name in ("relative", "levels"):
            if getattr(self, name) is not None:
                yield Problem(name, "is beside 'bands'; write it into each band, or as a second cap_increment")
        found = list(_faults_of_bands(self.bands))
        yield from found or _faults_of_starts(self.bands)

    def doubts(self, design: Design) -> Iterator[str]:
        """Question a cap that puts a level out of reach."""
        highest = _highest(self, design.doses.levels)
        reach = design.start_dose
        for dose in range(design.n_doses):
            if dose <= reach:
                reach = max(reach, int(highest[:, dose].max()))
        if reach < design.n_doses - 1:
            yield (
                f"cap_increment: level {reach + 2} ({design.amount(reach + 1)}) can never be given: it is above the cap from "
                "every level that can"
            )
        for cap, row in zip(self._caps, highest, strict=False):
            # A cap of nothing means what it says.
            if cap.dlts is not None and cap.relative != 0 and cap.levels != 0:
                for dose in np.flatnonzero(row[:reach] == np.arange(reach)).tolist():
                    yield (
                        f"cap_increment: from {_counted(cap.dlts)} on, level {dose + 2} ({design.amount(dose + 1)}) is "
                        f"more than {_said(cap)} above level {dose + 1}: there is no escalation from there"
                    )

    @classmethod
    def examples(cls) -> tuple[CapIncrement, ...]:
        """Return one of each form."""
        return (
            cls(relative=1.0),
            cls.model_validate({"levels": 1, "from": "highest"}),
            cls(bands=(IncrementBand(from_amount=0.0, relative=1.0), IncrementBand(from_amount=2.0, relative=0.5))),
            cls(bands=(IncrementBand(from_dlts=0, levels=2), IncrementBand(from_dlts=1, levels=1))),
            cls(
                bands=(
                    IncrementBand(from_dlts_in_cohort=0, relative=1.0),
                    IncrementBand(from_dlts_in_cohort=1, relative=0.5),
                )
            ),
        )


def _said(cap: IncrementBand) -> str:
    parts = [] if cap.relative is None else [f"{float(100 * exact(cap.relative)):g}%"]
    if cap.levels is not None:
        parts.append(f"{cap.levels} level{'s' * (cap.levels != 1)}")
    return " and ".join(parts)


def _counted(dlts: int) -> str:
    return f"{dlts} DLT{'s' * (dlts != 1)}"


def _limit(cap: IncrementBand, amount: float) -> Fraction:
    """Return the highest amount that a relative cap allows from another, as an exact number."""
    return exact(amount) * (1 + exact(cap.relative or 0.0))


@cache
def _highest(rule: CapIncrement, amounts: tuple[float, ...]) -> IntArray:
    """Return the highest dose allowed from each reference dose, for each number of DLTs at which the cap changes."""
    return np.array(
        [
            [_highest_from(rule._cap(row, amount), amounts, dose) for dose, amount in enumerate(amounts)]
            for row in range(len(rule._starts))
        ]
    )


def _highest_from(cap: IncrementBand, amounts: tuple[float, ...], dose: int) -> int:
    highest = len(amounts) - 1
    if cap.levels is not None:
        highest = min(highest, dose + cap.levels)
    if cap.relative is not None:
        highest = min(highest, sum(exact(amount) <= _limit(cap, amounts[dose]) for amount in amounts) - 1)
    return highest


def _goes_by(bands: tuple[IncrementBand, ...]) -> str:
    return next((name for name in STARTS if getattr(bands[0], name) is not None), "from_dlts")


def _faults_of_bands(bands: tuple[IncrementBand, ...]) -> Iterator[Problem]:
    by = _goes_by(bands)
    for k, band in enumerate(bands, start=1):
        given = [name for name in STARTS if getattr(band, name) is not None]
        others = [name for name in given if name != by]
        if not given:
            yield Problem(f"bands[{k}]", "does not say where it starts; give it 'from_amount' or 'from_dlts'")
        elif others:
            yield Problem(f"bands[{k}].{others[0]}", f"is mixed with '{by}'; all bands go by one of the two")
        if band.relative is None and band.levels is None:
            yield Problem(f"bands[{k}]", "caps nothing; give it 'relative' or 'levels'")


def _faults_of_starts(bands: tuple[IncrementBand, ...]) -> Iterator[Problem]:
    by = _goes_by(bands)
    starts = [getattr(band, by) for band in bands]
    if starts[0] != 0:
        yield Problem(f"bands[1].{by}", f"{starts[0]:g} is not 0; the first band starts at 0")
    for k, (before, start) in enumerate(pairwise(starts), start=2):
        if start <= before:
            yield Problem(f"bands[{k}].{by}", f"{start:g} is not above {before:g}, where the band before it starts")
