"""Figures of many scenarios: how designs are spread over them beside the optimal benchmark, and how far they are apart."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from escalate.report.by_matplotlib import settings
from escalate.report.figures import MAX_PANELS, new_axes
from escalate.report.look import COLOURS, GREY, INK, LINE, PALE
from escalate.report.paper import HEIGHT, LETTERS, WIDTH, spread
from escalate.report.truth import trials_each
from escalate.study.compare import METRICS, SEPARABLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from escalate.core.arrays import FloatArray
    from escalate.study.compare import Comparison
    from escalate.study.results import OperatingCharacteristics

WRAP, WRAP_ON_PAPER = 34, 20
"""Letters of a title in one line."""
LINE_HEIGHT, BAND_HEIGHT = 0.19, 0.34
"""Inches that a line of a title takes, and that a band with its boxes takes at least."""
BAR = 0.07
"""Height of the bar of a mean difference."""


@dataclass(frozen=True)
class _Bands:
    """One band a design, from the top down, as high as its title needs."""

    labels: tuple[str, ...]
    middles: FloatArray
    heights: FloatArray

    @classmethod
    def of(cls, titles: Sequence[str], wrap: int = WRAP) -> _Bands:
        labels = tuple("\n".join(textwrap.wrap(title, wrap)) for title in titles)
        heights = np.array([max(BAND_HEIGHT, LINE_HEIGHT * (label.count("\n") + 1)) + 0.16 for label in labels])
        return cls(labels, np.cumsum(heights) - heights / 2, heights)

    @property
    def total(self) -> float:
        return float(self.heights.sum())

    def put_on(self, ax: Axes, *, names: bool) -> None:
        ax.set_ylim(self.total, 0)
        ax.set_yticks(self.middles, self.labels if names else [""] * len(self.labels))
        ax.tick_params(axis="y", length=0)
        ax.grid(axis="x", color=LINE, lw=0.6)
        ax.set_axisbelow(True)


_Panel: TypeAlias = "tuple[str, Callable[[Axes, _Bands], None]]"
"""The name of an axis, and what draws on it."""


@settings()
def distributions(found: OperatingCharacteristics) -> Figure:
    """Draw, design by design, how correct selection and overdosing spread over scenarios, and paired differences in PCS."""
    bands, panels = _Bands.of(_titles(found)), _spreads(found)
    figure, axes = new_axes(4.6 + 2.9 * len(panels), bands.total + 1.75, 1, len(panels))
    _draw(axes, panels, bands)
    scenarios = found.designs[0].scenarios
    _head(figure, f"{len(scenarios):,} scenarios ({_how(found.trials)})", key(found.comparison, scenarios))
    return figure


@settings()
def differences(comparison: Comparison) -> Figure:
    """Draw paired differences of each design to the first, in four metrics: scenarios, their mean and its interval."""
    bands, panels = _Bands.of(comparison.titles[1:]), _differences(comparison)
    figure, axes = new_axes(4.6 + 2.5 * len(panels), bands.total + 2.0, 1, len(panels))
    _draw(axes, panels, bands)
    first = "\n".join(textwrap.wrap(f"Difference to: {comparison.titles[0]}", 100))
    _head(figure, first, key(comparison, comparison.scenarios))
    return figure


@settings()
def distributions_on_paper(found: OperatingCharacteristics) -> list[Figure]:
    """Draw the distributions for the page of a document, which says the rest: the first two panels beside each other."""
    return _on_paper(_Bands.of(_titles(found), WRAP_ON_PAPER), _spreads(found))


@settings()
def differences_on_paper(comparison: Comparison) -> list[Figure]:
    """Draw the differences for the page of a document, which says the rest: two panels beside each other."""
    return _on_paper(_Bands.of(comparison.titles[1:], WRAP_ON_PAPER), _differences(comparison))


def _titles(found: OperatingCharacteristics) -> Sequence[str]:
    return found.comparison.titles if found.comparison else [result.design.title for result in found.designs]


def _spreads(found: OperatingCharacteristics) -> list[_Panel]:
    def correct(ax: Axes, bands: _Bands) -> None:
        for k, result in enumerate(found.designs):
            _box(ax, result.scalars["benchmark_pcs"][0], float(bands.middles[k]), 0.30, GREY, PALE)
            _box(ax, result.scalars["pcs"][0], float(bands.middles[k]), 0.16, _colour(k))
        ax.set_xlim(-0.02, 1.02)

    def overdosed(ax: Axes, bands: _Bands) -> None:
        for k, result in enumerate(found.designs):
            _box(ax, result.scalars["overdose_allocated"][0], float(bands.middles[k]), 0.22, _colour(k))
        ax.set_xlim(-0.02, 1.02)

    comparison = found.comparison
    panels: list[_Panel] = [
        ("correct selection\n(grey: optimal benchmark)", correct), ("share of patients overdosed", overdosed)
    ]  # fmt: skip
    if comparison is not None:
        panels.append(("difference in correct selection\nto the first design", _gaps(comparison, "pcs", first=0)))
    return panels


def _differences(comparison: Comparison) -> list[_Panel]:
    shown = (
        ("correct selection", "pcs"),
        ("overdosing level selected", "overdose_selected"),
        ("share of patients overdosed", "overdose_allocated"),
        ("mean patients", "mean_patients"),
    )
    return [(label, _gaps(comparison, metric, first=1)) for label, metric in shown]


def _gaps(comparison: Comparison, metric: str, *, first: int) -> Callable[[Axes, _Bands], None]:
    """Return what draws the differences; the first band is that of the design at this place."""

    def draw(ax: Axes, bands: _Bands) -> None:
        for k in range(1, len(comparison.titles)):
            _difference(ax, comparison, k, metric, float(bands.middles[k - first]))
        _about_zero(ax)

    return draw


def _draw(axes: Sequence[Axes], panels: Sequence[_Panel], bands: _Bands, columns: int = 10) -> None:
    for k, (ax, (label, draw)) in enumerate(zip(axes, panels, strict=False)):
        draw(ax, bands)
        ax.set_xlabel(label)
        bands.put_on(ax, names=k % columns == 0)


def _on_paper(bands: _Bands, panels: list[_Panel]) -> list[Figure]:
    """Draw panels in rows of two, as many rows a figure as the page holds."""
    row = bands.total + 0.62
    rows = [panels[k : k + 2] for k in range(0, len(panels), 2)]
    made = []
    for part in spread(len(rows), int(HEIGHT / row)):
        shown = [panel for k in part for panel in rows[k]]
        figure, axes = new_axes(WIDTH, row * len(part), len(part), 2)
        _draw(axes, shown, bands, columns=2)
        for k, ax in enumerate(axes):
            ax.set_visible(k < len(shown))
            ax.tick_params(labelsize=LETTERS)
            ax.xaxis.label.set_fontsize(LETTERS)
            ax.locator_params(axis="x", nbins=4)
        made.append(figure)
    return made


def _colour(k: int) -> str:
    return COLOURS[k % len(COLOURS)]


def _how(trials: int | None) -> str:
    return "exact" if trials is None else trials_each(trials)


def key(comparison: Comparison | None, scenarios: Sequence[object]) -> str:
    """Return what the marks mean."""
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


def _box(ax: Axes, values: FloatArray, y: float, height: float, colour: str, line: str = INK) -> None:
    known = _known(values)
    if not len(known):
        return
    low, q25, median, q75, high = np.quantile(known, (0.05, 0.25, 0.5, 0.75, 0.95)).tolist()
    ax.plot([low, high], [y, y], color=line, lw=1 if line == INK else 3, solid_capstyle="butt", zorder=2)
    ax.barh(y, q75 - q25, height, q25, color=colour, edgecolor=INK, lw=0.6, zorder=3)
    ax.plot([median, median], [y - height / 2, y + height / 2], color=INK, lw=1.4, solid_capstyle="butt", zorder=4)


def _difference(ax: Axes, comparison: Comparison, design: int, metric: str, y: float) -> None:
    m, colour = METRICS.index(metric), _colour(design)
    gaps = _known(comparison.differences(design)[0][m])
    if not len(gaps):
        return
    if len(gaps) > MAX_PANELS:
        _box(ax, gaps, y, 0.22, GREY)
    else:
        ax.plot(gaps, np.full(len(gaps), y), "o", ms=5, mfc="none", mec=PALE, mew=1.2, zorder=3)
    mean, error = comparison.families[0].difference(design, metric)
    if np.isfinite(error):
        reach = SEPARABLE * error
        ax.barh(y, 2 * reach, BAR, mean - reach, color=colour, edgecolor=INK, lw=0.6, zorder=5)
    ax.plot(mean, y, "D", color=colour, ms=4, mec=INK, mew=0.6, zorder=6)


def _about_zero(ax: Axes) -> None:
    ax.axvline(0, color=INK, lw=0.9, zorder=1)
    low, high = ax.get_xlim()
    reach = max(abs(low), abs(high), 1e-3) * 1.05
    ax.set_xlim(-reach, reach)
    ax.locator_params(axis="x", nbins=5)
