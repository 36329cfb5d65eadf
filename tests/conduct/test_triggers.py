"""The database itself refuses to change what is on record, whoever asks."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from escalate.conduct import store
from escalate.conduct.models import RecordEntry
from escalate.conduct.triggers import missing
from escalate.conduct.verify import verify_database
from tests.conduct.acting import begin, first, is_clean

INSERT = 'INTO escalate_entry (hash, chain, number, at, "by", via, kind, body, request, previous) VALUES'
STATEMENTS = [
    "UPDATE escalate_entry SET body = 'x'",
    "UPDATE escalate_entry SET \"by\" = 'eve' WHERE number = 1",
    "UPDATE escalate_entry SET hash = hash",
    "DELETE FROM escalate_entry",
    "DELETE FROM escalate_entry WHERE number = 2",
]
SQLITE = [
    f"INSERT OR REPLACE {INSERT} ('x', 'tvec', 1, '', '', '', '', '', '', '')",
    f"REPLACE {INSERT} ('x', 'tvec', 2, '', '', '', '', '', '', '')",
    f"INSERT OR IGNORE {INSERT} ('x', 'tvec', 2, '', '', '', '', '', '', '')",
    f"INSERT {INSERT} ('x', 'tvec', 2, '', '', '', '', '', '', '') "
    "ON CONFLICT (chain, number) DO UPDATE SET body = 'x'",
    "INSERT OR REPLACE INTO escalate_entry SELECT hash, chain, number, at, 'eve', via, kind, body, request, previous "
    "FROM escalate_entry",
    "PRAGMA recursive_triggers=ON; ",
]
POSTGRESQL = [
    "TRUNCATE escalate_entry",
    "TRUNCATE escalate_entry CASCADE",
    f"INSERT {INSERT} ('x', 'tvec', 2, '', '', '', '', '', '', '') ON CONFLICT (chain, number) DO UPDATE SET body = 'x'",
    "WITH gone AS (DELETE FROM escalate_entry RETURNING *) SELECT count(*) FROM gone",
    "MERGE INTO escalate_entry AS e USING (SELECT 1 AS n) AS s ON e.number = s.n WHEN MATCHED THEN DELETE",
]


@pytest.mark.usefixtures("record")
def test_nothing_is_changed_or_deleted() -> None:
    """UPDATE, DELETE, TRUNCATE, REPLACE and their disguises are refused, and the record is what it was."""
    begin()
    first()
    before = list(store.entries_of("tvec"))
    statements = [*STATEMENTS, *(SQLITE[:5] if connection.vendor == "sqlite" else POSTGRESQL)]
    for statement in statements:
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
        assert list(store.entries_of("tvec")) == before, statement
    with pytest.raises(DatabaseError), transaction.atomic():
        RecordEntry.objects.filter(number=1).update(body="x")
    with pytest.raises(DatabaseError), transaction.atomic():
        RecordEntry.objects.all().delete()
    with pytest.raises(DatabaseError), transaction.atomic():
        RecordEntry.objects.get(chain="tvec", number=1).delete()
    entry = RecordEntry.objects.get(chain="tvec", number=1)
    entry.body = "x"
    with pytest.raises(DatabaseError), transaction.atomic():
        entry.save()
    assert list(store.entries_of("tvec")) == before
    assert is_clean("tvec")


@pytest.mark.usefixtures("record")
def test_one_entry_a_number_and_a_request() -> None:
    """Two entries of one number, one hash or one request are refused by the database itself."""
    begin()
    first()
    values = dict.fromkeys(store._COLUMNS, "y") | {"chain": "tvec", "number": 3, "request": "r"}
    with transaction.atomic():
        RecordEntry.objects.create(**{**values, "hash": "y"})
    for other in (
        {"hash": "z", "number": 3, "request": ""},
        {"hash": "y", "number": 4, "request": ""},
        {"hash": "z", "number": 4},
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            RecordEntry.objects.create(**{**values, **other})


@pytest.mark.usefixtures("record")
def test_triggers_that_do_something_else_are_missed() -> None:
    """A trigger of the same name that does nothing, does it at another time, or is switched off, is none."""
    begin()
    assert missing(connection) == []
    if connection.vendor == "sqlite":
        name = "escalate_entry_no_update"
        changes = [
            f"DROP TRIGGER {name}",
            f"CREATE TRIGGER {name} BEFORE UPDATE ON escalate_entry WHEN 0 BEGIN SELECT 1; END",
            f"DROP TRIGGER {name}",
            f"CREATE TRIGGER {name} AFTER UPDATE ON escalate_entry BEGIN SELECT 1; END",
        ]
    else:
        name = "escalate_entry_no_change"
        changes = [
            f"ALTER TABLE escalate_entry DISABLE TRIGGER {name}",
            f"ALTER TABLE escalate_entry ENABLE REPLICA TRIGGER {name}",
            f"DROP TRIGGER {name} ON escalate_entry",
            f"CREATE TRIGGER {name} BEFORE UPDATE ON escalate_entry FOR EACH ROW EXECUTE FUNCTION escalate_refuse()",
        ]
    with connection.cursor() as cursor:
        for change in changes:
            cursor.execute(change)
            assert missing(connection) == [name], change
    (fault,) = verify_database()[0].faults
    assert name in fault.text


@pytest.mark.usefixtures("postgres_url")
def test_a_function_that_refuses_nothing() -> None:
    """On PostgreSQL what the triggers call is looked at too."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE OR REPLACE FUNCTION escalate_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$"
        )
    assert missing(connection) == ["escalate_entry_no_change", "escalate_entry_no_truncate"]
