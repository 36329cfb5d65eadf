"""Django's settings: the database and its applications; a server adds its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from escalate.conduct.errors import RecordError

SCHEMES = ("postgresql", "postgres")


def is_url(database: str) -> bool:
    """Return whether a database is named by an address, and not as a file."""
    return "://" in database


def database_of(database: str) -> dict[str, Any]:
    """Return Django's settings of a database: the path of an SQLite file, or `postgresql://person:password@host:port/name`.

    Raises
    ------
    RecordError
        Where the address is of neither.
    """
    if not is_url(database):
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(Path(database).absolute()),
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                # A writer waits its turn from the first statement on, and what is acknowledged is on the disk.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
            },
        }
    try:
        parts = urlsplit(database)
        port = parts.port
    except ValueError:
        raise RecordError(f"--database: '{_hidden(database)}' is not an address of a database") from None
    if parts.scheme not in SCHEMES or not parts.path.strip("/"):
        raise RecordError(
            f"--database: '{_hidden(database)}' is neither a file nor postgresql://person:password@host:port/name"
        )
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(port or ""),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"connect_timeout": 5, **dict(parse_qsl(parts.query))},
    }


def _hidden(url: str) -> str:
    """Return an address without what stands before its host."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2][:80]}"


def settings_for(database: str, **more: Any) -> dict[str, Any]:
    """Return the settings of a process that works on a database."""
    return {
        "DATABASES": {"default": database_of(database)},
        "INSTALLED_APPS": [
            "django.contrib.contenttypes",
            "django.contrib.auth",
            "django.contrib.sessions",
            "axes",
            "escalate.conduct",
        ],
        "AUTHENTICATION_BACKENDS": [
            "axes.backends.AxesStandaloneBackend",
            "django.contrib.auth.backends.ModelBackend",
        ],
        "PASSWORD_HASHERS": ["django.contrib.auth.hashers.Argon2PasswordHasher"],
        "AUTH_PASSWORD_VALIDATORS": [
            {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
            for name, options in (
                ("UserAttributeSimilarityValidator", {}),
                ("MinimumLengthValidator", {"min_length": 12}),
                ("CommonPasswordValidator", {}),
                ("NumericPasswordValidator", {}),
            )
        ],
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "USE_TZ": True,
        "TIME_ZONE": "UTC",
        "USE_I18N": False,
        # Replaced by the secret of the database where a server runs.
        "SECRET_KEY": "the record alone signs nothing",
        "LOGGING_CONFIG": None,
        **more,
    }
