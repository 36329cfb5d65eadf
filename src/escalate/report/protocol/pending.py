"""What the decision table says while outcomes are pending."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from escalate.report.documents.blocks import Block, Paragraph, Reference, Table
from escalate.report.protocol.part import Part

if TYPE_CHECKING:
    from escalate.study.table import DecisionTable


def pending(part: Part, found: DecisionTable) -> Iterator[Block]:
    """Yield the cut-offs of the follow-up of pending patients."""
    key = part.key("pending")
    yield Paragraph(
        (
            "While outcomes at the current level are pending, ",
            Reference(key),
            " applies: the dose is escalated where the summed follow-up of the pending patients (STFT, in DLT windows) is at "
            "least one number, and de-escalated where it is at most the other. Between them the dose stays the same. Rules by "
            "which accrual waits come first.",
        )
    )
    rows = []
    for row in found.pending:
        several = f"{row.pending_from} to {row.pending_to}"
        up, down = row.escalate_from, row.deescalate_to
        rows.append(
            (
                str(row.patients),
                str(row.dlts),
                str(row.pending_from) if row.pending_from == row.pending_to else several,
                "never" if up is None else "always" if up == 0 else f"{up:.2f}",
                "never" if down is None else "always" if down >= row.pending_to else f"{down:.2f}",
            )
        )
    yield Table(
        key,
        "Decision while outcomes are pending, for whole cohorts",
        ("Patients", "DLTs", "Pending", "Escalate if STFT at least", "De-escalate if STFT at most"),
        tuple(rows),
        align="rrrrr",
        notes=("Cut-offs of STFT are rounded to two decimals; the software compares exactly.",),
    )
