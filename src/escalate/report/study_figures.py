"""A picture of a study: two metrics of every design against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from escalate.core.errors import EscalateError
from escalate.report.by_matplotlib import Plotted, settings
from escalate.report.figures import new_axes
from escalate.report.lettering import wrapped
from escalate.report.look import COLOURS, INK

if TYPE_CHECKING:
    from escalate.report.study_means import Means, Row

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


@settings()
def trade_off(found: Means, name: str = "trade-off") -> Plotted:
    """Draw a point a design, by the first two metrics shown; a mark and colour a method.

    Raises
    ------
    EscalateError
        Where fewer than two metrics are shown.
    """
    if len(found.metrics) < 2:
        raise EscalateError("--plot needs two metrics; name them with --metrics pcs,overdose_selected")
    across, up = found.metrics[:2]
    figure, (ax,) = new_axes(7.2, 5.0)
    for k, method in enumerate(sorted({row.method for row in (*found.rows, *found.others)})):
        colour, mark = COLOURS[k % len(COLOURS)], MARKERS[k % len(MARKERS)]
        looks: tuple[tuple[tuple[Row, ...], str, dict[str, Any]], ...] = (
            (found.others, f"{method}, left out", {"mfc": "none", "mec": colour, "mew": 0.6, "ms": 4}),
            (found.rows, method, {"color": colour, "mec": INK, "mew": 0.4, "ms": 6}),
        )
        for rows, label, look in looks:
            points = _points([row for row in rows if row.method == method], across, up)
            if points:
                ax.plot(*zip(*points, strict=True), mark, ls="none", label=label, **look)
    for limit in found.where:
        if limit.family is None:
            if limit.metric == across:
                ax.axvline(limit.bound, color=INK, lw=0.8, ls="--")
            if limit.metric == up:
                ax.axhline(limit.bound, color=INK, lw=0.8, ls="--")
    ax.set(xlabel=f"mean {across}", ylabel=f"mean {up}")
    ax.legend(frameon=False, fontsize=9)
    n, family = len(found.rows) + len(found.others), f" of {' and '.join(found.families)}" if found.families else ""
    title = f"{found.title}: {n:,} designs over {found.scenarios:,} scenarios{family}"
    if found.where:
        title += f"; filled: {' and '.join(map(str, found.where))}"
    ax.set_title("\n".join(wrapped(title, 10, "normal", 6.3)), fontsize=10, loc="left", color=INK)
    return Plotted(name, figure, f"{title}. Mean {across} of each design against its mean {up}.")


def _points(rows: list[Row], across: str, up: str) -> list[tuple[float, float]]:
    found = ((row.means[across], row.means[up]) for row in rows)
    return [(x, y) for x, y in found if x is not None and y is not None]
