"""Read the body of a request: JSON and nothing else, each name once, no number that JSON does not have."""

from __future__ import annotations

import json
import math
from typing import Any

from django.http import HttpRequest
from ninja.parser import Parser

from escalate.web.api.problems import HttpProblem

MAX_BYTES = 2_000_000
"""No request is larger."""
MAX_DIGITS = 18


class StrictParser(Parser):
    """The reader of bodies, which keeps what a request said so that an error can name its field."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        """Return the JSON object of a request.

        Raises
        ------
        HttpProblem
            Where there is none.
        """
        _check_type(request)
        found = read_json(request.body)
        request.told = found  # type: ignore[attr-defined]
        return found


def told(request: HttpRequest) -> dict[str, Any]:
    """Return what the body of a request said; empty where it had none that could be read."""
    found: dict[str, Any] = getattr(request, "told", {})
    return found


def _check_type(request: HttpRequest) -> None:
    if request.content_type != "application/json":
        said = f"'{(request.content_type or '')[:60]}'" if request.content_type else "missing"
        raise HttpProblem(415, f"Content-Type: is {said}; send application/json", "Content-Type")
    charset = (request.content_params or {}).get("charset", "utf-8")
    if charset.lower().replace("_", "-") not in ("utf-8", "utf8"):
        raise HttpProblem(415, f"Content-Type: charset '{charset[:40]}' is not read; send UTF-8", "Content-Type")


def read_json(raw: bytes) -> dict[str, Any]:
    """Return a JSON object.

    Raises
    ------
    HttpProblem
        Where it is too large, not UTF-8, not JSON, or not an object.
    """
    if len(raw) > MAX_BYTES:
        raise HttpProblem(413, f"the body has {len(raw)} bytes; at most {MAX_BYTES} are read")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise HttpProblem(400, f"the body is not UTF-8, at byte {fault.start + 1}") from None
    try:
        found = json.loads(
            text, object_pairs_hook=_once, parse_constant=_no_constant, parse_int=_whole, parse_float=_finite
        )
        # Half a letter can be written as an escape, and could not be stored.
        json.dumps(found, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as fault:
        raise HttpProblem(
            400, f"the body is not JSON: line {fault.lineno}, column {fault.colno}: {fault.msg}"
        ) from None
    except RecursionError:
        raise HttpProblem(400, "the body is nested too deeply") from None
    except UnicodeEncodeError:
        raise HttpProblem(400, "the body holds half a letter (a lone surrogate)") from None
    if not isinstance(found, dict):
        raise HttpProblem(422, "the body is not a JSON object")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name, _ in pairs if sum(other == name for other, _ in pairs) > 1)
        raise HttpProblem(400, f"the body says '{twice[:60]}' twice")
    return found


def _no_constant(name: str) -> None:
    raise HttpProblem(400, f"the body holds {name}, which is not JSON; leave out what is not known, or say null")


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise HttpProblem(400, f"the body holds a whole number of {len(digits)} digits; no field takes one so long")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise HttpProblem(400, "the body holds a number that is too large")
    return number
