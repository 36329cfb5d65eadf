"""A signature is given by the person, with the password, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.web import client


@pytest.mark.parametrize(
    ("who", "fields", "words"),
    [
        ("stan", {"password": client.PASSWORD, "meaning": "review"}, None),
        ("stan", {"password": "a wrong password", "meaning": "review"}, "password: is not right; nothing was signed"),
        ("stan", {"password": "", "meaning": "review"}, "password: is missing"),
        ("stan", {"password": client.PASSWORD, "meaning": "responsibility"}, "meaning: is missing"),
        ("stan", {"password": client.PASSWORD}, "meaning: is missing"),
        ("oidc", {"password": client.PASSWORD, "meaning": "review"}, "escalate account password oidc"),
        (None, {"password": client.PASSWORD, "meaning": "review"}, "nobody is signed in"),
    ],
)
def test_a_signature_takes_the_password(
    fresh: Path, who: str | None, fields: dict[str, str], words: str | None
) -> None:
    """Whoever signs gives the password once more, and says what the signature means."""
    from django.contrib.auth import get_user_model
    from django.contrib.auth.models import AnonymousUser
    from django.test import RequestFactory

    from escalate.conduct import accounts
    from escalate.conduct.actor import Actor
    from escalate.conduct.errors import RecordError
    from escalate.web.people import signing_of

    accounts.add_account("oidc", "From Elsewhere", None, Actor("lead", "tests", everywhere=True))
    request = RequestFactory().post("/trials/tvec/sign/x", fields)
    request.user = get_user_model().objects.get(username=who) if who else AnonymousUser()
    actor = Actor(who or "stan", "page")
    if words is None:
        signing = signing_of(request, actor)
        assert (signing.name, signing.meaning) == ("Stan Test", "review")
        return
    with pytest.raises(RecordError, match=words):
        signing_of(request, actor)
    assert len(client.notes("password_refused")) == ("not right" in words)


def test_a_password_for_signing_is_not_tried_without_end(fresh: Path) -> None:
    """Five wrong passwords at signing lock the account, as at the door, and the sentence says for how long."""
    from django.contrib.auth import get_user_model
    from django.test import RequestFactory

    from escalate.conduct.actor import Actor
    from escalate.conduct.errors import RecordError
    from escalate.web.people import signing_of

    for k in range(1, 7):
        request = RequestFactory().post("/x", {"password": "a wrong password", "meaning": "review"})
        request.user = get_user_model().objects.get(username="stan")
        with pytest.raises(RecordError, match="is not right" if k < 5 else "too often.*15 minutes"):
            signing_of(request, Actor("stan", "page"))
    guest = client.browser()
    assert client.send(guest, "/sign-in", {"name": "stan", "password": client.PASSWORD}).status_code == 429
