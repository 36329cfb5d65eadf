"""Sign in, sign out, another password."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model, login, logout, update_session_auth_hash
from django.contrib.auth.signals import user_logged_in
from django.db import connection
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters

from escalate.conduct import accounts
from escalate.conduct.actor import Actor
from escalate.conduct.database import faults_told
from escalate.conduct.errors import NotFoundError, RecordError, UnavailableError
from escalate.web import audit, errors, oidc
from escalate.web.lockout import checked
from escalate.web.people import check_again
from escalate.web.settings import LOCK_MINUTES

ELSEWHERE = "The sign-in at the identity provider was not taken: there must be an account of the same name here."
NOT_RIGHT = "Name or password is not right."
FIRST = "/trials/"


def home(request: HttpRequest) -> HttpResponse:
    """Lead to the trials, or to the sign-in page."""
    return see_other(FIRST if request.user.is_authenticated else "/sign-in")


def health(request: HttpRequest) -> HttpResponse:
    """Say whether the server and its database answer."""
    try:
        with faults_told(), connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except UnavailableError:
        connection.close()
        return HttpResponse("the database does not answer\n", status=503, content_type="text/plain; charset=utf-8")
    return HttpResponse("ok\n", content_type="text/plain; charset=utf-8")


def elsewhere(request: HttpRequest) -> HttpResponse:
    """Lead to the identity provider, where there is one."""
    if not oidc.wanted():
        raise NotFoundError("there is no such page")
    from escalate.web.oidc_backend import begin

    found: HttpResponse = begin(request)
    return found


def from_elsewhere(request: HttpRequest) -> HttpResponse:
    """Take a person who comes from the identity provider."""
    if not oidc.wanted():
        raise NotFoundError("there is no such page")
    from escalate.web.oidc_backend import back

    with faults_told():
        found: HttpResponse = back(request)
    return found


def see_other(address: str) -> HttpResponse:
    """Return the way to another page, to be read."""
    response = HttpResponseRedirect(address)
    response.status_code = 303
    return response


def way_on(request: HttpRequest) -> str:
    """Return the page of this server that was asked for before the sign-in."""
    asked = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(asked, allowed_hosts=None) and asked.startswith("/") and asked.isprintable()
    return asked if safe else FIRST


@sensitive_post_parameters("password")
def sign_in(request: HttpRequest) -> HttpResponse:
    """Show the form and take it."""
    if request.method != "POST":
        if request.user.is_authenticated:
            return see_other(way_on(request))
        return _form(request, message=ELSEWHERE if request.GET.get("elsewhere") == "refused" else "")
    name, password = request.POST.get("name", ""), request.POST.get("password", "")
    with faults_told():
        # The same work and the same words whether there is such an account or not.
        user = checked(request, _storable(name), password)
        if user is None:
            return _refused(request, name)
        login(request, user)
        request.session.clear_expired()
    return see_other(way_on(request))


def _storable(name: str) -> str:
    """Return a name as a database can look for it."""
    return name[:150].replace("\0", "\ufffd")


def _form(request: HttpRequest, *, status: int = 200, message: str = "") -> HttpResponse:
    content = {
        "next": way_on(request),
        "name": request.POST.get("name", "")[:150],
        "message": message,
        "ended": request.GET.get("ended") == "1",
        "lost": request.GET.get("lost") == "1",
        "accounts": settings.DEMO_ACCOUNTS if settings.ESCALATE_DEMO else (),
        "oidc": oidc.wanted(),
    }
    return render(request, "sign_in.html", content, status=status)


def _refused(request: HttpRequest, name: str) -> HttpResponse:
    locked = getattr(request, "axes_locked_out", False)
    # A name that is none is not kept: people type passwords into the wrong field.
    known = get_user_model().objects.filter(username=_storable(name)).exists()
    audit.failed(request, name if known else "", locked=locked)
    if not locked:
        return _form(request, status=422, message=NOT_RIGHT)
    return too_many(request)


def too_many(request: HttpRequest) -> HttpResponse:
    """Return the page for whoever had the password wrong too often."""
    response = errors.page(
        request,
        429,
        f"The password was wrong too often for this account or from this address. Try again in {LOCK_MINUTES} minutes.",
    )
    response.headers["Retry-After"] = str(LOCK_MINUTES * 60)
    return response


@receiver(user_logged_in, dispatch_uid="escalate sign-in")
def _signed_in(sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    """Note a sign-in and begin the time of the session; without the note there is no sign-in."""
    audit.note(request, "signed_in", user.get_username())
    request.session["since"] = request.session["last"] = int(time.time())


def sign_out(request: HttpRequest, actor: Actor) -> HttpResponse:
    """End the session, here and on the server."""
    if request.method != "POST":
        return see_other(FIRST)
    audit.note(request, "signed_out", actor.name)
    logout(request)
    return see_other("/sign-in")


@sensitive_post_parameters("old", "new", "again")
def password(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show the form for another password and take it; other sessions of the account end."""
    if request.method != "POST":
        return render(request, "password.html", {})
    try:
        _change(request, actor)
    except UnavailableError:
        raise
    except RecordError as error:
        if getattr(request, "axes_locked_out", False):
            return too_many(request)
        field, _, said = str(error).partition(": ")
        return render(request, "password.html", {"field": field, "message": said}, status=422)
    return render(request, "password.html", {"changed": True})


def _change(request: HttpRequest, actor: Actor) -> None:
    old, new, again = (request.POST.get(field, "")[:1000] for field in ("old", "new", "again"))
    check_again(request, actor, old, "nothing was changed")
    if new != again:
        raise RecordError("again: is not the same as the new password; nothing was changed")
    if new == old:
        raise RecordError("new: is the password that you have; nothing was changed")
    accounts.set_password(actor.name, new, Actor(actor.name, actor.via))
    # Sessions are of the password they began with: this one alone is taken along.
    update_session_auth_hash(request, get_user_model().objects.get(username=actor.name))
