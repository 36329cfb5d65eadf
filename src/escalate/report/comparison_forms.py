"""JSON of what stands beside operating characteristics: the benchmark, summaries over scenarios, the comparison of designs."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Any

from escalate.study.compare import pairs
from escalate.study.metrics import PER_TRIAL

if TYPE_CHECKING:
    from escalate.core.arrays import FloatArray
    from escalate.study.compare import Comparison, FamilyComparison
    from escalate.study.results import DesignResult
    from escalate.study.summary import Stats


def _number(x: float) -> float | None:
    return None if isnan(x) else float(x)


def benchmark(result: DesignResult, v: int) -> dict[str, Any] | None:
    """Return the optimal benchmark under one scenario as JSON."""
    found = result.benchmark
    if found is None:
        return None
    return {
        "selected": found.selected[v].tolist(),
        "selected_none": float(found.selected_none[v]),
        "pcs": float(found.pcs[v]),
        "accuracy_index": _number(found.accuracy_index[v]),
    }


def efficiency(result: DesignResult, v: int) -> tuple[float | None, float | None]:
    """Return the efficiency under one scenario, and its error."""
    values, errors = result.scalars["efficiency"]
    return _number(values[v]), _number(errors[v])


def summaries(result: DesignResult) -> list[dict[str, Any]]:
    """Return the summaries of one design over scenarios as JSON."""
    return [
        {
            "family": found.family,
            "scenarios": found.scenarios,
            "drawn": found.drawn,
            "metrics": {metric: _stats(stats) for metric, stats in found.metrics.items()},
        }
        for found in result.summary
    ]


def _stats(stats: Stats) -> dict[str, float | int | None]:
    numbers = {"mean": stats.mean, "sd": stats.sd, "se": stats.se, **stats.quantiles}
    return {"scenarios": stats.scenarios, **{name: _number(x) for name, x in numbers.items()}}


def comparison(found: Comparison | None, *, summary: bool = False) -> dict[str, Any] | None:
    """Return the comparison of two designs or more as JSON; with `summary` without the single scenarios."""
    if found is None:
        return None
    others = [(title, *found.differences(d)) for d, title in enumerate(found.titles) if d > 0 and not summary]
    return {
        "reference": found.titles[0],
        "designs": list(found.titles),
        "metrics": list(found.metrics),
        "notes": list(found.notes),
        "scenarios": [
            {
                "name": scenario.name,
                "differences": [
                    _difference(title, found.metrics, gaps[:, v], errors[:, v]) for title, gaps, errors in others
                ],
                **_squares(found, v),
            }
            for v, scenario in enumerate(() if summary else found.scenarios)
        ],
        "families": [_family(found.titles, family) for family in found.families],
    }


def _squares(found: Comparison, v: int) -> dict[str, Any]:
    """Return the mean squared differences between trials of the same patients, by pair of designs; nothing where exact."""
    if found.squares is None:
        return {}
    return {
        "mean_squared_differences": [
            {
                "designs": [found.titles[a], found.titles[b]],
                **{metric: _number(x) for metric, x in zip(PER_TRIAL, row, strict=True)},
            }
            for (a, b), row in zip(pairs(len(found.titles)), found.squares[:, :, v].tolist(), strict=True)
        ]
    }


def _difference(title: str, metrics: tuple[str, ...], gaps: FloatArray, errors: FloatArray) -> dict[str, Any]:
    pairs = zip(metrics, gaps.tolist(), errors.tolist(), strict=True)
    return {
        "design": title,
        **{metric: {"difference": _number(gap), "se": _number(error)} for metric, gap, error in pairs},
    }


def _family(titles: tuple[str, ...], found: FamilyComparison) -> dict[str, Any]:
    orders = {metric: found.ranking(metric) for metric in found.metrics}
    return {
        "family": found.family,
        "scenarios": found.scenarios,
        "drawn": found.drawn,
        "differences": [
            _difference(title, found.metrics, found.differences[d, 0], found.errors[d, 0])
            for d, title in enumerate(titles)
            if d > 0
        ],
        "ranking": {
            metric: [{"design": titles[d], "mean": found.mean(d, metric), "rank": found.rank(d, metric)} for d in order]
            for metric, order in orders.items()
            if order
        },
    }
