"""The lines of a CSV of patients: header, fields, numbers and doses, each fault with its place."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

from escalate.core.errors import DataError, did_you_mean
from escalate.core.plan import Plan

COLUMNS = ("patient", "cohort", "level", "dose", "dlt", "evaluable", "outcome")
DATED_COLUMNS = ("treated", "dlt_date", "last_follow_up", "reason", "backfill", "response")
_EVERY = COLUMNS + DATED_COLUMNS
_YES = {"1", "y", "yes", "true", "t"}
_NO = {"0", "n", "no", "false"}


def dose_at(level: int, plan: Plan, where: str) -> int:
    """Return a level, as people count, as a dose."""
    if not 1 <= level <= plan.n_doses:
        raise DataError(f"{where}: level {level} does not exist; the design has levels 1 to {plan.n_doses}")
    return level - 1


def rows_of(text: str, name: str, outcome: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield line number and fields of each patient; `outcome` is the column, beside patient, cohort and level, that must be there.

    Raises
    ------
    DataError
        Where the text is not such a table.
    """
    lines = text.splitlines()
    first = next((line for line in lines if re.sub('[;,"]', "", line).strip()), None)
    if first is None:
        raise DataError(f"{name}: has no header; the first line is patient,cohort,level,{outcome}")
    if "\t" in first and "," not in first and ";" not in first:
        raise DataError(f"{name}:1: its columns are separated by tabs; use commas or semicolons")
    if "\r" in text and "\n" not in text:
        raise DataError(f"{name}:1: has the line ends of old Macs; save it with those of Windows or Unix")
    delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if header is None:
                header = _header(row, f"{name}:{reader.line_num}", outcome)
                continue
            if len(row) != len(header):
                raise DataError(f"{name}:{reader.line_num}: has {len(row)} fields, but the header has {len(header)}")
            yield reader.line_num, {key: cell.strip() for key, cell in zip(header, row, strict=True)}
    except csv.Error as fault:
        raise DataError(f"{name}:{reader.line_num}: is not CSV: {fault}") from None


def _header(row: list[str], where: str, outcome: str) -> list[str]:
    names = [cell.strip().lower() for cell in row]
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"{where}: column '{name}' is there twice")
    dates = ("dlt_date",) if outcome == "treated" else ()
    needed = [name for name in ("patient", "cohort", outcome, *dates) if name not in names]
    if "level" not in names and "dose" not in names:
        needed.append("level")
    if needed and needed[0] in ("dlt", "outcome") and "treated" in names:
        raise DataError(f"{where}: has dates of treatment; say which day is looked at: --as-of 2026-03-31")
    if needed:
        known = [name for name in names if name]
        raise DataError(
            f"{where}: column '{needed[0]}' is missing (found: {', '.join(known)[:120]}); the header is patient, cohort, level, "
            + ", ".join((outcome, *dates))
        )
    unknown = [name for name in names if name not in _EVERY and did_you_mean(name, _EVERY).startswith("did")]
    if unknown:
        raise DataError(f"{where}: column '{unknown[0]}' is not known; {did_you_mean(unknown[0], _EVERY)}")
    return names


def whole(text: str, where: str) -> int:
    """Return a whole number."""
    if not re.fullmatch(r"\d+", text, flags=re.ASCII):
        raise DataError(f"{where}: " + (f"'{text[:40]}' is not a whole number" if text else "is empty"))
    if len(text) > 6:
        raise DataError(f"{where}: '{text[:40]}' is larger than 999999")
    return int(text)


def dose_of(row: dict[str, str], plan: Plan, where: str) -> int:
    """Return the dose of a line, by its level or its amount, which must agree where both are given."""
    if row.get("level"):
        dose = dose_at(whole(row["level"], f"{where} level"), plan, f"{where} level")
        if row.get("dose") and _by_amount(row["dose"], plan, where) != dose:
            raise DataError(
                f"{where} dose: {row['dose'][:40]} is not the amount of level {dose + 1}, {plan.amount(dose)}"
            )
        return dose
    if "dose" not in row:
        raise DataError(f"{where} level: is empty")
    return _by_amount(row["dose"], plan, where)


def _by_amount(text: str, plan: Plan, where: str) -> int:
    if re.fullmatch(r"[1-9][0-9]{0,2}(,[0-9]{3})+", text):
        raise DataError(
            f"{where} dose: '{text[:40]}' can be read in two ways; write it without a comma, or give the level"
        )
    number = text.replace(",", ".", 1)
    if not re.fullmatch(r"([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", number):
        raise DataError(f"{where} dose: '{text[:40]}' is not an amount in {plan.doses.unit}")
    amount = float(number)
    for dose, level in enumerate(plan.doses.levels):
        if abs(amount - level) <= 1e-9 * level:
            return dose
    known = ", ".join(f"{level:g}" for level in plan.doses.levels)
    raise DataError(f"{where} dose: {text[:40]} {plan.doses.unit} is not a dose of the design; the doses are {known}")


def yes_or_no(text: str, where: str) -> bool:
    """Return what a yes or no says."""
    word = text.lower()
    if word not in _YES | _NO:
        raise DataError(f"{where}: '{text[:40]}' is neither 1 (yes) nor 0 (no)")
    return word in _YES
