"""Checks of the record for the qualification, on a record of their own that is taken away afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from escalate.qualification.checks import Check, Finding

TRIAL = "qualification"
DESIGN = """schema: escalate/design/1
title: Qualification
doses: {unit: mg, levels: [10, 20, 40]}
target: 0.30
cohort_size: 3
max_patients: 18
start_level: 1
method: {kind: boin}
rules:
  - {kind: eliminate}
"""


@contextmanager
def _record() -> Iterator[str]:
    """Make a record with one synthetic trial: a cohort, a recommendation, a decision; and let go of it at the end."""
    from escalate.conduct import database
    from escalate.conduct.actor import Actor

    somebody = Actor("qualification", "command line", everywhere=True)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "record.db")
        database.connect(path, create=True)
        # The models can be imported only where a database is named.
        from django.db import connections

        from escalate.conduct import deciding, entering, opening, store
        from escalate.conduct.bodies import PatientRow
        from escalate.conduct.design_lock import lock_text

        store.forget()
        try:
            opening.open_trial(TRIAL, lock_text(DESIGN, "design.yaml"), somebody, synthetic=True)
            rows = [PatientRow(patient=f"0{k}", cohort=1, level=1, dlt=False) for k in (1, 2, 3)]
            entering.enter(TRIAL, rows, somebody)
            deciding.decide(TRIAL, "accept", somebody)
            yield path
        finally:
            connections.close_all()
            store.forget()


def _whole() -> Iterator[Finding]:
    with _record():
        from escalate.conduct.verify import verify_database

        reports = verify_database()
        faults = [fault.text for report in reports for fault in report.faults]
        entries = next(report.entries for report in reports if report.chain == TRIAL)
    yield Finding("a trial of one cohort", "0 faults", f"{len(faults)} faults{_first(faults)}", not faults)
    yield Finding("entries of the trial", "at least 4", str(entries), entries >= 4)


def _first(faults: list[str]) -> str:
    return f", first: {faults[0]}" if faults else ""


def _execute(statement: str, *values: Any) -> str | None:
    """Run a statement on the record; return what the database said against it."""
    from django.db import DatabaseError, connection

    try:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
    except DatabaseError as fault:
        return str(fault)
    return None


_CHANGE = "UPDATE escalate_entry SET body = %s WHERE chain = %s AND number = 2"
_ATTEMPTS = (
    ("change an entry", _CHANGE, ("{}", TRIAL)),
    ("delete an entry", "DELETE FROM escalate_entry WHERE chain = %s AND number = 2", (TRIAL,)),
    (
        "replace an entry",
        "INSERT OR REPLACE INTO escalate_entry SELECT * FROM escalate_entry WHERE chain = %s AND number = 2",
        (TRIAL,),
    ),
)


def _refuses_changes() -> Iterator[Finding]:
    with _record():
        for name, statement, values in _ATTEMPTS:
            said = _execute(statement, *values)
            yield Finding(name, "refused by the database", f"refused: {said}" if said else "done", said is not None)


def _tampering() -> Iterator[Finding]:
    with _record():
        from escalate.conduct import store
        from escalate.conduct.verify import verify_database

        for name in ("update", "delete", "replace"):
            _execute(f"DROP TRIGGER escalate_entry_no_{name}")
        body = next(entry.body for entry in store.entries_of(TRIAL) if entry.number == 2)
        _execute(_CHANGE, body.replace("false", "true", 1) if "false" in body else body + " ", TRIAL)
        store.forget()
        faults = [fault for report in verify_database() for fault in report.faults]
    named = [fault.text for fault in faults if fault.chain == TRIAL and fault.number == 2]
    gone = [fault.text for fault in faults if "trigger" in fault.text]
    yield Finding("an entry changed", "entry 2 is named", named[0] if named else "it is not found", bool(named))
    yield Finding("triggers taken away", "they are named", gone[0] if gone else "it is not found", bool(gone))


def _computed_again() -> Iterator[Finding]:
    with _record():
        from escalate.conduct.verify import verify_trial

        report = verify_trial(TRIAL, recompute=True)
    faults = [fault.text for fault in report.faults]
    obtained = f"{report.recomputed} computed again, {len(faults)} faults{_first(faults)}"
    yield Finding(
        "recommendations on record", "1 computed again, 0 faults", obtained, report.recomputed == 1 and not faults
    )


def _strangers() -> Iterator[Finding]:
    from escalate.conduct.actor import Actor
    from escalate.conduct.errors import NotAllowedError, NotFoundError

    stranger = Actor("stranger", "page")
    with _record():
        from escalate.conduct import deciding, entering
        from escalate.conduct.bodies import PatientRow

        row = PatientRow(patient="04", cohort=2, level=1, dlt=False)
        acts: tuple[tuple[str, Callable[[], object]], ...] = (
            ("enter a patient", lambda: entering.enter(TRIAL, [row], stranger)),
            ("decide", lambda: deciding.decide(TRIAL, "accept", stranger)),
        )
        for name, act in acts:
            try:
                act()
            except (NotAllowedError, NotFoundError) as fault:
                yield Finding(name, "refused", f"refused: {fault}", passed=True)
            else:
                yield Finding(name, "refused", "done", passed=False)


CHECKS = (
    Check("record-is-whole", "Verify a record just made", _whole),
    Check("record-refuses-changes", "Try to change what is on record", _refuses_changes),
    Check("record-tampering-is-found", "Change an entry with the triggers taken away", _tampering),
    Check("record-is-computed-again", "Compute the recommendations on record again", _computed_again),
    Check("record-refuses-strangers", "Act on a trial without a role in it", _strangers),
)
