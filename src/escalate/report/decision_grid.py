"""The decision table of one level as a grid, patients by DLTs, with the cell of the trial lit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import numpy as np

from escalate.core.method import TableMethod
from escalate.core.moves import Action
from escalate.core.outcome import burden_units
from escalate.core.tally import States, Tally
from escalate.rules.stop_at_patients_at_dose import StopAtPatientsAtDose
from escalate.study.table import table

if TYPE_CHECKING:
    from escalate.core.design import Design
    from escalate.study.recommend import Recommendation
    from escalate.study.table import DecisionTable, TableRow

Code: TypeAlias = Literal["E", "S", "D", "DU"]
Mark: TypeAlias = Literal["", "now", "possible"]
CODES: Final[dict[Code, str]] = {
    "E": "escalate",
    "S": "stay",
    "D": "de-escalate",
    "DU": "de-escalate, and do not use the level again",
}
"""The field's letters, and their words where what is eliminated stays so."""
FOR_NOW: Final = "de-escalate, and do not use the level for now"
AT_LEAST_FOR_NOW: Final = "de-escalate, and do not use the level, at least for now"
MAX_ROWS: Final = 12


@dataclass(frozen=True)
class GridCell:
    """One or more neighbouring counts of DLTs, or total scores, that lead to the same.

    Parameters
    ----------
    low, high
        The first and the last count, or score; both are the same in a cell of one count.
    words
        What the code means at this level.
    mark
        `now` where the trial is; `possible` where it can come to be if pending patients have DLTs.
    """

    low: float
    high: float
    code: Code
    words: str
    mark: Mark = ""


@dataclass(frozen=True)
class GridRow:
    """The cells for a number of evaluable patients at the level; `blank` columns after them have no such count of DLTs."""

    patients: int
    cells: tuple[GridCell, ...]
    blank: int = 0


@dataclass(frozen=True)
class DecisionGrid:
    """The decision table of a level.

    Parameters
    ----------
    unit
        What cells count: `DLTs`, or `total score` where outcomes are scored.
    columns
        Heads of the columns, `4 or more` the last where higher counts all lead to the same; empty for scores, whose cells tell
        their own range.
    lit
        Row and cell of the trial, 0-based; None before the first patient of the level.
    says
        What the lit cell says, in a sentence.
    departs
        Where the recommendation is another one than the cell: both. The reasons of the recommendation say why.
    notes
        Sentences that belong under the table.
    codes
        What the letters mean in this design.
    """

    level: int
    unit: str
    columns: tuple[str, ...]
    rows: tuple[GridRow, ...]
    lit: tuple[int, int] | None
    says: str
    departs: str | None
    notes: tuple[str, ...]
    codes: Mapping[Code, str]


