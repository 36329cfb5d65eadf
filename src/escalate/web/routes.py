"""A page and who may open it: the only way to add one, so that there is none without a policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, wraps
from importlib import import_module
from typing import Any, Literal
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import URLPattern, path

from escalate.conduct.permissions import Act, require
from escalate.core.errors import EscalateError
from escalate.web import people
from escalate.web.errors import answer_to

Policy = Act | Literal["anyone", "signed in"]
View = Callable[..., HttpResponseBase]
READING = ("GET", "HEAD")


@dataclass(frozen=True)
class Route:
    """A page.

    Parameters
    ----------
    path
        As Django writes it; where the policy is an act of a trial it holds `<str:trial>`.
    view
        `module.function` below `escalate.web`, imported when it is first asked for. It is called with
        `(request, state, actor, **rest)` for an act of a trial, `(request, actor, **rest)` for whoever is signed in, and
        `(request, **rest)` for anyone.
    policy
        What a person must be allowed to do in the trial, for reading and sending alike; or "signed in"; or "anyone".
    posts
        Whether the page takes a form.
    """

    path: str
    view: str
    name: str
    policy: Policy
    posts: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.policy, Act) != ("<str:trial>" in self.path):
            raise TypeError(f"{self.path}: an act is of a trial, and a trial's page needs an act")

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that it answers."""
        return (*READING, "POST") if self.posts else READING

    def pattern(self) -> URLPattern:
        """Return it as Django's."""
        return path(self.path, guarded(self), name=self.name)


@cache
def view_of(name: str) -> View:
    """Return a view by its name."""
    module, _, function = name.rpartition(".")
    found: View = getattr(import_module(f"escalate.web.{module}"), function)
    return found


def guarded(route: Route) -> View:
    """Return the view of a route behind its policy."""

    @wraps(guarded)
    def view(request: HttpRequest, **rest: Any) -> HttpResponseBase:
        if request.method not in route.methods:
            return HttpResponseNotAllowed(route.methods)
        admitted = not isinstance(route.policy, Act)
        try:
            if route.policy == "anyone":
                return view_of(route.view)(request, **rest)
            if not request.user.is_authenticated:
                return to_sign_in(request)
            actor = people.actor_of(request)
            if isinstance(route.policy, Act):
                state = people.state_for(request, rest.pop("trial"))
                require(state, actor, route.policy)
                admitted = True
                return view_of(route.view)(request, state, actor, **rest)
            return view_of(route.view)(request, actor, **rest)
        except EscalateError as error:
            return answer_to(request, error, admitted=admitted)

    return view


def to_sign_in(request: HttpRequest) -> HttpResponseBase:
    """Return the way to the sign-in page, and from there back to the page; a form that was sent is told to be lost."""
    form = request.method not in READING and request.path != "/sign-out"
    of_a_part = bool(request.headers.get("HX-Request"))
    wanted = request.path if form else "" if of_a_part or request.method not in READING else request.get_full_path()
    said = {"next": wanted} if 0 < len(wanted) < 1000 else {}
    if getattr(request, "ended_session", False):
        said["ended"] = "1"
    if form:
        said["lost"] = "1"
    address = f"/sign-in?{urlencode(said)}" if said else "/sign-in"
    response = redirect(address)
    if of_a_part:
        # htmx would put the sign-in page into a part of the page.
        response.status_code = 401
        response.headers["HX-Redirect"] = address
        del response.headers["Location"]
    return response
