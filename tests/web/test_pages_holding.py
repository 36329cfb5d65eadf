"""The pages say what holds now, and mark what must not be given: a recommendation never stands where a decision speaks."""

from __future__ import annotations

import re
from datetime import date

import pytest

from tests.web import client
from tests.web.pages_story import T, amend, approve, close, cohort, decide, enter, first_cohort, state, words

pytestmark = pytest.mark.usefixtures("fresh")
LEVEL_3 = "level 3 (8 x 10⁸ PFU; 10⁸ PFU/mL, up to 8 mL)"


def page(who: str, address: str = T, status: int = 200) -> str:
    response = client.browser(who).get(address)
    assert response.status_code == status
    return words(response)


def lead(address: str = T, who: str = "vera") -> str:
    """Return the large sentence of a page."""
    content = client.browser(who).get(address).content.decode()
    found = re.search(r'<p class="lead[^>]*>(.*?)</p>', content)
    assert found is not None
    return found[1].replace("\N{NO-BREAK SPACE}", " ")


def drawings(address: str = T, who: str = "vera") -> list[str]:
    """Return what the drawings of a page say to whoever does not see them."""
    return re.findall(r"<desc[^>]*>(.*?)</desc>", client.browser(who).get(address).content.decode())


def dose_states(address: str = T, who: str = "vera") -> list[str]:
    """Return the states of the doses as the table says them, level 1 first."""
    content = client.browser(who).get(address).content.decode()
    return [re.sub("<[^>]+>", "", each) for each in re.findall(r'data-name="State">(.*?)</td>', content)]


def entry() -> int:
    return int(state().last.number)


def decision_entry() -> int:
    return int(state().decision.entry.number)


def test_before_any_decision_the_recommendation_speaks() -> None:
    """With nothing decided the design's sentence is the large one, under its name."""
    assert lead() == "Treat the first 3 patients at level 1 (4 x 10⁷ PFU; 10⁷ PFU/mL, up to 4 mL): start."
    assert "The design recommends Treat the first" in page("vera")
    first_cohort()
    assert "The design recommends Treat the next 3 patients at level 2" in page("vera")
    assert "What holds now" not in page("vera")


@pytest.mark.parametrize("name", ["", "pack"])
def test_a_decision_in_force_says_who_may_be_treated(name: str) -> None:
    """The large sentence is the decision, with name, day and entry; the recommendation stands below, smaller."""
    first_cohort()
    decide("cher", "higher", level="3", reason="known from melanoma")
    approve("stan", "1")
    assert lead(f"{T}{name}") == (
        f"Treat 3 patients at {LEVEL_3}, as decided by cher on {date.today()} (entry {decision_entry()})."
    )
    seen = page("vera", f"{T}{name}")
    assert "What holds now Treat 3 patients" in seen
    assert "Reason: known from melanoma. stan agreed as the second person." in seen
    assert "The design recommends less Treat the next 3 patients at level 2" in seen
    assert 'class="sheet now wait"' in client.browser("vera").get(f"{T}{name}").content.decode()
    ladder = drawings(f"{T}{name}")[0]
    assert "decided: 3 patients" in ladder.split("Level 3 ")[1].split("Level 2 ")[0]
    assert "recommended: 3 patients, escalate" in ladder.split("Level 2 ")[1].split("Level 1 ")[0]
    assert dose_states(f"{T}{name}") == ["not barred", "recommended: 3 patients, escalate", "decided: 3 patients"]
    assert "What each outcome of the next 3 patients at level 3 leads to, as decided." in seen


def test_fewer_patients_than_recommended_are_the_number_that_stands() -> None:
    """A decision for one patient says one, not the three of the recommendation."""
    first_cohort()
    decide("cher", "expand", level="2", patients="1", reason="a sentinel first")
    assert lead().startswith("Treat 1 patient at level 2")
    assert dose_states()[1] == "decided: 1 patient; recommended: 3 patients, escalate"
    assert "What each outcome of the next 1 patient at level 2 leads to, as decided." in page("vera")


@pytest.mark.parametrize(
    ("choice", "said"),
    [("hold", "On hold: nobody is treated until the next decision."), ("stop", "Stopped: nobody is treated any more.")],
)
def test_on_hold_and_stopped(choice: str, said: str) -> None:
    """Nobody is treated, in the large sentence; nothing recommended is lit."""
    first_cohort()
    decide("cher", choice, reason="a death elsewhere")
    assert lead() == said
    seen = page("vera")
    assert "a death elsewhere" in seen
    assert "The design recommends Treat the next 3 patients at level 2" in seen
    assert 'class="drawing-next"' not in client.browser("vera").get(T).content.decode()
    assert ("What each outcome" in seen) == (choice == "hold")
    assert ("if the recommendation is followed" in seen) == (choice == "hold")


