"""Django's settings of the server, beside those of the database."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from escalate.conduct import database
from escalate.conduct.errors import RecordError

HERE = Path(__file__).parent
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
IDLE_MINUTES = 30
LONGEST_HOURS = 12
LOCK_MINUTES = 15
SHORTEST_SECRET = 50
LARGEST_FORM = 2 * 1024 * 1024


@dataclass(frozen=True)
class DemoAccount:
    """An account of a demonstration, shown on its sign-in page."""

    name: str
    password: str
    role: str


@dataclass(frozen=True)
class Serving:
    """How the pages are served.

    Parameters
    ----------
    hosts
        Names under which the server answers, beside those of loopback.
    https
        Whether a proxy before the server speaks https.
    demo
        Whether all of it is a demonstration; its accounts then stand on the sign-in page.
    """

    hosts: tuple[str, ...] = ()
    https: bool = False
    demo: bool = False
    demo_accounts: tuple[DemoAccount, ...] = ()


def start(where: str, *, create: bool = False, serving: Serving | None = None) -> None:
    """Work on a database with the settings of the server.

    Raises
    ------
    RecordError, UnavailableError
        As `database.connect`.
    """
    from django.conf import settings as configured

    mine = web_settings(serving or Serving())
    known = configured.configured
    database.connect(where, create=create, **mine)
    if known:
        _replace(mine)
    configured.SECRET_KEY = _secret()


def _secret() -> str:
    """Return what sessions are signed with: that of the environment, or of the database."""
    given = os.environ.get("ESCALATE_SECRET_KEY")
    if given is None:
        return database.secret()
    if len(given) < SHORTEST_SECRET:
        raise RecordError(f"ESCALATE_SECRET_KEY: is too short; {SHORTEST_SECRET} random characters are needed")
    return given


def _replace(mine: dict[str, Any]) -> None:
    """Give a process that worked on a database before the settings of a server."""
    from axes.handlers.proxy import AxesProxyHandler
    from django import template
    from django.conf import settings as configured
    from django.urls import clear_url_caches

    from escalate.web import audit

    for name, value in mine.items():
        setattr(configured, name, value)
    AxesProxyHandler.get_implementation(force=True)
    # What was made of earlier settings, if anything was.
    engines = vars(template.engines)
    engines.pop("templates", None)
    engines.update(_templates=None, _engines={})
    clear_url_caches()
    audit.forget()


def web_settings(serving: Serving) -> dict[str, Any]:
    """Return the settings of the server."""
    from escalate.web import oidc

    prefix = "__Host-" if serving.https else ""
    same_site = "Lax" if oidc.wanted() else "Strict"
    return {
        "DEBUG": False,
        "ESCALATE_DEMO": serving.demo,
        "DEMO_ACCOUNTS": serving.demo_accounts,
        "ALLOWED_HOSTS": [*LOOPBACK, *serving.hosts],
        "ROOT_URLCONF": "escalate.web.urls",
        "MIDDLEWARE": MIDDLEWARE,
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "DIRS": [HERE / "templates"],
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "escalate.web.context.of_page",
                    ],
                    "libraries": _libraries(),
                    "builtins": ["escalate.web.static_files"],
                },
            }
        ],
        "STATIC_URL": "/static/",
        "LOGIN_URL": "/sign-in",
        "LOGIN_REDIRECT_URL": "/trials/",
        "SESSION_ENGINE": "django.contrib.sessions.backends.db",
        "SESSION_COOKIE_NAME": f"{prefix}escalate-session",
        "SESSION_COOKIE_AGE": LONGEST_HOURS * 3600,
        "SESSION_EXPIRE_AT_BROWSER_CLOSE": True,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SECURE": serving.https,
        "SESSION_COOKIE_SAMESITE": same_site,
        "CSRF_COOKIE_NAME": f"{prefix}escalate-form",
        "CSRF_COOKIE_HTTPONLY": True,
        "CSRF_COOKIE_SECURE": serving.https,
        "CSRF_COOKIE_SAMESITE": same_site,
        "CSRF_COOKIE_AGE": None,
        "CSRF_FAILURE_VIEW": "escalate.web.errors.csrf_failed",
        "DATA_UPLOAD_MAX_MEMORY_SIZE": LARGEST_FORM,
        "DATA_UPLOAD_MAX_NUMBER_FIELDS": 1000,
        "DATA_UPLOAD_MAX_NUMBER_FILES": 4,
        "SECURE_CONTENT_TYPE_NOSNIFF": True,
        "SECURE_REFERRER_POLICY": "same-origin",
        "SECURE_CROSS_ORIGIN_OPENER_POLICY": "same-origin",
        "SECURE_HSTS_SECONDS": 365 * 24 * 3600 if serving.https else 0,
        "SECURE_SSL_REDIRECT": serving.https,
        "X_FRAME_OPTIONS": "DENY",
        "CONTENT_SECURITY_POLICY": {"DIRECTIVES": CONTENT_SECURITY},
        **AXES,
        **oidc.settings_of(),
    }


MIDDLEWARE = [
    "escalate.web.middleware.Headers",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "escalate.web.middleware.Sizes",
    "escalate.web.static_files.StaticFiles",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "escalate.web.middleware.SessionTimes",
    "django.middleware.csrf.CsrfViewMiddleware",
]
CONTENT_SECURITY = {
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "img-src": ["'self'"],
    "font-src": ["'self'"],
    "connect-src": ["'self'"],
    "form-action": ["'self'"],
    "frame-ancestors": ["'none'"],
    "base-uri": ["'none'"],
}
AXES = {
    "AXES_HANDLER": "escalate.web.lockout.Lockout",
    "AXES_FAILURE_LIMIT": 5,
    "AXES_COOLOFF_TIME": timedelta(minutes=LOCK_MINUTES),
    "AXES_LOCKOUT_PARAMETERS": ["username", "ip_address"],
    "AXES_USERNAME_CALLABLE": "escalate.web.lockout.username_of",
    "AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT": False,
    "AXES_DISABLE_ACCESS_LOG": True,
    "AXES_ENABLE_ADMIN": False,
    "AXES_VERBOSE": False,
}


def _libraries() -> dict[str, str]:
    """Return the libraries of template tags: `templatetags/NAME.py` is loaded as NAME."""
    folder = HERE / "templatetags"
    return {
        file.stem: f"escalate.web.templatetags.{file.stem}"
        for file in sorted(folder.glob("*.py"))
        if not file.stem.startswith("_")
    }
