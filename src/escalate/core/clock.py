"""Clock files: when patients arrive, when DLTs happen, who drops out, and what becomes of those who come too early."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from itertools import pairwise
from math import fsum, log
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal

import numpy as np
from pydantic import Field, ValidationError, field_validator

from escalate.core import yaml_reader
from escalate.core.arrays import AnyArray, FloatArray, IntArray
from escalate.core.errors import DesignError, Problem, did_you_mean
from escalate.core.files import check_schema
from escalate.core.messages import problems_of
from escalate.core.setting import Probability, Setting, frozen

SCHEMA: Final = "escalate/clock/1"
Days = Annotated[float, Field(gt=0, le=100_000)]


class Accrual(Setting, ABC):
    """How patients arrive. The first arrives on day 0."""

    drawn: ClassVar[bool] = True
    """True where the gaps between arrivals are random."""

    @abstractmethod
    def gaps(self, u: FloatArray, patient: IntArray) -> FloatArray:
        """Return the days from each patient (0, 1, ...) to the next, from that patient's uniform; of any one shape."""

    @property
    @abstractmethod
    def mean_gap(self) -> float:
        """Days between arrivals in the long run."""


class _MeanGap(Accrual):
    """Random gaps with a mean."""

    mean_days: Days

    @property
    def mean_gap(self) -> float:
        """Return the mean."""
        return self.mean_days


class PoissonAccrual(_MeanGap):
    """Exponential gaps."""

    kind: Literal["poisson"]

    def gaps(self, u: FloatArray, patient: IntArray) -> FloatArray:
        """Return -mean ln(u)."""
        return -self.mean_days * np.log(u)


class UniformAccrual(_MeanGap):
    """Gaps uniform between 0 and twice their mean."""

    kind: Literal["uniform"]

    def gaps(self, u: FloatArray, patient: IntArray) -> FloatArray:
        """Return 2 mean u."""
        return 2 * self.mean_days * u


class FixedAccrual(Accrual):
    """One patient every so many days."""

    kind: Literal["fixed"]
    days: Days
    drawn = False

    def gaps(self, u: FloatArray, patient: IntArray) -> FloatArray:
        """Return the same gap for all."""
        return np.full(patient.shape, self.days)

    @property
    def mean_gap(self) -> float:
        """Return the gap."""
        return self.days


class ListedAccrual(Accrual):
    """Arrival days that are given, of a real trial for instance; after the last the last gap is repeated."""

    kind: Literal["listed"]
    days: Annotated[tuple[Annotated[float, Field(ge=0, le=100_000)], ...], Field(min_length=2, max_length=10_000)]
    drawn = False

    @field_validator("days")
    @classmethod
    def _in_order(cls, days: tuple[float, ...]) -> tuple[float, ...]:
        if days[0] != 0:
            raise ValueError(f"begins with day {days[0]:g}; days are counted from the first arrival, which is day 0")
        for k, (before, day) in enumerate(pairwise(days), start=2):
            if day < before:
                raise ValueError(f"arrival {k} (day {day:g}) is before arrival {k - 1} (day {before:g})")
        if days[-1] == days[-2]:
            raise ValueError(
                f"the last two arrivals are both on day {days[-1]:g}; their gap is repeated after the list, so it must not be 0"
            )
        return days

    def gaps(self, u: FloatArray, patient: IntArray) -> FloatArray:
        """Return the gaps of the list, then its last one."""
        return np.diff(self.days)[np.minimum(patient, len(self.days) - 2)]

    @property
    def mean_gap(self) -> float:
        """Return the last gap."""
        return self.days[-1] - self.days[-2]


class DltTimes(Setting, ABC):
    """When within its window a DLT happens, given that it does."""

    @abstractmethod
    def shares(self, u: FloatArray, p: FloatArray) -> FloatArray:
        """Return the share of the window at which each DLT happens, from uniforms and true DLT probabilities; of any one shape."""


class UniformTimes(DltTimes):
    """DLTs at any time alike."""

    kind: Literal["uniform"] = "uniform"

    def shares(self, u: FloatArray, p: FloatArray) -> FloatArray:
        """Return u."""
        return u


def weibull_shape(p: AnyArray, late: float) -> FloatArray:
    """Return the shape k with F(1) = p and F(1/2) = (1 - late) p, where F(t) = 1 - exp(-(t / scale)^k); of the shape of p.

    Examples
    --------
    >>> weibull_shape(np.array([0.3, 0.1]), 0.5).round(7).tolist()
    [1.1340021, 1.0384922]
    """
    return np.asarray(np.log(np.log1p(-p) / np.log1p(-(1 - late) * p)) / log(2), dtype=np.float64)


class WeibullTimes(DltTimes):
    """Weibull times to DLT, of which a share happens in the second half of the window."""

    kind: Literal["weibull"]
    late: Probability = 0.5

    def shares(self, u: FloatArray, p: FloatArray) -> FloatArray:
        """Return the quantile u of the Weibull law cut at the window: F(t) = u p."""
        return np.asarray((np.log1p(-u * p) / np.log1p(-p)) ** (1 / weibull_shape(p, self.late)), dtype=np.float64)


