"""A picture of the paths ahead: a tree from left to right, one box an outcome, coloured by what follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from escalate.core.errors import EscalateError
from escalate.core.moves import Action
from escalate.report.figures import COLOURS, INK, PALE
from escalate.report.lettering import wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from escalate.study.path_nodes import PathNode
    from escalate.study.pathways import Pathways

MAX_LEAVES, MAX_DEPTH = 250, 20
# Distances in inches. Boxes have one size; only the number of leaves and of cohorts changes the picture.
BOX_WIDTH, BOX_HEIGHT, ROW = 1.75, 0.42, 0.5
COLUMN, MARGIN, LEGEND = 2.75, 0.3, 0.45
TITLE_LINE, TEXT_LINE = 0.22, 0.18
SMALL = 7.5
# Fill and letters: four greys far apart, and colours that any colour vision tells apart.
STYLE = {
    Action.START: ("white", INK),
    Action.ESCALATE: (COLOURS[0], "white"),
    Action.STAY: ("white", INK),
    Action.DE_ESCALATE: (COLOURS[1], INK),
    Action.STOP: (INK, "white"),
}
SIGN = {Action.START: "start", Action.ESCALATE: "\u2191", Action.STAY: "=", Action.DE_ESCALATE: "\u2193"}


@dataclass(frozen=True)
class _Page:
    """Where everything goes, in inches from the lower left corner."""

    width: float
    height: float
    top: float
    centre: tuple[float, ...]

    def box(self, node: PathNode) -> tuple[float, float]:
        """Return the lower left corner of a node's box."""
        return MARGIN + node.depth * COLUMN, self.centre[node.id] - BOX_HEIGHT / 2


