"""Patients as a command is given them: a CSV that may lack outcomes, an outcome string, or options."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from escalate.core.errors import DataError, EscalateError, did_you_mean

if TYPE_CHECKING:
    from escalate.conduct.bodies import PatientRow
    from escalate.conduct.state import TrialState
    from escalate.core.design import Design

_UNKNOWN = {"", "pending", "na", "n/a", "?"}
_TRUTHS = ("evaluable", "backfill", "response", "dlt")
_DAYS = ("treated", "dlt_date", "last_follow_up")


@dataclass(frozen=True)
class Line:
    """A patient, and where the data stand.

    Parameters
    ----------
    where
        File and line; empty where they were typed.
    columns
        What the file tells at all: of other fields it says nothing, not that they are empty.
    """

    where: str
    row: PatientRow
    columns: frozenset[str] = frozenset()


def from_csv(path: str, design: Design) -> tuple[Line, ...]:
    """Read a CSV with the columns that `escalate recommend` reads; outcomes not known yet may be empty.

    Raises
    ------
    DataError
        With file and line, and what would be right.
    """
    from escalate.conduct.snapshot import columns
    from escalate.core.patient_rows import rows_of
    from escalate.core.patients import MAX_BYTES, MAX_PATIENTS
    from escalate.core.yaml_reader import decode, read_bytes

    name = "standard input" if path == "-" else path
    text = decode(read_bytes(path, MAX_BYTES, "a CSV file of patients", DataError), name, DataError)
    outcome = "treated" if "treated" in columns(design) else columns(design)[3]
    found: list[Line] = []
    first: dict[str, int] = {}
    for line, cells in rows_of(text, name, outcome):
        where = f"{name}:{line}"
        row = row_of(cells, design, where)
        if row.patient in first:
            raise DataError(f"{where} patient: '{row.patient}' was already on line {first[row.patient]}")
        first[row.patient] = line
        found.append(Line(where, row, frozenset({"level", *cells})))
    if len(found) > MAX_PATIENTS:
        raise DataError(f"{name}: holds {len(found)} patients, more than the {MAX_PATIENTS} that any design may have")
    return tuple(found)


def from_outcomes(text: str, state: TrialState) -> tuple[Line, ...]:
    """Return cohorts given as an outcome string, as the patients that come next; their study numbers go on from the last.

    Raises
    ------
    DataError
        Where it is no outcome string, or the design looks at days.
    """
    from escalate.conduct.allowance import allowance
    from escalate.core.patients import from_outcomes as check

    design = state.design
    if state.dated:
        raise DataError("--outcomes: this design looks at days, and outcome strings have none; give a file or options")
    check(text, design, design.outcomes)
    # The first cohort of the text may go on with the one that there is.
    cohort = allowance(state).cohort - 1
    last = next(reversed(list(state.patients)), None)
    taken = set(state.patients)
    found = []
    for word in text.split():
        cohort += 1
        level = re.match(r"\d+", word)
        assert level is not None
        for letter in word[level.end() :].upper():
            last = _next_number(last)
            while last in taken:
                last = _next_number(last)
            taken.add(last)
            cells = {"patient": last, "cohort": str(cohort), "level": level[0], _outcome(design): _told(letter, design)}
            found.append(Line("", row_of(cells, design, "--outcomes")))
    return tuple(found)


def _outcome(design: Design) -> str:
    from escalate.core.outcome import BINARY

    return "dlt" if design.outcomes == BINARY else "outcome"


def _told(letter: str, design: Design) -> str:
    return {"T": "yes", "N": "no"}[letter] if _outcome(design) == "dlt" else letter


def _next_number(last: str | None) -> str:
    """Return the study number after one: its last digits and one."""
    if last is None:
        return "01"
    match = re.fullmatch(r"(.*?)(\d+)(\D*)", last)
    assert match is not None
    return f"{match[1]}{int(match[2]) + 1:0{len(match[2])}d}{match[3]}"


def row_of(cells: Mapping[str, str], design: Design, where: str) -> PatientRow:
    """Return the patient of a line; an empty cell is what is not known yet.

    Raises
    ------
    DataError
        With the place, and what would be right.
    """
    from pydantic import ValidationError

    from escalate.conduct.bodies import PatientRow
    from escalate.conduct.body_faults import in_words
    from escalate.core.patient_rows import dose_of

    if not cells.get("patient"):
        raise DataError(f"{where} patient: is empty; every patient needs a study number")
    values: dict[str, Any] = {"patient": cells["patient"], "level": dose_of(dict(cells), design, where) + 1}
    for name in PatientRow.model_fields:
        if name not in values and cells.get(name):
            values[name] = value_of(name, cells[name], design, f"{where} {name}")
    values = {name: value for name, value in values.items() if value is not None}
    _drop_agreeing_dlt(values, cells.get("dlt", "")[:40], design, where)
    try:
        return PatientRow(**values)
    except ValidationError as error:
        raise DataError(f"{where} {in_words(error)}") from None


def _drop_agreeing_dlt(values: dict[str, Any], said: str, design: Design, where: str) -> None:
    """Leave out a `dlt` that stands beside the column that the design uses, and refuse one that contradicts it."""
    used = _columns(design)
    if "dlt" not in values or "dlt" in used:
        return
    dlt = values.pop("dlt")
    if "treated" in used and dlt != ("dlt_date" in values):
        raise DataError(f"{where} dlt: {said} contradicts dlt_date, which is {values.get('dlt_date', 'empty')}")
    if "outcome" in used and "outcome" in values and dlt != (values["outcome"] == design.outcomes[-1].letter):
        raise DataError(f"{where} dlt: {said} contradicts the outcome '{values['outcome']}'")


def value_of(name: str, text: str, design: Design, where: str) -> Any:
    """Return what a cell says of a patient; None where nothing is known yet.

    Raises
    ------
    DataError
        Where it cannot be read.
    """
    from escalate.core.patient_rows import dose_at, whole, yes_or_no
    from escalate.core.read_dated import day_of

    text = text.strip()
    if name == "dlt" and text.lower() in _UNKNOWN:
        return None
    if name == "outcome":
        return None if text.lower() in _UNKNOWN else _letter(text, design, where)
    if not text:
        return {"evaluable": True, "backfill": False}.get(name)
    if name in _TRUTHS:
        return yes_or_no(text, where)
    if name in _DAYS:
        return day_of(text, where).isoformat()
    if name == "level":
        return dose_at(whole(text, where), design, where) + 1
    if name == "cohort":
        number = whole(text, where)
        if number < 1:
            raise DataError(f"{where}: is {number}; cohorts of a record are counted from 1")
        return number
    return text.lower() if name == "reason" and "treated" in _columns(design) else text


def _columns(design: Design) -> tuple[str, ...]:
    from escalate.conduct.snapshot import columns

    return columns(design)


def _letter(text: str, design: Design, where: str) -> str:
    for outcome in design.outcomes:
        if text.lower() in (outcome.letter.lower(), outcome.name.lower()):
            return outcome.letter
    known = ", ".join(f"{outcome.letter} is {outcome.name}" for outcome in design.outcomes)
    raise DataError(f"{where}: '{text[:40]}' is not an outcome; {known}")


def changes(settings: Iterable[str], design: Design) -> dict[str, Any]:
    """Return what `--set FIELD=VALUE` says, by field; an empty value is one that is not known.

    Raises
    ------
    EscalateError
        Where one is not of that form, its field is none, or its value cannot be read.
    """
    from escalate.conduct.bodies import PatientRow

    known = [name for name in PatientRow.model_fields if name != "patient"]
    found: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        name = name.strip()
        if not equals:
            raise EscalateError(f"--set: '{setting[:40]}' is not FIELD=VALUE; such as dlt=yes")
        if name == "patient":
            raise EscalateError(
                "--set patient: a study number is not changed; record this one as --entered-in-error, and enter the patient anew"
            )
        if name not in known:
            raise EscalateError(f"--set: '{name[:40]}' is not known; {did_you_mean(name[:40], known)}")
        if name in found:
            raise EscalateError(f"--set {name}: is given twice")
        found[name] = value_of(name, text, design, f"--set {name}")
    return found


@dataclass(frozen=True)
class Compared:
    """Patients beside the record: those who are new, what fills in those on record, and how many are as on record."""

    rows: tuple[PatientRow, ...]
    reports: Mapping[str, Mapping[str, Any]]
    same: int


def compared(state: TrialState, lines: Iterable[Line]) -> Compared:
    """Return what data add to the record.

    Raises
    ------
    DataError
        Where they contradict it, with every place; a patient who was typed in and is on record is left to be refused.
    """
    from escalate.conduct.entering import fills_in

    rows: list[PatientRow] = []
    reports: dict[str, dict[str, Any]] = {}
    wrong: list[str] = []
    same = 0
    for line in lines:
        known = state.patients.get(line.row.patient)
        if known is None or not line.where:
            rows.append(line.row)
            continue
        old, new = known.row.model_dump(), line.row.model_dump()
        changed = {name: new[name] for name in new if new[name] != old[name] and name in line.columns}
        against = {name: value for name, value in changed.items() if not fills_in(name, old[name], value, known.row)}
        if against:
            wrong.append(_contradiction(line, state.trial, old, against))
        elif changed:
            reports[line.row.patient] = changed
        else:
            same += 1
    if wrong:
        raise DataError("\n".join(wrong))
    return Compared(tuple(rows), reports, same)


def _contradiction(line: Line, trial: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    from escalate.conduct.entering import PLACED

    said = "; ".join(f"{name} is {_shown(old[name])} on record and {_shown(value)} here" for name, value in new.items())
    settings = " ".join(f"--set {name}={_typed(value)}" for name, value in new.items())
    if any(name in PLACED for name in new):
        # Such a patient is entered anew.
        settings = "--entered-in-error"
    return (
        f"{line.where} patient {line.row.patient}: {said}; nothing was entered; if this is right, correct the record first: "
        f"escalate trial amend {trial} --patient {line.row.patient} {settings} --reason TEXT"
    )


def _shown(value: Any) -> str:
    return "empty" if value is None else _typed(value)


def _typed(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
