"""Tables and cells of a document."""

from __future__ import annotations

from typing import Any

from escalate.report.documents.blocks import Document, Table, plain


def tables(document: Document) -> dict[str, Table]:
    """Return the tables of a document by their keys."""
    return {block.key: block for block in document.blocks if isinstance(block, Table)}


def text_of(cell: Any) -> str:
    """Return the text of a cell."""
    return plain(cell, {})
