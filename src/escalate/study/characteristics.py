"""Operating characteristics of a design under many scenarios: a table of values and Monte-Carlo errors.

Definitions, with their sources, stand in docs/reference/metrics.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from escalate.core.arrays import NONE, FloatArray, Mask
from escalate.core.plan import Plan
from escalate.study.metrics import ACCURACY, SELECTION, SHARES, Groups, Sums, Truths, selection_values


class Column(NamedTuple):
    """What a column of results is: a metric, of one dose level or of the design as a whole."""

    metric: str
    level: int | None = None


@dataclass(frozen=True, eq=False)
class Characteristics:
    """Operating characteristics of one design under V scenarios, each with its Monte-Carlo error (zero where exact).

    Parameters
    ----------
    columns
        What each column is: L of them.
    values, errors
        Shape (V, L); NaN where a metric means nothing for the design or the scenario.
    sizes, size_mass
        Sample sizes that occur, and their probabilities, shape (V, len(sizes)).
    """

    columns: tuple[Column, ...]
    values: FloatArray
    errors: FloatArray
    sizes: tuple[int, ...]
    size_mass: FloatArray

    def of(self, scenario: int, metric: str) -> list[tuple[float, float]]:
        """Return (value, error) of a metric under a scenario: one, or one a dose level."""
        found = [k for k, column in enumerate(self.columns) if column.metric == metric]
        return [(float(self.values[scenario, k]), float(self.errors[scenario, k])) for k in found]

    def value(self, scenario: int, metric: str) -> float:
        """Return the value of a metric of the design as a whole."""
        return self.of(scenario, metric)[0][0]

    @classmethod
    def join(cls, parts: list[Characteristics]) -> Characteristics:
        """Put the scenarios of several together."""
        if len({part.sizes for part in parts}) > 1:
            parts = [part._over(sorted({size for part in parts for size in part.sizes})) for part in parts]
        stacked = (
            np.concatenate([getattr(part, name) for part in parts]) for name in ("values", "errors", "size_mass")
        )
        values, errors, size_mass = stacked
        return cls(parts[0].columns, values, errors, parts[0].sizes, size_mass)

    def _over(self, sizes: list[int]) -> Characteristics:
        mass = np.zeros((len(self.values), len(sizes)))
        mass[:, [sizes.index(size) for size in self.sizes]] = self.size_mass
        return Characteristics(self.columns, self.values, self.errors, tuple(sizes), mass)


class _Writer:
    """Collects columns of results."""

    def __init__(self, sums: Sums, groups: Groups) -> None:
        self.sums, self.groups = sums, groups
        self.columns: list[Column] = []
        self.values: list[FloatArray] = []
        self.errors: list[FloatArray] = []

    def put(self, metric: str, value: FloatArray, error: FloatArray, level: int | None = None) -> None:
        self.columns.append(Column(metric, level))
        self.values.append(value)
        self.errors.append(error)

    def share(self, metric: str, which: Mask | FloatArray, level: int | None = None) -> None:
        """Put the probability of the groups marked (G,) or, differently by scenario, (V, G)."""
        # Rounding may carry a certain event beyond one.
        p = np.minimum((self.sums.mass * which).sum(axis=1), 1.0)
        self.put(metric, p, self.sums.error(p, p), level)

    def mean(self, metric: str, of_group: FloatArray, level: int | None = None) -> None:
        """Put the mean of a number that each group (G,) or scenario and group (V, G) has."""
        mean = (self.sums.mass * of_group).sum(axis=1)
        self.put(metric, mean, self.sums.error(mean, (self.sums.mass * of_group**2).sum(axis=1)), level)

    def blank(self, metrics: tuple[str, ...]) -> None:
        nothing = np.full(len(self.sums.mass), np.nan)
        for metric in metrics:
            self.put(metric, nothing, nothing)


def characterise(
    sums: Sums, groups: Groups, codes: tuple[str, ...], plan: Plan, rates: FloatArray, truths: Truths | None
) -> Characteristics:
    """Return all operating characteristics of scenarios (V, J) from sums over terminals."""
    out = _Writer(sums, groups)
    for j in range(plan.n_doses):
        out.share("selected", groups.selected == j, j + 1)
    out.share("selected_none", groups.selected == NONE)
    means = np.hstack([sums.patients, sums.dlts, sums.shares])
    errors = sums.error(means, sums.seconds if sums.seconds is not None else means)
    for k in range(2 * plan.n_doses):
        out.put("patients" if k < plan.n_doses else "dlts", means[:, k], errors[:, k], k % plan.n_doses + 1)
    for k, code in enumerate(codes):
        out.share(f"stopped:{code}", (groups.stops >> k) & 1 == 1)
    out.mean("mean_patients", groups.patients.astype(np.float64))
    if truths is None:
        out.blank((*SELECTION, *SHARES))
    else:
        _put_selection(out, plan, rates, truths)
        for k, name in enumerate(SHARES, start=2 * plan.n_doses):
            out.put(name, means[:, k], errors[:, k])
    _put_size(out, plan)
    sizes = np.unique(groups.patients)
    return Characteristics(
        tuple(out.columns),
        np.stack(out.values, axis=1),
        np.stack(out.errors, axis=1),
        tuple(sizes.tolist()),
        np.stack([(sums.mass * (groups.patients == size)).sum(axis=1) for size in sizes], axis=1),
    )


def _put_selection(out: _Writer, plan: Plan, rates: FloatArray, truths: Truths) -> None:
    # NONE indexes the last column.
    counted = selection_values(plan, rates, truths)[:, :, out.groups.selected]
    for k, name in enumerate(SELECTION):
        if name in ACCURACY:
            out.mean(name, counted[:, k])
            out.values[-1] = 1 - out.values[-1]
        else:
            out.share(name, counted[:, k])


def _put_size(out: _Writer, plan: Plan) -> None:
    sums, n = out.sums, out.groups.patients.astype(np.float64)
    mean = (sums.mass * n).sum(axis=1)
    centred = n - mean[:, None]
    variance, fourth = (np.maximum((sums.mass * centred**k).sum(axis=1), 0.0) for k in (2, 4))
    sd = np.sqrt(variance)
    dlts = sums.dlts.sum(axis=1)
    rate = dlts / mean
    zero = np.zeros_like(mean)
    sd_error = dlts_error = rate_error = zero
    if sums.dlts_total is not None:
        squared, by_n = sums.dlts_total.T
        # The delta method, for a standard deviation and for a ratio of means.
        spread = sums.error(zero, fourth - variance**2)
        sd_error = np.divide(spread, 2 * sd, out=np.zeros_like(sd), where=sd > 0)
        dlts_error = sums.error(dlts, squared)
        rate_error = sums.error(zero, squared - 2 * rate * by_n + rate**2 * (sums.mass * n**2).sum(axis=1)) / mean
    out.put("sd_patients", sd, sd_error)
    out.share("stopped_early", out.groups.patients < plan.max_patients)
    out.put("mean_dlts", dlts, dlts_error)
    out.put("dlt_rate", rate, rate_error)
