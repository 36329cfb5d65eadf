"""The recommendation in sentences, and what one more DLT would do."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from escalate import Design, load_design, paths, read_dated, recommend
from escalate.core.dated_patients import DatedTrial
from escalate.core.read_dated import parse_dated
from escalate.report.path_tables import follows
from escalate.report.sentences import dose_words, level_words, mtd_sentence, one_more_dlt, sentences
from tests.helpers import ROOT, make

DESIGNS = ROOT / "designs"
BOIN = make({"kind": "boin"})
LATE = load_design(DESIGNS / "late-onset" / "tvec-liver-tite-boin.yaml")


@pytest.mark.parametrize(
    ("outcomes", "main"),
    [
        ("", "Treat the first 3 patients at level 1 (1 mg): start."),
        ("1NNN", "Treat the next 3 patients at level 2 (2 mg): escalate."),
        ("1NNT", "Treat the next 3 patients at level 1 (1 mg): stay."),
        ("1NNN 2NTT", "Treat the next 3 patients at level 1 (1 mg): de-escalate."),
        ("1TTT", "Stop: no dose can be declared the MTD."),
        (" ".join(["1NNN", *["2NNT"] * 9]), "Stop: the MTD is level 2 (2 mg)."),
        (" ".join(["1NNN", "1NN", *["2NNT"] * 8]), "Treat the next patient at level 2 (2 mg): stay."),
    ],
)
def test_each_action_is_one_sentence(outcomes: str, main: str) -> None:
    """What to do, with the number of patients, the level and its dose; why, as the recommendation says it."""
    found = recommend(BOIN, outcomes or None)
    both = sentences(found)
    assert both.main == main
    assert all(reason.text[1:] in both.because for reason in found.reasons)
    assert both.because[0] == both.because[0].upper()


def test_doses_have_their_labels() -> None:
    """A label stands beside amount and unit, never in their place: levels can have the same."""
    design = load_design(DESIGNS / "tvec-liver-boin.yaml")
    assert dose_words(design, 2) == "4 x 10^8 PFU (10^8 PFU/mL, up to 4 mL)"
    assert level_words(BOIN, 2) == "level 2 (2 mg)"
    main = sentences(recommend(design, "1NNN")).main
    assert main == "Treat the next 3 patients at level 2 (4 x 10^8 PFU; 10^8 PFU/mL, up to 4 mL): escalate."
    assert mtd_sentence(design, 1) == "Stop: the MTD is level 1 (4 x 10^7 PFU; 10^7 PFU/mL, up to 4 mL)."


def test_large_amounts_are_powers_of_ten() -> None:
    """An amount is never written as 4e+07, with a label or without, in a sentence or in a tree."""
    design = load_design(DESIGNS / "tvec-liver-boin.yaml")
    plain = design.model_copy(update={"doses": design.doses.model_copy(update={"labels": None})})
    assert design.amount(0) == "4 x 10^7 PFU (10^7 PFU/mL, up to 4 mL)"
    assert [dose_words(plain, level) for level in (1, 2, 3)] == ["4 x 10^7 PFU", "4 x 10^8 PFU", "8 x 10^8 PFU"]
    assert main_of(plain, "1NNN") == "Treat the next 3 patients at level 2 (4 x 10^8 PFU): escalate."
    stays = paths(design, "1NNN 2NNN", cohorts=1).next_cohort[0]
    assert follows(design, stays) == "stay at level 3, 8 x 10^8 PFU"
    assert [BOIN.amount(j) for j in range(2)] == ["1 mg", "2 mg"]


def main_of(design: Design, outcomes: str) -> str:
    return sentences(recommend(design, outcomes)).main


def test_a_wait_says_how_long() -> None:
    """While accrual waits: the earliest day on which the answer changes."""
    day = date(2026, 3, 9)
    data = read_dated(DESIGNS / "late-onset" / "data" / f"tvec-liver-{day}-synthetic.csv", LATE, day)
    main = sentences(recommend(LATE, data)).main
    assert main == "Wait: outcomes are pending; the earliest change is on 2026-03-16, or sooner with a DLT."


def _dated(rows: str, day: date) -> DatedTrial:
    return parse_dated(f"patient,cohort,level,treated,dlt_date\n{rows}".encode(), "test", LATE, day)


def test_a_cohort_under_way_is_completed() -> None:
    """Where patients are still missing, their number."""
    rows = "a,1,1,2026-01-05,\nb,1,1,2026-01-06,\n"
    main = sentences(recommend(LATE, _dated(rows, date(2026, 1, 10)))).main
    assert main == "Treat 1 more patient at level 1 (4 x 10^7 PFU; 10^7 PFU/mL, up to 4 mL): complete the cohort."


def test_a_stop_with_pending_outcomes_names_no_mtd() -> None:
    """Accrual stops at once; the MTD waits."""
    rows = "".join(f"{name},1,1,2026-01-0{k},{dlt}\n" for k, (name, dlt) in enumerate(
        [("a", "2026-01-08"), ("b", "2026-01-08"), ("c", "2026-01-08"), ("d", "")], start=5))  # fmt: skip
    main = sentences(recommend(LATE, _dated(rows, date(2026, 1, 9)))).main
    assert main == "Stop accrual: the MTD is selected when the pending outcomes are known."


@pytest.mark.parametrize("name", ["boin", "crm", "three_plus_three"])
def test_one_more_dlt_is_what_is_recommended_with_it(name: str) -> None:
    """The answer is that of `recommend` for the data with one patient of the last cohort changed."""
    design = load_design(DESIGNS / f"{name}.yaml")
    (found,) = one_more_dlt(design, "1NNN 2NNT", recommend(design, "1NNN 2NNT"))
    other = recommend(design, "1NNN 2NTT")
    assert (found.action, found.next_level, found.main) == (other.action, other.next_level, sentences(other).main)
    assert found.who == "If one more patient of the last cohort (level 2) had had a DLT"
    assert found.differs


def test_one_more_dlt_can_change_nothing() -> None:
    """Where the answer stays the same it is said."""
    (found,) = one_more_dlt(BOIN, "1NNN 1NNN", recommend(BOIN, "1NNN 1NNN"))
    assert not found.differs


def test_grades_can_each_have_been_worse() -> None:
    """Of graded outcomes each one below a DLT is asked about."""
    design = load_design(DESIGNS / "gboin.yaml")
    found = one_more_dlt(design, "1NNM", recommend(design, "1NNM"))
    assert [one.who.partition("instead of ")[2] for one in found] == ["none or mild", "moderate"]
    assert found[0].main == sentences(recommend(design, "1NMT")).main
    assert found[1].main == sentences(recommend(design, "1NNT")).main


@pytest.mark.parametrize("outcomes", ["", "1TTT"])
def test_nobody_left_without_a_dlt(outcomes: str) -> None:
    """Before the first patient, and where all had a DLT, there is nothing to ask."""
    assert one_more_dlt(BOIN, outcomes, recommend(BOIN, outcomes)) == ()


def test_each_pending_patient_is_asked_about() -> None:
    """Of a trial with dates each pending patient has a DLT today, in turn."""
    day = date(2026, 3, 9)
    data = read_dated(DESIGNS / "late-onset" / "data" / f"tvec-liver-{day}-synthetic.csv", LATE, day)
    found = one_more_dlt(LATE, data, recommend(LATE, data))
    assert [one.who for one in found] == [
        f"If patient {p.name} (level {p.dose + 1}) had a DLT now" for p in data.pending
    ]  # fmt: skip
    assert all(one.differs for one in found)
    assert all(one.main.startswith("Treat the next 3 patients at level 1") for one in found)


def test_without_pending_patients_one_of_the_last_cohort() -> None:
    """When all outcomes are known, one of the last cohort would have had a DLT, within its window."""
    rows = "a,1,1,2026-01-05,\nb,1,1,2026-01-06,\nc,1,1,2026-01-07,\n"
    data = _dated(rows, date(2026, 1, 5) + timedelta(days=60))
    (found,) = one_more_dlt(LATE, data, recommend(LATE, data))
    assert found.who == "If patient c (level 1) had had a DLT"
    assert found.differs
