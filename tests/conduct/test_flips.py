"""Whatever is changed in an entry by going round the product is found, and the entry named."""

from __future__ import annotations

import random
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from escalate.conduct import changing, database, deciding, entering, store
from escalate.conduct.chain import Entry, faults_of
from escalate.conduct.design_lock import lock
from escalate.conduct.errors import RecordError
from escalate.conduct.signatures import Signing
from escalate.conduct.verify import verify_database, verify_trial
from tests.conduct.acting import CRM, ana, begin, bob, first, higher, is_told, people, rows

COLUMNS = store._COLUMNS
FLIPS = 300


def fill() -> int:
    """Make a record with every kind of entry, and return the number of its entries."""
    begin()
    people("tvec", carl="chair", sam="site")
    first()
    higher(signing=Signing("Ana", "authorship"))
    deciding.approve("tvec", bob, agrees=True, signing=Signing("Bob", "approval"))
    entering.enter("tvec", rows("04 05 06", 2, 3, dlts=["05", "06"]), ana)
    entering.amend("tvec", "05", {"dlt": False}, ana, reason="Read again")
    entering.withdraw("tvec", "06", "Of another trial", ana)
    changing.amend_design("tvec", lock(str(CRM)), "Asked for", ana)
    changing.close("tvec", 1, ana, reason="As far as it goes", signing=Signing("Ana", "authorship"))
    store.note("denied", {"account": "eve"}, ana)
    return len(list(store.entries_of("tvec")))


def without_triggers() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("DROP TRIGGER escalate_entry_no_change ON escalate_entry")
            cursor.execute("ALTER TABLE escalate_entry DROP CONSTRAINT escalate_entry_pkey")
            return
        for name in ("update", "delete", "replace"):
            cursor.execute(f"DROP TRIGGER escalate_entry_no_{name}")


def flipped(value: Any, dice: random.Random) -> Any:
    """Return a value with one bit of one byte flipped; what cannot be text any more is another letter instead."""
    if isinstance(value, int):
        return value ^ (1 << dice.randrange(6, 20))
    raw = bytearray(str(value).encode()) or bytearray(b" ")
    at = dice.randrange(len(raw))
    raw[at] = raw[at] ^ (1 << dice.randrange(7)) if value else 65
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = str(value) + "x"
    return text.replace("\0", "x") if text.replace("\0", "x") != value else text + "x"


def overwrite(column: str, value: Any, entry: Entry) -> None:
    """Write another value into a column of an entry."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            f'UPDATE escalate_entry SET "{column}" = %s WHERE chain = %s AND number = %s AND hash = %s',
            [value, entry.chain, entry.number, entry.hash],
        )
        assert cursor.rowcount == 1


@pytest.mark.usefixtures("record")
def test_any_byte_of_any_column_is_found() -> None:
    """One bit of one byte, in any column of any entry, is found by `verify`, and the entry or the gap it leaves is named."""
    n = fill()
    without_triggers()
    assert [fault for report in verify_database() for fault in report.faults if "trigger" not in fault.text] == []
    dice = random.Random(20260331)
    for k in range(FLIPS):
        number = dice.randint(1, n)
        column = COLUMNS[k % len(COLUMNS)]
        entry = next(e for e in store.entries_of("tvec") if e.number == number)
        new = flipped(getattr(entry, column), dice)
        assert new != getattr(entry, column)
        overwrite(column, new, entry)
        found = list(faults_of("tvec", store.entries_of("tvec")))
        if column == "chain" and number == n:
            # The last entry is in no chain of ours any more: a cut tail, found by the head, and by its new chain.
            assert list(faults_of("tvec", store.entries_of("tvec"), entry.hash))
            assert any(not report.clean for report in verify_database() if report.chain == new)
        else:
            assert found, (column, number, new)
        if column not in ("chain", "number"):
            assert any(fault.number == number or f"entry {number} " in fault.text for fault in found)
        overwrite(column, getattr(entry, column), replace(entry, **{column: new}))
    assert not list(faults_of("tvec", store.entries_of("tvec")))


@pytest.mark.usefixtures("record")
@pytest.mark.parametrize("what", ["a trial", "the chain of the system", "its note", "the tail"])
def test_what_is_taken_out_whole(what: str) -> None:
    """A trial taken out whole, its note, the system's chain, or a tail are found."""
    from django.db import connection

    n = fill()
    head = store.load("tvec").head
    without_triggers()
    sql = {
        "a trial": "DELETE FROM escalate_entry WHERE chain = 'tvec'",
        "the chain of the system": "DELETE FROM escalate_entry WHERE chain = 'system'",
        "its note": "DELETE FROM escalate_entry WHERE chain = 'system' AND number = 1",
        "the tail": f"DELETE FROM escalate_entry WHERE chain = 'tvec' AND number = {n}",
    }[what]
    with connection.cursor() as cursor:
        cursor.execute(sql)
    if what == "the tail":
        assert verify_trial("tvec").clean
        assert not verify_trial("tvec", head).clean
        assert not verify_trial("tvec", head[:16]).clean
        return
    faults = [fault for report in verify_database() for fault in report.faults if "trigger" not in fault.text]
    assert faults
    assert all(fault.chain in ("tvec", "system") for fault in faults)


@pytest.mark.usefixtures("record")
def test_triggers_that_are_gone_are_told() -> None:
    """A database without the triggers that guard it says so."""
    fill()
    assert all(report.clean for report in verify_database())
    without_triggers()
    assert any("trigger" in fault.text for fault in verify_database()[0].faults)


def contents(path: Path) -> object:
    """Return what an SQLite file holds of entries, or None where it cannot be read."""
    try:
        connection = sqlite3.connect(path)
        try:
            return connection.execute(
                'SELECT chain, number, at, "by", via, kind, body, request, previous, hash FROM escalate_entry '
                "ORDER BY chain, number"
            ).fetchall()
        finally:
            connection.close()
    except (sqlite3.Error, UnicodeDecodeError):
        return None


def test_any_byte_of_the_file(sqlite_file: str, tmp_path: Path) -> None:
    """A byte changed anywhere in an SQLite file changes no entry, or is told in a sentence; it is never taken for right."""
    from django.db import connections

    fill()
    connections.close_all()
    with sqlite3.connect(sqlite_file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode=DELETE")
    connection.close()
    raw = Path(sqlite_file).read_bytes()
    whole = contents(Path(sqlite_file))
    body = raw.find(b'"patients":[')
    assert whole
    assert body > 0
    dice = random.Random(20260402)
    path = tmp_path / "flipped.db"
    seen = {"harmless": 0, "found": 0, "refused": 0}
    for k in range(FLIPS // 2):
        changed = bytearray(raw)
        # Half of them where entries are, half anywhere.
        at = dice.randrange(len(raw)) if k % 2 else min(body + dice.randrange(-4000, 12000), len(raw) - 1)
        changed[at] ^= 1 << dice.randrange(8)
        path.write_bytes(changed)
        try:
            database.connect(str(path))
            reports = verify_database()
            clean = all(report.clean for report in reports)
        except RecordError as error:
            seen["refused"] += 1
            is_told(error)
            continue
        finally:
            connections.close_all()
            for end in ("-wal", "-shm", "-journal"):
                Path(f"{path}{end}").unlink(missing_ok=True)
        if clean:
            assert contents(path) == whole, at
            seen["harmless"] += 1
        else:
            seen["found"] += 1
    assert seen["found"] > 20
    shutil.copy(sqlite_file, path)
