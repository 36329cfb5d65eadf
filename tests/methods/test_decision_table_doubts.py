"""What `check` questions in a user's own table."""

from __future__ import annotations

from typing import Any

import pytest

import escalate as esc
from escalate.engine.automaton import compile_design
from tests.helpers import make
from tests.methods.test_decision_table import SMALL, Rows, from_cuts


def _design(rows: Rows, n_doses: int = 5, **settings: Any) -> esc.Design:
    return make({"kind": "decision_table", "rows": rows}, n_doses, **settings)


def _doubts(rows: Rows, **settings: Any) -> list[str]:
    return [finding.text for finding in esc.check(_design(rows, 3, **settings)).findings if finding.code == "doubt"]


def test_published_rules() -> None:
    """DU brings its rule; without DU there is none, and a table that bars nothing is questioned."""
    assert [rule.kind for rule in _design(SMALL).rules] == ["eliminate_by_table"]
    without = from_cuts({3: (0, 2, None), 6: (1, 3, None)})
    assert _design(without).rules == ()
    assert _doubts(without) == ["nothing bars a toxic dose: the table has no DU, and no rule is about safety"]
    assert _doubts(SMALL) == []
    assert _doubts(SMALL, rules=())[0].startswith("the table has DU, but the rule eliminate_by_table is not there")


def test_a_rule_that_sends_cohorts_back() -> None:
    """Coherence can keep a cohort at a level that has all the patients of the table; a stop mends it."""
    rules: tuple[dict[str, Any], ...] = ({"kind": "eliminate_by_table"}, {"kind": "coherence"})
    said = (
        "the rule coherence can send a cohort back to a level that has all 6 patients of the table; add {kind: stop_at"
    )
    assert [text.startswith(said) for text in _doubts(SMALL, rules=rules)] == [True]
    stop = {"kind": "stop_at_patients_at_dose", "patients": 6, "at": "next"}
    assert _doubts(SMALL, rules=(*rules, stop)) == []
    assert compile_design(_design(SMALL, 3, rules=(*rules, stop))).terminals.tally.n.max() == 6


@pytest.mark.parametrize(
    ("cuts", "said"),
    [
        ({3: (1, 2, 3)}, "1 DLT of 3 patients escalates although that is at or above the target 0.3"),
        (
            {3: (0, 2, 3), 6: (-1, 3, 4)},
            "0 DLTs of 3 patients has E, but 0 DLTs of 6 patients, a rate no higher, has S",
        ),
        ({5: (1, 2, 3), 6: (0, 3, 4)}, "1 DLT of 5 patients has E, but 1 DLT of 6 patients, a rate no higher, has S"),
        ({3: (0, 2, 3), 6: (1, 5, 6)}, "2 DLTs of 3 patients has D, but 4 DLTs of 6 patients, a rate no lower, has S"),
        (
            {3: (0, 2, 3), 6: (1, 3, None)},
            "3 DLTs of 3 patients has DU, but 6 DLTs of 6 patients, a rate no lower, has D",
        ),
    ],
)
def test_questionable_tables(cuts: dict[int, tuple[int, int, int | None]], said: str) -> None:
    """Escalation at or above the target, and a milder answer to more evidence."""
    size = min(cuts)
    assert said in _doubts(from_cuts(cuts), cohort_size=size, max_patients=size * 4)


@pytest.mark.parametrize("target", [0.2, 0.25, 0.3, 0.33])
def test_boins_tables_are_not_questioned(target: float) -> None:
    """Rows of the authors' software up to 30 patients, for each usual target."""
    table = esc.table(make({"kind": "boin"}, target=target, rules=({"kind": "eliminate"},)))
    rows = from_cuts(
        {
            row.patients: (
                -1 if row.escalate_if_dlts_at_most is None else int(row.escalate_if_dlts_at_most),
                row.patients + 1 if row.deescalate_if_dlts_at_least is None else int(row.deescalate_if_dlts_at_least),
                None if row.eliminate_if_dlts_at_least is None else int(row.eliminate_if_dlts_at_least),
            )
            for row in table.rows
        }
    )
    assert _doubts(rows, target=target) == []
