"""Entries of the record in words: what happened, what changed, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from escalate.conduct.bodies import (
    Amended,
    Analysed,
    Approved,
    Body,
    Closed,
    Decided,
    DesignAmended,
    Entered,
    Opened,
    PatientRow,
    RolesGiven,
    Signed,
)
from escalate.conduct.chain import Entry
from escalate.conduct.history import NAMES, body_of, in_words, outcome, reason_in, shown
from escalate.conduct.signatures import MEANINGS
from escalate.conduct.state import Closing, Decision, TrialState
from escalate.core.design import Design
from escalate.report.sentences import level_words
from escalate.report.svg import raised

FIELDS = {
    "patient": "study number",
    "cohort": "cohort",
    "level": "level",
    "dlt": "DLT",
    "outcome": "outcome",
    "evaluable": "evaluable",
    "reason": "why not evaluable",
    "treated": "treated on",
    "dlt_date": "day of DLT",
    "last_follow_up": "last follow-up",
    "backfill": "backfill",
    "response": "response",
}
"""Fields of a patient, as pages call them."""


@dataclass(frozen=True)
class Change:
    """What stood in a field, and what stands there now."""

    field: str
    old: str
    new: str


@dataclass(frozen=True)
class Line:
    """One entry, for people; `void_by` is the entry that made it void, and `refused` whether a second person did not agree."""

    entry: Entry
    kind: str
    text: str
    changes: tuple[Change, ...] = ()
    details: tuple[str, ...] = ()
    reason: str | None = None
    void_by: int | None = None
    refused: bool = False

    @property
    def when(self) -> str:
        """The time, to the second, in UTC."""
        return when(self.entry.at)


def when(at: str) -> str:
    """Return a time of the record as people read it.

    Examples
    --------
    >>> when("2026-03-31T12:30:05.123456+00:00")
    '2026-03-31 12:30:05 UTC'
    """
    return f"{at[:10]} {at[11:19]} UTC"


def line_of(state: TrialState, entry: Entry, void: Mapping[str, int] | None = None) -> Line:
    """Return an entry in words.

    Parameters
    ----------
    void
        What `voids` says of the trial, where many lines are made.
    """
    body = body_of(entry)
    text, details = _said(state, entry, body)
    changes = (
        tuple(Change(FIELDS.get(name, name), shown(old), shown(new)) for name, (old, new) in body.changes.items())
        if isinstance(body, Amended)
        else ()
    )
    return Line(
        entry,
        NAMES.get(entry.kind, entry.kind),
        raised(text),
        changes,
        tuple(raised(each) for each in details),
        reason_in(entry) or None,
        (voids(state) if void is None else void).get(entry.hash),
        isinstance(body, Decided | Closed) and _refused(state, entry),
    )


def voids(state: TrialState) -> dict[str, int]:
    """Return by hash the entries that are void, a decision, a closing, the opinion on one or a signature, and what made it so."""
    found = {s.entry.hash: s.void_by for s in state.signatures if s.void_by is not None}
    both: list[Decision | Closing] = [*state.decisions, *state.closings]
    for one in both:
        if one.void_by is not None:
            found[one.entry.hash] = one.void_by
            if one.approval is not None:
                found[one.approval.entry.hash] = one.void_by
    return found


def _refused(state: TrialState, entry: Entry) -> bool:
    both: list[Decision | Closing] = [*state.decisions, *state.closings]
    return any(
        one.entry.hash == entry.hash and one.approval is not None and not one.approval.body.agrees for one in both
    )


def _said(state: TrialState, entry: Entry, body: Body) -> tuple[str, tuple[str, ...]]:
    design = _design_at(state, entry.number)
    match body:
        case Opened():
            return f"The trial was opened under the design {body.design.name}.", (
                f"Design sha256 {body.design.sha256}",
                f"escalate {body.version}",
            )
        case Entered():
            return _entered(design, body), tuple(_as_entered(state, design, entry, row) for row in body.patients)
        case Amended():
            what = "was reported" if body.first_report else "was amended"
            return f"Patient {body.patient}: {_listed([FIELDS.get(name, name) for name in body.changes])} {what}.", ()
        case Analysed():
            answer = _answer(design, body.recommendation)
            day = f" as of {body.as_of}" if body.as_of else ""
            return f"The design{day} recommends: {answer}.", (f"Data sha256 {body.data_sha256}",)
        case Decided():
            return f"Decided: {decided_words(design, body)}.", _departure(body)
        case Approved():
            said = "agrees with" if body.agrees else "does not agree with"
            return f"A second person {said} entry {_number(state, body.subject)}.", ()
        case Signed():
            return f"{body.name} signed entry {_number(state, body.subject)}: “{MEANINGS[body.meaning]}”.", (
                f"Covers the record with sha256 {body.record_sha256}",
            )
        case DesignAmended():
            return f"The design was amended: {body.design.name}.", body.differences
        case Closed():
            return f"The trial was closed: {closed_words(design, body)}.", (
                f"The design selects {mtd_words(design, body.selected_level)}.",
            )
        case RolesGiven():
            roles = _listed(list(body.roles)) if body.roles else "no role any more"
            return f"{body.person} has {'the role' + 's' * (len(body.roles) > 1) if body.roles else ''} {roles}.", ()
        case _:
            return in_words(entry), ()


def _design_at(state: TrialState, number: int) -> Design:
    return next((v.design for v in reversed(state.designs) if v.entry <= number), state.designs[0].design)


def _entered(design: Design, body: Entered) -> str:
    rows = body.patients
    cohorts = sorted({row.cohort for row in rows if row.cohort is not None})
    levels = sorted({row.level for row in rows})
    who = f"{len(rows)} patient{'s' * (len(rows) != 1)}"
    of = f" of cohort {_listed([str(c) for c in cohorts])}" if cohorts else " of a backfill"
    where = _listed([level_words(design, level) if level <= design.n_doses else str(level) for level in levels])
    return f"{who}{of} entered at {where}."


def _as_entered(state: TrialState, design: Design, entry: Entry, row: PatientRow) -> str:
    """Return a patient as entered then, and since when that is known to be an error."""
    since = next(
        (out.number for gone, out in state.withdrawn if gone.patient == row.patient and out.number > entry.number), None
    )
    return patient_words(design, row) + (f" (entered in error, says entry {since})" if since else "")


def patient_words(design: Design, row: PatientRow) -> str:
    """Return what is known of a patient."""
    return f"{row.patient}: {outcome_words(design, row)}"


def outcome_words(design: Design, row: PatientRow) -> str:
    """Return the outcome of a patient as known."""
    if not row.evaluable:
        return f"not evaluable{f' ({row.reason})' if row.reason else ''}"
    if design.dlt_window is not None and len(design.outcomes) == 2:
        if row.dlt_date:
            return outcome(row, design.dlt_window)
        return f"no DLT until {row.last_follow_up}" if row.last_follow_up else "not followed yet"
    if len(design.outcomes) > 2:
        names = {each.letter: each.name for each in design.outcomes}
        return names.get(row.outcome, row.outcome) if row.outcome else "not known yet"
    return "not known yet" if row.dlt is None else "DLT" if row.dlt else "no DLT"


def decided_words(design: Design, body: Decided) -> str:
    """Return what was decided."""
    if body.level is None:
        return {"stop": "stop", "hold": "hold, nobody is treated"}.get(body.choice, "nobody is treated, as recommended")
    who = f"{body.patients} patient{'s' * (body.patients != 1)}"
    how = {"accept": "as recommended", "lower": "lower than recommended", "higher": "higher than recommended"}
    return f"{who} at {level_words(design, body.level)}, {how.get(body.choice, 'another number than recommended')}"


def closed_words(design: Design, body: Closed) -> str:
    """Return what was declared."""
    return f"{mtd_words(design, body.mtd_level)} is declared"


def mtd_words(design: Design, level: int | None) -> str:
    """Return an MTD, or that there is none."""
    return "no MTD" if level is None else f"{level_words(design, level)} as the MTD"


def _answer(design: Design, found: dict[str, Any]) -> str:
    level = found.get("next_level")
    if level is None:
        if found.get("action") != "stop":
            return "wait"
        return f"stop, {mtd_words(design, found.get('mtd_level'))}"
    size = found.get("next_cohort_size")
    return f"{found.get('action')}, {size} patient{'s' * (size != 1)} at {level_words(design, level)}"


def _departure(body: Decided) -> tuple[str, ...]:
    if body.upward:
        return ("More than recommended: a second person must agree.",)
    return ("Departs from the recommendation.",) if body.departs else ()


def _number(state: TrialState, subject: str) -> str:
    found = entry_of(state, subject)
    return str(found.number) if found else subject[:12]


def entry_of(state: TrialState, subject: str) -> Entry | None:
    """Return an entry that can be signed, by its hash: a decision, an approval, a closing, a design amendment."""
    return signable(state).get(subject)


def signable(state: TrialState) -> dict[str, Entry]:
    """Return the entries that can be signed, by hash."""
    found = [entry for entry, _ in state.design_amendments]
    both: list[Decision | Closing] = [*state.decisions, *state.closings]
    for one in both:
        found += [one.entry] + ([one.approval.entry] if one.approval else [])
    return {entry.hash: entry for entry in found}


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def listed(names: list[str]) -> str:
    """Return names as a list in a sentence.

    Examples
    --------
    >>> listed(["04", "05", "06"])
    '04, 05 and 06'
    """
    return _listed(names)
