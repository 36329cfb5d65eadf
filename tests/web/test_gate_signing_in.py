"""Signing in, staying, leaving: what an attacker tries at the door."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.web import client

SESSION = "escalate-session"
WRONG = "a wrong password"


def sign_in(browser: Any, name: str, password: str = client.PASSWORD, **fields: str) -> Any:
    """Fill in the sign-in page."""
    return client.send(browser, "/sign-in", {"name": name, "password": password, **fields})


def is_in(browser: Any) -> bool:
    """Return whether a browser is signed in."""
    return bool(browser.get("/trials/").status_code == 200)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a clock that a test sets forward."""

    class Clock:
        ahead = 0.0

        def time(self) -> float:
            return time.time() + self.ahead

    clock = Clock()
    from escalate.web import middleware

    monkeypatch.setattr(middleware, "time", clock)
    return clock


def test_in_and_out(fresh: Path) -> None:
    """A person signs in by the page and out by the button; both are noted, and the session is gone from the server."""
    from django.contrib.sessions.models import Session

    browser = client.browser()
    assert not is_in(browser)
    response = sign_in(browser, "vera")
    assert (response.status_code, response.headers["Location"]) == (303, "/trials/")
    assert is_in(browser)
    stolen = browser.cookies[SESSION].value
    assert client.send(browser, "/sign-out", {}, page="/password").status_code == 303
    assert not is_in(browser)
    assert not Session.objects.filter(session_key=stolen).exists()
    thief = client.browser()
    thief.cookies[SESSION] = stolen
    assert not is_in(thief)
    assert [(e.kind, e.by, e.content["address"]) for e in client.notes()[-2:]] == [
        ("signed_in", "vera", "127.0.0.1"),
        ("signed_out", "vera", "127.0.0.1"),
    ]


def test_a_link_does_not_sign_out(pages: Path) -> None:
    """Only the button signs out: an address that somebody else made one follow does nothing."""
    browser = client.browser("vera")
    browser.get("/sign-out")
    assert is_in(browser)


def test_a_planted_session_is_not_taken(pages: Path) -> None:
    """The session of a person who signed in is none that anybody knew before (session fixation)."""
    for planted in ("a" * 32, "../../x", "é", client.browser("nora").cookies[SESSION].value):
        browser = client.browser()
        browser.cookies[SESSION] = planted
        browser.get("/sign-in")
        if is_in(browser):
            client.send(browser, "/sign-out", {}, page="/password")
            browser.cookies[SESSION] = planted
        sign_in(browser, "vera")
        assert is_in(browser)
        assert browser.cookies[SESSION].value != planted
        thief = client.browser()
        thief.cookies[SESSION] = planted
        assert not is_in(thief)


def test_cookies(pages: Path) -> None:
    """No script reads a cookie, no other site sends it, and it ends with the browser."""
    browser = client.browser()
    response = sign_in(browser, "vera")
    for cookie in (response.cookies[SESSION], browser.cookies["escalate-form"]):
        assert cookie["httponly"]
        assert cookie["samesite"] == "Strict"
        assert cookie["path"] == "/"
        assert not cookie["domain"]
        assert not cookie["max-age"]
        assert not cookie["expires"]


def test_behind_https(tmp_path: Path) -> None:
    """Behind https cookies are secure and bound to the host, browsers are told to stay with https, and http leads there."""
    from escalate.web.settings import Serving

    with client.closing():
        client.set_up(tmp_path / "record.db", serving=Serving(hosts=("trials.example.org",), https=True))
        browser = client.browser(SERVER_NAME="trials.example.org")
        assert browser.get("/sign-in").headers["Location"] == "https://trials.example.org/sign-in"
        safe = {"secure": True}
        page = browser.get("/sign-in", **safe)
        assert page.headers["Strict-Transport-Security"] == "max-age=31536000"
        filled = {**client.hidden(page), "name": "vera", "password": client.PASSWORD}
        origin = {"HTTP_ORIGIN": "https://trials.example.org"}
        assert browser.post("/sign-in", filled, **safe, HTTP_ORIGIN="https://evil.example").status_code == 403
        assert browser.post("/sign-in", filled, **safe, HTTP_ORIGIN="http://trials.example.org").status_code == 403
        response = browser.post("/sign-in", filled, **safe, **origin)
        assert response.status_code == 303
        for cookie in (response.cookies[f"__Host-{SESSION}"], browser.cookies["__Host-escalate-form"]):
            assert cookie["secure"]
            assert cookie["httponly"]
        assert browser.get("/trials/", **safe).status_code == 200
        for more in (safe, {}):
            refused = browser.get("/sign-in", HTTP_HOST="evil.example", **more)
            assert refused.status_code == 400
            assert "default-src 'none'" in refused.headers["Content-Security-Policy"]
            assert refused.headers["X-Content-Type-Options"] == "nosniff"


