"""The numbers of sections, tables and figures, the same in every kind of file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from escalate.report.documents.blocks import Cell, Document, Heading, Items, Paragraph, Reference, Run, Table, Words

CONTENTS_FROM = 5
"""Headings from which a document has a list of contents."""
CONTENTS_LEVELS = 2
"""Levels of headings that the list shows."""
MAX_LEVEL = 3


@dataclass(frozen=True)
class Section:
    """A heading with its number, such as `2.1`; its level is never more than one below that of the heading before."""

    number: str
    text: str
    level: int

    @property
    def anchor(self) -> str:
        """What a link to it names."""
        return f"section-{self.number.replace('.', '-')}"


@dataclass(frozen=True)
class Named:
    """A reference with what it says, `Table 1`."""

    key: str
    text: str

    @property
    def anchor(self) -> str:
        """What a link to it names."""
        return anchor(self.text)


def anchor(name: str) -> str:
    """Return what a link to a table or figure names.

    Examples
    --------
    >>> anchor("Table 1")
    'table-1'
    """
    return name.lower().replace(" ", "-")


def sections(document: Document) -> tuple[Section, ...]:
    """Return the headings of a document in order, with their numbers.

    Examples
    --------
    >>> blocks = Heading("Design"), Heading("Rules", 2), Heading("Stopping", 2), Heading("Results")
    >>> [section.number for section in sections(Document("protocol", "", "", blocks))]
    ['1', '1.1', '1.2', '2']
    """
    counts: list[int] = []
    found = []
    for block in document.blocks:
        if isinstance(block, Heading):
            level = min(block.level, len(counts) + 1, MAX_LEVEL)
            counts = [*counts[: level - 1], (counts[level - 1] if len(counts) >= level else 0) + 1]
            found.append(Section(".".join(map(str, counts)), block.text, level))
    return tuple(found)


def contents(document: Document) -> tuple[Section, ...]:
    """Return the headings that the list of contents shows; none for a short document, or one without such a list."""
    found = sections(document)
    shown = document.contents and len(found) >= CONTENTS_FROM
    return tuple(each for each in found if each.level <= CONTENTS_LEVELS) if shown else ()


def check_references(document: Document) -> dict[str, str]:
    """Return what references say, by key.

    Raises
    ------
    ValueError
        Where two tables or figures have one key, or a reference names none.
    """
    names = document.numbers()
    for words in _all_words(document):
        for part in words:
            if isinstance(part, Reference) and part.key not in names:
                raise ValueError(f"no table or figure has the key '{part.key}'")
    return names


def _all_words(document: Document) -> Iterator[tuple[str | Run | Reference, ...]]:
    for block in document.blocks:
        each: list[Words] = []
        if isinstance(block, Paragraph):
            each = [block.words]
        elif isinstance(block, Items):
            each = list(block.items)
        elif isinstance(block, Table):
            each = [cell.words if isinstance(cell, Cell) else cell for row in block.rows for cell in row]
        yield from (words for words in each if not isinstance(words, str))


def pieces(words: Words, names: dict[str, str]) -> Iterator[Run | Named]:
    """Yield the stretches of a text, references with what they say."""
    for part in (words,) if isinstance(words, str) else words:
        if isinstance(part, Reference):
            yield Named(part.key, names[part.key])
        else:
            yield Run(part) if isinstance(part, str) else part
