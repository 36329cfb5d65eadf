"""A picture of the paths ahead: a tree from left to right, one box an outcome, coloured by what follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from escalate.core.errors import EscalateError
from escalate.core.moves import Action
from escalate.core.wording import number
from escalate.report.by_matplotlib import settings
from escalate.report.lettering import inches, wrapped
from escalate.report.look import COLOURS, INK, ON_ORANGE, PALE, SHEET
from escalate.report.paper import HEIGHT, LETTERS, WIDTH
from escalate.report.sentences import dose_words
from escalate.report.svg import raised

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from escalate.core.design import Design
    from escalate.study.path_nodes import PathNode
    from escalate.study.pathways import Pathways

MAX_LEAVES, MAX_DEPTH = 250, 20
SHARE = 0.42
"""Inches between two boxes that a percentage needs."""
TITLE_LINE, TEXT_LINE = 0.22, 0.18
# Fill and letters: four greys far apart, and colours that any colour vision tells apart.
STYLE = {
    Action.START: (SHEET, INK),
    Action.ESCALATE: (COLOURS[0], SHEET),
    Action.STAY: (SHEET, INK),
    Action.DE_ESCALATE: (COLOURS[1], ON_ORANGE),
    Action.STOP: (INK, SHEET),
}
LOOKS = ("bold", "normal")
"""Of the two lines of a box."""
SIGN = {Action.START: "start", Action.ESCALATE: "\u2191", Action.STAY: "=", Action.DE_ESCALATE: "\u2193"}


@dataclass(frozen=True)
class _Sizes:
    """Distances in inches, and points of letters; boxes have one size, and only the numbers of leaves and cohorts differ."""

    box: float
    high: float = 0.42
    row: float = 0.5
    column: float = 2.75
    margin: float = 0.3
    legend: float = 0.45
    bend: float = 0.3
    beside: float = 0.06
    letters: float = 7.5

    @classmethod
    def on_paper(cls, found: Pathways) -> _Sizes:
        """Return those of the page: boxes as wide as their words, and what is left between them."""
        words = zip(*(_words(found, node) for node in found.nodes), strict=True)
        box = 0.08 + max(
            inches(text, LETTERS, look) for texts, look in zip(words, LOOKS, strict=True) for text in texts
        )
        margin = 0.03
        column = min(box + 0.8, (WIDTH - 2 * margin - box) / _depth(found))
        return cls(box, 0.36, 0.43, column, margin, 0.34, max(0.03, min(0.3, column - box - 0.5)), 0.03, LETTERS)


_SIZES = _Sizes(1.75)


@dataclass(frozen=True)
class _Page:
    """A tree, or a part of it, and where everything goes, in inches from the lower left corner."""

    found: Pathways
    firsts: Sequence[PathNode]
    size: _Sizes
    heading: float
    chances: bool = True

    @cached_property
    def nodes(self) -> list[PathNode]:
        """The present and all that follows the outcomes of the next cohort that are drawn."""
        kept, drawn = {self.found.nodes[0].id, *(node.id for node in self.firsts)}, []
        for node in self.found.nodes:
            if node.parent in kept and node.depth > 1:
                kept.add(node.id)
            if node.id in kept:
                drawn.append(node)
        return drawn

    @cached_property
    def leaves(self) -> list[PathNode]:
        return [node for node in self.nodes if not self.found.children[node.id]]

    @property
    def width(self) -> float:
        return 2 * self.size.margin + _depth(self.found) * self.size.column + self.size.box

    @property
    def top(self) -> float:
        """The upper end of the tree and the legend."""
        return self.size.margin + len(self.leaves) * self.size.row + self.size.legend

    @property
    def height(self) -> float:
        return self.top + self.heading + self.size.margin

    @cached_property
    def centre(self) -> dict[int, float]:
        """The height of each node: leaves one below the other, and each other node in the middle of those that follow it."""
        size, found = self.size, {}
        for row, leaf in enumerate(reversed(self.leaves)):
            found[leaf.id] = size.margin + (row + 0.5) * size.row
        for node in reversed(self.nodes):
            below = [found[each.id] for each in self.found.children[node.id] if each.id in found]
            if below:
                found[node.id] = (below[0] + below[-1]) / 2
        return found

    def box(self, node: PathNode) -> tuple[float, float]:
        """Return the lower left corner of a node's box."""
        return self.size.margin + node.depth * self.size.column, self.centre[node.id] - self.size.high / 2


@settings()
def pathways(found: Pathways) -> Figure:
    """Draw the tree of paths.

    Raises
    ------
    EscalateError
        Where it has too many leaves for a page that anyone can read.
    """
    depth, leaves = max(node.depth for node in found.nodes), sum(not below for below in found.children)
    if leaves > MAX_LEAVES or depth > MAX_DEPTH:
        raise EscalateError(
            f"the picture would have {leaves:,} paths of up to {depth} cohorts, and {MAX_LEAVES} of {MAX_DEPTH} are the most "
            "that can be read; draw fewer cohorts, or write them to a file with --csv"
        )
    title, texts = _heading(found)
    page = _Page(found, found.next_cohort, _SIZES, TITLE_LINE * len(title) + TEXT_LINE * len(texts))
    return _drawn(page, title, texts)


