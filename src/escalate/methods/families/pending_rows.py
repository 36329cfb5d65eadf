"""The rows of a decision table while outcomes are pending."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from escalate.core.moves import PendingRow


def pending_rows(
    counts: Sequence[tuple[int, int, int]], escalate_from: Sequence[float], deescalate_to: Sequence[float]
) -> tuple[PendingRow, ...]:
    """Return rows for patients, DLTs and pending outcomes, in order, with the cuts of their summed follow-up.

    Rows that differ in the number of pending outcomes alone and say the same whatever the follow-up are joined.
    """
    found: list[PendingRow] = []
    for (n, dlt, pending), up, down in zip(counts, escalate_from, deescalate_to, strict=True):
        row = PendingRow(
            n,
            dlt,
            pending,
            pending,
            None if up >= pending else max(up, 0.0),
            None if down < 0 else min(down, float(pending)),
        )
        last = found[-1] if found else None
        if last is not None and (last.patients, last.dlts) == (n, dlt) and _whole(last) == _whole(row) != "":
            found[-1] = replace(last, pending_to=pending, deescalate_to=row.deescalate_to)
        else:
            found.append(row)
    return tuple(found)


def _whole(row: PendingRow) -> str:
    """Return what a row says whatever the follow-up, or nothing where it depends on it."""
    if row.escalate_from == 0:
        return "escalate"
    if row.deescalate_to is not None and row.deescalate_to >= row.pending_to:
        return "de-escalate"
    return "stay" if row.escalate_from is None and row.deescalate_to is None else ""