def decision_grid(
    design: Design,
    patients_at_level: int,
    dlts_at_level: int,
    level: int,
    *,
    outcomes: Mapping[str, int] | None = None,
    pending: int = 0,
    found: Recommendation | None = None,
) -> DecisionGrid | None:
    """Return the table of `escalate table` for one level as a grid, or None where the method has no such table.

    Parameters
    ----------
    patients_at_level, dlts_at_level
        Patients at the level, those pending included, and DLTs seen among them.
    level
        Counted from 1.
    outcomes
        Patients at the level by letter, as `DoseRow.outcomes`; needed to light a cell where outcomes are scored.
    pending
        How many of the patients are pending.
    found
        The recommendation of the trial whose last cohort had this level: the grid then says where it departs from the table.

    Examples
    --------
    >>> import escalate as esc
    >>> design = esc.Design.from_dict({
    ...     "title": "example", "doses": {"unit": "mg", "levels": (10.0, 20.0, 40.0)}, "target": 0.3,
    ...     "max_patients": 6, "method": {"kind": "boin"}})
    >>> grid = decision_grid(design, 3, 1, 2)
    >>> [[cell.code for cell in row.cells] for row in grid.rows]
    [['E', 'S', 'D', 'DU'], ['E', 'E', 'S', 'D', 'DU']]
    >>> grid.lit, grid.columns[-1]
    ((0, 1), '4 or more')
    """
    if not isinstance(design.method, TableMethod):
        return None
    whole, made = _table(design)
    by_patients = {row.patients: row for row in made.rows if row.level in {None, level}}
    scale = design.method.score_of_dlt()
    steps, size = (1, 1.0) if scale is None else (whole, scale / whole)
    shown = _patients(design, tuple(by_patients), patients_at_level)
    coded = {n: [_code(by_patients[n], k * size, level) for k in range(n * steps + 1)] for n in shown}
    here = dlts_at_level if scale is None else _burden(design, patients_at_level, dlts_at_level, outcomes)
    now = None if here is None else (here, pending * steps)
    merged = _merged(list(coded.values())) if scale is None else None
    rows = tuple(
        _row(design, level, n, codes, size, merged, now if n == patients_at_level else None)
        for n, codes in coded.items()
    )
    lit, unit = _lit(rows), "DLTs" if scale is None else "total score"
    columns = () if merged is None else _heads(merged, max(shown, default=0))
    says = _says(rows, lit, unit, patients_at_level, pending)
    notes = made.notes
    if pending and not design.method.weighs_follow_up:
        notes = (*notes, "The table holds when all outcomes at the level are known.")
    return DecisionGrid(level, unit, columns, rows, lit, says, _departs(rows, lit, found), notes, _codes(design))


@lru_cache(maxsize=64)
def _table(design: Design) -> tuple[int, DecisionTable]:
    """Return the units of a DLT, and the table of the protocol: it is the same at every look at a trial."""
    return burden_units(design.outcomes)[1], table(design)


def _heads(merged: int, last: int) -> tuple[str, ...]:
    return tuple(f"{k} or more" if k == merged < last else str(k) for k in range(merged + 1))


def _patients(design: Design, known: Sequence[int], now: int) -> list[int]:
    """Return the numbers of patients that have a row: those of whole cohorts up to where the level is full, and today's."""
    full = [rule.patients for rule in design.rules if isinstance(rule, StopAtPatientsAtDose)]
    size = design.cohort_size
    wanted = [n for n in known if n % size == 0 and (not full or n < min(full) + size)] or list(known)
    if now in known and now not in wanted:
        wanted = sorted({*wanted, now})
    if len(wanted) <= MAX_ROWS:
        return wanted
    # The last row but one is today's, where the first rows do not reach it.
    end = min(max(MAX_ROWS, sum(n <= now for n in wanted) + 1), len(wanted))
    return wanted[end - MAX_ROWS : end]


def _code(row: TableRow, count: float, level: int) -> Code:
    eliminate = row.eliminate_if_dlts_at_least
    if level == 1 and row.stop_at_lowest_if_dlts_at_least is not None:
        eliminate = row.stop_at_lowest_if_dlts_at_least
    # Scores are multiples of one unit; the slack is for its rounding.
    if eliminate is not None and count >= eliminate - 1e-9:
        return "DU"
    if row.deescalate_if_dlts_at_least is not None and count >= row.deescalate_if_dlts_at_least - 1e-9:
        return "D"
    if row.escalate_if_dlts_at_most is not None and count <= row.escalate_if_dlts_at_most + 1e-9:
        return "E"
    return "S"


def _merged(coded: list[list[Code]]) -> int:
    """Return the count from which on every row has one code."""
    most = max(map(len, coded), default=1) - 1
    while most > 0 and all(len(codes) <= most or codes[most] == codes[most - 1] for codes in coded):
        most -= 1
    return most


