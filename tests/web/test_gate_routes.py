"""Who may open which page: every route, every role, walked from the list of routes itself."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from escalate.conduct.permissions import MAY, Act
from escalate.web.routes import Route
from escalate.web.urls import ROUTES
from tests.web import client

NOBODY = "nobody"
ROOT = "root"
EVERYBODY = (NOBODY, ROOT, *client.PEOPLE)
OF_TRIAL = [route for route in ROUTES if isinstance(route.policy, Act)]
REST = {"patient": "absent", "subject": "0" * 64, "number": 1}
CASES = [pytest.param(route, who, id=f"{route.name}-{who}") for route in ROUTES for who in EVERYBODY]
SENDING = [
    pytest.param(route, who, id=f"{route.name}-{who}")
    for route in ROUTES
    for who in EVERYBODY
    if route.posts and route.policy != "anyone"
]
OF_OTHERS = [pytest.param(route, who, id=f"{route.name}-{who}") for route in OF_TRIAL for who in client.PEOPLE]


def address(route: Route, trial: str = client.TRIAL) -> str:
    """Return an address of a route."""
    path = route.path.replace("<str:trial>", trial)
    for name, value in REST.items():
        for kind in ("str", "path", "int"):
            path = path.replace(f"<{kind}:{name}>", str(value))
    assert "<" not in path
    return f"/{path}"


def allowed(route: Route, who: str) -> bool:
    """Return whether somebody has a role that a route asks for."""
    assert isinstance(route.policy, Act)
    if who == ROOT:
        return route.policy is Act.GIVE_ROLES
    return bool(set(client.PEOPLE[who]) & MAY[route.policy])


def plain(response: Any) -> str:
    """Return a page without the token that differs at every look."""
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", response.content.decode())


def check(route: Route, who: str, status: int) -> None:
    """Hold a status against the policy of a route; what the page itself finds missing is its own 404."""
    if route.policy == "anyone" or (route.policy == "signed in" and who != NOBODY):
        assert status < 400 or (status, route.path) == (404, "oidc/authenticate/") or status == 422
    elif who == NOBODY:
        assert status == 302
    elif isinstance(route.policy, Act) and allowed(route, who):
        assert status in {200, 303, 404, 409, 422}
        assert status != 404 or any(f":{name}>" in route.path for name in REST)
    elif who == "nora":
        assert status == 404
    else:
        assert status == 403


@pytest.mark.parametrize(("route", "who"), CASES)
def test_reading(pages: Path, route: Route, who: str) -> None:
    """A page opens for whoever has the role, is refused to whoever lacks it, and is not there for whoever has none."""
    response = client.browser(None if who == NOBODY else who).get(address(route))
    if route.name.startswith("oidc"):
        assert response.status_code == 404
        return
    check(route, who, response.status_code)


@pytest.mark.parametrize(("route", "who"), SENDING)
def test_sending(pages: Path, route: Route, who: str) -> None:
    """An empty form is never accepted from whoever lacks the role, and nothing is written by it."""
    from escalate.conduct import store

    before = store.load(client.TRIAL).head
    response = client.post(client.browser(None if who == NOBODY else who), address(route))
    check(route, who, response.status_code)
    assert store.load(client.TRIAL).head == before


@pytest.mark.parametrize("who", EVERYBODY)
def test_forms_go_only_where_a_form_is_taken(pages: Path, who: str) -> None:
    """A page that takes no form says so, to everybody alike; other methods are refused everywhere."""
    browser = client.browser(None if who == NOBODY else who)
    for route in ROUTES:
        if not route.posts:
            assert client.post(browser, address(route)).status_code == 405
        for method in (browser.put, browser.delete, browser.patch, browser.options, browser.trace):
            assert method(address(route), HTTP_X_CSRFTOKEN=client.token(browser)).status_code == 405, route.name


@pytest.mark.parametrize(("route", "who"), OF_OTHERS)
def test_trials_of_others_are_as_absent_ones(pages: Path, route: Route, who: str) -> None:
    """Whoever has no role in a trial gets the very answer that a trial that does not exist gives, word for word."""
    browser = client.browser(who)
    theirs = browser.get(address(route, client.OTHER))
    absent = browser.get(address(route, "abson"))
    assert (theirs.status_code, absent.status_code) == (404, 404)
    assert plain(theirs).replace("other", "abson") == plain(absent)
    assert sorted(theirs.headers) == sorted(absent.headers)
    if route.posts:
        assert client.post(browser, address(route, client.OTHER)).status_code == 404


@pytest.mark.parametrize(
    "name", ["system", "TVEC", "tvec ", "tvec%00", "..", "%2e%2e", "tvec%2F..%2Fother", "-", "a" * 300]
)
@pytest.mark.parametrize("who", ["sofi", ROOT])
def test_names_of_trials_that_are_none(pages: Path, who: str, name: str) -> None:
    """The chain of the system and names that no trial can have are not there, for the administrator neither."""
    assert client.browser(who).get(f"/trials/{name}/").status_code == 404


def test_trials_are_listed_by_role(pages: Path) -> None:
    """The list holds the trials in which a person has a role, and no other."""
    mine = client.browser("vera").get("/trials/").content.decode()
    assert f'"/trials/{client.TRIAL}/"' in mine
    assert f"/trials/{client.OTHER}/" not in mine
    none = client.browser("nora").get("/trials/").content.decode()
    assert "/trials/tvec" not in none
    assert "/trials/other" not in none


def test_a_person_whose_role_was_taken_is_out_at_once(fresh: Path) -> None:
    """Taking a role away, or shutting an account, holds from the next request on."""
    from escalate.conduct import accounts, opening
    from escalate.conduct.actor import Actor

    lead = Actor("lead", "tests", everywhere=True)
    vera, stan = client.browser("vera"), client.browser("stan")
    assert vera.get("/trials/tvec/").status_code == 200
    opening.give_roles(client.TRIAL, "vera", (), lead)
    assert vera.get("/trials/tvec/").status_code == 404
    accounts.set_active("stan", False, lead)
    assert stan.get("/trials/tvec/").headers["Location"].startswith("/sign-in")


def test_every_page_has_a_policy() -> None:
    """No address is answered but by a route with a policy, the API (which has its own), or the files of the package."""
    named = {route.path for route in ROUTES}
    for pattern in get_resolver("escalate.web.urls").url_patterns:
        if isinstance(pattern, URLResolver):
            assert str(pattern.pattern) == "api/v1/"
        else:
            assert isinstance(pattern, URLPattern)
            assert str(pattern.pattern) in named
    assert len({route.name for route in ROUTES}) == len(ROUTES)


def test_a_route_must_fit_its_policy() -> None:
    """A page of a trial without an act, and an act without a trial, cannot be added."""
    with pytest.raises(TypeError, match="an act is of a trial"):
        Route("trials/<str:trial>/secret", "views.secret.secret", "secret", "signed in")
    with pytest.raises(TypeError, match="an act is of a trial"):
        Route("secret", "views.secret.secret", "secret", Act.VIEW)


def test_refusals_are_noted(fresh: Path) -> None:
    """Each refusal is a note with account, path, method and address; the same within a minute is one, and a flood is summed up."""
    from escalate.web import audit

    vera = client.browser("vera")
    for _ in range(3):
        vera.get("/trials/tvec/enter")
        vera.get("/trials/other/")
    found = [(entry.by, dict(entry.content)) for entry in client.notes("denied")]
    assert found == [
        ("vera", {"account": "vera", "method": "GET", "path": path, "address": "127.0.0.1", "status": status})
        for path, status in (("/trials/tvec/enter", 403), ("/trials/other/", 404))
    ]
    # What is not there in a trial that one may see is no refusal.
    assert vera.get("/trials/tvec/history/99").status_code == 404
    assert len(client.notes("denied")) == 2
    for k in range(audit.PER_WINDOW + 20):
        vera.get(f"/trials/absent-{k}/")
    assert len(client.notes("denied")) == audit.PER_WINDOW
    assert len(client.notes("denials_summed")) == 1
    client.browser("stan").get("/trials/other/")
    assert client.notes("denied")[-1].by == "stan"


def test_paths_in_notes_are_short_and_printable(fresh: Path) -> None:
    """What is noted of an address is bounded and can be printed."""
    client.browser("vera").get(f"/trials/%1b[31m{'x' * 3000}/")
    path = client.notes("denied")[-1].content["path"]
    assert len(path) == 200
    assert path.isprintable()
