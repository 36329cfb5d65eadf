"""The addresses of the API, to be put below /api/v1/."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import URLPattern, path
from ninja import NinjaAPI

from escalate.web.api.making import made, problem
from escalate.web.api.tokens import VIA

api: NinjaAPI = made()


def _plain(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Return a view whose every answer is of the API: no session, nothing kept by a cache, a wrong method told as JSON."""

    @wraps(view)
    def plain(request: HttpRequest, **rest: Any) -> HttpResponseBase:
        request.user = AnonymousUser()
        request.via = VIA  # type: ignore[attr-defined]
        try:
            response = view(request, **rest)
        except Http404:
            response = nowhere(request)
        if response.status_code == 405 and response.headers.get("Content-Type") != "application/json":
            allowed = response.headers.get("Allow", "GET")
            response = problem(405, f"{request.method} is not done here; {allowed} is", Allow=allowed)
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    return plain


def nowhere(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Answer an address that is none."""
    return problem(404, "there is no such address; /api/v1/openapi.json lists all")


nowhere.csrf_exempt = True  # type: ignore[attr-defined]


def _patterns() -> list[URLPattern]:
    found = [pattern for pattern in api.urls[0] if isinstance(pattern, URLPattern)]
    # A study number may hold `/`: an address that goes on after one is looked for before the one that ends with it.
    found.sort(key=lambda pattern: str(pattern.pattern).endswith("<path:patient>"))
    for pattern in found:
        pattern.callback = _plain(pattern.callback)
    return [*found, path("<path:rest>", _plain(nowhere))]


app_name = api.urls_namespace
urlpatterns = _patterns()
