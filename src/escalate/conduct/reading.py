"""Read the entries of a trial in order, and refuse those that cannot have been written."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import replace
from itertools import islice

from pydantic import ValidationError

from escalate.conduct.bodies import (
    Amended,
    Analysed,
    Approved,
    Body,
    Closed,
    Decided,
    DesignAmended,
    Entered,
    Imported,
    Opened,
    PatientRow,
    RolesGiven,
    Signed,
    Withdrawn,
    read_body,
)
from escalate.conduct.body_faults import in_words
from escalate.conduct.chain import GENESIS, Entry, faults_of
from escalate.conduct.errors import RecordError, TamperedError
from escalate.conduct.state import (
    Analysis,
    Approval,
    Closing,
    Decision,
    DesignVersion,
    Patient,
    Signature,
    TrialState,
)


def read_trial(trial: str, entries: Iterable[Entry], before: TrialState | None = None) -> TrialState:
    """Return the trial after its entries, or after those that follow `before`.

    Raises
    ------
    TamperedError
        Where the chain is broken: nothing is shown of a trial whose record is not what was written.
    RecordError
        Where an entry says what cannot be.
    """
    state, last = before, before.last if before else None
    for entry in entries:
        expected = (trial, last.number + 1, last.hash) if last else (trial, 1, GENESIS)
        if not entry.is_whole() or (entry.chain, entry.number, entry.previous) != expected:
            before_it = [last] if last else []
            # Of the entry before alone every chain would lack its beginning.
            known = len(list(faults_of(trial, before_it)))
            fault = next(islice(faults_of(trial, [*before_it, entry]), known, None), None)
            text = fault.text if fault else f"entry {entry.number} is not what was written"
            raise TamperedError(f"{trial}: {text}; nothing is concluded from a record that was changed: verify it")
        state = following(trial, state, entry)
        last = entry
    if state is None:
        raise RecordError(f"{trial}: has no entries")
    return state


def body_of(entry: Entry, where: str) -> Body:
    """Return what an entry says.

    Raises
    ------
    RecordError
        Where it is not JSON, or not what entries of its kind say.
    """
    try:
        content = entry.content
    except ValueError:
        raise RecordError(f"{where}: cannot be read, for what it says is not JSON") from None
    return read_body(entry.kind, content, where)


def following(trial: str, state: TrialState | None, entry: Entry, body: Body | None = None) -> TrialState:
    """Return the trial after one more entry, whose body may have been read already."""
    where = f"{trial}: entry {entry.number}"
    body = body_of(entry, where) if body is None else body
    if isinstance(body, Opened):
        if state is not None:
            raise RecordError(f"{where}: the trial is opened a second time")
        version = DesignVersion(1, body.design, entry.number, entry.at, entry.by)
        return TrialState(trial, body.title, body.synthetic, entry, entry, (version,))
    if state is None:
        raise RecordError(f"{where}: comes before the trial is opened")
    return replace(_after(state, entry, body, where), last=entry)


def _after(state: TrialState, entry: Entry, body: Body, where: str) -> TrialState:
    match body:
        case Entered():
            return _entered(state, entry, body, where)
        case Amended():
            return _amended(state, entry, body, where)
        case Withdrawn():
            return _withdrawn(state, entry, body, where)
        case Analysed():
            return replace(state, analyses=(*state.analyses, Analysis(entry, body)))
        case Decided():
            return _decided(state, entry, body, where)
        case Approved():
            return _approved(state, entry, body, where)
        case Signed():
            return replace(state, signatures=(*state.signatures, Signature(entry, body)))
        case DesignAmended():
            version = DesignVersion(len(state.designs) + 1, body.design, entry.number, entry.at, entry.by, body.reason)
            changed = replace(
                state,
                designs=(*state.designs, version),
                design_amendments=(*state.design_amendments, (entry, body)),
            )
            return _over(_void_open_decision(changed, entry), entry)
        case Closed():
            return replace(state, closings=(*state.closings, Closing(entry, body)))
        case RolesGiven():
            members = {**state.members, body.person: frozenset(body.roles)}
            return replace(state, members={person: roles for person, roles in members.items() if roles})
        case Imported():
            return replace(state, members={})
        case _:
            raise RecordError(f"{where}: cannot be read")


def _entered(state: TrialState, entry: Entry, body: Entered, where: str) -> TrialState:
    patients = dict(state.patients)
    for row in body.patients:
        if row.patient in patients:
            raise RecordError(f"{where}: patient {row.patient} is entered a second time")
        patients[row.patient] = Patient(row, entry.number)
    return _acted_on(replace(state, patients=patients), entry, body)


def _acted_on(state: TrialState, entry: Entry, body: Entered) -> TrialState:
    """Count who was treated on the last decision; where patients were treated otherwise, it is over."""
    last = state.decision
    cohort = [row for row in body.patients if not row.backfill]
    if last is None or last.void_by is not None:
        return state
    if not cohort:
        told = any(row.dlt or row.dlt_date or row.outcome for row in body.patients)
        return _void_open_decision(state, entry) if told else state
    if body.deviation is not None and not last.treated:
        return _void_open_decision(state, entry)
    if body.deviation is not None:
        changed = replace(last, superseded_by=entry.number)
    else:
        changed = replace(last, treated=last.treated + len(cohort))
    return replace(state, decisions=(*state.decisions[:-1], changed))


def _over(state: TrialState, entry: Entry) -> TrialState:
    """Treat nobody more on a decision of the design before, on which some were treated."""
    last = state.decision
    if last is None or not last.remaining:
        return state
    return replace(state, decisions=(*state.decisions[:-1], replace(last, superseded_by=entry.number)))


def _amended(state: TrialState, entry: Entry, body: Amended, where: str) -> TrialState:
    before = state.patients.get(body.patient)
    if before is None:
        raise RecordError(f"{where}: there is no patient {body.patient}")
    values = before.row.model_dump()
    for name, (old, new) in body.changes.items():
        if name not in values or name == "patient" or values[name] != old:
            raise RecordError(f"{where}: {name} of patient {body.patient} was not {old!r}")
        values[name] = new
    try:
        row = PatientRow.model_validate(values)
    except ValidationError as error:
        raise RecordError(f"{where}: {in_words(error)}") from None
    patient = replace(before, row=row, changed=(*before.changed, entry.number))
    changed = replace(state, patients={**state.patients, body.patient: patient})
    if body.first_report and set(body.changes) <= _GOES_ON and not _followed_less(state, body):
        return changed
    changed = _void_open_decision(changed, entry)
    return changed if body.first_report else _void_what_rested_on(changed, before, entry)


def _withdrawn(state: TrialState, entry: Entry, body: Withdrawn, where: str) -> TrialState:
    """Take a patient out of the data, and void what rested on the patient."""
    before = state.patients.get(body.patient)
    if before is None:
        raise RecordError(f"{where}: there is no patient {body.patient}")
    patients = {name: p for name, p in state.patients.items() if name != body.patient}
    changed = replace(state, patients=patients, withdrawn=(*state.withdrawn, (before.row, entry)))
    last = state.decision
    if last is not None and last.treated and _counts(last, before):
        again = replace(last, treated=last.treated - 1)
        changed = replace(changed, decisions=(*state.decisions[:-1], again))
    return _void_what_rested_on(changed, before, entry)


def _counts(last: Decision, patient: Patient) -> bool:
    """Return whether a patient is one of those who were treated as decided."""
    ended = min((number for number in (last.superseded_by, last.void_by) if number is not None), default=None)
    return (
        not patient.row.backfill and patient.entered > last.entry.number and (ended is None or patient.entered < ended)
    )


def _followed_less(state: TrialState, body: Amended) -> bool:
    """Return whether the last decision took the patient as followed for longer than is known now."""
    old, new = body.changes.get("last_follow_up", (None, None))
    day = state.decision.analysis.body.as_of if state.decision else None
    return old is None and new is not None and day is not None and str(new) < day


_GOES_ON = {"last_follow_up", "response"}
"""What can become known without voiding a decision: that follow-up went on, and responses, on which no dose rests."""


def _void_open_decision(state: TrialState, entry: Entry) -> TrialState:
    """Void the last decision where nobody was treated on it: what it rests on is not what is known now."""
    if not state.decisions or state.decisions[-1].treated or state.decisions[-1].void_by is not None:
        return state
    voided = replace(state.decisions[-1], void_by=entry.number)
    return _void_signatures(replace(state, decisions=(*state.decisions[:-1], voided)), entry)


def _void_what_rested_on(state: TrialState, patient: Patient, entry: Entry) -> TrialState:
    """Void every decision and closing whose data held the patient as known before, and signatures on such an amendment."""

    def rested(at: int) -> bool:
        return patient.entered < at

    decisions = tuple(
        replace(d, void_by=entry.number) if d.void_by is None and rested(d.analysis.entry.number) else d
        for d in state.decisions
    )
    closings = tuple(
        replace(c, void_by=entry.number) if c.void_by is None and rested(c.entry.number) else c for c in state.closings
    )
    answers = {amended.hash for amended, _ in state.design_amendments if rested(amended.number)}
    return _void_signatures(replace(state, decisions=decisions, closings=closings), entry, answers)


def _void_signatures(state: TrialState, entry: Entry, also: Set[str] = frozenset()) -> TrialState:
    void = also | {d.entry.hash for d in state.decisions if d.void_by is not None}
    void |= {d.approval.entry.hash for d in state.decisions if d.void_by is not None and d.approval}
    void |= {c.entry.hash for c in state.closings if c.void_by is not None}
    void |= {c.approval.entry.hash for c in state.closings if c.void_by is not None and c.approval}
    if not any(s.void_by is None and s.body.subject in void for s in state.signatures):
        return state
    signatures = tuple(
        replace(s, void_by=entry.number) if s.void_by is None and s.body.subject in void else s
        for s in state.signatures
    )
    return replace(state, signatures=signatures)


def _decided(state: TrialState, entry: Entry, body: Decided, where: str) -> TrialState:
    analysis = next((a for a in reversed(state.analyses) if a.entry.hash == body.analysis), None)
    if analysis is None:
        raise RecordError(f"{where}: rests on an analysis that is not on record")
    decisions = state.decisions
    if decisions and decisions[-1].superseded_by is None:
        decisions = (*decisions[:-1], replace(decisions[-1], superseded_by=entry.number))
    return replace(state, decisions=(*decisions, Decision(entry, body, analysis)))


def _approved(state: TrialState, entry: Entry, body: Approved, where: str) -> TrialState:
    approval = Approval(entry, body)
    decisions = tuple(
        replace(d, approval=approval) if d.entry.hash == body.subject and d.approval is None else d
        for d in state.decisions
    )
    closings = tuple(
        replace(c, approval=approval) if c.entry.hash == body.subject and c.approval is None else c
        for c in state.closings
    )
    if decisions == state.decisions and closings == state.closings:
        raise RecordError(f"{where}: approves nothing that awaits a second person")
    return replace(state, decisions=decisions, closings=closings)
