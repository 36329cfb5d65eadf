"""The decision table while outcomes are pending, as a protocol prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from escalate.report.whole_numbers import table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from escalate.core.moves import PendingRow


def pending_table(rows: tuple[PendingRow, ...]) -> list[RenderableType]:
    """Return the rows, and what the follow-up is measured in."""
    made = table("patients", "DLTs", "pending", "escalate if follow-up >=", "de-escalate if follow-up <=")
    for row in rows:
        several = f"{row.pending_from} to {row.pending_to}"
        up, down = row.escalate_from, row.deescalate_to
        made.add_row(
            str(row.patients),
            str(row.dlts),
            str(row.pending_from) if row.pending_from == row.pending_to else several,
            "never" if up is None else "always" if up == 0 else f"{up:.2f}",
            "never" if down is None else "always" if down >= row.pending_to else f"{down:.2f}",
        )
    text = (
        "While outcomes are pending: follow-up is that of the pending patients, each in parts of the DLT window, summed. Between "
        "the two the dose stays. Rules that wait, below, come first."
    )
    return [Text(text), made]
