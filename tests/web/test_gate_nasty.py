"""Strings that mean something to a database, a shell, a template or a browser, in every parameter and every field."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from escalate.web.urls import ROUTES
from tests.web import client
from tests.web.test_gate_routes import address

NASTY = (
    "' OR '1'='1",
    "'; DROP TABLE escalate_entry; --",
    '" UNION SELECT value FROM escalate_secret --',
    "1) OR (1=1",
    "%' ESCAPE '!",
    "\\'; SELECT pg_sleep(5); --",
    "$(sleep 5)",
    "{{ 7*7 }}{% debug %}",
    "../../../../etc/passwd",
    "<script>alert(1)</script>",
    "a\0b",
    "\u202egnp.exe",
    "x" * 20_000,
    "-1",
    "1e999",
    "NaN",
    "9" * 400,
    "٣",
    "😀" * 50,
)
FORMS = [
    pytest.param(route, who, id=f"{route.name}-{who}")
    for route in ROUTES
    for who in (["sofi", "cher", "root"] if route.policy != "anyone" else [None])
    if route.posts and route.name != "sign-out"
]


@pytest.mark.parametrize(
    "query",
    [
        "%ff=%fe",
        "&&&===",
        "a" * 30_000,
        "=",
        "%",
        "as_of=%00",
        "as_of=2024-99-99",
        "page=-1",
        "already=x",
        "saved=1e9",
        ";;;",
    ],
)
def test_malformed_queries(pages: Path, query: str) -> None:
    """Whatever stands behind the question mark never makes a fault of the server."""
    browser = client.browser("sofi")
    for route in ROUTES:
        where = f"{address(route)}?{query}"
        if route.name != "sign-out":
            response = browser.get(where)
            assert response.status_code < 500, where
            response.close()


@pytest.mark.parametrize("field", ["what-if", "history", "trial", "pack"])
@pytest.mark.parametrize("value", NASTY, ids=range(len(NASTY)))
def test_nasty_queries(pages: Path, field: str, value: str) -> None:
    """Parameters of pages that are read take no part in any statement or template."""
    browser = client.browser("sofi")
    route = next(route for route in ROUTES if route.name == field)
    names = {
        "as_of",
        "already",
        "saved",
        "after",
        "before",
        "page",
        "kind",
        "level",
        "dlt",
        "n",
        "text",
        "outcomes",
        "from",
        "compare",
    }
    response = browser.get(address(route), dict.fromkeys(names, value))
    assert response.status_code < 500
    assert "<script>alert(1)" not in response.content.decode()


def fields_of(browser: Any, where: str) -> set[str]:
    """Return the names of the fields of a page's forms."""
    return set(
        re.findall(r'<(?:input|select|textarea|button)[^>]*\sname="([^"]+)"', browser.get(where).content.decode())
    )


@pytest.mark.parametrize(("route", "who"), FORMS)
def test_nasty_fields(fresh: Path, route: Any, who: str | None) -> None:
    """Each field of each form takes what means something to a database, shell or template as text, or refuses it in words."""
    from escalate.conduct import store
    from escalate.conduct.chain import faults_of

    browser = client.browser(who)
    where = address(route)
    page = browser.get(where)
    if page.status_code in {403, 404}:
        return
    names = fields_of(browser, where)
    free = names - {"csrfmiddlewaretoken", "seen", "request"}
    for value in NASTY:
        tries = [{field: value} for field in sorted(names - {"csrfmiddlewaretoken"})]
        for filled in [*tries, dict.fromkeys(free, value)]:
            response = browser.post(where, {**client.hidden(page), **filled})
            assert response.status_code in {200, 303, 404, 409, 422, 429}, (sorted(filled), value[:30])
            text = response.content.decode()
            assert "<script>alert(1)" not in text
            assert "Traceback" not in text
    assert list(faults_of(client.TRIAL, store.entries_of(client.TRIAL))) == []
