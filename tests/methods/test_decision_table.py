"""A user's own table: BOIN's gives BOIN's characteristics, and what the table does not say is refused."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import escalate as esc
from escalate.core.decision import decide
from escalate.core.errors import DataError
from escalate.core.files import read_design
from escalate.core.tally import States, Tally
from escalate.engine.automaton import compile_design
from escalate.methods.decision_table import DecisionTable
from escalate.study.characteristics import Characteristics
from escalate.study.simulate import simulate
from tests.helpers import ROOT, cases, make

Rows = tuple[tuple[int, int, str], ...]
TRUTHS = ((0.05, 0.15, 0.30, 0.45, 0.60), (0.4, 0.5, 0.6, 0.7, 0.8))


def from_cuts(cuts: dict[int, tuple[int, int, int | None]]) -> Rows:
    """Return rows from the most DLTs that escalate, the fewest that de-escalate, the fewest that eliminate."""
    return tuple(
        (n, k, "DU" if out is not None and k >= out else "D" if k >= down else "E" if k <= up else "S")
        for n, (up, down, out) in cuts.items()
        for k in range(n + 1)
    )


def _boin_rows(largest: int) -> Rows:
    """Return local BOIN's table for a target of 0.30 as the authors' software prints it (BOIN 2.7.2, `get.boundary`)."""
    found = next(
        case["outputs"]["full_boundary_tab"]
        for case in cases("boin_boundary")
        if case["inputs"]["target"] == 0.3
        and case["inputs"]["cutoff_eli"] == 0.95
        and case["inputs"].get("p_saf_p_tox_default", False)
        and not case["inputs"].get("extrasafe")
        and len(case["outputs"].get("full_boundary_tab", {"n": []})["n"]) >= largest
    )
    columns = zip(found["n"], found["escalate_if_le"], found["deescalate_if_ge"], found["eliminate_if_ge"], strict=True)
    return from_cuts({n: (up, down, out) for n, up, down, out in columns if n <= largest})


def _design(rows: Rows, n_doses: int = 5, **settings: Any) -> esc.Design:
    return make({"kind": "decision_table", "rows": rows}, n_doses, **settings)


def _exact(design: esc.Design) -> Characteristics:
    scenarios = [esc.Scenario(name=str(k), dlt=truth[: design.n_doses]) for k, truth in enumerate(TRUTHS)]
    return simulate([design], scenarios, exact=True).designs[0].characteristics


SMALL = from_cuts({3: (0, 2, 3), 6: (1, 3, 4)})


@pytest.mark.parametrize(
    ("largest", "size", "more"),
    [
        (30, 3, ()),
        (12, 3, ({"kind": "stop_at_patients_at_dose", "patients": 12, "at": "next"},)),
        (12, 4, ({"kind": "stop_at_patients_at_dose", "patients": 12, "at": "next"},)),
    ],
)
def test_boins_table_is_boin(largest: int, size: int, more: tuple[dict[str, Any], ...]) -> None:
    """Source: the table of BOIN 2.7.2; its exact characteristics are those of our BOIN, to the last bit."""
    frame: dict[str, Any] = {"cohort_size": size, "max_patients": 24}
    ours = _exact(_design(_boin_rows(largest), **frame))
    boin = _exact(make({"kind": "boin"}, rules=({"kind": "eliminate"}, *more), **frame))
    for k in range(len(TRUTHS)):
        assert ours.value(k, "selected_none") == boin.value(k, "selected_none")
        for metric in ("selected", "patients", "dlts"):
            assert ours.of(k, metric) == boin.of(k, metric)


def test_exact_characteristics_of_boin_from_the_dossier() -> None:
    """Source: dossier interval.md 1, example 5 (exact enumeration; BOIN's simulation agrees); seven decimals."""
    found = _exact(_design(_boin_rows(24), max_patients=24))
    selected = [found.value(0, "selected_none"), *(x for x, _ in found.of(0, "selected"))]
    assert selected == pytest.approx([0.0002109, 0.0124261, 0.2505886, 0.5104531, 0.2020587, 0.0242626], abs=5.1e-8)
    patients = [x for x, _ in found.of(0, "patients")]
    assert patients == pytest.approx([4.073702, 7.595804, 8.262970, 3.482357, 0.581050], abs=5.1e-7)


def test_example_file_is_the_published_table() -> None:
    """Source: dossier interval.md 5, the keyboard design with target 0.30 for n = 1 to 9, elimination from 3 patients on."""
    rows = esc.table(esc.load_design(ROOT / "designs" / "decision_table.yaml")).rows
    assert [row.patients for row in rows] == list(range(1, 10))
    assert [row.escalate_if_dlts_at_most for row in rows] == [0, 0, 0, 0, 1, 1, 1, 1, 2]
    assert [row.deescalate_if_dlts_at_least for row in rows] == [1, 1, 2, 2, 2, 3, 3, 3, 4]
    assert [row.eliminate_if_dlts_at_least for row in rows] == [None, None, 3, 3, 4, 4, 5, 5, 5]


def _recommend(design: esc.Design, outcomes: str) -> tuple[int | None, int | None, tuple[str, ...]]:
    found = esc.recommend(design, outcomes)
    return found.next_level, found.next_cohort_size, tuple(reason.code for reason in found.reasons)


@pytest.mark.parametrize(
    ("outcomes", "level", "size", "codes"),
    [
        ("1NNN", 2, 3, ("escalate",)),
        ("1NNT", 1, 3, ("stay",)),
        ("1NNN 2NTT", 1, 3, ("de_escalate",)),
        ("1NNN 2TTT", 1, 3, ("eliminate",)),
        # Escalation into an eliminated level is none.
        ("1NNN 2TTT 1NNN", None, None, ("table_ends",)),
        ("1NNN 2TTT 1NNT", None, None, ("table_ends",)),
        ("1TTT", None, None, ("eliminate_by_table",)),
        ("1NNT 1TTT", None, None, ("table_ends", "eliminate_by_table")),
        # De-escalation to a level that has its six patients.
        ("1NNT 1NNN 2NTT", None, None, ("table_ends",)),
        # At level 1 a de-escalation stays.
        ("1NTT", 1, 3, ("de_escalate",)),
        ("1NNN 2NNN 3NNN", 3, 3, ("escalate",)),
    ],
)
def test_decisions(outcomes: str, level: int | None, size: int | None, codes: tuple[str, ...]) -> None:
    """Rows for three and six patients, by hand."""
    assert _recommend(_design(SMALL, 3), outcomes) == (level, size, codes)


def test_selection_is_isotonic() -> None:
    """Source: BOIN's example in dossier interval.md 1, example 4: pooled below the target, the highest."""
    rows = from_cuts({3: (0, 2, 3), 6: (1, 3, 4)})
    assert esc.select(_design(rows, 4), "1NNN 2NNNNTT 3NNNNNT 4NTT").mtd_level == 3


def test_more_patients_than_the_table() -> None:
    """The trial ends; a bar of the last row stays."""
    found = esc.recommend(_design(SMALL, 3), "1NNNNNN 1NNN")
    assert (found.action, found.mtd_level) == ("stop", 1)
    assert found.reasons[0].text == "0/9 DLTs at level 1: the table ends at 6 patients."
    barred = esc.select(_design(SMALL, 3), "1NNNNNN 2NNTTTT 2NNNNN")
    assert [row.why_not for row in barred.doses] == [None, "eliminate_by_table", "eliminate_by_table"]


@pytest.mark.parametrize("outcomes", ["1NN", "1NNN 2N", "1NNNN", "1NN 1N"])
def test_no_row_is_no_answer(outcomes: str) -> None:
    """A number of patients that the table does not have is refused, with what to do; never guessed."""
    n, level = 4 if outcomes == "1NNNN" else 1 if "2N" in outcomes else 2, 2 if "2N" in outcomes else 1
    said = (
        rf"the decision table has no row for {n} patients? at level {level}, only for 3, 6; if a cohort is not complete"
    )
    with pytest.raises(DataError, match=said):
        esc.recommend(_design(SMALL, 3), outcomes)


def test_select_refuses_what_it_cannot_judge() -> None:
    """Whether a dose is barred is a row of the table too."""
    with pytest.raises(DataError, match="no row for 2 patients"):
        esc.select(_design(SMALL, 3), "1NNN 2TT")


def test_cohort_is_cut_to_the_table() -> None:
    """A table to eight with cohorts of three: three, three and two; the last is what the table has rows for."""
    rows = from_cuts(dict.fromkeys(range(1, 9), (0, 2, 3)))
    design = _design(rows, 3)
    assert _recommend(design, "1NNT 1NNN")[:2] == (1, 2)
    assert compile_design(design).terminals.tally.n.max() == 8


@pytest.mark.parametrize(
    ("method", "frame", "said"),
    [
        ({}, {}, "method.rows: is missing; give rows or a file"),
        ({"file": "t.csv"}, {}, "method.file: is read with a design file; from Python give its rows"),
        ({"rows": ((3, 0, "X"),)}, {}, r"method.rows\[1\]\[3\]: 'X' is not an action; known: E, S, D, DU"),
        ({"rows": ((3, 0, "escalat"),)}, {}, r"rows\[1\]\[3\]: 'escalat' is not an action; did you mean 'escalate'\?"),
        ({"rows": ((3, 0),)}, {}, r"method.rows\[1\]\[3\]: is missing"),
        ({"rows": ((3, 0, "E", 1),)}, {}, r"method.rows\[1\]"),
        ({"rows": ((0, 0, "E"),)}, {}, r"method.rows\[1\]\[1\]: 0 is not at least 1"),
        ({"rows": ((3, -1, "E"),)}, {}, r"method.rows\[1\]\[2\]: -1 is not at least 0"),
        ({"rows": ((3, 1.5, "E"),)}, {}, r"method.rows\[1\]\[2\]: 1.5 is not a whole number"),
        ({"rows": ((3, 0, 1),)}, {}, r"method.rows\[1\]\[3\]: 1 is not text"),
        ({"rows": (*SMALL, (3, 4, "DU"))}, {}, r"method.rows\[12\]: 4 DLTs of 3 patients is impossible"),
        ({"rows": (*SMALL, (3, 1, "E"))}, {},
         r"method.rows\[12\]: 1 DLT of 3 patients has the action E, but S in rows\[2\]"),
        ({"rows": SMALL[1:]}, {}, r"method.rows\[1\]: 3 patients: there is no row for 0 DLTs; each number from 0 to 3"),
        ({"rows": (*SMALL[:1], (3, 1, "D"), (3, 2, "S"), *SMALL[3:])}, {},
         r"rows\[3\]: 2 DLTs of 3 patients has the action S, more upward than D for 1 DLT in rows\[2\]"),
        ({"rows": SMALL}, {"cohort_size": 2}, r"method.rows: there are no rows for 2, 4 patients; with cohorts of 2"),
        ({"rows": SMALL}, {"max_patients": 16}, r"method.rows: there are no rows for 1, 4 patients; .* at most 16"),
        ({"rows": SMALL}, {"target": None}, r"target: is missing"),
        ({"rows": from_cuts({3: (0, 2, None)})}, {"rules": ({"kind": "eliminate_by_table"},)},
         r"rules\[1\].kind: eliminate_by_table needs a table with DU in it; decision_table has none"),
    ],
)  # fmt: skip
def test_bad_tables(method: dict[str, Any], frame: dict[str, Any], said: str) -> None:
    """Every fault of rows has its field."""
    with pytest.raises(esc.DesignError, match=said):
        make({"kind": "decision_table", **method}, **frame)


def test_no_row_is_asked_for_in_vain() -> None:
    """A trial that can fill every dose is never cut, so that rows for the cut are not needed."""
    assert compile_design(_design(SMALL, 3, max_patients=19)).terminals.tally.n.max() == 6
    with pytest.raises(esc.DesignError, match="there are no rows for 1, 4 patients"):
        _design(SMALL, 4, max_patients=19)


def test_the_rule_needs_a_table() -> None:
    """BOIN's elimination is another rule."""
    with pytest.raises(esc.DesignError, match="eliminate_by_table needs a table with DU in it; boin has none"):
        make({"kind": "boin"}, rules=({"kind": "eliminate_by_table"},))


def test_actions_as_letters_or_words() -> None:
    """In either case; the design holds letters."""
    words = tuple(
        (n, k, {"E": "Escalate", "S": "STAY", "D": " de-escalate", "DU": "eliminate"}[action]) for n, k, action in SMALL
    )
    assert _design(words) == _design(SMALL)
    assert _design(tuple((n, k, action.lower()) for n, k, action in SMALL)) == _design(SMALL)
    assert _design((*SMALL, SMALL[0])).method != _design(SMALL).method
    assert compile_design(_design((*SMALL, SMALL[0]), 3)).n_states == compile_design(_design(SMALL, 3)).n_states


def test_nothing_beyond_the_table_is_reached() -> None:
    """Over every reachable state each dose has rows, and the dose that follows has room."""
    design = esc.load_design(ROOT / "designs" / "decision_table.yaml")
    automaton = compile_design(design)
    assert automaton.terminals.tally.n.max() == 9
    tally = automaton.tally_of_states()
    assert (tally.at(automaton.dose)[0] + automaton.size <= 9).all()


def test_a_table_is_asked_for_many_states_at_once() -> None:
    """The rational rate of a row and its action: 2/6 stays and 3/6 goes down at a target of 0.3, by hand."""
    design = _design(SMALL, 3)
    tally = Tally.of([[3, 6, 0], [3, 6, 0]], [[0, 2, 0], [0, 3, 0]])
    states = States(tally, np.array([1, 1]), np.array([[2, 1], [1, 2]]))
    assert Fraction(2, 6) > Fraction(3, 10)
    assert decide(design, states).next.tolist() == [-1, 0]


def test_file_beside_the_design(tmp_path: Path) -> None:
    """The file's rows are the design's; it can be written out and read again; the hash covers both files."""
    table = ROOT / "designs" / "data" / "decision-table-mtpi2-030.csv"
    source = ROOT / "designs" / "decision_table.yaml"
    file = read_design(source)
    assert isinstance(file.design.method, DecisionTable)
    assert len(file.design.method.rows) == len(table.read_text().split()) - 1
    assert esc.Design.from_dict(file.design.to_dict()) == file.design
    (tmp_path / "data").mkdir()
    (tmp_path / "d.yaml").write_bytes(source.read_bytes())
    for change in (b"", b"\n"):
        (tmp_path / "data" / table.name).write_bytes(table.read_bytes() + change)
        other = read_design(tmp_path / "d.yaml")
        assert other.design == file.design
        assert (other.sha256 == file.sha256) == (not change)
