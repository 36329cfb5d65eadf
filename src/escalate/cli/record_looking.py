"""Commands that read a record, or carry one from place to place: list, show, history, verify, export, import."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zipfile import ZipFile

import typer

from escalate.cli.output import AsJson, Force, check_output, emit
from escalate.cli.record_common import By, Database, Trial, no_database, open_for, open_record, recording
from escalate.cli.record_entering import told
from escalate.core.errors import EscalateError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from escalate.conduct.state import TrialState
    from escalate.conduct.verify import Report

Csv = Annotated[str | None, typer.Option("--csv", metavar="FILE", help="Write it as CSV too, safe in spreadsheets.")]


def list_(database: Database = None, as_json: AsJson = False) -> None:
    """List the trials of a record."""
    open_record(database)
    from escalate.conduct import store
    from escalate.conduct.errors import RecordError, UnavailableError
    from escalate.report import record_forms

    found: list[tuple[str, TrialState | None, str | None]] = []
    for trial in store.trials():
        try:
            found.append((trial, store.load(trial), None))
        except UnavailableError:
            raise
        except RecordError as error:
            found.append((trial, None, str(error)))

    def render() -> RenderableType:
        from escalate.report import record_tables

        return record_tables.trials(found)

    emit(as_json, lambda: record_forms.trials(found), render)
    if any(state is None for _, state, _ in found):
        raise typer.Exit(1)


def show(trial: Trial, database: Database = None, as_json: AsJson = False) -> None:
    """Show where a trial stands: patients by level, the last decision, what comes next."""
    open_record(database)
    from escalate.conduct import store
    from escalate.report import record_forms

    state = store.load(trial)

    def render() -> RenderableType:
        from escalate.report import record_tables

        return record_tables.standing(state)

    emit(as_json, lambda: record_forms.standing(state), render)


def history(
    trial: Trial,
    number: Annotated[int | None, typer.Option("--entry", metavar="N", help="One entry, whole.")] = None,
    csv: Csv = None,
    force: Force = False,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Show every entry of a trial, or of 'system': when, who, what and why."""
    check_output(csv, force=force)
    if csv is not None and number is not None:
        raise EscalateError("--csv: is for the whole history; leave out --entry")
    open_record(database)
    from escalate.conduct import store
    from escalate.conduct.history import history_csv
    from escalate.core.files import write_new
    from escalate.report import record_forms

    # Accounts, sign-ins and refusals are no trial, and no trial is called so.
    state = None if trial == store.SYSTEM else store.load(trial)
    entries = tuple(
        entry for entry in store.whole_entries_of(trial) if state is None or entry.number <= state.last.number
    )
    if number is not None and not 1 <= number <= len(entries):
        raise EscalateError(f"--entry: there is no entry {number}; {trial} has entries 1 to {len(entries)}")
    if csv is not None:
        write_new(csv, history_csv(entries), force=force)
    shown = entries if number is None else entries[number - 1 : number]

    def render() -> RenderableType:
        from escalate.report import record_tables

        return record_tables.history(state, shown) if number is None else record_tables.entry(state, shown[0])

    head = entries[-1].hash if entries else None
    emit(as_json, lambda: record_forms.history(state, shown, head), render)


def verify(
    target: Annotated[
        str | None,
        typer.Argument(metavar="[TRIAL]", help="A trial, or an archive (.zip); the whole record if not given."),
    ] = None,
    head: Annotated[
        str | None,
        typer.Option(
            "--head", metavar="HASH", help="Of an entry that must be there, as printed; its first 16 letters do."
        ),
    ] = None,
    recompute: Annotated[
        bool, typer.Option("--recompute", help="Compute every recommendation again, and compare.")
    ] = False,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Verify that every entry is what was written: exit code 1 and each fault by its number where one is not."""
    if head is not None and target is None:
        raise EscalateError("--head: is that of one trial; name the trial, or an archive")
    if head is not None and len(head.strip().rstrip("…")) < 16:
        raise EscalateError("--head: is too short; give at least the first 16 letters of the hash")
    if target is not None and _is_file(target):
        if database is not None:
            raise EscalateError(f"{target}: is an archive, which needs no database; leave out --database")
        no_database()
        from escalate.conduct import archive

        reports: tuple[Report, ...] = (archive.verify_archive(target, head, recompute=recompute),)
    else:
        open_record(database)
        from escalate.conduct import verify as verifying

        reports = (
            verifying.verify_database(recompute=recompute)
            if target is None
            else (verifying.verify_trial(target, head, recompute=recompute),)
        )
    from escalate.report import record_forms

    def render() -> RenderableType:
        from escalate.report import record_tables

        return record_tables.verification(reports)

    emit(as_json, lambda: record_forms.verification(reports), render)
    if not all(report.clean for report in reports):
        raise typer.Exit(1)


def _is_file(target: str) -> bool:
    """Return whether a file is meant: no trial has a name with a dot or a stroke."""
    return any(letter in target for letter in "./\\")


def export(
    trial: Trial,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Archive to write, FILE.zip.")],
    csv: Annotated[str | None, typer.Option("--csv", metavar="FILE", help="Write the patients as CSV too.")] = None,
    force: Force = False,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Write the whole record of a trial into one archive, to be kept, verified or imported elsewhere."""
    if not file.endswith(".zip"):
        raise EscalateError(f"{file}: is not named as an archive; let it end with .zip")
    for path in (file, csv):
        check_output(path, force=force)
    if csv is not None and Path(csv).resolve() == Path(file).resolve():
        raise EscalateError("--csv: is the archive itself; give the two different names")
    open_record(database)
    from escalate.conduct import archive
    from escalate.conduct.chain import sha256
    from escalate.core.files import write_new
    from escalate.report import record_forms

    content = archive.write(trial)
    # Told from the archive itself: the record may have gone on since.
    with ZipFile(io.BytesIO(content)) as files:
        manifest, data = json.loads(files.read("manifest.json")), files.read("data.csv")
    write_new(file, content, force=force)
    if csv is not None:
        write_new(csv, data, force=force)
    form = record_forms.exported(manifest, sha256(data), file, sha256(content), csv)

    def render() -> RenderableType:
        from escalate.report import record_tables

        return record_tables.exported(form)

    emit(as_json, lambda: form, render)


def import_(
    file: Annotated[str, typer.Argument(metavar="ARCHIVE", help="Archive made by 'escalate trial export'.")],
    database: Database = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Bring a trial in from an archive, once it is verified; makes the database where there is none."""
    no_database()
    from escalate.conduct import archive

    report = archive.verify_archive(file)
    if not report.clean:
        raise EscalateError(f"{file}: {report.faults[0].text}; a record that was changed is not brought in")
    actor = open_for(by, database, create=True)
    with recording(report.chain):
        state = archive.bring_in(file, actor)
        told([state.last], state, as_json)
