"""A document as one HTML file: no network, no script, light and dark, and the pages of a printer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from html import escape
from importlib.resources import files

from escalate import __version__
from escalate.report.documents.blocks import (
    Block,
    Cell,
    Document,
    Figure,
    Heading,
    Items,
    PageBreak,
    Paragraph,
    Preformatted,
    Table,
    Words,
    plain,
)
from escalate.report.documents.inline_svg import inline, is_ours, size_in_text
from escalate.report.documents.numbering import Named, Section, anchor, check_references, contents, pieces, sections
from escalate.report.documents.tints import variables
from escalate.report.documents.widths import KEPT_ROWS, columns, is_narrow, stays_whole
from escalate.report.look import stylesheet

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
WIDE_FROM = 9
"""Columns from which a table has smaller letters and may be wider than the text."""
_LINE, _LETTERS, _SMALL_LETTERS = 480.0, 9.0, 7.5
"""Points of a line of the page and of letters of tables, from which shares of the columns are found."""
_TAGS = {"strong": "strong", "emphasis": "em", "code": "code"}


def written(document: Document, *, style: str = "", drawn: Callable[[Figure, str], str] | None = None) -> str:
    """Return a document, cleaned before, as HTML.

    Parameters
    ----------
    style
        Rules after those of every document.
    drawn
        Gives the HTML of a figure's drawing, from the figure and its anchor; by default the SVG itself.
    """
    names = check_references(document)
    return _PAGE.format(
        language=escape(document.language),
        title=escape(f"{document.title}: {document.subtitle}" if document.subtitle else document.title),
        description=escape(document.subtitle or document.title),
        policy=escape(POLICY),
        version=escape(__version__),
        style=_style(document.footer) + style,
        front=_front(document),
        contents=_contents(contents(document)),
        blocks="\n".join(_blocks(document, names, drawn or _inline)),
        footer=f"<footer>{escape(document.footer)}</footer>" if document.footer else "",
    )


_PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="generator" content="escalate {version}">
<meta name="description" content="{description}">
<title>{title}</title>
<style>
{style}
</style>
</head>
<body>
{front}
{contents}
<main>
{blocks}
</main>
{footer}
</body>
</html>
"""


@cache
def sheet(name: str) -> str:
    """Return one of the style sheets beside this file."""
    return files("escalate.report.documents").joinpath(name).read_text(encoding="utf-8")


def _style(footer: str) -> str:
    """Return the style sheet with its colours, the dark look of drawings, and the running foot of pages."""
    foot = f"@page {{ @bottom-left {{ content: {_quoted(footer)}; }} }}\n"
    return f"{variables()}{sheet('style.css')}{stylesheet()}{foot}"


def _quoted(text: str) -> str:
    """Return a text as a string of CSS that cannot end the style element."""
    kept = (letter if letter.isalnum() or letter in " .,:;-+()" else f"\\{ord(letter):x} " for letter in text)
    return f'"{"".join(kept)}"'


def _front(document: Document) -> str:
    parts = [f"<h1>{escape(document.title)}</h1>"]
    if document.subtitle:
        parts.append(f'<p class="subtitle">{escape(document.subtitle)}</p>')
    if document.facts:
        rows = "\n".join(
            f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in document.facts
        )
        parts.append(f'<table class="facts" aria-label="About this document">\n<tbody>\n{rows}\n</tbody>\n</table>')
    return "<header>\n" + "\n".join(parts) + "\n</header>"


def _contents(shown: tuple[Section, ...]) -> str:
    if not shown:
        return ""
    lines = []
    depth = 0
    for each in shown:
        lines.append("<ol><li>" if each.level > depth else "</li>" + "</ol></li>" * (depth - each.level) + "<li>")
        lines.append(
            f'<a href="#{each.anchor}"><span class="number">{each.number}</span> <span>{escape(each.text)}</span></a>'
        )
        depth = each.level
    lines.append("</li></ol>" * depth)
    return '<nav aria-labelledby="contents">\n<h2 id="contents">Contents</h2>\n' + "\n".join(lines) + "\n</nav>"


def _text(words: Words, names: dict[str, str]) -> str:
    parts = []
    for piece in pieces(words, names):
        if isinstance(piece, Named):
            parts.append(f'<a class="reference" href="#{piece.anchor}">{escape(piece.text).replace(" ", "&#160;")}</a>')
        else:
            tag = _TAGS.get(piece.look)
            parts.append(f"<{tag}>{escape(piece.text)}</{tag}>" if tag else escape(piece.text))
    return "".join(parts)


