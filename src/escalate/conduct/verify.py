"""Verify a record: that every entry is what was written, and says what can be; and on demand that answers come out again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from escalate.conduct.analysis import waits_for_outcomes
from escalate.conduct.bodies import Analysed, Body, Closed, DesignAmended, Opened, Signed, read_body
from escalate.conduct.chain import Entry, Fault, canonical, faults_of, sha256
from escalate.conduct.design_lock import design_of
from escalate.conduct.errors import NotFoundError, RecordError
from escalate.conduct.reading import body_of, following
from escalate.conduct.signatures import record_sha256
from escalate.conduct.snapshot import waiting_for
from escalate.conduct.state import TrialState
from escalate.conduct.verify_rules import broken
from escalate.core.errors import EscalateError, harmless

SHORTEST_HEAD = 16
"""Letters of a hash that name an entry: fewer could be met by trying."""


@dataclass(frozen=True)
class Report:
    """What verifying a chain found.

    Parameters
    ----------
    entries, head
        How many entries there are, and the hash of the last.
    recomputed
        How many recommendations were computed again; None where that was not asked for.
    notes
        What is no fault, but should be known.
    """

    chain: str
    entries: int
    head: str | None
    faults: tuple[Fault, ...]
    recomputed: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not self.faults


def verify_entries(trial: str, entries: Iterable[Entry], head: str | None = None, *, recompute: bool = False) -> Report:
    """Verify the entries of a trial, read in the order of their numbers.

    Parameters
    ----------
    head
        Hash of an entry that must be there, or how it begins, as printed on an export or a signed page.
    recompute
        Compute every recommendation on record again from its own data and design, and compare.
    """
    kept = list(entries)
    faults = list(faults_of(trial, kept, _whole_hash(kept, head)))
    state: TrialState | None = None
    recomputed, notes = 0, list[str]()
    for entry in kept:
        try:
            body = body_of(entry, f"{trial}: entry {entry.number}")
            before, state = state, following(trial, state, entry, body)
            faults += _content_faults(before, state, entry, body)
        except EscalateError as error:
            text = str(error).removeprefix(f"{trial}: ")
            faults.append(
                Fault(trial, entry.number, text if text.startswith("entry") else f"entry {entry.number}: {text}")
            )
        except (ValueError, TypeError, KeyError) as error:
            faults.append(Fault(trial, entry.number, f"entry {entry.number}: cannot be read ({type(error).__name__})"))
        else:
            if recompute and entry.kind == Analysed.kind:
                recomputed += 1
                faults += _recomputed(state, entry, notes)
    return Report(
        trial,
        len(kept),
        kept[-1].hash if kept else None,
        tuple(dict.fromkeys(faults)),
        recomputed if recompute else None,
        tuple(dict.fromkeys(notes)),
    )


def _whole_hash(entries: list[Entry], head: str | None) -> str | None:
    if head is None:
        return None
    begins = head.strip().lower().rstrip("…")
    found = [entry.hash for entry in entries if begins and entry.hash.startswith(begins)]
    return found[0] if found and len(begins) >= SHORTEST_HEAD else begins or "0"


def _content_faults(before: TrialState | None, state: TrialState, entry: Entry, body: Body) -> Iterator[Fault]:
    """Yield where an entry breaks a rule, or hashes inside it are not those of what they stand for."""
    said = list(broken(before, state, entry, body))
    match body:
        case Opened():
            design_of(body.design)
        case DesignAmended():
            design_of(body.design)
        case Analysed():
            if sha256(body.data) != body.data_sha256:
                said.append("its data do not give their hash")
            if sha256(canonical(body.recommendation)) != body.recommendation_sha256:
                said.append("its recommendation does not give its hash")
            if body.design_sha256 != state.version.kept.sha256:
                said.append("it is not of the design of that time")
        case Closed():
            if sha256(body.data) != body.data_sha256:
                said.append("its data do not give their hash")
        case Signed():
            try:
                covered = record_sha256(state, body.subject)
            except RecordError as error:
                said.append(f"what it signs cannot be found ({error})")
            else:
                if covered != body.record_sha256:
                    said.append("the signature does not cover what stands on record")
    yield from (Fault(state.trial, entry.number, f"entry {entry.number}: {text}") for text in said)


def _recomputed(state: TrialState, entry: Entry, notes: list[str]) -> Iterator[Fault]:
    from escalate import __version__
    from escalate.conduct.snapshot import read
    from escalate.study.forms import recommendation as form
    from escalate.study.recommend import recommend

    body = read_body(entry.kind, entry.content, "")
    assert isinstance(body, Analysed)
    if waits_for_outcomes(body):
        if not waiting_for(state):
            yield Fault(state.trial, entry.number, f"entry {entry.number}: no outcome was missing, as it says")
        return
    design, as_of = state.design, date.fromisoformat(body.as_of) if body.as_of else None
    trial = read(design, body.data, as_of) if body.data.count("\n") > 1 else None
    again = canonical(_without_time(form(recommend(design, trial, design_sha256=body.design_sha256))))
    if again == canonical(_without_time(body.recommendation)):
        return
    if body.version != __version__:
        notes.append(
            f"entry {entry.number} was computed by escalate {body.version}, and comes out otherwise with {__version__}"
        )
        return
    yield Fault(state.trial, entry.number, f"entry {entry.number}: computed again, the recommendation is another")


def _without_time(form: Mapping[str, Any]) -> dict[str, Any]:
    source = {key: value for key, value in form["provenance"].items() if key != "time"}
    return {**form, "provenance": source}


def verify_trial(trial: str, head: str | None = None, *, recompute: bool = False) -> Report:
    """Verify a trial of the database, or, by its name, the chain of the system.

    Raises
    ------
    NotFoundError
        Where there is none of that name.
    """
    from escalate.conduct import store

    if trial == store.SYSTEM:
        return _system(head)
    report = verify_entries(trial, store.entries_of(trial), head, recompute=recompute)
    if not report.entries and trial not in _opened():
        raise NotFoundError(f"there is no trial '{harmless(trial[:40])}' here")
    return _beside_the_system(report, _opened().get(trial))


def verify_database(*, recompute: bool = False) -> tuple[Report, ...]:
    """Verify every chain of the database, that of the system first, and that no trial is gone as a whole."""
    from escalate.conduct import store

    reports, opened = [_system(None)], _opened()
    for trial in sorted({*store.trials(), *opened}):
        report = verify_entries(trial, store.entries_of(trial), recompute=recompute)
        reports.append(_beside_the_system(report, opened.get(trial)))
    return tuple(reports)


def _system(head: str | None) -> Report:
    """Verify the chain of the system, and what the database says of itself."""
    from escalate.conduct import store

    kept = list(store.entries_of(store.SYSTEM))
    faults = (*_damage(), *faults_of(store.SYSTEM, kept, _whole_hash(kept, head)))
    return Report(store.SYSTEM, len(kept), kept[-1].hash if kept else None, faults)


def _opened() -> dict[str, str]:
    """Return the hash of the first entry of each trial, as the chain of the system has it."""
    from escalate.conduct import store

    found = {}
    for entry in store.entries_of(store.SYSTEM, kind="trial_opened"):
        content = entry.content
        found[str(content.get("trial"))] = str(content.get("first"))
    return found


def _beside_the_system(report: Report, first: str | None) -> Report:
    from escalate.conduct import store

    there = next(iter(store.entries_of(report.chain)), None)
    text = None
    if there is None:
        text = "all its entries are missing: the chain of the system says that it was opened"
    elif first is None:
        text = "the chain of the system does not say that it was opened"
    elif there.hash != first:
        text = "its first entry is not the one that the chain of the system names"
    return report if text is None else replace(report, faults=(*report.faults, Fault(report.chain, None, text)))


def _damage() -> Iterator[Fault]:
    """Yield what the database itself says of its file, and triggers that are gone."""
    from django.db import connection

    from escalate.conduct import store
    from escalate.conduct.database import faults_told
    from escalate.conduct.triggers import missing

    with faults_told():
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA integrity_check(5)")
                for (said,) in cursor.fetchall():
                    if said != "ok":
                        yield Fault(store.SYSTEM, None, f"the database file is damaged: {said}")
        for name in missing(connection):
            yield Fault(store.SYSTEM, None, f"the trigger {name} is gone, which refuses to change entries")
