"""Recommendations on a day: waits, how long they last, and what new data change."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import escalate as esc
from escalate.core.dated_patients import DatedTrial, read_dated
from escalate.core.errors import EscalateError
from escalate.study.recommend import recommend
from tests.helpers import make

DESIGN = make({"kind": "boin"}, dlt_window=28, n_doses=3)
HEADER = "patient,cohort,level,treated,dlt_date,last_follow_up,evaluable,reason\n"


def trial(folder: Path, rows: list[str], as_of: str, name: str = "p.csv") -> DatedTrial:
    (folder / name).write_text(HEADER + "\n".join(rows) + "\n")
    return read_dated(folder / name, DESIGN, date.fromisoformat(as_of))


ROWS = ["a,1,1,2026-01-05,,,,", "b,1,1,2026-01-08,,,,", "c,1,1,2026-01-12,,,,"]


def test_a_design_for_complete_outcomes_waits(tmp_path: Path) -> None:
    """The wait ends with the last window, on 9 February, and then the answer is that of complete data."""
    found = recommend(DESIGN, trial(tmp_path, ROWS, "2026-02-02"))
    assert (found.action, found.next_level, found.mtd_level) == ("suspend", None, None)
    assert found.reasons[0].code == "outcomes_pending"
    assert found.as_of is not None
    assert [p.patient for p in found.as_of.pending] == ["b", "c"]
    assert found.as_of.earliest == date(2026, 2, 9)
    after = recommend(DESIGN, trial(tmp_path, ROWS, "2026-02-09"))
    assert (after.action, after.next_level) == ("escalate", 2)
    complete = recommend(DESIGN, "1NNN")
    assert (after.next_level, after.reasons, after.doses) == (complete.next_level, complete.reasons, complete.doses)


def test_a_cohort_is_completed_first(tmp_path: Path) -> None:
    """Two of three patients: the third may be treated, whatever is pending; unless a DLT asks for a lower dose."""
    found = recommend(DESIGN, trial(tmp_path, ROWS[:2], "2026-01-09"))
    assert (found.action, found.next_level, found.next_cohort_size) == ("stay", 1, 1)
    assert found.reasons[0].code == "complete_cohort"


def test_a_late_report_changes_the_answer(tmp_path: Path) -> None:
    """A DLT reported after the decision: the change is named, with the answer it would have been."""
    before = trial(tmp_path, ROWS, "2026-02-12", "before.csv")
    rows = [ROWS[0], "b,1,1,2026-01-08,2026-02-05,,,", ROWS[2]]
    found = recommend(DESIGN, trial(tmp_path, rows, "2026-02-12"), previous=before)
    assert (found.action, found.next_level) == ("stay", 1)
    assert found.as_of is not None
    assert found.as_of.before == "escalate, level 2"
    assert [(c.patient, c.text) for c in found.as_of.changes or ()] == [
        ("b", "toxicity now reported, on 2026-02-05, day 28: a DLT")
    ]
    withdrawn = recommend(DESIGN, before, previous=trial(tmp_path, rows, "2026-02-12"))
    assert withdrawn.as_of is not None
    assert [c.text for c in withdrawn.as_of.changes or ()] == ["the DLT of 2026-02-05 is withdrawn"]


def test_a_wait_not_kept_is_noted(tmp_path: Path) -> None:
    """Cohort 2 was begun while cohort 1 was pending."""
    rows = [*ROWS, "d,2,2,2026-01-20,,,,", "e,2,2,2026-01-20,,,,", "f,2,2,2026-01-20,,,,"]
    found = recommend(DESIGN, trial(tmp_path, rows, "2026-03-20"))
    assert (
        "Cohort 2 was begun although on today's data the design would have said to wait for pending outcomes."
        in found.notes
    )
    assert (found.action, found.next_level) == ("escalate", 3)


def test_a_toxic_first_cohort_stops_at_once(tmp_path: Path) -> None:
    """Three DLTs in four patients: a safety stop does not wait for the pending one."""
    dlts = [f"{p},1,1,2026-01-05,2026-01-10,,," for p in "abc"]
    found = recommend(DESIGN, trial(tmp_path, [*dlts, "d,2,1,2026-01-12,,,,"], "2026-01-12"))
    assert found.action == "stop"
    assert found.mtd_level is None


def test_the_last_patients_are_waited_for(tmp_path: Path) -> None:
    """At the maximum of patients nothing is decided before all outcomes are known."""
    small = make({"kind": "boin"}, dlt_window=28, n_doses=3, max_patients=3)
    found = recommend(small, trial(tmp_path, ROWS, "2026-02-02"))
    assert found.action == "suspend"
    assert {reason.code for reason in found.reasons} >= {"max_patients"}
    assert recommend(small, trial(tmp_path, ROWS, "2026-02-09")).action == "stop"


def test_the_mtd_needs_complete_data(tmp_path: Path) -> None:
    """`select` names the pending patients."""
    with pytest.raises(EscalateError, match=r"2 are pending on 2026-02-02 \(b, c\)"):
        esc.select(DESIGN, trial(tmp_path, ROWS, "2026-02-02"))
