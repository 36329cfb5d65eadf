"""Headers of every answer, and how long somebody stays signed in."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from django.contrib.auth import logout
from django.contrib.sessions.backends.base import UpdateError
from django.http import HttpRequest, HttpResponseBase

from escalate.conduct.database import faults_told
from escalate.conduct.errors import UnavailableError
from escalate.web import audit, errors
from escalate.web.settings import IDLE_MINUTES, LARGEST_FORM, LONGEST_HOURS

log = logging.getLogger("escalate.web")
Next = Callable[[HttpRequest], HttpResponseBase]
STAMP_SECONDS = 60
FEATURES = ("camera", "display-capture", "geolocation", "microphone", "payment", "usb", "browsing-topics")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in FEATURES),
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Robots-Tag": "noindex, nofollow",
}


class Headers:
    """Puts on every answer what no page should forget."""

    def __init__(self, get_response: Next) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer."""
        response = self._get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if "Cache-Control" not in response.headers:
            # What a person saw does not stay behind in the browser of a shared computer.
            response.headers["Cache-Control"] = "no-store"
        return response


class Sizes:
    """Refuses a body larger than any form of this server, unread."""

    def __init__(self, get_response: Next) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer."""
        length = str(request.META.get("CONTENT_LENGTH") or "0")
        if length.isascii() and length.isdigit() and int(length[:12]) > LARGEST_FORM:
            return errors.too_large(request)
        return self._get_response(request)


class SessionTimes:
    """Ends a session that was idle too long, or lasts too long.

    Notes
    -----
    Activity is stamped once a minute at most, so that reading pages writes nothing to the database.
    """

    def __init__(self, get_response: Next) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, for nobody where the session has ended."""
        if request.user.is_authenticated:
            now = int(time.time())
            since, last = (int(request.session.get(name, 0)) for name in ("since", "last"))
            if now - since >= LONGEST_HOURS * 3600 or now - last >= IDLE_MINUTES * 60:
                audit.note(request, "session_ended", audit.name_of(request))
                request.ended_session = True  # type: ignore[attr-defined]
                logout(request)
            elif now - last >= STAMP_SECONDS:
                _stamp(request, now)
        return self._get_response(request)


def _stamp(request: HttpRequest, now: int) -> None:
    """Write that the session is in use; where the disk is full, pages can be read all the same."""
    request.session["last"] = now
    try:
        with faults_told():
            request.session.save()
    except UpdateError:
        # Signed out at the same moment, in another window.
        logout(request)
        return
    except UnavailableError as error:
        log.warning("the time of a session cannot be written: %s", error)
    request.session.modified = False
