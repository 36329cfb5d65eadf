"""What a document is made of, whatever file it becomes: headings, paragraphs, lists, tables, figures.

A document is built once and written as HTML, Word, PDF, Markdown or JSON. Tables and figures are numbered in their order;
a `Reference` in a text becomes the number of what it names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from escalate.report.picture import Picture

Look: TypeAlias = Literal["plain", "strong", "emphasis", "code"]
Tone: TypeAlias = Literal[
    "plain", "escalate", "stay", "deescalate", "eliminate", "chosen", "muted", "good", "bad", "open"
]
"""What a cell means; a writer gives it a tint, and never by colour alone: the words say it too."""


@dataclass(frozen=True)
class Run:
    """A stretch of text with one look."""

    text: str
    look: Look = "plain"


@dataclass(frozen=True)
class Reference:
    """The number of a table or figure of this document, as `Table 1`."""

    key: str


Words: TypeAlias = str | tuple["str | Run | Reference", ...]
"""A text: plain, or in stretches."""


@dataclass(frozen=True)
class Heading:
    """A heading; level 1 is a section of the document, whose title stands above."""

    text: str
    level: int = 1


@dataclass(frozen=True)
class Paragraph:
    """A paragraph; a `note` is smaller, a `warning` stands out."""

    words: Words
    look: Literal["body", "note", "warning"] = "body"


@dataclass(frozen=True)
class Items:
    """A list, numbered where its order matters."""

    items: tuple[Words, ...]
    ordered: bool = False


@dataclass(frozen=True)
class Cell:
    """A cell of a table."""

    words: Words
    tone: Tone = "plain"


@dataclass(frozen=True)
class Table:
    """A table with its caption.

    Parameters
    ----------
    key
        What a `Reference` names.
    caption
        Without number and without full stop.
    header
        One line of column heads.
    rows
        Each as long as the header; a bare text is a plain cell.
    align
        For each column `l`, `r` or `c`; by default the first to the left and the others to the right.
    notes
        Sentences under the table.
    """

    key: str
    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[Words | Cell, ...], ...]
    align: str | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a row or an alignment that does not fit the header."""
        width = len(self.header)
        if any(len(row) != width for row in self.rows) or (self.align is not None and len(self.align) != width):
            raise ValueError(f"table '{self.key}': every row and the alignment need {width} columns")

    @property
    def alignment(self) -> str:
        """The alignment of each column."""
        return self.align if self.align is not None else "l" + "r" * (len(self.header) - 1)


@dataclass(frozen=True)
class Figure:
    """A picture with its caption."""

    key: str
    caption: str
    picture: Picture
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Preformatted:
    """Lines to be kept as they are: a command, a file."""

    text: str


@dataclass(frozen=True)
class PageBreak:
    """What follows starts on a new page, where there are pages."""


Block: TypeAlias = Heading | Paragraph | Items | Table | Figure | Preformatted | PageBreak


@dataclass(frozen=True)
class Document:
    """A whole document.

    Parameters
    ----------
    kind
        `protocol`, `simulation`, `meeting`, `checklist`, `qualification`: the name of its JSON schema.
    title, subtitle
        What it is, and of which trial.
    facts
        Name and value of what identifies it: versions, hashes, dates; shown as a small table under the title.
    footer
        What every page carries.
    contents
        Whether a long document has a list of contents; without one the first section stands right under the title.
    """

    kind: str
    title: str
    subtitle: str
    blocks: tuple[Block, ...]
    facts: tuple[tuple[str, str], ...] = ()
    footer: str = ""
    language: str = "en"
    contents: bool = True

    def numbers(self) -> dict[str, str]:
        """Return `Table 1` or `Figure 1` for the key of each table and figure.

        Raises
        ------
        ValueError
            Where two have the same key.
        """
        found: dict[str, str] = {}
        counts = {"Table": 0, "Figure": 0}
        for block in self.blocks:
            if isinstance(block, Table | Figure):
                name = type(block).__name__
                counts[name] += 1
                if block.key in found:
                    raise ValueError(f"two tables or figures have the key '{block.key}'")
                found[block.key] = f"{name} {counts[name]}"
        return found

    def texts(self) -> Iterator[str]:
        """Yield every text of the document, for a reader that looks for something in it."""
        yield from (self.title, self.subtitle, self.footer)
        yield from (part for fact in self.facts for part in fact)
        numbers = self.numbers()
        for block in self.blocks:
            yield from _texts(block, numbers)


def plain(words: Words | Cell, numbers: dict[str, str] | None = None) -> str:
    """Return a text without looks, its references resolved.

    Examples
    --------
    >>> plain(("Doses are in ", Reference("doses"), "."), {"doses": "Table 1"})
    'Doses are in Table 1.'
    """
    if isinstance(words, Cell):
        words = words.words
    if isinstance(words, str):
        return words
    named = numbers or {}
    return "".join(
        part if isinstance(part, str) else part.text if isinstance(part, Run) else named[part.key] for part in words
    )


def _texts(block: Block, numbers: dict[str, str]) -> Iterator[str]:
    if isinstance(block, Heading | Preformatted):
        yield block.text
    elif isinstance(block, Paragraph):
        yield plain(block.words, numbers)
    elif isinstance(block, Items):
        yield from (plain(item, numbers) for item in block.items)
    elif isinstance(block, Table):
        yield block.caption
        yield from block.header
        yield from (plain(cell, numbers) for row in block.rows for cell in row)
        yield from block.notes
    elif isinstance(block, Figure):
        yield block.caption
        yield block.picture.description
        yield from block.notes
