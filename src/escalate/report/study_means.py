"""Means of a study's metrics over its scenarios, design by design: what tables and pictures of a study show."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Any, Final

from escalate.core.errors import EscalateError, did_you_mean
from escalate.study.metrics import BETTER, HIGHER

if TYPE_CHECKING:
    from escalate.study.grid.results import StudyResults

USUAL: Final = ("pcs", "overdose_selected", "selected_none", "pca", "overdose_allocated", "mean_patients", "mean_dlts")
"""What is shown unless other metrics are asked for."""


@dataclass(frozen=True)
class Row:
    """One design: what was varied for it, and the mean of each metric; None where a job failed or no scenario has it."""

    number: int
    title: str
    method: str
    sha256: str
    choices: dict[str, Any]
    means: dict[str, float | None]


@dataclass(frozen=True)
class Means:
    """All designs of a study.

    Parameters
    ----------
    fields
        Settings that are varied.
    sort
        The metric that the rows are ordered by; None for the order of the study file.
    """

    title: str
    scenarios: int
    trials: int | None
    metrics: tuple[str, ...]
    fields: tuple[str, ...]
    sort: str | None
    rows: tuple[Row, ...]

    @classmethod
    def of(cls, results: StudyResults, metrics: str | None, sort: str | None) -> Means:
        """Return the means of a study.

        Parameters
        ----------
        metrics
            Names separated by commas; None for the usual ones that were kept.

        Raises
        ------
        EscalateError
            Where a metric was not kept.
        """
        kept = results.kept_metrics()
        asked = tuple(m.strip() for m in metrics.split(",")) if metrics else tuple(m for m in USUAL if m in kept)
        for name in (*asked, *([sort] if sort else [])):
            if name not in kept:
                raise EscalateError(
                    f"--{'sort' if name == sort else 'metrics'} {name}: was not kept; {did_you_mean(name, kept)}"
                )
        every = tuple(dict.fromkeys((*asked, *([sort] if sort else []))))
        known = {"number", "design", "title", "method", "target", "sha256"}
        fields = tuple(name for name in results.designs.column_names if name not in known)
        rows = [
            Row(
                found["number"],
                found["title"],
                found["method"],
                found["sha256"],
                {name: found[name] for name in fields if found[name] is not None},
                {name: found[name] for name in every},
            )
            for found in results.means(every)
        ]
        if sort is not None:
            rows.sort(key=lambda row: _rank(row.means[sort], sort))
        head = results.manifest
        return cls(head["title"], head["scenarios"], head["trials"], every, fields, sort, tuple(rows))


def _rank(mean: float | None, metric: str) -> float:
    """Return what to sort by: the best first, what is not known last."""
    if mean is None or isnan(mean):
        return float("inf")
    return -mean if BETTER.get(metric) == HIGHER else mean
