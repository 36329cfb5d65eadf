"""Paths as JSON, and their nodes as CSV; documented in docs/reference/json.md."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from escalate.study.forms import provenance, reasons

if TYPE_CHECKING:
    from escalate.study.path_nodes import PathNode
    from escalate.study.pathways import Pathways


def pathways(found: Pathways) -> dict[str, Any]:
    """Return paths as JSON."""
    return {
        "schema": "escalate/paths/1",
        "design": found.design.title,
        "unit": found.design.doses.unit,
        "basis": found.basis,
        "basis_text": found.basis_text,
        "before": found.before,
        "cohorts": found.cohorts,
        "sizes": None if found.sizes is None else list(found.sizes),
        "what_if_level": found.what_if_level,
        "notes": list(found.notes),
        "nodes": [_node(found, node) for node in found.nodes],
        "provenance": provenance(found.now.provenance),
    }


def _node(found: Pathways, node: PathNode) -> dict[str, Any]:
    names = [outcome.letter for outcome in found.design.outcomes]
    graded = {} if len(names) == 2 else {"outcomes": dict(zip(names, node.outcomes or (0,) * len(names), strict=True))}
    return {
        "id": node.id,
        "parent": node.parent,
        "depth": node.depth,
        "path": node.path,
        "level": node.level,
        "patients": node.patients,
        "dlts": node.dlts,
        **graded,
        "probability": node.probability,
        "conditional_probability": node.conditional_probability,
        "action": str(node.action),
        "next_level": node.next_level,
        "next_amount": None if node.next_level is None else found.design.doses.levels[node.next_level - 1],
        "next_cohort_size": node.next_cohort_size,
        "mtd_level": node.mtd_level,
        "barred_levels": list(node.barred_levels),
        "reasons": reasons(node.reasons),
    }


def nodes_csv(found: Pathways) -> str:
    """Return the nodes as CSV: the keys of the JSON, a column for each graded outcome, and codes and texts of the reasons."""
    rows = []
    for node in found.nodes:
        row = _node(found, node)
        graded = {f"patients_{letter}": n for letter, n in row.pop("outcomes", {}).items()}
        reasons, barred = row.pop("reasons"), row.pop("barred_levels")
        rows.append(
            {
                **row,
                **graded,
                "barred_levels": " ".join(map(str, barred)),
                "reasons": "; ".join(reason["code"] for reason in reasons),
                "reason_texts": " ".join(reason["text"] for reason in reasons),
                "before": found.before,
                "basis": found.basis,
            }
        )
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()