def _blocks(document: Document, names: dict[str, str], drawn: Callable[[Figure, str], str]) -> Iterator[str]:
    headings = iter(sections(document))
    for block in document.blocks:
        if isinstance(block, Heading):
            each = next(headings)
            tag = f"h{each.level + 1}"
            yield f'<{tag} id="{each.anchor}"><span class="number">{each.number}</span> {escape(each.text)}</{tag}>'
        elif isinstance(block, Table):
            yield _table(block, names)
        elif isinstance(block, Figure):
            yield _figure(block, names, drawn)
        else:
            yield _plain_block(block, names)


def _plain_block(block: Block, names: dict[str, str]) -> str:
    match block:
        case Paragraph(look="body"):
            return f"<p>{_text(block.words, names)}</p>"
        case Paragraph():
            return f'<p class="{block.look}">{_text(block.words, names)}</p>'
        case Items():
            tag = "ol" if block.ordered else "ul"
            items = "\n".join(f"<li>{_text(item, names)}</li>" for item in block.items)
            return f"<{tag}>\n{items}\n</{tag}>"
        case Preformatted():
            return f"<pre><code>{escape(block.text)}</code></pre>"
        case PageBreak():
            return '<div class="page-break"></div>'
    raise TypeError(f"{type(block).__name__} is no block")


def _notes(notes: tuple[str, ...]) -> str:
    return "".join(f'<p class="note">{escape(note)}</p>\n' for note in notes)


def _table(table: Table, names: dict[str, str]) -> str:
    name = names[table.key]
    here = anchor(name)
    sides = table.alignment
    head = "".join(
        f'<th scope="col" class="{_classes(side, text)}">{escape(text)}</th>' if text else f'<td class="{side}"></td>'
        for text, side in zip(table.header, sides, strict=True)
    )
    rows = "\n".join(
        "<tr>"
        + "".join(
            _cell(cell, side, names, first=column == 0)
            for column, (cell, side) in enumerate(zip(row, sides, strict=True))
        )
        + "</tr>"
        for row in table.rows
    )
    texts = [[plain(cell, names) for cell in row] for row in (table.header, *table.rows)]
    narrow = is_narrow(texts)
    classes = "table narrow" if narrow else "table wide" if len(sides) >= WIDE_FROM else "table"
    if len(table.rows) <= KEPT_ROWS:
        classes += " short"
    return (
        f'<div class="{classes}" id="{here}">\n'
        f'<div class="scroll" role="region" tabindex="0" aria-labelledby="{here}-caption">\n'
        f'<table>\n<caption id="{here}-caption"><span><strong>{name}.</strong> {escape(table.caption)}</span></caption>\n'
        f"{'' if narrow else _columns(texts)}"
        f"<thead>\n<tr>{head}</tr>\n</thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n</div>\n{_notes(table.notes)}</div>"
    )


def _columns(texts: list[list[str]]) -> str:
    widths = columns(texts, _SMALL_LETTERS if len(texts[0]) >= WIDE_FROM else _LETTERS, _LINE)
    return (
        "<colgroup>" + "".join(f'<col style="width: {width / sum(widths):.1%}">' for width in widths) + "</colgroup>\n"
    )


def _cell(given: Words | Cell, side: str, names: dict[str, str], *, first: bool) -> str:
    cell = given if isinstance(given, Cell) else Cell(given)
    classes = _classes(side, plain(cell, names)) + ("" if cell.tone == "plain" else f" {cell.tone}")
    text = _text(cell.words, names)
    # The first column says what a row is about.
    if first and text:
        return f'<th scope="row" class="{classes}">{text}</th>'
    return f'<td class="{classes}">{text}</td>'


def _classes(side: str, text: str) -> str:
    """Return the classes of a cell by its side; a short text such as `3 to 4` stays on one line."""
    return f"{side} whole" if stays_whole(text) else side


def _inline(figure: Figure, here: str) -> str:
    picture = figure.picture
    return inline(picture.svg, f"{here}-drawing", picture.description, size_in_text(picture))


def _figure(figure: Figure, names: dict[str, str], drawn: Callable[[Figure, str], str]) -> str:
    name = names[figure.key]
    here = anchor(name)
    # A drawing that is not ours has no dark look, and keeps its white ground.
    ground = "sheet" if is_ours(figure.picture) else "sheet white"
    return (
        f'<figure id="{here}">\n<div class="{ground}">{drawn(figure, here)}</div>\n'
        f"<figcaption><strong>{name}.</strong> {escape(figure.caption)}</figcaption>\n{_notes(figure.notes)}</figure>"
    )
