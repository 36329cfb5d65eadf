"""Commands that put patients and designs on record: new, enter, amend."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, Any

import typer

from escalate.cli.output import AsJson, Outcomes
from escalate.cli.record_common import (
    AsOf,
    By,
    Database,
    Meaning,
    PasswordStdin,
    Reason,
    Sign,
    Trial,
    check_meaning,
    day,
    no_database,
    open_for,
    recording,
    signing,
    tell,
    together,
)
from escalate.core.errors import DesignError, EscalateError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

    from escalate.cli.record_data import Line
    from escalate.conduct.actor import Actor
    from escalate.conduct.bodies import LockedDesign
    from escalate.conduct.chain import Entry
    from escalate.conduct.state import TrialState


def new(
    design: Annotated[
        str, typer.Argument(metavar="DESIGN", help="Design file (YAML), which is locked; - for standard input.")
    ],
    trial: Annotated[
        str | None,
        typer.Option("--trial", metavar="NAME", help="Name of the trial; that of the file if not given."),
    ] = None,
    title: Annotated[
        str | None, typer.Option("--title", metavar="TEXT", help="That of the design if not given.")
    ] = None,
    synthetic: Annotated[
        bool, typer.Option("--synthetic", help="Its outcomes are made up; every page says so.")
    ] = False,
    database: Database = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Begin the record of a trial under a design, which is locked; makes the database where there is none."""
    kept = _locked(design)
    name = trial if trial is not None else _name_of(design)
    no_database()
    from escalate.conduct.opening import check_name, open_trial

    check_name(name)
    actor = open_for(by, database, create=True)
    with recording(name):
        state = open_trial(name, kept, actor, title=title, synthetic=synthetic)
        told([state.opened], state, as_json)


def _locked(path: str) -> LockedDesign:
    from escalate.conduct.design_lock import lock
    from escalate.core.model_code import FLAG

    try:
        return lock(path)
    except DesignError as error:
        if FLAG in str(error):
            raise DesignError(
                f"{path}: its model is Python code, which a record does not keep: whoever opens the record would run it"
            ) from None
        raise


def _name_of(design: str) -> str:
    if design == "-":
        raise EscalateError("--trial: is missing; a design from standard input has no name of its own")
    return re.sub(r"[^a-z0-9]+", "-", PurePath(design).stem.lower()).strip("-")[:40].strip("-")


