"""Commands of the decision: recommend, decide, close."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from escalate.cli.output import AsJson
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
    open_for,
    recording,
    signing,
    tell,
)
from escalate.cli.record_entering import check_reason, told
from escalate.core.errors import EscalateError, did_you_mean

if TYPE_CHECKING:
    from rich.console import RenderableType

    from escalate.conduct.chain import Entry
    from escalate.conduct.state import Analysis, TrialState
    from escalate.study.recommend import Recommendation


def recommend(
    trial: Trial,
    as_of: AsOf = None,
    look: Annotated[bool, typer.Option("--look", help="Only look: nothing is recorded.")] = False,
    database: Database = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Recommend the dose of the next cohort from the data on record, and record that; then decide on it."""
    looked_at = day(as_of)
    actor = open_for(by, database)
    from escalate.conduct import deciding, store
    from escalate.conduct.analysis import current, day_for

    state = store.load(trial)
    found = current(state, looked_at)
    known = _on_record(state, day_for(state, looked_at))
    entry: Entry | None = None
    with recording(trial):
        if not look and known is None:
            entry = deciding.analyse(trial, actor, as_of=looked_at, seen=state.head)
            state = store.load(trial)
            known = next(analysis for analysis in state.analyses if analysis.entry.hash == entry.hash)
        _tell_recommendation(state, found, known, entry, as_json)


def _tell_recommendation(
    state: TrialState, found: Recommendation, known: Analysis | None, entry: Entry | None, as_json: bool
) -> None:
    """Print a recommendation, as it is on record where it is."""
    from escalate.report import record_forms

    if known is not None:
        time = known.body.recommendation["provenance"]["time"]
        found = replace(found, provenance=replace(found.provenance, time=time))

    def render() -> RenderableType:
        from escalate.report import record_tables

        return record_tables.recommended(state, found, known, is_new=entry is not None)

    tell([entry] if entry else [], as_json, lambda: record_forms.recommended(state, found, known, entry), render)


def _on_record(state: TrialState, looked_at: date | None) -> Analysis | None:
    """Return the last analysis, where it is of this day, these data, this design and this version of escalate."""
    from escalate import __version__
    from escalate.conduct.analysis import is_current

    last = state.analyses[-1] if state.analyses else None
    if last is None or not is_current(state, last) or last.body.version != __version__:
        return None
    return last if last.body.as_of == (looked_at.isoformat() if looked_at else None) else None


