"""What every answer carries, and what no request can do: headers, bodies, addresses, hosts, strings with a meaning elsewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from escalate.web.urls import ROUTES
from tests.web import client
from tests.web.test_gate_routes import address

POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "font-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
}


def check_headers(response: Any) -> None:
    """Hold the headers that every answer has."""
    assert set(response.headers["Content-Security-Policy"].split("; ")) == POLICY
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["X-Frame-Options"] == "DENY"
    assert response.headers["Referrer-Policy"] == "same-origin"
    assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in response.headers["Permissions-Policy"]
    assert "Strict-Transport-Security" not in response.headers
    assert "Server" not in response.headers
    assert "X-Powered-By" not in response.headers
    assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize("route", [pytest.param(route, id=route.name) for route in ROUTES])
@pytest.mark.parametrize("who", ["sofi", None])
def test_headers(pages: Path, route: Any, who: str | None) -> None:
    """Every answer of every route has the headers, and is kept by no browser; the same for refusals and pages that are none."""
    browser = client.browser(who)
    for where in (address(route), f"{address(route)}/none", address(route).replace(client.TRIAL, client.OTHER)):
        response = browser.get(where)
        check_headers(response)
        assert response.headers["Cache-Control"] == "no-store"
        content = b"".join(response.streaming_content) if response.streaming else response.content
        text = content.decode("utf-8", "replace")
        kept = "attachment" in response.headers.get("Content-Disposition", "")
        # A document to be kept has its styles in it, and a policy of its own; no browser shows it as a page of this site.
        looks = "" if kept else r"|<style|\sstyle="
        assert not re.search(rf"<script(?![^>]*\bsrc=)|\son\w+=|javascript:{looks}", text), where
        assert not re.search(r'(?:src|href|action)="(?:https?:)?//', text), where


def test_static_files(pages: Path) -> None:
    """Styles and scripts are kept for good under the name of their content, and are asked for anew under their own."""
    from escalate.web.static_files import hashed_names

    browser = client.browser()
    assert "vendor/htmx.min.js" in hashed_names()
    for name, hashed in hashed_names().items():
        for where, kept in ((name, False), (hashed, True)):
            response = browser.get(f"/static/{where}")
            b"".join(response.streaming_content)
            response.close()
            assert response.status_code == 200
            check_headers(response)
            assert ("immutable" in response.headers["Cache-Control"]) is kept
            assert "no-store" not in response.headers["Cache-Control"]
            assert not response.cookies
    tag = browser.get("/static/escalate.css")
    tag.close()
    again = browser.get("/static/escalate.css", HTTP_IF_NONE_MATCH=tag.headers["ETag"])
    again.close()
    assert again.status_code == 304
    page = browser.get("/sign-in").content.decode()
    assert f"/static/{hashed_names()['escalate.css']}" in page


@pytest.mark.parametrize(
    "where",
    [
        "/static/../settings.py",
        "/static/%2e%2e/settings.py",
        "/static/..%2f..%2fconduct/models.py",
        "/static//etc/passwd",
        "/static/%00",
        "/static/",
        "/static/vendor",
        "/static/vendor/../../urls.py",
        "/static/..\\settings.py",
        "/static/escalate.css%00.js",
        "//etc/passwd",
        "/trials/../../../etc/passwd",
        "/trials/..%2f..%2fetc%2fpasswd/",
        "/trials/tvec/patients/../../../../etc/passwd",
        "/trials/tvec/patients/..%2f..%2f..%2fescalate.db",
        "/trials/tvec/archive.zip/../../escalate.db",
        "/trials/tvec/sign/..%2f..%2fsecret",
        "/.git/config",
        "/admin/",
        "/escalate.db",
    ],
)
@pytest.mark.parametrize("who", ["sofi", None])
def test_no_way_to_other_files(pages: Path, where: str, who: str | None) -> None:
    """Addresses that climb lead to no file, and to no fault."""
    response = client.browser(who).get(where)
    assert response.status_code in {302, 404}
    assert b"root:" not in response.content
    assert b"SQLite format" not in response.content
    assert b"def " not in response.content


@pytest.mark.parametrize(
    "raw",
    [
        "/%ff%fe",
        "/trials/%c0%af/",
        "/trials/%ed%a0%80/",
        "/trials/tvec/history/%d9%a3",
        "/trials/tvec/history/9999999999999999999",
        "/trials/tvec/history/0",
        "/trials/tvec/patients/%00",
        "/trials/tvec/patients/%ff",
        "/%",
        "/%zz",
        "/trials/%25%30%30/",
        "/\x01",
    ],
)
def test_malformed_addresses(pages: Path, raw: str) -> None:
    """Bytes that are no text, numbers without end and half an escape are pages that are not there."""
    for who in ("sofi", None):
        assert client.browser(who).get(raw).status_code in {302, 404}


def test_huge_bodies(pages: Path) -> None:
    """A body of more than 2 MB is refused in a sentence, whatever it says it is, and without being kept."""
    browser = client.browser("sofi")
    big = "x" * (2 * 1024 * 1024 + 1)
    for where in ("/sign-in", "/trials/tvec/enter", "/trials/tvec/history", "/none"):
        response = browser.post(where, {"csrfmiddlewaretoken": client.token(browser), "text": big})
        assert response.status_code == 413
        assert "larger than 2 MB" in response.content.decode()
        check_headers(response)
        assert browser.post(where, big, content_type="application/json").status_code == 413


def test_too_many_fields(pages: Path) -> None:
    """A form of thousands of fields is refused in a sentence."""
    browser = client.browser("sofi")
    body = "&".join([f"csrfmiddlewaretoken={client.token(browser)}", *(f"f{k}=1" for k in range(5000))])
    response = browser.post("/trials/tvec/enter", body, content_type="application/x-www-form-urlencoded")
    assert response.status_code == 400
    assert "more fields" in response.content.decode()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\xff\xfe%zz&&=", "application/x-www-form-urlencoded"),
        (b"--x\r\nnothing", "multipart/form-data; boundary=x"),
        (b"--x\r\n", "multipart/form-data"),
        (b"{", "application/json"),
        (b"<x/>", "text/xml"),
        (b"a=1", "application/x-www-form-urlencoded; charset=none-such"),
        (b"\0\0\0", ""),
    ],
)
def test_bodies_that_are_no_form(pages: Path, body: bytes, kind: str) -> None:
    """A body that is no form is a form that did not come from here."""
    browser = client.browser("sofi")
    token = client.token(browser)
    for headers in ({}, {"HTTP_X_CSRFTOKEN": token}):
        for where in ("/sign-in", "/password", "/trials/tvec/enter", "/trials/tvec/people"):
            response = browser.generic("POST", where, body, content_type=kind, **headers)
            assert response.status_code in {200, 400, 403, 422}


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "",
        "a b",
        "localhost:80:80",
        "[::2]",
        "\u00e9",
    ],
)
def test_other_hosts(pages: Path, host: str) -> None:
    """The server answers under its own names alone, so that no other site can borrow it; the answer names what to do."""
    response = client.browser().get("/sign-in", HTTP_HOST=host)
    assert response.status_code == 400
    assert "--allow-host" in response.content.decode()
    check_headers(response)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]:8000"])
def test_own_hosts(pages: Path, host: str) -> None:
    """The names of this machine are its own."""
    assert client.browser().get("/sign-in", HTTP_HOST=host).status_code == 200


def test_forwarded_headers_are_not_believed(pages: Path) -> None:
    """Nobody changes address, host or scheme by headers of the request."""
    headers = {
        "HTTP_X_FORWARDED_FOR": "1.2.3.4",
        "HTTP_X_FORWARDED_HOST": "evil.example",
        "HTTP_X_FORWARDED_PROTO": "https",
    }
    browser = client.browser()
    client.send(browser, "/sign-in", {"name": "vera", "password": "wrong"})
    form = client.hidden(browser.get("/sign-in", **headers))
    browser.post("/sign-in", {**form, "name": "vera", "password": "wrong"}, **headers)
    assert {entry.content["address"] for entry in client.notes("sign_in_failed")} == {"127.0.0.1"}


def test_a_part_of_a_page_leads_to_the_sign_in_page(pages: Path) -> None:
    """Where the sign-in ended, a request of a part of a page has the browser go to the sign-in page as a whole."""
    response = client.browser().get("/trials/tvec/", HTTP_HX_REQUEST="true")
    assert (response.status_code, response.headers["HX-Redirect"]) == (401, "/sign-in")


def test_health_says_no_more_than_needed(pages: Path) -> None:
    """Whoever watches the server learns that it answers, and nothing of what it holds."""
    assert client.browser().get("/healthz").content == b"ok\n"


def test_a_fault_of_a_page_tells_nothing(pages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of the program is a page in words, without its inside."""
    from escalate.web import signing_in

    def fails(request: Any) -> Any:
        raise ZeroDivisionError("secret of the inside")

    monkeypatch.setattr(signing_in, "_form", fails)
    response = client.browser().get("/sign-in")
    assert response.status_code == 500
    assert "secret of the inside" not in response.content.decode()
    check_headers(response)