def enter(
    trial: Trial,
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="[DATA]",
            help="Patients (CSV, the columns of 'escalate recommend'; outcomes may be empty); - for standard input.",
        ),
    ] = None,
    outcomes: Outcomes = None,
    patient: Annotated[
        list[str] | None,
        typer.Option("--patient", metavar="NUMBER", help="Study number; repeat it for patients alike in all else."),
    ] = None,
    cohort: Annotated[str | None, typer.Option("--cohort", metavar="N", help="Number of the cohort.")] = None,
    level: Annotated[str | None, typer.Option("--level", metavar="N", help="Level, counted from 1.")] = None,
    dose: Annotated[
        str | None, typer.Option("--dose", metavar="AMOUNT", help="The amount, instead of the level.")
    ] = None,
    dlt: Annotated[str | None, typer.Option("--dlt", metavar="yes|no", help="Not known yet if not given.")] = None,
    outcome: Annotated[
        str | None, typer.Option("--outcome", metavar="LETTER", help="Where the design grades outcomes.")
    ] = None,
    not_evaluable: Annotated[
        str | None, typer.Option("--not-evaluable", metavar="WHY", help="The patient cannot be judged, and why.")
    ] = None,
    treated: Annotated[str | None, typer.Option("--treated", metavar="DATE", help="Day of the first dose.")] = None,
    dlt_date: Annotated[str | None, typer.Option("--dlt-date", metavar="DATE", help="Day of the DLT.")] = None,
    last_follow_up: Annotated[
        str | None,
        typer.Option("--last-follow-up", metavar="DATE", help="Last day on which there was known to be none."),
    ] = None,
    backfill: Annotated[bool, typer.Option("--backfill", help="A patient beside the cohorts.")] = False,
    response: Annotated[str | None, typer.Option("--response", metavar="yes|no", help="Whether there was one.")] = None,
    deviation: Annotated[
        str | None,
        typer.Option("--deviation", metavar="TEXT", help="Why they were treated although no decision allows it."),
    ] = None,
    database: Database = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Enter patients as known now, and the outcomes of those on record that were not known before."""
    cells = {
        "cohort": cohort, "level": level, "dose": dose, "dlt": dlt, "outcome": outcome, "treated": treated,
        "dlt_date": dlt_date, "last_follow_up": last_follow_up, "reason": not_evaluable, "response": response,
        "evaluable": None if not_evaluable is None else "no", "backfill": "yes" if backfill else None,
    }  # fmt: skip
    given = {name: text for name, text in cells.items() if text is not None}
    if given and not patient:
        raise EscalateError(
            f"--{next(iter(given)).replace('_', '-')}: describes a patient; add --patient with the study number"
        )
    if (data is not None) + (outcomes is not None) + bool(patient) != 1:
        raise EscalateError("give the patients as a file, with --outcomes, or with --patient: one of the three")
    actor = open_for(by, database)
    from escalate.cli import record_data
    from escalate.conduct import store

    state = store.load(trial)
    if data is not None:
        lines = record_data.from_csv(data, state.design)
    elif outcomes is not None:
        lines = record_data.from_outcomes(outcomes, state)
    else:
        rows = [
            record_data.row_of({"patient": each, **given}, state.design, f"--patient {each[:40]}")
            for each in patient or ()
        ]
        lines = tuple(record_data.Line("", row) for row in rows)
    with recording(trial):
        written, notes = _entered(state, lines, actor, deviation)
        told(written, store.load(trial), as_json, notes)


def _entered(
    state: TrialState, lines: Iterable[Line], actor: Actor, deviation: str | None
) -> tuple[list[Entry], list[str]]:
    """Enter patients, then what fills in those on record, all of it or nothing."""
    from escalate.cli.record_data import compared
    from escalate.conduct import entering

    found = compared(state, lines)
    notes = (
        [f"{found.same} patient{' is' if found.same == 1 else 's are'} on record as given; skipped."]
        if found.same
        else []
    )
    if not found.rows and not found.reports:
        if deviation is not None:
            raise EscalateError("--deviation: nobody new is entered; leave it out")
        return [], notes or ["The file has no patients."]
    written = []
    with together():
        # New patients first: they were treated on the decision that stands before the reports void it.
        if found.rows:
            written.append(entering.enter(state.trial, found.rows, actor, deviation=deviation, seen=state.head))
        elif deviation is not None:
            raise EscalateError("--deviation: nobody new is entered; leave it out")
        written += [entering.amend(state.trial, name, changes, actor) for name, changes in found.reports.items()]
    return written, notes


def amend(
    trial: Trial,
    patient: Annotated[str | None, typer.Option("--patient", metavar="NUMBER", help="Study number.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="FIELD=VALUE", help="What is known now, such as dlt=yes; empty for not known. Repeat it."
        ),
    ] = None,
    error: Annotated[
        bool,
        typer.Option(
            "--entered-in-error", help="Out of the data, never out of the record; such as for a mistyped number."
        ),
    ] = False,
    design: Annotated[str | None, typer.Option("--design", metavar="FILE", help="A new version of the design.")] = None,
    reason: Reason = None,
    as_of: AsOf = None,
    sign: Sign = False,
    meaning: Meaning = None,
    password_stdin: PasswordStdin = False,
    database: Database = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Record what is known of a patient now, or a new version of the design; a correction needs a reason."""
    if (patient is None) == (design is None):
        raise EscalateError("give either --patient with --set, or --design: one thing is amended at a time")
    if error and (patient is None or settings):
        raise EscalateError("--entered-in-error: goes with --patient and --reason alone")
    if (patient is None) != (not settings) and not error:
        raise EscalateError(
            "--set: goes with --patient" if patient is None else "--set: is missing; such as --set dlt=yes"
        )
    if design is None and (sign or as_of is not None):
        raise EscalateError(f"{'--sign' if sign else '--as-of'}: is for a new version of the design, --design")
    if design is not None:
        check_reason(reason, "say why the design is amended")
        _amend_design(trial, design, reason or "", (by, database), (as_of, sign, meaning, password_stdin), as_json)
        return
    if error:
        check_reason(reason, "say why the patient was entered in error")
    actor = open_for(by, database)
    check_meaning(sign, meaning, password_stdin)
    from escalate.cli import record_data
    from escalate.conduct import entering, store

    changes = record_data.changes(settings or (), store.load(trial).design)
    with recording(trial):
        entry = (
            entering.withdraw(trial, patient or "", reason or "", actor)
            if error
            else entering.amend(trial, patient or "", changes, actor, reason=reason)
        )
        told([entry], store.load(trial), as_json)


def check_reason(reason: str | None, why: str) -> None:
    """Refuse a reason that is missing where one is needed in any case."""
    if reason is None or not reason.strip():
        raise EscalateError(f"--reason: is missing; {why}")


def _amend_design(
    trial: str, design: str, reason: str, who: tuple[str | None, str | None], how: tuple[Any, ...], as_json: bool
) -> None:
    as_of, sign, meaning, password_stdin = how
    looked_at, kept = day(as_of), _locked(design)
    actor = open_for(*who)
    check_meaning(sign, meaning, password_stdin)
    from escalate.conduct import changing, store

    store.load(trial)
    signature = signing(actor, sign, meaning, "authorship", password_stdin)
    with recording(trial):
        entry = changing.amend_design(trial, kept, reason, actor, as_of=looked_at, signing=signature)
        state = store.load(trial)
        told([entry, *(s.entry for s in state.signatures_on(entry.hash))], state, as_json)


def told(written: list[Entry], state: TrialState, as_json: bool, notes: Iterable[str] = ()) -> None:
    """Print what was recorded, what it made void, and what comes next."""
    from escalate.report import record_forms

    kept = tuple(notes)

    def render() -> RenderableType:
        from escalate.report import record_tables

        return record_tables.written(written, state, kept)

    tell(written, as_json, lambda: record_forms.written(written, state, kept), render)
