"""The safety atlas as a picture: what the design does by patients and DLTs at each level, questionable cells lettered."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from escalate.core.outcome import burden_units
from escalate.report.by_matplotlib import settings
from escalate.report.look import COLOURS, GROUND, INK, NEXT_PALE, ON_ORANGE, SHEET, light
from escalate.report.svg import raised
from escalate.study.atlas_cells import ACTIONS, Cell

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from escalate.study.atlas import Atlas

WIDE, HIGH, LINE = 0.34, 0.27, 0.20
"""Inches of a cell, and of a line of the legend."""
LEFT, BESIDE, ABOVE, BELOW = 0.75, 0.2, 0.35, 0.5
"""Inches around the cells of a panel."""
HEAD, SWATCH, SAMPLE = 0.7, 3.1, 0.3
LEGEND = "legend"
"""Label of the axes that hold a sample of a cell."""
PAGE, NARROWEST, PANEL = 13.5, 6.8, 1.4
MAX_COLUMNS, MAX_ROWS = 40, 60
# Six shades that differ in grey, and a sign in each, as in the picture of paths.
FILL = {
    "escalate": COLOURS[0],
    "stay": NEXT_PALE,
    "de-escalate": COLOURS[1],
    "eliminate": light("brown"),
    "complete": light("grey"),
    "full": GROUND,
}
SIGN = {
    "escalate": r"$\uparrow$",
    "stay": "$=$",
    "de-escalate": r"$\downarrow$",
    "eliminate": "x",
    "complete": "D",
    "full": ".",
}
"""Markers of matplotlib."""
SIGN_COLOUR = {"escalate": SHEET, "eliminate": SHEET, "de-escalate": ON_ORANGE}
"""Of actions whose sign has not the colour of letters."""
SAYS = {
    "escalate": "escalate",
    "stay": "stay",
    "de-escalate": "de-escalate",
    "eliminate": "eliminate the level, or stop without an MTD",
    "complete": "end with an MTD",
    "full": "all patients treated",
}


@dataclass(frozen=True)
class _Layout:
    """Where things are: what the axes hold, panels side by side and rows of cells of each line of panels, and widths in inches."""

    columns: list[int]
    rows: list[float]
    across: int
    panel: float
    high: list[int]
    width: float
    cut: list[str]

    @classmethod
    def of(cls, found: Atlas) -> _Layout:
        all_columns = sorted({cell.patients for cell in found.cells})
        all_rows = sorted({cell.dlts for cell in found.cells})
        columns, rows = all_columns[:MAX_COLUMNS], all_rows[:MAX_ROWS]
        n_doses, panel = found.design.n_doses, LEFT + BESIDE + max(len(columns) * WIDE, PANEL)
        fit = max(int(PAGE / panel), min(2, n_doses))
        across = ceil(n_doses / ceil(n_doses / fit))
        high = []
        for first in range(1, n_doses + 1, across):
            seen = {cell.dlts for cell in found.cells if first <= cell.level < first + across}
            high.append(max([k for k, y in enumerate(rows) if y in seen], default=0) + 1)
        cut = [
            f"up to {shown[-1]:g} {name}"
            for shown, every, name in ((columns, all_columns, "patients"), (rows, all_rows, _counted(found)))
            if len(shown) < len(every)
        ]
        return cls(columns, rows, across, panel, high, max(across * panel, NARROWEST), cut)

    @property
    def depth(self) -> float:
        """Height of all panels."""
        return sum(n * HIGH + ABOVE + BELOW for n in self.high)


def _counted(found: Atlas) -> str:
    return "DLTs" if burden_units(found.design.outcomes)[1] == 1 else "score"


@settings()
def atlas(found: Atlas) -> Figure:
    """Draw a grid of patients by DLTs for each level, and below them what the colours and letters mean."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow to import, seldom needed

    layout = _Layout.of(found)
    lines, drawn = _lines(found, layout.width), _swatches(found)
    foot = LINE * (len(lines) + ceil(len(drawn) / int(layout.width / SWATCH))) + 0.5
    height = layout.depth + HEAD + foot
    figure = Figure(figsize=(layout.width, height))
    top = height - HEAD
    for k, n_rows in enumerate(layout.high):
        for place in range(min(layout.across, found.design.n_doses - k * layout.across)):
            x = place * layout.panel + LEFT
            y, deep = top - ABOVE - n_rows * HIGH, n_rows * HIGH
            box = (x / layout.width, y / height, len(layout.columns) * WIDE / layout.width, deep / height)
            dose = k * layout.across + place
            _panel(figure.add_axes(box, label=f"level {dose + 1}"), found, dose, layout.columns, layout.rows[:n_rows])
        top -= n_rows * HIGH + ABOVE + BELOW
    title = _shortened(found.design.title, int(layout.width * 10))
    figure.text(0.15 / layout.width, 1 - 0.25 / height, title, fontsize=11, fontweight="bold", color=INK, va="center")
    what = f"What follows a cohort at each level, over all {found.n_states:,} reachable states"
    figure.text(
        0.15 / layout.width, 1 - 0.5 / height, "; ".join([what, *layout.cut]), fontsize=8.5, color=INK, va="center"
    )
    _legend(figure, drawn, lines)
    return figure


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else text[: max(length - 2, 1)] + ".."