def test_awaiting_refused_and_void() -> None:
    """Nobody is treated before the second person agreed, after a refusal, and on a void decision."""
    first_cohort()
    decide("cher", "higher", level="3", reason="known from melanoma")
    assert lead().startswith("Nobody is treated before a second person agrees: 3 patients at level 3")
    assert dose_states()[2] == "proposed: 3 patients; awaits a second person"
    approve("stan", "0", reason="too steep")
    assert lead() == f"Nobody is treated: the second person did not agree with entry {decision_entry()}."
    assert "stan: too steep" in page("vera")
    decide("cher", "accept")
    amend("sita", "02", "1", 1, 1, why="reclassified")
    assert lead() == f"Nobody is treated: the decision of entry {decision_entry()} is void."
    assert "decided:" not in " ".join(dose_states())


def test_half_a_cohort_does_not_make_the_page_escalate() -> None:
    """While patients of a cohort are still to be treated the page says that, and to go up then is told and needs a reason."""
    enter("sita", cohort(1, 1, [("01", "0"), ("02", "0")]))
    assert lead().startswith("Treat 1 more patient at level 1")
    assert "The first cohort has 2 of 3 patients" in page("vera")
    enter("sita", cohort(1, 1, [("03", "0")]))
    decide("cher", "accept")
    number = decision_entry()
    enter("sita", cohort(2, 2, [("04", "0"), ("05", "0")]))
    assert lead().startswith("Treat 1 more patient at level 2")
    form = page("cher", f"{T}decide")
    assert "Cohort 2 is incomplete: it has 2 of 3 patients, and 1 more may be treated at level 2" in form
    assert f"by entry {number}. To go up before it is complete takes a reason." in form
    assert "before cohort 2 is complete" in form
    refused = decide("cher", "accept")
    assert refused.status_code == 422
    assert "the dose goes up before it is complete" in words(refused)
    assert decide("cher", "accept", reason="the slot was given back").status_code == 303


def test_a_closing_is_what_the_pages_say() -> None:
    """Awaiting it is proposed, agreed it is the MTD, void it is none; no page marks an MTD that does not hold."""
    first_cohort()
    decide("cher", "higher", level="3", reason="known from melanoma")
    approve("stan", "1")
    enter("sita", cohort(2, 3, [("04", "1"), ("05", "1"), ("06", "1")]))
    decide("cher", "stop", reason="enough")
    close("cher", "3", reason="benefit")
    number = entry() - 1
    for name in ("", "pack"):
        assert lead(f"{T}{name}").startswith(
            f"The closing awaits a second person: {LEVEL_3} as the MTD, declared by cher"
        )
        assert "proposed as the MTD; awaits a second person" in dose_states(f"{T}{name}")[2]
        assert 'class="drawing-next"' not in client.browser("vera").get(f"{T}{name}").content.decode()
        assert "closing awaits a second person · design version 1" in page("vera", f"{T}{name}")
    asked = page("stan", f"{T}approve")
    assert "Mind before you agree: Level 3 is barred: eliminate." in asked
    assert "Doses, by the data of now" in asked
    assert dose_states(f"{T}approve", "stan")[2] == "proposed as the MTD; barred: eliminate"
    assert "proposed as the MTD" in drawings(f"{T}approve", "stan")[0]
    approve("stan", "1")
    assert lead() == f"Closed with {LEVEL_3} as the MTD."
    assert "declared the MTD" in dose_states()[2]
    amend("sita", "04", "0", 2, 3, why="not related")
    for name in ("", "pack"):
        assert lead(f"{T}{name}") == "The closing is void: nobody is treated, and no MTD is declared."
        assert not any("MTD" in each for each in (*dose_states(f"{T}{name}"), *drawings(f"{T}{name}")))
        assert "Treat the next" not in page("vera", f"{T}{name}")
    assert f"changed what entry {number} ({LEVEL_3} as the MTD) rested on" in page("vera")


def test_levels_that_must_not_be_given_are_marked_where_one_decides() -> None:
    """The choices of a level say what bars it and what would be skipped, and the page how much room the design has."""
    first_cohort()
    decide("cher", "accept")
    enter("sita", cohort(2, 2, [("04", "1"), ("05", "1"), ("06", "1")]))
    form = page("cher", f"{T}decide")
    assert "A higher level than recommended: choose it below" in form
    assert "Level 2: 4 x 10⁸ PFU (10⁸ PFU/mL, up to 4 mL) (barred: eliminate)" in form
    assert "Level 3: 8 x 10⁸ PFU (10⁸ PFU/mL, up to 8 mL) (barred: eliminate)" in form
    assert "The trial has 6 evaluable patients; the design has" in form
    assert dose_states()[1:] == ["barred: eliminate", "barred: eliminate"]


