"""What is typed at the door: where it leads afterwards, forms that others made, and another password."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.web import client
from tests.web.test_gate_signing_in import SESSION, WRONG, is_in, sign_in


@pytest.mark.parametrize(
    "next_",
    [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "http:evil.example",
        "javascript:alert(1)",
        "///evil.example",
        "/%0d%0aSet-Cookie:x",
        "/\r\nSet-Cookie: x=1",
        "evil.example",
        "\t//evil.example",
        " //evil.example",
    ],
)
def test_next_leads_nowhere_else(pages: Path, next_: str) -> None:
    """After the sign-in a person is on this server, whatever the address said."""
    browser = client.browser()
    response = sign_in(browser, "vera", next=next_)
    assert response.status_code == 303
    where = response.headers["Location"]
    assert where == "/trials/" or (where.startswith("/%0d%0a") and "\r" not in where)
    shown = client.hidden(client.browser().get("/sign-in", {"next": next_}))["next"]
    assert shown == where


def test_next_leads_back(pages: Path) -> None:
    """After the sign-in a person is on the page that was asked for."""
    browser = client.browser()
    way = browser.get("/trials/tvec/history?from=3").headers["Location"]
    form = client.hidden(browser.get(way))
    response = browser.post("/sign-in", {**form, "name": "vera", "password": client.PASSWORD})
    assert response.headers["Location"] == "/trials/tvec/history?from=3"


def test_forged_forms(fresh: Path) -> None:
    """A form without the token of the browser, or with that of another, does nothing, and that is noted."""
    mine, other = client.browser("vera"), client.browser("stan")
    theirs = client.hidden(other.get("/password"))["csrfmiddlewaretoken"]
    mine.get("/password")
    fields = {"old": client.PASSWORD, "new": "another long password", "again": "another long password"}
    for more in ({}, {"csrfmiddlewaretoken": theirs}, {"csrfmiddlewaretoken": "x"}, {"csrfmiddlewaretoken": "x" * 64}):
        response = mine.post("/password", {**fields, **more})
        assert response.status_code == 403
        assert "did not come from a page" in response.content.decode()
    assert [entry.by for entry in client.notes("form_refused")] == ["vera"]
    assert sign_in(client.browser(), "vera").status_code == 303
    # Nobody is signed in by a form that somebody else made either.
    assert client.browser().post("/sign-in", {"name": "vera", "password": client.PASSWORD}).status_code == 403


def test_another_password_ends_other_sessions(fresh: Path) -> None:
    """A new password takes the old one, ends every other session, and keeps this one."""
    here, there = client.browser("vera"), client.browser("vera")
    new = "another long password"
    before = here.cookies[SESSION].value
    response = client.send(here, "/password", {"old": client.PASSWORD, "new": new, "again": new})
    assert "was changed" in response.content.decode()
    assert is_in(here)
    assert not is_in(there)
    assert here.cookies[SESSION].value != before
    assert sign_in(client.browser(), "vera").status_code == 422
    assert sign_in(client.browser(), "vera", new).status_code == 303
    assert client.notes("password_changed")[-1].by == "vera"


@pytest.mark.parametrize(
    ("old", "new", "again", "words"),
    [
        (WRONG, "another long password", "another long password", "is not right; nothing was changed"),
        (client.PASSWORD, "another long password", "yet another password", "not the same"),
        (client.PASSWORD, "short", "short", "at least 12 characters"),
        (client.PASSWORD, "password1234", "password1234", "too common"),
        (client.PASSWORD, "123456789012345", "123456789012345", "entirely numeric"),
        (client.PASSWORD, client.PASSWORD, client.PASSWORD, "the password that you have"),
        ("", "", "", "nothing was changed"),
    ],
)
def test_passwords_that_are_refused(fresh: Path, old: str, new: str, again: str, words: str) -> None:
    """A new password takes the old one, and is long and not a common one."""
    browser = client.browser("vera")
    response = client.send(browser, "/password", {"old": old, "new": new, "again": again})
    assert response.status_code == 422
    assert words in response.content.decode()
    assert is_in(browser)


def test_asking_again_counts_as_well(fresh: Path) -> None:
    """Whoever sits at a session left open cannot try passwords without end."""
    browser = client.browser("vera")
    fields = {"old": WRONG, "new": "another long password", "again": "another long password"}
    answers = [client.send(browser, "/password", fields).status_code for _ in range(6)]
    assert answers == [422, 422, 422, 422, 429, 429]
    assert len(client.notes("password_refused")) == 4
    assert len(client.notes("locked_out")) == 1
    assert sign_in(client.browser(), "vera").status_code == 429
