"""A document as JSON, for a program that checks or typesets it."""

from __future__ import annotations

from typing import Any, Final

from escalate.report.documents.blocks import (
    Block,
    Cell,
    Document,
    Figure,
    Heading,
    Items,
    Paragraph,
    Preformatted,
    Table,
    Words,
)
from escalate.report.documents.cleaning import cleaned, line
from escalate.report.documents.numbering import Named, Section, check_references, pieces, sections

SCHEMA: Final = "escalate/report/1"


def form(document: Document) -> dict[str, Any]:
    """Return a document as plain data: its blocks in order, its references resolved, its figures as SVG.

    A text is a list of stretches `{text, look}`; a reference is `{text, refers_to}`.

    Raises
    ------
    ValueError
        Where two tables or figures have one key, or a reference names none.
    """
    document = cleaned(document, line)
    names = check_references(document)
    headings = iter(sections(document))
    return {
        "schema": SCHEMA,
        "kind": document.kind,
        "title": document.title,
        "subtitle": document.subtitle,
        "language": document.language,
        "footer": document.footer,
        "facts": [{"name": name, "value": value} for name, value in document.facts],
        "blocks": [
            _heading(next(headings)) if isinstance(block, Heading) else _block(block, names)
            for block in document.blocks
        ],
    }


def _heading(section: Section) -> dict[str, Any]:
    return {"type": "heading", "level": section.level, "number": section.number, "text": section.text}


def _text(words: Words, names: dict[str, str]) -> list[dict[str, str]]:
    return [
        {"text": piece.text, "refers_to": line(piece.key)}
        if isinstance(piece, Named)
        else {"text": piece.text, "look": piece.look}
        for piece in pieces(words, names)
    ]


def _cell(cell: Words | Cell, names: dict[str, str]) -> dict[str, Any]:
    cell = cell if isinstance(cell, Cell) else Cell(cell)
    return {"text": _text(cell.words, names), "tone": cell.tone}


def _block(block: Block, names: dict[str, str]) -> dict[str, Any]:
    match block:
        case Paragraph():
            return {"type": "paragraph", "look": block.look, "text": _text(block.words, names)}
        case Items():
            return {"type": "list", "ordered": block.ordered, "items": [_text(item, names) for item in block.items]}
        case Table():
            return {
                "type": "table",
                **_named(block, names),
                "header": list(block.header),
                "align": list(block.alignment),
                "rows": [[_cell(cell, names) for cell in row] for row in block.rows],
                "notes": list(block.notes),
            }
        case Figure():
            picture = block.picture
            return {
                "type": "figure",
                **_named(block, names),
                "name": picture.name,
                "description": picture.description,
                "width": picture.width,
                "height": picture.height,
                "svg": picture.svg,
                "notes": list(block.notes),
            }
        case Preformatted():
            return {"type": "preformatted", "text": block.text}
    return {"type": "page_break"}


def _named(block: Table | Figure, names: dict[str, str]) -> dict[str, Any]:
    name = names[block.key]
    return {"key": line(block.key), "number": name, "caption": block.caption}
