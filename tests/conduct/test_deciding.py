"""Decisions: what departs has a reason, what goes up has a second person, and of two at once one wins."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest

from escalate.conduct import changing, deciding, entering, store
from escalate.conduct.actor import Actor
from escalate.conduct.bodies import CHOICES
from escalate.conduct.deciding import propose
from escalate.conduct.errors import (
    AlreadyRecordedError,
    ConflictError,
    NotAllowedError,
    RecordError,
)
from escalate.conduct.signatures import Signing
from escalate.conduct.state import Standing
from escalate.conduct.verify import verify_trial
from tests.conduct.acting import TITE, ana, begin, bob, first, higher, is_clean, is_told, rows

MOST = 18
"""Patients of the design of the tests."""

ADVICE: dict[str, tuple[int | None, int | None]] = {
    "start": (1, 3), "escalate": (3, 3), "stay": (2, 3), "de_escalate": (1, 3), "stop": (None, None), "suspend": (None, None),
}  # fmt: skip


def advice(action: str) -> dict[str, Any]:
    level, size = ADVICE[action]
    return {"action": action, "next_level": level, "next_cohort_size": size}


def every() -> Iterable[tuple[str, str, int | None, int | None]]:
    for action in ADVICE:
        for choice in CHOICES:
            for level in (None, 0, 1, 2, 3, 4, 5, 6):
                for patients in (None, 0, 1, 3, 4):
                    yield action, choice, level, patients


def test_every_choice_on_every_recommendation() -> None:
    """Whatever is decided beside whatever is recommended: more dose or more patients than recommended is always upward."""
    accepted = set()
    for action, choice, level, patients in every():
        advised, size = ADVICE[action]
        try:
            found = propose(advice(action), choice, level, patients, 5)
        except RecordError as error:
            is_told(error, "decision: ", "level: ", "patients: ")
            continue
        accepted.add((action, choice))
        given = (found.level, found.patients)
        assert found.departs == (bool(found.why))
        assert found.upward <= found.departs
        if choice in ("hold", "stop"):
            assert given == (None, None)
            assert not found.upward
            assert found.departs == (action != {"hold": "suspend", "stop": "stop"}[choice])
            continue
        assert found.departs == (given != (advised, size))
        assert found.upward == ((found.level or 0) > (advised or 0) or (found.patients or 0) > (size or 0))
        if found.level is not None:
            assert 1 <= found.level <= 5
            assert found.patients is not None
            assert found.patients >= 1
        if choice == "accept":
            assert not found.departs
        if choice == "lower":
            assert advised is not None
            assert found.level is not None
            assert found.level < advised
        if choice == "higher":
            assert (found.level or 0) > (advised or 0)
    assert {choice for _, choice in accepted} == set(CHOICES)
    assert ("stop", "lower") not in accepted
    assert all((action, "accept") in accepted for action in ADVICE)


@pytest.mark.parametrize("choice", ["", "Accept", "escalate", "accept ", "a" * 500])
def test_choices_are_known(choice: str) -> None:
    """What is no choice is refused, and what is meant is asked."""
    with pytest.raises(RecordError, match=r"^decision: "):
        propose(advice("stay"), choice, None, None, 5)


@pytest.mark.usefixtures("record")
class TestOnRecord:
    """On a record of either database."""

    def test_accepting(self) -> None:
        """To accept records the analysis that it rests on, and the decision as recommended."""
        begin()
        first()
        entry = deciding.decide("tvec", "accept", ana)
        state = store.load("tvec")
        decision = state.decision
        assert decision is not None
        assert (decision.body.level, decision.body.patients, decision.body.departs, decision.body.upward) == (
            2,
            3,
            False,
            False,
        )
        assert decision.standing is Standing.IN_FORCE
        assert decision.analysis.entry.number == entry.number - 1
        assert decision.analysis.body.recommendation["next_level"] == 2
        assert is_clean("tvec")

    @pytest.mark.parametrize(
        ("choice", "level", "patients"),
        [
            ("lower", 1, None),
            ("hold", None, None),
            ("stop", None, None),
            ("expand", 1, 6),
            ("higher", 3, None),
            ("expand", 2, 1),
        ],
    )
    def test_departing_needs_a_reason(self, choice: str, level: int | None, patients: int | None) -> None:
        """Every departure has its reason, which is kept; a blank one is none, and nothing is then written."""
        begin()
        first()
        head = store.load("tvec").head
        for blank in (None, "", " \t\n"):
            with pytest.raises(RecordError, match=r"^reason: is missing; the decision is "):
                deciding.decide("tvec", choice, ana, level=level, patients=patients, reason=blank)
        assert store.load("tvec").head == head
        entry = deciding.decide("tvec", choice, ana, level=level, patients=patients, reason=" Because. ")
        assert entry.content["reason"] == "Because."
        assert entry.content["departs"] is True

    def test_upward_needs_a_second_person(self) -> None:
        """A higher dose is in force when another person agrees, and not before."""
        begin()
        first()
        higher()
        assert store.load("tvec").decisions[0].standing is Standing.AWAITS_SECOND
        with pytest.raises(NotAllowedError, match="another person must agree"):
            deciding.approve("tvec", ana, agrees=True)
        deciding.approve("tvec", bob, agrees=True, signing=Signing("Bob", "approval"))
        assert store.load("tvec").decisions[0].standing is Standing.IN_FORCE
        entering.enter("tvec", rows("04 05 06", 2, 3), ana)
        assert is_clean("tvec")

    @pytest.mark.parametrize(
        "again", ["ana b", "Ana B", "ANA B", " ana b ", "ana  b", "anab", "\uff41\uff4e\uff41 \uff42"]
    )
    def test_the_second_person_is_another(self, again: str) -> None:
        """The person who decided does not agree with it under another case, blanks or wide letters."""
        begin()
        first()
        higher(by=Actor("ana b", "page", everywhere=True))
        with pytest.raises(NotAllowedError, match="another person must agree"):
            deciding.approve("tvec", Actor(again, "page", everywhere=True), agrees=True)
        assert store.load("tvec").decisions[0].standing is Standing.AWAITS_SECOND

    def test_more_patients_is_upward(self) -> None:
        """More patients than recommended, at whatever level, need a second person."""
        begin()
        first()
        for level in (1, 2):
            deciding.decide("tvec", "expand", ana, level=level, patients=4, reason="More")
            decision = store.load("tvec").decision
            assert decision is not None
            assert decision.standing is Standing.AWAITS_SECOND

    def test_a_refusal(self) -> None:
        """The second person refuses with a reason; nobody is treated, and it cannot be asked again."""
        begin()
        first()
        higher()
        with pytest.raises(RecordError, match=r"^reason: is missing; say why you do not agree"):
            deciding.approve("tvec", bob, agrees=False)
        deciding.approve("tvec", bob, agrees=False, reason="Too soon")
        assert store.load("tvec").decisions[0].standing is Standing.REFUSED
        with pytest.raises(RecordError, match="refused by the second person: nobody is treated"):
            entering.enter("tvec", rows("04", 2, 3), ana)
        with pytest.raises(ConflictError, match="nothing of this awaits"):
            deciding.approve("tvec", bob, agrees=True)

    @pytest.mark.parametrize("change", ["correction", "design", "deviation", "decision"])
    def test_agreeing_after_something_changed(self, change: str) -> None:
        """After data, design or the decision changed there is nothing to agree with, and the reason is asked anew."""
        from escalate.conduct import changing
        from escalate.conduct.design_lock import lock
        from tests.conduct.acting import CRM

        begin()
        first()
        subject = higher().hash
        if change == "correction":
            entering.amend("tvec", "01", {"dlt": True}, ana, reason="Read again")
        elif change == "design":
            changing.amend_design("tvec", lock(str(CRM)), "Asked for", ana)
        elif change == "deviation":
            entering.enter("tvec", rows("04", 2, 1), ana, deviation="Mixed up")
        else:
            deciding.decide("tvec", "accept", ana)
        with pytest.raises(ConflictError, match="nothing of this awaits"):
            deciding.approve("tvec", bob, agrees=True, subject=subject)

    def test_agreeing_with_another_decision(self) -> None:
        """Who agrees with the decision seen does not agree with the one that took its place."""
        begin()
        first()
        old = higher(level=3)
        deciding.decide("tvec", "expand", ana, level=3, patients=9, reason="Many")
        with pytest.raises(ConflictError):
            deciding.approve("tvec", bob, agrees=True, subject=old.hash)
        assert store.load("tvec").decisions[0].standing is Standing.SUPERSEDED

    def test_two_decide_at_once(self) -> None:
        """Of two who saw the same, one decides and the other is told who did."""
        begin()
        first()
        seen = store.load("tvec").head
        deciding.decide("tvec", "accept", ana, seen=seen)
        with pytest.raises(ConflictError, match="by ana"):
            deciding.decide("tvec", "stop", bob, seen=seen, reason="No")
        assert len(store.load("tvec").decisions) == 1

    def test_the_same_request_twice(self) -> None:
        """A decision sent twice is one decision, with the analysis it rests on."""
        begin()
        first()
        once = Actor("ana", "page", request="r1", everywhere=True)
        deciding.decide("tvec", "accept", once, signing=Signing("Ana", "authorship"))
        head = store.load("tvec").head
        with pytest.raises(AlreadyRecordedError):
            deciding.decide("tvec", "accept", once, signing=Signing("Ana", "authorship"))
        assert store.load("tvec").head == head

    def test_an_analysis_that_is_over(self) -> None:
        """A decision rests on an analysis of the data as they are, named by its hash."""
        begin()
        first()
        analysis = deciding.analyse("tvec", ana).hash
        for wrong in ("", "0" * 64, analysis[:3], "%", "' OR 1=1"):
            with pytest.raises(RecordError, match=r"^analysis: "):
                deciding.decide("tvec", "accept", ana, analysis=wrong)
        entering.amend("tvec", "01", {"dlt": True}, ana, reason="Read again")
        with pytest.raises(ConflictError, match="changed since the analysis"):
            deciding.decide("tvec", "accept", ana, analysis=analysis)

    def test_a_day_that_has_not_come(self) -> None:
        """No decision is of a day to come, when all would be taken as followed: what waits for follow-up would be allowed."""
        day = date.today()
        begin("dated", TITE)
        entering.enter("dated", rows("01 02 03", 1, 1, treated=f"{day}"), ana)
        for later in (day + timedelta(days=40), date(day.year + 1, day.month, 1), date.max):
            acts: list[Callable[[], object]] = [
                partial(deciding.decide, "dated", "accept", ana, as_of=later),
                partial(deciding.analyse, "dated", ana, as_of=later),
                partial(changing.close, "dated", 1, ana, as_of=later, reason="x"),
            ]
            for act in acts:
                with pytest.raises(RecordError, match=f"^as_of: {later} has not come"):
                    act()
        entry = deciding.decide("dated", "accept", ana)
        assert entry.content["level"] is None

    def test_an_analysis_of_another_day(self) -> None:
        """A decision said to be of one day does not rest on an analysis of another."""
        begin("dated", TITE)
        entering.enter("dated", rows("01 02 03", 1, 1, treated="2026-01-01"), ana, as_of=date(2026, 1, 2))
        analysis = deciding.analyse("dated", ana, as_of=date(2026, 1, 2)).hash
        with pytest.raises(RecordError, match="looked at 2026-01-02, not at 2026-01-01"):
            deciding.decide("dated", "accept", ana, analysis=analysis, as_of=date(2026, 1, 1))

    def test_the_analysis_is_not_repeated(self) -> None:
        """A decision on data that were analysed already rests on that analysis."""
        begin()
        first()
        analysis = deciding.analyse("tvec", ana)
        deciding.decide("tvec", "accept", ana)
        state = store.load("tvec")
        assert len(state.analyses) == 1
        assert state.decisions[0].body.analysis == analysis.hash

    def test_half_a_decision_is_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where signing fails, neither the decision nor its analysis is kept."""
        begin()
        first()
        head = store.load("tvec").head
        with pytest.raises(RecordError):
            deciding.decide("tvec", "accept", ana, signing=Signing("Ana", "witness"))  # type: ignore[arg-type]
        with pytest.raises(RecordError):
            deciding.decide("tvec", "accept", ana, signing=Signing("A" * 1000, "authorship"))
        assert store.load("tvec").head == head
        monkeypatch.setattr(deciding, "sign_with", lambda *a: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            deciding.decide("tvec", "accept", ana)
        assert store.load("tvec").head == head
        assert is_clean("tvec")

    def test_more_patients_than_the_trial_has(self) -> None:
        """More patients than the whole trial has are a slip of the hand: refused, whatever the reason."""
        begin()
        first()
        most = store.load("tvec").design.max_patients
        with pytest.raises(
            RecordError, match=rf"^patients: {most + 1} is more than the whole trial has by its design, {most}"
        ):
            deciding.decide("tvec", "expand", ana, level=1, patients=most + 1, reason="Really")
        deciding.decide("tvec", "expand", ana, level=1, patients=most, reason="Really")

    @pytest.mark.parametrize(
        ("level", "patients", "dlts", "said"),
        [
            (3, 3, "", "nobody had level 2 yet, and it would be skipped"),
            (
                1,
                MOST - 2,
                "",
                f"the trial would have {MOST + 1} evaluable patients, more than the {MOST} of the design",
            ),
            (2, 3, "01 02 03", "the design does not allow level 2 now"),
        ],
    )
    def test_the_reason_is_asked_with_what_to_know(self, level: int, patients: int, dlts: str, said: str) -> None:
        """Who departs upward is told of skipped levels, levels that are barred, and more patients than planned."""
        begin()
        first(dlts=dlts.split())
        with pytest.raises(RecordError, match=r"^reason: is missing; the decision is ") as error:
            deciding.decide("tvec", "expand", ana, level=level, patients=patients)
        assert said in str(error.value)

    def test_going_up_before_the_cohort_is_complete(self) -> None:
        """The dose goes up before a cohort is complete with a reason alone, though it is what is recommended."""
        begin()
        first()
        deciding.decide("tvec", "accept", ana)
        entering.enter("tvec", rows("04", 2, 2), ana)
        head = store.load("tvec").head
        with pytest.raises(
            RecordError, match="cohort 2 has 1 of 3 patients, and the dose goes up before it is complete"
        ):
            deciding.decide("tvec", "accept", ana)
        assert store.load("tvec").head == head
        entry = deciding.decide("tvec", "accept", ana, reason="Accrual at one site ended")
        assert (entry.content["level"], entry.content["departs"]) == (3, False)
        assert verify_trial("tvec", recompute=True).clean


@pytest.mark.usefixtures("record")
class TestWithoutOutcomes:
    """While outcomes are missing, of a design that decides on complete cohorts."""

    @pytest.mark.parametrize("choice", ["hold", "stop"])
    def test_nobody_need_wait_to_stop(self, choice: str) -> None:
        """A trial is held or stopped at once, with a reason, on an analysis that says what was missing and recommends nothing."""
        begin()
        first(dlt=None)
        if choice == "stop":
            with pytest.raises(RecordError, match=r"^reason: is missing"):
                deciding.decide("tvec", "stop", ana)
        entry = deciding.decide("tvec", choice, ana, reason="A death")
        state = store.load("tvec")
        analysis = state.decisions[0].analysis.body
        assert analysis.recommendation["next_level"] is None
        assert "patients 01, 02, 03 is not known yet" in analysis.recommendation["reasons"][0]["text"]
        assert (entry.content["level"], entry.content["patients"]) == (None, None)
        with pytest.raises(RecordError, match=f"to {choice}: nobody is treated"):
            entering.enter("tvec", rows("04", 2, 1), ana)
        assert verify_trial("tvec", recompute=True).clean
        assert is_clean("tvec")

    @pytest.mark.parametrize(
        ("choice", "level", "patients"), [("accept", None, None), ("expand", 1, 3), ("higher", 2, 3), ("higher", 1, 1)]
    )
    def test_nobody_is_treated_on_it(self, choice: str, level: int | None, patients: int | None) -> None:
        """A dose is decided on with the outcomes alone, also after a hold without them, and by whomever it would be agreed."""
        begin()
        first(dlt=None)
        deciding.decide("tvec", "hold", ana, reason="We wait")
        analysis = store.load("tvec").analyses[-1].entry.hash
        head = store.load("tvec").head
        with pytest.raises(RecordError, match="is not known yet"):
            deciding.decide("tvec", choice, ana, level=level, patients=patients, reason="x")
        with pytest.raises(RecordError, match=r"^decision: outcomes are missing"):
            deciding.decide("tvec", choice, ana, level=level, patients=patients, reason="x", analysis=analysis)
        assert store.load("tvec").head == head
        for name in ("01", "02", "03"):
            entering.amend("tvec", name, {"dlt": False}, ana)
        with pytest.raises(ConflictError, match="changed since the analysis"):
            deciding.decide("tvec", "hold", ana, reason="x", analysis=analysis)
        assert deciding.decide("tvec", "accept", ana).content["level"] == 2
