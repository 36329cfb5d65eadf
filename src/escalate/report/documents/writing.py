"""Write a document as the kind of file that its name ends in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from escalate.core.errors import EscalateError
from escalate.core.files import write_new

if TYPE_CHECKING:
    from escalate.report.documents.blocks import Document

ENDINGS: Final = ("html", "docx", "pdf", "md")


def check_document(path: str, *, force: bool) -> None:
    """Refuse a document that could not be written, before the work is done for it.

    Raises
    ------
    EscalateError
        Where its ending is none of `ENDINGS`, it exists and may not be replaced, or the library for it is missing.
    """
    raise NotImplementedError


def write(document: Document, path: str | Path, *, force: bool = False) -> None:
    """Write a document whole or not at all."""
    write_new(path, as_bytes(document, Path(path).suffix.lower().lstrip(".")), force=force)


def as_bytes(document: Document, ending: str) -> bytes:
    """Return a document as the content of a file of this kind; the same bytes each time."""
    raise EscalateError(f"no document ends in .{ending}")
