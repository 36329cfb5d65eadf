"""Decision tables: the decision function asked for every tally at one dose."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import escalate as esc
from escalate.engine.outcomes import outcomes
from escalate.study.table import _one_way_each
from tests.helpers import ROOT, cases, make

CRM: dict[str, Any] = {"kind": "crm", "skeleton": [0.05, 0.12, 0.25, 0.40, 0.55], "estimate": "plug_in"}


def test_published_table() -> None:
    """Source: Yan et al. (2020), get.boundary(target = 0.3, ncohort = 10, cohortsize = 3)."""
    case = next(case for case in cases("published_examples") if case["id"] == "boin_boundary_30")["outputs"]
    rows = {row.patients: row for row in esc.table(make({"kind": "boin"})).rows}
    for k, n in enumerate(case["n"]):
        assert rows[n].escalate_if_dlts_at_most == case["escalate_le"][k]
        assert rows[n].deescalate_if_dlts_at_least == case["deescalate_ge"][k]
        assert rows[n].eliminate_if_dlts_at_least == case["eliminate_ge"][k]


@pytest.mark.parametrize("level", [1, 2, 4])
def test_table_of_a_model_is_what_recommend_says(level: int) -> None:
    """Given clean lower levels, each row's cut-offs are those of the recommendation with that many DLTs."""
    design = make(CRM, target=0.25)
    before = " ".join(f"{k}NNN" for k in range(1, level))
    for row in esc.table(design).rows:
        if row.level != level or row.patients != 3:
            continue
        for k in range(4):
            following = esc.recommend(design, f"{before} {level}{'N' * (3 - k)}{'T' * k}").next_level
            assert following is not None
            up, down = row.escalate_if_dlts_at_most, row.deescalate_if_dlts_at_least
            assert (following > level) == (up is not None and k <= up)
            assert (following < level) == (down is not None and k >= down)


def test_safety_stop_shows_in_the_table_of_a_model() -> None:
    """The DLTs at level 1 that end the trial."""
    rules = ({"kind": "lowest_dose_too_toxic", "cutoff": 0.9},)
    row = esc.table(make(CRM, target=0.25, rules=rules)).rows[0]
    assert row.eliminate_if_dlts_at_least is not None
    k = int(row.eliminate_if_dlts_at_least)
    assert esc.recommend(make(CRM, target=0.25, rules=rules), f"1{'N' * (3 - k)}{'T' * k}").action == "stop"


STICK: tuple[dict[str, Any], ...] = (
    {"kind": "eliminate"},
    {"kind": "stick_on_dlts", "patients": 3, "dlts": 1, "then": "de_escalate"},
    {"kind": "stick_on_dlts", "patients": 6, "dlts": 1, "then": "stay"},
)
IBOIN: dict[str, Any] = {"kind": "iboin", "skeleton": [0.1, 0.2, 0.3, 0.4, 0.5], "ess": 3}


@pytest.mark.parametrize(
    "method", [{"kind": "boin"}, {"kind": "mtpi"}, {"kind": "ccd"}, IBOIN], ids=lambda m: m["kind"]
)
@pytest.mark.parametrize("rules", [({"kind": "eliminate"},), STICK], ids=["eliminate", "stick"])
def test_table_is_what_recommend_says(method: dict[str, Any], rules: tuple[dict[str, Any], ...]) -> None:
    """Row by row, at level 2 with a clean level 1: escalate, de-escalate and eliminate, rules about the dose included."""
    design = make(method, rules=rules)
    rows = [row for row in esc.table(design).rows if row.level in {None, 2} and row.patients in {3, 6}]
    assert len(rows) == 2
    for row in rows:
        up, down, out = (
            row.escalate_if_dlts_at_most,
            row.deescalate_if_dlts_at_least,
            row.eliminate_if_dlts_at_least,
        )
        for k in range(row.patients + 1):
            found = esc.recommend(design, f"1NNN 2{'N' * (row.patients - k)}{'T' * k}")
            assert found.next_level is not None
            assert (found.next_level > 2) == (up is not None and k <= up)
            assert (found.next_level < 2) == (down is not None and k >= down)
            assert ("eliminate" in (found.doses[1].why_not or "")) == (out is not None and k >= out)


