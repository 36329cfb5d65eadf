"""A picture of a study: two metrics of every design against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from escalate.core.errors import EscalateError
from escalate.report.by_matplotlib import Plotted, settings
from escalate.report.figures import new_axes
from escalate.report.lettering import wrapped
from escalate.report.look import COLOURS, INK

if TYPE_CHECKING:
    from escalate.report.study_means import Means

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
    for k, method in enumerate(sorted({row.method for row in found.rows})):
        rows = [row for row in found.rows if row.method == method]
        points = [(row.means[across], row.means[up]) for row in rows if None not in (row.means[across], row.means[up])]
        if points:
            x, y = zip(*points, strict=True)
            ax.plot(
                x, y, MARKERS[k % len(MARKERS)], color=COLOURS[k % len(COLOURS)], mec=INK, mew=0.4, ms=6, label=method
            )
    ax.set(xlabel=f"mean {across}", ylabel=f"mean {up}")
    ax.legend(frameon=False, fontsize=9)
    title = f"{found.title}: {len(found.rows):,} designs over {found.scenarios:,} scenarios"
    ax.set_title("\n".join(wrapped(title, 10, "normal", 6.3)), fontsize=10, loc="left", color=INK)
    return Plotted(name, figure, f"{title}. Mean {across} of each design against its mean {up}.")
