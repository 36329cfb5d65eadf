"""The decision table: what follows each number of DLTs among the patients at a level."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from escalate.core.arrays import NONE
from escalate.core.method import TableMethod
from escalate.core.rule import Rule
from escalate.core.tally import States, Tally
from escalate.core.wording import counted
from escalate.report.documents.blocks import (
    Block,
    Cell,
    Figure,
    Heading,
    Paragraph,
    Reference,
    Table,
    Tone,
    Words,
    plain,
)
from escalate.report.pictures import decision_grid
from escalate.report.protocol.part import Part

if TYPE_CHECKING:
    from escalate.core.design import Design
    from escalate.study.table import DecisionTable, TableRow

MOST_ROWS: Final = 24
"""A longer table has the rows of whole cohorts alone."""
COHORTS_SHOWN: Final = 4
"""Of a model's table, so many cohorts at a level."""
GRID_ROWS: Final = 2
EDGE = "-"


def decisions(part: Part) -> Iterator[Block]:
    """Yield the section; nothing where the method has no table that is quick to make."""
    design, depth = part.design, part.level_of_headings
    if design.method.costly:
        return
    from escalate.study.table import table  # noqa: PLC0415 - seldom needed elsewhere

    is_table = isinstance(design.method, TableMethod)
    found = table(design)
    rows = _shown(design, found, is_table=is_table)
    key = part.key("decisions")
    yield Heading("Decision table", depth)
    yield Paragraph((Reference(key), _what(found)))
    yield _table(part, found, rows)
    if is_table and len(rows) >= GRID_ROWS and not found.graded:
        yield Figure(
            part.key("decision-grid"), "Decision table as a grid", decision_grid(design, name=part.key("decision-grid"))
        )
    if found.pending:
        yield from _pending(part, found)


def _what(found: DecisionTable) -> str:
    """Return what the table shows, to follow its number."""
    what = "total score" if found.graded else "number of DLTs"
    if found.history:
        return (
            f" shows what follows the {what} among the evaluable patients at the current level, within the rules, given one "
            "whole cohort without a DLT at each lower level and no patient above. Other data can give other decisions: the "
            "method decides from all data of the trial."
        )
    level = ", level by level" if found.by_level else ""
    return f" shows{level} what follows the {what} among all evaluable patients treated at the current level."


def _shown(design: Design, found: DecisionTable, *, is_table: bool) -> list[TableRow]:
    """Return the rows that a protocol prints."""
    rows = list(found.rows)
    size = design.cohort_size
    if is_table:
        per_level = max(sum(row.level == level for row in rows) for level in {row.level for row in rows})
        if per_level > MOST_ROWS or found.by_level:
            whole = [row for row in rows if row.patients % size == 0]
            rows = whole or rows
        return rows
    seen: dict[int | None, int] = {}
    kept = []
    for row in rows:
        seen[row.level] = seen.get(row.level, 0) + 1
        if seen[row.level] <= COHORTS_SHOWN:
            kept.append(row)
    return kept


def _table(part: Part, found: DecisionTable, rows: list[TableRow]) -> Table:
    design, what = part.design, "total score" if found.graded else "DLTs"
    lowest = any(row.level is None and _differs(row) for row in rows)
    heads = ["Patients", "Escalate", "Stay", "De-escalate", "Eliminate"]
    made = []
    for row in rows:
        cells: list[Words | Cell] = [str(row.patients)] if row.level is None else [str(row.level), str(row.patients)]
        cells += _scores(row) if found.graded else _ranges(row, history=found.history)
        if lowest:
            cells.append(_from(row.stop_at_lowest_if_dlts_at_least, row.patients, "eliminate", graded=found.graded))
        made.append(tuple(cells))
    by_level = found.rows[0].level is not None if found.rows else False
    eliminates = 5 if by_level else 4
    if not lowest and all(_is_empty(line[eliminates]) for line in made):
        heads, made = heads[:-1], [line[:-1] for line in made]
    header = (*(("Level",) if by_level else ()), *heads, *(("Stop, at level 1",) if lowest else ()))
    return Table(
        part.key("decisions"),
        f"Decision by {what} among the evaluable patients at the current level",
        tuple(header),
        tuple(made),
        align="r" * len(header),
        notes=_notes(design, found, rows),
    )


def _is_empty(cell: Words | Cell) -> bool:
    return plain(cell) == EDGE


def _differs(row: TableRow) -> bool:
    return row.stop_at_lowest_if_dlts_at_least != row.eliminate_if_dlts_at_least


