"""Tables of a calibration: the choice, what it does, what each value of a setting costs, and the best candidates."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from escalate.report.calibration_words import (
    best_first,
    checked,
    compared,
    gap_text,
    headline,
    judged_by,
    on_the_edge,
)
from escalate.report.whole_numbers import table as _table
from escalate.study.calibration_axes import short_names, show

if TYPE_CHECKING:
    from escalate.study.calibration_results import Calibration, Judged

SHOWN = 12
"""Candidates that are printed one by one."""
LABELS = {
    "pcs": "correct selection",
    "pas": "acceptable level selected",
    "overdose_selected": "overdosing level selected",
    "selected_none": "no level selected",
    "pca": "patients at the MTD",
    "overdose_allocated": "patients overdosed",
    "risk_overdose_60": "risk of 60% overdosed",
    "incorrect_selection": "incorrect selection",
    "mean_distance": "mean distance to target",
    "distance_below": "distance below target",
    "distance_above": "distance above target",
    "mean_patients": "mean patients",
    "mean_dlts": "mean DLTs",
}

KEY = "0 is the design as it is. Alike: not told from the chosen one, the difference is within twice its error."
"""What stands below the table of candidates."""

Rows = tuple[list[str], list[list[str]]]
"""A heading and lines."""


def _number(x: float, metric: str = "") -> str:
    return "-" if isnan(x) else f"{x:.2f}" if metric in {"mean_patients", "mean_dlts"} else f"{x:.4f}"


def effect(found: Calibration) -> Rows:
    """Return what the chosen design does beside the one that was given, in the search and on fresh scenarios."""
    columns: list[tuple[str, Judged]] = []
    if found.start is not None and found.start is not found.chosen:
        columns.append(("as it is", found.start))
    columns.append(("chosen", found.chosen))
    if found.fresh is not None:
        if found.fresh.start is not None and found.start is not found.chosen:
            columns.append(("as it is, fresh", found.fresh.start))
        columns.append(("chosen, fresh", found.fresh.chosen))
    rows = [
        ["mean loss", *(_number(one.mean) for _, one in columns)],
        ["mean loss, worst tenth", *(_number(one.worst) for _, one in columns)],
    ]
    for k, limit in enumerate(found.limits):
        rows.append([limit.text, *(_number(one.limits[k]) for _, one in columns)])
    for metric in found.chosen.metrics:
        label = LABELS.get(metric, metric)
        rows.append([label, *(_number(one.metrics[metric], metric) for _, one in columns)])
    return ["mean over scenarios", *(name for name, _ in columns)], rows


def by_value(found: Calibration) -> Rows:
    """Return for each value of each setting the best candidate that has it."""
    rows = []
    for k, axis in enumerate(found.axes):
        for value, one in found.by_value(k):
            gap = found.gap(one)
            verdict = "chosen" if one is found.chosen else "breaks a limit" if not one.kept else ""
            if not verdict and found.drawn and not gap.told:
                verdict = "alike"
            rows.append([axis.field, show(value), _number(one.mean), gap_text(gap), verdict])
    return ["setting", "value", "smallest loss", "above the chosen", ""], rows


def candidates(found: Calibration, limit: int | None = SHOWN) -> Rows:
    """Return the best candidates, and the design as it is wherever it stands."""
    ordered = best_first(found)
    shown = ordered if limit is None else ordered[:limit]
    if found.start is not None and found.start not in shown:
        shown = [*shown, found.start]
    rows = []
    for one in shown:
        verdict = "chosen" if one is found.chosen else "breaks a limit" if not one.kept else ""
        if not verdict and found.drawn and found.alike(one):
            verdict = "alike"
        rows.append(
            [
                str(one.candidate.number),
                *map(show, one.candidate.settings),
                _number(one.mean),
                gap_text(found.gap(one)),
                _number(one.worst),
                *(_number(value) for value in one.limits),
                verdict,
            ]
        )
    limits = ["limit"] if len(found.limits) == 1 else [f"limit {k}" for k in range(1, len(found.limits) + 1)]
    return ["no.", *short_names(found.axes), "loss", "above the chosen", "worst tenth", *limits, ""], rows


def calibration(found: Calibration, written: Sequence[str] = ()) -> RenderableType:
    """Return the answer, what it rests on, and the tables.

    Parameters
    ----------
    written
        Names of the files that were written.
    """
    parts: list[RenderableType] = [Text(headline(found), style="bold")]
    parts += [Text(f"  {line}") for line in (*judged_by(found), *compared(found), *checked(found))]
    parts += [Text(f"  Note: {line}", style="yellow") for line in on_the_edge(found)]
    parts.append(_rich(effect(found)))
    parts.append(_rich(by_value(found), "The best candidate at each value of a setting", left=(1, -1)))
    parts.append(
        _rich(candidates(found), f"The best {SHOWN}" if len(found.judged) > SHOWN else "Candidates", left=(-1,))
    )
    parts.append(Text(f"  {KEY}"))
    parts += [Text(f"Written: {name}", style="dim") for name in written]
    return Group(*parts)


def _rich(rows: Rows, title: str | None = None, left: Sequence[int] = ()) -> RenderableType:
    head, lines = rows
    made = _table(*head, title=title)
    for k in left:
        made.columns[k].justify = "left"
    for line in lines:
        made.add_row(*line)
    return made


def markdown(rows: Rows) -> str:
    """Return a table of a page."""
    head, lines = rows
    marks = ["---", *("---:" for _ in head[1:])]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in (head, marks, *lines)
    )
