"""Patients entered and amended: nobody treated without a decision, nothing changed without a reason."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest

from escalate.conduct import deciding, entering, signatures, store
from escalate.conduct.actor import Actor
from escalate.conduct.errors import AlreadyRecordedError, ConflictError, RecordError
from escalate.conduct.state import Standing
from escalate.core.errors import EscalateError
from tests.conduct.acting import BACKFILL, GRADED, TITE, ana, begin, bob, first, higher, is_clean, rows

pytestmark = pytest.mark.usefixtures("record")
DAY = date(2026, 3, 31)


def test_the_first_cohort_needs_no_decision() -> None:
    """The first cohort is treated at the start level, and no more than that cohort."""
    begin()
    with pytest.raises(RecordError, match="level 1, not 2"):
        entering.enter("tvec", rows("01 02 03", 1, 2), ana)
    with pytest.raises(RecordError, match="3 patients at level 1, not 4"):
        entering.enter("tvec", rows("01 02 03 04", 1, 1), ana)
    entering.enter("tvec", rows("01", 1, 1), ana)
    entering.enter("tvec", rows("02 03", 1, 1), ana)
    with pytest.raises(RecordError, match="nothing was decided about more"):
        entering.enter("tvec", rows("04", 2, 1), ana)
    assert is_clean("tvec")


def test_after_a_decision_its_level_and_number() -> None:
    """On a decision its number of patients is treated at its level, in one or several entries, and nobody more."""
    begin()
    first()
    deciding.decide("tvec", "accept", ana)
    with pytest.raises(RecordError, match="level 2, not 3"):
        entering.enter("tvec", rows("04", 2, 3), ana)
    entering.enter("tvec", rows("04", 2, 2), ana)
    entering.enter("tvec", rows("05 06", 2, 2), ana)
    decision = store.load("tvec").decision
    assert decision is not None
    assert (decision.treated, decision.remaining, decision.standing) == (3, 0, Standing.ACTED_ON)
    with pytest.raises(RecordError, match="nothing was decided about more"):
        entering.enter("tvec", rows("07", 3, 2), ana)


@pytest.mark.parametrize("choice", ["hold", "stop"])
def test_nobody_is_treated_on_a_hold_or_stop(choice: str) -> None:
    """A decision to hold or to stop treats nobody."""
    begin()
    first()
    deciding.decide("tvec", choice, ana, reason="The committee met")
    with pytest.raises(RecordError, match=f"to {choice}: nobody is treated"):
        entering.enter("tvec", rows("04", 2, 1), ana)


def test_what_happened_is_recorded_with_its_deviation() -> None:
    """A patient treated all the same is recorded with the reason; the open decision is void, for it rests on less."""
    begin()
    first()
    decision = deciding.decide("tvec", "accept", ana, signing=signatures.Signing("Ana", "authorship"))
    entry = entering.enter("tvec", rows("04", 2, 1, dlts=["04"]), ana, deviation="Vial of the wrong strength")
    assert entry.content["deviation"] == "Vial of the wrong strength"
    state = store.load("tvec")
    assert state.decisions[0].standing is Standing.VOID
    assert [s.void_by for s in state.signatures_on(decision.hash)] == [entry.number]
    with pytest.raises(RecordError, match="void: nobody is treated"):
        entering.enter("tvec", rows("05", 3, 2), ana)


def test_a_deviation_in_the_middle_of_a_cohort_ends_the_decision() -> None:
    """After a deviation nobody more is treated on the decision before it."""
    begin()
    first()
    deciding.decide("tvec", "accept", ana)
    entering.enter("tvec", rows("04", 2, 2), ana)
    entering.enter("tvec", rows("05", 3, 3, dlts=["05"]), ana, deviation="Vial of the wrong strength")
    with pytest.raises(RecordError, match=r"nobody is treated on it|nothing was decided about more"):
        entering.enter("tvec", rows("06", 4, 2), ana)


def test_a_deviation_that_is_none_is_refused() -> None:
    """A reason for a deviation where there is none is refused: the record would say what is not so."""
    begin()
    with pytest.raises(RecordError, match=r"^deviation: these patients are as decided"):
        first_with_deviation()


def first_with_deviation() -> None:
    entering.enter("tvec", rows("01 02 03", 1, 1), ana, deviation="none really")


def test_cohorts_come_in_order() -> None:
    """A cohort that is over takes nobody, and a new decision begins a new cohort: the order is that of the decisions."""
    begin()
    first()
    deciding.decide("tvec", "accept", ana)
    with pytest.raises(RecordError, match="patient 04 cohort: 1 is"):
        entering.enter("tvec", rows("04 05 06", 1, 1), ana)
    entering.enter("tvec", rows("04 05 06", 2, 2), ana)
    deciding.decide("tvec", "expand", ana, level=2, patients=3, reason="To learn more")
    for cohort in (2,):
        with pytest.raises(RecordError, match=f"patient 07 cohort: {cohort} is"):
            entering.enter("tvec", rows("07", cohort, 2), ana)
    entering.enter("tvec", rows("07", 3, 2), ana)
    assert store.load("tvec").cohort_numbers() == (1, 2, 3)


@pytest.mark.parametrize("again", ["01", "S1", "s1"])
def test_nobody_is_there_twice(again: str) -> None:
    """A patient on record, or given twice, under the same number in whatever case, is refused."""
    begin()
    entering.enter("tvec", rows("01 S1", 1, 1), ana)
    with pytest.raises(RecordError, match=f"^patient {again}: is on record already.* since entry 2"):
        entering.enter("tvec", rows([again], 1, 1), ana)
    for twice in (["7", "7"], ["a7", "A7"]):
        with pytest.raises(RecordError, match="is given twice"):
            entering.enter("tvec", rows(twice, 1, 1), ana)


def test_outcomes_can_come_later() -> None:
    """Patients are entered before their outcome is known, and nothing is recommended until it is."""
    begin()
    first(dlt=None)
    with pytest.raises(RecordError, match="the outcome of patients 01, 02, 03 is not known yet"):
        deciding.decide("tvec", "accept", ana)
    for name in ("01", "02", "03"):
        entry = entering.amend("tvec", name, {"dlt": False}, ana)
        assert entry.content["first_report"] is True
    assert deciding.decide("tvec", "accept", ana).content["level"] == 2


def test_a_correction_needs_a_reason() -> None:
    """What stood there is changed with a reason alone, and both values and the reason are kept."""
    begin()
    first()
    for blank in (None, "", "  \n"):
        with pytest.raises(RecordError, match=r"^reason: is missing; dlt of patient 02 was on record already"):
            entering.amend("tvec", "02", {"dlt": True}, ana, reason=blank)
    entry = entering.amend("tvec", "02", {"dlt": True}, ana, reason="Read again by the panel")
    assert entry.content["changes"] == {"dlt": [False, True]}
    assert entry.content["reason"] == "Read again by the panel"
    assert entry.content["first_report"] is False
    assert store.load("tvec").patients["02"].changed == (entry.number,)
    assert store.load("tvec").patients["02"].row.dlt is True


CHANGES: list[tuple[str, dict[str, Any], str]] = [
    ("99", {"dlt": True}, "patient 99: is not on record"),
    ("01", {}, "nothing changes"),
    ("01", {"dlt": False}, "nothing changes"),
    ("01", {"patient": "05"}, "patient 01 patient: is not amended"),
    ("01", {"surname": "x"}, "surname: is not known"),
    ("01", {"dlt": "yes"}, "dlt: "),
    ("01", {"dlt": 1}, "dlt: "),
    *(("01", {"level": level}, "patient 01 level: is not amended") for level in ("1", "2", 9, 2, 0, None, 1.5)),
    *(("01", {"cohort": cohort}, "patient 01 cohort: is not amended") for cohort in (None, 2, 9, "1")),
    ("01", {"dlt": True, "level": 3}, "patient 01 level: is not amended"),
    ("01", {"evaluable": False}, "reason: is missing; say why the patient is not evaluable"),
    ("01", {"reason": "death"}, "reason: is for patients who are not evaluable"),
    ("01", {"treated": "2026-03-01"}, "treated: is not used by this design"),
    ("01", {"backfill": True}, "patient 01 backfill: is not amended"),
    ("01", {"outcome": "N"}, "outcome: is not used"),
    ("01", {"response": True}, "response: is not used"),
]


@pytest.mark.parametrize(("patient", "changes", "said"), CHANGES)
def test_amendments_that_cannot_be(patient: str, changes: dict[str, Any], said: str) -> None:
    """What is no amendment is refused, patient and field named, and nothing is written."""
    begin()
    first()
    head = store.load("tvec").head
    with pytest.raises(EscalateError) as error:
        entering.amend("tvec", patient, changes, ana, reason="because")
    assert said in str(error.value)
    assert store.load("tvec").head == head


@pytest.mark.parametrize(
    "more", [{"treated": "2026-03-01"}, {"outcome": "N"}, {"backfill": True}, {"evaluable": False}]
)
def test_rows_of_another_design(more: dict[str, Any]) -> None:
    """Fields that the design does not use are refused, and never left out silently."""
    begin()
    with pytest.raises(RecordError, match=r"^patient 01 "):
        entering.enter("tvec", rows("01 02 03", 1, 1, dlt=False, **more), ana)


def test_graded_outcomes() -> None:
    """A graded design takes its letters and no others, and no DLT beside them."""
    begin("graded", GRADED)
    for bad in ("Q", "n n", "0", "N,T", "N\nT"):
        with pytest.raises(EscalateError, match="outcome"):
            entering.enter("graded", rows("01 02 03", 1, 1, outcome=bad), ana)
    with pytest.raises(RecordError, match="patient 01 dlt: is not used"):
        entering.enter("graded", rows("01 02 03", 1, 1, dlt=False, outcome="N"), ana)
    entering.enter("graded", rows("01 02 03", 1, 1, outcome="M"), ana)
    assert deciding.decide("graded", "accept", ana).content["level"] is not None


def test_dates() -> None:
    """A dated design takes days of the calendar, in their order, none after the day looked at."""
    begin("dated", TITE)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({}, "treated: is missing"),
        ({"treated": "2026-02-30"}, "not in the calendar"),
        ({"treated": "2026-04-01"}, "2026-04-01"),
        ({"treated": "2026-03-01", "dlt_date": "2026-02-01"}, "before the treatment"),
        ({"treated": "2026-03-01", "last_follow_up": "2026-02-01"}, "before the treatment"),
        ({"treated": "2026-03-01", "dlt": True}, "dlt: is not used"),
        ({"treated": "2026-03-01", "evaluable": False, "reason": "holiday"}, "reason: 'holiday' is not known"),
    ]
    for more, said in wrong:
        given: dict[str, Any] = {"dlt": None, **more}
        with pytest.raises(EscalateError, match=said):
            entering.enter("dated", rows("01 02 03", 1, 1, **given), ana, as_of=DAY)
    entering.enter("dated", rows("01 02 03", 1, 1, treated="2026-03-01"), ana, as_of=DAY)
    assert is_clean("dated")


def dated_trial(follow_up: str | None) -> None:
    begin("dated", TITE)
    entering.enter("dated", rows("01 02 03", 1, 1, treated="2026-01-01", last_follow_up=follow_up), ana, as_of=DAY)


def test_a_dlt_on_a_day_without_one_is_a_correction() -> None:
    """A DLT of a day up to which none had been seen needs a reason, and voids what rested on its absence."""
    dated_trial("2026-02-10")
    deciding.decide("dated", "accept", ana, as_of=date(2026, 2, 10))
    entering.enter("dated", rows("04 05", 2, 2, treated="2026-02-11"), ana, as_of=date(2026, 2, 11))
    with pytest.raises(RecordError, match=r"^reason: is missing; no DLT of patient 01 was on record up to 2026-02-10"):
        entering.amend("dated", "01", {"dlt_date": "2026-01-20"}, ana, as_of=DAY)
    entering.amend("dated", "01", {"dlt_date": "2026-01-20"}, ana, reason="Source data verified", as_of=DAY)
    assert store.load("dated").decisions[0].standing is Standing.VOID
    with pytest.raises(RecordError, match="void: nobody is treated"):
        entering.enter("dated", rows("06", 3, 2, treated="2026-02-12"), ana, as_of=date(2026, 2, 12))


def test_a_dlt_after_the_last_follow_up_is_a_first_report() -> None:
    """A DLT that follow-up had not reached is no correction; it voids a decision on which nobody was treated."""
    dated_trial("2026-01-10")
    deciding.decide("dated", "hold", ana, as_of=date(2026, 1, 10), reason="We wait")
    entry = entering.amend("dated", "01", {"dlt_date": "2026-01-20", "last_follow_up": "2026-01-20"}, ana, as_of=DAY)
    assert entry.content["first_report"] is True
    assert store.load("dated").decisions[0].standing is Standing.VOID


def test_follow_up_that_was_taken_for_longer() -> None:
    """A last follow-up before the day of the analysis, where none was given, voids the decision that took it for complete."""
    dated_trial(None)
    deciding.decide("dated", "accept", ana, as_of=date(2026, 2, 10))
    entering.amend("dated", "01", {"last_follow_up": "2026-01-03"}, ana, as_of=DAY)
    assert store.load("dated").decisions[0].standing is Standing.VOID


def test_follow_up_that_went_on() -> None:
    """A later last follow-up needs no reason and voids nothing; an earlier one needs a reason and does."""
    dated_trial("2026-02-10")
    deciding.decide("dated", "accept", ana, as_of=date(2026, 2, 10))
    entry = entering.amend("dated", "01", {"last_follow_up": "2026-02-20"}, ana, as_of=DAY)
    assert entry.content["first_report"] is True
    assert store.load("dated").decisions[0].standing is Standing.IN_FORCE
    with pytest.raises(RecordError, match=r"^reason: is missing; last_follow_up"):
        entering.amend("dated", "01", {"last_follow_up": "2026-01-02"}, ana, as_of=DAY)
    entering.amend("dated", "01", {"last_follow_up": "2026-01-02"}, ana, as_of=DAY, reason="Typed wrongly")
    assert store.load("dated").decisions[0].standing is Standing.VOID


def test_backfill_is_at_open_levels() -> None:
    """A backfill patient at a level that is not open is a deviation: no dose is given beside the decisions."""
    begin("backfill", BACKFILL)
    cohort = rows("01 02 03", 1, 1, treated="2026-03-01")
    with pytest.raises(RecordError, match="backfill"):
        entering.enter("backfill", rows("04", None, 5, treated="2026-03-01", backfill=True), ana, as_of=DAY)
    entering.enter("backfill", cohort, ana, as_of=DAY)
    for level in (1, 2, 5):
        with pytest.raises(RecordError, match="backfill"):
            entering.enter("backfill", rows("04", None, level, treated="2026-03-30", backfill=True), ana, as_of=DAY)
    entry = entering.enter(
        "backfill", rows("04", None, 2, treated="2026-03-30", backfill=True), ana, as_of=DAY, deviation="Mixed up"
    )
    assert entry.content["deviation"] == "Mixed up"


def test_a_form_sent_again_makes_one_entry() -> None:
    """The same request again, by whomever, makes nothing and says which entry it made."""
    begin()
    once = Actor("ana", "page", request="form-1", everywhere=True)
    entry = entering.enter("tvec", rows("01 02 03", 1, 1), once)
    with pytest.raises(AlreadyRecordedError) as error:
        entering.enter("tvec", rows("01 02 03", 1, 1), once)
    assert error.value.number == entry.number
    with pytest.raises(AlreadyRecordedError):
        entering.amend("tvec", "01", {"dlt": True}, once, reason="x")
    assert store.load("tvec").last == entry


def test_who_saw_less_is_told() -> None:
    """What was sent on an older state of the record is refused, with who wrote since; the same sent anew is taken."""
    begin()
    seen = store.load("tvec").head
    first()
    head = store.load("tvec").head
    with pytest.raises(ConflictError, match="entry 2, by ana"):
        entering.amend("tvec", "01", {"dlt": True}, bob, reason="x", seen=seen)
    assert store.load("tvec").head == head
    entering.amend("tvec", "01", {"dlt": True}, bob, reason="x", seen=head)


def test_a_closed_trial_takes_no_patient() -> None:
    """After closing nobody is entered; outcomes are still amended, and that voids the closing."""
    from escalate.conduct import changing

    begin()
    first()
    changing.close("tvec", 1, ana, reason="As far as it goes")
    with pytest.raises(RecordError, match="is closed; no patient is entered"):
        entering.enter("tvec", rows("04", 2, 1), ana, deviation="x")
    entering.amend("tvec", "01", {"dlt": True}, ana, reason="Found later")
    closing = store.load("tvec").closing
    assert closing is not None
    assert closing.standing is Standing.VOID
    with pytest.raises(RecordError, match="is closed"):
        entering.enter("tvec", rows("04", 2, 1), ana, deviation="x")


def test_a_higher_decision_that_waits_treats_nobody() -> None:
    """Until the second person agrees nobody is treated at the higher level but by a deviation, which then voids it."""
    begin()
    first()
    higher()
    with pytest.raises(RecordError, match="awaits a second person: nobody is treated"):
        entering.enter("tvec", rows("04", 2, 3), ana)
    entering.enter("tvec", rows("04", 2, 3, dlts=["04"]), ana, deviation="Treated before the call")
    with pytest.raises(ConflictError, match="nothing of this awaits"):
        deciding.approve("tvec", bob, agrees=True)
    assert store.load("tvec").decisions[0].standing is Standing.VOID


def test_no_day_that_has_not_come() -> None:
    """No follow-up of a day to come is recorded, whatever day is said to be looked at: nobody has seen it."""
    begin("dated", TITE)
    today = date.today()
    later = today + timedelta(days=400)
    patients = partial(rows, "01 02 03", 1, 1, treated=f"{today}")
    for as_of in (None, later, date.max):
        with pytest.raises(EscalateError, match=f"{later}"):
            entering.enter("dated", patients(last_follow_up=f"{later}"), ana, as_of=as_of)
    entering.enter("dated", patients(last_follow_up=f"{today}"), ana, as_of=later)
    for as_of in (None, later, date.max):
        with pytest.raises(EscalateError, match=f"{later}"):
            entering.amend("dated", "01", {"last_follow_up": f"{later}"}, ana, as_of=as_of)
        with pytest.raises(EscalateError, match=f"{later}"):
            entering.amend("dated", "01", {"dlt_date": f"{later}"}, ana, as_of=as_of, reason="x")
    # East of here it is tomorrow.
    tomorrow = today + timedelta(days=1)
    entering.amend("dated", "01", {"last_follow_up": f"{tomorrow}"}, ana, as_of=tomorrow)


def test_a_dlt_of_a_backfill_patient_voids_the_open_decision() -> None:
    """Patients of a backfill who come with a DLT void the decision that did not know of it; without one it stands."""
    begin("backfill", BACKFILL)
    entering.enter("backfill", rows("01 02 03", 1, 1, treated="2026-03-01"), ana, as_of=DAY)
    subject = deciding.decide("backfill", "hold", ana, reason="x", signing=signatures.Signing("Ana", "authorship")).hash
    patient = partial(rows, cohort=None, level=1, treated="2026-03-20", backfill=True)
    entering.enter("backfill", patient("11"), ana, as_of=DAY, deviation="Asked for")
    assert store.load("backfill").decisions[0].standing is Standing.IN_FORCE
    entry = entering.enter("backfill", patient("12", dlt_date="2026-03-25"), ana, as_of=DAY, deviation="Asked for")
    assert store.load("backfill").decisions[0].void_by == entry.number
    assert [s.void_by for s in store.load("backfill").signatures_on(subject)] == [entry.number]


@pytest.mark.parametrize(
    ("names", "cohort", "level", "said"),
    [
        ("01", None, 1, "patient 01 cohort: is missing"),
        ("01", 1, 9, "patient 01 level: 9 does not exist"),
        ("01", 0, 1, "cohort"),
    ],
)
def test_places_that_are_none(names: str, cohort: int | None, level: int, said: str) -> None:
    """A patient has a cohort, and a level of the design; a cohort has one level."""
    begin()
    with pytest.raises((EscalateError, ValueError), match=said):
        entering.enter("tvec", rows(names, cohort, level), ana, deviation="x")
    with pytest.raises(RecordError, match="a cohort has one level"):
        entering.enter("tvec", [*rows("01", 1, 1), *rows("02", 1, 2)], ana, deviation="x")
