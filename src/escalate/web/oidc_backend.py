"""What an identity provider says is checked here; it signs in an account that exists, and makes none."""

from __future__ import annotations

import logging
from typing import Any

import jwt
import requests
from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from mozilla_django_oidc.auth import OIDCAuthenticationBackend
from mozilla_django_oidc.views import OIDCAuthenticationCallbackView, OIDCAuthenticationRequestView

from escalate.web import audit

log = logging.getLogger("escalate.web")


class Backend(OIDCAuthenticationBackend):  # type: ignore[misc]
    """Takes the code that the provider gave, and finds whose it is."""

    # Names and passwords do not fit this signature, so that they are never tried here.
    def authenticate(self, request: HttpRequest, *, nonce: str, code_verifier: str) -> Any:
        """Return the account, or None where anything is not as it must be."""
        try:
            return super().authenticate(request, nonce=nonce, code_verifier=code_verifier)
        except (
            jwt.PyJWTError,
            requests.RequestException,
            SuspiciousOperation,
            KeyError,
            TypeError,
            ValueError,
        ) as fault:
            log.warning("a sign-in at the identity provider is not taken: %s", type(fault).__name__)
            return None

    def verify_token(self, token: str, **kwargs: Any) -> dict[str, Any]:
        """Return the claims of a token that is signed, fresh, by this provider and for this server.

        Raises
        ------
        SuspiciousOperation
            Where one of these is not so; the library checks the signature, the nonce and the time.
        """
        claims: dict[str, Any] = super().verify_token(token, **kwargs)
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        client = settings.OIDC_RP_CLIENT_ID
        fits = client in audiences and (len(audiences) == 1 or claims.get("azp") == client)
        if claims.get("iss") != settings.OIDC_ISSUER or not fits or not claims.get("exp") or not claims.get("sub"):
            raise SuspiciousOperation("the token is not of this provider for this server")
        return claims

    def get_userinfo(self, access_token: str, id_token: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Return the claims of the token, and where the one that is needed is not among them, those that can be asked for."""
        if settings.OIDC_CLAIM in payload or not settings.OIDC_OP_USER_ENDPOINT:
            return payload
        more: dict[str, Any] = super().get_userinfo(access_token, id_token, payload)
        if more.get("sub") != payload["sub"]:
            raise SuspiciousOperation("the provider answers for somebody else")
        return {**payload, **{name: more[name] for name in (settings.OIDC_CLAIM, "email_verified") if name in more}}

    def verify_claims(self, claims: dict[str, Any]) -> bool:
        """Return whether the claim that names the account is there, and verified where it is an address."""
        value = claims.get(settings.OIDC_CLAIM)
        verified = settings.OIDC_CLAIM != "email" or claims.get("email_verified") is True
        return isinstance(value, str) and 0 < len(value) <= 150 and value.isprintable() and verified

    def get_user(self, user_id: int) -> Any:
        """Return the account of a session, unless it was shut meanwhile."""
        return ModelBackend.get_user(self, user_id)

    def filter_users_by_claims(self, claims: dict[str, Any]) -> Any:
        """Return the account of exactly that name."""
        return self.UserModel.objects.filter(username=claims[settings.OIDC_CLAIM])


class Callback(OIDCAuthenticationCallbackView):  # type: ignore[misc]
    """Where the provider sends a person back to."""

    def login_failure(self) -> HttpResponse:
        """Note that it was refused, and lead to the sign-in page."""
        audit.failed(self.request, "", locked=bool(getattr(self.request, "axes_locked_out", False)))
        response: HttpResponse = super().login_failure()
        return response


def begin(request: HttpRequest) -> Any:
    """Lead to the provider."""
    return OIDCAuthenticationRequestView.as_view()(request)


def back(request: HttpRequest) -> Any:
    """Take a person who comes from the provider."""
    return Callback.as_view()(request)
