"""A database that goes away, fills its disk or is none: said in a sentence, nothing lost, and it goes on when it can."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest

from escalate.conduct import accounts, database, entering, store
from escalate.conduct.errors import RecordError, UnavailableError
from escalate.conduct.verify import verify_database
from tests.conduct.acting import ana, begin, correction, first, is_clean, is_told
from tests.servers import Postgres, own_postgres, postgres


@pytest.fixture(scope="module")
def own() -> Iterator[Postgres]:
    with own_postgres() as server:
        yield server


@pytest.fixture
def url(own: Postgres) -> Iterator[str]:
    own.start()
    found = own.fresh_database()
    database.connect(found, create=True)
    yield found
    from django.db import connections

    connections.close_all()
    own.start()


def toggle(patient: str = "01") -> str:
    dlt = bool(store.load("tvec").patients[patient].row.dlt)
    return entering.amend("tvec", patient, {"dlt": not dlt}, ana, reason="To and fro").hash


@pytest.mark.parametrize("mode", ["immediate", "fast"])
@pytest.mark.parametrize("look_first", [True, False])
def test_postgresql_goes_and_comes_back(own: Postgres, url: str, mode: str, look_first: bool) -> None:
    """While the server is away, reading and writing say so; when it is back the same process goes on, nothing lost."""
    begin()
    first()
    told = [toggle(), toggle()]
    own.stop(mode)  # type: ignore[arg-type]
    for act in (toggle, store.trials, lambda: store.load("tvec"), lambda: accounts.account("carl"), toggle):
        with pytest.raises(UnavailableError, match="cannot be reached") as error:
            act()
        assert "\n" not in str(error.value)
        assert own.user + "@" not in str(error.value)
    own.start()
    if look_first:
        store.load("tvec")
    told.append(toggle())
    assert set(told) <= {entry.hash for entry in store.entries_of("tvec")}
    assert is_clean("tvec")


def test_a_session_cut_while_writing(own: Postgres, url: str) -> None:
    """A connection that the server cuts in the middle of a transaction leaves nothing of it, and the next one works."""
    begin()
    first()
    head = store.load("tvec").head
    with pytest.raises(UnavailableError), store.appending("tvec", ana) as pen:  # noqa: PT012 - what fails is the end
        pen.write(correction())
        with psycopg.connect(own.url("postgres"), autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [url.rpartition("/")[2]]
            )
    assert store.load("tvec").head == head
    toggle()
    assert is_clean("tvec")


def test_a_server_that_is_not_there() -> None:
    """An address where nothing answers is told, without its password."""
    with pytest.raises(UnavailableError, match="cannot be reached") as error:
        database.connect("postgresql://ana:geheim@127.0.0.1:9/record")
    assert "geheim" not in str(error.value)
    assert "127.0.0.1:9/record" in str(error.value)


def test_a_database_that_is_not_there() -> None:
    """A database that the server does not have, or a person it does not know, is told."""
    with pytest.raises(UnavailableError, match="nope"):
        database.connect(postgres().url("nope"))


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, old)


def test_a_full_disk(sqlite_file: str) -> None:
    """A disk without room is told in a sentence; nothing half is kept, and with room the same process writes on."""
    begin()
    first()
    told = [toggle()]
    room = max(Path(f"{sqlite_file}{end}").stat().st_size for end in ("", "-wal"))
    refused = 0
    with files_no_larger_than(room + 20_000):
        for _ in range(60):
            try:
                told.append(toggle())
            except UnavailableError as error:
                refused += 1
                is_told(error, "disk is full; nothing was saved by this", "what is written; nothing was saved by this")
        assert store.load("tvec").patients["02"]
    assert refused > 5
    assert [entry.hash for entry in store.entries_of("tvec") if entry.kind == "amended"] == told
    told.append(toggle())
    assert is_clean("tvec")
    assert all(report.clean for report in verify_database())


def test_a_record_that_may_not_be_written(sqlite_file: str) -> None:
    """A file that may not be written is told so, and can be read."""
    from django.db import connection

    begin()
    first()
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only=ON")
    with pytest.raises(UnavailableError, match="may not be written"):
        toggle()
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only=OFF")
    toggle()
    assert is_clean("tvec")


def test_a_record_that_others_keep_busy(sqlite_file: str) -> None:
    """A writer that does not get its turn is told to try again, and then can."""
    from django.db import connection

    begin()
    first()
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout=50")
    other = sqlite3.connect(sqlite_file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(UnavailableError, match="others are writing and it did not come free in time; try again"):
        toggle()
    assert store.load("tvec").last.number == 2
    other.execute("ROLLBACK")
    other.close()
    toggle()


@pytest.mark.parametrize(
    "content", [b"patient,cohort\n", b"\x00" * 5000, b"SQLite format 3\0" + b"x" * 5000, os.urandom(8192)]
)
@pytest.mark.parametrize("create", [True, False])
def test_what_is_no_database(tmp_path: Path, content: bytes, create: bool) -> None:
    """A file that is something else is refused and left as it is, also where a record may be made."""
    path = tmp_path / "file.db"
    path.write_bytes(content)
    with pytest.raises(RecordError, match=r"file\.db: is "):
        database.connect(str(path), create=create)
    assert path.read_bytes() == content


@pytest.mark.parametrize("create", [True, False])
def test_the_database_of_something_else(tmp_path: Path, create: bool) -> None:
    """An SQLite file of another program, or of another Django, is refused and left as it is."""
    for statements in (
        ["CREATE TABLE photos (id INTEGER)"],
        [
            "CREATE TABLE django_migrations (id INTEGER PRIMARY KEY, app TEXT, name TEXT, applied TEXT)",
            "INSERT INTO django_migrations VALUES (1, 'shop', '0001_initial', '2026-01-01')",
            "CREATE TABLE shop_order (id INTEGER)",
        ],
    ):
        path = tmp_path / f"other{len(statements)}.db"
        other = sqlite3.connect(path)
        for statement in statements:
            other.execute(statement)
        other.commit()
        other.close()
        with pytest.raises(RecordError, match=r"db: "):
            database.connect(str(path), create=create)
        other = sqlite3.connect(path)
        tables = [name for (name,) in other.execute("SELECT name FROM sqlite_master ORDER BY name")]
        other.close()
        assert "escalate_entry" not in tables


def test_places_where_there_is_none(tmp_path: Path) -> None:
    """No file, an empty one, a directory, a folder that is not there: each in a sentence."""
    (tmp_path / "empty.db").touch()
    for name, said in (("none.db", "there is no record here"), ("empty.db", "is empty"), ("", "is a directory")):
        with pytest.raises(RecordError, match=said):
            database.connect(str(tmp_path / name))
    with pytest.raises(RecordError, match="there is no directory"):
        database.connect(str(tmp_path / "no" / "r.db"), create=True)
    for address in ("mysql://h/db", "postgresql://", "postgresql://h", "postgresql://h:port/db", "http://x/y"):
        with pytest.raises(RecordError, match=r"^--database: "):
            database.connect(address)


@pytest.mark.usefixtures("record")
def test_a_newer_schema(record: str) -> None:
    """A record of a newer version is refused with both versions, and not touched."""
    from django.db import connection, connections

    begin()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('conduct', '0099_later', '2030-01-01 00:00:00+00:00')"
        )
    for create in (True, False):
        with pytest.raises(RecordError, match=r"newer version of escalate than this one.*0099_later"):
            database.connect(record, create=create)
    connections.close_all()


@pytest.mark.usefixtures("record")
def test_tables_that_are_gone(record: str) -> None:
    """A record whose table was dropped under way is told in a sentence."""
    from django.db import connection

    begin()
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE escalate_entry")
    for act in (lambda: store.load("tvec"), store.trials, lambda: begin("other")):
        with pytest.raises(RecordError):
            act()


@pytest.mark.usefixtures("record")
def test_reading_while_another_writes(record: str) -> None:
    """Who reads while another writes sees the record before or after, whole, and never waits for the end of the writing."""
    from django.db import connections

    begin()
    first()
    done = threading.Event()
    wrong: list[BaseException] = []
    seen: list[int] = []

    def look() -> None:
        try:
            while not done.is_set():
                seen.append(store.load("tvec").last.number)
        except BaseException as error:
            wrong.append(error)
        finally:
            connections.close_all()

    readers = [threading.Thread(target=look) for _ in range(3)]
    for reader in readers:
        reader.start()
    for _ in range(60):
        toggle()
    done.set()
    for reader in readers:
        reader.join()
    assert not wrong
    assert seen
    assert max(seen) <= 62
    assert is_clean("tvec")


@pytest.mark.usefixtures("record")
def test_a_reader_does_not_see_what_is_not_kept(record: str) -> None:
    """What is written in a transaction is seen by nobody until it is kept."""
    from django.db import connections

    begin()
    first()
    seen = []

    def look() -> None:
        seen.append(store.load("tvec").last.number)
        connections.close_all()

    with pytest.raises(ZeroDivisionError), store.appending("tvec", ana) as pen:  # noqa: PT012 - as above
        pen.write(correction())
        reader = threading.Thread(target=look)
        reader.start()
        reader.join()
        raise ZeroDivisionError
    look()
    assert seen == [2, 2]


@pytest.mark.usefixtures("record")
def test_a_clock_that_jumps_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries keep their order by number when the clock of the machine is set back; the chain is clean."""
    begin()
    first()

    monkeypatch.setattr(store, "datetime", SimpleNamespace(now=lambda zone: datetime(2020, 1, 1, tzinfo=zone)))
    toggle()
    entries = list(store.entries_of("tvec"))
    assert entries[-1].at < entries[0].at
    assert is_clean("tvec")
    assert all(report.clean for report in verify_database())
