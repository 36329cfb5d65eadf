"""Wrong passwords, counted by account and by address; names are kept as hashes, as one may be a password typed too early."""

from __future__ import annotations

from threading import Lock
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from axes.signals import user_locked_out
from django.conf import settings
from django.contrib.auth import authenticate
from django.db import transaction
from django.db.models import F, Sum
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

LONGEST_PASSWORD = 1000
_TURNS = tuple(Lock() for _ in range(64))
PER_ADDRESS = 20
"""Wrong passwords of one address within the time of `AXES_COOLOFF_TIME`, where an account has `AXES_FAILURE_LIMIT`."""


def counted_as(name: str) -> str:
    """Return what a name of an account is counted as, whether there is such an account or not."""
    return salted_hmac("escalate lockout", name.strip().casefold(), algorithm="sha256").hexdigest()


def checked(request: HttpRequest, name: str, password: str) -> Any:
    """Return whose name and password these are, or None; attempts on one account wait for each other.

    Notes
    -----
    Sent all at once, attempts would otherwise be tried before the first of them is counted.
    """
    with _TURNS[int(counted_as(name)[:8], 16) % len(_TURNS)]:
        return authenticate(request, username=name, password=password[:LONGEST_PASSWORD])


def username_of(request: HttpRequest, credentials: dict[str, Any] | None = None) -> str:
    """Return whose attempt it is, for axes."""
    return counted_as(str((credentials or {}).get("username") or ""))


class Lockout(AxesDatabaseHandler):  # type: ignore[misc]
    """Counts in the database, so that all threads and processes know the same."""

    def get_failures(self, request: Any, credentials: dict[str, Any] | None = None) -> int:
        """Return how far an attempt is from being locked: the failures of the account, or their like of the address."""
        since = request.axes_attempt_time - settings.AXES_COOLOFF_TIME
        recent = AccessAttempt.objects.filter(attempt_time__gte=since)

        def failures(**those: str) -> int:
            return int(recent.filter(**those).aggregate(n=Sum("failures_since_start"))["n"] or 0)

        # Who comes from an identity provider names no account here.
        named = bool((credentials or {}).get("username"))
        of_account = failures(username=username_of(request, credentials)) if named else 0
        of_address = failures(ip_address=request.axes_ip_address)
        return max(of_account, of_address * int(settings.AXES_FAILURE_LIMIT) // PER_ADDRESS)

    def user_login_failed(self, sender: Any, credentials: dict[str, Any], request: Any = None, **kwargs: Any) -> None:
        """Count a wrong password; while locked nothing is counted, so that the lock ends."""
        if request is None:
            return
        request.axes_credentials = credentials
        if not request.axes_locked_out:
            self._count(request, username_of(request, credentials))
            request.axes_failures_since_start = self.get_failures(request, credentials)
            request.axes_locked_out = request.axes_failures_since_start >= settings.AXES_FAILURE_LIMIT
            if not request.axes_locked_out:
                return
        user_locked_out.send("axes", request=request, username="", ip_address=request.axes_ip_address)

    def _count(self, request: Any, username: str) -> None:
        since = request.axes_attempt_time - settings.AXES_COOLOFF_TIME
        with transaction.atomic():
            AccessAttempt.objects.filter(attempt_time__lt=since).delete()
            attempt, created = AccessAttempt.objects.select_for_update().get_or_create(
                username=username,
                ip_address=request.axes_ip_address,
                user_agent="",
                defaults={
                    "get_data": "",
                    "post_data": "",
                    "http_accept": "",
                    "path_info": request.axes_path_info,
                    "failures_since_start": 1,
                    "attempt_time": request.axes_attempt_time,
                },
            )
            if not created:
                AccessAttempt.objects.filter(pk=attempt.pk).update(
                    failures_since_start=F("failures_since_start") + 1, attempt_time=request.axes_attempt_time
                )

    def user_logged_in(self, sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
        """Forget the wrong passwords of an account, not those of others from the same address."""
        AccessAttempt.objects.filter(username=counted_as(user.get_username())).delete()

    def user_logged_out(self, sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
        """Nothing is kept of it here; the record has a note."""
