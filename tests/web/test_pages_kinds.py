"""Pages of trials of other kinds: dates, graded outcomes, model-based methods; many patients; the demonstration."""

from __future__ import annotations

import re
import time
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from tests.helpers import ROOT
from tests.web import client
from tests.web.pages_story import T, cohort, enter, first_cohort, words

KINDS = {
    "dated": "late-onset/tvec-liver-tite-boin.yaml",
    "waiting": "late-onset/rolling_six.yaml",
    "backfilled": "late-onset/bf_boin.yaml",
    "graded": "tvec-liver-gboin.yaml",
    "ordinal": "tvec-liver-ordinal.yaml",
    "rules": "three_plus_three.yaml",
    "model": "tvec-liver-blrm.yaml",
}
PAGES = ("", "enter", "decide", "history", "pack", "what-if", "close", "approve")


@pytest.fixture(scope="module")
def kinds(pages: Path) -> Path:
    from escalate.conduct import opening
    from escalate.conduct.actor import Actor
    from escalate.conduct.design_lock import lock

    lead = Actor("lead", "tests", everywhere=True)
    for name, design in KINDS.items():
        opening.open_trial(name, lock(str(ROOT / "designs" / design)), lead)
        opening.give_roles(name, "sofi", ("site", "statistician", "chair"), lead)
    return pages


@pytest.mark.parametrize("name", KINDS)
def test_every_page_of_every_kind_of_trial(kinds: Path, name: str) -> None:
    """A trial of any kind is entered, looked at and thought ahead through the same pages."""
    from escalate.conduct import store

    base = f"/trials/{name}/"
    browser = client.browser("sofi")
    for page in PAGES:
        assert browser.get(f"{base}{page}").status_code == 200, page
    design = store.load(name).design
    size = store.load(name).design.cohort_size
    fields = {"cohort": "1", "level": str(design.start_level), "rows": str(size)}
    today = date.today()
    for k in range(1, size + 1):
        fields |= {
            f"p{k}-patient": f"0{k}",
            f"p{k}-dlt": "1" if k == 1 else "0",
            f"p{k}-outcome": design.outcomes[-1 if k == 1 else 0].letter,
            f"p{k}-treated": (today - timedelta(days=3)).isoformat(),
            f"p{k}-last_follow_up": today.isoformat(),
        }
    done = client.send(browser, f"{base}enter", fields)
    assert done.status_code == 303, words(done)
    for page in (*PAGES, "patients/01", f"what-if?next={design.start_level}{design.outcomes[0].letter * size}"):
        answer = browser.get(f"{base}{page}")
        assert answer.status_code == 200, page
    assert "<svg" in browser.get(base).content.decode()


def test_a_trial_with_dates_says_who_is_pending_and_until_when(kinds: Path) -> None:
    """The day can be chosen; pending patients stand with their windows; a day that is none is told."""
    browser = client.browser("sofi")
    client.send(browser, "/trials/waiting/enter", {})
    seen = words(browser.get("/trials/waiting/"))
    assert f"As of {date.today()} (today)" in seen
    assert "within the DLT window of" in seen
    assert "Window ends" in seen
    assert "is not a day such as" in words(browser.get("/trials/waiting/?as_of=tomorrow"))
    assert "is not here yet" in words(browser.get("/trials/waiting/?as_of=2999-01-01"))
    earlier = words(browser.get("/trials/waiting/?as_of=2000-01-01"))
    assert f"The record holds what happened up to {date.today()}, so that {date.today()} is the first day" in earlier
    assert "--as-of" not in earlier


def test_a_decision_with_dates_keeps_the_day_that_it_looked_at(kinds: Path) -> None:
    """The day on the page goes with the form onto the record; a day that is none is not looked at."""
    from escalate.conduct import store

    fields = {"choice": "stop", "reason": "for the test", "meaning": "authorship", "password": client.PASSWORD}
    page = client.browser("sofi").get("/trials/waiting/decide")
    assert f'name="as_of" value="{date.today()}"' in page.content.decode()
    assert client.send(client.browser("sofi"), "/trials/waiting/decide", fields).status_code == 303
    decision = store.load("waiting").decision
    assert decision is not None
    assert decision.analysis.body.as_of == date.today().isoformat()
    assert "Close the trial" in words(client.browser("sofi").get("/trials/waiting/"))


def test_a_day_that_has_not_come_is_told_without_options_of_commands(kinds: Path) -> None:
    """A date in the future is refused at its field, in the words of the page."""
    fields = {"rows": "1", "cohort": "1", "level": "1", "p1-patient": "77", "p1-treated": "2999-01-01"}
    for more in ({}, {"preview": "1"}):
        answer = client.send(client.browser("sofi"), "/trials/dated/enter", fields | more)
        seen = words(answer)
        assert "First dose on: 2999-01-01 has not come yet" in seen
        assert "--as-of" not in seen


