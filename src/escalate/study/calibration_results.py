"""Results of `calibrate`: what each candidate was worth, and which was chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from escalate.core.arrays import FloatArray, IntArray
from escalate.core.scenario import Scenario
from escalate.core.shown import Shown
from escalate.study.calibration_axes import Axis, is_number
from escalate.study.calibration_grid import Candidate
from escalate.study.losses import Expression, Limit
from escalate.study.metrics import TIED
from escalate.study.summary import mean_and_error

if TYPE_CHECKING:
    import pandas as pd

SEPARABLE = 2.0
"""Errors by which a paired difference must exceed zero for a candidate to be told from the best."""
WORST = 0.10
"""Share of the scenarios, those with the largest loss, that is reported by itself."""


def worst_mean(loss: FloatArray) -> float:
    """Return the mean loss over the worst tenth of the scenarios.

    Examples
    --------
    >>> worst_mean(np.arange(20) / 20)
    0.925
    """
    return float(np.sort(loss)[-ceil(WORST * len(loss) - TIED) :].mean())


@dataclass(frozen=True, eq=False)
class Judged:
    """A candidate and what it is worth.

    Parameters
    ----------
    loss
        Under each scenario, shape (V,).
    mean, se
        Mean loss over the scenarios, and its error; the error is zero where the scenarios were chosen, not drawn.
    worst
        Mean loss over the worst tenth.
    metrics
        Means over the scenarios.
    limits
        Value of each limit.
    kept
        Whether it is within all limits.
    """

    candidate: Candidate
    loss: FloatArray
    mean: float
    se: float
    worst: float
    metrics: Mapping[str, float]
    limits: tuple[float, ...]
    kept: bool
    n_states: int


@dataclass(frozen=True)
class Skipped:
    """A candidate that was not judged, and why."""

    candidate: Candidate
    why: str


@dataclass(frozen=True)
class Gap:
    """A paired mean difference in loss, and its error."""

    mean: float
    se: float

    @property
    def told(self) -> bool:
        """Whether the difference exceeds twice its error."""
        return abs(self.mean) > SEPARABLE * self.se + TIED


def paired(a: FloatArray, b: FloatArray, strata: IntArray) -> Gap:
    """Return by how much loss a exceeds loss b on average, each of shape (V,), under the same scenarios."""
    mean, se = mean_and_error(a - b, np.zeros(len(a)), strata)
    return Gap(float(mean), float(se))


@dataclass(frozen=True, eq=False)
class Fresh:
    """The chosen design and the one that was given, under scenarios that the search never saw.

    Parameters
    ----------
    chosen, start
        `start` is None where the design that was given could not be judged.
    gap
        Chosen minus start; None where there is no start.
    """

    scenarios: int
    chosen: Judged
    start: Judged | None
    gap: Gap | None


@dataclass(frozen=True, eq=False)
class Calibration(Shown):
    """A search over settings of a design.

    Parameters
    ----------
    axes
        What was varied.
    judged
        The design as it was given, if it could be judged, and the candidates, by number.
    best
        Position of the chosen one in `judged`.
    strata
        Of the scenarios, as in `study.summary`: -1 where one was not drawn at random.
    fresh
        None where there are no scenarios to check on.
    """

    axes: tuple[Axis, ...]
    loss: Expression
    limits: tuple[Limit, ...]
    scenarios: tuple[Scenario, ...]
    strata: IntArray
    judged: tuple[Judged, ...]
    skipped: tuple[Skipped, ...]
    best: int
    fresh: Fresh | None

    def __repr__(self) -> str:
        return f"Calibration({len(self.judged)} candidates, {len(self.scenarios)} scenarios)"

    @property
    def chosen(self) -> Judged:
        """The candidate with the smallest mean loss of those within all limits."""
        return self.judged[self.best]

    @property
    def start(self) -> Judged | None:
        """The design as it was given; None where it could not be judged."""
        return self.judged[0] if self.judged[0].candidate.number == 0 else None

    @property
    def given(self) -> Candidate:
        """The design as it was given, judged or not."""
        every = [one.candidate for one in self.judged] + [one.candidate for one in self.skipped]
        return next(candidate for candidate in every if candidate.number == 0)

    @property
    def drawn(self) -> bool:
        """Whether some scenarios were drawn at random, so that means over them have an error."""
        return bool((self.strata >= 0).any())

    def gap(self, one: Judged, other: Judged | None = None) -> Gap:
        """Return by how much the loss of one exceeds that of another, or of the chosen one, on the same scenarios."""
        return paired(one.loss, (other or self.chosen).loss, self.strata)

    def alike(self, one: Judged) -> bool:
        """Whether a candidate is within all limits and cannot be told from the chosen one."""
        return one.kept and not self.gap(one).told

    @property
    def as_good(self) -> tuple[Judged, ...]:
        """Those that cannot be told from the chosen one, itself included."""
        return tuple(one for one in self.judged if self.alike(one))

    def by_value(self, axis: int) -> list[tuple[Any, Judged]]:
        """Return for each value of a setting that was tried the best candidate that has it, numbers in order.

        Those within all limits come before those that are not. The design as it was given counts where its values are among
        those tried.
        """
        found: dict[str, tuple[Any, Judged]] = {}
        for one in self.judged:
            choices = one.candidate.choices
            if one.candidate.number == 0 and not self._on_grid(choices):
                continue
            now = found.get(repr(choices[axis]))
            if now is None or (not one.kept, one.mean) < (not now[1].kept, now[1].mean - TIED):
                found[repr(choices[axis])] = choices[axis], one
        listed = list(self.axes[axis].values)
        numeric = all(is_number(value) for value, _ in found.values())

        def place(row: tuple[Any, Judged]) -> tuple[bool, Any]:
            if numeric:
                return False, row[0]
            return (False, listed.index(row[0])) if row[0] in listed else (True, row[0])

        return sorted(found.values(), key=place)

    def _on_grid(self, choices: Sequence[Any]) -> bool:
        return all(choice in axis.values for choice, axis in zip(choices, self.axes, strict=True))

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a candidate: number, settings, loss with its errors, limits, metrics; skipped ones last."""
        found = [self._row(one) for one in self.judged]
        return found + [
            {"number": one.candidate.number, **self._settings(one.candidate), "skipped": one.why}
            for one in self.skipped
        ]

    def _settings(self, candidate: Candidate) -> dict[str, Any]:
        return {axis.field: value for axis, value in zip(self.axes, candidate.settings, strict=True)}

    def _row(self, one: Judged) -> dict[str, Any]:
        gap = self.gap(one)
        return {
            "number": one.candidate.number,
            **self._settings(one.candidate),
            "refined": one.candidate.step,
            "chosen": one is self.chosen,
            "as_good": self.alike(one),
            "within_limits": one.kept,
            "loss": one.mean,
            "loss_se": one.se,
            "difference": gap.mean,
            "difference_se": gap.se,
            "worst_tenth": one.worst,
            "states": one.n_states,
            **{f"limit {limit.text}": value for limit, value in zip(self.limits, one.limits, strict=True)},
            **one.metrics,
        }

    def to_frame(self) -> pd.DataFrame:
        """Return `rows` as a pandas data frame."""
        import pandas as pd  # noqa: PLC0415 - slow to import, seldom needed

        return pd.DataFrame(self.rows())
