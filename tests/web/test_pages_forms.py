"""Forms that are wrong, late, sent twice, or hostile: nothing is lost, nothing is doubled, and the page says what to do."""

from __future__ import annotations

import re

import pytest

from tests.web import client
from tests.web.pages_story import T, amend, approve, close, cohort, decide, enter, first_cohort, state, words

pytestmark = pytest.mark.usefixtures("fresh")


def test_a_fault_stands_at_its_field_and_in_the_summary() -> None:
    """A refused form comes back as it was filled in, with the fault named at the top, linked, and at its field."""
    fields = cohort(1, 1, [("Ann", "0"), ("02", "0")])
    refused = enter("sita", fields)
    text = refused.content.decode()
    assert refused.status_code == 422
    assert '<a href="#id_p1-patient">Study number: is no study number' in text
    assert 'id="id_p1-patient_error"' in text
    field = re.search(r'<input[^>]*name="p1-patient"[^>]*>', text)
    assert field
    assert 'aria-invalid="true"' in field[0]
    assert "id_p1-patient_error" in field[0]
    assert 'value="Ann"' in field[0]
    assert state().patients == {}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (cohort(1, 1, []), "at least one patient"),
        (cohort(1, 1, [("01", "0"), ("01", "0")]), "is given twice"),
        (cohort(1, 1, [("x" * 41 + "1", "0")]), "at most 40"),
        (cohort(1, 2, [("01", "0")]), "the reason of the deviation"),
        (cohort(1, 1, [(str(k), "0") for k in range(1, 5)]), "the reason of the deviation"),
        (cohort(1, 9, [("01", "0")]), "is not one of the levels 1 to 3"),
        (cohort(1, 1, [("01", "0")], cohort="one"), "is not a whole number"),
        (cohort(1, 1, [("01", "0")], cohort="-1"), "is below 1"),
        (cohort(1, 1, [("01", "0")], cohort="9" * 30), "is too large"),
        (cohort(1, 1, [("01", "maybe")]), "is not one of the available choices"),
        (cohort(1, 1, [("01", "0")], **{"p1-evaluable": "0"}), "say why the patient is not evaluable"),
        (cohort(1, 1, [("01", "0")], **{"p1-reason": "moved"}), "is for patients who are not evaluable"),
        (cohort(1, 1, [("01", "0")], **{"p1-reason": "m" * 41, "p1-evaluable": "0"}), "at most 40"),
        (cohort(1, 1, [("0\x001", "0")]), "Null characters"),
        (cohort(1, 1, [("01", "0")], deviation="no need"), "leave the deviation out"),
        (cohort(1, 1, [("", "0")]), "Study number: is missing; give the study number"),
        (cohort(1, 1, [("12/03/1961", "0")]), "a date of birth is never recorded"),
        (cohort(7, 1, [("01", "0")]), "is not the cohort of the next patients, 1"),
        ({"rows": "99999"}, "at least one patient"),
        ({"rows": "٣"}, "at least one patient"),
        ({}, "at least one patient"),
    ],
)
def test_a_cohort_that_cannot_be_is_refused(fields: dict[str, str], said: str) -> None:
    """What is wrong with a cohort is told in a sentence, and nothing of it is recorded."""
    refused = enter("sita", fields)
    assert refused.status_code == 422
    assert said in words(refused)
    assert state().patients == {}


def test_a_deviation_is_recorded_with_its_reason() -> None:
    """What happened is recorded even where nobody had decided it."""
    assert "Nobody may be treated" not in words(client.browser("sita").get(f"{T}enter"))
    assert enter("sita", cohort(1, 3, [("01", "0")], deviation="wrong vial")).status_code == 303
    assert "Reason: wrong vial" in words(client.browser("vera").get(f"{T}history"))


