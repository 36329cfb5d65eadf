"""Means of a study's metrics over its scenarios, design by design: what tables and pictures of a study show."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Any, Final

from escalate.core.errors import EscalateError, did_you_mean
from escalate.report.study_limits import Limit, check_family, parse_where
from escalate.study.grid.results import mean_of
from escalate.study.metrics import BETTER, HIGHER

if TYPE_CHECKING:
    from escalate.study.grid.results import StudyResults

USUAL: Final = ("pcs", "overdose_selected", "selected_none", "pca", "overdose_allocated", "mean_patients", "mean_dlts")
"""What is shown unless other metrics are asked for."""
_KNOWN: Final = frozenset(("number", "design", "title", "method", "target", "sha256"))


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
    scenarios
        How many the means are over.
    families
        That they are of; empty for all.
    fields
        Settings that are varied.
    sort
        The metric that the rows are ordered by; None for the order of the study file.
    where
        Limits that the rows keep.
    rows, others
        Designs that keep the limits, and those that do not.
    """

    title: str
    scenarios: int
    families: tuple[str, ...]
    trials: int | None
    metrics: tuple[str, ...]
    fields: tuple[str, ...]
    sort: str | None
    where: tuple[Limit, ...]
    rows: tuple[Row, ...]
    others: tuple[Row, ...]

    @classmethod
    def of(
        cls,
        results: StudyResults,
        metrics: str | None = None,
        sort: str | None = None,
        where: Sequence[str] = (),
        families: Sequence[str] = (),
    ) -> Means:
        """Return the means of a study.

        Parameters
        ----------
        metrics
            Names separated by commas; None for the usual ones that were kept.
        where
            Limits, such as `overdose_allocated <= 0.4`.

        Raises
        ------
        EscalateError
            Where a metric was not kept, no scenario is of a family, or a limit is none.
        """
        kept, limits = results.kept_metrics(), tuple(map(parse_where, where))
        asked = tuple(m.strip() for m in metrics.split(",")) if metrics else tuple(m for m in USUAL if m in kept)
        _check("--metrics", asked, kept)
        _check("--sort", () if sort is None else (sort,), kept)
        _check("--where", [limit.metric for limit in limits], kept)
        of_each = results.scenarios["family"].to_pylist()
        known = list(dict.fromkeys(each for each in of_each if each is not None))
        for family in families:
            check_family("--family", family, known)
        for limit in limits:
            if limit.family is not None:
                check_family(f"--where '{limit}'", limit.family, known)
        every = tuple(dict.fromkeys((*asked, *([sort] if sort else []))))
        fields = tuple(name for name in results.designs.column_names if name not in _KNOWN)
        rows, others = list[Row](), list[Row]()
        for found, table in results.figures():
            means = {name: mean_of(table, name, families) for name in every}
            choices = {name: _setting(found[name]) for name in fields if found[name] is not None}
            row = Row(found["number"], found["title"], found["method"], found["sha256"], choices, means)
            keeps = all(limit.keeps(mean_of(table, limit.metric, limit.families(families))) for limit in limits)
            (rows if keeps else others).append(row)
        if sort is not None:
            rows.sort(key=lambda row: _rank(row.means[sort], sort))
        n = sum(each in families for each in of_each) if families else len(of_each)
        head = results.manifest
        return cls(
            head["title"], n, tuple(families), head["trials"], every, fields, sort, limits, tuple(rows), tuple(others)
        )


def _setting(value: Any) -> Any:
    """Return a setting: a column that does not hold numbers alone holds JSON."""
    return json.loads(value) if isinstance(value, str) else value


def _check(option: str, names: Sequence[str], kept: tuple[str, ...]) -> None:
    for name in names:
        if name not in kept:
            raise EscalateError(f"{option} {name}: was not kept; {did_you_mean(name, kept)}")


def _rank(mean: float | None, metric: str) -> float:
    """Return what to sort by: the best first, what is not known last."""
    if mean is None or isnan(mean):
        return float("inf")
    return -mean if BETTER.get(metric) == HIGHER else mean
