"""Recommendations on a day: waits, how long they last, and what new data change."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import escalate as esc
from escalate.core.dated_patients import DatedTrial
from escalate.core.errors import EscalateError
from escalate.core.read_dated import read_dated
from escalate.report.tables import headline
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


def test_a_cohort_is_completed_although_nothing_waits(tmp_path: Path) -> None:
    """One of three patients known at level 2, and none pending: two more are treated there before anybody goes up."""
    found = recommend(DESIGN, trial(tmp_path, [*ROWS, "d,2,2,2026-02-10,,,,"], "2026-03-20"))
    assert (found.action, found.next_level, found.next_cohort_size) == ("stay", 2, 2)
    left = [*ROWS[:2], "c,1,1,2026-01-12,,2026-01-20,0,withdrawal"]
    replaced = recommend(DESIGN, trial(tmp_path, left, "2026-03-20"))
    assert (replaced.action, replaced.next_level, replaced.next_cohort_size) == ("stay", 1, 1)


def test_not_evaluable_after_the_whole_window_never_counts(tmp_path: Path) -> None:
    """Three patients with too little of the dose, followed to the end: they are no evidence of safety."""
    rows = ["a,1,1,2026-01-05,2026-01-09,,,", "b,1,1,2026-01-05,,,,"]
    rows += [f"{p},1,1,2026-01-05,,2026-02-03,0,insufficient_dose" for p in "cde"]
    found = recommend(DESIGN, trial(tmp_path, rows, "2026-02-10"))
    assert (found.doses[0].patients, found.doses[0].dlts) == (2, 1)
    assert "3 patients not evaluable for DLT left out." in found.notes


def test_assumed_follow_up_is_noted(tmp_path: Path) -> None:
    """Also where the window is over."""
    found = recommend(DESIGN, trial(tmp_path, ROWS, "2027-01-09"))
    assert any(note.startswith("3 patients without a DLT and without last_follow_up") for note in found.notes)


def test_a_window_that_is_over_but_not_followed(tmp_path: Path) -> None:
    """The patient is named: the outcome is known once follow-up is updated, from the next day on."""
    rows = [*ROWS[:2], "c,1,1,2026-01-12,,2026-01-20,,"]
    found = recommend(DESIGN, trial(tmp_path, rows, "2026-03-20"))
    assert found.action == "suspend"
    assert any(note.startswith("The window is over for c") for note in found.notes)
    assert found.as_of is not None
    assert found.as_of.earliest == date(2026, 3, 21)


def test_changes_are_named_in_every_answer(tmp_path: Path) -> None:
    """While a cohort is completed, and for follow-up that is taken back."""
    before = trial(tmp_path, [*ROWS, "d,2,2,2026-02-12,,,,"], "2026-02-15", "before.csv")
    rows = ["a,1,1,2026-01-05,2026-01-20,,,", *ROWS[1:], "d,2,2,2026-02-12,,2026-02-12,,"]
    found = recommend(DESIGN, trial(tmp_path, rows, "2026-02-15"), previous=before)
    assert found.reasons[0].code == "complete_cohort"
    assert found.as_of is not None
    assert [(c.patient, c.text) for c in found.as_of.changes or ()] == [
        ("a", "toxicity now reported, on 2026-01-20, day 15: a DLT"),
        ("d", "the last follow-up is now 2026-02-12, before taken to go on"),
    ]


def test_a_stop_with_pending_patients_does_not_deny_an_mtd(tmp_path: Path) -> None:
    """Rolling six: level 2 closed, level 1 settled, one patient pending at level 2; the MTD follows when that is known."""
    six = make({"kind": "rolling_six"}, dlt_window=28, n_doses=3, cohort_size=1)
    rows = [f"a{k},{k},1,2026-01-0{k},,,," for k in range(1, 7)]
    rows += [f"b{k},{6 + k},2,2026-02-1{k},{'2026-02-14' if k < 3 else ''},,," for k in range(1, 4)]
    found = recommend(six, trial(tmp_path, rows, "2026-02-20"))
    assert found.action == "stop"
    assert "Outcomes are pending: the MTD is selected when all are known." in found.notes
    assert headline(found) == "Stop accrual; the MTD is selected when the pending outcomes are known."
    assert recommend(six, trial(tmp_path, rows, "2026-04-20")).mtd_level == 1


def test_backfilled_patients_that_do_not_count(tmp_path: Path) -> None:
    """`counts_in_tally: false` leaves them out of every decision, and a note says so; `max_patients` never counts them."""
    text = "patient,cohort,level,treated,dlt_date,backfill\n"
    text += "".join(f"a{k},1,1,2026-01-05,,0\n" for k in range(3))
    text += "".join(f"b{k},,1,2026-01-05,2026-01-09,1\n" for k in range(3))
    (tmp_path / "b.csv").write_text(text)
    for counts, action in ((True, "stop"), (False, "escalate")):
        design = make(
            {"kind": "boin"}, dlt_window=28, n_doses=3, max_patients=6,
            backfill={"activity": "none", "counts_in_tally": counts},
        )  # fmt: skip
        data = read_dated(tmp_path / "b.csv", design, date(2026, 3, 1))
        found = recommend(design, data)
        assert found.doses[0].patients == (6 if counts else 3)
        if not counts:
            assert found.action == action
            assert "3 backfilled patients are not counted, as the design says." in found.notes
        assert not any("than the design allows" in note for note in found.notes)


def test_what_was_assumed_is_said_by_select_too(tmp_path: Path) -> None:
    """The MTD rests on follow-up that nobody recorded: a note says so."""
    notes = esc.select(DESIGN, trial(tmp_path, ROWS, "2026-02-20")).notes
    assert any(note.startswith("3 patients without a DLT and without last_follow_up") for note in notes)
