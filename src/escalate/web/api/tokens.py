"""Who asks: the owner of the token, and nobody else; a session of the pages counts for nothing here."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from ninja.security import HttpBearer

from escalate.conduct.accounts import Account, owner_of
from escalate.conduct.database import faults_told
from escalate.web import audit

VIA = "API"


class Token(HttpBearer):
    """The token of a person."""

    openapi_description = "The token of a person, which the server shows once when it is made: `Bearer esc_...`"
    openapi_bearerFormat = "esc_..."  # noqa: N815 - as OpenAPI spells it

    def authenticate(self, request: HttpRequest, token: str) -> Account | None:
        """Return whose it is, and note one that is nobody's."""
        found = owner_of(token.strip()) if token.isascii() else None
        if found is None:
            audit.denied(request, 401, kind="token_refused")
            return None
        # The notes of refusals and the question for the password go by the user of a request.
        request.user = SimpleLazyObject(lambda: user_of(found))  # type: ignore[assignment]
        return found


def user_of(account: Account) -> Any:
    """Return Django's user of an account."""
    with faults_told():
        return get_user_model().objects.get(username=account.name)


def account_of(request: HttpRequest) -> Account:
    """Return who asks."""
    found: Account = request.auth  # type: ignore[attr-defined]
    return found