def _panel(ax: Axes, found: Atlas, dose: int, columns: Sequence[int], rows: Sequence[float]) -> None:
    from matplotlib.collections import PolyCollection  # noqa: PLC0415

    place_x, place_y = ({value: k for k, value in enumerate(values)} for values in (columns, rows))
    letters = {kind.code: kind.letter for kind in found.kinds}
    stripes, fills, outlines = [], [], []
    signs: dict[str, list[tuple[float, float]]] = {}
    for cell in found.cells:
        if cell.level != dose + 1 or cell.patients not in place_x or cell.dlts not in place_y:
            continue
        x, y = place_x[cell.patients], place_y[cell.dlts]
        shown = actions_drawn(cell)
        for k, action in enumerate(shown):
            left, right = x + k / len(shown), x + (k + 1) / len(shown)
            stripes.append([(left, y), (right, y), (right, y + 1), (left, y + 1)])
            fills.append(FILL[action])
            signs.setdefault(action, []).append(((left + right) / 2, y + (0.70 if cell.kinds else 0.5)))
        if cell.kinds:
            outlines.append([(x + 0.05, y + 0.07), (x + 0.95, y + 0.07), (x + 0.95, y + 0.93), (x + 0.05, y + 0.93)])
            _letter(ax, x, y, "".join(letters[code] for code in cell.kinds))
    ax.add_collection(PolyCollection(stripes, facecolors=fills, edgecolors=SHEET, linewidths=0.6))
    ax.add_collection(PolyCollection(outlines, facecolors="none", edgecolors=INK, linewidths=1.2))
    for action, places in signs.items():
        _sign(ax, action, places)
    ax.set(xlim=(0, len(columns)), ylim=(0, len(rows)))
    ax.set_xticks([k + 0.5 for k in range(len(columns))], [str(n) for n in columns], fontsize=7, color=INK)
    marked = range(0, len(rows), 1 if len(rows) <= 25 else 2)
    ax.set_yticks([k + 0.5 for k in marked], [f"{rows[k]:.3g}" for k in marked], fontsize=7, color=INK)
    ax.tick_params(length=0)
    ax.spines[["top", "right", "left", "bottom"]].set_visible(False)
    # Not the label: cut short, those of two levels can be alike.
    name = f"level {dose + 1}: {raised(found.design.bare_amount(dose))}"
    ax.set_title(_shortened(name, int((max(len(columns) * WIDE, PANEL) + BESIDE) * 12)), fontsize=9, loc="left", fontweight="bold",
                 color=INK, pad=4)  # fmt: skip
    ax.set_xlabel("patients at the level", fontsize=8, color=INK, labelpad=2)
    ax.set_ylabel(_counted(found), fontsize=8, color=INK, labelpad=2)


