"""Tables of a Word file: widths that fit the page, heads that repeat, rows that do not split."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Pt, RGBColor

from escalate.report.documents import docx_xml as xml
from escalate.report.documents.blocks import Cell, Table, Words, plain
from escalate.report.documents.docx_styles import TABLE_STYLE, TEXT_WIDTH
from escalate.report.documents.tints import MUTED, TINTS
from escalate.report.documents.widths import KEPT_ROWS, columns

POINT: Final = 12700
"""In Word's units."""
_SIZES: Final = ((14, "Table Text Smallest", 6.5), (9, "Table Text Small", 7.5), (0, "Table Text", 9.0))
_SIDES: Final = {"l": WD_ALIGN_PARAGRAPH.LEFT, "r": WD_ALIGN_PARAGRAPH.RIGHT, "c": WD_ALIGN_PARAGRAPH.CENTER}


def add_table(word: Any, table: Table, names: dict[str, str], say: Callable[[Any, Words], None]) -> None:
    """Add a table without its caption.

    Parameters
    ----------
    say
        Adds a text to a paragraph.
    """
    style, size = next((style, size) for least, style, size in _SIZES if len(table.header) >= least)
    style_id = word.styles[style].style_id
    made = word.add_table(1 + len(table.rows), len(table.header), TABLE_STYLE)
    texts = [[plain(cell, names) for cell in row] for row in (table.header, *table.rows)]
    xml.fix_widths(made, tuple(round(width * POINT) for width in columns(texts, size, TEXT_WIDTH / POINT)))
    kept = len(table.rows) <= KEPT_ROWS
    for place, (row, given) in enumerate(zip(made.rows, (table.header, *table.rows), strict=True)):
        xml.keep_row(row, head=place == 0)
        if any(isinstance(cell, Cell) and cell.tone == "open" and not cell.words for cell in given):
            # To be written into by hand.
            row.height = Pt(30)
        for made_cell, cell, side in zip(row.cells, given, table.alignment, strict=True):
            paragraph = made_cell.paragraphs[0]
            # By its id: the look-up by name walks all styles for every cell.
            paragraph._p.style = style_id
            paragraph.alignment = _SIDES[side]
            paragraph.paragraph_format.keep_with_next = place < 2 or (kept and place < len(table.rows))
            _fill(made_cell, paragraph, cell if isinstance(cell, Cell) else Cell(cell), say)
            if place == 0:
                for run in paragraph.runs:
                    run.bold = True


def add_facts(word: Any, facts: tuple[tuple[str, str], ...]) -> None:
    """Add the names and values under the title."""
    table = word.add_table(len(facts), 2)
    left, _ = columns([["", ""], *([name, "x" * 60] for name, _ in facts)], 9.5, TEXT_WIDTH / POINT)
    xml.fix_widths(table, (round(left * POINT), TEXT_WIDTH - round(left * POINT)))
    margins = xml.node("tblCellMar")
    margins.append(xml.node("left", w=0, type="dxa"))
    table._tbl.tblPr.find(qn("w:tblLook")).addprevious(margins)
    for row, texts in zip(table.rows, facts, strict=True):
        xml.keep_row(row)
        for cell, text in zip(row.cells, texts, strict=True):
            cell.paragraphs[0].style = "Table Text"
            cell.paragraphs[0].add_run(text)


def _fill(made: Any, paragraph: Any, cell: Cell, say: Callable[[Any, Words], None]) -> None:
    say(paragraph, cell.words)
    tint = TINTS[cell.tone]
    if tint.light:
        xml.shade(made, tint.light)
    for run in paragraph.runs:
        if tint.bold:
            run.bold = True
        if tint.muted:
            run.font.color.rgb = RGBColor.from_string(MUTED.lstrip("#"))
