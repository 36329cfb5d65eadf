"""The decision table drawn: patients downwards, DLTs to the right, a letter and a tint in each cell; one grid for levels alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from escalate.core.errors import EscalateError
from escalate.report.decision_grid import CODES, decision_grid
from escalate.report.look import SMALL, TEXT
from escalate.report.svg import WIDTH, Drawn, drawing, element, width_of, words, wrapped
from escalate.study.table import table

if TYPE_CHECKING:
    from escalate.core.design import Design
    from escalate.report.decision_grid import Code, DecisionGrid, GridCell, GridRow

LOOK_OF: Final = MappingProxyType(
    {"E": "drawing-escalate", "S": "drawing-stay", "D": "drawing-deescalate", "DU": "drawing-eliminate"}
)
LEFT, HEAD, HIGH, NARROW = 10.0, 58.0, 26.0, 28.0
"""Units at the left, of the heads of rows, of a row, and of a cell at least."""


def grids_of(design: Design) -> tuple[tuple[str, DecisionGrid], ...]:
    """Return the table of each run of levels that have the same one, with its name; one grid without a name where all have.

    Raises
    ------
    EscalateError
        Where the method has no such table.
    """
    grids = [decision_grid(design, 0, 0, level) for level in range(1, design.n_doses + 1)]
    known = [grid for grid in grids if grid is not None]
    if not known:
        raise EscalateError(f"{design.method.kind}: has no decision table to draw; its decisions depend on all levels")
    runs = [list(run) for _, run in groupby(known, key=_codes)]
    if len(runs) == 1:
        # The middle of the levels: at the first and the last the words of some cells are others.
        return (("", known[min(1, len(known) - 1)]),)
    return tuple((_levels([grid.level for grid in run]), run[0]) for run in runs)


def notes_of(design: Design) -> tuple[str, ...]:
    """Return what a reader of the drawn table must know: what the codes mean at the ends, and which rows are left out."""
    ((_, grid), *_others) = grids_of(design)
    top = design.n_doses
    ends = "At level 1 there is no level below" + (", and none above" if top == 1 else "")
    if any(cell.code == "DU" for row in grid.rows for cell in row.cells):
        ends += ", and DU stops the trial"
    ends += "" if top == 1 else f"; at level {top} there is none above"
    known = sorted({row.patients for row in table(design).rows})
    shown = [row.patients for row in grid.rows]
    left_out = (
        f"Shown for {_listed(shown)} patients; the whole table has {len(known)} rows, for {known[0]} to {known[-1]}."
    )
    return (f"{ends}.", *([left_out] if shown != known else []))


def _listed(numbers: Sequence[int]) -> str:
    *first, last = map(str, numbers)
    return f"{', '.join(first)} and {last}" if first else last


def _codes(grid: DecisionGrid) -> list[list[tuple[float, float, Code]]]:
    return [[(cell.low, cell.high, cell.code) for cell in row.cells] for row in grid.rows]


def _levels(levels: Sequence[int]) -> str:
    return f"Level {levels[0]}" if len(levels) == 1 else f"Levels {levels[0]} to {levels[-1]}"


def grid_drawing(
    grids: Sequence[tuple[str, DecisionGrid]],
    *,
    notes: Sequence[str] = (),
    name: str = "grid",
    heading: Sequence[str] = (),
) -> Drawn:
    """Draw decision tables, one below the other.

    Parameters
    ----------
    grids
        Each with its name, empty where it is the only one; a cell where the trial is has a frame.
    notes
        Sentences below, before those of the grids.
    name
        Starts the ids of the drawing.
    heading
        Texts above it.
    """
    most = max(max((len(row.cells) for row in grid.rows), default=1) for _, grid in grids)
    cell = max((WIDTH - 2 * LEFT - HEAD) / most, NARROW)
    width = max(WIDTH, 2 * LEFT + HEAD + most * cell)
    drawn: list[Drawn] = []
    y = 4.0
    for title, grid in grids:
        if title:
            y += 20
            drawn.append(words(LEFT, y, element("tspan", title, font_weight="bold"), size=TEXT))
        part, y = _grid(grid, cell if grid.columns else None, y, width)
        drawn += part
        y += 10
    used: list[Code] = [
        code for code in CODES if any(c.code == code for _, grid in grids for row in grid.rows for c in row.cells)
    ]
    foot, y = _legend({code: grids[0][1].codes[code] for code in used}, y + 14, width)
    for note in dict.fromkeys((*notes, *(note for _, grid in grids for note in grid.notes))):
        for line in wrapped(note, SMALL, width - 2 * LEFT):
            foot.append(words(LEFT, y, line, look="drawing-muted", size=SMALL))
            y += 16
    about = " ".join((*(described(title, grid) for title, grid in grids), *notes))
    return drawing(name, "Decision table", about, y, [*drawn, *foot], heading=heading, width=width)


def _grid(grid: DecisionGrid, cell: float | None, y: float, width: float) -> tuple[list[Drawn], float]:
    """Return the heads and the rows of a table, and where it ends; without a width of cells they fill each row."""
    room = width - 2 * LEFT - HEAD
    y += 18
    drawn = [
        words(LEFT, y, "Patients", look="drawing-muted", size=SMALL),
        words(LEFT + HEAD, y, grid.unit, look="drawing-muted", size=SMALL),
    ]
    if cell is not None:
        y += 16
        for k, head in enumerate(grid.columns):
            short = head.replace(" or more", "+")
            drawn.append(words(LEFT + HEAD + (k + 0.5) * cell, y, short, size=SMALL, anchor="middle"))
    y += 6
    high = HIGH if cell is not None else 1.5 * HIGH
    for row in grid.rows:
        drawn.append(words(LEFT + HEAD - 12, y + high / 2 + 5, str(row.patients), size=TEXT, anchor="end"))
        drawn += _cells(row, cell or room / len(row.cells), y, high, ranges=cell is None)
        y += high
    return drawn, y


def _cells(row: GridRow, wide: float, y: float, high: float, *, ranges: bool) -> Iterator[Drawn]:
    for k, each in enumerate(row.cells):
        x = LEFT + HEAD + k * wide
        yield element("rect", look=LOOK_OF[each.code], x=x, y=y, width=wide, height=high)
        middle = y + high / 2 + 5
        if ranges:
            yield words(x + wide / 2, middle - 9, _range(each), size=SMALL, anchor="middle")
            middle += 8
        code = element("tspan", each.code, font_weight="bold")
        yield words(x + wide / 2, middle, code, size=SMALL, anchor="middle")
    # On top of their neighbours.
    for k, each in enumerate(row.cells):
        if each.mark:
            dash = None if each.mark == "now" else "4 3"
            yield element("rect", look="drawing-frame", x=LEFT + HEAD + k * wide + 1.5, y=y + 1.5, width=wide - 3,
                          height=high - 3, stroke_width=3 if each.mark == "now" else 2, stroke_dasharray=dash)  # fmt: skip


def _range(cell: GridCell) -> str:
    return f"{cell.low:.4g}" if cell.low == cell.high else f"{cell.low:.4g} to {cell.high:.4g}"


def _legend(codes: Mapping[Code, str], y: float, width: float) -> tuple[list[Drawn], float]:
    drawn: list[Drawn] = []
    x = LEFT
    for code, meaning in codes.items():
        wide = 34 + width_of(meaning, SMALL) + 12
        if x > LEFT and x + wide > width:
            x, y = LEFT, y + 22
        drawn += [
            element("rect", look=LOOK_OF[code], x=x, y=y - 13, width=26, height=18),
            words(x + 13, y, element("tspan", code, font_weight="bold"), size=SMALL, anchor="middle"),
            words(x + 32, y, meaning, size=SMALL),
        ]
        x += wide
    return drawn, y + 22


def described(title: str, grid: DecisionGrid) -> str:
    """Return a table in sentences."""
    rows = []
    for row in grid.rows:
        runs = [list(run) for _, run in groupby(row.cells, key=lambda cell: cell.code)]
        said = "; ".join(f"{grid.codes[run[0].code]} at {_counts(run[0].low, run[-1].high)}" for run in runs)
        rows.append(f"{row.patients} patient{'s' * (row.patients != 1)}: {said}.")
    name = f"{title}: " if title else ""
    lit = f" {grid.says}" if grid.lit is not None else ""
    return f"{name}{grid.unit} among patients at the level. {' '.join(rows)}{lit}"


def _counts(low: float, high: float) -> str:
    return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
