"""Signing in at an identity provider (OpenID Connect): what it says is checked, and it makes no accounts."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from escalate.conduct.errors import RecordError, UnavailableError
from escalate.web import oidc
from tests.web import client
from tests.web.identity_provider import CLIENT, SECRET, Provider

BEGIN, BACK = "/oidc/authenticate/", "/oidc/callback/"


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    """Return an identity provider."""
    provider = Provider()
    yield provider
    provider.stop()


@pytest.fixture
def named(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> Provider:
    """Name the provider in the environment."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    for name, value in zip(oidc.VARIABLES, (provider.address, CLIENT, SECRET), strict=True):
        monkeypatch.setenv(name, value)
    provider.userinfo, provider.changes = {}, {}
    return provider


@pytest.fixture
def server(named: Provider, tmp_path: Path) -> Iterator[Provider]:
    """Serve with the provider."""
    with client.closing():
        client.set_up(tmp_path / "record.db")
        yield named
        # Others sign in without it.
        from django.conf import settings

        from escalate.conduct.settings import settings_for

        settings.AUTHENTICATION_BACKENDS = settings_for("record.db")["AUTHENTICATION_BACKENDS"]


def come_back(server: Provider, browser: Any, claims: dict[str, Any], key: Any = None, **changes: str) -> Any:
    """Go to the provider and back."""
    asked = browser.get(BEGIN).headers["Location"]
    return browser.get(BACK, {**server.grant(asked, claims, key), **changes})


def is_in(browser: Any) -> bool:
    """Return whether a browser is signed in."""
    return bool(browser.get("/trials/").status_code == 200)


def test_in(server: Provider) -> None:
    """A person with an account signs in at the provider, is noted, gets another session, and comes to the page asked for."""
    browser = client.browser()
    page = browser.get("/sign-in?next=/trials/tvec/history").content.decode()
    assert 'href="/oidc/authenticate/?next=/trials/tvec/history"' in page
    asked = browser.get(f"{BEGIN}?next=/trials/tvec/history").headers["Location"]
    before = browser.cookies["escalate-session"].value
    response = browser.get(BACK, server.grant(asked, {"preferred_username": "vera"}))
    assert response.headers["Location"] == "/trials/tvec/history"
    assert is_in(browser)
    assert browser.cookies["escalate-session"].value != before
    assert browser.cookies["escalate-session"]["samesite"] == "Lax"
    assert client.notes("signed_in")[-1].by == "vera"


@pytest.mark.parametrize("next_", ["//evil.example/", "https://evil.example/", "/\\evil.example"])
def test_next_leads_nowhere_else(server: Provider, next_: str) -> None:
    """From the provider a person comes to this server, whatever the address said."""
    browser = client.browser()
    asked = browser.get(BEGIN, {"next": next_}).headers["Location"]
    response = browser.get(BACK, server.grant(asked, {"preferred_username": "vera"}))
    assert response.headers["Location"] == "/trials/"


@pytest.mark.parametrize(
    "claims",
    [
        {"preferred_username": "nobody-known"},
        {"preferred_username": "VERA"},
        {"preferred_username": ""},
        {"preferred_username": ["vera"]},
        {"preferred_username": "vera\0"},
        {"email": "vera"},
        {},
        {"preferred_username": "vera", "iss": "https://evil.example"},
        {"preferred_username": "vera", "iss": None},
        {"preferred_username": "vera", "aud": "another client"},
        {"preferred_username": "vera", "aud": [CLIENT, "another client"]},
        {"preferred_username": "vera", "aud": None},
        {"preferred_username": "vera", "exp": 1},
        {"preferred_username": "vera", "exp": None},
        {"preferred_username": "vera", "sub": None},
        {"preferred_username": "vera", "nbf": time.time() + 900},
        {"preferred_username": "vera", "nonce": "of another sign-in"},
        {"preferred_username": "vera", "nonce": None},
    ],
)
def test_what_is_not_taken(server: Provider, claims: dict[str, Any]) -> None:
    """Unknown names, and tokens of another provider, for another server, too old or of another sign-in, sign nobody in."""
    from django.contrib.auth import get_user_model

    browser = client.browser()
    response = come_back(server, browser, claims)
    assert response.headers["Location"] == "/sign-in?elsewhere=refused"
    assert "was not taken" in browser.get("/sign-in?elsewhere=refused").content.decode()
    assert not is_in(browser)
    assert get_user_model().objects.count() == len(client.PEOPLE) + 1
    assert len(client.notes("sign_in_failed")) == 1


def test_keys_of_others(server: Provider) -> None:
    """A token signed by another key, or by none, signs nobody in."""
    for key in (rsa.generate_private_key(public_exponent=65537, key_size=2048), "none"):
        browser = client.browser()
        come_back(server, browser, {"preferred_username": "vera"}, key)
        assert not is_in(browser)


