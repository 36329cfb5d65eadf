"""The databases of the tests: every test of the record runs on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from escalate.conduct import database, store
from tests.servers import postgres

_numbers = itertools.count(1)


def _let_go() -> None:
    from django.db import connections

    connections.close_all()


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a record without trials, to copy."""
    path = tmp_path_factory.mktemp("empty") / "record.db"
    database.connect(str(path), create=True)
    _let_go()
    return path


@pytest.fixture(scope="session")
def empty_postgres() -> str:
    """Give the name of a record without trials, to copy."""
    url = postgres().fresh_database()
    database.connect(url, create=True)
    _let_go()
    return url.rpartition("/")[2]


@pytest.fixture
def sqlite_file(empty_sqlite: Path, tmp_path: Path) -> Iterator[str]:
    """Give a fresh record in an SQLite file, connected."""
    path = tmp_path / "record.db"
    shutil.copy(empty_sqlite, path)
    database.connect(str(path))
    yield str(path)
    _let_go()
    store.forget()


class _Copy:
    """A database of the server that one test after the other uses, emptied between them; made anew where a test altered it."""

    def __init__(self) -> None:
        self.name, self.looks = "", ""

    def fresh(self, template: str) -> str:
        """Return the address of a record without trials."""
        if not (self.name and self._emptied()):
            self._make(template)
        return postgres().url(self.name)

    def _make(self, template: str) -> None:
        old, self.name = self.name, f"copy_{next(_numbers)}"
        with psycopg.connect(postgres().url("postgres"), autocommit=True) as connection:
            if old:
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(old)))
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(self.name), sql.Identifier(template))
            )
        with psycopg.connect(postgres().url(self.name)) as connection:
            self.looks = _looks(connection)

    def _emptied(self) -> bool:
        """Take out everything that a test put in, round the triggers; return whether that was all it did."""
        try:
            with psycopg.connect(postgres().url(self.name), options="-c lock_timeout=2s") as connection:
                if _looks(connection) != self.looks:
                    return False
                connection.execute("SET session_replication_role = replica")
                for table in _TABLES:
                    connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
                return True
        except psycopg.Error:
            return False


_copy = _Copy()
_TABLES = (
    "escalate_entry",
    "escalate_secret",
    "escalate_token",
    "django_session",
    "axes_accessattempt",
    "axes_accessattemptexpiration",
    "axes_accessfailurelog",
    "axes_accesslog",
    "auth_user_groups",
    "auth_user_user_permissions",
    "auth_group_permissions",
    "auth_group",
    "auth_user",
)
"""Those that are empty in a record without trials."""
_LOOKS = """
    SELECT string_agg(said, '|' ORDER BY said) FROM (
        SELECT concat_ws(' ', tgrelid::regclass, tgname, tgtype, tgenabled, prosrc) AS said
            FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
        UNION ALL SELECT concat_ws(' ', conrelid::regclass, conname, contype) FROM pg_constraint
        UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
        UNION ALL SELECT concat_ws(' ', table_name, column_name, data_type) FROM information_schema.columns
            WHERE table_schema = 'public'
        UNION ALL SELECT concat_ws(' ', relname, relacl::text, relowner) FROM pg_class WHERE relnamespace = 'public'::regnamespace
        UNION ALL SELECT concat_ws(' ', setrole, setconfig::text) FROM pg_db_role_setting
        UNION ALL SELECT concat_ws(' ', app, name) FROM django_migrations
    ) AS each
"""


def _looks(connection: psycopg.Connection[tuple[object, ...]]) -> str:
    """Return what the database is made of, and what migrations it had."""
    row = connection.execute(_LOOKS).fetchone()
    assert row is not None
    return str(row[0])


@pytest.fixture
def postgres_url(empty_postgres: str) -> Iterator[str]:
    """Give a record without trials in a PostgreSQL database, connected."""
    url = _copy.fresh(empty_postgres)
    database.connect(url)
    yield url
    _let_go()
    store.forget()


@pytest.fixture(params=["sqlite", "postgresql"])
def record(request: pytest.FixtureRequest) -> str:
    """Give a fresh record, connected, in each kind of database."""
    found: str = request.getfixturevalue("sqlite_file" if request.param == "sqlite" else "postgres_url")
    return found
