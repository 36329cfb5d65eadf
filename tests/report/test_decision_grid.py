"""The decision grid: the table of the protocol, cell by cell, and the same answer as the recommendation."""

from __future__ import annotations

from datetime import date

import pytest

from escalate import Design, load_design, read_dated, recommend, table
from escalate.core.method import TableMethod
from escalate.core.moves import Action
from escalate.core.patients import Cohort, TrialData
from escalate.report.decision_grid import MAX_ROWS, decision_grid
from escalate.report.grid_svg import described, grid_drawing
from tests.helpers import ROOT, make

DESIGNS = ROOT / "designs"
TABLES = sorted(
    path.stem for path in DESIGNS.glob("*.yaml")
    if path.stem != "pymc" and isinstance(load_design(path).method, TableMethod)
)  # fmt: skip


def test_there_are_enough_designs() -> None:
    """The tests below run over most table methods."""
    assert len(TABLES) >= 12


@pytest.mark.parametrize("name", TABLES)
def test_grid_is_the_table_of_the_protocol(name: str) -> None:
    """Each cell says what the row of `escalate table` says of its count, at every level."""
    design = load_design(DESIGNS / f"{name}.yaml")
    for level in range(1, design.n_doses + 1):
        rows = {row.patients: row for row in table(design).rows if row.level in {None, level}}
        grid = decision_grid(design, 0, 0, level)
        assert grid is not None
        assert 0 < len(grid.rows) <= MAX_ROWS
        for row in grid.rows:
            cut = rows[row.patients]
            lowest = cut.stop_at_lowest_if_dlts_at_least if level == 1 else None
            bars = cut.eliminate_if_dlts_at_least if lowest is None else lowest
            for cell in row.cells:
                for count in {cell.low, cell.high}:
                    assert cell.code == _expected(count, cut.escalate_if_dlts_at_most,
                                                  cut.deescalate_if_dlts_at_least, bars)  # fmt: skip


def _expected(count: float, up: float | None, down: float | None, out: float | None) -> str:
    if out is not None and count >= out:
        return "DU"
    if down is not None and count >= down:
        return "D"
    return "E" if up is not None and count <= up else "S"


@pytest.mark.parametrize("name", ["boin", "keyboard", "mtpi2", "i3p3", "ccd", "three_plus_three", "tpi", "iboin"])
def test_lit_cell_is_what_is_recommended(name: str) -> None:
    """With the data of one level alone, away from the edges, `recommend` does what the lit cell says."""
    design = load_design(DESIGNS / f"{name}.yaml")
    top = 6 if name == "three_plus_three" else 9
    checked = 0
    for level in (2, 3):
        for n in range(3, top + 1, 3):
            for dlts in range(n + 1):
                found = recommend(design, TrialData((Cohort(level - 1, (n - dlts, dlts)),), "0"))
                grid = decision_grid(design, n, dlts, level, found=found)
                assert grid is not None
                assert grid.lit is not None
                cell = grid.rows[grid.lit[0]].cells[grid.lit[1]]
                assert grid.rows[grid.lit[0]].patients == n
                assert cell.low <= dlts <= cell.high
                checked += _agrees(cell.code, found.action, found.next_level, level)
                assert grid.departs is None
                if cell.code == "DU":
                    assert not found.doses[level - 1].allowed
    assert checked >= 20


def _agrees(code: str, action: Action, next_level: int | None, level: int) -> bool:
    expected = {"E": level + 1, "S": level}.get(code, level - 1)
    assert next_level == expected or (action is Action.STOP and code == "DU")
    return True


def test_level_one_out_stops() -> None:
    """Elimination at level 1 is the end of the trial, in the cell and in the recommendation."""
    design = make({"kind": "boin"})
    grid = decision_grid(design, 3, 3, 1, found=recommend(design, "1TTT"))
    assert grid is not None
    assert grid.says == "3 DLTs in 3 patients: DU, stop: level 1 is too toxic."
    assert grid.departs is None


def test_departures_are_said() -> None:
    """Where other data decide, the grid says both."""
    design = make({"kind": "boin"})
    found = recommend(design, "1NNN 2NNN 3TTT 2NNN")
    grid = decision_grid(design, 6, 0, 2, found=found)
    assert grid is not None
    assert grid.says == "0 DLTs in 6 patients: E, escalate."
    assert grid.departs == "This cell alone says escalate; the recommendation, by all data and rules, is: stay."
    edge = decision_grid(design, 3, 0, 5, found=recommend(design, "5NNN"))
    assert edge is not None
    assert edge.says == "0 DLTs in 3 patients: E, escalate (there is no level above)."
    assert edge.departs


