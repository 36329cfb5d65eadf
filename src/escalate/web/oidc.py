"""Sign in by OpenID Connect, where the environment names an identity provider."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from escalate.conduct.errors import RecordError, UnavailableError
from escalate.conduct.settings import settings_for

ISSUER, CLIENT, SECRET = VARIABLES = ("ESCALATE_OIDC_ISSUER", "ESCALATE_OIDC_CLIENT_ID", "ESCALATE_OIDC_CLIENT_SECRET")
CLAIM = "ESCALATE_OIDC_CLAIM"
CLAIMS = ("preferred_username", "email", "upn", "sub")
"""Claims that can name an account; the first where none is chosen."""
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
TIMEOUT_SECONDS = 10
ALGORITHMS = ("RS256", "ES256")


def wanted() -> bool:
    """Return whether an identity provider is named."""
    return any(os.environ.get(name) for name in VARIABLES)


def settings_of() -> dict[str, Any]:
    """Return the settings of Django for it.

    Raises
    ------
    RecordError
        Where something is missing, or the provider is not what it says.
    UnavailableError
        Where the provider does not answer.
    """
    backends = settings_for("record.db")["AUTHENTICATION_BACKENDS"]
    if not wanted():
        return {"AUTHENTICATION_BACKENDS": backends}
    for name in VARIABLES:
        if not os.environ.get(name):
            raise RecordError(f"{name}: is missing; {', '.join(VARIABLES)} are needed together")
    claim = os.environ.get(CLAIM) or CLAIMS[0]
    if claim not in CLAIMS:
        raise RecordError(f"{CLAIM}: '{claim[:40]}' is not one of {', '.join(CLAIMS)}")
    if find_spec("mozilla_django_oidc") is None:
        raise RecordError("signing in by OpenID Connect takes a package more; install escalate-trials[oidc]")
    issuer = os.environ[ISSUER]
    _check_address(ISSUER, issuer)
    found = _discovered(issuer)
    return {
        "AUTHENTICATION_BACKENDS": [*backends, "escalate.web.oidc_backend.Backend"],
        "OIDC_ISSUER": found["issuer"],
        "OIDC_CLAIM": claim,
        "OIDC_RP_CLIENT_ID": os.environ[CLIENT],
        "OIDC_RP_CLIENT_SECRET": os.environ[SECRET],
        "OIDC_RP_SCOPES": "openid profile email",
        "OIDC_RP_SIGN_ALGO": _algorithm(found),
        "OIDC_OP_AUTHORIZATION_ENDPOINT": found["authorization_endpoint"],
        "OIDC_OP_TOKEN_ENDPOINT": found["token_endpoint"],
        "OIDC_OP_JWKS_ENDPOINT": found["jwks_uri"],
        "OIDC_OP_USER_ENDPOINT": found.get("userinfo_endpoint", ""),
        "OIDC_USE_NONCE": True,
        "OIDC_USE_PKCE": True,
        "OIDC_CREATE_USER": False,
        "OIDC_STORE_ACCESS_TOKEN": False,
        "OIDC_STORE_ID_TOKEN": False,
        "OIDC_TIMEOUT": TIMEOUT_SECONDS,
        "LOGIN_REDIRECT_URL_FAILURE": "/sign-in?elsewhere=refused",
    }


def _check_address(name: str, address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme == "https" and parts.hostname:
        return
    # A provider for tests stands on the same machine.
    if parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost"):
        return
    raise RecordError(f"{name}: '{address[:80]}' does not begin with https://")


def _discovered(issuer: str) -> dict[str, Any]:
    """Return what a provider says of itself."""
    import requests

    address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    try:
        answer = requests.get(address, timeout=TIMEOUT_SECONDS, allow_redirects=False)
        answer.raise_for_status()
        found = answer.json()
    except requests.JSONDecodeError:
        raise RecordError(f"{ISSUER}: {address} is not the description of an identity provider") from None
    except requests.RequestException as fault:
        raise UnavailableError(f"{ISSUER}: {address} does not answer ({type(fault).__name__})") from None
    if not isinstance(found, dict) or not all(isinstance(found.get(name), str) for name in ENDPOINTS):
        raise RecordError(f"{ISSUER}: {address} lacks one of {', '.join(ENDPOINTS)}")
    if str(found.get("issuer")).rstrip("/") != issuer.rstrip("/"):
        raise RecordError(f"{ISSUER}: the provider calls itself '{str(found.get('issuer'))[:80]}', not {issuer}")
    for name in ENDPOINTS:
        _check_address(name, found[name])
    return found


def _algorithm(found: dict[str, Any]) -> str:
    offered = found.get("id_token_signing_alg_values_supported") or ALGORITHMS
    for algorithm in ALGORITHMS:
        if algorithm in offered:
            return algorithm
    raise RecordError(f"{ISSUER}: the provider signs by none of {', '.join(ALGORITHMS)}")