def test_rules_that_the_rows_cannot_show_are_named() -> None:
    """Coherence looks at the last cohort: a sentence under the table says that it is not in it."""
    with_it = esc.table(make({"kind": "boin"}, rules=({"kind": "eliminate"}, {"kind": "coherence"})))
    assert "coherence" in with_it.notes[-1]
    assert esc.table(make({"kind": "boin"})).notes == ()


def test_a_cap_on_dlts_eliminates_nothing() -> None:
    """`max_dlts` ends the trial and bars no level: no row says eliminate, and a sentence under the table says what it does."""
    rules = ({"kind": "no_skipping"}, {"kind": "max_dlts", "dlts": 3})
    found = esc.table(make({**CRM, "skeleton": [0.1, 0.3, 0.5]}, 3, rules=rules))
    assert all(row.eliminate_if_dlts_at_least is None for row in found.rows)
    assert "max_dlts" in found.notes[-1]


def test_rows_of_a_model_follow_the_sizes_of_cohorts() -> None:
    """One patient at level 1, two at level 2, six at level 3: rows at 1, 2, .. of level 1, 2, 4, .. of level 2, 6 of level 3."""
    rules = ({"kind": "no_skipping"}, {"kind": "cohort_sizes", "by_level": [1, 2, 6]})
    found = esc.table(make({**CRM, "skeleton": [0.1, 0.3, 0.5]}, 3, rules=rules, max_patients=15))
    at = {level: [row.patients for row in found.rows if row.level == level] for level in (1, 2, 3)}
    assert at[1][:3] == [1, 2, 3]
    assert at[2] == [2, 4, 6, 8, 10, 12, 14]
    assert at[3] == [6, 12]


@pytest.mark.parametrize("units", [(0, 1), (0, 1, 2, 4), (0, 3, 5, 10), (0, 2, 3, 6, 6)])
def test_one_way_to_each_burden(units: tuple[int, ...]) -> None:
    """The ways that the table goes by are, of all that outcomes can be, those with the fewest DLTs."""
    burden_of = np.array(units, dtype=np.int64)
    for n, (burden, counts) in enumerate(_one_way_each(burden_of, 12)):
        every = outcomes(n, len(units))[0]
        wanted, first = np.unique(every @ burden_of, return_index=True)
        assert burden.tolist() == wanted.tolist()
        assert counts.tolist() == every[first].tolist()


def test_a_table_of_scores_for_many_patients() -> None:
    """A graded design for 200 patients has its table at once: ways are not listed one by one."""
    design = esc.load_design(ROOT / "designs" / "gboin.yaml").model_copy(update={"max_patients": 200})
    assert len(esc.table(design).rows) == 200


@pytest.mark.parametrize("name", ["blrm", pytest.param("published/nbg-2008", marks=pytest.mark.slow), "crm", "ewoc"])
def test_where_a_model_stops_the_row_says_so(name: str) -> None:
    """Where no dose is permitted after so many DLTs the trial stops at every level, as `recommend` says of the same outcomes."""
    design = esc.load_design(ROOT / "designs" / f"{name}.yaml")
    asked = 0
    for row in esc.table(design).rows:
        if row.level is None or row.level > 3 or row.patients != design.cohort_size:
            continue
        clean = " ".join(f"{level}{'N' * design.cohort_size}" for level in range(1, row.level))
        for dlts in range(row.patients + 1):
            found = esc.recommend(design, f"{clean} {row.level}{'N' * (row.patients - dlts)}{'T' * dlts}".strip())
            stops = row.stop_if_dlts_at_least is not None and dlts >= row.stop_if_dlts_at_least
            assert (found.action == "stop") == stops, (row, dlts)
            asked += 1
    assert asked > 8


def test_the_notes_say_what_the_rows_assume() -> None:
    """Of a model the other levels, also where the trial starts higher; and which rules may end the trial beside the rows."""
    rules = ({"kind": "no_skipping"}, {"kind": "stop_at_patients", "patients": 12})
    notes = esc.table(make({**CRM, "skeleton": [0.1, 0.3, 0.5]}, 3, start_level=2, rules=rules)).notes
    assert notes[0].startswith(
        "The rows assume one whole cohort without a DLT at each lower level (also at the levels below level 2"
    )
    assert "Not in these rows: the end of the trial by stop_at_patients, or by its size." in notes
    assert not any("assume" in note for note in esc.table(make({"kind": "boin"})).notes)
