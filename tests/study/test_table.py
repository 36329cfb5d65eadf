"""Decision tables: the decision function asked for every tally at one dose."""

from __future__ import annotations

from typing import Any

import pytest

import escalate as esc
from tests.helpers import cases, make

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
    k = row.eliminate_if_dlts_at_least
    assert esc.recommend(make(CRM, target=0.25, rules=rules), f"1{'N' * (3 - k)}{'T' * k}").action == "stop"
