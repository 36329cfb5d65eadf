"""What a day adds to a recommendation, as lines that people read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from escalate.report.whole_numbers import table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from escalate.study.as_of import AsOf
    from escalate.study.backfill import BackfillDose


def backfill_lines(found: tuple[BackfillDose, ...] | None) -> list[RenderableType]:
    """Return the levels open to backfill, and why the others are closed."""
    if found is None:
        return []
    made = table("level", "backfill", "places", "because")
    made.columns[1].justify = made.columns[3].justify = "left"
    for dose in found:
        made.add_row(str(dose.level), "open" if dose.open else "closed", str(dose.places), dose.why)
    return [made]


def lines(found: AsOf, *, waits: bool) -> list[RenderableType]:
    """Return what people read of it, between the reasons and the doses."""
    parts: list[RenderableType] = []
    if waits and found.earliest is not None:
        parts.append(
            Text(
                f"  Without a further DLT the answer changes on {found.earliest} at the earliest; a DLT can change it sooner."
            )
        )
    if found.changes is not None:
        if not found.changes:
            parts.append(Text("  Nothing changed since the previous data."))
        parts += [Text(f"  Changed: patient {c.patient}: {c.text}.", style="bold") for c in found.changes]
        parts.append(Text(f"  With the previous data the answer on this day would be: {found.before}."))
    if found.pending:
        made = table("pending", "level", "treated", f"days of {found.window}", "window ends")
        for p in found.pending:
            made.add_row(p.patient, str(p.level), p.treated.isoformat(), str(p.days), p.window_ends.isoformat())
        parts.append(made)
    return parts
