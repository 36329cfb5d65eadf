"""Who may be treated now: what was decided, as far as what became known since leaves it standing."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from escalate.conduct import deciding, entering, opening, store
from escalate.conduct.allowance import allowance, stopped
from escalate.conduct.bodies import PatientRow
from escalate.conduct.design_lock import lock
from escalate.conduct.errors import RecordError
from escalate.conduct.state import Standing
from escalate.report.record_forms import next_step
from tests.conduct.acting import BOIN, ana, bob
from tests.helpers import ROOT

LATE = str(ROOT / "designs" / "late-onset" / "tvec-liver-tite-boin.yaml")


def dated(number: int, cohort: int, level: int, days_ago: int, **more: object) -> PatientRow:
    """Return a patient treated so many days ago."""
    treated = (date.today() - timedelta(days=days_ago)).isoformat()
    return PatientRow.model_validate(
        {"patient": f"{number:03d}", "cohort": cohort, "level": level, "treated": treated, **more}
    )


def ago(days: int) -> str:
    """Return the day so many days ago."""
    return (date.today() - timedelta(days=days)).isoformat()


def test_a_dlt_in_mid_cohort_ends_what_was_decided(record: str) -> None:
    """Where the design asks for less by now, nobody more is treated on the decision; where it does not, the cohort goes on."""
    opening.open_trial("t", lock(LATE), ana)
    entering.enter("t", [dated(k, 1, 1, 90, last_follow_up=ago(1)) for k in (1, 2, 3)], ana)
    deciding.decide("t", "accept", ana)
    entering.enter("t", [dated(4, 2, 2, 20), dated(5, 2, 2, 20)], ana)
    assert (allowance(store.load("t")).level, allowance(store.load("t")).patients) == (2, 1)
    entering.amend("t", "004", {"dlt_date": ago(3)}, ana)
    entering.amend("t", "005", {"dlt_date": ago(2)}, ana)
    found = allowance(store.load("t"))
    assert (found.level, found.patients) == (None, 0)
    assert "is overtaken: the design recommends level 1 by now; decide again" in str(found.why_none)
    with pytest.raises(RecordError, match="is overtaken"):
        entering.enter("t", [dated(6, 2, 2, 1)], ana)


def plain(numbers: range, cohort: int, level: int, dlt: bool | None = False) -> list[PatientRow]:
    """Return patients of a design without dates."""
    return [PatientRow(patient=f"{k:03d}", cohort=cohort, level=level, dlt=dlt) for k in numbers]


def twelve_at_level_2() -> None:
    """Take a trial to where 12 patients at level 2 are decided on, 9 more than recommended, and agreed with."""
    opening.open_trial("t", lock(str(BOIN)), ana)
    entering.enter("t", plain(range(1, 4), 1, 1), ana)
    deciding.decide("t", "expand", ana, level=2, patients=12, reason="To learn more")
    deciding.approve("t", bob, agrees=True)


def test_dlts_in_mid_cohort_without_dates(record: str) -> None:
    """More patients than recommended were decided on: when a recommended cohort has DLTs nobody more is treated on it."""
    twelve_at_level_2()
    entering.enter("t", plain(range(4, 10), 2, 2, dlt=True), ana)
    with pytest.raises(RecordError, match=r"is overtaken: the design .* by now; decide again|does not allow level 2"):
        entering.enter("t", plain(range(10, 13), 2, 2, dlt=None), ana)
    # Whether it was allowed when it was written is another question, which `verify` asks.
    assert allowance(store.load("t"), heard=False).patients == 6


def test_outcomes_that_ask_for_nothing_less(record: str) -> None:
    """While the design has no objection, or has not heard the outcomes, what was decided goes on to its end."""
    twelve_at_level_2()
    entering.enter("t", plain(range(4, 7), 2, 2, dlt=None), ana)
    assert allowance(store.load("t")).patients == 9
    entering.amend("t", "004", {"dlt": False}, ana)
    entering.enter("t", plain(range(7, 10), 2, 2), ana)
    assert (allowance(store.load("t")).level, allowance(store.load("t")).patients) == (2, 6)


@pytest.mark.parametrize("cohort", [1, 3, 4, 99])
def test_the_number_of_the_next_cohort(record: str, cohort: int) -> None:
    """Patients as decided are of the cohort that comes next, and of no other: on the last one the design decides."""
    opening.open_trial("t", lock(str(BOIN)), ana)
    with pytest.raises(RecordError, match=r"cohort: 2 is not the cohort of the next patients, 1"):
        entering.enter("t", plain(range(1, 4), 2, 1), ana)
    entering.enter("t", plain(range(1, 4), 1, 1), ana)
    deciding.decide("t", "accept", ana)
    with pytest.raises(
        RecordError,
        match=rf"^patient 004 (cohort: {cohort} is not the cohort of the next|level: cohort 1 is at level 1)",
    ):
        entering.enter("t", plain(range(4, 7), cohort, 2), ana)
    with pytest.raises(RecordError, match=r"cohort: 99 is not"):
        entering.enter("t", plain(range(4, 7), 99, 3), ana, deviation="Mixed up")
    entering.enter("t", plain(range(4, 7), 2, 2), ana)


def test_cohorts_keep_their_order(record: str) -> None:
    """A correction cannot make another cohort the last one, on which the design decides."""
    opening.open_trial("t", lock(str(BOIN)), ana)
    entering.enter("t", plain(range(1, 4), 1, 1), ana)
    deciding.decide("t", "accept", ana)
    entering.enter("t", plain(range(4, 5), 2, 2, dlt=True), ana)
    with pytest.raises(RecordError, match="patient 001 cohort: is not amended"):
        entering.amend("t", "001", {"cohort": 9}, ana, reason="moved")
    assert store.load("t").patients["001"].row.cohort == 1


def test_a_trial_that_is_stopped_can_be_closed(record: str) -> None:
    """Once it was decided to stop, what comes next is to close the trial, not another recommendation; a hold is no stop."""
    opening.open_trial("t", lock(str(BOIN)), ana)
    entering.enter("t", plain(range(1, 4), 1, 1, dlt=True), ana)
    assert not stopped(store.load("t"))
    deciding.decide("t", "hold", ana, reason="The committee meets tomorrow")
    assert not stopped(store.load("t"))
    deciding.decide("t", "accept", ana)
    assert stopped(store.load("t"))
    assert next_step(store.load("t")) == "The trial is stopped: declare the MTD and close it."


def test_a_level_that_the_method_closed_is_treated_no_more(record: str) -> None:
    """Two DLTs among the first two of a 3+3 cohort: nobody more is treated there without a new decision."""
    opening.open_trial("t", lock(str(ROOT / "designs" / "three_plus_three.yaml")), ana)
    entering.enter("t", plain(range(1, 4), 1, 1), ana)
    deciding.decide("t", "accept", ana)
    entering.enter("t", plain(range(4, 6), 2, 2, dlt=True), ana)
    why = str(allowance(store.load("t")).why_none)
    assert "is overtaken: the design does not allow level 2 any more (too_toxic); decide again" in why
    with pytest.raises(RecordError, match="is overtaken"):
        entering.enter("t", plain(range(6, 7), 2, 2), ana)


def test_a_closed_level_takes_a_reason_and_a_second_person(record: str) -> None:
    """To give a level that a 3+3 design closed is upward: it is cautioned against, and waits for a second person."""
    opening.open_trial("t", lock(str(ROOT / "designs" / "three_plus_three.yaml")), ana)
    entering.enter("t", plain(range(1, 4), 1, 1), ana)
    deciding.decide("t", "accept", ana)
    entering.enter("t", [*plain(range(4, 6), 2, 2, dlt=True), *plain(range(6, 7), 2, 2)], ana)
    with pytest.raises(RecordError, match="reason"):
        deciding.decide("t", "higher", ana, level=2, patients=3)
    deciding.decide("t", "higher", ana, level=2, patients=3, reason="The DLTs were not dose-limiting after all")
    decision = store.load("t").decision
    assert decision is not None
    assert decision.standing is Standing.AWAITS_SECOND
    mind = deciding.cautions(store.load("t").design, decision.analysis.body.recommendation, 2, 3)
    assert mind == ("the design does not allow level 2 now (too_toxic)",)
