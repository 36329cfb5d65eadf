"""What python-docx has no call for: fields, bookmarks, lists that start again, shaded cells."""

from __future__ import annotations

from typing import Any, Final

from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn

HEADINGS, BULLETS, NUMBERS = 9001, 9002, 9003
"""The abstract numberings of the styles Heading 1 to 3, List Bullet and List Number."""
_HANGING: Final = (680, 794, 964)


def node(tag: str, **attributes: str | int) -> Any:
    """Return an element of WordprocessingML; attributes are in its namespace."""
    made = OxmlElement(f"w:{tag}")
    for name, value in attributes.items():
        made.set(qn(f"w:{name}"), str(value))
    return made


def start_field(paragraph: Any, instruction: str) -> None:
    """Start a field that Word computes; what follows is what it shows until then."""
    paragraph.add_run()._r.append(node("fldChar", fldCharType="begin"))
    text = node("instrText")
    text.set(qn("xml:space"), "preserve")
    text.text = f" {instruction} "
    paragraph.add_run()._r.append(text)
    paragraph.add_run()._r.append(node("fldChar", fldCharType="separate"))


def end_field(paragraph: Any) -> None:
    """End a field."""
    paragraph.add_run()._r.append(node("fldChar", fldCharType="end"))


def add_field(paragraph: Any, instruction: str, shown: str) -> None:
    """Add a field that Word computes, with what it shows until then."""
    start_field(paragraph, instruction)
    paragraph.add_run(shown)
    end_field(paragraph)


def bookmark_name(name: str) -> str:
    """Return the bookmark of a table or figure.

    Examples
    --------
    >>> bookmark_name("Table 12")
    '_Ref_Table_12'
    """
    return f"_Ref_{name.replace(' ', '_')}"


def start_bookmark(paragraph: Any, name: str, number: int) -> None:
    """Start a bookmark; its number is its own in the document."""
    paragraph._p.append(node("bookmarkStart", id=number, name=name))


def end_bookmark(paragraph: Any, number: int) -> None:
    """End a bookmark."""
    paragraph._p.append(node("bookmarkEnd", id=number))


def add_link(paragraph: Any, bookmark: str, text: str) -> None:
    """Add a text that leads to a bookmark."""
    link = node("hyperlink", anchor=bookmark, history=1)
    run = paragraph.add_run(text)
    link.append(run._r)
    paragraph._p.append(link)


def shade(cell: Any, colour: str) -> None:
    """Give a cell of a table its ground."""
    cell._tc.get_or_add_tcPr().append(node("shd", val="clear", color="auto", fill=colour.lstrip("#")))


def keep_row(row: Any, *, head: bool = False) -> None:
    """Keep a row on one page; a head is repeated on each page that the table goes over."""
    properties = row._tr.get_or_add_trPr()
    properties.append(node("cantSplit"))
    if head:
        properties.append(node("tblHeader"))


def fix_widths(table: Any, widths: tuple[int, ...]) -> None:
    """Give the columns of a table their widths in EMU, whatever is in them."""
    table.autofit = False
    for column, width in zip(table.columns, widths, strict=True):
        column.width = width
    for row in table.rows:
        for cell, width in zip(row.cells, widths, strict=True):
            cell.width = width


def _levels(kind: int) -> str:
    levels = []
    for depth in range(3):
        text = ".".join(f"%{each + 1}" for each in range(depth + 1)) if kind == HEADINGS else f"%{depth + 1}."
        style = f'<w:pStyle w:val="Heading{depth + 1}"/>' if kind == HEADINGS else ""
        left = _HANGING[depth] if kind == HEADINGS else 397 * (depth + 1)
        hanging = left if kind == HEADINGS else 397
        bullet = kind == BULLETS
        levels.append(
            f'<w:lvl w:ilvl="{depth}"><w:start w:val="1"/><w:numFmt w:val="{"bullet" if bullet else "decimal"}"/>{style}'
            f'<w:lvlText w:val="{chr(0x2022) if bullet else text}"/><w:lvlJc w:val="left"/>'
            f'<w:pPr><w:tabs><w:tab w:val="num" w:pos="{left}"/></w:tabs><w:ind w:left="{left}" w:hanging="{hanging}"/></w:pPr>'
            "</w:lvl>"
        )
    return "".join(levels)


def add_numberings(document: Any) -> None:
    """Add the numberings of headings and lists, and tie the styles to them."""
    numbering = document.part.numbering_part.element
    first = numbering.find(qn("w:num"))
    for kind in (HEADINGS, BULLETS, NUMBERS):
        made = parse_xml(
            f'<w:abstractNum {nsdecls("w")} w:abstractNumId="{kind}"><w:multiLevelType w:val="multilevel"/>{_levels(kind)}'
            "</w:abstractNum>"
        )
        first.addprevious(made)
        numbering.append(_num(kind, kind))
    for level in range(3):
        _tie(document.styles[f"Heading {level + 1}"], HEADINGS, level)
    _tie(document.styles["List Bullet"], BULLETS, 0)
    _tie(document.styles["List Number"], NUMBERS, 0)


def _num(number: int, kind: int) -> Any:
    made = node("num", numId=number)
    made.append(node("abstractNumId", val=kind))
    return made


def _tie(style: Any, number: int, level: int) -> None:
    properties = style.element.get_or_add_pPr()
    for old in [
        *properties.findall(qn("w:numPr")),
        *properties.findall(qn("w:ind")),
        *properties.findall(qn("w:tabs")),
    ]:
        properties.remove(old)
    number_properties = properties.get_or_add_numPr()
    number_properties.append(node("ilvl", val=level))
    number_properties.append(node("numId", val=number))


def new_list(document: Any, count: int) -> int:
    """Return the number of a numbering that starts again at 1; `count` lists were made before."""
    number = NUMBERS + 1 + count
    made = _num(number, NUMBERS)
    override = node("lvlOverride", ilvl=0)
    override.append(node("startOverride", val=1))
    made.append(override)
    document.part.numbering_part.element.append(made)
    return number


def use_list(paragraph: Any, number: int) -> None:
    """Make a paragraph an item of a numbering."""
    properties = paragraph._p.get_or_add_pPr().get_or_add_numPr()
    properties.append(node("ilvl", val=0))
    properties.append(node("numId", val=number))
