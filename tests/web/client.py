"""A database with a trial and its people, and browsers without a window that sign in as them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from tests.helpers import ROOT

if TYPE_CHECKING:
    from escalate.web.settings import Serving

PASSWORD = "a long password for tests"
DESIGN = ROOT / "designs" / "tvec-liver-boin.yaml"
TRIAL = "tvec"
OTHER = "other"
"""A trial in which nobody of `PEOPLE` has a role."""
PEOPLE: Mapping[str, tuple[str, ...]] = {
    "vera": ("viewer",),
    "sita": ("site",),
    "stan": ("statistician",),
    "cher": ("chair",),
    "adam": ("admin",),
    "sofi": ("site", "statistician"),
    "nora": (),
}
"""Accounts, and their roles in `TRIAL`; `root` administers the server and has none."""


def set_up(database: Path | str, *, serving: Serving | None = None, synthetic: bool = True) -> None:
    """Work on a new database, with two trials and the people of `PEOPLE`, all with the same password."""
    from escalate.web.settings import start

    if isinstance(database, Path) and not database.exists() and synthetic:
        # Tables take half a second to make: all files begin as copies of one.
        database.write_bytes(_begun())
        start(str(database), serving=serving)
        return
    start(str(database), create=True, serving=serving)
    _fill(synthetic)


@cache
def _begun() -> bytes:
    from django.db import connections

    with TemporaryDirectory() as folder:
        path = Path(folder) / "record.db"
        set_up(str(path))
        connections.close_all()
        return path.read_bytes()


def _fill(synthetic: bool) -> None:
    from django.contrib.auth.hashers import make_password

    from escalate.conduct import accounts, opening
    from escalate.conduct.actor import Actor
    from escalate.conduct.design_lock import lock

    lead = Actor("lead", "tests", everywhere=True, admin=True)
    known = make_password(PASSWORD)
    from django.contrib.auth import get_user_model

    for name in (*PEOPLE, "root"):
        accounts.add_account(name, f"{name.title()} Test", None, lead, admin=name == "root")
        # One hash for all: it takes a tenth of a second each time.
        get_user_model().objects.filter(username=name).update(password=known)
    for trial in (TRIAL, OTHER):
        opening.open_trial(trial, lock(str(DESIGN)), lead, synthetic=synthetic)
    for name, roles in PEOPLE.items():
        if roles:
            opening.give_roles(TRIAL, name, roles, lead)


def browser(name: str | None = None, **defaults: Any) -> Any:
    """Return a browser, signed in as somebody without the sign-in page; it answers CSRF as a real one must."""
    from django.contrib.auth import get_user_model
    from django.test import Client

    # Signing in starts the times of the session only where this is loaded.
    from escalate.web import signing_in  # noqa: F401

    client = Client(enforce_csrf_checks=True, raise_request_exception=False, **{"SERVER_NAME": "localhost", **defaults})
    if name is not None:
        client.force_login(
            get_user_model().objects.get(username=name), backend="django.contrib.auth.backends.ModelBackend"
        )
    return client


def hidden(page: Any) -> dict[str, str]:
    """Return the hidden fields of the last form of a page that has them: csrfmiddlewaretoken, request, seen."""
    found = {}
    for tag in re.findall(r"<input[^>]*>", page.content.decode()):
        if 'type="hidden"' in tag:
            name, value = (re.search(rf'{key}="([^"]*)"', tag) for key in ("name", "value"))
            if name and value:
                found[name[1]] = value[1]
    return found


def send(client: Any, address: str, fields: Mapping[str, Any], *, page: str | None = None) -> Any:
    """Open a page and send its form with fields filled in, as a person does."""
    form = hidden(client.get(page or address))
    return client.post(address, {**form, **fields})


def token(client: Any) -> str:
    """Return a token against forged forms that goes with the cookie of a browser."""
    cookie = client.cookies.get("escalate-form")
    if cookie is None:
        client.cookies["escalate-form"] = "a" * 32
        return "a" * 32
    return str(cookie.value)


def post(client: Any, address: str, fields: Mapping[str, Any] | None = None) -> Any:
    """Send a form without opening its page first, with what a page would have given."""
    return client.post(
        address,
        {"csrfmiddlewaretoken": token(client), "request": str(uuid.uuid4()), **(fields or {})},
    )


def notes(kind: str | None = None) -> list[Any]:
    """Return the entries in the chain of the system, or those of one kind."""
    from escalate.conduct import store

    return [entry for entry in store.entries_of(store.SYSTEM) if kind in (None, entry.kind)]


@contextmanager
def closing() -> Iterator[None]:
    """Close the connections to the database at the end."""
    from django.db import connections

    try:
        yield
    finally:
        connections.close_all()