def test_an_idle_session_ends(fresh: Path, clock: Any) -> None:
    """After half an hour without a look the person is signed out, is told why, and comes back to the same page."""
    browser = client.browser("vera")
    clock.ahead = 29 * 60
    assert is_in(browser)
    clock.ahead += 29 * 60
    assert is_in(browser)
    clock.ahead += 31 * 60
    response = browser.get("/trials/tvec/history")
    assert response.headers["Location"] == "/sign-in?next=%2Ftrials%2Ftvec%2Fhistory&ended=1"
    assert "nothing was done for a while" in browser.get(response.headers["Location"]).content.decode()
    assert client.notes("session_ended")[-1].by == "vera"
    clock.ahead = 0
    assert not is_in(browser)


@pytest.mark.parametrize("how", ["idle", "gone"])
def test_a_form_sent_after_the_session_is_told_to_be_lost(fresh: Path, clock: Any, how: str) -> None:
    """Whoever decides in a session that has ended is told that nothing was recorded, and comes back to the form."""
    from escalate.conduct import store

    browser, address = client.browser("stan"), f"/trials/{client.TRIAL}/decide"
    head = store.load(client.TRIAL).head
    form = client.hidden(browser.get(address))
    if how == "idle":
        clock.ahead = 31 * 60
    else:
        del browser.cookies[SESSION]
    fields = {**form, "choice": "accept", "password": client.PASSWORD, "meaning": "authorship"}
    lost = browser.post(address, fields)
    assert lost.status_code == 302
    page = browser.get(lost.headers["Location"]).content.decode()
    assert "Your session had ended: what you sent just now was not recorded." in page
    clock.ahead = 0
    back = browser.post(
        "/sign-in",
        {**client.hidden(browser.get(lost.headers["Location"])), "name": "stan", "password": client.PASSWORD},
    )
    assert (back.status_code, back.headers["Location"]) == (303, address)
    assert store.load(client.TRIAL).head == head


def test_a_part_of_a_page_that_is_sent_is_told_to_be_lost(fresh: Path) -> None:
    """Looking at a form first, in a session that has ended, leads to the sign-in page and back to the form."""
    answer = client.post(client.browser(HTTP_HX_REQUEST="true"), "/trials/tvec/enter", {"preview": "1"})
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/sign-in?next=%2Ftrials%2Ftvec%2Fenter&lost=1"


def test_signing_out_twice_loses_nothing(fresh: Path) -> None:
    """To sign out where nobody is signed in is nothing that could be lost."""
    assert client.post(client.browser(), "/sign-out").headers["Location"] == "/sign-in"


def test_a_session_ends_after_half_a_day(fresh: Path, clock: Any) -> None:
    """Even one that is always in use ends after twelve hours."""
    browser = client.browser("vera")
    for minutes in range(0, 12 * 60, 20):
        clock.ahead = minutes * 60
        assert is_in(browser)
    clock.ahead = 12 * 3600
    assert not is_in(browser)


