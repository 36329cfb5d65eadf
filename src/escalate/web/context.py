"""What every template knows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from escalate import __version__
from escalate.conduct.errors import UnavailableError
from escalate.web.people import account_of


def of_page(request: HttpRequest) -> dict[str, Any]:
    """Return who is signed in, whether all is a demonstration, and the version."""
    try:
        person = account_of(request)
    except Exception as error:
        # The page that says that the database is away is shown without a name.
        if not is_unavailable(error):
            raise
        person = None
    return {"person": person, "demo": settings.ESCALATE_DEMO, "version": __version__}


def is_unavailable(error: BaseException) -> bool:
    """Return whether a fault is that the database cannot be reached."""
    from django.db import InterfaceError, OperationalError

    return isinstance(error, UnavailableError | OperationalError | InterfaceError)
