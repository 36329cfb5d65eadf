"""The nodes of a tree of paths, as people read them: depth first, fewest DLTs first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from escalate.core.arrays import NONE, FloatArray, Mask
from escalate.core.decision import select_at_stop
from escalate.core.design import Design
from escalate.core.moves import Action, Reason
from escalate.core.patients import outcome_string
from escalate.study.path_walk import Layer
from escalate.study.reasons import action_of, reasons_of
from escalate.study.recommend import Recommendation


@dataclass(frozen=True)
class PathNode:
    """One outcome of the cohorts up to here, and what follows; levels are counted from 1.

    Parameters
    ----------
    id, parent
        Numbers in the order of `Pathways.nodes`; the root, which is the present, is 0 and has no parent.
    depth
        Cohorts from now.
    path
        Their outcomes, as an outcome string.
    level, outcomes
        Dose of the last of them, and how many patients had each outcome; None and () at the root.
    probability, conditional_probability
        Of getting here from now, and from the parent.
    action, next_level, next_cohort_size
        What follows; the last two are None exactly where the action is STOP.
    mtd_level
        On a stop the MTD, or None where none can be declared.
    barred_levels
        Levels that a rule bars for the rest of the trial.
    reasons
        Why, as `recommend` says it.
    """

    id: int
    parent: int | None
    depth: int
    path: str
    level: int | None
    outcomes: tuple[int, ...]
    probability: float
    conditional_probability: float
    action: Action
    next_level: int | None
    next_cohort_size: int | None
    mtd_level: int | None
    barred_levels: tuple[int, ...]
    reasons: tuple[Reason, ...]

    @property
    def patients(self) -> int:
        """Evaluable patients of the last cohort."""
        return sum(self.outcomes)

    @property
    def dlts(self) -> int:
        """DLTs of the last cohort."""
        return self.outcomes[-1] if self.outcomes else 0


def nodes_of(
    design: Design, now: Recommendation, layers: list[Layer], conditional: list[FloatArray]
) -> tuple[PathNode, ...]:
    """Return the nodes depth first, fewest DLTs first."""
    children = [_rows_of(layers, depth) for depth in range(1, len(layers) + 1)]
    mtds = [
        None,
        *(select_at_stop(design, layer.states.tally, layer.decisions) for layer in layers[1:] if layer.decisions),
    ]
    size = int(layers[0].size[0])
    root = PathNode(0, None, 0, "", None, (), 1.0, 1.0, now.action, now.next_level,
                    None if now.next_level is None else size, now.mtd_level,
                    _barred(layers[0].barred[:, 0]), now.reasons)  # fmt: skip
    nodes, todo = [root], [(1, row, root) for row in reversed(children[0][0])]
    while todo:
        depth, row, parent = todo.pop()
        selected = mtds[depth]
        assert selected is not None
        node = _node(design, layers[depth], row, len(nodes), parent, float(conditional[depth][row]), int(selected[row]))
        nodes.append(node)
        todo += [(depth + 1, below, node) for below in reversed(children[depth][row])]
    return tuple(nodes)


def _rows_of(layers: list[Layer], depth: int) -> list[list[int]]:
    """Return which rows of a layer follow each row of the one before; none below the last."""
    found: list[list[int]] = [[] for _ in range(len(layers[depth - 1]))]
    for row, parent in enumerate(layers[depth].parent.tolist() if depth < len(layers) else ()):
        found[parent].append(row)
    return found


def _node(
    design: Design, layer: Layer, row: int, number: int, parent: PathNode, conditional: float, mtd: int
) -> PathNode:
    one = np.array([row])
    assert layer.decisions is not None
    states, decision = layer.states.take(one), layer.decisions.take(one)
    dose, following = int(states.dose[0]), int(decision.next[0])
    counts = tuple(states.cohort[0].tolist())
    return PathNode(
        id=number,
        parent=parent.id,
        depth=parent.depth + 1,
        path=f"{parent.path} {outcome_string([(dose, counts)], design.outcomes)}".lstrip(),
        level=dose + 1,
        outcomes=counts,
        probability=parent.probability * conditional,
        conditional_probability=conditional,
        action=action_of(following, dose),
        next_level=None if following == NONE else following + 1,
        next_cohort_size=None if following == NONE else int(layer.size[row]),
        mtd_level=None if mtd == NONE else mtd + 1,
        barred_levels=_barred(layer.barred[:, row]),
        reasons=reasons_of(design, states, decision),
    )


def _barred(by_rule: Mask) -> tuple[int, ...]:
    """Return the levels that any rule bars for good, from what each does, shape (R, J)."""
    return tuple((np.flatnonzero(by_rule.any(axis=0)) + 1).tolist())
