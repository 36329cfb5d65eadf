"""What every operation does alike: reach the trial, ask for the password, write once, and answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse
from pydantic import BaseModel

from escalate.conduct import store
from escalate.conduct.actor import Actor
from escalate.conduct.chain import Entry, canonical, sha256
from escalate.conduct.database import faults_told
from escalate.conduct.errors import AlreadyRecordedError, NotFoundError, RecordError
from escalate.conduct.models import RecordEntry
from escalate.conduct.permissions import Act, require
from escalate.conduct.signatures import Signing
from escalate.conduct.state import TrialState
from escalate.web import audit, people
from escalate.web.api import asked
from escalate.web.api.answers_entries import EntryRef, Written
from escalate.web.api.parsing import told
from escalate.web.api.problems import HttpProblem
from escalate.web.api.tokens import VIA, account_of, user_of

KEY = "Idempotency-Key"
_FOR_KEY = 36
"""Hexadecimal digits of each of the two hashes that make the request of an entry, which has room for 80 letters."""


def only(request: HttpRequest, *names: str) -> None:
    """Refuse a parameter of the address that the operation does not have: a misspelt `as_of` must not mean today.

    Raises
    ------
    HttpProblem
        With its name.
    """
    for name, values in request.GET.lists():
        if name not in names:
            text = f"{name[:40]}: is not a parameter here; {'known: ' + ', '.join(names) if names else 'there is none'}"
            raise HttpProblem(422, text, name[:40])
        if len(values) > 1:
            raise HttpProblem(422, f"{name}: is given {len(values)} times", name)


def day(text: str | None) -> date | None:
    """Return the day that a request names.

    Raises
    ------
    RecordError
        Where there is no such day.
    """
    try:
        return date.fromisoformat(text) if text is not None else None
    except ValueError:
        raise RecordError(f"as_of: {text} is not a day of the calendar") from None


def actor_of(request: HttpRequest, token: str = "") -> Actor:
    """Return who asks."""
    account = account_of(request)
    return Actor(account.name, VIA, request=token, admin=account.admin)


def reach(request: HttpRequest, trial: str, act: Act) -> TrialState:
    """Return a trial in which the owner of the token may do this.

    Raises
    ------
    NotFoundError
        Where there is none, or the person has no role in it: nobody learns which.
    NotAllowedError
        Where the person's roles do not include it.
    """
    try:
        state = people.state_known_to(trial, actor_of(request))
        require(state, actor_of(request), act)
    except NotFoundError:
        audit.denied(request, 404)
        raise
    return state


def respond(
    content: BaseModel | dict[str, Any], status: int = 200, *, head: str | None = None, **headers: str
) -> HttpResponse:
    """Return an answer as JSON; `head` goes into the header ETag too."""
    found = content.model_dump(mode="json") if isinstance(content, BaseModel) else content
    text = json.dumps(found, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    response = HttpResponse(text.encode("utf-8"), status=status, content_type="application/json")
    if head:
        response.headers["ETag"] = f'"{head}"'
    for name, value in headers.items():
        response.headers[name.replace("_", "-")] = value
    return response


def signing_of(
    request: HttpRequest, state: TrialState, signature: asked.Signature | asked.Sign | None
) -> Signing | None:
    """Return the signature that a request asks for, once its password is right.

    Raises
    ------
    NotAllowedError
        Where the person may not sign.
    RecordError
        Where the password is wrong, which counts as a failure to sign in.
    """
    if signature is None:
        return None
    actor, account = actor_of(request), account_of(request)
    require(state, actor, Act.SIGN)
    if not user_of(account).has_usable_password():
        raise RecordError(
            f"password: the account '{account.name}' has none on this server, and a signature takes one; the administrator "
            f"sets it with 'escalate account password {account.name}'"
        )
    people.check_again(request, actor, signature.password)
    return Signing(account.full_name, signature.meaning)


def seen_of(request: HttpRequest, seen: str | None) -> str | None:
    """Return the head that the person saw, from the body or the header If-Match.

    Raises
    ------
    RecordError
        Where the header is none, or the two differ.
    """
    header = request.headers.get("If-Match")
    if header is None:
        return seen
    head = header.strip().strip('"').lower()
    if not re.fullmatch(r"[0-9a-f]{64}", head):
        raise RecordError("If-Match: is not the head of a trial: 64 letters and digits, as the header ETag gives it")
    if seen is not None and seen != head:
        raise RecordError("If-Match: is not the head that the body names as seen")
    return head


def written(
    request: HttpRequest,
    trial: str,
    kind: str,
    write: Callable[[Actor], Entry],
) -> HttpResponse:
    """Write, or answer as before where the same request came before.

    Parameters
    ----------
    kind
        Of the entry that the request is about; an analysis may come before it, a signature after.
    """
    token = token_of(request)
    again = _before(trial, token)
    if again is None:
        try:
            entry = write(actor_of(request, token))
        except AlreadyRecordedError as error:
            again = error.number
    if again is not None:
        entry = _of_kind(trial, again, kind)
    head = _head_after(entry)
    answer = Written(entry=EntryRef.of(entry), head=head)
    if again is not None:
        return respond(answer, 200, head=head, Idempotent_Replay="true")
    return respond(answer, 201, head=head, Location=f"/api/v1/trials/{trial}/history/{entry.number}")


def token_of(request: HttpRequest) -> str:
    """Return what names the request in the record: the hash of its key and of what it asks; empty where it has no key.

    Raises
    ------
    RecordError
        Where the key is none.
    """
    key = request.headers.get(KEY)
    if key is None:
        return ""
    if not re.fullmatch(r"[\x21-\x7e]{1,200}", key):
        raise RecordError(f"{KEY}: is not a key: 1 to 200 letters, digits and signs, without blanks")
    name = sha256(canonical([account_of(request).name, key]))[:_FOR_KEY]
    # The record is kept for ever, and no hash of a password is.
    asks = _without_password(told(request))
    return f"api-{name}-{sha256(canonical([request.method, request.path, asks]))[:_FOR_KEY]}"


def _without_password(content: dict[str, Any]) -> dict[str, Any]:
    found = {name: value for name, value in content.items() if name != "password"}
    if isinstance(found.get("signature"), dict):
        found["signature"] = {name: value for name, value in found["signature"].items() if name != "password"}
    return found


def _before(trial: str, token: str) -> int | None:
    """Return the entry that the same request made before.

    Raises
    ------
    RecordError
        Where the key was used for something else.
    """
    if not token:
        return None
    begins = token[:-_FOR_KEY]
    with faults_told():
        found = (
            RecordEntry.objects.filter(chain=trial, request__startswith=begins).values_list("number", "request").first()
        )
    if found is not None and found[1] != token:
        raise RecordError(f"{KEY}: was used before for another request, that of entry {found[0]}; make a new key")
    return found[0] if found else None


def _of_kind(trial: str, number: int, kind: str) -> Entry:
    """Return the entry that a request was about, from the first one that it made."""
    made = list(store.entries_of(trial, number - 1, limit=2))
    return next((entry for entry in made if entry.kind == kind), made[0])


def _head_after(entry: Entry) -> str:
    """Return the hash of the last entry of the request that made this one, its signature where it was signed at once.

    Notes
    -----
    What others wrote since is not told as seen.
    """
    for later in store.entries_of(entry.chain, entry.number, limit=1):
        if later.kind == "signed" and later.by == entry.by and later.content["subject"] == entry.hash:
            return later.hash
    return entry.hash
