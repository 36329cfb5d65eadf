"""The JSON and the printed form of two designs side by side."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from escalate.report.tables import headline
from escalate.report.whole_numbers import table as new_table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from escalate.study.diff import Difference, RowDifference, Separation
    from escalate.study.recommend import Recommendation
    from escalate.study.table import TableRow

WHAT = {
    "next_level": "the next level",
    "cohort_size": "the size of the next cohort",
    "stop": "whether the trial stops",
    "mtd": "the MTD",
}
CUTS = {
    "escalate_if_dlts_at_most": "escalate",
    "deescalate_if_dlts_at_least": "de-escalate",
    "eliminate_if_dlts_at_least": "eliminate",
    "stop_at_lowest_if_dlts_at_least": "stop at level 1",
}


def form(found: Difference, sha256: tuple[str, str]) -> dict[str, Any]:
    """Return two designs side by side as JSON."""
    titles = zip(found.designs, sha256, strict=True)
    return {
        "schema": "escalate/diff/1",
        "designs": [{"title": design.title, "sha256": sha} for design, sha in titles],
        "settings": [asdict(each) for each in found.settings],
        "table": [
            {
                "patients": row.patients,
                "level": row.level,
                "first": None if row.first is None else _cuts(row.first),
                "second": None if row.second is None else _cuts(row.second),
            }
            for row in found.rows
        ],
        "decisions": {
            "same": found.same_decisions,
            "same_doses": found.same_doses,
            "pending_left_out": found.pending_left_out,
            "compared": found.compared,
            "differing": found.differing,
            "up_to_patients": found.up_to,
            "not_compared": found.not_compared,
            "separating": [_separating(each) for each in found.separations],
        },
    }


def _cuts(row: TableRow) -> dict[str, float | None]:
    return {name: getattr(row, name) for name in CUTS}


def _separating(each: Separation) -> dict[str, Any]:
    return {
        "outcomes": each.outcomes,
        "patients": each.patients,
        "what": each.what,
        "first": _answer(each.first),
        "second": _answer(each.second),
    }


def _answer(found: Recommendation) -> dict[str, Any]:
    return {
        "action": str(found.action),
        "next_level": found.next_level,
        "next_cohort_size": found.next_cohort_size,
        "mtd_level": found.mtd_level,
        "reasons": [{"code": reason.code, "text": reason.text} for reason in found.reasons],
    }


def printed(found: Difference) -> RenderableType:
    """Return two designs side by side as tables and sentences."""
    from rich.console import Group  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    first, second = found.designs
    parts: list[RenderableType] = [Text(f"A: {first.title}\nB: {second.title}")]
    if found.settings:
        settings = new_table("setting", "A", "B")
        settings.columns[1].justify = settings.columns[2].justify = "left"
        for each in found.settings:
            settings.add_row(each.field, _shown(each.first), _shown(each.second))
        parts += [Text("\nSettings that differ", style="bold"), settings]
    else:
        parts.append(Text("\nAll settings are the same."))
    if found.rows:
        parts += [Text("\nRows of the decision table that differ", style="bold"), _rows(found.rows)]
    parts.append(Text(f"\n{decisions_sentence(found)}", style="bold"))
    for separation in found.separations:
        parts.append(Text(f"\n{_where(separation)}, {WHAT[separation.what]} differs:"))
        for name, answer in (("A", separation.first), ("B", separation.second)):
            why = " ".join(reason.text for reason in answer.reasons)
            parts.append(Text(f"  {name}: {headline(answer)} {why}"))
    return Group(*parts)


def _where(separation: Separation) -> str:
    if not separation.outcomes:
        return "Before the first patient"
    return f"After {separation.outcomes} ({separation.patients} patient{'s' * (separation.patients != 1)})"


def decisions_sentence(found: Difference) -> str:
    """Return in one sentence how far the decisions of two designs agree."""
    if found.not_compared is not None:
        return f"Decisions cannot be compared: {found.not_compared}."
    far = "" if found.up_to is None else f", with trials of more than {found.up_to} patients left out"
    if any(design.dlt_window is not None or design.method.weighs_follow_up for design in found.designs):
        far += ", with every outcome known"
    many = f"{found.compared:,} situation{'s' * (found.compared != 1)} that both can reach together{far}"
    doses = "" if found.same_doses else " Levels are not the same doses."
    if found.pending_left_out:
        doses += " Decisions while outcomes are pending are not compared, and may differ."
    by_level = "" if found.same_doses else " by level"
    if found.differing == 0:
        return f"Decisions{by_level} are the same in all {many}.{doses}"
    return f"Decisions{by_level} differ in {found.differing:,} of the {many}.{doses}"


def _rows(rows: tuple[RowDifference, ...]) -> RenderableType:
    by_level = any(row.level is not None for row in rows)
    drawn = new_table(*(["level"] if by_level else []), "patients", "decision", "A", "B")
    drawn.columns[-3].justify = "left"
    for row in rows:
        for name, word in CUTS.items():
            one, other = (None if each is None else getattr(each, name) for each in (row.first, row.second))
            if one != other:
                level = [str(row.level)] if by_level else []
                drawn.add_row(*level, str(row.patients), word, _cut(name, one), _cut(name, other))
    return drawn


def _cut(name: str, value: float | None) -> str:
    if value is None:
        return "never"
    return f"{'at most' if name.startswith('escalate') else 'at least'} {value:g}"


def _shown(value: Any) -> str:
    if value is None:
        return "not given"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_shown(inner)}" for key, inner in value.items() if inner is not None)
    return "[" + ", ".join(map(_shown, value)) + "]" if isinstance(value, list | tuple) else str(value)
