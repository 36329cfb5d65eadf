"""The table of operating characteristics of one design, read back from its JSON and held against itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isnan

import numpy as np

from escalate.core.arrays import FloatArray
from escalate.core.clock import Clock
from escalate.core.decision import stop_codes
from escalate.core.design import Design
from escalate.core.outcome import category_rates, mean_burden
from escalate.core.scenario import Scenario
from escalate.study import clock_metrics
from escalate.study.characteristics import Characteristics, Column
from escalate.study.counting import truths_of
from escalate.study.metrics import ACCURACY, SELECTION, SHARES, selection_values
from escalate.study.saved_fields import Field

NEAR = 1e-6
"""How far sums may be from what they should be: far above rounding, far below the last digit printed."""
_ONCE = ("sd_patients", "stopped_early", "mean_dlts", "dlt_rate")
_UNBOUNDED = {*ACCURACY, "sd_patients", "mean_dlts"}
"""Metrics of which not every value lies between 0 and 1."""


def characteristics(
    rows: Sequence[Field], design: Design, scenarios: tuple[Scenario, ...], *, exact: bool, clock: Clock | None
) -> Characteristics:
    """Return the operating characteristics of a design from its scenarios in the file.

    Raises
    ------
    DataError
        Where a field is missing, has the wrong length or is out of range, or where numbers contradict each other.
    """
    columns = tuple(_columns(rows[0], design, clock))
    values, errors = np.empty((2, len(rows), len(columns)))
    mass: list[dict[int, float]] = []
    for v, row in enumerate(rows):
        values[v] = list(_read(row, columns, design.n_doses, error=False))
        errors[v] = list(_read(row.at("se"), columns, design.n_doses, error=True))
        without = np.isnan(errors[v]) & ~np.isnan(values[v])
        if without.any():
            row.at("se").refuse(f"there is no error of {columns[int(np.argmax(without))].metric}")
        if exact and np.nansum(errors[v]) > 0:
            row.at("se").refuse("is above 0, and the results are exact")
        mass.append(_sizes(row.at("sample_size")))
        _agrees(row, dict(_by_metric(columns, values[v])), mass[-1], design, scenarios[v])
    sizes = sorted({size for each in mass for size in each})
    return Characteristics(
        columns, values, errors, tuple(sizes), np.array([[each.get(size, 0.0) for size in sizes] for each in mass])
    )


def _columns(row: Field, design: Design, clock: Clock | None) -> Iterator[Column]:
    """Yield the columns of the design in the order of `characterise`, then those of the clock."""
    levels = range(1, design.n_doses + 1)
    yield from (Column("selected", level) for level in levels)
    yield Column("selected_none")
    yield from (Column(metric, level) for metric in ("patients", "dlts") for level in levels)
    yield from (Column(f"stopped:{code}") for code in stop_codes(design))
    yield from (Column(metric) for metric in ("mean_patients", *SELECTION, *SHARES, *_ONCE))
    if clock is None:
        return
    for metric in clock_metrics.METRICS:
        if metric in clock_metrics.BY_LEVEL and row.at("clock").has(metric):
            yield from (Column(metric, level) for level in levels)
        elif row.at("clock").has(metric):
            yield Column(metric)


def _read(row: Field, columns: tuple[Column, ...], n_doses: int, *, error: bool) -> Iterator[float]:
    """Yield the number of each column."""
    by_level: dict[str, list[float]] = {}
    codes = {column.metric.removeprefix("stopped:") for column in columns if column.metric.startswith("stopped:")}
    _known(row.at("stopped"), codes, "is no reason for which this design stops")
    _known(row.at("metrics"), {*SELECTION, *SHARES, *_ONCE, "efficiency"}, "is no metric")
    one = float("inf") if error else 1.0
    for metric, level in columns:
        of_clock = metric in clock_metrics.METRICS
        where = row.at("clock") if of_clock else row
        if level is not None:
            if level == 1:
                top = one if metric in {"selected", "level_reached"} else float("inf")
                listed = where.at(metric)
                by_level[metric] = listed.numbers(n_doses, "one a dose level", 0, top, null=of_clock)
            yield by_level[metric][level - 1]
        elif metric.startswith("stopped:"):
            code = metric.removeprefix("stopped:")
            yield row.at("stopped").at(code).number(0, one) if row.at("stopped").has(code) else 0.0
        elif of_clock or metric == "mean_patients":
            yield where.at(metric).number(0, null=of_clock)
        elif metric == "selected_none":
            yield row.at(metric).number(0, one)
        else:
            low = float("-inf") if metric in ACCURACY and not error else 0.0
            top = float("inf") if metric in _UNBOUNDED else one
            yield row.at("metrics").at(metric).number(low, top, null=metric not in _ONCE)


def _known(field: Field, known: set[str], text: str) -> None:
    if not isinstance(field.value, dict):
        field.refuse("is not a group of fields")
    for key in field.value:
        if key not in known:
            field.at(key).refuse(text)


def _sizes(field: Field) -> dict[int, float]:
    found: dict[int, float] = {}
    for item in field.items():
        size = item.at("patients").whole(1)
        if size in found:
            item.at("patients").refuse(f"{size} is there twice")
        found[size] = item.at("share").number(0, 1)
    return found


def _by_metric(columns: tuple[Column, ...], values: FloatArray) -> Iterator[tuple[str, FloatArray]]:
    metrics = [column.metric for column in columns]
    for metric in dict.fromkeys(metrics):
        yield metric, values[[k for k, name in enumerate(metrics) if name == metric]]


def _agrees(row: Field, at: dict[str, FloatArray], mass: dict[int, float], design: Design, scenario: Scenario) -> None:
    """Refuse numbers that contradict each other."""
    chosen = np.append(at["selected"], at["selected_none"])
    mean = float(at["mean_patients"][0])

    def hold(field: Field, found: float, right: float, text: str) -> None:
        if not isnan(right) and not abs(found - right) <= NEAR * max(1.0, abs(right)):
            field.refuse(f"{text}: {found:.6g}, not {right:.6g}; the file was changed, or is not whole")

    hold(row.at("selected"), float(chosen.sum()), 1.0, "with selected_none, does not add to 1")
    hold(row.at("patients"), float(at["patients"].sum()), mean, "does not add to mean_patients")
    hold(row.at("dlts"), float(at["dlts"].sum()), float(at["mean_dlts"][0]), "does not add to metrics.mean_dlts")
    hold(row.at("sample_size"), sum(mass.values()), 1.0, "the shares do not add to 1")
    hold(row.at("sample_size"), sum(n * p for n, p in mass.items()), mean, "its mean is not mean_patients")
    if (at["dlts"] > at["patients"] + NEAR).any():
        row.at("dlts").refuse("there are more DLTs than patients at a level; the file was changed, or is not whole")
    rates = mean_burden(category_rates(scenario, design.outcomes)[None], design.outcomes)
    truths = truths_of(design, rates)
    if truths is None:
        return
    counts = selection_values(design, rates, truths)[0] @ chosen
    for name, found in zip(SELECTION, counts.tolist(), strict=True):
        right = 1 - found if name in ACCURACY else found
        hold(row.at("metrics").at(name), float(at[name][0]), right, f"is not the {name} of the shares under 'selected'")
