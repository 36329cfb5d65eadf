"""Tokens of the API: who asks, and when that ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.web import client
from tests.web.api_calls import AT, COHORT, Api, signature


@pytest.fixture
def api(fresh: Path) -> Api:
    return Api()


def test_a_token_says_who_asks(api: Api) -> None:
    """The first request to try: whose token it is, and the version of the server."""
    found = api.get("stan", "/me")
    assert (found["name"], found["full_name"], found["admin"]) == ("stan", "Stan Test", False)
    assert api.get("root", "/me")["admin"] is True


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer esc_wrong",
        "Basic c3RhbjpzdGFu",
        "esc_wrong",
        "Bearer \u00e9",
        "Bearer " + "a" * 5000,
        "Bearer a b c",
        "Bearer null\\x00",
    ],
)
def test_no_token_no_answer(api: Api, header: str) -> None:
    """Anything but a token that holds is refused with 401 and a challenge, on reading and writing alike."""
    for method, path in (
        ("GET", "/me"),
        ("GET", "/trials/tvec"),
        ("POST", "/trials/tvec/patients"),
        ("POST", "/trials"),
    ):
        answer = api.ask(None, method, path, {}, **({"Authorization": header} if header else {}))
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


def test_who_asks_is_asked_before_what(api: Api) -> None:
    """A body is not read of whoever has no token."""
    assert api.send(None, "POST", "/trials/tvec/patients", b"{" * 1_000_000).status_code == 401


def test_a_token_ends(api: Api) -> None:
    """A token is of no use after its last day, once it was withdrawn or the password changed, and while its account is shut."""
    from escalate.conduct import accounts
    from escalate.conduct.models import ApiToken

    past = datetime.now(UTC) - timedelta(seconds=1)
    ApiToken.objects.filter(user__username="vera").update(expires=past)
    accounts.withdraw_tokens("stan", api.lead)
    accounts.set_active("cher", False, api.lead)
    # Another password: who knew the old one may have made a token with it.
    accounts.set_password("sofi", "another long password", api.lead)
    for who in ("vera", "stan", "cher", "sofi"):
        assert api.get(who, "/trials/tvec", 401)["field"] == "Authorization"
    accounts.set_active("cher", True, api.lead)
    assert api.get("cher", "/trials/tvec")["trial"] == "tvec"


def test_a_session_of_the_pages_opens_nothing(api: Api) -> None:
    """Whoever is signed in to the pages is nobody to the API, so that no page of others can send requests as that person."""
    browser = client.browser("root")
    assert browser.get(f"{AT}/me").status_code == 401
    answer = browser.post(f"{AT}/trials", data="{}", content_type="application/json")
    assert answer.status_code == 401


def test_a_role_that_was_taken_away_ends_at_once(api: Api) -> None:
    """What a token may do is asked of the record at each request."""
    api.put("adam", "/trials/tvec/roles/sita", {"roles": []})
    api.post("sita", "/trials/tvec/patients", {"patients": COHORT}, 404)


def test_answers_are_kept_by_no_cache(api: Api) -> None:
    """Every answer, an error too, says that it is not to be stored and is what its type says."""
    for who, path in (
        ("vera", "/me"),
        (None, "/me"),
        ("vera", "/none"),
        ("vera", "/trials/tvec/data.csv"),
        (None, "/openapi.json"),
    ):
        answer = api.ask(who, "GET", path)
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Set-Cookie" not in answer.headers


def test_signing_takes_the_password(api: Api) -> None:
    """A token alone signs nothing: the password is asked for again, and too many wrong ones lock the account for a while."""
    api.post("sita", "/trials/tvec/patients", {"patients": COHORT})
    decision = {"choice": "accept", "signature": {"password": "a guess", "meaning": "authorship"}}
    before = api.get("vera", "/trials/tvec")["head"]
    found = api.post("stan", "/trials/tvec/decisions", decision, 422)
    assert (found["field"], found["error"]) == ("password", "password: is not right; nothing was signed")
    for _ in range(6):
        found = api.post("stan", "/trials/tvec/decisions", decision, 422)
    assert "too often" in found["error"]
    decision["signature"] = signature("authorship")
    assert "too often" in api.post("stan", "/trials/tvec/decisions", decision, 422)["error"]
    assert api.get("vera", "/trials/tvec")["head"] == before
    # The fifth wrong one locks, which has a note of its own.
    assert len(client.notes("password_refused")) == 4
    assert len(client.notes("locked_out")) == 1
    # Another person is not locked out by that, and signs.
    decided = api.post("cher", "/trials/tvec/decisions", decision)
    assert decided["head"] != decided["entry"]["hash"]


def test_an_account_without_a_password_does_not_sign(api: Api) -> None:
    """Whoever signs in elsewhere has no password here, and is told what to do."""
    from django.contrib.auth import get_user_model

    user = get_user_model().objects.get(username="cher")
    user.set_unusable_password()
    user.save()
    body = {"subject": "5f" * 32, "password": "anything", "meaning": "review"}
    assert "has none on this server" in api.post("cher", "/trials/tvec/signatures", body, 422)["error"]
