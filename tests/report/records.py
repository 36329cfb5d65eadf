"""A record of their own for tests of documents that are written from one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conduct.acting import ana, begin, bob, first, higher, rows


@contextmanager
def record(path: Path) -> Iterator[None]:
    """Work on a new record."""
    from django.db import connections

    from escalate.conduct import database, store

    database.connect(str(path), create=True)
    try:
        yield
    finally:
        connections.close_all()
        store.forget()


def story() -> None:
    """Take the T-VEC trial to a higher dose with a second opinion, a departure in treatment, and a hold."""
    from escalate.conduct import deciding, entering

    begin()
    first()
    deciding.analyse("tvec", ana)
    entry = higher()
    deciding.approve("tvec", bob, agrees=True, subject=entry.hash)
    entering.enter("tvec", rows("04 05 06", 2, 3, ["05"]), ana)
    deciding.analyse("tvec", bob)
    deciding.decide("tvec", "hold", bob, reason="Images are awaited")


def change(number: int = 2) -> None:
    """Change an entry as somebody would who can write the file."""
    from django.db import connection

    from escalate.conduct import store

    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        triggers = cursor.fetchall()
        for name, _ in triggers:
            cursor.execute(f"DROP TRIGGER {name}")
        cursor.execute(f"UPDATE escalate_entry SET by = 'eve' WHERE chain = 'tvec' AND number = {number}")
        for _, sql in triggers:
            cursor.execute(sql)
    store.forget()
