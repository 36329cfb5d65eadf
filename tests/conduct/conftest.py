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


@pytest.fixture
def postgres_url(empty_postgres: str) -> Iterator[str]:
    """Give a fresh record in a PostgreSQL database, connected."""
    name = f"copy_{next(_numbers)}"
    server = postgres()
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(empty_postgres))
        )
    database.connect(server.url(name))
    yield server.url(name)
    _let_go()
    store.forget()
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(params=["sqlite", "postgresql"])
def record(request: pytest.FixtureRequest) -> str:
    """Give a fresh record, connected, in each kind of database."""
    found: str = request.getfixturevalue("sqlite_file" if request.param == "sqlite" else "postgres_url")
    return found
