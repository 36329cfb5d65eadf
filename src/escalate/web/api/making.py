"""The API as one object: its operations, its errors as JSON, and its OpenAPI document."""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.operation import Operation

from escalate.core.errors import EscalateError
from escalate.web import audit

# The operations add themselves to the router as they are imported, those that read first.
from escalate.web.api import declaring, documents, reading, writing  # noqa: F401
from escalate.web.api.acting import respond
from escalate.web.api.parsing import MAX_BYTES, StrictParser, told
from escalate.web.api.problems import HttpProblem, Problem, fault_of, problem_of
from escalate.web.api.tokens import Token
from escalate.web.errors import status_of

log = logging.getLogger("escalate.web")
_ABOUT = (
    "The record of dose-escalation trials: the acts of the pages and of `escalate trial` as JSON. Levels are counted from 1, "
    "times are UTC. Every write makes an entry that nobody can change; an error says in one sentence what is wrong, and then "
    "nothing was written."
)


class _Api(NinjaAPI):
    def get_openapi_operation_id(self, operation: Operation) -> str:
        """Return the name of the function: the operations of a client made from the document are called so."""
        return operation.view_func.__name__


def problem(status: int, text: str, field: str | None = None, **headers: str) -> HttpResponse:
    """Return an error as JSON."""
    return respond(Problem(error=text, field=field, entry=None), status, **headers)


def made() -> NinjaAPI:
    """Return the API."""
    api = _Api(
        title="escalate",
        version="1",
        description=_ABOUT,
        docs_url=None,
        auth=Token(),
        parser=StrictParser(),
        urls_namespace="api-1",
    )
    api.add_router("", declaring.router)
    for kind, handler in (
        (EscalateError, _refused),
        (HttpProblem, _http_problem),
        (AuthenticationError, _who),
        (ValidationError, _not_valid),
        (HttpError, _http_error),
        (RequestDataTooBig, _too_big),
        (UnreadablePostError, _cut_off),
        (Exception, _broken),
    ):
        api.add_exception_handler(kind, handler)
    return api


def _refused(request: HttpRequest, error: Any) -> HttpResponse:
    status = status_of(error)
    if status == 403:
        audit.denied(request, status)
    if status >= 500:
        log.error("%s", error)
    if status == 503:
        from django.db import connections

        # The next request tries anew.
        connections.close_all()
    return respond(problem_of(error, told(request)), status, **({"Retry_After": "5"} if status == 503 else {}))


def _http_problem(request: HttpRequest, error: Any) -> HttpResponse:
    return problem(error.status, str(error), error.field)


def _who(request: HttpRequest, error: Any) -> HttpResponse:
    if "Authorization" in request.headers:
        text = "the token is not one, or it ended, was withdrawn, or its account is shut"
        return problem(401, text, "Authorization", WWW_Authenticate='Bearer realm="escalate", error="invalid_token"')
    text = "a token is missing; send the header Authorization: Bearer esc_..."
    return problem(401, text, "Authorization", WWW_Authenticate='Bearer realm="escalate"')


def _not_valid(request: HttpRequest, error: Any) -> HttpResponse:
    return respond(fault_of(error.errors[0]), 422)


def _http_error(request: HttpRequest, error: Any) -> HttpResponse:
    # What the parser says of a body comes wrapped.
    if isinstance(error.__cause__, HttpProblem):
        return _http_problem(request, error.__cause__)
    return problem(error.status_code, "the request cannot be read")


def _too_big(request: HttpRequest, error: Any) -> HttpResponse:
    return problem(413, f"the body is too large; at most {MAX_BYTES} bytes are read")


def _cut_off(request: HttpRequest, error: Any) -> HttpResponse:
    return problem(400, "the body was cut off on its way; send it again")


def _broken(request: HttpRequest, error: Any) -> HttpResponse:
    log.error("the API failed at %s %s", request.method, request.path, exc_info=error)
    text = "the server failed at this, and its administrator finds why in the log; look at the history before you send it again"
    return problem(500, text)
