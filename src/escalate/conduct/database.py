"""The database of the record: opened, made, and known for what it is."""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from escalate.conduct.errors import RecordError, UnavailableError
from escalate.conduct.settings import is_url, settings_for

VARIABLE = "ESCALATE_DATABASE"
DEFAULT = "escalate.db"
_HEADER = b"SQLite format 3\0"


def named(database: str | None) -> str:
    """Return which database is meant: the one given, that of the environment, or `escalate.db` here."""
    return database or os.environ.get(VARIABLE) or DEFAULT


def connect(database: str, *, create: bool = False, **settings: Any) -> None:
    """Work on a database from now on: an SQLite file, or PostgreSQL by its address.

    Parameters
    ----------
    create
        Make it where it is not there.
    settings
        Further settings of Django, at the first call of a process.

    Raises
    ------
    RecordError
        Where there is none, or it is not a record, or one of a newer version.
    UnavailableError
        Where it cannot be reached.
    """
    if not is_url(database):
        _check_file(Path(database), create)
    _configure(database, settings)
    with faults_told(database):
        _check_schema(database, create)


def _check_file(path: Path, create: bool) -> None:
    if path.is_dir():
        raise RecordError(f"{path}: is a directory, not a record; name a file in it")
    if not path.exists():
        if not create:
            raise RecordError(
                f"{path}: there is no record here; begin one with 'escalate trial new', or name it with --database"
            )
        if not path.absolute().parent.is_dir():
            raise RecordError(f"{path}: there is no directory {path.absolute().parent}")
        try:
            # It holds hashes of passwords, so it is made for its owner alone.
            os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            pass
        except OSError as fault:
            raise RecordError(f"{path}: cannot be made ({fault.strerror})") from None
        return
    try:
        with path.open("rb") as file:
            start = file.read(len(_HEADER))
    except OSError as fault:
        raise RecordError(f"{path}: cannot be read ({fault.strerror})") from None
    if start and start != _HEADER:
        raise RecordError(f"{path}: is not a database; a record is an SQLite file made by 'escalate trial new'")
    if not start and not create:
        raise RecordError(f"{path}: is empty; begin a record with 'escalate trial new'")
    if start:
        _check_ours(path)


def _check_ours(path: Path) -> None:
    """Refuse another program's database before it is opened as ours would be, which would change its file."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as file:
            tables = {name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            django = "django_migrations" in tables
            apps = {app for (app,) in file.execute("SELECT app FROM django_migrations")} if django else set()
    except (sqlite3.Error, UnicodeDecodeError):
        # Told where it is opened.
        return
    if _anothers(tables, apps):
        raise RecordError(f"{path}: is a database, but not a record of escalate; name another")


def _anothers(tables: Collection[str], apps: Collection[str]) -> bool:
    """Return whether tables are another program's; a record that was only begun as its maker was stopped is none."""
    ours = "escalate_entry" in tables
    return not ours and bool(tables) and ("django_migrations" not in tables or not set(apps) <= _APPS)


_APPS = {"contenttypes", "auth", "sessions", "axes", "conduct"}
"""Whose tables a record has."""


def _configure(database: str, settings: dict[str, Any]) -> None:
    import django
    from django.conf import settings as configured

    if not configured.configured:
        configured.configure(**settings_for(database, **settings))
        django.setup()
        return
    from django.db import connections

    connections.close_all()
    connections.settings = connections.configure_settings({"default": settings_for(database)["DATABASES"]["default"]})
    with suppress(AttributeError):
        # The connection of this thread; those of others end with their threads.
        del connections["default"]
    from escalate.conduct import store

    store.forget()