def _ranges(row: TableRow, *, history: bool) -> list[Words | Cell]:
    """Return the counts of DLTs that lead to each action, as ranges that cover 0 to all patients."""
    n = row.patients
    up, down, out = (
        None if cut is None else int(cut)
        for cut in (row.escalate_if_dlts_at_most, row.deescalate_if_dlts_at_least, row.eliminate_if_dlts_at_least)
    )
    if history and row.level == 1 and down is not None:
        # Below level 1 there is nothing: the trial stops.
        out = min(down, n + 1 if out is None else out)
    ends = {"eliminate": n + 1 if out is None else out}
    ends["deescalate"] = min(n + 1 if down is None else down, ends["eliminate"])
    ends["stay"] = min(0 if up is None else up + 1, ends["deescalate"])
    edges = [0, ends["stay"], ends["deescalate"], ends["eliminate"], n + 1]
    tones: tuple[Tone, ...] = ("escalate", "stay", "deescalate", "eliminate")
    return [
        Cell(_range(low, high - 1), tone if low < high else "plain")
        for (low, high), tone in zip(pairwise(edges), tones, strict=True)
    ]


def _range(low: int, high: int) -> str:
    return EDGE if high < low else str(low) if low == high else f"{low} to {high}"


def _scores(row: TableRow) -> list[Words | Cell]:
    up, down, out = row.escalate_if_dlts_at_most, row.deescalate_if_dlts_at_least, row.eliminate_if_dlts_at_least
    upper = "" if down is None else f"below {down:g}"
    between = " and ".join(each for each in ("" if up is None else f"above {up:g}", upper) if each)
    return [
        Cell(EDGE if up is None else f"at most {up:g}", "escalate"),
        Cell(between or "any", "stay"),
        Cell(EDGE if down is None else f"{down:g} or more", "deescalate"),
        Cell(EDGE if out is None else f"{out:g} or more", "eliminate"),
    ]


def _from(cut: float | None, n: int, tone: Tone, *, graded: bool) -> Cell:
    if cut is None:
        return Cell(EDGE)
    return Cell(f"{cut:g} or more" if graded else _range(int(cut), n), tone)


def _notes(design: Design, found: DecisionTable, rows: list[TableRow]) -> tuple[str, ...]:
    few = len(rows) < len(found.rows)
    sizes = f"Shown are whole cohorts of {counted(design.cohort_size, 'patient')}" if few else ""
    if few and found.history:
        sizes += f", up to {COHORTS_SHOWN} at a level"
    command = f"{sizes}; the command 'escalate table' prints every row." if few else ""
    cohort = "As few of the DLTs as possible are in the last cohort." if found.history else ""
    return tuple(
        note
        for note in (_eliminate(design, found, rows), _at_level_1(design, rows), cohort, command, *found.notes)
        if note
    )


def _eliminate(design: Design, found: DecisionTable, rows: list[TableRow]) -> str:
    """Return what the last column means; nothing where it is empty."""
    barred = any(row.eliminate_if_dlts_at_least or row.stop_at_lowest_if_dlts_at_least for row in rows)
    stops = found.history and any(row.level == 1 and row.deescalate_if_dlts_at_least is not None for row in rows)
    if not barred:
        return "Eliminate, at level 1: the trial stops, with no MTD." if stops else ""
    barring = [rule for rule in design.rules if rule.about_safety and type(rule).forbids is not Rule.forbids]
    lasting = ", for the rest of the trial" if all(rule.permanent for rule in barring) else ""
    return (
        f"Eliminate: with these data safety rules forbid the level and every level above it{lasting}; at level 1 the trial stops, "
        "with no MTD."
    )


def _at_level_1(design: Design, rows: list[TableRow]) -> str:
    """Return what a de-escalation means at level 1, where it means one thing."""
    method = design.method
    if not isinstance(method, TableMethod) or method.score_of_dlt() is not None:
        return ""
    counts = np.array(
        [
            [row.patients - dlts, *[0] * (len(design.outcomes) - 2), dlts]
            for row in rows
            if row.level in {None, 1}
            for dlts in range(row.patients + 1)
            if method.actions(design, row.patients, 0)[dlts] < 0
        ],
        dtype=np.int64,
    )
    if not len(counts):
        return ""
    tallies = np.zeros((len(counts), design.n_doses, counts.shape[1]), dtype=np.int64)
    tallies[:, 0] = counts
    following = method.decide(design, States(Tally(tallies), np.zeros(len(counts), dtype=np.int64), counts)).next
    if (following == NONE).all():
        return "At level 1, where the table says de-escalate the trial stops."
    return "At level 1, where the table says de-escalate the dose stays the same." if (following == 0).all() else ""


def _pending(part: Part, found: DecisionTable) -> Iterator[Block]:
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
