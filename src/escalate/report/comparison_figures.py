"""Figures of many scenarios: how designs are spread over them beside the optimal benchmark, and how far they are apart."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from escalate.report.figures import COLOURS, INK, MAX_PANELS, PALE, _new
from escalate.report.truth import trials_each
from escalate.study.compare import METRICS, SEPARABLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from escalate.core.arrays import FloatArray
    from escalate.study.compare import Comparison
    from escalate.study.results import OperatingCharacteristics

WRAP = 34
"""Letters of a title in one line."""
LINE, BAND = 0.19, 0.34
"""Inches that a line of a title takes, and that a band with its boxes takes at least."""


@dataclass(frozen=True)
class _Bands:
    """One band a design, from the top down, as high as its title needs."""

    labels: tuple[str, ...]
    middles: FloatArray
    heights: FloatArray

    @classmethod
    def of(cls, titles: Sequence[str]) -> _Bands:
        labels = tuple("\n".join(textwrap.wrap(title, WRAP)) for title in titles)
        heights = np.array([max(BAND, LINE * (label.count("\n") + 1)) + 0.16 for label in labels])
        return cls(labels, np.cumsum(heights) - heights / 2, heights)

    @property
    def total(self) -> float:
        return float(self.heights.sum())

    def put_on(self, ax: Axes, *, names: bool) -> None:
        ax.set_ylim(self.total, 0)
        ax.set_yticks(self.middles, self.labels if names else [""] * len(self.labels))
        ax.tick_params(axis="y", length=0)
        ax.grid(axis="x", color=PALE, lw=0.5, alpha=0.6)
        ax.set_axisbelow(True)


def distributions(found: OperatingCharacteristics) -> Figure:
    """Draw, design by design, how correct selection and overdosing spread over scenarios, and paired differences in PCS."""
    comparison = found.comparison
    titles = comparison.titles if comparison else [result.design.title for result in found.designs]
    bands = _Bands.of(titles)
    n_panels = 3 if comparison else 2
    figure, axes = _new(4.6 + 2.9 * n_panels, bands.total + 1.75, 1, n_panels)
    for k, result in enumerate(found.designs):
        scalars, y = result.scalars, float(bands.middles[k])
        _box(axes[0], scalars["benchmark_pcs"][0], y, 0.30, PALE)
        _box(axes[0], scalars["pcs"][0], y, 0.16, _colour(k))
        _box(axes[1], scalars["overdose_allocated"][0], y, 0.22, _colour(k))
        if comparison is not None and k > 0:
            _difference(axes[2], comparison, k, "pcs", y)
    shares = (("correct selection\n(grey: optimal benchmark)", axes[0]), ("share of patients overdosed", axes[1]))
    for k, (label, ax) in enumerate(shares):
        ax.set(xlim=(-0.02, 1.02), xlabel=label)
        bands.put_on(ax, names=k == 0)
    if comparison is not None:
        _about_zero(axes[2], "difference in correct selection\nto the first design")
        bands.put_on(axes[2], names=False)
    scenarios = found.designs[0].scenarios
    _head(figure, f"{len(scenarios):,} scenarios ({_how(found.trials)})", _key(comparison, scenarios))
    return figure


def differences(comparison: Comparison) -> Figure:
    """Draw paired differences of each design to the first, in four metrics: scenarios, their mean and its interval."""
    bands = _Bands.of(comparison.titles[1:])
    shown = (
        ("correct selection", "pcs"),
        ("overdosing level selected", "overdose_selected"),
        ("share of patients overdosed", "overdose_allocated"),
        ("mean patients", "mean_patients"),
    )
    figure, axes = _new(4.6 + 2.5 * len(shown), bands.total + 2.0, 1, len(shown))
    for (label, metric), ax in zip(shown, axes, strict=True):
        for k in range(1, len(comparison.titles)):
            _difference(ax, comparison, k, metric, float(bands.middles[k - 1]))
        _about_zero(ax, label)
        bands.put_on(ax, names=ax is axes[0])
    first = "\n".join(textwrap.wrap(f"Difference to: {comparison.titles[0]}", 100))
    _head(figure, first, _key(comparison, comparison.scenarios))
    return figure


def _colour(k: int) -> str:
    return COLOURS[k % len(COLOURS)]


def _how(trials: int | None) -> str:
    return "exact" if trials is None else trials_each(trials)


def _key(comparison: Comparison | None, scenarios: Sequence[object]) -> str:
    number = f"{len(scenarios):,} scenario{'s' * (len(scenarios) != 1)}"
    many = len(scenarios) > MAX_PANELS
    parts = [f"Box: quarters of the {number}; line: 5% to 95%." if many else f"Circles: {number}."]
    if comparison is not None:
        parts.append(f"Diamond: mean difference, with twice its error either way ({_how(comparison.trials)}).")
    return " ".join(parts)


def _head(figure: Figure, title: str, note: str) -> None:
    figure.suptitle(title, fontsize=11, fontweight="bold", x=0.02, ha="left")
    figure.supxlabel(note, fontsize=8.5, color=INK, x=0.02, ha="left")


def _known(values: FloatArray) -> FloatArray:
    return values[np.isfinite(values)]


def _box(ax: Axes, values: FloatArray, y: float, height: float, colour: str) -> None:
    known = _known(values)
    if not len(known):
        return
    low, q25, median, q75, high = np.quantile(known, (0.05, 0.25, 0.5, 0.75, 0.95)).tolist()
    ax.plot([low, high], [y, y], color=colour, lw=1.4, solid_capstyle="butt", zorder=2)
    ax.barh(y, q75 - q25, height, q25, color=colour, alpha=0.9, lw=0, zorder=3)
    ax.plot([median, median], [y - height / 2, y + height / 2], color=INK, lw=1.4, solid_capstyle="butt", zorder=4)


def _difference(ax: Axes, comparison: Comparison, design: int, metric: str, y: float) -> None:
    m, colour = METRICS.index(metric), _colour(design)
    gaps = _known(comparison.differences(design)[0][m])
    if not len(gaps):
        return
    if len(gaps) > MAX_PANELS:
        _box(ax, gaps, y, 0.22, PALE)
    else:
        ax.plot(gaps, np.full(len(gaps), y), "o", ms=5, mfc="none", mec=PALE, mew=1.2, zorder=3)
    mean, error = comparison.families[0].difference(design, metric)
    if np.isfinite(error):
        reach = SEPARABLE * error
        ax.plot([mean - reach, mean + reach], [y, y], color=colour, lw=3.4, solid_capstyle="butt", zorder=5)
    ax.plot(mean, y, "D", color=colour, ms=4, mec=INK, mew=0.6, zorder=6)


def _about_zero(ax: Axes, label: str) -> None:
    ax.axvline(0, color=INK, lw=0.9, zorder=1)
    low, high = ax.get_xlim()
    reach = max(abs(low), abs(high), 1e-3) * 1.05
    ax.set(xlim=(-reach, reach), xlabel=label)
    ax.locator_params(axis="x", nbins=5)