def test_the_second_person_is_told_what_bars_the_dose() -> None:
    """Skipped levels, barred ones and too many patients are said, the proposed level is marked, and the data are there."""
    enter("sita", cohort(1, 1, [("01", "0"), ("02", "0"), ("03", "0")]))
    decide("cher", "higher", level="3", patients="17", reason="quick")
    seen = page("stan", f"{T}approve")
    assert "Mind before you agree:" in seen
    assert "Nobody had level 2 yet, and it would be skipped." in seen
    assert "more than the" in seen
    assert "proposed: 17 patients; awaits a second person" in drawings(f"{T}approve", "stan")[0]
    assert "DLTs" in seen
    assert dose_states(f"{T}approve", "stan")[1] == "recommended: 3 patients, escalate"
    assert "The design recommends: escalate, 3 patients at level 2" in seen


def test_one_higher_level_needs_no_second_choice() -> None:
    """Where a choice can mean one level alone it names that level and takes it; with several one is chosen."""
    first_cohort()
    assert f"A higher level than recommended: {LEVEL_3}" in page("cher", f"{T}decide")
    assert decide("cher", "higher", reason="known from melanoma").status_code == 303
    assert state().decision.body.level == 3


def test_hold_and_stop_while_an_outcome_is_missing() -> None:
    """A trial is held or stopped at once, whatever is not known yet; nothing else can be decided then."""
    enter("sita", cohort(1, 1, [("01", ""), ("02", "0"), ("03", "0")]))
    form = client.browser("cher").get(f"{T}decide").content.decode()
    assert re.findall(r'name="choice" value="(\w+)"', form) == ["hold", "stop"]
    assert "The trial can be held or stopped at once" in words(client.browser("cher").get(f"{T}decide"))
    assert "Hold or stop" in page("cher")
    assert decide("cher", "hold", reason="a death").status_code == 303
    assert lead() == "On hold: nobody is treated until the next decision."
    assert "Waiting for the outcome of patient 01." in page("vera")


def test_a_refusal_is_not_signed_as_an_approval() -> None:
    """The meaning of the signature follows the opinion; to refuse and to sign “I approve this” is refused."""
    first_cohort()
    decide("cher", "higher", level="3", reason="known from melanoma")
    given = {"agrees": "0", "reason": "no", "meaning": "approval", "password": client.PASSWORD}
    refused = client.send(client.browser("stan"), f"{T}approve", given)
    assert refused.status_code == 422
    assert "signs as review, not as approval" in words(refused)
    assert approve("stan", "0", reason="too steep").status_code == 303
    seen = page("vera")
    assert "signed by Stan Test, “I reviewed this”" in seen
    assert "“I approve this”" not in seen


def test_an_early_closing_says_that_the_design_goes_on() -> None:
    """The page of the end tells that the design has not stopped, and closing then takes a reason."""
    first_cohort()
    seen = page("cher", f"{T}close")
    assert "The design has not stopped. It recommends: Treat the next 3 patients at level 2" in seen
    refused = close("cher", "1")
    assert refused.status_code == 422
    assert "the design has not stopped" in words(refused)
    decide("cher", "stop", reason="enough is known")
    assert "The design has not stopped" not in page("cher", f"{T}close")
    assert close("cher", "1").status_code == 303


def test_the_form_of_the_end_marks_barred_levels() -> None:
    """A level that cannot be the MTD says why in the choices and in the table."""
    first_cohort()
    decide("cher", "accept")
    enter("sita", cohort(2, 2, [("04", "1"), ("05", "1"), ("06", "1")]))
    seen = page("cher", f"{T}close")
    assert "Level 2 (4 x 10⁸ PFU; 10⁸ PFU/mL, up to 4 mL) is the MTD (barred: eliminate)" in seen
    assert "is the MTD (selected by the design)" in seen
    assert dose_states(f"{T}close", "cher")[0] == "selected by the design"


def test_the_same_decision_is_not_recorded_twice() -> None:
    """A form filled in again after going back says that it stands on record already; another decision goes through."""
    first_cohort()
    assert decide("cher", "accept").status_code == 303
    number = decision_entry()
    again = decide("cher", "accept")
    assert again.status_code == 422
    assert f"is the same as that of entry {number}, which is in force, and nothing changed since" in words(again)
    assert len(state().decisions) == 1
    assert decide("cher", "hold", reason="wait for the board").status_code == 303
    assert decide("cher", "accept").status_code == 303
    assert decide("cher", "higher", level="3", reason="x").status_code == 303
    assert decide("cher", "higher", level="3", reason="x").status_code == 422
    assert decide("cher", "higher", level="3", patients="1", reason="x").status_code == 303