def test_codes_and_states_of_others(server: Provider) -> None:
    """A code or state that this browser did not begin, or that was used, signs nobody in (login CSRF)."""
    mine, other = client.browser(), client.browser()
    theirs = server.grant(other.get(BEGIN).headers["Location"], {"preferred_username": "stan"})
    assert client.browser().get(BACK, theirs).headers["Location"] == "/sign-in?elsewhere=refused"
    mine.get(BEGIN)
    assert mine.get(BACK, theirs).status_code == 400
    own = server.grant(mine.get(BEGIN).headers["Location"], {"preferred_username": "vera"})
    assert mine.get(BACK, {**own, "code": theirs["code"]}).headers["Location"] == "/sign-in?elsewhere=refused"
    assert mine.get(BACK, own).status_code == 400
    assert mine.get(BACK, {"error": "access_denied", "state": "x"}).headers["Location"] == "/sign-in?elsewhere=refused"
    assert mine.get(BACK).headers["Location"] == "/sign-in?elsewhere=refused"
    assert not is_in(mine)


def test_accounts_that_are_shut(server: Provider) -> None:
    """An account that is shut is shut for the provider as well, at once."""
    from escalate.conduct import accounts
    from escalate.conduct.actor import Actor

    lead = Actor("lead", "tests", everywhere=True)
    browser = client.browser()
    come_back(server, browser, {"preferred_username": "vera"})
    assert is_in(browser)
    accounts.set_active("vera", False, lead)
    assert not is_in(browser)
    come_back(server, browser, {"preferred_username": "vera"})
    assert not is_in(browser)


def test_a_code_beside_a_password(server: Provider) -> None:
    """The sign-in page takes no codes: a password form with one in its address is a password form."""
    browser = client.browser()
    grant = server.grant(browser.get(BEGIN).headers["Location"], {"preferred_username": "vera", "nonce": None})
    form = client.hidden(browser.get("/sign-in"))
    address = f"/sign-in?code={grant['code']}&state={grant['state']}"
    assert browser.post(address, {**form, "name": "vera", "password": "wrong"}).status_code == 422
    assert grant["code"] in server.codes
    assert browser.post(address, {**form, "name": "vera", "password": client.PASSWORD}).status_code == 303


def test_claims_that_are_asked_for(named: Provider, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An address names an account where it is chosen and verified; claims asked for must be of the same person."""
    monkeypatch.setenv(oidc.CLAIM, "email")
    with client.closing():
        client.set_up(tmp_path / "record.db")
        from django.contrib.auth import get_user_model

        get_user_model().objects.filter(username="vera").update(username="vera@example.org")
        for more, userinfo, taken in (
            ({"email": "vera@example.org", "email_verified": True}, {}, True),
            ({"email": "vera@example.org", "email_verified": False}, {}, False),
            ({"email": "vera@example.org"}, {}, False),
            ({}, {"sub": "subject", "email": "vera@example.org", "email_verified": True}, True),
            ({}, {"sub": "another", "email": "vera@example.org", "email_verified": True}, False),
        ):
            named.userinfo = userinfo
            browser = client.browser()
            come_back(named, browser, more)
            assert is_in(browser) is taken


def test_without_a_provider(pages: Path) -> None:
    """Where none is named there is neither a button nor an address for it."""
    browser = client.browser()
    assert "institution" not in browser.get("/sign-in").content.decode()
    assert browser.get(BEGIN).status_code == 404
    assert browser.get(BACK, {"code": "x", "state": "x"}).status_code == 404


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"issuer": "https://evil.example"}, "calls itself 'https://evil.example'"),
        ({"token_endpoint": None}, "lacks one of"),
        ({"jwks_uri": "http://evil.example/keys"}, "does not begin with https://"),
        ({"id_token_signing_alg_values_supported": ["HS256", "none"]}, "signs by none of RS256"),
    ],
)
def test_providers_that_are_refused(named: Provider, changes: dict[str, Any], words: str) -> None:
    """A provider that is another, says too little, or signs by what is not safe, is refused at the start."""
    named.changes = changes
    with pytest.raises(RecordError, match=words):
        oidc.settings_of()


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        (oidc.SECRET, "", "ESCALATE_OIDC_CLIENT_SECRET: is missing"),
        (oidc.ISSUER, "", "ESCALATE_OIDC_ISSUER: is missing"),
        (oidc.ISSUER, "http://id.example", "does not begin with https://"),
        (oidc.ISSUER, "id.example", "does not begin with https://"),
        (oidc.CLAIM, "nickname", "is not one of preferred_username, email"),
    ],
)
def test_settings_that_are_refused(
    named: Provider, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    """What is missing in the environment is named."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(RecordError, match=words):
        oidc.settings_of()


def test_a_provider_that_does_not_answer(named: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider that is away is said to be so at the start."""
    monkeypatch.setenv(oidc.ISSUER, "http://127.0.0.1:9")
    with pytest.raises(UnavailableError, match="does not answer"):
        oidc.settings_of()


def test_the_package_is_named(named: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the package is not installed, what to install is said."""
    real = importlib.util.find_spec
    monkeypatch.setattr(oidc, "find_spec", lambda name: None if name == "mozilla_django_oidc" else real(name))
    with pytest.raises(RecordError, match=r"escalate-trials\[oidc\]"):
        oidc.settings_of()