class PiecewiseTimes(DltTimes):
    """Uniform within equal parts of the window that have the masses given."""

    kind: Literal["piecewise"]
    masses: Annotated[tuple[Annotated[float, Field(ge=0, le=1)], ...], Field(min_length=1, max_length=100)]

    @field_validator("masses")
    @classmethod
    def _sum_to_one(cls, masses: tuple[float, ...]) -> tuple[float, ...]:
        total = fsum(masses)
        if abs(total - 1) > 1e-6:
            raise ValueError(f"the masses sum to {total:g}; they must sum to 1")
        return tuple(mass / total for mass in masses)

    def shares(self, u: FloatArray, p: FloatArray) -> FloatArray:
        """Return the quantile u."""
        masses = np.array(self.masses)
        ends = np.cumsum(masses)
        last = len(masses) - 1 - int(np.argmax(masses[::-1] > 0))
        part = np.minimum(np.searchsorted(ends, u, side="right"), last)
        within = (u - (ends[part] - masses[part])) / masses[part]
        return (part + np.clip(within, 0.0, 1.0)) / len(masses)


_ACCRUAL: Final[dict[str, type[Accrual]]] = {
    "poisson": PoissonAccrual,
    "fixed": FixedAccrual,
    "uniform": UniformAccrual,
    "listed": ListedAccrual,
}
_DLT_TIMES: Final[dict[str, type[DltTimes]]] = {
    "uniform": UniformTimes,
    "weibull": WeibullTimes,
    "piecewise": PiecewiseTimes,
}


class Clock(Setting):
    """What a simulation on a calendar needs to know beyond designs and scenarios.

    Parameters
    ----------
    accrual
        How patients arrive.
    dlt_times
        When DLTs happen within the window.
    drop_out
        Probability that a patient without DLT leaves before the end of the window, at a uniform time.
    arrivals
        What becomes of a patient who arrives while accrual is suspended: `turn_away` or `queue`.
    stagger_days
        Least days between the first and the second patient of a cohort.
    """

    schema_: Literal["escalate/clock/1"] = Field(default=SCHEMA, alias="schema")
    title: str | None = None
    notes: str | None = None
    accrual: Accrual
    dlt_times: DltTimes = UniformTimes()
    drop_out: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    arrivals: Literal["turn_away", "queue"] = "turn_away"
    stagger_days: Annotated[float, Field(ge=0, le=3650)] = 0.0

    @property
    def queues(self) -> bool:
        """Whether patients wait where they cannot be treated."""
        return self.arrivals == "queue"

    @property
    def n_listed(self) -> int | None:
        """How many arrivals are given; None where they are not listed."""
        return len(self.accrual.days) if isinstance(self.accrual, ListedAccrual) else None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Clock:
        """Return the clock that a mapping describes, as a file would.

        Raises
        ------
        DesignError
            With one line for each fault.

        Examples
        --------
        >>> Clock.from_dict({"accrual": {"kind": "fixed", "days": 7}}).arrivals
        'turn_away'
        """
        found, problems = build(frozen(data))
        if found is None:
            raise DesignError("\n".join(f"{problem.field}: {problem.text}" for problem in problems))
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return what a file would say, defaults included."""
        whole = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        parts = {name: getattr(self, name).model_dump(mode="json") for name in ("accrual", "dlt_times")}
        return {**whole, **parts}


def build(data: Mapping[str, Any]) -> tuple[Clock | None, list[Problem]]:
    """Return the clock that a file describes, or None and what is wrong with it."""
    problems: list[Problem] = []
    parts = dict(data)
    for field, kinds in (("accrual", _ACCRUAL), ("dlt_times", _DLT_TIMES)):
        if field in data:
            parts[field], faults = _part(field, data[field], kinds)
            problems += faults
    try:
        found = Clock.model_validate(parts)
    except ValidationError as error:
        return None, [*problems_of(error, Clock, {problem.field.split(".")[0] for problem in problems}), *problems]
    return (None, problems) if problems else (found, [])


def _part(field: str, settings: object, kinds: Mapping[str, type[Setting]]) -> tuple[Setting | None, list[Problem]]:
    if not isinstance(settings, Mapping):
        return None, [Problem(field, f"is not a group of settings; write it such as '{field}: {_SUCH_AS[field]}'")]
    kind = settings.get("kind")
    if kind is None:
        return None, [Problem(f"{field}.kind", f"is missing; it can be {', '.join(kinds)}")]
    cls = kinds.get(kind) if isinstance(kind, str) else None
    if cls is None:
        return None, [Problem(f"{field}.kind", f"{kind!r} is not known; {did_you_mean(str(kind), kinds)}")]
    try:
        return cls.model_validate(dict(settings)), []
    except ValidationError as error:
        return None, [Problem(f"{field}.{one.field}", one.text) for one in problems_of(error, cls, ())]


_SUCH_AS: Final = {"accrual": "{kind: poisson, mean_days: 10}", "dlt_times": "{kind: uniform}"}


def load_clock(path: str | Path) -> Clock:
    """Read and check a clock file; `-` is standard input.

    Raises
    ------
    DesignError
        With one line for each fault: file, line, field, and what would be right.
    """
    document = yaml_reader.read(str(path), "a clock file")
    check_schema(document, SCHEMA, "a clock file")
    found, problems = build(document.data)
    if found is None:
        raise DesignError(document.say(problems))
    return found
