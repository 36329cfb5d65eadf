"""Operating characteristics: what each is, as functions of how a trial ended and of the truth.

Definitions, with their sources, stand in docs/reference/metrics.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from escalate.core.arrays import NONE, FloatArray, IntArray, Mask
from escalate.core.plan import Plan
from escalate.engine.automaton import Terminals, state_keys

SAFE, TOXIC = 0.6, 1.4
"""Rates below 0.6 or above 1.4 times the target are under- and overdosing by a margin (Liu and Yuan 2015)."""
TIED = 1e-9

SHARES = (
    "pca",
    "overdose_allocated",
    "underdose_allocated",
    "risk_overdose_60",
    "risk_overdose_80",
    "risk_underdose_80",
    "poor_allocation",
    "risk_overdose_60_planned",
    "risk_overdose_80_planned",
)
"""Functionals of the allocation that depend on the truth."""
ACCURACY = ("accuracy_index", "accuracy_index_squared", "accuracy_index_overdose")
SELECTION = ("pcs", "pcs_nearest", "pas", "overdose_selected", "underdose_selected", *ACCURACY)
SIZE = ("sd_patients", "stopped_early", "mean_dlts", "dlt_rate")


@dataclass(frozen=True, eq=False)
class Truths:
    """Which doses of V scenarios are what; each of shape (V, J), the last (V,)."""

    mtd: Mask
    over: Mask
    under: Mask
    acceptable: Mask
    no_mtd: Mask

    @classmethod
    def of(cls, rates: FloatArray, target: float) -> Truths:
        """Sort the doses of scenarios by their true rates, shape (V, J).

        Examples
        --------
        >>> Truths.of(np.array([[0.05, 0.15, 0.30, 0.45, 0.60]]), 0.3).mtd.tolist()
        [[False, False, True, False, False]]
        """
        distance = np.abs(rates - target)
        return cls(
            mtd=distance <= distance.min(axis=1, keepdims=True) + TIED,
            over=rates > target + TIED,
            under=rates < SAFE * target - TIED,
            acceptable=(rates >= SAFE * target - TIED) & (rates <= TOXIC * target + TIED),
            no_mtd=rates[:, 0] > TOXIC * target + TIED,
        )

    def alike(self) -> list[IntArray]:
        """Return scenarios in lists that agree in everything: they share their functionals."""
        rows = np.hstack([self.mtd, self.over, self.under, self.acceptable, self.no_mtd[:, None]]).astype(np.int64)
        _, place = np.unique(state_keys(rows, np.zeros(len(rows), dtype=np.int64)), return_inverse=True)
        return [np.flatnonzero(place == k) for k in range(int(place.max()) + 1)]

    def take(self, rows: IntArray) -> Truths:
        """Return some of the scenarios."""
        return Truths(self.mtd[rows], self.over[rows], self.under[rows], self.acceptable[rows], self.no_mtd[rows])


def allocation_values(terminals: Terminals, plan: Plan, truths: Truths | None) -> FloatArray:
    """Return the functionals `SHARES` of each terminal under scenarios that are alike; shape (T, 9), (T, 0) without."""
    if truths is None:
        return np.zeros((len(terminals), 0))
    n, total = terminals.tally.n, terminals.tally.n_total
    at_mtd, over, under = (n @ which[0].astype(np.int64) for which in (truths.mtd, truths.over, truths.under))
    # Whole numbers: 18 of 30 is 60%, not 0.6000000000000001.
    columns = (
        at_mtd / total,
        over / total,
        under / total,
        10 * over >= 6 * total,
        10 * over >= 8 * total,
        10 * under >= 8 * total,
        at_mtd * plan.n_doses < total,
        10 * over > 6 * plan.max_patients,
        10 * over > 8 * plan.max_patients,
    )
    return np.stack(columns, axis=1).astype(np.float64)


@dataclass(frozen=True, eq=False)
class Groups:
    """Terminals sorted by what else is reported of them: the dose selected, why the trial stopped, how many patients."""

    of_terminal: IntArray
    selected: IntArray
    stops: IntArray
    patients: IntArray

    @classmethod
    def of(cls, terminals: Terminals) -> Groups:
        """Return the distinct combinations."""
        rows = np.stack([terminals.selected + 1, terminals.stops, terminals.tally.n_total], axis=1)
        _, first, place = np.unique(state_keys(rows[:, 1:], rows[:, 0]), return_index=True, return_inverse=True)
        return cls(place, terminals.selected[first], terminals.stops[first], terminals.tally.n_total[first])


@dataclass(frozen=True, eq=False)
class Sums:
    """Expectations under V scenarios, exact or over random trials.

    Parameters
    ----------
    patients, dlts
        Means by dose, shape (V, J).
    moments
        Means of the functionals of the allocation, shape (V, M).
    mass
        Probability of each group, shape (V, G).
    seconds
        Means of the squares of patients, dlts and moments side by side, shape (V, 2J + M); None where exact.
    dlts_total
        Means of the square of all DLTs, and of all DLTs times all patients, shape (V, 2); None where exact.
    trials
        Number of random trials; None where exact.
    """

    patients: FloatArray
    dlts: FloatArray
    moments: FloatArray
    mass: FloatArray
    seconds: FloatArray | None = None
    dlts_total: FloatArray | None = None
    trials: int | None = None

    def error(self, mean: FloatArray, second: FloatArray) -> FloatArray:
        """Return the Monte-Carlo standard error of a mean, zero where exact."""
        if self.trials is None:
            return np.zeros_like(mean)
        return np.sqrt(np.maximum(second - mean**2, 0.0) / self.trials)


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

    def take(self, rows: IntArray) -> Characteristics:
        """Return some of the scenarios, in the order asked for."""
        return Characteristics(self.columns, self.values[rows], self.errors[rows], self.sizes, self.size_mass[rows])

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

    def share(self, metric: str, which: Mask, level: int | None = None) -> None:
        """Put the probability of the groups marked (G,) or, differently by scenario, (V, G)."""
        p = (self.sums.mass * which).sum(axis=1)
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
    means = np.hstack([sums.patients, sums.dlts, sums.moments])
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
    chosen = out.groups.selected

    def among(which: Mask) -> Mask:
        # NONE indexes the column of False put at the end.
        return np.hstack([which, np.zeros((len(which), 1), dtype=bool)])[:, chosen]

    nearest = among(truths.mtd)
    out.share("pcs", np.where(truths.no_mtd[:, None], chosen == NONE, nearest))
    out.share("pcs_nearest", nearest)
    out.share("pas", among(truths.acceptable))
    out.share("overdose_selected", among(truths.over))
    out.share("underdose_selected", among(truths.under))
    gap = rates - plan.target_rate
    losses = (np.abs(gap), gap**2, 2 * np.maximum(gap, 0) + np.maximum(-gap, 0))
    for name, rho in zip(ACCURACY, losses, strict=True):
        total = rho.sum(axis=1, keepdims=True)
        scaled = rates.shape[1] * rho / np.where(total > 0, total, np.nan)
        out.mean(name, np.hstack([scaled, np.zeros((len(rho), 1))])[:, chosen])
        out.values[-1] = 1 - out.values[-1]


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