def pathways(found: Pathways) -> Figure:
    """Draw the tree of paths.

    Raises
    ------
    EscalateError
        Where it has too many leaves for a page that anyone can read.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow to import, seldom needed

    leaves = [node for node in found.nodes if not found.children[node.id]]
    depth = max(node.depth for node in found.nodes)
    if len(leaves) > MAX_LEAVES or depth > MAX_DEPTH:
        raise EscalateError(
            f"the picture would have {len(leaves):,} paths of up to {depth} cohorts, and {MAX_LEAVES} of {MAX_DEPTH} are the most "
            "that can be read; draw fewer cohorts, or write them to a file with --csv"
        )
    title, notes = _heading(found)
    page = _lay_out(found, len(leaves), TITLE_LINE * len(title) + TEXT_LINE * len(notes))
    figure = Figure(figsize=(page.width, page.height))
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, page.width), ylim=(0, page.height))
    ax.axis("off")
    y = page.height - MARGIN
    for text in title:
        ax.text(MARGIN, y, text, fontsize=11, fontweight="bold", va="top", color=INK)
        y -= TITLE_LINE
    for text in notes:
        ax.text(MARGIN, y, text, fontsize=8.5, va="top", color=INK)
        y -= TEXT_LINE
    _legend(ax, y - 0.12)
    for node in found.nodes:
        _branch(ax, page, found, node)
    for node in found.nodes:
        _box(ax, page, found, node)
    return figure


def _heading(found: Pathways) -> tuple[list[str], list[str]]:
    """Return the title and what must be known, in lines that fit."""
    design = found.design
    ahead = "cohort" if found.cohorts == 1 else f"{found.cohorts} cohorts"
    after = f"After {found.before}" if found.before else "Before the first patient"
    texts = [
        f"{after}: every outcome of the next {ahead}." if found.next_cohort else f"{after}: the trial stops.",
        *([found.basis_text] if found.next_cohort else []),
        *found.notes,
        "Levels: " + ", ".join(f"{level} is {amount:g}" for level, amount in enumerate(design.doses.levels, start=1))
        + f" {design.doses.unit}. Boxes: {'DLTs/patients' if len(design.outcomes) == 2 else 'outcomes'} of a cohort, and what "
        "follows. Percentages: how likely a cohort shows this where the path has come so far.",
    ]  # fmt: skip
    width = _depth(found) * COLUMN + BOX_WIDTH
    return wrapped(design.title, 11, "bold", width), [
        line for text in texts for line in wrapped(text, 8.5, "normal", width)
    ]


def _depth(found: Pathways) -> int:
    # Two columns at least: the legend and the title need them.
    return max(2, *(node.depth for node in found.nodes))


def _lay_out(found: Pathways, n_leaves: int, heading: float) -> _Page:
    """Place leaves one below the other, and each other node in the middle of those that follow it."""
    bottom, height = MARGIN, n_leaves * ROW
    centre = [0.0] * len(found.nodes)
    row = 0
    for node in found.nodes:
        if not found.children[node.id]:
            centre[node.id] = bottom + height - (row + 0.5) * ROW
            row += 1
    for node in reversed(found.nodes):
        below = found.children[node.id]
        if below:
            centre[node.id] = (centre[below[0].id] + centre[below[-1].id]) / 2
    width = 2 * MARGIN + _depth(found) * COLUMN + BOX_WIDTH
    top = bottom + height + LEGEND
    return _Page(width, top + heading + MARGIN, top, tuple(centre))


def _legend(ax: Axes, y: float) -> None:
    from matplotlib.patches import Rectangle  # noqa: PLC0415

    x = MARGIN
    for action, step in ((Action.ESCALATE, 1.05), (Action.STAY, 0.8), (Action.DE_ESCALATE, 1.25), (Action.STOP, 0.0)):
        ax.add_patch(Rectangle((x, y - 0.14), 0.2, 0.14, facecolor=STYLE[action][0], edgecolor=INK, lw=0.8))
        ax.text(x + 0.27, y - 0.07, str(action), fontsize=8.5, va="center", color=INK)
        x += step


def _branch(ax: Axes, page: _Page, found: Pathways, node: PathNode) -> None:
    """Draw the line that leads to a node, wider where it is likelier, with the probability of this step."""
    if node.parent is None:
        return
    parent = found.nodes[node.parent]
    (x0, y0), (x1, y1) = page.box(parent), page.box(node)
    start, end = (x0 + BOX_WIDTH, y0 + BOX_HEIGHT / 2), (x1, y1 + BOX_HEIGHT / 2)
    bend = start[0] + 0.3
    width = 0.5 + 5.5 * node.conditional_probability
    ax.plot([start[0], bend, bend, end[0]], [start[1], start[1], end[1], end[1]], color=PALE, lw=width,
            solid_joinstyle="round", solid_capstyle="butt", zorder=1)  # fmt: skip
    share = f"{100 * node.conditional_probability:.1f}%"
    ax.text(end[0] - 0.06, end[1] + 0.03, share, fontsize=SMALL, ha="right", va="bottom", color=INK, zorder=4,
            bbox={"boxstyle": "square,pad=0.08", "facecolor": "white", "edgecolor": "none", "alpha": 0.75})  # fmt: skip


def _box(ax: Axes, page: _Page, found: Pathways, node: PathNode) -> None:
    from matplotlib.patches import FancyBboxPatch  # noqa: PLC0415

    x, y = page.box(node)
    fill, letters = STYLE[node.action]
    ax.add_patch(
        FancyBboxPatch((x, y), BOX_WIDTH, BOX_HEIGHT, boxstyle="round,pad=0,rounding_size=0.06", facecolor=fill,
                       edgecolor=INK, lw=0.8, zorder=2)
    )  # fmt: skip
    middle = x + BOX_WIDTH / 2
    for text, offset, weight in zip(_words(found, node), (0.70, 0.28), ("bold", "normal"), strict=True):
        ax.text(middle, y + offset * BOX_HEIGHT, text, fontsize=SMALL, ha="center", va="center", color=letters,
                fontweight=weight, zorder=3)  # fmt: skip


def _words(found: Pathways, node: PathNode) -> tuple[str, str]:
    """Return the two lines of a box: what was seen, and what follows."""
    from escalate.report.path_tables import shown  # noqa: PLC0415 - rich is not needed otherwise

    if node.parent is None:
        if not found.next_cohort:
            return "now", _follows(node)
        first = found.next_cohort[0]
        what_if = "what if" if found.what_if_level not in (None, node.next_level) else "now"
        return what_if, f"next: level {first.level}, n = {first.patients}"
    seen = shown(found.design, node)
    # Letters of a large graded cohort would not fit.
    seen = seen if len(seen) <= 9 else f"{node.dlts}/{node.patients}"
    return f"level {node.level}:  {seen}", _follows(node)


def _follows(node: PathNode) -> str:
    if node.next_level is not None:
        barred = f", {node.barred_levels[0]}+ barred" if node.barred_levels else ""
        return f"{SIGN[node.action]} level {node.next_level}{barred}"
    return "stop: no MTD" if node.mtd_level is None else f"stop: MTD level {node.mtd_level}"
