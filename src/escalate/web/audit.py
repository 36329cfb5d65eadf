"""Sign-ins and refusals, as notes in the chain of the system: bounded, and without what is secret."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from threading import Lock
from typing import Any

from django.http import HttpRequest

from escalate.conduct import store
from escalate.conduct.actor import Actor
from escalate.core.errors import EscalateError

log = logging.getLogger("escalate.web")

WINDOW = 60.0
PER_WINDOW = 30
"""Refusals of one account or address that are noted one by one within a minute."""
_KEPT = 4096
_noted: OrderedDict[tuple[str, ...], float] = OrderedDict()
_counts: OrderedDict[str, tuple[float, int]] = OrderedDict()
_lock = Lock()


def address_of(request: HttpRequest) -> str:
    """Return from where a request comes."""
    return str(request.META.get("REMOTE_ADDR") or "unknown")[:64]


def name_of(request: HttpRequest) -> str:
    """Return who is signed in; empty for nobody."""
    user: Any = getattr(request, "user", None)
    return str(user.get_username()) if user is not None and user.is_authenticated else ""


def note(request: HttpRequest, kind: str, account: str, **more: Any) -> None:
    """Append a note about a request.

    Raises
    ------
    UnavailableError
        Where the database cannot be written.
    """
    content = {
        "account": account[:150],
        "method": str(request.method)[:10],
        "path": "".join(c if c.isprintable() else "\ufffd" for c in request.path[:200]),
        "address": address_of(request),
        **more,
    }
    store.note(kind, content, Actor(account[:150] or "nobody", getattr(request, "via", "page")))


def denied(request: HttpRequest, status: int, *, kind: str = "denied") -> None:
    """Note that something was refused; the same within a minute is one note, and a flood is summed up.

    Notes
    -----
    The refusal stands where the note cannot be written; the log of the server says so.
    """
    try:
        account = name_of(request)
        who = account or address_of(request)
        what = _admitted(who, (kind, who, str(request.method), request.path[:200]))
        if what == "one":
            note(request, kind, account, status=status)
        elif what == "last":
            note(request, "denials_summed", account, status=status, per_minute=PER_WINDOW)
    except Exception as error:
        log.warning(
            "a refusal cannot be noted: %s", error if isinstance(error, EscalateError) else type(error).__name__
        )


def failed(request: HttpRequest, account: str, *, locked: bool, kind: str = "sign_in_failed") -> None:
    """Note a wrong name or password; while somebody is locked out, once a minute."""
    who = address_of(request)
    if not locked:
        note(request, kind, account)
    elif _admitted(who, ("locked_out", who, account)) != "none":
        note(request, "locked_out", account)


def _admitted(who: str, key: tuple[str, ...]) -> str:
    now = time.monotonic()
    with _lock:
        before = _noted.get(key)
        if before is not None and now - before < WINDOW:
            return "none"
        start, n = _counts.get(who, (now, 0))
        if now - start >= WINDOW:
            start, n = now, 0
        _counts[who] = (start, n + 1)
        _counts.move_to_end(who)
        if n > PER_WINDOW:
            return "none"
        _noted[key] = now
        _noted.move_to_end(key)
        for kept in (_noted, _counts):
            while len(kept) > _KEPT:
                kept.popitem(last=False)
    return "last" if n == PER_WINDOW else "one"


def forget() -> None:
    """Begin anew, as for another database."""
    with _lock:
        _noted.clear()
        _counts.clear()


def failures_forgiven(account: str) -> None:
    """Forget the wrong passwords of an account after a right one."""
    from axes.models import AccessAttempt

    from escalate.web.lockout import counted_as

    AccessAttempt.objects.filter(username=counted_as(account)).delete()