def test_a_late_toxicity_is_told_to_be_no_dlt(kinds: Path) -> None:
    """A toxicity after the window is called so on every page, and never a DLT."""
    from escalate.conduct import store

    browser, design = client.browser("sofi"), store.load("backfilled").design
    days = {"treated": "2026-01-01", "dlt_date": "2026-03-01", "evaluable": "1"}
    fields = {"cohort": "1", "level": "1", "why": "late"} | days
    assert client.send(browser, "/trials/backfilled/patients/02", fields).status_code == 303
    said = "toxicity on 2026-03-01, day 59, after the window: no DLT"
    assert design.dlt_window is not None
    assert design.dlt_window < 59
    for page in ("", "patients/02", "pack"):
        seen = words(browser.get(f"/trials/backfilled/{page}"))
        assert said in seen, page
        assert "DLT on 2026-03-01" not in seen, page


def test_the_list_of_trials_names_each(kinds: Path) -> None:
    """Two trials of one title are told apart by their names."""
    seen = words(client.browser("sofi").get("/trials/"))
    assert all(name in seen for name in KINDS)


def test_made_up_cohorts_are_counted_on(kinds: Path) -> None:
    """A fault in a cohort made up names the number that the cohort would have."""
    seen = words(client.browser("sofi").get("/trials/rules/what-if", {"next": "9NNN"}))
    assert "Cohort 2 ('9NNN'): level 9 does not exist" in seen


def test_what_if_of_pending_patients(kinds: Path) -> None:
    """Outcomes of pending patients are made up one by one, on the day on which they would be known."""
    answer = words(client.browser("sofi").get("/trials/dated/what-if?o1=N&o2=N"))
    assert "the design would say" in answer
    assert "There is no recommendation" not in answer


@pytest.mark.parametrize("name", ["model", "ordinal", "dated"])
def test_thinking_far_ahead_takes_no_long_time(kinds: Path, name: str) -> None:
    """Eight cohorts made up are answered; a ninth is refused in a sentence."""
    from escalate.conduct import store

    letter = store.load(name).design.outcomes[0].letter
    browser = client.browser("sofi")
    begin = time.perf_counter()
    assert browser.get(f"/trials/{name}/what-if", {"next": f"1{letter * 3} " * 8}).status_code == 200
    assert time.perf_counter() - begin < 10
    assert "at most 8 are looked at" in words(browser.get(f"/trials/{name}/what-if", {"next": f"1{letter * 3} " * 9}))
    assert browser.get(f"/trials/{name}/what-if", {"next": "1" + letter * 119}).status_code == 200


def test_the_demonstration_keeps_the_design_of_the_examples() -> None:
    """The design of the demonstration is the one in `designs`, byte for byte."""
    kept = files("escalate.web.demo").joinpath("tvec-liver-boin.yaml").read_bytes()
    assert kept == (ROOT / "designs" / "tvec-liver-boin.yaml").read_bytes()


def test_the_start_page_is_small(fresh: Path) -> None:
    """The page of a trial with all that it loads is below 300 kB without compression."""
    first_cohort()
    browser = client.browser("cher")
    for address in ("/trials/", T, "/sign-in"):
        page = browser.get(address).content
        total = len(page)
        for link in re.findall(rb'(?:src|href)="(/static/[^"]+)"', page):
            answer = browser.get(link.decode())
            assert answer.status_code == 200
            total += len(b"".join(answer.streaming_content))
        assert total < 300_000, address


def test_a_page_of_many_patients_is_quick(fresh: Path) -> None:
    """With 60 patients and 200 entries, a page that was made once is there again at once."""
    from escalate.conduct import entering, store
    from escalate.conduct.actor import Actor
    from escalate.conduct.bodies import PatientRow

    lead = Actor("lead", "tests", everywhere=True)
    for c in range(1, 21):
        rows = [PatientRow(patient=f"{c:02}-{k}", cohort=c, level=1, dlt=False) for k in range(3)]
        deviation = None if c == 1 else "for the test"
        entering.enter(client.TRIAL, rows, lead, deviation=deviation)
    for k in range(100):
        entering.amend(client.TRIAL, "01-0", {"dlt": k % 2 == 0}, lead, reason="for the test")
    assert len(store.load(client.TRIAL).patients) == 60
    browser = client.browser("cher")
    for page in ("", "history", "pack", "patients/01-0", "decide"):
        browser.get(f"{T}{page}")
        begin = time.perf_counter()
        assert browser.get(f"{T}{page}").status_code == 200
        assert time.perf_counter() - begin < 0.5, page


def test_a_study_number_with_a_stroke_has_its_page(fresh: Path) -> None:
    """Study numbers may hold what divides addresses."""
    enter("sita", cohort(1, 1, [("01/004", "")]))
    assert "Patient 01/004" in words(client.browser("vera").get(f"{T}patients/01/004"))
    assert f'href="{T}patients/01/004"' in client.browser("sita").get(T).content.decode()