def _row(
    design: Design,
    level: int,
    n: int,
    codes: list[Code],
    size: float,
    merged: int | None,
    now: tuple[int, int] | None,
) -> GridRow:
    """Return a row: one cell a count, those from `merged` on in one; where that is None, one cell for counts of one code."""
    if merged is None:
        starts = [k for k in range(len(codes)) if k == 0 or codes[k] != codes[k - 1]]
    else:
        starts = list(range(min(merged + 1, len(codes))))
    ends = [*(start - 1 for start in starts[1:]), len(codes) - 1]
    cells = tuple(
        GridCell(start * size, end * size, codes[start], _words(design, codes[start], level), _mark(start, end, now))
        for start, end in zip(starts, ends, strict=True)
    )
    return GridRow(n, cells, 0 if merged is None else merged + 1 - len(cells))


def _mark(start: int, end: int, now: tuple[int, int] | None) -> Mark:
    if now is None:
        return ""
    here, pending = now
    if start <= here <= end:
        return "now"
    return "possible" if here < start <= here + pending else ""


@lru_cache(maxsize=64)
def _codes(design: Design) -> Mapping[Code, str]:
    """Return the words of the letters; whether DU is for good is asked of the rules that bar a level with DLTs alone."""
    assert isinstance(design.method, TableMethod)
    n = max(design.method.patients_in_table(design), default=1)
    counts = np.zeros((1, design.n_doses, len(design.outcomes)), dtype=np.int64)
    counts[0, -1, -1] = n
    state = States(Tally(counts), np.array([design.n_doses - 1]), counts[:, -1], np.zeros(1, dtype=np.int64))
    lasting = {rule.permanent for rule in design.rules if rule.about_safety and rule.forbids(design, state)[0, -1]}
    eliminate = CODES["DU"] if lasting <= {True} else FOR_NOW if lasting == {False} else AT_LEAST_FOR_NOW
    return MappingProxyType({**CODES, "DU": eliminate})


def _words(design: Design, code: Code, level: int) -> str:
    codes = _codes(design)
    if code == "DU" and level == 1:
        return "stop: level 1 is too toxic"
    if code == "E" and level == design.n_doses:
        return f"{codes[code]} (there is no level above)"
    if code == "D" and level == 1:
        return f"{codes[code]} (there is no level below)"
    return codes[code]


def _burden(design: Design, patients: int, dlts: int, outcomes: Mapping[str, int] | None) -> int | None:
    """Return the total score in whole units, None where it is not known."""
    units, whole = burden_units(design.outcomes)
    if outcomes is None:
        return dlts * whole if patients == dlts else None
    return sum(int(unit) * outcomes.get(each.letter, 0) for unit, each in zip(units, design.outcomes, strict=True))


def _lit(rows: tuple[GridRow, ...]) -> tuple[int, int] | None:
    for r, row in enumerate(rows):
        for c, cell in enumerate(row.cells):
            if cell.mark == "now":
                return r, c
    return None


def _says(rows: tuple[GridRow, ...], lit: tuple[int, int] | None, unit: str, patients: int, pending: int) -> str:
    if lit is None:
        return "Nobody had this level yet." if not patients else "The table has no cell for the data of this level."
    row, cell = rows[lit[0]], rows[lit[0]].cells[lit[1]]
    several = f"{cell.low:g}" if cell.low == cell.high else f"{cell.low:g} to {cell.high:g}"
    unit = "DLT" if unit == "DLTs" and several == "1" else unit
    who = f"{row.patients} patient{'s' * (row.patients != 1)}"
    seen = f"{several} {unit} in {who}" if unit != "total score" else f"total score {several} in {who}"
    waits = f"; {pending} outcome{'s are' if pending > 1 else ' is'} pending" if pending else ""
    return f"{seen}{waits}: {cell.code}, {cell.words}."


def _departs(rows: tuple[GridRow, ...], lit: tuple[int, int] | None, found: Recommendation | None) -> str | None:
    if lit is None or found is None:
        return None
    cell = rows[lit[0]].cells[lit[1]]
    agreeing = {"E": (Action.ESCALATE,), "S": (Action.STAY,), "D": (Action.DE_ESCALATE,)}.get(
        cell.code, (Action.DE_ESCALATE, Action.STOP)
    )
    if found.action in agreeing:
        return None
    return f"This cell alone says {cell.words}; the recommendation, by all data and rules, is: {found.action}."