def _check_schema(database: str, create: bool) -> None:
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.loader import MigrationLoader

    tables = set(connection.introspection.table_names())
    ours = "escalate_entry" in tables
    loader = MigrationLoader(connection)
    if _anothers(tables, {app for app, _ in loader.applied_migrations}):
        raise RecordError(f"{shown(database)}: is a database, but not a record of escalate; name another")
    if not ours and not create:
        raise RecordError(f"{shown(database)}: holds no record; begin one with 'escalate trial new'")
    newer = sorted(
        name
        for app, name in loader.applied_migrations
        if app == "conduct" and (app, name) not in loader.disk_migrations
    )
    if newer:
        from escalate import __version__

        raise RecordError(
            f"{shown(database)}: was written by a newer version of escalate than this one, {__version__} (it has {newer[0]}); "
            "use that version"
        )
    if any(key not in loader.applied_migrations for key in loader.disk_migrations):
        with _one_at_a_time():
            call_command("migrate", verbosity=0, interactive=False, skip_checks=True)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Let one process alone make or change the tables."""
    from django.db import connection

    if connection.vendor != "postgresql":
        with _folder_held(Path(connection.settings_dict["NAME"]).parent):
            yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_MIGRATING])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_MIGRATING])


@contextmanager
def _folder_held(folder: Path) -> Iterator[None]:
    """Hold the folder of an SQLite file; a second handle on the file itself would break SQLite's own locks."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


_MIGRATING = 0x65736361


def shown(database: str) -> str:
    """Return the name of a database without a password."""
    if not is_url(database):
        return database
    scheme, _, rest = database.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"


def secret(name: str = "sessions") -> str:
    """Return a secret of the database, made where there is none yet."""
    from escalate.conduct.models import Secret

    found, _ = Secret.objects.get_or_create(name=name, defaults={"value": secrets.token_urlsafe(64)})
    return str(found.value)


@contextmanager
def faults_told(database: str = "the database") -> Iterator[None]:
    """Turn the faults of a database into sentences.

    Raises
    ------
    UnavailableError
        Where it cannot be reached or written; nothing of what failed was kept, but for a connection cut at its last word.
    RecordError
        Where its file is damaged, or is none.
    """
    from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError, connection

    name = shown(database)
    try:
        yield
    except IntegrityError:
        raise
    except (DatabaseError, InterfaceError, sqlite3.OperationalError, UnicodeDecodeError) as fault:
        said = str(fault).strip().splitlines()[0] if str(fault).strip() else type(fault).__name__
        if _damaged(fault, said):
            raise RecordError(
                f"{name}: is damaged or no database ({said[:200]}); restore it from a backup or an export"
            ) from fault
        if not isinstance(fault, OperationalError | InterfaceError | sqlite3.OperationalError):
            raise
        # A connection that was cut is opened anew when the database is asked next.
        with suppress(DatabaseError, InterfaceError):
            connection.close_if_unusable_or_obsolete()
        raise UnavailableError(f"{name}: {_in_words(said)}; {_kept(said)}, and nothing saved is lost") from fault


def _damaged(fault: Exception, said: str) -> bool:
    signs = ("malformed", "not a database", "Could not decode", "no such table", "no such column", "does not exist")
    return isinstance(fault, UnicodeDecodeError) or (
        any(sign in said for sign in signs) and "FATAL" not in said and "failed" not in said
    )


def _kept(said: str) -> str:
    """Return whether anything was saved: of a connection cut while the last word was on its way nobody knows."""
    if any(
        sign in said for sign in ("closed the connection", "terminating connection", "consuming input", "SSL", "reset")
    ):
        return "look, when it is back, whether this was saved before you send it again"
    return "nothing was saved by this"


def _in_words(said: str) -> str:
    said = said.strip().splitlines()[0] if said.strip() else "does not answer"
    for part, words in (
        ("database or disk is full", "the disk is full"),
        ("disk I/O error", "the disk does not take what is written"),
        ("database is locked", "others are writing and it did not come free in time; try again"),
        ("readonly database", "may not be written"),
        ("unable to open", "cannot be opened"),
        ("No space left", "the disk is full"),
    ):
        if part in said:
            return words
    return f"cannot be reached ({said[:200]})"