def actions_drawn(cell: Cell) -> list[str]:
    """Return the actions that a cell shows, in a fixed order; that all patients are treated, only where nothing else happens."""
    named = {action for action, _ in cell.actions}
    return [action for action in ACTIONS if action in named and (action != "full" or len(named) == 1)]


def _sign(ax: Axes, action: str, places: Sequence[tuple[float, float]]) -> None:
    x, y = zip(*places, strict=True)
    colour = SIGN_COLOUR.get(action, INK)
    size = {"x": 3.5, "D": 2.6, ".": 2.0}.get(SIGN[action], 5.5)
    ax.plot(
        x, y, ls="none", marker=SIGN[action], ms=size, color=colour, mew=1.1 if action == "eliminate" else 0.2, zorder=4
    )


def _letter(ax: Axes, x: int, y: int, text: str) -> None:
    from matplotlib.patheffects import withStroke  # noqa: PLC0415

    size = {1: 7.5, 2: 7.5, 3: 7.0, 4: 6.0}.get(len(text), 5.0)
    ax.text(x + 0.5, y + 0.30, text, ha="center", va="center", fontsize=size, fontweight="bold", color=INK,
            path_effects=[withStroke(linewidth=1.6, foreground=SHEET)])  # fmt: skip


def _swatches(found: Atlas) -> list[tuple[tuple[str, ...], str]]:
    """Return the actions of each entry of the legend, and what it means."""
    shown = [actions_drawn(cell) for cell in found.cells]
    used = {action for actions in shown for action in actions}
    drawn: list[tuple[tuple[str, ...], str]] = [((action,), SAYS[action]) for action in ACTIONS if action in used]
    mixed = next((actions for actions in shown if len(actions) > 1), None)
    if mixed:
        drawn.append((tuple(mixed), "several colours: it depends on the history"))
    return drawn


def _lines(found: Atlas, width: float) -> list[str]:
    """Return what the letters mean."""
    used = {code for cell in found.cells for code in cell.kinds}
    lines = ["Outlined: under some history that leads there,"] if used else ["No cell is questionable."]
    for kind in found.kinds:
        if kind.code in used:
            lines += textwrap.wrap(f"{kind.letter}  {kind.text}", int(width * 14), subsequent_indent="     ")
    hidden = [f"{kind.letter} ({kind.code})" for kind in found.kinds if kind.n_states and kind.code not in used]
    return [
        *lines,
        *([f"Not drawn, being about all outcomes of the next cohort: {', '.join(hidden)}"] if hidden else []),
    ]


def _legend(figure: Figure, drawn: Sequence[tuple[tuple[str, ...], str]], lines: Sequence[str]) -> None:
    width, height = figure.get_size_inches()
    across = int(width / SWATCH)
    for k, line in enumerate(lines):
        y = 0.25 + LINE * (len(lines) - 1 - k)
        figure.text(0.2 / width, y / height, line, fontsize=8, va="center", color=INK)
    lowest = (len(drawn) - 1) // across
    for k, (actions, text) in enumerate(drawn):
        x, y = 0.2 + (k % across) * SWATCH, 0.33 + LINE * (len(lines) + lowest - k // across)
        wide = SAMPLE / len(actions)
        for j, action in enumerate(actions):
            box = ((x + j * wide) / width, (y - 0.075) / height, wide / width, 0.15 / height)
            sample = figure.add_axes(
                box, label=LEGEND, xlim=(0, 1), ylim=(0, 1), facecolor=FILL[action], xticks=[], yticks=[]
            )
            sample.spines[:].set_visible(False)
            _sign(sample, action, [(0.5, 0.5)])
        figure.text((x + SAMPLE + 0.08) / width, y / height, text, fontsize=8, va="center", color=INK)
