"""Designs beside each other: paired differences with their errors, over scenarios and families, and ranks.

In random trials the designs treat the same patients, so the error of a difference is that of the mean difference between two
trials of the same patients, not of two independent studies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from escalate.core.arrays import FloatArray, IntArray, Mask
from escalate.core.outcome import BINARY, rate_word
from escalate.core.scenario import Scenario
from escalate.core.shown import Shown
from escalate.study.metrics import BETTER, PER_TRIAL, TIED
from escalate.study.summary import Group, groups, mean_and_error, ratio_values

if TYPE_CHECKING:
    import pandas as pd

    from escalate.study.results import DesignResult

METRICS = (*PER_TRIAL, "efficiency")
PCS, EFFICIENCY = METRICS.index("pcs"), METRICS.index("efficiency")
SEPARABLE = 2.0
"""Errors by which a difference must exceed zero for one design to be placed below another."""


@dataclass(frozen=True, eq=False)
class FamilyComparison:
    """D designs over one family of scenarios, or over all (None).

    Parameters
    ----------
    family, scenarios, drawn
        Its name, how many scenarios, and whether all were drawn at random.
    means, mean_errors
        Shape (D, M).
    differences, errors
        Mean paired difference, the first design minus the second, and its standard error; shape (D, D, M).
    ranks
        From 1; 0 where the metric has no better or worse, or no value; shape (D, M).
    """

    metrics: ClassVar[tuple[str, ...]] = METRICS

    family: str | None
    scenarios: int
    drawn: bool
    means: FloatArray
    mean_errors: FloatArray
    differences: FloatArray
    errors: FloatArray
    ranks: IntArray

    def mean(self, design: int, metric: str) -> float:
        """Return the mean of a metric over the scenarios."""
        return float(self.means[design, METRICS.index(metric)])

    def difference(self, design: int, metric: str, reference: int = 0) -> tuple[float, float]:
        """Return by how much a design exceeds another on average, and the error of that."""
        at = design, reference, METRICS.index(metric)
        return float(self.differences[at]), float(self.errors[at])

    def rank(self, design: int, metric: str) -> int:
        """Return the rank of a design, from 1; 0 where it has none."""
        return int(self.ranks[design, METRICS.index(metric)])

    def ranking(self, metric: str) -> list[int]:
        """Return the designs from best to worst mean, those without a value left out; empty where there is no better."""
        m = METRICS.index(metric)
        ranked = [d for d in range(len(self.means)) if self.ranks[d, m] > 0]
        return sorted(ranked, key=lambda d: -BETTER[metric] * self.means[d, m])


@dataclass(frozen=True, eq=False)
class Comparison(Shown):
    """D designs under the same V scenarios, in M metrics.

    Parameters
    ----------
    titles
        Of the designs, made distinct.
    notes
        What makes the designs hard to compare.
    values, value_errors
        Shape (D, M, V), metrics as in `METRICS`.
    squares
        Means of the squared differences between two trials of the same patients, shape (P, 21, V), for the pairs of designs
        (0, 1), (0, 2), ..., (1, 2), ..., metrics as in `PER_TRIAL`; None where exact.
    optimal
        PCS of the benchmark of each design, shape (D, V); NaN where there is none.
    trials
        Number of random trials; None where exact.
    """

    metrics: ClassVar[tuple[str, ...]] = METRICS

    titles: tuple[str, ...]
    notes: tuple[str, ...]
    scenarios: tuple[Scenario, ...]
    values: FloatArray
    value_errors: FloatArray
    squares: FloatArray | None
    optimal: FloatArray
    trials: int | None

    def __repr__(self) -> str:
        return f"Comparison({len(self.titles)} designs, {len(self.scenarios)} scenarios)"

    @classmethod
    def of(cls, results: Sequence[DesignResult], squares: FloatArray | None, trials: int | None) -> Self:
        """Compare results, given the mean squared differences of `PER_TRIAL`, shape (P, 21, V)."""
        values, errors = (
            np.stack([[result.scalars[metric][part] for metric in METRICS] for result in results]) for part in (0, 1)
        )
        optimal = np.stack([result.scalars["benchmark_pcs"][0] for result in results])
        titles = distinct([result.design.title for result in results])
        return cls(titles, _notes(results), results[0].scenarios, values, errors, squares, optimal, trials)

    def differences(self, design: int | str, reference: int | str = 0) -> tuple[FloatArray, FloatArray]:
        """Return by how much a design exceeds another, and the error of that, metrics by scenarios (M, V).

        Designs are named by title or by number from 0.
        """
        a, b = (self.titles.index(name) if isinstance(name, str) else name for name in (design, reference))
        gap = self.values[a] - self.values[b]
        if a == b or self.squares is None or self.trials is None:
            return gap, np.where(np.isnan(gap), np.nan, 0.0)
        squares = self.squares[pairs(len(self.titles)).index((min(a, b), max(a, b)))]
        errors = np.sqrt(np.maximum(squares - gap[: len(PER_TRIAL)] ** 2, 0.0) / self.trials)
        weights = np.divide(1.0, self.optimal, out=np.full_like(self.optimal, np.nan), where=self.optimal > 0)
        return gap, np.vstack([errors, self._efficiency_error(a, b, weights[a], weights[b])])

    def _efficiency_error(self, a: int, b: int, weight: FloatArray, other: FloatArray) -> FloatArray:
        """Return the error of a difference between shares of correct selections, each times its weight; shape (V,)."""
        if a == b or self.squares is None or self.trials is None:
            return np.where(np.isnan(weight + other), np.nan, 0.0 * self.values[a, PCS])
        p, q = self.values[a, PCS], self.values[b, PCS]
        square = self.squares[pairs(len(self.titles)).index((min(a, b), max(a, b))), PCS]
        # E[(X w - Y u)^2] for X and Y of 0 and 1, given E[(X - Y)^2].
        second = square * weight * other + (weight - other) * (p * weight - q * other)
        return np.sqrt(np.maximum(second - (p * weight - q * other) ** 2, 0.0) / self.trials)

    @cached_property
    def families(self) -> tuple[FamilyComparison, ...]:
        """All scenarios together, then each family."""
        return tuple(self._over(group) for group in groups(self.scenarios))

    def _over(self, group: Group) -> FamilyComparison:
        n_designs, n_metrics, _ = self.values.shape
        # Every design over the same scenarios: those in which each that has the metric at all has a value.
        known = np.isfinite(self.values[:, :, group.rows])
        without = ~np.logical_or.reduce(known, axis=2)
        common: Mask = np.logical_and.reduce(known | without[:, :, None], axis=0)
        values = np.where(common, self.values[:, :, group.rows], np.nan)
        value_errors = self.value_errors[:, :, group.rows].copy()
        # Efficiency over a family is a ratio of means.
        shared = np.where(common[EFFICIENCY], self.optimal[:, group.rows], np.nan)
        values[:, EFFICIENCY], below = ratio_values(values[:, PCS], shared)
        value_errors[:, EFFICIENCY] = value_errors[:, PCS] / below[:, None]
        gaps, errors = np.zeros((2, n_designs, n_designs, n_metrics))
        for a, b in pairs(n_designs):
            error = self.differences(a, b)[1][:, group.rows]
            weights = [np.full(len(self.scenarios), 1 / below[k]) for k in (a, b)]
            error[EFFICIENCY] = self._efficiency_error(a, b, *weights)[group.rows]
            mean, se = mean_and_error(values[a] - values[b], error, group.strata)
            gaps[a, b], gaps[b, a], errors[a, b], errors[b, a] = mean, 0.0 - mean, se, se
        means, mean_errors = mean_and_error(values, value_errors, group.strata)
        placed = [
            ranks(means[:, m], gaps[:, :, m], errors[:, :, m], BETTER[metric]) if metric in BETTER else np.zeros(n_designs)
            for m, metric in enumerate(METRICS)
        ]  # fmt: skip
        return FamilyComparison(
            group.family,
            len(group.rows),
            group.drawn,
            means,
            mean_errors,
            gaps,
            errors,
            np.stack(placed, axis=1).astype(np.int64),
        )

    def rows(self, *, all_pairs: bool = False) -> list[dict[str, Any]]:
        """Return the long form: design, reference, scenario, metric, difference, standard error.

        The reference is the first design, or, with all pairs, each design that comes before.
        """
        return list(self._rows(all_pairs=all_pairs))

    def to_frame(self, *, all_pairs: bool = False) -> pd.DataFrame:
        """Return `rows` as a pandas data frame."""
        import pandas as pd  # noqa: PLC0415 - slow to import, seldom needed

        return pd.DataFrame(self.rows(all_pairs=all_pairs))

    def _rows(self, *, all_pairs: bool) -> Iterator[dict[str, Any]]:
        for b, a in pairs(len(self.titles)):
            if b > 0 and not all_pairs:
                continue
            gap, error = self.differences(a, b)
            for v, scenario in enumerate(self.scenarios):
                for m, metric in enumerate(METRICS):
                    yield {
                        "design": self.titles[a],
                        "reference": self.titles[b],
                        "scenario": scenario.name,
                        "metric": metric,
                        "difference": float(gap[m, v]),
                        "se": float(error[m, v]),
                    }


def ranks(means: FloatArray, differences: FloatArray, errors: FloatArray, better: int) -> IntArray:
    """Return 1 + how many designs are separably better than each; 0 where its mean is NaN.

    Parameters
    ----------
    means
        Shape (D,).
    differences, errors
        Paired differences, the first design minus the second, and their errors; shape (D, D).
    better
        1 where higher is better, -1 where lower is.

    Notes
    -----
    One design is separably better than another where it is better by more than twice the error of the difference (and more
    than 1e-9, which rounding stays below). Designs that are not separable from the best share its rank.

    Examples
    --------
    Only the first and the last are separable:

    >>> means = np.array([0.52, 0.51, 0.50])
    >>> ranks(means, means[:, None] - means, np.full((3, 3), 0.008), 1).tolist()
    [1, 1, 2]
    """
    ahead = better * differences > SEPARABLE * errors + TIED
    return np.where(np.isnan(means), 0, 1 + ahead.sum(axis=0))


def distinct(titles: Sequence[str]) -> tuple[str, ...]:
    """Return titles, those that were there before numbered.

    Examples
    --------
    >>> distinct(["BOIN", "CRM", "BOIN"])
    ('BOIN', 'CRM', 'BOIN (2)')
    """
    found: list[str] = []
    for title in titles:
        name, k = title, 1
        while name in found or (k > 1 and name in titles):
            k += 1
            name = f"{title} ({k})"
        found.append(name)
    return tuple(found)


def pairs(n_designs: int) -> list[tuple[int, int]]:
    """Return the pairs of designs (a, b) with a before b, in the order of `Comparison.squares`."""
    return [(a, b) for a in range(n_designs) for b in range(a + 1, n_designs)]


def _notes(results: Sequence[DesignResult]) -> tuple[str, ...]:
    found = []
    targets = sorted({result.design.target for result in results if result.design.target is not None})
    if len(targets) > 1:
        found.append(
            f"The designs have different targets ({', '.join(f'{target:g}' for target in targets)}): what counts as correct, "
            "or as overdosing, differs between them, so their differences and ranks mean little."
        )
    if any(result.design.target is None for result in results):
        found.append("A design without target has no metric that needs one.")
    outcomes = {result.design.outcomes for result in results}
    scored = {each for each in outcomes if rate_word(each) != rate_word(BINARY)}
    if scored and len(scored) < len(outcomes):
        found.append(
            "The designs grade outcomes differently: the target is a mean score to some, a DLT rate to others."
        )
    elif len(scored) > 1:
        found.append("The designs score outcomes differently: a target is not the same to all of them.")
    return tuple(found)