def test_browsing_writes_nothing(fresh: Path, clock: Any) -> None:
    """Looking at pages writes to the database once a minute at most."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    browser = client.browser("vera")
    browser.get("/trials/")

    def written() -> list[str]:
        with CaptureQueriesContext(connection) as queries:
            for address in ("/trials/", "/trials/tvec/", "/trials/tvec/history", "/password", "/healthz"):
                assert browser.get(address).status_code == 200
        return [q["sql"][:60] for q in queries if not q["sql"].startswith(("SELECT", "PRAGMA"))]

    assert written() == []
    clock.ahead = 61
    assert any(sql.startswith("UPDATE") for sql in written())
    assert written() == []


def test_the_sixth_wrong_password_is_not_even_tried(fresh: Path) -> None:
    """Five wrong passwords lock an account for a quarter of an hour; the right one is then refused as well."""
    from axes.models import AccessAttempt

    browser = client.browser()
    for _ in range(4):
        response = sign_in(browser, "vera", WRONG)
        assert response.status_code == 422
        assert "Name or password is not right." in response.content.decode()
    assert sign_in(browser, "vera", WRONG).status_code == 429
    for password in (WRONG, client.PASSWORD):
        response = sign_in(browser, "vera", password)
        assert response.status_code == 429
        assert response.headers["Retry-After"] == "900"
        assert "15 minutes" in response.content.decode()
    # From another address, and for other spellings of the name, it is locked all the same.
    assert sign_in(client.browser(REMOTE_ADDR="10.0.0.9"), "vera", client.PASSWORD).status_code == 429
    assert sign_in(client.browser(REMOTE_ADDR="10.0.0.9"), " VERA ", client.PASSWORD).status_code == 429
    assert sign_in(browser, "stan").status_code == 303
    kinds = [entry.kind for entry in client.notes() if entry.by == "vera"]
    assert kinds.count("sign_in_failed") == 4
    assert kinds.count("locked_out") >= 1
    AccessAttempt.objects.update(attempt_time=datetime.now(UTC) - timedelta(minutes=16))
    assert sign_in(client.browser(), "vera").status_code == 303


def test_one_address_cannot_try_many_accounts(fresh: Path) -> None:
    """Twenty wrong passwords from one address lock it, whichever accounts they were for; others are not concerned."""
    browser = client.browser(REMOTE_ADDR="10.0.0.7")
    answers = [sign_in(browser, f"name{k}", WRONG).status_code for k in range(22)]
    assert answers == [422] * 19 + [429] * 3
    assert sign_in(browser, "stan").status_code == 429
    assert sign_in(client.browser(REMOTE_ADDR="10.0.0.8"), "stan").status_code == 303


def test_a_right_password_forgives_wrong_ones(fresh: Path) -> None:
    """Whoever remembers the password in time begins anew; the address does not forget those of other accounts."""
    browser = client.browser()
    for _ in range(3):
        for _ in range(4):
            assert sign_in(client.browser(), "vera", WRONG).status_code == 422
        assert sign_in(browser, "vera").status_code == 303
        browser = client.browser()


def test_unknown_names_are_as_known_ones(fresh: Path) -> None:
    """Wrong passwords of known, unknown and shut accounts get the same page, after the same work."""
    from escalate.conduct import accounts
    from escalate.conduct.actor import Actor

    accounts.set_active("nora", False, Actor("lead", "tests", everywhere=True))
    pages, times = [], []
    for name, password in (("vera", WRONG), ("nobody-known", WRONG), ("nora", client.PASSWORD), ("nora", WRONG)):
        browser = client.browser()
        form = client.hidden(browser.get("/sign-in"))
        best = float("inf")
        for _ in range(2):
            begin = time.perf_counter()
            response = browser.post("/sign-in", {**form, "name": name, "password": password})
            best = min(best, time.perf_counter() - begin)
        times.append(best)
        pages.append(
            (response.status_code, response.content.decode().replace(name, "NAME").split("csrfmiddlewaretoken")[0])
        )
    assert len(set(pages)) == 1
    # One hash of argon2 takes far longer than all the rest: nobody is answered without it.
    assert min(times) > 0.4 * max(times)


def test_what_was_typed_wrongly_is_not_kept(fresh: Path) -> None:
    """Neither the record nor any table holds a wrong password, nor a name that is none, which may be a password."""
    from django.db import connection

    for name in ("vera", "my secret passphrase"):
        sign_in(client.browser(), name, "hunter2hunter2")
    connection.close()
    kept = b"".join(path.read_bytes() for path in fresh.parent.iterdir())
    assert b"hunter2hunter2" not in kept
    assert b"my secret passphrase" not in kept
    assert [entry.content["account"] for entry in client.notes("sign_in_failed")] == ["vera", ""]


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "\0",
        "ve\0ra",
        "vera'--",
        "' OR 1=1 --",
        "vera\n",
        "\ud800".encode("utf-8", "replace").decode(),
        "x" * 5000,
        "é",
        "😀",
    ],
)
def test_names_that_are_none(fresh: Path, name: str) -> None:
    """Whatever is typed as a name is refused in words."""
    response = sign_in(client.browser(), name, client.PASSWORD)
    assert response.status_code == 422
    assert not client.notes("signed_in")


def test_a_huge_password_costs_nothing_more(fresh: Path) -> None:
    """A password of a megabyte is refused, without being hashed whole."""
    assert sign_in(client.browser(), "vera", "x" * 1_000_000).status_code == 422
