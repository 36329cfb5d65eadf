"""The figures of a study as CSV, or as a workbook of designs, scenarios and figures."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Iterator
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from escalate.core.errors import EscalateError
from escalate.report.study_means import Means

if TYPE_CHECKING:
    from escalate.study.grid.results import StudyResults

ENDINGS: Final = (".csv", ".xlsx")
SHEET_ROWS: Final = 1_048_575
"""Rows that a sheet has below its heading."""


def write(results: StudyResults, path: str, *, means: bool, force: bool) -> int:
    """Write figures whole or not at all; return how many rows there are.

    Raises
    ------
    EscalateError
        Where the file exists and may not be replaced, cannot be written, or is a workbook that cannot hold so many rows.
    """
    target = Path(path)
    if target.exists() and not force:
        raise EscalateError(f"{path}: exists already; use --force to replace it")
    # Asked twice: once for the heading, so that the rows need not all be held at once.
    made = _means if means else _figures
    columns = list(dict.fromkeys(column for row in made(results) for column in row))
    handle, name = tempfile.mkstemp(dir=target.resolve().parent, prefix=f".{target.name}.", suffix=target.suffix)
    os.close(handle)
    try:
        n = (_csv if target.suffix.lower() == ".csv" else _workbook)(results, columns, made(results), name)
        Path(name).chmod(0o644)
        Path(name).replace(target)
    except OSError as fault:
        raise EscalateError(f"{path}: cannot be written ({fault.strerror})") from None
    finally:
        Path(name).unlink(missing_ok=True)
    return n


def _means(results: StudyResults) -> Iterator[dict[str, Any]]:
    found = Means.of(results, ",".join(results.kept_metrics()), None)
    for row in found.rows:
        settings = {name: row.choices.get(name) for name in found.fields}
        yield {"number": row.number, "title": row.title, "method": row.method, **settings, **row.means}


def _figures(results: StudyResults) -> Iterator[dict[str, Any]]:
    for design in results.designs.to_pylist():
        table = results.of_design(design["design"])
        for row in [] if table is None else table.to_pylist():
            yield {"number": design["number"], "title": design["title"], **row}


def _csv(results: StudyResults, columns: list[str], rows: Iterator[dict[str, Any]], name: str) -> int:
    n = 0
    with Path(name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow([_plain(row.get(column)) for column in columns])
            n += 1
    return n


def _workbook(results: StudyResults, columns: list[str], rows: Iterator[dict[str, Any]], name: str) -> int:
    import xlsxwriter  # noqa: PLC0415 - seldom needed

    n = 0
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(name, options) as book:
        figures = _sheet(book, "figures", columns)
        for n, row in enumerate(rows, start=1):
            if n > SHEET_ROWS:
                raise EscalateError(f"a sheet holds {SHEET_ROWS:,} rows, and there are more; write .csv, or --means")
            figures.write_row(n, 0, [_cell(row.get(column)) for column in columns])
        for title, table in (("designs", results.designs), ("scenarios", results.scenarios)):
            sheet = _sheet(book, title, table.column_names)
            for k, row in enumerate(table.to_pylist(), start=1):
                sheet.write_row(k, 0, [_cell(row[column]) for column in table.column_names])
    return n


def _sheet(book: Any, title: str, columns: list[str]) -> Any:
    sheet = book.add_worksheet(title)
    sheet.freeze_panes(1, 0)
    sheet.write_row(0, 0, columns)
    return sheet


def _plain(value: Any) -> Any:
    """Return a value that no spreadsheet takes for a formula."""
    if isinstance(value, list):
        return " ".join(map(repr, value))
    if isinstance(value, str) and value[:1] in "=+-@\t\r":
        return f"'{value}"
    return value


def _cell(value: Any) -> Any:
    if value is None or (isinstance(value, float) and isnan(value)):
        return ""
    return " ".join(map(repr, value)) if isinstance(value, list) else value
