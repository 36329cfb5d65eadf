"""The meeting pack of a trial on record as a file, for the pages and for the API."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import date
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from escalate.conduct.state import TrialState
    from escalate.report.documents.blocks import Document

KINDS: Final = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "html": "text/html; charset=utf-8",
}
"""The kinds of file, by their ending."""
_KEPT = 12
"""Files kept between two requests; what one is made from is named in its key."""
_drawing = Lock()
"""Figures are drawn one at a time: settings of Matplotlib are those of the whole process."""

_made: OrderedDict[tuple[str, str, date, str], PackFile] = OrderedDict()


@dataclass(frozen=True)
class PackFile:
    """A pack as a file to take away."""

    name: str
    kind: str
    content: bytes
    head: str


def check_installed(ending: str) -> None:
    """Refuse a kind of file that this server cannot write.

    Raises
    ------
    EscalateError
        Naming the package that is missing.
    """
    if ending == "pdf":
        from escalate.report.documents.pdf import check_installed as check

        check()
    elif ending == "docx":
        from escalate.report.documents.docx import check_installed as check

        check()


def pack_file(trial: str, as_of: date | None, ending: str) -> PackFile:
    """Return the pack of a trial, once its record is verified.

    Raises
    ------
    TamperedError
        Where the record is not what was written.
    EscalateError
        Where the data cannot be used on that day, or the file cannot be written here.
    """
    from escalate.report.documents.writing import as_bytes
    from escalate.report.on_record import verified

    state = verified(trial)
    key = (trial, state.head, as_of or date.today(), ending)
    with _drawing:
        if key not in _made:
            name = f"{trial}-meeting-{state.head[:12]}.{ending}"
            _made[key] = PackFile(name, KINDS[ending], as_bytes(_document(state, as_of), ending), state.head)
            while len(_made) > _KEPT:
                _made.popitem(last=False)
        return _made[key]


def pack_form(trial: str, as_of: date | None) -> tuple[dict[str, Any], str]:
    """Return the pack of a trial as plain data, and the head of its record; it raises as `pack_file` does."""
    from escalate.report.documents.json import form
    from escalate.report.on_record import verified

    state = verified(trial)
    with _drawing:
        return form(_document(state, as_of)), state.head


def _document(state: TrialState, as_of: date | None) -> Document:
    from escalate.report.meeting.pack import document
    from escalate.report.meeting.record import from_record

    return document(from_record(state, as_of))
