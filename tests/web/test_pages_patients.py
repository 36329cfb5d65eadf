"""Patients on the pages: marks, corrections, patients entered in error, and what becomes void by them."""

from __future__ import annotations

import pytest

from tests.web import client
from tests.web.pages_story import T, amend, cohort, decide, enter, first_cohort, state, words

pytestmark = pytest.mark.usefixtures("fresh")


def test_corrections_and_deviations_are_marked() -> None:
    """The table of patients marks a correction and a deviation, each with its entry; a first report is no correction."""
    enter("sita", cohort(1, 1, [("01", "0"), ("02", "")]))
    amend("sita", "02", "0", 1, 1)
    assert "corrected" not in words(client.browser("vera").get(T))
    amend("sita", "01", "1", 1, 1, why="central review")
    enter("sita", cohort(1, 1, [("03", "0")]))
    enter("sita", cohort(2, 3, [("04", "0")], deviation="wrong vial"))
    seen = words(client.browser("vera").get(T))
    assert "DLT corrected, entry 10" in seen
    assert "no DLT treated otherwise than decided, entry 12" in seen


def test_a_patient_entered_in_error_stays_in_the_history() -> None:
    """The page says what becomes void, asks for a reason, and afterwards the patient is struck and can be read, not changed."""
    first_cohort()
    decide("cher", "accept")
    address = f"{T}withdraw/03"
    assert 'href="' + address in client.browser("sita").get(f"{T}patients/03").content.decode()
    assert client.browser("vera").get(address).status_code == 403
    asked = words(client.browser("sita").get(address))
    assert "These rest on the patient, and become void with their signatures: Entry 10: Decided" in asked
    refused = client.send(client.browser("sita"), address, {"reason": " "})
    assert refused.status_code == 422
    assert "Reason: is missing" in words(refused)
    browser = client.browser("sita")
    form = client.hidden(browser.get(address)) | {"reason": "the number was mistyped"}
    late = client.hidden(browser.get(f"{T}patients/03"))
    done = browser.post(address, form)
    assert done.status_code == 303
    assert browser.post(address, form).headers["Location"] == done.headers["Location"].replace("saved", "already")
    assert list(state().patients) == ["01", "02"]
    told = words(browser.get(f"{T}patients/03"))
    assert "Entered in error, says entry 12 by sita" in told
    assert "the number was mistyped" in told
    assert "Report an outcome" not in told
    assert browser.post(f"{T}patients/03", late | {"dlt": "1", "cohort": "1", "level": "1"}).status_code == 409
    assert client.browser("sita").get(address).status_code == 404
    assert "entered in error, entry 12" in words(browser.get(T))
    assert "03: no DLT (entered in error, says entry 12)" in words(browser.get(f"{T}history"))


def test_what_is_void_is_struck_in_the_history() -> None:
    """A void decision and its signature are struck in the list and on their own pages, with the entry that voided them."""
    first_cohort()
    decide("cher", "accept")
    amend("sita", "01", "1", 1, 1, why="central review")
    browser = client.browser("vera")
    void = state().last.number
    listed = browser.get(f"{T}history").content.decode()
    assert listed.count('class="struck"') == 2
    assert listed.count(f'void</span> since <a href="{T}history/{void}">entry {void}</a>') == 2
    for number in (state().decisions[0].entry.number, state().signatures[0].entry.number):
        page = browser.get(f"{T}history/{number}")
        assert 'class="struck"' in page.content.decode()
        assert f"Void since entry {void}, which changed what it rested on." in words(page)


def test_a_patient_page_refuses_what_others_may_do() -> None:
    """A viewer reads a patient, and cannot write."""
    first_cohort()
    assert amend("vera", "01", "1", 1, 1, why="mine").status_code == 403
    assert state().patients["01"].row.dlt is False
