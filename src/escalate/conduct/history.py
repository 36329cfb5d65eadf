"""The history of a trial for people: each entry in words, and as a CSV that no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from datetime import date
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
    Imported,
    Opened,
    PatientRow,
    RolesGiven,
    Signed,
    Withdrawn,
    read_body,
)
from escalate.conduct.chain import SYSTEM_CHAIN, Entry

NAMES = {
    "opened": "Trial opened",
    "entered": "Patients entered",
    "amended": "Patient amended",
    "withdrawn": "Entered in error",
    "analysed": "Analysis",
    "decided": "Decision",
    "approved": "Second opinion",
    "signed": "Signature",
    "design_amended": "Design amended",
    "closed": "Trial closed",
    "roles": "Roles given",
    "imported": "Imported",
}
"""What entries of a kind are called."""
COLUMNS = ("number", "time_utc", "by", "via", "kind", "text", "reason", "hash", "previous")


def body_of(entry: Entry) -> Body:
    """Return what an entry says."""
    return read_body(entry.kind, entry.content, f"{entry.chain}: entry {entry.number}")


def name_of(kind: str) -> str:
    """Return what entries of a kind are called, those of the chain of the system too."""
    return NAMES.get(kind) or kind.replace("_", " ").capitalize()


def in_words(entry: Entry) -> str:
    """Return what an entry says, in one or two sentences."""
    if entry.chain == SYSTEM_CHAIN:
        return "; ".join(f"{name}: {shown(value)}" for name, value in entry.content.items()) + "."
    return "".join(_sentences(body_of(entry)))


def reason_in(entry: Entry) -> str:
    """Return the reason that an entry gives; empty where it gives none."""
    content = entry.content
    return str(content.get("reason") or content.get("deviation") or "")


def _sentences(body: Body) -> Iterator[str]:  # noqa: PLR0912 - one case a kind
    match body:
        case Opened():
            yield f"'{body.title}' opened under the design {body.design.name} (sha256 {body.design.sha256[:12]}…)."
            if body.synthetic:
                yield " Its outcomes are synthetic."
        case Entered():
            yield "; ".join(_patient(row) for row in body.patients) + "."
            if body.deviation:
                yield " Treated without a decision that allows it."
        case Amended():
            what = "First report" if body.first_report else "Correction"
            changes = "; ".join(f"{name}: {shown(old)}, now {shown(new)}" for name, (old, new) in body.changes.items())
            yield f"{what} of patient {body.patient}. {changes}."
        case Withdrawn():
            yield f"Patient {body.patient} was entered in error, and is out of the data."
        case Analysed():
            yield f"The design recommends to {advice(body.recommendation)}"
            yield f", as of {body.as_of}." if body.as_of else "."
        case Decided():
            yield _decision(body)
        case Approved():
            yield "A second person agrees." if body.agrees else "A second person does not agree."
        case Signed():
            yield f"Signed by {body.name}: {body.meaning}. The signature covers {body.record_sha256[:12]}…"
        case DesignAmended():
            yield f"The design is now {body.design.name} (sha256 {body.design.sha256[:12]}…). "
            yield "; ".join(body.differences) + "."
        case Closed():
            yield f"Closed: the MTD declared is {_level(body.mtd_level)}; the design selects {_level(body.selected_level)}."
            if body.upward:
                yield " This needs a second person."
        case RolesGiven():
            yield f"{body.person} is {', '.join(body.roles)}." if body.roles else f"{body.person} has no role any more."
        case Imported():
            yield f"Brought in from an archive (sha256 {body.archive_sha256[:12]}…); roles given before are void."


def _patient(row: PatientRow) -> str:
    place = f"cohort {row.cohort}" if row.cohort is not None else "backfill"
    return f"patient {row.patient} ({place}, level {row.level}): {outcome(row)}"


def outcome(row: PatientRow, window: int | None = None) -> str:
    """Return the outcome of a patient in words.

    Parameters
    ----------
    window
        Days of the DLT window, where it is known: a toxicity after it is no DLT.
    """
    if not row.evaluable:
        return f"not evaluable ({row.reason})" if row.reason else "not evaluable"
    if row.dlt_date is not None:
        return _toxicity(row, window)
    if row.outcome is not None:
        return f"outcome {row.outcome}"
    if row.dlt is not None:
        return "DLT" if row.dlt else "no DLT"
    return f"treated {row.treated}, no DLT seen so far" if row.treated else "outcome not known yet"


def _toxicity(row: PatientRow, window: int | None) -> str:
    if window is None or row.treated is None or row.dlt_date is None:
        return f"toxicity on {row.dlt_date}"
    day = (date.fromisoformat(row.dlt_date) - date.fromisoformat(row.treated)).days
    if day <= window:
        return f"DLT on {row.dlt_date}"
    return f"toxicity on {row.dlt_date}, day {day}, after the window: no DLT"


def _decision(body: Decided) -> str:
    place = (
        f"level {body.level}, {body.patients} patient{'' if body.patients == 1 else 's'}"
        if body.level
        else "nobody is treated"
    )
    said = {
        "accept": f"As recommended: {place}.",
        "lower": f"A lower dose than recommended: {place}.",
        "higher": f"A higher dose than recommended: {place}.",
        "hold": "Held: nobody is treated for now.",
        "expand": f"Expanded: {place}.",
        "stop": "Stopped: nobody is treated any more.",
    }[body.choice]
    return said + (" This needs a second person." if body.upward else "")


def advice(recommendation: dict[str, Any]) -> str:
    """Return a recommendation as the end of a sentence."""
    if recommendation["next_level"] is None:
        return "stop" if recommendation["action"] == "stop" else "wait for outcomes"
    n = recommendation["next_cohort_size"]
    return (
        f"treat {n} patient{'' if n == 1 else 's'} at level {recommendation['next_level']} ({recommendation['action']})"
    )


def _level(level: int | None) -> str:
    return "none" if level is None else f"level {level}"


def shown(value: object) -> str:
    """Return a value as people read it."""
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value)


def safe_cell(text: str) -> str:
    """Return text that a spreadsheet shows as it is: what would begin a formula gets an apostrophe before it.

    Examples
    --------
    >>> safe_cell("=1+1"), safe_cell("plain")
    ("'=1+1", 'plain')
    """
    begins = text.lstrip(" \u00a0\ufeff")[:1]
    return f"'{text}" if begins in {"=", "+", "-", "@", "\t", "\r", "\n", "|", "%"} and begins else text


def history_csv(entries: Iterable[Entry]) -> str:
    """Return the history as a CSV for people."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for entry in entries:
        name = name_of(entry.kind)
        said = (in_words(entry), reason_in(entry))
        cells = (entry.number, entry.at, entry.by, entry.via, name, *said, entry.hash, entry.previous)
        writer.writerow([safe_cell(str(cell)) for cell in cells])
    return out.getvalue()
