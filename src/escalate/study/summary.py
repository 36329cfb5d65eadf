"""Metrics over families of scenarios: means with their errors, spread and quantiles.

A mean over scenarios has an error from two sources. Scenarios drawn from a random law stand for others, so their spread
counts; it contains the Monte-Carlo errors. Scenarios that were chosen stand for themselves: the Monte-Carlo errors alone
count, and where these are zero the mean is exact. A list of both is a stratified sample.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np

from escalate.core.arrays import FloatArray, IntArray
from escalate.core.scenario import Scenario

FIXED = "fixed"
"""What scenarios without a family are called together."""
QUANTILES = {"min": 0.0, "q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95, "max": 1.0}

Scalars: TypeAlias = Mapping[str, tuple[FloatArray, FloatArray]]
"""By metric its values and Monte-Carlo errors, each of shape (V,)."""


@dataclass(frozen=True, eq=False)
class Group:
    """A family of scenarios, or all of them.

    Parameters
    ----------
    family
        Its name; None for all.
    rows
        Which scenarios, shape (V,).
    strata
        For each the number of the random law it was drawn from; -1 where it was not drawn.
    """

    family: str | None
    rows: IntArray
    strata: IntArray

    @property
    def drawn(self) -> bool:
        """Whether every scenario was drawn at random."""
        return bool((self.strata >= 0).all())


class Stats(NamedTuple):
    """One metric over a family; NaN where it cannot be had.

    Parameters
    ----------
    scenarios
        How many scenarios have a value.
    mean, se
        Their mean, and its standard error; for `efficiency` the ratio of the means of PCS, see `ratio_values`.
    sd
        Standard deviation over scenarios, divisor V - 1.
    quantiles
        By the names of `QUANTILES`; between two scenarios they are interpolated.
    """

    scenarios: int
    mean: float
    se: float
    sd: float
    quantiles: dict[str, float]


@dataclass(frozen=True, eq=False)
class Summary:
    """Every metric over one family, or over all scenarios (None)."""

    family: str | None
    scenarios: int
    drawn: bool
    metrics: dict[str, Stats]


def groups(scenarios: Sequence[Scenario]) -> tuple[Group, ...]:
    """Return all scenarios as one group, then the families in order of appearance; none where no scenario has a family.

    Examples
    --------
    >>> [(g.family, len(g.rows)) for g in groups([Scenario(name="a", dlt=(0.1,)), Scenario(name="b", dlt=(0.2,), family="x")])]
    [(None, 2), ('fixed', 1), ('x', 1)]
    """
    names = [scenario.family or FIXED for scenario in scenarios]
    order = list(dict.fromkeys(names))
    place = np.array([order.index(name) for name in names])
    drawn = np.array([bool(scenario.drawn) for scenario in scenarios])
    strata = np.where(drawn, place, -1)
    everything = Group(None, np.arange(len(names)), strata)
    if all(scenario.family is None for scenario in scenarios):
        return (everything,)
    rows = [np.flatnonzero(place == k) for k in range(len(order))]
    return (everything, *(Group(name, row, strata[row]) for name, row in zip(order, rows, strict=True)))


def summarise(scenarios: Sequence[Scenario], scalars: Scalars) -> tuple[Summary, ...]:
    """Return every metric over each family, and over all scenarios where there are two or more."""
    found = []
    for group in groups(scenarios):
        if group.family is not None or len(group.rows) > 1:
            some = {metric: (values[group.rows], errors[group.rows]) for metric, (values, errors) in scalars.items()}
            metrics = {metric: _stats(*both, group.strata) for metric, both in some.items()}
            if "efficiency" in some:
                metrics["efficiency"] = _of_efficiency(metrics["efficiency"], some, group.strata)
            found.append(Summary(group.family, len(group.rows), group.drawn, metrics))
    return tuple(found)


def _stats(values: FloatArray, errors: FloatArray, strata: IntArray) -> Stats:
    known = np.sort(values[np.isfinite(values)])
    mean, se = mean_and_error(values, errors, strata)
    sd = float(known.std(ddof=1)) if len(known) > 1 else np.nan
    quantiles = np.quantile(known, list(QUANTILES.values())) if len(known) else np.full(len(QUANTILES), np.nan)
    return Stats(len(known), float(mean), float(se), sd, dict(zip(QUANTILES, quantiles.tolist(), strict=True)))


def _of_efficiency(stats: Stats, scalars: Scalars, strata: IntArray) -> Stats:
    (pcs, error), (optimal, _) = scalars["pcs"], scalars["benchmark_pcs"]
    values, below = ratio_values(pcs, optimal)
    mean, se = mean_and_error(values, error / below, strata)
    return stats._replace(mean=float(mean), se=float(se))


def ratio_values(above: FloatArray, below: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return values (..., V) whose mean is a ratio of means and whose spread gives its error, and the mean below (...).

    Scenarios in which what is below is zero or unknown are left out. A mean of ratios would hang on the few scenarios in which
    what is below is nearly zero. The error is that of the delta method.

    Examples
    --------
    >>> values, below = ratio_values(np.array([0.3, 0.5, 0.2]), np.array([0.4, 0.6, 0.0]))
    >>> values.round(4).tolist(), float(below)
    ([0.76, 0.84, nan], 0.5)
    """
    known = np.isfinite(above) & (below > 0)
    n = known.sum(axis=-1)
    tops, bottoms = (np.where(known, values, np.nan) for values in (above, below))
    mean = _divide(_sum(bottoms), n)
    ratio = _divide(_sum(tops), n) / mean
    return ratio[..., None] + (tops - ratio[..., None] * bottoms) / mean[..., None], mean


def mean_and_error(values: FloatArray, errors: FloatArray, strata: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return the means over scenarios, and their standard errors, of values (..., V) with Monte-Carlo errors (..., V).

    Scenarios without a value (NaN) are left out. A random law with one scenario has no spread; its Monte-Carlo error counts.
    The bits do not depend on the order of the scenarios.

    Examples
    --------
    >>> values, errors = np.array([0.4, 0.6, 0.5]), np.array([0.03, 0.04, 0.0])
    >>> [round(float(x), 6) for x in mean_and_error(values, errors, np.array([-1, -1, -1]))]
    [0.5, 0.016667]
    >>> [round(float(x), 6) for x in mean_and_error(values, errors, np.array([0, 0, 0]))]
    [0.5, 0.057735]
    """
    known = np.isfinite(values)
    n = known.sum(axis=-1)
    mean = _divide(_sum(values), n)
    variance = np.zeros(mean.shape)
    for stratum in np.unique(strata).tolist():
        some = strata == stratum
        here, k = values[..., some], known[..., some].sum(axis=-1)
        chance = _sum(np.where(known[..., some], errors[..., some], 0.0) ** 2)
        if stratum >= 0:
            centre = _divide(_sum(here), k)
            spread = k * _divide(_sum((here - centre[..., None]) ** 2), np.maximum(k - 1, 0))
            chance = np.where(k > 1, spread, chance)
        variance += chance
    return mean, np.sqrt(_divide(variance, n**2))


def _sum(values: FloatArray) -> FloatArray:
    # Sorted, so that the order of the scenarios does not matter, and laid out alike whatever else is summed; NaN comes last.
    in_order = np.sort(np.ascontiguousarray(values), axis=-1)
    return np.where(np.isfinite(in_order), in_order, 0.0).sum(axis=-1)


def _divide(value: FloatArray, by: IntArray) -> FloatArray:
    return np.divide(value, by, out=np.full(np.shape(value), np.nan), where=by > 0)