def test_the_number_of_the_cohort_is_told_not_asked() -> None:
    """The cohort is the expected one, in words; only where they were treated otherwise can it be the last or the next."""
    page = client.browser("sita").get(f"{T}enter")
    text = page.content.decode()
    assert "The first cohort, for which nothing need be decided, takes 3 patients at level 1" in words(page)
    assert "<legend>Cohort 1</legend>" in text
    assert re.findall(r'<input[^>]*name="cohort"', text) == []
    assert re.findall(r'<option value="(\d+)"', text.split('name="cohort"')[1].split("</select>")[0]) == ["1"]
    enter("sita", cohort(1, 1, [("01", "0")]))
    assert "takes 2 patients at level 1 (4 x 10⁷ PFU; 10⁷ PFU/mL, up to 4 mL), after 1 who is there." in words(
        client.browser("sita").get(f"{T}enter")
    )
    enter("sita", cohort(1, 1, [("02", "0"), ("03", "0")]))
    text = client.browser("sita").get(f"{T}enter").content.decode()
    assert re.findall(r'<option value="(\d+)"', text.split('name="cohort"')[1].split("</select>")[0]) == ["1", "2"]


def test_enter_on_the_keyboard_looks_first() -> None:
    """The first button of the form, which the Enter key presses, records nothing."""
    text = client.browser("sita").get(f"{T}enter").content.decode()
    buttons = re.findall(r'<button[^>]*type="submit"[^>]*>', text.split('id="enter-form"')[1])
    assert 'name="preview"' in buttons[0]


def test_looking_first_records_nothing() -> None:
    """A preview says what would be recorded, or why it would not be; more rows keep what is filled in."""
    before = state().head
    shown = enter("sita", cohort(1, 1, [("01", "0"), ("02", "")], preview="1"))
    assert "Cohort 1 at level 1 (4 x 10⁷ PFU; 10⁷ PFU/mL, up to 4 mL)" in words(shown)
    assert "01: no DLT02: not known yet" in words(shown)
    elsewhere = words(enter("sita", cohort(1, 2, [("01", "0")], preview="1")))
    assert "It departs from what is allowed: the first cohort is at level 1, not 2" in elsewhere
    assert "This would not be recorded" in words(enter("sita", cohort(1, 1, [("Ann", "0")], preview="1")))
    more = enter("sita", cohort(1, 1, [("01", "0")], more="1")).content.decode()
    assert 'name="p2-patient"' in more
    assert 'value="01"' in more
    assert state().head == before


@pytest.mark.parametrize("rows", ["0", "3", "21", "99999999", "-1", "x", "٣"])
def test_any_number_of_rows_is_a_form(rows: str) -> None:
    """The number of rows in an address is taken where it is one, and held between 1 and 20."""
    page = client.browser("sita").get(f"{T}enter", {"rows": rows})
    assert page.status_code == 200
    assert 1 <= len(re.findall(r'name="p\d+-patient"', page.content.decode())) <= 20


def test_the_same_form_twice_is_one_entry() -> None:
    """A form that is sent twice is recorded once, and the page says so."""
    browser = client.browser("sita")
    fields = client.hidden(browser.get(f"{T}enter")) | cohort(1, 1, [("01", "0")])
    assert browser.post(f"{T}enter", fields).status_code == 303
    again = browser.post(f"{T}enter", fields)
    number = state().last.number
    assert again.status_code == 303
    assert again.headers["Location"] == f"{T}?already={number}"
    assert f"This was recorded already, as entry {number}" in words(browser.get(again.headers["Location"]))
    assert list(state().patients) == ["01"]


def test_two_people_deciding_at_once() -> None:
    """One decides, the other is told by whom and what, keeps what was filled in, and can send it again."""
    first_cohort()
    late = client.browser("cher")
    form = client.hidden(late.get(f"{T}decide"))
    assert decide("stan", "accept").status_code == 303
    fields = form | {
        "choice": "hold", "reason": "await the board", "meaning": "authorship", "password": client.PASSWORD
    }  # fmt: skip
    told = late.post(f"{T}decide", fields)
    seen = words(told)
    assert told.status_code == 409
    assert "The record went on while you worked" in seen
    assert "Decided: 3 patients at level 2" in seen
    assert "await the board" in seen
    assert client.PASSWORD not in told.content.decode()
    assert re.search(r'value="hold"[^>]*checked', told.content.decode())
    assert len(state().decisions) == 1
    again = late.post(f"{T}decide", fields | {"seen": client.hidden(told)["seen"]})
    assert again.status_code == 303
    assert state().decision.body.choice == "hold"