def test_pending_patients_light_what_can_come() -> None:
    """The cell of today, and those that pending patients can lead to."""
    design = load_design(DESIGNS / "late-onset" / "tvec-liver-tite-boin.yaml")
    day = date(2026, 3, 9)
    data = read_dated(DESIGNS / "late-onset" / "data" / f"tvec-liver-{day}-synthetic.csv", design, day)
    found = recommend(design, data)
    row = found.doses[1]
    grid = decision_grid(design, row.patients, row.dlts, 2, pending=row.pending, found=found)
    assert grid is not None
    assert [cell.mark for cell in grid.rows[0].cells] == ["", "now", "possible", "possible"]
    assert grid.says == "1 DLT in 3 patients; 2 outcomes are pending: S, stay."
    assert grid.departs is not None
    assert grid.departs.endswith("is: suspend.")


def test_scores_have_ranges() -> None:
    """Where outcomes are scored a cell holds a range of total scores; the lit one needs the outcomes by letter."""
    design = load_design(DESIGNS / "gboin.yaml")
    row = recommend(design, "2NMT").doses[1]
    grid = decision_grid(design, 3, 1, 2, outcomes=row.outcomes)
    assert grid is not None
    assert grid.columns == ()
    assert grid.unit == "total score"
    assert [(cell.low, cell.high, cell.code, cell.mark) for cell in grid.rows[0].cells] == [
        (0, 0.5, "E", ""), (1, 1, "S", ""), (1.5, 2, "D", "now"), (2.5, 3, "DU", "")
    ]  # fmt: skip
    without = decision_grid(design, 3, 1, 2)
    assert without is not None
    assert without.lit is None


def test_rows_are_few_and_hold_today() -> None:
    """At most twelve rows, of whole cohorts, with that of today; columns end where all rows agree."""
    design = make({"kind": "boin"}, max_patients=60, cohort_size=1)
    for n in (0, 1, 12, 13, 40, 60):
        grid = decision_grid(design, n, 0, 2)
        assert grid is not None
        assert len(grid.rows) == MAX_ROWS
        assert (grid.lit is not None) == (n > 0)
        assert all(len(row.cells) + row.blank == len(grid.columns) for row in grid.rows)
    odd = decision_grid(make({"kind": "boin"}), 4, 1, 2)
    assert odd is not None
    assert [row.patients for row in odd.rows][:3] == [3, 4, 6]
    full = decision_grid(load_design(DESIGNS / "boin.yaml"), 3, 0, 1)
    assert full is not None
    assert [row.patients for row in full.rows] == [3, 6, 9, 12]
    assert full.columns == ("0", "1", "2", "3", "4", "5", "6", "7 or more")


def test_data_outside_the_table() -> None:
    """A count that the table has no row for is said, not guessed."""
    grid = decision_grid(load_design(DESIGNS / "three_plus_three.yaml"), 7, 1, 2)
    assert grid is not None
    assert grid.lit is None
    assert grid.says == "The table has no cell for the data of this level."


@pytest.mark.parametrize("kind", ["crm", "blrm"])
def test_models_have_no_grid(kind: str) -> None:
    """A model looks at all levels: there is no such table."""
    design: Design = load_design(DESIGNS / f"{kind}.yaml")
    assert decision_grid(design, 3, 0, 1) is None


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (None, "de-escalate, and do not use the level again"),
        (({"kind": "eliminate"}, {"kind": "extra_safe"}), "de-escalate, and do not use the level again"),
        (
            ({"kind": "overdose_cap", "cutoff": 0.9, "basis": "beta_binomial"},),
            "de-escalate, and do not use the level for now",
        ),
        (
            ({"kind": "overdose_cap", "cutoff": 0.9, "basis": "beta_binomial"}, {"kind": "eliminate"}),
            "de-escalate, and do not use the level, at least for now",
        ),
    ],
)
def test_for_good_only_where_the_rule_lasts(rules: tuple[dict[str, object], ...] | None, words: str) -> None:
    """What DU means, in key, cells and description: not again where the rule is permanent, for now where a level may open."""
    design = make({"kind": "boin"}) if rules is None else make({"kind": "boin"}, rules=rules)
    grid = decision_grid(design, 0, 0, 2)
    assert grid is not None
    assert grid.codes["DU"] == words
    assert {cell.words for row in grid.rows for cell in row.cells if cell.code == "DU"} == {words}
    assert f"{words} at" in described("", grid)
    assert f">{words}<" in str(grid_drawing([("", grid)]))
