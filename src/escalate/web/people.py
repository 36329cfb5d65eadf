"""Who asks, for which trial, and whether it is really that person who signs."""

from __future__ import annotations

import re
from typing import Any, cast

from django.http import HttpRequest

from escalate.conduct import accounts, store
from escalate.conduct.actor import Actor
from escalate.conduct.errors import NotFoundError, RecordError, TamperedError
from escalate.conduct.opening import check_name
from escalate.conduct.permissions import check_known
from escalate.conduct.signatures import MEANINGS, Meaning, Signing
from escalate.conduct.state import TrialState
from escalate.web import audit

VIA = "page"


def actor_of(request: HttpRequest) -> Actor:
    """Return who asks; a form's hidden field `request` names what it sends, so that the same twice is recorded once."""
    user: Any = request.user
    token = request.POST.get("request", "") if request.method == "POST" else ""
    if token and not re.fullmatch(r"[A-Za-z0-9-]{1,64}", token):
        raise RecordError("request: is not what this page gave; open the page again and send it from there")
    return Actor(user.get_username(), VIA, request=token, admin=bool(user.is_superuser))


def account_of(request: HttpRequest) -> accounts.Account | None:
    """Return the account of whoever is signed in."""
    user: Any = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return None
    return accounts.Account(
        user.get_username(), user.first_name or user.get_username(), bool(user.is_superuser), bool(user.is_active)
    )


def state_for(request: HttpRequest, trial: str) -> TrialState:
    """Return a trial as it stands, for the person of a page.

    Raises
    ------
    NotFoundError, TamperedError
        As `state_known_to`.
    """
    return state_known_to(trial, actor_of(request))


def state_known_to(trial: str, actor: Actor) -> TrialState:
    """Return a trial as it stands, for a person who may know of it.

    Raises
    ------
    NotFoundError
        Where there is none, or the person has no role in it: nobody learns which.
    TamperedError
        Where its record was changed, for whoever had a role in it or administers the server.
    """
    try:
        check_name(trial)
    except RecordError:
        raise NotFoundError(f"there is no trial '{trial[:40]}' here") from None
    try:
        state = store.load(trial)
    except TamperedError:
        if actor.admin or store.named_in(trial, actor.name):
            raise
        raise NotFoundError(f"there is no trial '{trial[:40]}' here") from None
    check_known(state, actor)
    return state


def signing_of(request: HttpRequest, actor: Actor, meaning: str | None = None) -> Signing:
    """Return the signature that a form asks for, once the password in it is right.

    The form's fields are `password` and `meaning`; a page that works out what the signature means gives that instead.

    Raises
    ------
    RecordError
        Where the meaning is none, or the password is wrong: that counts as a failure to sign in.
    """
    account = account_of(request)
    meaning = meaning or request.POST.get("meaning", "")
    if account is None or account.name != actor.name:
        raise RecordError("password: nobody is signed in; nothing was signed")
    if meaning not in MEANINGS:
        raise RecordError(f"meaning: is missing; a signature states one of {', '.join(MEANINGS)}")
    password = request.POST.get("password", "")
    if not password:
        raise RecordError("password: is missing; a signature takes your password once more")
    user: Any = request.user
    if not user.has_usable_password():
        raise RecordError(
            "password: your account has none on this server, and a signature takes one; the administrator sets it with "
            f"'escalate account password {account.name}'"
        )
    check_again(request, actor, password)
    return Signing(account.full_name, cast("Meaning", meaning))


def check_again(request: HttpRequest, actor: Actor, password: str, what: str = "nothing was signed") -> None:
    """Ask a person who is signed in for the password once more.

    Raises
    ------
    RecordError
        Where it is wrong, or was too often.
    """
    # The counting is of an application that must be loaded first.
    from escalate.web.lockout import checked

    found = checked(request, actor.name, password)
    if found is not None and found.pk == request.user.pk:
        audit.failures_forgiven(actor.name)
        return
    locked = bool(getattr(request, "axes_locked_out", False))
    audit.failed(request, actor.name, locked=locked, kind="password_refused")
    if locked:
        raise RecordError(f"password: was wrong too often; {what}, and none is taken for 15 minutes")
    raise RecordError(f"password: is not right; {what}")
