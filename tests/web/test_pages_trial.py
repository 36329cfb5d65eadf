"""The pages of a trial, as its people read them from the first cohort to the end."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.web import client
from tests.web.pages_story import T, amend, approve, close, cohort, decide, enter, first_cohort, state, words

pytestmark = pytest.mark.usefixtures("fresh")


def page(who: str, address: str = T, status: int = 200) -> str:
    response = client.browser(who).get(address)
    assert response.status_code == status
    return words(response)


def test_the_list_says_what_each_trial_waits_for() -> None:
    """A trial stands in the list of those with a role, with what it waits for; whoever can do it finds the way there."""
    assert "cohort 1, 3 patients at level 1 · Enter cohort 1" in page("sita", "/trials/")
    seen = page("vera", "/trials/")
    assert "cohort 1, 3 patients at level 1" in seen
    assert "Enter cohort 1" not in seen
    assert "You have a role in no trial yet" in page("nora", "/trials/")
    assert "You may give roles in this trial" in page("root", "/trials/")


def test_one_clear_button_for_each_role() -> None:
    """The page leads whoever can act, and tells others whose turn it is."""
    assert "Enter cohort 1" in page("sita")
    assert "This takes a person with the role of site" in page("cher")
    assert enter("sita", cohort(1, 1, [("01", ""), ("02", "0"), ("03", "0")])).status_code == 303
    waiting = page("stan")
    assert "Waiting for the outcome of patient 01." in waiting
    assert "Report the outcome of 01" in waiting
    assert "This takes a person with the role of site or statistician" in page("cher")
    assert amend("sita", "01", "0", 1, 1).status_code == 303
    assert "What to do next The data are complete. Decide on what comes next. Decide" in page("cher")
    assert "This takes a person with the role of statistician or chair" in page("sita")


def test_a_trial_from_start_to_end() -> None:
    """Cohorts, a departure upward with its second person, a correction that voids it visibly, a new decision, the end."""
    first_cohort()
    assert "Treat the next 3 patients at level 2 (4 x 10⁸ PFU; 10⁸ PFU/mL, up to 4 mL): escalate." in page("vera")
    done = decide("cher", "higher", level="3", reason="known from melanoma")
    assert done.status_code == 303
    assert "Recorded as entry" in words(client.browser("cher").get(done.headers["Location"]))
    assert "Your decision goes beyond what the design recommends" in page("cher")
    assert "Nobody is treated before a second person agrees: 3 patients at level 3" in page("vera")
    assert "another person with the role of statistician or chair" in page("cher")
    assert "Your second opinion is asked for: the decision of cher" in page("stan")
    assert "your second opinion · Give your second opinion" in page("stan", "/trials/")
    assert "You decided this" in page("cher", f"{T}approve")
    assert approve("stan", "1").status_code == 303
    seen = page("vera")
    assert "stan agrees" in seen
    assert "signed by Cher Test, “I made this decision”" in seen
    assert "signed by Stan Test, “I approve this”" in seen
    assert enter("sita", cohort(2, 3, [("04", "0"), ("05", "1"), ("06", "0")])).status_code == 303
    assert amend("sita", "02", "1", 1, 1, why="reclassified by the board").status_code == 303
    seen = page("cher")
    number = state().last.number
    assert f"void since entry {number}" in seen
    assert seen.count(f"Void since entry {number}:") == 2
    assert decide("cher", "stop", reason="enough is known").status_code == 303
    assert "Close the trial" in page("cher")
    assert close("cher", "1", reason="safety").status_code == 303
    seen = page("cher")
    assert "Closed with level 1 (4 x 10⁷ PFU; 10⁷ PFU/mL, up to 4 mL) as the MTD." in seen
    assert "safety" in seen
    assert "The trial is closed; nothing is decided any more" in page("cher", f"{T}decide")
    assert "The trial is closed already" in page("cher", f"{T}close")


def test_a_refused_second_opinion_needs_a_reason_and_leads_to_a_new_decision() -> None:
    """Not agreeing says why; nobody is treated, and the page asks for another decision."""
    first_cohort()
    decide("cher", "higher", level="3", reason="known from melanoma")
    refused = approve("stan", "0")
    assert refused.status_code == 422
    assert "say why you do not agree" in words(refused)
    assert approve("stan", "0", reason="too steep").status_code == 303
    seen = page("stan")
    assert "did not agree with entry" in seen
    assert "too steep" in seen
    assert "refused by the second person" in seen


def test_the_patient_page_shows_every_change() -> None:
    """What stood there before stays: old, new, who, when and why."""
    first_cohort()
    amend("sita", "02", "1", 1, 1, why="reclassified by the board")
    seen = page("vera", f"{T}patients/02")
    assert "DLT: before no → now yes" in seen
    assert "Reason: reclassified by the board" in seen
    assert "by sita" in seen
    assert "Report an outcome, or amend" not in seen
    assert page("vera", f"{T}patients/99", 404)


def test_history_and_entries() -> None:
    """Every entry in words, newest first; one kind alone; each with its body and hashes."""
    first_cohort()
    decide("cher", "accept")
    seen = page("vera", f"{T}history")
    assert seen.index("Decided: 3 patients at level 2") < seen.index("The trial was opened under the design")
    assert "01: no DLT" in seen
    filtered = page("vera", f"{T}history?kind=entered")
    assert "1 entry, newest first" in filtered
    assert "Decided" not in filtered
    last = state().last
    entry = page("vera", f"{T}history/{last.number}")
    assert last.hash in entry
    assert last.previous in entry
    assert page("vera", f"{T}history/0", 404)
    assert page("vera", f"{T}history/999", 404)
    assert page("vera", f"{T}history/{'9' * 40}", 404)


def test_signing_later() -> None:
    """A decision is signed by others later, once each with one meaning; what cannot be signed is not there."""
    first_cohort()
    decide("cher", "accept")
    subject = state().decision.entry.hash
    assert "Sign entry" in page("stan")
    address = f"{T}sign/{subject}"
    assert "3 patients at level 2" in page("stan", address)
    signed = {"meaning": "review", "password": client.PASSWORD}
    assert client.send(client.browser("stan"), address, signed).status_code == 303
    assert "signed by Stan Test, “I reviewed this”" in page("vera")
    again = client.send(client.browser("stan"), address, signed)
    assert again.status_code == 422
    assert "signed this already" in words(again)
    assert page("stan", f"{T}sign/{state().opened.hash}", 404)


def test_the_meeting_pack_holds_what_a_meeting_needs() -> None:
    """Recommendation, data, table, one more DLT, open decisions, lines to sign, head, time, version and design."""
    from escalate import __version__

    first_cohort()
    seen = page("vera", f"{T}pack")
    for part in (
        "Treat the next 3 patients at level 2",
        "What one more DLT would do",
        "Decision table",
        "After the next cohort",
        "Data so far",
        "Signature",
        "UTC",
        f"escalate {__version__}",
        state().head,
        state().version.kept.sha256,
        "Synthetic outcomes",
    ):
        assert part in seen


def test_what_if_is_not_the_record() -> None:
    """Made-up outcomes get an answer, the page says what it is, and nothing is written."""
    first_cohort()
    before = state().head
    seen = page("vera", f"{T}what-if?next=2NNT")
    assert "What if: nothing here is recorded" in seen
    assert "What if 2NNT: the design would say Treat the next 3 patients at level 2" in seen
    assert "level 9 does not exist" in page("vera", f"{T}what-if?next=9NN")
    assert page("vera", f"{T}what-if?next={'1NNN+' * 30}")
    enter("sita", cohort(2, 2, [("04", "")], deviation="treated before the decision"))
    assert "Waiting for the outcome of patient 04." in page("vera", f"{T}what-if")
    assert "Treat" in page("vera", f"{T}what-if?o3=T")
    assert state().decisions == ()
    assert client.browser("vera").post(f"{T}what-if").status_code in {403, 405}
    assert before in page("vera", f"{T}history?kind=entered") or state().last.kind == "entered"


def test_people_are_given_roles() -> None:
    """An administrator gives and takes roles by account; one that is not there is named."""
    assert "Sofi Testsite, statistician" in page("adam", f"{T}people")
    give = f"{T}people"
    assert client.send(client.browser("adam"), give, {"person": "nora", "roles": ["viewer", "site"]}).status_code == 303
    assert state().roles_of("nora") == {"viewer", "site"}
    assert client.send(client.browser("adam"), give, {"person": "nora"}).status_code == 303
    assert state().roles_of("nora") == frozenset()
    wrong = client.send(client.browser("adam"), give, {"person": "nobody", "roles": ["site"]})
    assert wrong.status_code == 422
    assert "there is no account 'nobody'" in words(wrong)
    server = client.send(client.browser("root"), give, {"person": "nora", "roles": ["viewer"]})
    assert "Recorded as entry" in page("root", server.headers["Location"])
    away = client.send(client.browser("adam"), give, {"person": "adam"})
    assert page("adam", away.headers["Location"])
    assert page("adam", give, 404)


def test_files_to_take_away(fresh: Path) -> None:
    """The data as every command reads them, the history safe in spreadsheets, the whole record."""
    enter("sita", cohort(1, 1, [("01", "0")]))
    amend("sita", "01", "1", 1, 1, why="=HYPERLINK(1)")
    data = client.browser("vera").get(f"{T}data.csv")
    assert data.content.decode() == "patient,cohort,level,dlt,evaluable,reason\n01,1,1,1,1,\n"
    assert "attachment" in data.headers["Content-Disposition"]
    assert ",'=HYPERLINK(1)," in client.browser("vera").get(f"{T}history.csv").content.decode()
    assert client.browser("vera").get(f"{T}archive.zip").content[:2] == b"PK"
    assert client.browser("nora").get(f"{T}archive.zip").status_code == 404


def test_a_closing_above_the_selected_level_needs_a_second_person() -> None:
    """It stands beside what the design selects; refused, the trial goes on; agreed, it holds until data change."""
    first_cohort()
    decide("cher", "higher", level="3", reason="known from melanoma")
    approve("stan", "1")
    enter("sita", cohort(2, 3, [("04", "1"), ("05", "1"), ("06", "1")]))
    assert close("cher", "3", reason="benefit").status_code == 303
    seen = page("stan", f"{T}approve")
    assert "Closing: Level 3 (8 x 10⁸ PFU; 10⁸ PFU/mL, up to 8 mL) as the MTD is declared" in seen
    assert "The design selects level 1" in seen
    assert approve("stan", "0", reason="too toxic").status_code == 303
    assert state().is_open
    assert close("cher", "3", reason="benefit").status_code == 303
    assert approve("stan", "1").status_code == 303
    assert "Closed with level 3" in page("vera")
    assert "no patient is entered any more" in page("sita", f"{T}enter")
    amend("sita", "04", "0", 2, 3, why="not related")
    seen = page("cher")
    assert "The closing is void" in seen
    assert close("cher", "1", reason="safety").status_code == 303
    assert "Closed with level 1" in page("vera")


def test_an_amended_design_stands_in_the_history_with_what_it_changes() -> None:
    """Its settings, the answers before and after, and the reason; the page cannot do it, and says how it is done."""
    from escalate.conduct import changing
    from escalate.conduct.actor import Actor
    from escalate.conduct.design_lock import lock
    from tests.helpers import ROOT

    first_cohort()
    design = lock(str(ROOT / "designs" / "tvec-liver-crm.yaml"))
    changing.amend_design(client.TRIAL, design, "the regulator asked", Actor("lead", "tests", everywhere=True))
    seen = page("vera", f"{T}history?kind=design_amended")
    assert "The design was amended: tvec-liver-crm.yaml." in seen
    assert "method.kind: boin, now crm" in seen
    assert "Reason: the regulator asked" in seen
    seen = page("stan")
    assert "tvec-liver-crm.yaml, version 2, locked" in seen
    assert f"escalate trial amend {client.TRIAL} --design FILE" in seen
    number = state().last.number
    assert client.send(
        client.browser("stan"), f"{T}sign/{state().last.hash}", {"meaning": "approval", "password": client.PASSWORD}
    ).status_code == 303  # fmt: skip
    assert "I approve this" in page("vera", f"{T}history/{number}")


def test_a_changed_record_is_shown_to_nobody(fresh: Path) -> None:
    """Where an entry is not what was written, the page says so and concludes nothing; other trials go on."""
    import sqlite3

    from django.db import connections

    from escalate.conduct import store

    first_cohort()
    connections.close_all()
    with sqlite3.connect(fresh) as database:
        names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
        for name in names:
            database.execute(f"DROP TRIGGER {name}")
        database.execute("UPDATE escalate_entry SET body = replace(body, 'false', 'true') WHERE kind = 'entered'")
    database.close()
    store.forget()
    shown = client.browser("cher").get(T)
    assert shown.status_code == 500
    assert "This record was changed" in words(shown)
    assert "Treat the next" not in words(shown)
    assert client.browser("cher").get("/trials/").status_code == 200
    assert "This record was changed" in page("root", "/trials/")
