"""Accounts of the server: made on the command line, with a password of their own; and tokens for the API."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from escalate.conduct import store
from escalate.conduct.actor import Actor
from escalate.conduct.chain import sha256
from escalate.conduct.database import faults_told
from escalate.conduct.errors import NotFoundError, RecordError
from escalate.conduct.models import ApiToken
from escalate.core.errors import harmless

TOKEN_PREFIX = "esc_"
MAX_TOKEN_DAYS = 365


@dataclass(frozen=True)
class Account:
    """A person with access.

    Parameters
    ----------
    name
        With which the person signs in.
    full_name
        As printed with a signature.
    """

    name: str
    full_name: str
    admin: bool
    active: bool


def _of(user: Any) -> Account:
    return Account(user.username, user.first_name or user.username, user.is_superuser, user.is_active)


def accounts() -> tuple[Account, ...]:
    """Return all accounts, by name."""
    with faults_told():
        return tuple(_of(user) for user in get_user_model().objects.order_by("username"))


def account(name: str) -> Account:
    """Return an account.

    Raises
    ------
    NotFoundError
        Where there is none.
    """
    return _of(_user(name))


def _user(name: str) -> Any:
    # What cannot be a name, half a letter or a NUL, no database is asked for.
    with faults_told():
        found = get_user_model().objects.filter(username=name).first() if name.isprintable() else None
    if found is None:
        raise NotFoundError(f"there is no account '{harmless(name[:40])}'")
    return found


def add_account(name: str, full_name: str, password: str | None, actor: Actor, *, admin: bool = False) -> Account:
    """Make an account.

    Parameters
    ----------
    password
        None for a person who signs in elsewhere (OpenID Connect).

    Raises
    ------
    RecordError
        Where the name is taken or none, or the password is too easy.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,79}", name):
        raise RecordError(f"name: '{name[:40]}' cannot be the name of an account; letters, digits and . _ @ - do")
    full_name = full_name.strip()
    if not full_name or not full_name.isprintable() or len(full_name) > 150:
        raise RecordError("full name: is missing, too long or not printable; signatures are printed with it")
    user = get_user_model()(username=name, first_name=full_name, is_superuser=admin)
    _set_password(user, password)
    # Two who give one name in two spellings write to the chain of the system in turn, and so see each other.
    with store.appending(store.SYSTEM, actor) as log:
        if get_user_model().objects.filter(username__iexact=name).exists():
            raise RecordError(f"name: there is an account '{name}' already")
        user.save()
        log.note("account_added", {"account": name, "full_name": full_name, "admin": admin})
    return _of(user)


def set_password(name: str, password: str, actor: Actor) -> None:
    """Give an account another password; whoever is signed in with it is signed out, and its tokens are withdrawn.

    Raises
    ------
    RecordError
        Where it is too easy.
    """
    user = _user(name)
    with faults_told(), transaction.atomic():
        _set_password(user, password)
        user.save()
        ApiToken.objects.filter(user=user, withdrawn=None).update(withdrawn=datetime.now(UTC))
        store.note("password_changed", {"account": name}, actor)


def set_active(name: str, active: bool, actor: Actor) -> None:
    """Let an account sign in, or no longer."""
    user = _user(name)
    with faults_told(), transaction.atomic():
        user.is_active = active
        user.save()
        store.note("account_opened" if active else "account_shut", {"account": name}, actor)


def _set_password(user: Any, password: str | None) -> None:
    if password is None:
        user.set_unusable_password()
        return
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise RecordError(f"password: {' '.join(error.messages)}") from None
    user.set_password(password)


def issue_token(name: str, label: str, days: int, actor: Actor) -> str:
    """Return a new token of the API, which is shown once and kept as a hash alone.

    Raises
    ------
    RecordError
        Where the days are not between 1 and 365.
    """
    if not 1 <= days <= MAX_TOKEN_DAYS:
        raise RecordError(f"days: {days} is not between 1 and {MAX_TOKEN_DAYS}")
    if not label.isprintable():
        raise RecordError("label: holds control characters")
    user = _user(name)
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    now = datetime.now(UTC)
    with faults_told(), transaction.atomic():
        ApiToken.objects.create(
            user=user, label=label[:80], sha256=sha256(token), created=now, expires=now + timedelta(days=days)
        )
        store.note("token_issued", {"account": name, "label": label[:80], "days": days}, actor)
    return token


def withdraw_tokens(name: str, actor: Actor) -> int:
    """Withdraw every token of an account, and return how many there were."""
    user = _user(name)
    with faults_told(), transaction.atomic():
        n = int(ApiToken.objects.filter(user=user, withdrawn=None).update(withdrawn=datetime.now(UTC)))
        store.note("tokens_withdrawn", {"account": name, "tokens": n}, actor)
    return n


def owner_of(token: str) -> Account | None:
    """Return whose token it is; None where it is none, ended, withdrawn, or of an account that is shut."""
    with faults_told():
        found = (
            ApiToken.objects.select_related("user")
            .filter(sha256=sha256(token), withdrawn=None, expires__gt=datetime.now(UTC), user__is_active=True)
            .first()
        )
    return _of(found.user) if found else None
