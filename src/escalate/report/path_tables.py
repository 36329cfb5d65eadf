"""Paths on the terminal: the tree, and what one more DLT would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text
from rich.tree import Tree

from escalate.core.moves import Action
from escalate.report.tables import _source, headline
from escalate.report.whole_numbers import table as _table
from escalate.study.reasons import listed

if TYPE_CHECKING:
    from escalate.core.design import Design
    from escalate.study.path_nodes import PathNode
    from escalate.study.pathways import Pathways

STEP = 4
"""Columns by which each cohort is indented."""
VERBS = {Action.ESCALATE: "escalate to", Action.STAY: "stay at", Action.DE_ESCALATE: "de-escalate to"}


def pathways(found: Pathways) -> RenderableType:
    """Return what was assumed, the tree of paths, and the table of the next cohort."""
    parts: list[RenderableType] = [
        *([Text(found.basis_text)] if found.next_cohort else []),
        Text(headline(found.now), style="bold"),
        *(Text(f"  {reason.text}") for reason in found.now.reasons),
        *(Text(f"  Note: {note}", style="yellow") for note in found.notes),
    ]
    if found.next_cohort:
        parts += [Text(), _tree(found), Text(), _next_cohort(found)]
    else:
        parts.append(Text("There is no next cohort, so there are no paths to show."))
    return Group(*parts, Text(_source(found.now), style="dim"))


def _tree(found: Pathways) -> Tree:
    """Return one line a node: what the cohort shows, what follows, and the probability of the path up to there."""
    lines = [line(found, node) for node in found.nodes]
    width = max(STEP * node.depth + len(text) for node, text in zip(found.nodes, lines, strict=True))
    trees = [Tree(Text(f"{lines[0].ljust(width)}  path"))]
    for node, text in zip(found.nodes[1:], lines[1:], strict=True):
        assert node.parent is not None
        label = f"{text.ljust(width - STEP * node.depth)} {percent(node.probability)}"
        trees.append(trees[node.parent].add(Text(label)))
    return trees[0]


def line(found: Pathways, node: PathNode) -> str:
    """Return a node as one line: DLTs of patients, or letters where outcomes are graded, and what follows."""
    if node.parent is None:
        first = found.next_cohort[0]
        assert first.level is not None
        what_if = "what if: " if found.what_if_level not in (None, node.next_level) else ""
        patients = f"{first.patients} patient{'s' * (first.patients > 1)}"
        return f"{what_if}next cohort at {_level(found.design, first.level)}, {patients}"
    return f"{shown(found.design, node)}  -> {follows(found.design, node)}"


def shown(design: Design, node: PathNode) -> str:
    """Return what a cohort shows: 1/3, or NNM where outcomes are graded."""
    if len(design.outcomes) == 2:
        return f"{node.dlts}/{node.patients}"
    return "".join(outcome.letter * n for outcome, n in zip(design.outcomes, node.outcomes, strict=True))


def follows(design: Design, node: PathNode) -> str:
    """Return what follows an outcome, in words."""
    if node.next_level is not None:
        return f"{VERBS[node.action]} {_level(design, node.next_level)}{_barred(node)}"
    mtd = "no MTD" if node.mtd_level is None else f"MTD {_level(design, node.mtd_level)}"
    return f"stop: {mtd} ({', '.join(reason.code for reason in node.reasons)})"


def _barred(node: PathNode) -> str:
    """Say which levels are barred for good."""
    if not node.barred_levels:
        return ""
    plural = "s" if len(node.barred_levels) > 1 else ""
    return f"; level{plural} {listed(node.barred_levels)} barred for good"


def percent(probability: float) -> str:
    """Return a probability as a percentage of fixed width.

    Examples
    --------
    >>> percent(0.343), percent(0.00001), percent(0)
    (' 34.3%', ' <0.1%', '  0.0%')
    """
    return " <0.1%" if 0 < probability < 0.0005 else f"{100 * probability:5.1f}%"


def _level(design: Design, level: int) -> str:
    # Without its label: lines of a tree are short.
    return f"level {level}, {design.bare_amount(level - 1)}"


def _next_cohort(found: Pathways) -> RenderableType:
    head = "outcomes" if len(found.design.outcomes) > 2 else "DLTs"
    made = _table(head, "probability", "then", "because", title="What would one more DLT do?")
    made.columns[2].justify = made.columns[3].justify = "left"
    for node in found.next_cohort:
        because = " ".join(reason.text for reason in node.reasons)
        share = percent(node.conditional_probability).strip()
        made.add_row(shown(found.design, node), share, follows(found.design, node), because)
    return made
