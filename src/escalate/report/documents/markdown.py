"""A document as Markdown, as GitHub and Pandoc read it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import quote

from escalate.report.documents.blocks import (
    Block,
    Cell,
    Document,
    Figure,
    Heading,
    Items,
    Paragraph,
    Preformatted,
    Run,
    Table,
    Words,
)
from escalate.report.documents.numbering import check_references, pieces, sections

_ACTIVE: Final = re.compile(r"[\\`*\[|~$^]|<(?=[A-Za-z/!?])|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|&(?=#?\w+;)")
_AT_START: Final = re.compile(r"^(\s*)(?:([-+#=:>])|(\d+)([.)]))")
_RULE: Final = {"l": ":---", "r": "---:", "c": ":---:"}


def written(document: Document, files: Mapping[str, str] | None = None) -> str:
    """Return a document, cleaned before, as Markdown.

    Parameters
    ----------
    files
        For the key of each figure, the file that shows it; a figure without one is told in words.
    """
    names = check_references(document)
    headings = iter(sections(document))
    parts = [f"# {_heading(document.title)}"]
    if document.subtitle:
        parts.append(_at_start(escaped(document.subtitle)))
    if document.facts:
        rows = [f"| {escaped(name)} | {escaped(value)} |" for name, value in document.facts]
        parts.append("\n".join(["| | |", "| :--- | :--- |", *rows]))
    for block in document.blocks:
        if isinstance(block, Heading):
            section = next(headings)
            parts.append(f"{'#' * (section.level + 1)} {section.number} {_heading(section.text)}")
        else:
            parts += _block(block, names, files or {})
    if document.footer:
        parts += ["---", _at_start(escaped(document.footer))]
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    r"""Return a text without anything that Markdown would read as a sign.

    Examples
    --------
    >>> print(escaped("a | b, p_saf, 2 * x < 3"))
    a \| b, p_saf, 2 \* x < 3
    """
    return _ACTIVE.sub(lambda found: f"\\{found[0]}", text)


def _heading(text: str) -> str:
    """Return the text of a heading; signs of a heading at its end would be left out."""
    return re.sub(r"(#+)$", r"\\\1", escaped(text.strip()))


def _at_start(text: str) -> str:
    """Return the first line of a block, so that it is not read as a list, a heading or a quotation."""
    return _AT_START.sub(
        lambda found: f"{found[1]}\\{found[2]}" if found[2] else f"{found[1]}{found[3]}\\{found[4]}", text
    )


def _run(run: Run, in_table: bool) -> str:
    text = run.text
    if run.look == "code" and text.strip():
        return _code(text.replace("|", "\\|") if in_table else text)
    inner = text.strip()
    if run.look not in {"strong", "emphasis"} or not inner:
        return escaped(text)
    # A mark of emphasis touches its letters; spaces stand outside.
    mark = "**" if run.look == "strong" else "*"
    before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    return f"{before}{mark}{escaped(inner)}{mark}{after}"


def _code(text: str) -> str:
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    space = " " if "`" in (text[0], text[-1]) else ""
    return f"{fence}{space}{text}{space}{fence}"


def _text(words: Words, names: Mapping[str, str], in_table: bool = False) -> str:
    return "".join(
        _run(piece, in_table) if isinstance(piece, Run) else piece.text for piece in pieces(words, dict(names))
    )


def _block(block: Block, names: Mapping[str, str], files: Mapping[str, str]) -> Iterator[str]:
    match block:
        case Paragraph():
            text = _at_start(_text(block.words, names))
            yield text if block.look == "body" else f"> {text}"
        case Items():
            yield "\n".join(
                f"{f'{number}.' if block.ordered else '-'} {_at_start(_text(item, names))}"
                for number, item in enumerate(block.items, 1)
            )
        case Table():
            yield f"**{names[block.key]}.** {escaped(block.caption)}"
            yield _table(block, names)
            yield from map(_note, block.notes)
        case Figure():
            yield _figure(block, files.get(block.key))
            yield f"**{names[block.key]}.** {escaped(block.caption)}"
            yield from map(_note, block.notes)
        case Preformatted():
            fence = "`" * max(3, max(map(len, re.findall("`+", block.text)), default=0) + 1)
            yield f"{fence}text\n{block.text}\n{fence}"


def _note(note: str) -> str:
    return f"*{escaped(note.strip())}*" if note.strip() else ""


def _figure(figure: Figure, file: str | None) -> str:
    said = escaped(figure.picture.description)
    return f"![{said}]({quote(file)})" if file else f"> Figure, in words: {said}"


def _table(table: Table, names: Mapping[str, str]) -> str:
    rows = [
        [_text(cell.words if isinstance(cell, Cell) else cell, names, in_table=True).strip() for cell in row]
        for row in table.rows
    ]
    return "\n".join(
        "| " + " | ".join(row) + " |"
        for row in ([escaped(name) for name in table.header], [_RULE[side] for side in table.alignment], *rows)
    )
