"""Puts the blocks of a document into a Word file."""

from __future__ import annotations

import io
import zipfile
from typing import Any, Final

import docx
from docx.oxml.ns import qn

from escalate import __version__
from escalate.report.documents import docx_xml as xml
from escalate.report.documents.blocks import (
    Block,
    Document,
    Figure,
    Heading,
    Items,
    PageBreak,
    Paragraph,
    Preformatted,
    Table,
    Words,
)
from escalate.report.documents.docx_styles import TEXT_WIDTH, set_up
from escalate.report.documents.docx_table import POINT, add_facts, add_table
from escalate.report.documents.inline_svg import size_in_text
from escalate.report.documents.numbering import Named, Section, check_references, contents, pieces, sections

_DOTS_PER_INCH: Final = 300
_MAX_HEIGHT: Final = 600.0
_STYLES: Final = {"body": "Normal", "note": "Note", "warning": "Warning"}
_LOOKS: Final = {"strong": "Strong", "emphasis": "Emphasis", "code": "Code"}
_DAY: Final = (1980, 1, 1, 0, 0, 0)


class Writer:
    """Writes one document, once."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.names = check_references(document)
        self.word: Any = docx.Document()
        self.bookmarks = 0
        self.lists = 0
        set_up(self.word, document.language)

    def content(self) -> bytes:
        """Return the bytes of the file."""
        self._front()
        headings = iter(sections(self.document))
        gap = new_page = False
        for block in self.document.blocks:
            first = len(self.word.element.body)
            self._block(block, next(headings) if isinstance(block, Heading) else None)
            if new_page and not isinstance(block, PageBreak):
                self._first_paragraph(first).get_or_add_pPr().get_or_add_pageBreakBefore()
            elif gap and not isinstance(block, Heading | PageBreak):
                self._first_paragraph(first).get_or_add_pPr().get_or_add_spacing().set(qn("w:before"), "240")
            new_page = isinstance(block, PageBreak)
            gap = isinstance(block, Table) and not block.notes
        self._footer()
        self._properties()
        buffer = io.BytesIO()
        self.word.save(buffer)
        return _undated(buffer.getvalue())

    def _front(self) -> None:
        self.word.add_paragraph(self.document.title, "Title")
        if self.document.subtitle:
            self.word.add_paragraph(self.document.subtitle, "Subtitle")
        if self.document.facts:
            add_facts(self.word, self.document.facts)
        shown = contents(self.document)
        if shown:
            self._contents(shown)

    def _contents(self, shown: tuple[Section, ...]) -> None:
        """Write Word's own list of contents, without page numbers, which only Word knows."""
        self.word.add_paragraph("Contents", "TOC Heading")
        for place, section in enumerate(shown):
            line = self.word.add_paragraph(style=f"toc {section.level}")
            if place == 0:
                xml.start_field(line, 'TOC \\o "1-2" \\h \\n')
            xml.add_link(line, _section_bookmark(section), f"{section.number}\t{section.text}")
            if place == len(shown) - 1:
                xml.end_field(line)

    def _block(self, block: Block, section: Section | None) -> None:
        match block:
            case Heading():
                assert section is not None
                self._heading(section)
            case Paragraph():
                self._say(self.word.add_paragraph(style=_STYLES[block.look]), block.words)
            case Items():
                self._items(block)
            case Table():
                self._caption(block, keep=True)
                add_table(self.word, block, self.names, self._say)
                self._notes(block.notes)
            case Figure():
                self._picture(block)
                self._caption(block, keep=bool(block.notes))
                self._notes(block.notes)
            case Preformatted():
                self.word.add_paragraph(style="Preformatted Text").add_run(block.text)
            case PageBreak():
                pass

    def _first_paragraph(self, first: int) -> Any:
        """Return the first paragraph of what was added since the body had so many parts."""
        # The last part of a body is its page, before which blocks are added.
        return next(each for each in self.word.element.body[first - 1 :] if each.tag == qn("w:p"))

    def _heading(self, section: Section) -> None:
        paragraph = self.word.add_paragraph(style=f"Heading {section.level}")
        number = self._next_bookmark()
        xml.start_bookmark(paragraph, _section_bookmark(section), number)
        paragraph.add_run(section.text)
        xml.end_bookmark(paragraph, number)

    def _items(self, block: Items) -> None:
        number = None
        if block.ordered:
            number = xml.new_list(self.word, self.lists)
            self.lists += 1
        for item in block.items:
            paragraph = self.word.add_paragraph(style="List Number" if block.ordered else "List Bullet")
            if number is not None:
                xml.use_list(paragraph, number)
            self._say(paragraph, item)

    def _say(self, paragraph: Any, words: Words) -> None:
        for piece in pieces(words, self.names):
            if isinstance(piece, Named):
                xml.add_field(paragraph, f"REF {xml.bookmark_name(piece.text)} \\h", piece.text)
            else:
                paragraph.add_run(piece.text, _LOOKS.get(piece.look))

    def _caption(self, block: Table | Figure, *, keep: bool) -> None:
        name = self.names[block.key]
        kind, count = name.split(" ")
        paragraph = self.word.add_paragraph(style="Caption")
        paragraph.paragraph_format.keep_with_next = keep
        if isinstance(block, Table):
            paragraph.paragraph_format.space_before = 12 * POINT
        number = self._next_bookmark()
        xml.start_bookmark(paragraph, xml.bookmark_name(name), number)
        paragraph.add_run(f"{kind} ")
        xml.add_field(paragraph, f"SEQ {kind} \\* ARABIC", count)
        xml.end_bookmark(paragraph, number)
        for run in paragraph.runs:
            run.bold = True
        paragraph.add_run(". ").bold = True
        paragraph.add_run(block.caption)

    def _notes(self, notes: tuple[str, ...]) -> None:
        for place, note in enumerate(notes):
            paragraph = self.word.add_paragraph(style="Note")
            paragraph.add_run(note)
            if place == len(notes) - 1:
                paragraph.paragraph_format.space_after = 12 * POINT

    def _picture(self, figure: Figure) -> None:
        picture = figure.picture
        width, _ = size_in_text(picture, (TEXT_WIDTH / POINT, _MAX_HEIGHT))
        image = io.BytesIO(picture.png(_DOTS_PER_INCH / 72 * width / picture.width))
        run = self.word.add_paragraph(style="Figure").add_run()
        drawn = run.add_picture(image, width=round(width * POINT))
        properties = drawn._inline.docPr
        properties.set("name", self.names[figure.key])
        properties.set("descr", picture.description)

    def _footer(self) -> None:
        paragraph = self.word.sections[0].footer.paragraphs[0]
        paragraph.style = "Footer"
        paragraph.add_run(f"{self.document.footer}\tpage ")
        xml.add_field(paragraph, "PAGE", "1")
        paragraph.add_run(" of ")
        xml.add_field(paragraph, "NUMPAGES", "1")

    def _properties(self) -> None:
        """Say what the file is; without dates, so that the same document gives the same bytes."""
        properties = self.word.core_properties
        properties.title, properties.subject = self.document.title[:255], self.document.subtitle[:255]
        properties.author, properties.comments, properties.keywords = f"escalate {__version__}", "", ""
        properties.language = self.document.language
        element = self.word.part.package.core_properties._element
        for each in list(element):
            if each.tag.rpartition("}")[2] in {"created", "modified", "lastModifiedBy", "revision"}:
                element.remove(each)
        package = self.word.part.package
        for key in [key for key, each in package.rels.items() if each.reltype.endswith("/thumbnail")]:
            package.rels.pop(key)

    def _next_bookmark(self) -> int:
        self.bookmarks += 1
        return self.bookmarks


def _section_bookmark(section: Section) -> str:
    return f"_Toc_{section.number.replace('.', '_')}"


def _undated(content: bytes) -> bytes:
    """Return a zip file with the same files, without the time they were put in."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as given, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for entry in given.infolist():
            made.writestr(zipfile.ZipInfo(entry.filename, _DAY), given.read(entry), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
