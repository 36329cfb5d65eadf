"""Triggers that refuse to change, delete or replace what a record holds."""

from __future__ import annotations

from typing import Any

_SAID = "entries of the record are never changed or deleted"
_SQLITE = (
    f"""CREATE TRIGGER escalate_entry_no_update BEFORE UPDATE ON escalate_entry
    BEGIN SELECT RAISE(ABORT, '{_SAID}'); END""",
    f"""CREATE TRIGGER escalate_entry_no_delete BEFORE DELETE ON escalate_entry
    BEGIN SELECT RAISE(ABORT, '{_SAID}'); END""",
    # INSERT OR REPLACE deletes without a delete trigger unless recursive triggers are on.
    f"""CREATE TRIGGER escalate_entry_no_replace BEFORE INSERT ON escalate_entry
    WHEN EXISTS (SELECT 1 FROM escalate_entry WHERE hash = NEW.hash OR (chain = NEW.chain AND number = NEW.number))
    BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed: {_SAID}'); END""",
)
_POSTGRESQL = (
    f"""CREATE FUNCTION escalate_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '{_SAID}'; END $$""",
    """CREATE TRIGGER escalate_entry_no_change BEFORE UPDATE OR DELETE ON escalate_entry
    FOR EACH ROW EXECUTE FUNCTION escalate_refuse()""",
    """CREATE TRIGGER escalate_entry_no_truncate BEFORE TRUNCATE ON escalate_entry
    FOR EACH STATEMENT EXECUTE FUNCTION escalate_refuse()""",
)


def create(apps: Any, schema_editor: Any) -> None:
    """Make the triggers of the database at hand."""
    del apps
    for statement in _POSTGRESQL if schema_editor.connection.vendor == "postgresql" else _SQLITE:
        schema_editor.execute(statement, params=None)


def missing(connection: Any) -> list[str]:
    """Return the names of triggers that are not there any more, or are switched off."""
    if connection.vendor == "postgresql":
        wanted = {"escalate_entry_no_change", "escalate_entry_no_truncate"}
        query = "SELECT tgname FROM pg_trigger WHERE tgrelid = 'escalate_entry'::regclass AND tgenabled IN ('O', 'A')"
    else:
        wanted = {"escalate_entry_no_update", "escalate_entry_no_delete", "escalate_entry_no_replace"}
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'escalate_entry'"
    with connection.cursor() as cursor:
        cursor.execute(query)
        there = {name for (name,) in cursor.fetchall()}
    return sorted(wanted - there)
