"""What OpenAPI says of operations beside their bodies: statuses, headers, and answers that are no JSON."""

from __future__ import annotations

from typing import Any

from ninja import Router
from pydantic import BaseModel

from escalate.web.api.acting import KEY
from escalate.web.api.answers_entries import Written
from escalate.web.api.problems import Problem

router = Router()
"""Every operation, so that those of one address know each other's methods."""
_READ = frozenset({401, 403, 404, 405, 422, 500, 503})
_WRITE = _READ | {400, 409, 413, 415}
_HEADERS: tuple[dict[str, Any], ...] = (
    {
        "name": KEY,
        "in": "header",
        "required": False,
        "description": "Names this request: sent again, it writes nothing and gives the same entry with status 200 and the header "
        "Idempotent-Replay.",
        "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,200}$"},
        "example": "edc-export-2026-03-31-cohort-2",
    },
    {
        "name": "If-Match",
        "in": "header",
        "required": False,
        "description": "Head that you saw, as the header ETag gives it; where the record went on since, the answer is 409.",
        "schema": {"type": "string", "pattern": '^"?[0-9a-f]{64}"?$'},
        "example": f'"{"a0" * 32}"',
    },
)
_ETAG = {"ETag": {"description": "Head of the trial, in quotes.", "schema": {"type": "string"}}}
_REPLAY = {"Idempotent-Replay": {"description": "true: this was recorded before.", "schema": {"type": "string"}}}
_LOCATION = {"Location": {"description": "Where the entry is.", "schema": {"type": "string"}}}
_CHALLENGE = {"WWW-Authenticate": {"description": "Bearer", "schema": {"type": "string"}}}


def reads(
    answer: type[BaseModel] | None, tag: str, *, etag: bool = True, media: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the settings of an operation that reads.

    Parameters
    ----------
    media
        By content type, in place of a model, what the answer is.
    """
    ok: dict[str, Any] = {"headers": _ETAG} if etag else {}
    if media is not None:
        ok["content"] = {kind: {"schema": schema} for kind, schema in media.items()}
    responses: dict[int, Any] = {401: {"headers": _CHALLENGE}}
    if ok:
        responses[200] = ok
    return {"response": {200: answer, _READ: Problem}, "tags": [tag], "openapi_extra": {"responses": responses}}


def writes(tag: str, *, begins: bool = False) -> dict[str, Any]:
    """Return the settings of an operation that writes an entry; before the first one there is no head to have seen."""
    return {
        "response": {201: Written, 200: Written, _WRITE: Problem},
        "tags": [tag],
        "openapi_extra": {
            "parameters": [dict(header) for header in _HEADERS[: 1 if begins else 2]],
            "responses": {
                200: {"description": "Recorded before", "headers": {**_ETAG, **_REPLAY}},
                201: {"headers": {**_ETAG, **_LOCATION}},
                401: {"headers": _CHALLENGE},
            },
        },
    }