def test_a_database_that_goes_away_and_comes_back(fresh: Path) -> None:
    """While the database is away every page says so, with 503 and when to try again; then all is as before."""
    from django.db import connection

    browser = client.browser("vera")
    assert browser.get("/trials/").status_code == 200
    away = fresh.with_suffix(".away")
    connection.close()
    fresh.rename(away)
    fresh.mkdir()
    for where in ("/trials/", "/trials/tvec/", "/healthz", "/password"):
        response = browser.get(where)
        assert response.status_code == 503, where
        assert "the database" in response.content.decode().lower()
    form = client.post(client.browser(), "/sign-in", {"name": "vera", "password": client.PASSWORD})
    assert form.status_code == 503
    connection.close()
    fresh.rmdir()
    away.rename(fresh)
    assert browser.get("/trials/").status_code == 200


def test_a_database_that_cannot_be_written_can_be_read(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk is full, pages are shown, refusals stand, and nobody is signed in without a note of it."""
    from escalate.conduct import store
    from escalate.conduct.errors import UnavailableError

    def full(*rest: Any) -> Any:
        raise UnavailableError("record.db: the disk is full; nothing was saved by this, and nothing saved is lost")

    browser = client.browser("vera")
    monkeypatch.setattr(store, "note", full)
    assert browser.get("/trials/tvec/").status_code == 200
    assert browser.get("/trials/tvec/enter").status_code == 403
    assert browser.get("/trials/other/").status_code == 404
    guest = client.browser()
    assert client.send(guest, "/sign-in", {"name": "vera", "password": client.PASSWORD}).status_code == 503
    assert guest.get("/trials/").status_code == 302
