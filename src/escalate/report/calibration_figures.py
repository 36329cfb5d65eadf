"""The picture of a calibration: for each setting how much is lost by its value."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from escalate.report.by_matplotlib import settings
from escalate.report.calibration_words import counted, headline
from escalate.report.figures import new_axes
from escalate.report.lettering import wrapped
from escalate.report.look import COLOURS, INK, LINE, PALE
from escalate.study.calibration_axes import show
from escalate.study.calibration_results import SEPARABLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from escalate.study.calibration_results import Calibration, Judged

WIDTH, PANEL = 3.1, 3.3
"""Inches of a panel."""
IN_A_ROW = 4
MANY_VALUES = 9
"""More values than this are marked on the axis by its own scale."""


@settings()
def calibration(found: Calibration) -> Figure:
    """Draw, setting by setting, the loss of every candidate above that of the chosen one, and the best at each value."""
    n = len(found.axes)
    rows = -(-n // IN_A_ROW)
    columns = -(-n // rows)
    width = max(1.0 + WIDTH * columns, 6.6)
    head = wrapped(headline(found), 11, "bold", width - 0.3)
    note = wrapped(_note(found), 8.5, "normal", width - 0.3)
    height = rows * PANEL + 0.2 * len(head) + 0.17 * len(note) + 0.4
    figure, axes = new_axes(width, height, rows, columns)
    top = _top(found)
    for k, ax in enumerate(axes):
        if k < n:
            _panel(ax, found, k)
            ax.set_ylim(-0.06 * top, top)
            if k % columns == 0:
                ax.set_ylabel("mean loss above the chosen", fontsize=9, color=INK)
            else:
                ax.tick_params(labelleft=False)
        else:
            ax.set_visible(False)
    figure.suptitle("\n".join(head), fontsize=11, fontweight="bold", x=0.02, ha="left")
    figure.supxlabel("\n".join(note), fontsize=8.5, color=INK, x=0.02, ha="left")
    return figure


def _note(found: Calibration) -> str:
    how = f"; bars: twice the paired error over {counted(len(found.scenarios), 'scenario')}" if found.drawn else ""
    parts = [f"Loss: {found.loss.text}. Line: the best candidate at each value{how}. Grey: every candidate"]
    parts.append("; hollow: breaks a limit" if any(not one.kept for one in found.judged) else "")
    parts.append(f"; diamond: chosen, with loss {found.chosen.mean:.4f}. ")
    if found.start is not None and found.start is not found.chosen:
        parts.append("Dashed: the design as it is.")
    return "".join(parts)


def _top(found: Calibration) -> float:
    """Return how much loss is shown: what is far beyond the best values and the given design is cut off."""
    gaps = np.array([found.gap(one).mean for one in found.judged])
    best = [found.gap(one) for k in range(len(found.axes)) for _, one in found.by_value(k)]
    needed = max([gap.mean + SEPARABLE * gap.se for gap in best], default=0.0)
    if found.start is not None:
        needed = max(needed, found.gap(found.start).mean)
    return 1.12 * max(needed, min(float(gaps.max()), 1.5 * needed), 1e-4)


def _panel(ax: Axes, found: Calibration, axis: int) -> None:
    by_value = found.by_value(axis)
    values = [value for value, _ in by_value]
    numeric = len(values) > 1 and all(
        isinstance(value, (int, float)) and not isinstance(value, bool) for value in values
    )
    places = {repr(value): float(value) if numeric else float(k) for k, value in enumerate(values)}

    def x(one: Judged) -> float:
        return places.get(repr(one.candidate.choices[axis]), np.nan)

    for kept in (True, False):
        some = [one for one in found.judged if one.kept is kept and one.candidate.number > 0]
        ax.plot([x(one) for one in some], [found.gap(one).mean for one in some], "o", ms=3.6, mec=PALE, mew=0.9,
                mfc=PALE if kept else "none", alpha=0.8, zorder=2)  # fmt: skip
    if found.start is not None and found.start is not found.chosen:
        ax.axhline(found.gap(found.start).mean, color=COLOURS[5], lw=1.1, ls="--", zorder=1)
    _profile(ax, found, [(places[repr(value)], one) for value, one in by_value if one.kept], joined=numeric)
    ax.plot(x(found.chosen), 0, "D", color=COLOURS[1], mec=INK, mew=0.8, ms=7, zorder=6, clip_on=False)
    ax.set_xlabel(found.axes[axis].field, fontsize=9.5, color=INK)
    ax.grid(axis="y", color=LINE, lw=0.6)
    ax.set_axisbelow(True)
    _ticks(ax, values, list(places.values()), numeric=numeric)


def _profile(ax: Axes, found: Calibration, points: list[tuple[float, Judged]], *, joined: bool) -> None:
    gaps = [found.gap(one) for _, one in points]
    xs, means = [x for x, _ in points], [gap.mean for gap in gaps]
    if found.drawn:
        ax.errorbar(
            xs, means, [SEPARABLE * gap.se for gap in gaps], fmt="none", ecolor=COLOURS[0], elinewidth=2.2, zorder=4
        )
    ax.plot(xs, means, "o-" if joined else "o", color=COLOURS[0], lw=1.3, ms=5, zorder=5)


def _ticks(ax: Axes, values: list[Any], places: list[float], *, numeric: bool) -> None:
    if numeric and (len(values) > MANY_VALUES or _crowded(places)):
        ax.locator_params(axis="x", nbins=5)
        return
    ax.set_xticks(places, [_label(value) for value in values])
    if not numeric:
        ax.set_xlim(-0.6, len(values) - 0.4)
    elif len(values) > 1:
        span = max(places) - min(places)
        ax.set_xlim(min(places) - 0.08 * span, max(places) + 0.08 * span)


def _label(value: Any) -> str:
    """Return a value in lines short enough to stand beside others."""
    return "\n".join(textwrap.wrap(show(value).replace("_", " "), 12, break_long_words=False))


def _crowded(places: list[float]) -> bool:
    """Whether two places are so near each other that their labels would touch."""
    span = max(places) - min(places)
    return bool(len(places) > 1 and np.diff(np.sort(places)).min() < 0.11 * span)
