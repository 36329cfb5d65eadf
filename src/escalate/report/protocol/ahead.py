"""What the first cohorts can lead to: every outcome, and the level that follows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from escalate.core.decision import MAX_PATIENTS, METHOD_DONE
from escalate.core.errors import EscalateError
from escalate.core.moves import Action
from escalate.core.wording import counted, listed
from escalate.report import on_paper
from escalate.report.documents.blocks import Block, Cell, Figure, Heading, Paragraph, Reference, Table, Tone, Words
from escalate.report.path_tables import shown
from escalate.report.protocol.part import Part
from escalate.study.pathways import paths

if TYPE_CHECKING:
    from escalate.core.design import Design
    from escalate.study.path_nodes import PathNode
    from escalate.study.pathways import Pathways

MOST_ROWS: Final = 80
"""A longer table is not printed: of that many cohorts."""
TONES: Final[dict[Action, Tone]] = {
    Action.ESCALATE: "escalate",
    Action.STAY: "stay",
    Action.DE_ESCALATE: "deescalate",
    Action.STOP: "eliminate",
}


def ahead(part: Part, cohorts: int) -> Iterator[Block]:
    """Yield the section; of fewer cohorts where there are too many paths to print."""
    found = _readable(part, cohorts)
    if found is None:
        return
    design, key, n = part.design, part.key("paths"), found.cohorts
    yield Heading("What the first cohorts can lead to", part.level_of_headings)
    pending = ", every outcome being known before each decision" if design.dlt_window is not None else ""
    first = "the first cohort" if n == 1 else f"the first {n} cohorts"
    drawn = _drawn(part, found, f"Outcomes of {first} and what follows")
    tree = (" and ", Reference(drawn[0].key)) if drawn else ()
    yield Paragraph((f"Every outcome of {first}, and what follows{pending}, is in ", Reference(key), *tree, "."))
    yield _table(part, found)
    yield from drawn


def _drawn(part: Part, found: Pathways, caption: str) -> list[Figure]:
    """Return the tree; nothing where a page cannot hold it."""
    try:
        return list(on_paper.pathway_tree(part.key("tree"), caption, found, chances=False))
    except EscalateError:
        return []


def _readable(part: Part, cohorts: int) -> Pathways | None:
    for n in range(cohorts, 0, -1):
        try:
            found = paths(part.design, cohorts=n, design_sha256=part.sha256)
        except EscalateError:
            continue
        if len(_leaves(found)) <= MOST_ROWS and len(found.nodes) > 1:
            return found
    return None


def _leaves(found: Pathways) -> list[PathNode]:
    inner = {node.parent for node in found.nodes}
    return [node for node in found.nodes if node.id not in inner]


def _table(part: Part, found: Pathways) -> Table:
    design = part.design
    what = "outcomes" if len(design.outcomes) > 2 else "DLTs"
    head = tuple(name for k in range(1, found.cohorts + 1) for name in (f"Cohort {k}, {what}", "Then"))
    rows, before = [], list[int]()
    for leaf in _leaves(found):
        chain = _chain(found, leaf)
        cells: list[Words | Cell] = []
        for k, node in enumerate(chain):
            same = k < len(before) and before[k] == node.id
            cells += ["", ""] if same else [_seen(part, node), Cell(_then(part, node), TONES[node.action])]
        cells += [Cell("-", "muted")] * (len(head) - len(cells))
        rows.append(tuple(cells))
        before = [node.id for node in chain]
    notes = (
        (f"Letters: {', '.join(f'{each.letter} {each.name}' for each in design.outcomes)}.",)
        if len(design.outcomes) > 2
        else ("For example, 1/3 at level 2: of 3 patients of the cohort, treated at level 2, 1 had a DLT.",)
    )
    return Table(part.key("paths"), f"Outcomes of {counted(found.cohorts, 'cohort')} and what follows", head, tuple(rows),
                 align="l" * len(head), notes=notes)  # fmt: skip


def _chain(found: Pathways, leaf: PathNode) -> list[PathNode]:
    chain = [leaf]
    while (parent := found.nodes[chain[0].parent or 0]).parent is not None:
        chain.insert(0, parent)
    return chain


def _seen(part: Part, node: PathNode) -> str:
    return f"{shown(part.design, node)} at level {node.level}"


def _then(part: Part, node: PathNode) -> str:
    """Return what follows in words, without doses."""
    if node.next_level is not None:
        barred = (
            f"; not again: {listed([f'level {level}' for level in node.barred_levels])}" if node.barred_levels else ""
        )
        verb = {Action.ESCALATE: "Escalate to", Action.STAY: "Stay at", Action.DE_ESCALATE: "De-escalate to"}[
            node.action
        ]
        return f"{verb} level {node.next_level}{barred}"
    mtd = "no MTD" if node.mtd_level is None else f"MTD level {node.mtd_level}"
    return f"Stop, {mtd} ({listed([_why(part.design, reason.code) for reason in node.reasons])})"


def _why(design: Design, code: str) -> str:
    """Return why a trial ended, in words."""
    said = code.replace("_", " ")
    if any(rule.kind == code for rule in design.rules):
        return f"rule '{said}'"
    return {MAX_PATIENTS: "all patients treated", METHOD_DONE: "the method ends it"}.get(code, said)
