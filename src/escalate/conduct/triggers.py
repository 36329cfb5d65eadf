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

# What PostgreSQL keeps of when a trigger fires: before each row, on DELETE and UPDATE; before the statement, on TRUNCATE.
_KINDS = {"escalate_entry_no_change": 1 + 2 + 8 + 16, "escalate_entry_no_truncate": 2 + 32}


def create(apps: Any, schema_editor: Any) -> None:
    """Make the triggers of the database at hand."""
    del apps
    for statement in _POSTGRESQL if schema_editor.connection.vendor == "postgresql" else _SQLITE:
        schema_editor.execute(statement, params=None)


def missing(connection: Any) -> list[str]:
    """Return the names of triggers that are not there any more, do something else, or are switched off."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT t.tgname, t.tgtype, p.prosrc FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid "
                "WHERE t.tgrelid = 'escalate_entry'::regclass AND t.tgenabled IN ('O', 'A')"
            )
            there: dict[str, Any] = {name: (kind, _bare(source)) for name, kind, source in cursor.fetchall()}
            body = _bare(_POSTGRESQL[0].split("$$")[1])
            wanted: dict[str, Any] = {name: (kind, body) for name, kind in _KINDS.items()}
        else:
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'escalate_entry'")
            there = {name: _bare(source) for name, source in cursor.fetchall()}
            wanted = {statement.split()[2]: _bare(statement) for statement in _SQLITE}
    return sorted(name for name, does in wanted.items() if there.get(name) != does)


def _bare(text: str) -> str:
    return " ".join(text.split())