def decide(
    trial: Trial,
    choice: Annotated[
        str | None, typer.Argument(metavar="[CHOICE]", help="accept, lower, higher, hold, expand or stop.")
    ] = None,
    level: Annotated[
        int | None, typer.Option("--level", metavar="N", help="Level, for lower, higher and expand.")
    ] = None,
    patients: Annotated[
        int | None, typer.Option("--patients", metavar="N", help="How many; as recommended if not given.")
    ] = None,
    reason: Reason = None,
    approve: Annotated[
        bool, typer.Option("--approve", help="Agree, as the second person, with what awaits one.")
    ] = False,
    refuse: Annotated[bool, typer.Option("--refuse", help="Do not agree with it, and say why with --reason.")] = False,
    entry: Annotated[
        int | None,
        typer.Option(
            "--entry", metavar="N", help="The entry decided on, or agreed with: refused where another stands by now."
        ),
    ] = None,
    as_of: AsOf = None,
    sign: Sign = False,
    meaning: Meaning = None,
    password_stdin: PasswordStdin = False,
    database: Database = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Record what is done next on the last recommendation, or what a second person says of a decision that needs one."""
    _check_choice(choice, approve, refuse)
    if choice is None and (level is not None or patients is not None or as_of is not None):
        option = "level" if level is not None else "patients" if patients is not None else "as-of"
        raise EscalateError(f"--{option}: is for a decision; a second person agrees with it, or does not")
    if choice is None and entry is None:
        raise EscalateError(
            "--entry: is missing; name the entry that you agree with, or do not, so that it is no other"
        )
    if refuse:
        check_reason(reason, "say why you do not agree")
    looked_at = day(as_of)
    actor = open_for(by, database)
    check_meaning(sign, meaning, password_stdin)
    from escalate.conduct import deciding, store

    state = store.load(trial)
    analysis = None if choice is None else _decided_on(state, choice, looked_at)
    _check_entry(state, choice, entry, analysis)
    otherwise = "authorship" if choice else "approval" if approve else "review"
    signature = signing(actor, sign, meaning, otherwise, password_stdin)
    with recording(trial):
        if choice is not None:
            written = deciding.decide(
                trial, choice, actor, level=level, patients=patients, reason=reason,
                analysis=analysis.entry.hash if analysis else None, signing=signature, seen=state.head,
            )  # fmt: skip
        else:
            written = deciding.approve(trial, actor, agrees=approve, reason=reason, signing=signature, seen=state.head)
        state = store.load(trial)
        told([written, *(s.entry for s in state.signatures_on(written.hash))], state, as_json)


def _without_outcomes(state: TrialState, choice: str) -> bool:
    """Return whether a trial is held or stopped while outcomes that the design waits for are not known."""
    from escalate.conduct.deciding import NOBODY
    from escalate.conduct.snapshot import waiting_for

    return choice in NOBODY and bool(waiting_for(state))


def _check_entry(state: TrialState, choice: str | None, entry: int | None, analysis: Analysis | None) -> None:
    """Refuse where what stands now is another entry than the one that the person saw."""
    from escalate.conduct.deciding import awaiting

    if entry is None:
        return
    stands = analysis if choice is not None else awaiting(state)
    if stands is None and choice is not None:
        raise EscalateError(f"--entry: nothing is recommended now that {choice} could be decided on; leave it out")
    if stands is None or stands.entry.number != entry:
        what = "what awaits a second person" if choice is None else "the last recommendation"
        now = f"entry {stands.entry.number}" if stands is not None else "nothing"
        raise EscalateError(f"--entry: {what} is {now} by now, not entry {entry}; look at it first")


def _check_choice(choice: str | None, approve: bool, refuse: bool) -> None:
    from escalate.conduct.bodies import CHOICES

    if (choice is not None) + approve + refuse != 1:
        raise EscalateError(f"give one decision: {', '.join(CHOICES)}; or, as the second person, --approve or --refuse")
    if choice is not None and choice not in CHOICES:
        raise EscalateError(f"decision: '{choice[:40]}' is not one; {did_you_mean(choice[:40], CHOICES)}")


def _decided_on(state: TrialState, choice: str, looked_at: date | None) -> Analysis | None:
    """Return the last analysis, None where a trial is held or stopped for want of one; refuse one that is not of now."""
    from escalate.conduct.analysis import day_for, is_current

    if not state.is_open:
        # Told by the record itself.
        return state.analyses[-1] if state.analyses else None
    wanted = day_for(state, looked_at)
    if _without_outcomes(state, choice):
        return None
    last = state.analyses[-1] if state.analyses else None
    ask = f"ask 'escalate trial recommend {state.trial}' first, then decide on what it says"
    if last is None:
        raise EscalateError(f"{state.trial}: nothing was recommended yet; {ask}")
    if not is_current(state, last):
        raise EscalateError(
            f"{state.trial}: data or design changed since the recommendation of entry {last.entry.number}; {ask}"
        )
    if wanted is not None and last.body.as_of != wanted.isoformat():
        raise EscalateError(
            f"{state.trial}: the recommendation of entry {last.entry.number} looked at {last.body.as_of}, not at {wanted}; {ask}, "
            f"or decide with --as-of {last.body.as_of}"
        )
    return last


def close(
    trial: Trial,
    mtd: Annotated[
        str | None, typer.Option("--mtd", metavar="LEVEL", help="The MTD declared: a level, or none.")
    ] = None,
    reason: Reason = None,
    as_of: AsOf = None,
    sign: Sign = False,
    meaning: Meaning = None,
    password_stdin: PasswordStdin = False,
    database: Database = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Declare the MTD, or that there is none, and end the trial."""
    if mtd is None:
        raise EscalateError("--mtd: is missing; give the level declared, or none")
    if mtd != "none" and not (mtd.isascii() and mtd.isdigit() and len(mtd) < 5):
        raise EscalateError(f"--mtd: '{mtd[:40]}' is neither a level nor none")
    looked_at = day(as_of)
    actor = open_for(by, database)
    check_meaning(sign, meaning, password_stdin)
    from escalate.conduct import changing, store

    state = store.load(trial)
    signature = signing(actor, sign, meaning, "authorship", password_stdin)
    with recording(trial):
        entry = changing.close(
            trial, None if mtd == "none" else int(mtd), actor,
            reason=reason, as_of=looked_at, signing=signature, seen=state.head,
        )  # fmt: skip
        state = store.load(trial)
        told([entry, *(s.entry for s in state.signatures_on(entry.hash))], state, as_json)
