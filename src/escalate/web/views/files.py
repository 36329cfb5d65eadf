"""Files to take away: data, history and the whole record."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from django.http import HttpRequest, HttpResponse

from escalate.conduct.actor import Actor
from escalate.conduct.history import history_csv as history_csv_of
from escalate.conduct.history import safe_cell
from escalate.conduct.snapshot import snapshot
from escalate.conduct.state import TrialState
from escalate.conduct.store import whole_entries_of

CSV = "text/csv; charset=utf-8"


def data_csv(request: HttpRequest, state: TrialState, actor: Actor) -> HttpResponse:
    """Return the patients as every command reads them, safe in spreadsheets."""
    rows = list(csv.reader(io.StringIO(snapshot(state))))
    return _csv(state, "data", rows)


def history_csv(request: HttpRequest, state: TrialState, actor: Actor) -> HttpResponse:
    """Return every entry in words, oldest first."""
    return _file(state, "csv", CSV, history_csv_of(whole_entries_of(state.trial)).encode(), "-history")


def archive_zip(request: HttpRequest, state: TrialState, actor: Actor) -> HttpResponse:
    """Return the whole record as `escalate trial import` and `verify` read it anywhere."""
    from escalate.conduct import archive

    return _file(state, "zip", "application/zip", archive.write(state.trial), "")


def _csv(state: TrialState, what: str, rows: Iterable[Sequence[str]]) -> HttpResponse:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for row in rows:
        writer.writerow([safe_cell(cell) for cell in row])
    return _file(state, "csv", CSV, out.getvalue().encode(), f"-{what}")


def _file(state: TrialState, ending: str, kind: str, content: bytes, what: str) -> HttpResponse:
    name = f"{state.trial}{what}-{state.head[:12]}.{ending}"
    return HttpResponse(content, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
