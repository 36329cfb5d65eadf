"""Patients entered in error: out of the data with a reason, never out of the record, and what rested on them is void."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from escalate.conduct import changing, deciding, entering, store
from escalate.conduct.allowance import allowance
from escalate.conduct.bodies import PatientRow
from escalate.conduct.chain import Entry
from escalate.conduct.design_lock import lock
from escalate.conduct.errors import NotAllowedError, NotFoundError, RecordError
from escalate.conduct.history import in_words, reason_in
from escalate.conduct.signatures import Signing
from escalate.conduct.snapshot import snapshot
from escalate.conduct.state import Standing
from escalate.conduct.verify import verify_trial
from tests.conduct.acting import CRM, ana, begin, first, is_clean, people, person, rows

pytestmark = pytest.mark.usefixtures("record")


def withdraw(patient: str, reason: str = "Entered into the wrong trial") -> Entry:
    """Record that a patient was entered in error."""
    return entering.withdraw("tvec", patient, reason, ana)


@dataclass(frozen=True)
class Next:
    """Who may be treated now."""

    level: int | None
    patients: int
    cohort: int


def next_patients() -> Next:
    found = allowance(store.load("tvec"))
    return Next(found.level, found.patients, found.cohort)


def second_cohort(names: str = "04 05 06") -> None:
    """Take the trial to patients of the second cohort, at level 2 as decided."""
    begin()
    first()
    deciding.decide("tvec", "accept", ana, signing=Signing("Ana", "authorship"))
    entering.enter("tvec", rows(names, 2, 2), ana)


def test_out_of_the_data_and_never_out_of_the_record() -> None:
    """The patient is in no data any more; who was entered, and why that was an error, stays on record."""
    begin()
    first()
    entry = withdraw("02", " Entered into the wrong trial ")
    state = store.load("tvec")
    assert sorted(state.patients) == ["01", "03"]
    assert "02," not in snapshot(state)
    ((row, by),) = state.withdrawn
    assert (row.patient, row.level, by) == ("02", 1, entry)
    assert entry.content == {"patient": "02", "reason": "Entered into the wrong trial"}
    assert "Patient 02 was entered in error" in in_words(entry)
    assert reason_in(entry) == "Entered into the wrong trial"
    assert is_clean("tvec")
    assert verify_trial("tvec", recompute=True).clean


@pytest.mark.parametrize("reason", ["", "  ", "\n\t"])
def test_no_withdrawal_without_reason(reason: str) -> None:
    """Nobody goes out of the data without a reason, and nothing is then written."""
    begin()
    first()
    head = store.load("tvec").head
    with pytest.raises(RecordError, match=r"^reason: is missing; say why patient 02 was entered in error"):
        withdraw("02", reason)
    assert store.load("tvec").head == head


@pytest.mark.parametrize("patient", ["99", "", "0" * 500, "\ud800", "a\0", "\x1b[31m"])
def test_patients_who_are_not_there(patient: str) -> None:
    """Who is not on record cannot have been entered in error, nor be so twice."""
    begin()
    first()
    with pytest.raises(RecordError, match="is not on record"):
        withdraw(patient)
    withdraw("01")
    with pytest.raises(RecordError, match="patient 01: is not on record"):
        withdraw("01")
    with pytest.raises(RecordError, match="patient 01: is not on record"):
        entering.amend("tvec", "01", {"dlt": True}, ana, reason="x")


def test_who_may_say_so() -> None:
    """Sites and statisticians may, as they correct; others may not, and strangers hear of no trial."""
    begin()
    first()
    people("tvec", sam="site", stan="statistician", carl="chair", vera="viewer")
    for name in ("carl", "vera"):
        with pytest.raises(NotAllowedError):
            entering.withdraw("tvec", "01", "x", person(name))
    with pytest.raises(NotFoundError):
        entering.withdraw("tvec", "01", "x", person("eve"))
    entering.withdraw("tvec", "01", "Not eligible", person("sam"))
    entering.withdraw("tvec", "02", "Not eligible", person("stan"))
    assert sorted(store.load("tvec").patients) == ["03"]


def test_a_place_in_the_first_cohort_is_free_again() -> None:
    """Entered in error, a patient of the first cohort leaves the place, and is entered anew without a deviation."""
    begin()
    first()
    assert next_patients().patients == 0
    withdraw("02")
    assert next_patients() == Next(1, 1, 1)
    entering.enter("tvec", rows("02", 1, 1), ana)
    assert next_patients().patients == 0


def test_a_wrong_level_is_put_right() -> None:
    """Patients entered at a level that nobody decided on were a deviation; entered anew as treated, nothing is left of it."""
    begin()
    entering.enter("tvec", rows("01", 1, 3), ana, deviation="Vial of the wrong strength")
    assert next_patients().patients == 0
    withdraw("01", "It was level 1")
    entering.enter("tvec", rows("01 02 03", 1, 1), ana)
    assert deciding.decide("tvec", "accept", ana).content["level"] == 2


def test_a_place_on_the_open_decision_is_free_again() -> None:
    """A patient treated on the decision in force leaves the place; the decision and its signature, of data before, stand."""
    second_cohort()
    assert next_patients().patients == 0
    withdraw("05")
    state = store.load("tvec")
    assert (state.decisions[0].treated, state.decisions[0].standing) == (2, Standing.ACTED_ON)
    assert [signature.void_by for signature in state.signatures] == [None]
    assert next_patients() == Next(2, 1, 2)
    entering.enter("tvec", rows("05", 2, 2), ana)
    assert next_patients().patients == 0
    assert verify_trial("tvec", recompute=True).clean


def test_a_whole_cohort_entered_in_error() -> None:
    """Where everybody treated on the decision was entered in error it is open again, and the same cohort comes."""
    second_cohort("04 05")
    withdraw("04")
    withdraw("05")
    assert store.load("tvec").decisions[0].standing is Standing.IN_FORCE
    assert next_patients() == Next(2, 3, 2)


def test_what_rested_on_the_patient_is_void() -> None:
    """Decisions whose data held the patient are void with their signatures, whoever was treated on them; and nobody is more."""
    second_cohort("04")
    entry = withdraw("01")
    state = store.load("tvec")
    assert (state.decisions[0].standing, state.decisions[0].void_by) == (Standing.VOID, entry.number)
    assert [signature.void_by for signature in state.signatures] == [entry.number]
    with pytest.raises(RecordError, match="void: nobody is treated"):
        entering.enter("tvec", rows("05", 3, 2), ana)


def test_a_closing_that_rested_on_the_patient_is_void() -> None:
    """Also of a closed trial: the MTD is declared anew from the data as they are."""
    begin()
    first()
    changing.close("tvec", 1, ana, reason="As far as it goes", signing=Signing("Ana", "authorship"))
    entry = withdraw("02")
    state = store.load("tvec")
    assert state.closing is not None
    assert (state.closing.standing, state.closing.void_by) == (Standing.VOID, entry.number)
    assert [signature.void_by for signature in state.signatures] == [entry.number]


def test_into_an_earlier_cohort_again() -> None:
    """A patient of a cohort that is over is entered anew into it with the reason of a deviation, and not without one."""
    second_cohort()
    withdraw("01", "Was 11")
    with pytest.raises(RecordError, match=r"patient 11 cohort: 1 is over|void: nobody is treated"):
        entering.enter("tvec", rows("11", 1, 1), ana)
    entering.enter("tvec", rows("11", 1, 1), ana, deviation="Entered under another number before")
    assert store.load("tvec").patients["11"].row.cohort == 1
    assert store.load("tvec").cohort_numbers() == (1, 2)
    with pytest.raises(RecordError, match="a cohort has one level"):
        entering.enter("tvec", rows("12", 1, 2), ana, deviation="x")
    deciding.decide("tvec", "accept", ana)
    assert verify_trial("tvec", recompute=True).clean


def test_who_was_not_treated_on_the_decision_gives_back_no_place() -> None:
    """Taking out a patient treated as a deviation, or after the decision was over, leaves those counted on it as they are."""
    second_cohort("04")
    entering.enter("tvec", rows("07", 3, 3), ana, deviation="Vial of the wrong strength")
    withdraw("07")
    state = store.load("tvec")
    assert (state.decisions[0].treated, state.decisions[0].standing) == (1, Standing.ACTED_ON)
    assert [signature.void_by for signature in state.signatures] == [None]
    with pytest.raises(RecordError, match="nothing was decided about more"):
        entering.enter("tvec", rows("05", 2, 2), ana)


def test_after_a_new_design_the_old_decision_stays_over() -> None:
    """A place that is free again on a decision of the design before is filled by nobody."""
    second_cohort("04 05")
    changing.amend_design("tvec", lock(str(CRM)), "Asked for", ana)
    withdraw("05")
    assert next_patients().patients == 0
    with pytest.raises(RecordError):
        entering.enter("tvec", rows("05", 2, 2), ana)


def test_nobody_is_moved_to_a_dose_that_nobody_decided_on() -> None:
    """Neither one by one nor with their cohort are patients amended to another level: they would be there without a decision."""
    second_cohort()
    for name in ("06", "05", "04"):
        with pytest.raises(RecordError, match=rf"^patient {name} (cohort|level): is not amended"):
            entering.amend("tvec", name, {"cohort": 3, "level": 3}, ana, reason="typo")
    assert {p.row.level for p in store.load("tvec").patients.values()} == {1, 2}
    withdraw("06", "It was level 3")
    with pytest.raises(RecordError, match=r"level 2, not 3|is not the cohort of the next patients, 2"):
        entering.enter("tvec", [PatientRow(patient="06", cohort=3, level=3, dlt=False)], ana)
