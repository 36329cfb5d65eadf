"""The PostgreSQL server of the tests."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from tests import servers
from tests.servers import own_postgres, postgres


def test_databases_are_fresh() -> None:
    """Each database is empty, and what one holds no other sees."""
    first, second = postgres().fresh_database(), postgres().fresh_database()
    with psycopg.connect(first) as connection:
        connection.execute("CREATE TABLE entry (n int)")
    with psycopg.connect(second) as connection:
        found = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert first != second
    assert found == (0,)
    assert first.startswith("postgresql://")
    assert "@127.0.0.1:" in first


def test_one_server_a_process() -> None:
    """A second call gives the same server."""
    assert postgres() is postgres()


def test_it_goes_away_and_comes_back() -> None:
    """Stopped as in a crash it answers nobody; started again it has what was committed, at the same address."""
    with own_postgres() as server:
        url = server.fresh_database()
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE entry (n int)")
            connection.execute("INSERT INTO entry VALUES (7)")
            connection.commit()
            server.stop("immediate")
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url)
        assert not server.running
        server.start()
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT n FROM entry").fetchall() == [(7,)]
        folder = server.folder
    assert not folder.exists()


def test_nothing_stays_when_the_tests_are_killed() -> None:
    """A test process killed with its server running leaves neither server nor folder."""
    script = "from tests.servers import Postgres; import time; s = Postgres(); s.start(); print(s.folder, s.port)"
    child = subprocess.Popen(
        [sys.executable, "-c", f"{script}; import sys; sys.stdout.flush(); time.sleep(60)"],
        cwd=Path(__file__).parents[1],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    folder, port = child.stdout.readline().split()
    child.kill()
    child.communicate()
    until = time.monotonic() + 20
    while Path(folder).exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not Path(folder).exists()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(f"postgresql://nobody@127.0.0.1:{port}/postgres")


def test_a_machine_without_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no server, the test fails with the name of the package."""
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr(Path, "glob", lambda self, pattern: iter(()))
    with pytest.raises(RuntimeError, match="package postgresql"):
        servers.binaries()
