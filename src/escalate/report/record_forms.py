"""The JSON of the commands on a record: docs/reference/json.md says what is in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from escalate.conduct.allowance import allowance, stopped
from escalate.conduct.analysis import current
from escalate.conduct.deciding import awaiting
from escalate.conduct.history import in_words, reason_in
from escalate.conduct.snapshot import data_of, data_sha256, waiting_for
from escalate.conduct.store import SYSTEM
from escalate.core.dated_patients import DatedTrial
from escalate.core.errors import EscalateError
from escalate.study.forms import recommendation

if TYPE_CHECKING:
    from escalate.conduct.chain import Entry
    from escalate.conduct.state import Analysis, Closing, Decision, Patient, TrialState
    from escalate.conduct.verify import Report
    from escalate.study.recommend import Recommendation


def entry(found: Entry) -> dict[str, Any]:
    """Return an entry, what it says in words, and what it is made of."""
    return {
        "number": found.number,
        "at": found.at,
        "by": found.by,
        "via": found.via,
        "kind": found.kind,
        "text": in_words(found),
        "reason": reason_in(found) or None,
        "body": dict(found.content),
        "request": found.request,
        "previous": found.previous,
        "hash": found.hash,
    }


def written(entries: Sequence[Entry], state: TrialState, notes: Iterable[str]) -> dict[str, Any]:
    """Return what a command recorded, what that made void, and how the trial stands."""
    return {
        "schema": "escalate/record-written/1",
        "trial": state.trial,
        "entries": [entry(each) for each in entries],
        "voided": voided(entries, state),
        "notes": list(notes),
        "next": next_step(state),
        "head": state.head,
    }


def voided(entries: Sequence[Entry], state: TrialState) -> list[int]:
    """Return the numbers of the entries that some entries made void."""
    numbers = {each.number for each in entries}
    parts: tuple[Any, ...] = (*state.decisions, *state.closings, *state.signatures)
    return sorted(part.entry.number for part in parts if part.void_by in numbers)


def next_step(state: TrialState) -> str:
    """Return what comes next, in a sentence."""
    waiting = awaiting(state)
    if waiting is not None:
        return f"Entry {waiting.entry.number} awaits a second person, who agrees with it or does not."
    if state.closing is not None:
        return "The trial is closed." if state.closing.void_by is None else (
            f"The closing is void since entry {state.closing.void_by}: close the trial again."
        )  # fmt: skip
    allowed = allowance(state)
    if allowed.patients:
        many = f"{allowed.patients} patient{'' if allowed.patients == 1 else 's'}"
        return f"{many} may be entered at level {allowed.level}, in cohort {allowed.cohort}."
    missing = waiting_for(state)
    if missing:
        return f"The outcome of {', '.join(missing[:6])}{' and others' if len(missing) > 6 else ''} is not known yet."
    if stopped(state):
        return "The trial is stopped: declare the MTD and close it."
    return "The next recommendation can be asked for, and decided on."


def recommended(state: TrialState, found: Recommendation, known: Analysis | None, new: Entry | None) -> dict[str, Any]:
    """Return a recommendation, and the entry that has it."""
    return {
        "schema": "escalate/record-recommendation/1",
        "trial": state.trial,
        "entry": None if known is None else known.entry.number,
        "recorded_now": new is not None,
        "recommendation": recommendation(found) if known is None else known.body.recommendation,
        "head": state.head,
    }


OF_SYSTEM = "accounts, sign-ins, refusals, and trials opened"


def history(state: TrialState | None, entries: Sequence[Entry], head: str | None = None) -> dict[str, Any]:
    """Return entries of a trial; or of the system, whose head is then given."""
    return {
        "schema": "escalate/record-history/1",
        "trial": state.trial if state else SYSTEM,
        "title": state.title if state else OF_SYSTEM,
        "synthetic": bool(state and state.synthetic),
        "entries": [entry(each) for each in entries],
        "head": state.head if state else head,
    }


def trials(found: Sequence[tuple[str, TrialState | None, str | None]]) -> dict[str, Any]:
    """Return the trials of a record; of one that cannot be read, why."""
    return {
        "schema": "escalate/record-list/1",
        "trials": [
            {"trial": trial, "fault": fault}
            if state is None
            else {
                "trial": trial,
                "title": state.title,
                "synthetic": state.synthetic,
                "open": state.is_open,
                "patients": len(state.patients),
                "entries": state.last.number,
                "last_entry_at": state.last.at,
                "head": state.head,
            }
            for trial, state, fault in found
        ],
    }


def standing(state: TrialState) -> dict[str, Any]:
    """Return where a trial stands."""
    version = state.version
    found = now(state)
    return {
        "schema": "escalate/record-trial/1",
        "trial": state.trial,
        "title": state.title,
        "synthetic": state.synthetic,
        "open": state.is_open,
        "design": {
            "version": version.number,
            "name": version.kept.name,
            "sha256": version.kept.sha256,
            "entry": version.entry,
        },
        "patients": [_patient(each) for each in state.patients.values()],
        "data_sha256": data_sha256(state),
        "recommendation": None if isinstance(found, str) else recommendation(found),
        "no_recommendation": found if isinstance(found, str) else None,
        "decision": None if state.decision is None else _decision(state.decision),
        "closing": _closing(state.closings[-1]) if state.closings else None,
        "awaits_second": None if (waiting := awaiting(state)) is None else waiting.entry.number,
        "members": {person: sorted(roles) for person, roles in state.members.items()},
        "next": next_step(state),
        "entries": state.last.number,
        "head": state.head,
    }


def now(state: TrialState) -> Recommendation | str:
    """Return the recommendation from the data as known now, which nothing records; or why there is none."""
    if not state.is_open:
        return "the trial is closed"
    try:
        return current(state)
    except EscalateError as error:
        return str(error)


def _patient(found: Patient) -> dict[str, Any]:
    return {**found.row.model_dump(mode="json"), "entered": found.entered, "changed": list(found.changed)}


def _decision(found: Decision) -> dict[str, Any]:
    return {
        "entry": found.entry.number,
        "by": found.entry.by,
        "choice": found.body.choice,
        "level": found.body.level,
        "patients": found.body.patients,
        "departs": found.body.departs,
        "upward": found.body.upward,
        "reason": found.body.reason,
        "analysis": found.analysis.entry.number,
        "standing": str(found.standing),
        "treated": found.treated,
        "remaining": found.remaining,
        "void_by": found.void_by,
    }


def _closing(found: Closing) -> dict[str, Any]:
    return {
        "entry": found.entry.number,
        "by": found.entry.by,
        "mtd_level": found.body.mtd_level,
        "selected_level": found.body.selected_level,
        "reason": found.body.reason,
        "standing": str(found.standing),
        "void_by": found.void_by,
    }


def verification(reports: Sequence[Report]) -> dict[str, Any]:
    """Return what verifying found, chain by chain."""
    return {
        "schema": "escalate/record-verification/1",
        "clean": all(report.clean for report in reports),
        "chains": [
            {
                "chain": report.chain,
                "entries": report.entries,
                "head": report.head,
                "faults": [{"number": fault.number, "text": fault.text} for fault in report.faults],
                "recomputed": report.recomputed,
                "notes": list(report.notes),
            }
            for report in reports
        ],
    }


def exported(manifest: Mapping[str, Any], data_sha256: str, file: str, sha256: str, csv: str | None) -> dict[str, Any]:
    """Return what was written where."""
    return {
        "schema": "escalate/record-export/1",
        "trial": manifest["trial"],
        "file": file,
        "sha256": sha256,
        "csv": csv,
        "data_sha256": data_sha256,
        "entries": manifest["entries"],
        "head": manifest["head"],
    }


def counts(state: TrialState) -> Iterator[tuple[int, int, int, int]]:
    """Yield each level, from 1: patients, of whom evaluable with an outcome that is known today, and DLTs."""
    known, dlts = _dated(state) if state.dated and state.patients else _plain(state)
    for level in range(1, state.design.n_doses + 1):
        there = [name for name, patient in state.patients.items() if patient.row.level == level]
        yield level, len(there), sum(name in known for name in there), sum(name in dlts for name in there)


def _plain(state: TrialState) -> tuple[set[str], set[str]]:
    last = state.design.outcomes[-1].letter
    rows = [patient.row for patient in state.patients.values()]
    known = {row.patient for row in rows if row.evaluable and (row.dlt is not None or row.outcome is not None)}
    return known, {row.patient for row in rows if row.patient in known and (row.dlt is True or row.outcome == last)}


def _dated(state: TrialState) -> tuple[set[str], set[str]]:
    today, window = date.today(), state.design.dlt_window or 1
    try:
        trial = data_of(state, today)
    except EscalateError:
        # A clock that is behind that of the record: nothing is known yet today.
        return set(), set()
    patients = trial.patients if isinstance(trial, DatedTrial) else ()
    known = {patient.name for patient in patients if (patient.seen(today, window) or 0.0) >= 1}
    return known, {patient.name for patient in patients if patient.had_dlt(today, window)}