def test_a_form_without_what_it_saw_is_refused() -> None:
    """A form that does not say which record it saw, or a wrong one, is a conflict, not an entry."""
    for seen in ("", "0" * 64, "<b>"):
        told = enter("sita", cohort(1, 1, [("01", "0")], seen=seen))
        assert told.status_code == 409
        assert "<b>" not in told.content.decode()
    assert state().patients == {}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"choice": ""}, "choose one"),
        ({"choice": "launch"}, "is not one of the available choices"),
        ({"choice": "expand"}, "say at which level"),
        ({"choice": "higher", "level": "3"}, "so say why"),
        ({"choice": "lower", "level": "3", "reason": "x"}, "is not below the recommended level"),
        ({"choice": "accept", "level": "3"}, "leave both out"),
        ({"choice": "hold", "patients": "3", "reason": "x"}, "leave out level and patients"),
        ({"choice": "expand", "level": "2", "patients": "0"}, "is below 1"),
        ({"choice": "accept", "password": "wrong"}, "is not right; nothing was signed"),
        ({"choice": "accept", "password": ""}, "takes your password once more"),
        ({"choice": "accept", "meaning": "love"}, "is not one of the available choices"),
        ({"choice": "hold", "reason": "r" * 4001}, "at most 4000"),
    ],
)
def test_a_decision_that_cannot_be_is_refused(fields: dict[str, str], said: str) -> None:
    """What is wrong with a decision stands at its field, and nothing is decided."""
    first_cohort()
    refused = decide("cher", fields.pop("choice"), **fields)
    assert refused.status_code == 422
    assert said in words(refused)
    assert state().decisions == ()


def test_closing_and_second_opinion_that_cannot_be_are_refused() -> None:
    """Nothing to close, nothing chosen, no reason; nothing that awaits; the same words as the record."""
    assert "has no patients" in words(client.browser("cher").get(f"{T}close"))
    assert close("cher", "1").status_code == 422
    first_cohort()
    assert "choose what is declared" in words(close("cher", ""))
    assert "so say why" in words(close("cher", "none"))
    assert "Nothing awaits a second person" in words(client.browser("stan").get(f"{T}approve"))
    assert approve("stan", "1").status_code == 409
    decide("cher", "higher", level="3", reason="known")
    assert "say whether you agree" in words(approve("stan", ""))
    assert approve("cher", "1", seen=state().head).status_code == 403
    assert client.send(client.browser("stan"), f"{T}approve", {"subject": "0" * 64, "agrees": "1"}).status_code in {
        409,
        422,
    }


HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7|add:7 }}'


def test_hostile_text_is_shown_as_text() -> None:
    """Reasons, deviations and study numbers cannot become markup, on any page."""
    assert enter("sita", cohort(1, 1, [(HOSTILE, "0")])).status_code == 422
    assert "<script>alert" not in enter("sita", cohort(1, 1, [(HOSTILE, "0")])).content.decode()
    enter("sita", cohort(1, 3, [("01", "0")], deviation=HOSTILE))
    amend("sita", "01", "1", 1, 3, why=HOSTILE)
    decide("cher", "stop", reason=HOSTILE)
    close("cher", "none", reason=HOSTILE)
    pages = (
        "",
        "history",
        "pack",
        "patients/01",
        "what-if",
        f"what-if?next={HOSTILE}",
        f"history?kind={HOSTILE}",
        "close",
    )
    for page in (*pages, *(f"history/{k}" for k in range(1, state().last.number + 1))):
        text = client.browser("cher").get(f"{T}{page}").content.decode()
        assert "<script>alert" not in text, page
        assert "<img src=x" not in text, page
        assert "{{ 14" not in text
    assert "&lt;script&gt;" in client.browser("cher").get(f"{T}history").content.decode()


def test_numbers_in_the_address_are_only_numbers_of_entries() -> None:
    """What the address claims to be saved is said only where there is such an entry."""
    for given in ("999", "x", "-1", "1e3", "٣", "<b>"):
        assert "Recorded as entry" not in words(client.browser("vera").get(T, {"saved": given}))
