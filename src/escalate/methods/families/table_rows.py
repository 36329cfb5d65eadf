"""Rows of a user's own decision table: what is wrong with them, and the CSV file that holds them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from escalate.core.errors import DesignError, did_you_mean, harmless
from escalate.core.yaml_reader import decode, read_bytes

MAX_BYTES = 1_000_000
MAX_PATIENTS = 1000
SHOWN = 20
HEADER = ("patients", "dlts", "action")
STEPS = {"E": 1, "S": 0, "D": -1, "DU": -2}
NAMES = {"E": "escalate", "S": "stay", "D": "de-escalate", "DU": "de-escalate and eliminate"}
_LETTERS = {**{letter.lower(): letter for letter in STEPS}, "escalate": "E", "stay": "S", "de-escalate": "D"} | {
    "eliminate": "DU"
}

Row = tuple[int, int, str]


def letter(action: str) -> str:
    """Return E, S, D or DU for an action as people write it.

    Raises
    ------
    ValueError
        Where it is none.

    Examples
    --------
    >>> letter("de-escalate"), letter("du")
    ('D', 'DU')
    """
    found = _LETTERS.get(action.strip().lower())
    if found is None:
        advice = did_you_mean(action[:40], _LETTERS)
        if advice.startswith("known"):
            advice = f"known: {', '.join(STEPS)}"
        raise ValueError(f"'{harmless(action[:40])}' is not an action; {advice}")
    return found


@dataclass(frozen=True)
class Fault:
    """What is wrong with a row, and the other row that it contradicts; both are places in the list, from 0."""

    row: int
    text: str
    other: int | None = None


def faults(rows: Sequence[Row]) -> Iterator[Fault]:
    """Yield what is wrong with a table: more DLTs than patients, contradictions, holes, and more DLTs that fare better.

    Examples
    --------
    >>> [fault.text for fault in faults([(1, 0, "S"), (1, 1, "E")])]
    ['1 DLT of 1 patient has the action E, more upward than S for 0 DLTs']
    """
    first: dict[tuple[int, int], int] = {}
    found = False
    for k, (n, dlts, action) in enumerate(rows):
        before = first.setdefault((n, dlts), k)
        if dlts > n:
            yield Fault(k, f"{said(dlts, n)} is impossible")
        elif rows[before][2] != action:
            yield Fault(k, f"{said(dlts, n)} has the action {action}, but {rows[before][2]}", before)
        else:
            continue
        found = True
    if not found:
        yield from _holes_and_rises(rows, first)


def _holes_and_rises(rows: Sequence[Row], first: dict[tuple[int, int], int]) -> Iterator[Fault]:
    for n in sorted({n for n, _ in first}):
        present = [dlts for dlts in range(n + 1) if (n, dlts) in first]
        missing = [dlts for dlts in range(n + 1) if (n, dlts) not in first]
        if missing:
            which = f"{_several(missing)} DLT{'s' * (missing != [1])}"
            yield Fault(
                first[n, present[0]],
                f"{_patients(n)}: there is no row for {which}; each number from 0 to {n} needs one",
            )
        for fewer, more in pairwise(present):
            low, high = first[n, fewer], first[n, more]
            if STEPS[rows[high][2]] > STEPS[rows[low][2]]:
                better = f"more upward than {rows[low][2]} for {fewer} DLT{'s' * (fewer != 1)}"
                yield Fault(high, f"{said(more, n)} has the action {rows[high][2]}, {better}", low)


def said(dlts: int, n: int) -> str:
    """Return DLTs of patients in words."""
    return f"{dlts} DLT{'s' * (dlts != 1)} of {_patients(n)}"


def _patients(n: int) -> str:
    return f"{n} patient{'s' * (n != 1)}"


def _several(numbers: Sequence[int]) -> str:
    if len(numbers) > 8:
        return f"{', '.join(map(str, numbers[:7]))} and {len(numbers) - 7} more"
    return " and ".join(
        [", ".join(map(str, numbers[:-1])), str(numbers[-1])] if len(numbers) > 1 else [str(numbers[0])]
    )


def read_table(path: Path) -> bytes:
    """Return the bytes of a table.

    Raises
    ------
    DesignError
        Where there is no such file, or it cannot be read, or is empty, too large or binary.
    """
    return read_bytes(str(path), MAX_BYTES, "a table of decisions", DesignError)


def rows_of(raw: bytes, name: str) -> tuple[Row, ...]:
    """Return the rows of a table: a CSV file with the header `patients,dlts,action`.

    Commas or semicolons separate; a byte-order mark, CRLF and blank lines are accepted.

    Raises
    ------
    DesignError
        With the file and the line of each fault.
    """
    text = decode(raw, name, DesignError)
    rows, lines, wrong = [], [], []
    for line, cells in _cells(text, name):
        try:
            rows.append(_row(cells))
            lines.append(line)
        except ValueError as fault:
            wrong.append(f"{name}:{line} {fault}")
    if not rows and not wrong:
        raise DesignError(f"{name}: has a header and no rows")
    if not wrong:
        for found in faults(rows):
            other = "" if found.other is None else f" on line {lines[found.other]}"
            wrong.append(f"{name}:{lines[found.row]}: {found.text}{other}")
    if wrong:
        more = [f"{name}: and {len(wrong) - SHOWN} more faults"] if len(wrong) > SHOWN else []
        raise DesignError("\n".join([*wrong[:SHOWN], *more]))
    return tuple(rows)


def _row(cells: list[str]) -> Row:
    if len(cells) != len(HEADER):
        raise ValueError(f"row: has {len(cells)} fields, but the header has {len(HEADER)}")
    numbers = []
    for column, cell, least in zip(HEADER, cells, (1, 0), strict=False):
        if not re.fullmatch(r"[0-9]{1,6}", cell) or not least <= int(cell) <= MAX_PATIENTS:
            raise ValueError(
                f"{column}: '{harmless(cell[:40])}' is not a whole number from {least} to {MAX_PATIENTS}"
                if cell
                else f"{column}: is empty"
            )
        numbers.append(int(cell))
    if not cells[2]:
        raise ValueError("action: is empty")
    try:
        return numbers[0], numbers[1], letter(cells[2])
    except ValueError as fault:
        raise ValueError(f"action: {fault}") from None


def _cells(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the line and the cells of each row below the header."""
    head = next((line for line in text.splitlines() if line.strip()), "")
    if "\t" in head and "," not in head and ";" not in head:
        raise DesignError(f"{name}:1: its columns are separated by tabs; use commas or semicolons")
    if "\r" in text and "\n" not in text:
        raise DesignError(f"{name}:1: has the line ends of old Macs; save it with those of Windows or Unix")
    reader = csv.reader(io.StringIO(text), delimiter=";" if head.count(";") > head.count(",") else ",", strict=True)
    seen = False
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if seen:
                yield reader.line_num, cells
            elif tuple(cell.lower() for cell in cells) != HEADER:
                found = harmless(",".join(cells)[:80])
                raise DesignError(f"{name}:{reader.line_num}: the header is {','.join(HEADER)}, not '{found}'")
            seen = True
    except csv.Error as fault:
        raise DesignError(f"{name}:{reader.line_num}: is not CSV: {fault}") from None
