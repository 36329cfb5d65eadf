"""What a fault looks like on a page: a number, one sentence, and the way on."""

from __future__ import annotations

import logging
import re
import sys
from urllib.parse import quote

from django.core.exceptions import (
    DisallowedHost,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string

from escalate.conduct.errors import (
    AlreadyRecordedError,
    ConflictError,
    NotAllowedError,
    NotFoundError,
    TamperedError,
    UnavailableError,
)
from escalate.core.errors import EscalateError
from escalate.web import audit
from escalate.web.context import is_unavailable

log = logging.getLogger("escalate.web")

TITLES = {
    400: "This cannot be read",
    403: "Not allowed",
    404: "Not here",
    405: "Not this way",
    409: "The record went on",
    413: "Too large",
    422: "Not accepted",
    429: "Too many attempts",
    500: "A fault of the server",
    503: "The database does not answer",
}


def page(request: HttpRequest, status: int, message: str, title: str | None = None) -> HttpResponse:
    """Return the page of a fault; of the API, what its every error is."""
    if request.path.startswith("/api/"):
        return JsonResponse({"error": message, "field": None, "entry": None}, status=status)
    content = {"status": status, "title": title or TITLES[status], "message": message}
    try:
        text = render_to_string("error.html", content, request=request)
    except Exception as error:
        # A page about a fault never ends in another: it is then said without the frame of the page.
        log.warning("the page of fault %s cannot be drawn: %s", status, type(error).__name__)
        return HttpResponse(f"{content['title']}: {message}\n", status=status, content_type="text/plain; charset=utf-8")
    return HttpResponse(text, status=status)


def status_of(error: EscalateError) -> int:
    """Return the status of HTTP that an error has."""
    for kind, status in (
        (NotFoundError, 404),
        (NotAllowedError, 403),
        (ConflictError, 409),
        (UnavailableError, 503),
        (TamperedError, 500),
    ):
        if isinstance(error, kind):
            return status
    return 422


def answer_to(request: HttpRequest, error: EscalateError, *, admitted: bool = False) -> HttpResponse:
    """Return what a person gets for an error that the view did not show on its own page.

    Parameters
    ----------
    admitted
        Whether the person may see the trial, so that what is not there in it is no refusal.
    """
    match = getattr(request, "resolver_match", None)
    trial = (match.kwargs if match else {}).get("trial")
    if isinstance(error, AlreadyRecordedError) and trial:
        response = HttpResponseRedirect(f"/trials/{quote(trial)}/?already={error.number}")
        response.status_code = 303
        return response
    status = status_of(error)
    if status == 403 or (status == 404 and not admitted):
        audit.denied(request, status)
    if isinstance(error, UnavailableError):
        return unavailable(request, str(error))
    if isinstance(error, TamperedError):
        log.error("%s", error)
        return page(
            request,
            500,
            f"{_sentence(str(error))} Nothing is concluded from it, and nothing is added to it; 'escalate trial verify' names "
            "every entry concerned.",
            "This record was changed",
        )
    return page(request, status, _sentence(str(error)))


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:] if re.match(r"[a-z]+ ", text) else text
    return text if text.endswith((".", "!", "?")) else f"{text}."


def unavailable(request: HttpRequest, said: str = "") -> HttpResponse:
    """Return the page for a database that does not answer; the next request tries anew."""
    from django.db import connections

    log.error("the database does not answer: %s", said)
    connections.close_all()
    response = page(
        request,
        503,
        "The database cannot be reached or written just now. Nothing was saved by this, and nothing saved is lost; go back and "
        "try again.",
    )
    response.headers["Retry-After"] = "5"
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what is not a request."""
    if isinstance(exception, RequestDataTooBig):
        return too_large(request)
    if isinstance(exception, TooManyFieldsSent | TooManyFilesSent):
        return page(request, 400, "The form has more fields than any page of this server.")
    if isinstance(exception, DisallowedHost):
        return page(
            request,
            400,
            "This server does not answer under that name; the administrator adds it with 'escalate serve --allow-host NAME'.",
        )
    log.info("bad request: %s", type(exception).__name__)
    if isinstance(exception, SuspiciousOperation):
        return page(request, 400, "This was not sent by a page of this server, or the sign-in ended meanwhile.")
    return page(request, 400, "This is not a request that the server understands.")


def too_large(request: HttpRequest) -> HttpResponse:
    """Answer a body that no page of this server sends."""
    return page(request, 413, "What was sent is larger than 2 MB, and was not read.")


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer what a person may not do."""
    audit.denied(request, 403)
    return page(request, 403, "This account may not do that.")


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form that did not come from a page of this server."""
    audit.denied(request, 403, kind="form_refused")
    return page(
        request,
        403,
        "The form did not come from a page that this server gave you in this session, so that nothing was done. Go back, "
        "open the page again and send it from there; the browser must accept cookies.",
    )


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer an address that is none."""
    return page(request, 404, "There is no such page.")


def broken(request: HttpRequest) -> HttpResponse:
    """Answer where the server failed; a database that is away is told apart."""
    error = sys.exc_info()[1]
    if error is not None and is_unavailable(error):
        return unavailable(request, str(error))
    return page(
        request,
        500,
        "The server failed at this. Look at the history before you try again: what was recorded stands there.",
    )
