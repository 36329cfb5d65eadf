"""The decision table of a protocol: what a trial can come to, each cell what is recommended after every such history."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import escalate as esc
from escalate.core.design import Design
from escalate.core.files import read_design
from escalate.core.method import TableMethod
from escalate.core.rule import Rule
from escalate.report.documents.blocks import Figure, Table
from escalate.report.protocol import Part
from escalate.report.protocol.decision_rows import COHORTS_SHOWN
from escalate.report.protocol.decisions import decisions
from escalate.study.table import table
from tests.helpers import ROOT, make
from tests.report.protocol.parts import text_of

QUICK = {
    "tvec-liver-crm",
    "tite_crm",
    "random",
    "tvec-liver-boin",
    "tvec-liver-3plus3",
    "tvec-liver-iboin",
    "decision_table",
    "rolling_six",
}
"""Those whose recommendations are quick; the others run with the slow tests."""
FILES = sorted((*(ROOT / "designs").glob("*.yaml"), *(ROOT / "designs" / "late-onset").glob("*.yaml")))
DESIGNS = {path: read_design(str(path)).design for path in FILES}
CAUTION = ("escalate", "stay", "de-escalate", "eliminate", "stop")


def _cases(*, tables: bool) -> list[Any]:
    return [
        pytest.param(path, id=path.stem, marks=[] if path.stem in QUICK else [pytest.mark.slow])
        for path, design in DESIGNS.items()
        if isinstance(design.method, TableMethod) is tables and not design.method.costly and design.backfill is None
    ]


@cache
def _printed(design: Design) -> Table:
    (found,) = (
        block for block in decisions(Part(design, "0" * 64)) if isinstance(block, Table) and block.key == "decisions"
    )
    return found


def _cells(design: Design) -> dict[tuple[int | None, int], dict[int, tuple[str, bool]]]:
    """Return what is printed for each level, patients and DLTs, and whether it has a star."""
    printed = _printed(design)
    found: dict[tuple[int | None, int], dict[int, tuple[str, bool]]] = {}
    for line in printed.rows:
        row = dict(zip(printed.header, map(text_of, line), strict=True))
        here: dict[int, tuple[str, bool]] = {}
        for head in ("Escalate", "Stay", "De-escalate", "Eliminate", "Stop"):
            for part in row.get(head, "-").split(", "):
                if part != "-":
                    low, _, high = part.rstrip("*").partition(" to ")
                    here |= {k: (head.lower(), part.endswith("*")) for k in range(int(low), int(high or low) + 1)}
        found[int(row["Level"]) if "Level" in row else None, int(row["Patients"])] = here
    return found


def _clean(design: Design) -> Iterator[tuple[int, str]]:
    """Yield each level that a trial without a DLT comes to, and the trial until then."""
    outcomes, seen = "", set[int]()
    while True:
        now = esc.recommend(design, outcomes or None)
        if now.next_level is None:
            return
        if now.next_level not in seen:
            seen.add(now.next_level)
            yield now.next_level, outcomes
        outcomes = f"{outcomes} {now.next_level}{'N' * (now.next_cohort_size or 0)}".strip()


def _orders(design: Design, level: int, outcomes: str, n: int, dlts: int, k: int) -> Iterator[tuple[int, int, str]]:
    """Yield patients, DLTs and what is recommended after every order of DLTs over the cohorts of a level."""
    size = esc.recommend(design, outcomes or None).next_cohort_size or 0
    for more in range(size + 1):
        longer = f"{outcomes} {level}{'N' * (size - more)}{'T' * more}".strip()
        found = esc.recommend(design, longer)
        yield n + size, dlts + more, str(found.action)
        if found.next_level == level and k < COHORTS_SHOWN:
            yield from _orders(design, level, longer, n + size, dlts + more, k + 1)


def _hold_model(design: Design) -> None:
    cells = _cells(design)
    wanted: dict[tuple[int, int, int], set[str]] = {}
    for level, outcomes in _clean(design):
        for n, dlts, action in _orders(design, level, outcomes, 0, 0, 1):
            wanted.setdefault((level, n, dlts), set()).add(action)
    assert {(level, n, k) for (level, n), row in cells.items() for k in row} == set(wanted)
    for (level, n, dlts), actions in wanted.items():
        said, star = cells[level, n][dlts]
        most = max(actions, key=CAUTION.index)
        assert said == most or (said == "eliminate" and most == "de-escalate"), (level, n, dlts, actions)
        assert star == (len(actions) > 1), (level, n, dlts, actions)


@pytest.mark.parametrize("path", _cases(tables=False))
def test_each_cell_of_a_model_is_what_is_recommended_after_every_order(path: Path) -> None:
    """Only what the trial can come to is printed; where orders differ the more cautious decision, with a star."""
    _hold_model(DESIGNS[path])


CRM: dict[str, Any] = {"kind": "crm", "skeleton": [0.1, 0.3, 0.5], "estimate": "plug_in"}


def test_a_model_that_starts_higher_and_stops_at_patients() -> None:
    """Levels below the start have no rows and are named; a row at which the design stops says so, and none follows it."""
    rules = ({"kind": "no_skipping"}, {"kind": "coherence"}, {"kind": "stop_at_patients_at_dose", "patients": 6})
    design = make(CRM, 3, cohort_size=3, start_level=2, rules=rules, max_patients=20)
    _hold_model(design)
    cells = _cells(design)
    assert {level for level, _ in cells} == {2, 3}
    assert {said for said, _ in cells[2, 6].values()} == {"stop"}
    assert (2, 9) not in cells
    assert any(note.startswith("Level 1 has no rows") for note in _printed(design).notes)


def test_impossible_histories_are_not_printed() -> None:
    """No order leads to 2 of 3 DLTs at level 1 and a further cohort: of 6 patients at most 4 have a DLT, and 3 never escalate."""
    design = DESIGNS[ROOT / "designs" / "tvec-liver-ewoc.yaml"]
    row = _cells(design)[1, 6]
    assert set(row) == {1, 2, 3, 4}
    assert row[3] == ("stay", False)
    assert str(esc.recommend(design, "1NNT 1NTT").action) == "stay"
    notes = " ".join(_printed(design).notes)
    assert "* The decision depends on more" in notes
    assert "where 1 of them is in the last cohort" in notes


def _agrees(design: Design, said: str, found: esc.Recommendation, level: int) -> bool:
    """Return whether a recommendation is what a row for all levels says, at the ends and below closed levels too."""
    following, closed = found.next_level, any(dose.why_not for dose in found.doses[level:])
    at_end = level == design.n_doses or closed or any(dose.dlts > 1 for dose in found.doses[level:])
    match said:
        case "escalate":
            return (following is not None and following > level) or at_end
        case "stay":
            return following == level
        case "de-escalate":
            settled = level > 1 and design.method.sizes_cohorts
            return (following is not None and following < level) or (following in {1, None} and level == 1) or settled
        case "eliminate":
            return following is None or following < level
        case _:
            return following is None


def _histories(design: Design, trials: int) -> Iterator[tuple[int, int, int, esc.Recommendation]]:
    """Yield level, patients, DLTs there and the recommendation along random trials; until they are full."""
    draw = random.Random(1)
    for trial in range(trials):
        outcomes, rate = "", (0.05, 0.2, 0.35, 0.5)[trial % 4]
        seen: dict[int, list[int]] = {}
        now = esc.recommend(design)
        while now.next_level is not None:
            level, size = now.next_level, now.next_cohort_size or 0
            dlts = sum(draw.random() < rate for _ in range(size))
            outcomes = f"{outcomes} {level}{'N' * (size - dlts)}{'T' * dlts}".strip()
            here = seen.setdefault(level, [0, 0])
            here[0], here[1] = here[0] + size, here[1] + dlts
            now = esc.recommend(design, outcomes)
            if sum(n for n, _ in seen.values()) < design.max_patients:
                yield level, here[0], here[1], now


def _hold_table(design: Design, trials: int) -> None:
    cells = _cells(design)
    by_level = any(level is not None for level, _ in cells)
    also = any("stops" in note or "ends" in note for note in _printed(design).notes)
    for level, n, dlts, now in _histories(design, trials):
        if len(design.outcomes) > 2 and n == 1:
            continue  # Titration by milder outcomes too: sentences say it, not the table.
        said, star = cells[level if by_level else None, n][dlts]
        ends = now.next_level is None and also and (said in {"escalate", "de-escalate"})
        edge = level in {1, design.n_doses} or any(dose.why_not for dose in now.doses)
        assert star or _agrees(design, said, now, level) or (ends and edge), (said, level, n, dlts, str(now.action))


@pytest.mark.parametrize("path", [case for case in _cases(tables=True) if not table(DESIGNS[case.values[0]]).graded])
def test_each_cell_of_a_table_is_what_is_recommended_along_a_trial(path: Path) -> None:
    """Every state of random trials has its row, and the row says what is recommended."""
    _hold_table(DESIGNS[path], 16 if path.stem in QUICK else 60)


TITRATION = make({"kind": "boin", "titration": True}, 3, max_patients=16)
STOPS: tuple[dict[str, Any], ...] = ({"kind": "eliminate"}, {"kind": "stop_at_patients_at_dose", "patients": 6})


@pytest.mark.parametrize(
    "design",
    [
        TITRATION,
        make({"kind": "boin"}, 3, max_patients=18, rules=STOPS),
        make({"kind": "boin"}, 4, max_patients=18, start_level=3),
        make({"kind": "three_plus_three", "deescalate": False}, 3),
        make({"kind": "mtpi"}, 2, max_patients=12),
        make({"kind": "boin"}, 1, max_patients=12),
    ],
    ids=["titration", "stop at 6", "start at 3", "3+3 A", "two levels", "one level"],
)
def test_other_designs_under_a_table(design: Design) -> None:
    """The same where the trial titrates, stops at patients, starts higher, or has few levels."""
    _hold_table(design, 16)


def test_rows_of_titration_and_of_a_stop() -> None:
    """4, 7 and 10 patients are rows after titration; a stop at 6 patients is the last row, and says so in every cell."""
    assert {n for _, n in _cells(TITRATION)} == {1, 3, 4, 6, 7, 9, 10, 12, 15}
    assert {k: said for k, (said, _) in _cells(TITRATION)[None, 1].items()} == {0: "escalate", 1: "stay"}
    stops = make({"kind": "boin"}, 3, max_patients=18, rules=STOPS)
    cells = _cells(stops)
    assert max(n for _, n in cells) == 6
    assert {said for said, _ in cells[None, 6].values()} == {"stop"}
    assert "Stop, at level 1" not in _printed(stops).header
    assert {n for _, n in _cells(make({"kind": "three_plus_three"}))} == {3, 6}


@pytest.mark.parametrize("path", _cases(tables=True))
def test_what_a_table_prints_is_that_of_the_command(path: Path) -> None:
    """But for stops, and the first patients of a titration, each cell follows from the cut-offs of `table`."""
    design = DESIGNS[path]
    found = table(design)
    if found.graded or design.method.sizes_cohorts:
        return
    rows = {(row.level, row.patients): row for row in found.rows}
    for key, cells in _cells(design).items():
        row = rows[key]
        for dlts, (said, _) in cells.items():
            up, down, out = (
                row.escalate_if_dlts_at_most,
                row.deescalate_if_dlts_at_least,
                row.eliminate_if_dlts_at_least,
            )
            by_cuts = (
                "eliminate"
                if out is not None and dlts >= out
                else "de-escalate"
                if down is not None and dlts >= down
                else "escalate"
                if up is not None and dlts <= up
                else "stay"
            )
            assert said in {by_cuts, "stop"}
            if said == "stop":
                assert any(type(rule).stops is not Rule.stops for rule in design.rules)


def test_scores_are_those_that_there_are() -> None:
    """With scores of 0, 0.5 and 1 no cell has another total, and one patient has no score between the cut-offs."""
    design = DESIGNS[ROOT / "designs" / "gboin.yaml"]
    for line in _printed(design).rows:
        for cell in map(text_of, line[1:]):
            for value in re.findall(r"[\d.]+", cell):
                assert (2 * float(value)).is_integer()
    single = design.model_copy(update={"cohort_size": 1})
    first = dict(zip(_printed(single).header, map(text_of, _printed(single).rows[0]), strict=True))
    assert first["Patients"] == "1"
    assert first["Stay"] == "-"


def test_the_grid_ends_before_a_stop() -> None:
    """Rows at which the trial can stop are in the table alone."""
    (figure,) = (
        block for block in decisions(Part(DESIGNS[ROOT / "designs" / "boin.yaml"], "0")) if isinstance(block, Figure)
    )
    assert "9 patients:" in figure.picture.description
    assert "12 patients:" not in figure.picture.description


def test_a_rule_that_holds_the_trial_back_is_marked() -> None:
    """Where a rule keeps a small trial from stopping, the stop has a star and a note."""
    rules = (*STOPS, {"kind": "min_patients_before_stop", "patients": 12})
    design = make({"kind": "boin"}, 3, max_patients=18, rules=rules)
    assert all(star for said, star in _cells(design)[None, 6].values() if said == "stop")
    assert any(note.startswith("* ") for note in _printed(design).notes)