@settings()
def pathways_on_paper(found: Pathways, *, chances: bool = True) -> list[tuple[Figure, Sequence[PathNode]]]:
    """Draw the tree for the pages of a document, which says the rest: each part with the outcomes of the next cohort it shows.

    Raises
    ------
    EscalateError
        Where it has more cohorts than the page is wide, or what follows one outcome is longer than a page.
    """
    size = _Sizes.on_paper(found)
    most = int((HEIGHT - size.legend - 2 * size.margin) / size.row)
    parts: list[list[PathNode]] = [[]]
    for first in found.next_cohort:
        if parts[-1] and len(_Page(found, [*parts[-1], first], size, 0).leaves) > most:
            parts.append([])
        parts[-1].append(first)
    pages = [_Page(found, part, size, 0, chances) for part in parts]
    if size.column - size.box < SHARE or any(len(page.leaves) > most for page in pages):
        raise EscalateError(
            f"the tree of {found.cohorts} cohorts is wider than a page, or has more than {most} paths after one outcome of the "
            "next cohort; draw fewer cohorts"
        )
    return [(_drawn(page, (), ()), page.firsts) for page in pages]


def _drawn(page: _Page, title: Sequence[str], texts: Sequence[str]) -> Figure:
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow to import, seldom needed

    figure, margin = Figure(figsize=(page.width, page.height)), page.size.margin
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, page.width), ylim=(0, page.height))
    ax.axis("off")
    y = page.height - margin
    for text in title:
        ax.text(margin, y, text, fontsize=11, fontweight="bold", va="top", color=INK)
        y -= TITLE_LINE
    for text in texts:
        ax.text(margin, y, text, fontsize=8.5, va="top", color=INK)
        y -= TEXT_LINE
    _legend(ax, margin, y - (0.12 if title else 0.0), 8.5 if title else page.size.letters)
    for node in page.nodes:
        _branch(ax, page, node)
    for node in page.nodes:
        _box(ax, page, node)
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
        f"Levels: {_levels(design)}. {notes(found)}",
    ]
    width = _depth(found) * _SIZES.column + _SIZES.box
    return wrapped(design.title, 11, "bold", width), [
        line for text in texts for line in wrapped(text, 8.5, "normal", width)
    ]


def notes(found: Pathways, *, chances: bool = True) -> str:
    """Return what the boxes and percentages mean."""
    seen = "DLTs/patients" if len(found.design.outcomes) == 2 else "outcomes"
    boxes = f"Boxes: {seen} of a cohort, and what follows."
    return f"{boxes} Percentages: how likely a cohort shows this where the path has come so far." if chances else boxes


def _levels(design: Design) -> str:
    """Return what is given at each level."""
    levels = range(1, design.n_doses + 1)
    if design.doses.labels:
        return "; ".join(f"{level} is {raised(dose_words(design, level))}" for level in levels)
    amounts = (raised(number(design.doses.levels[level - 1])) for level in levels)
    return (
        ", ".join(f"{level} is {amount}" for level, amount in zip(levels, amounts, strict=True))
        + f" {design.doses.unit}"
    )


def _depth(found: Pathways) -> int:
    # Two columns at least: the legend and the title need them.
    return max(2, *(node.depth for node in found.nodes))


def _legend(ax: Axes, x: float, y: float, letters: float) -> None:
    from matplotlib.patches import Rectangle  # noqa: PLC0415

    for action, step in ((Action.ESCALATE, 1.05), (Action.STAY, 0.8), (Action.DE_ESCALATE, 1.25), (Action.STOP, 0.0)):
        ax.add_patch(Rectangle((x, y - 0.14), 0.2, 0.14, facecolor=STYLE[action][0], edgecolor=INK, lw=0.8))
        ax.text(x + 0.27, y - 0.07, str(action), fontsize=letters, va="center", color=INK)
        x += step


def _branch(ax: Axes, page: _Page, node: PathNode) -> None:
    """Draw the line that leads to a node, wider where it is likelier, with the probability of this step."""
    if node.parent is None:
        return
    parent, size = page.found.nodes[node.parent], page.size
    (x0, y0), (x1, y1) = page.box(parent), page.box(node)
    start, end = (x0 + size.box, y0 + size.high / 2), (x1, y1 + size.high / 2)
    bend = start[0] + size.bend
    width = 0.5 + 5.5 * node.conditional_probability if page.chances else 1.5
    ax.plot([start[0], bend, bend, end[0]], [start[1], start[1], end[1], end[1]], color=PALE, lw=width,
            solid_joinstyle="round", solid_capstyle="butt", zorder=1)  # fmt: skip
    if not page.chances:
        return
    ax.text(end[0] - size.beside, end[1] + 0.03, f"{100 * node.conditional_probability:.1f}%", fontsize=size.letters, ha="right",
            va="bottom", color=INK, zorder=4,
            bbox={"boxstyle": "square,pad=0.08", "facecolor": SHEET, "edgecolor": "none", "alpha": 0.75})  # fmt: skip


def _box(ax: Axes, page: _Page, node: PathNode) -> None:
    from matplotlib.patches import FancyBboxPatch  # noqa: PLC0415

    (x, y), size = page.box(node), page.size
    fill, letters = STYLE[node.action]
    ax.add_patch(
        FancyBboxPatch((x, y), size.box, size.high, boxstyle="round,pad=0,rounding_size=0.06", facecolor=fill,
                       edgecolor=INK, lw=0.8, zorder=2)
    )  # fmt: skip
    middle = x + size.box / 2
    for text, offset, weight in zip(_words(page.found, node), (0.70, 0.28), LOOKS, strict=True):
        ax.text(middle, y + offset * size.high, text, fontsize=size.letters, ha="center", va="center", color=letters,
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
