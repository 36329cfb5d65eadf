"""The Word file of a document, opened again."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any

import docx
import pytest
from docx.oxml.ns import qn
from docx.shared import Cm

from escalate import __version__
from escalate.report.documents.blocks import Document, Table
from escalate.report.documents.cleaning import cleaned
from escalate.report.documents.widths import columns
from escalate.report.documents.writing import as_bytes
from tests.report.documents.sample import nasty, sample

TWIP = 635
"""What Word rounds widths to."""


@pytest.fixture(scope="module")
def content() -> bytes:
    return as_bytes(sample(), "docx")


@pytest.fixture(scope="module")
def word(content: bytes) -> Any:
    return docx.Document(io.BytesIO(content))


def shown(paragraph: Any) -> str:
    """Return what a paragraph says, links too."""
    return "".join(node.text or "" if node.tag == qn("w:t") else "\t" for node in paragraph._p.iter(qn("w:t"), qn("w:tab"))
                   if node.getparent().tag == qn("w:r"))  # fmt: skip


def fields(paragraph: Any) -> list[str]:
    """Return the instructions of the fields of a paragraph."""
    return [node.text.strip() for node in paragraph._p.iter(qn("w:instrText"))]


def styled(word: Any, style: str) -> list[Any]:
    """Return the paragraphs of a style."""
    return [each for each in word.paragraphs if each.style.name == style]


def test_every_text_is_there(word: Any) -> None:
    """Every text of the document is in the file: body, cells, foot, and the words for figures."""
    cells = [
        shown(paragraph)
        for table in word.tables
        for row in table.rows
        for cell in row.cells
        for paragraph in cell.paragraphs
    ]
    foot = [shown(paragraph) for paragraph in word.sections[0].footer.paragraphs]
    words = [node.get("descr") for node in word.element.body.iter(qn("wp:docPr"))]
    held = "\n".join([*map(shown, word.paragraphs), *cells, *foot, *words])
    for text in cleaned(sample()).texts():
        assert all(part.strip() in held for part in text.split("\n")), text


def test_styles(word: Any) -> None:
    """Every block has the style that Word has for it, and headings are Word's own with a numbering of several levels."""
    assert [shown(each) for each in styled(word, "Title")] == ["Dose escalation"]
    assert [shown(each) for each in styled(word, "Heading 1")] == [
        "Design", "Decisions", "Operating characteristics", "How to repeat this"
    ]  # fmt: skip
    assert [shown(each) for each in styled(word, "Heading 2")] == ["Rules", "Stopping"]
    assert [shown(each) for each in styled(word, "Heading 3")] == ["Steps after a cohort"]
    assert (len(styled(word, "List Bullet")), len(styled(word, "List Number"))) == (2, 5)
    assert len(styled(word, "Warning")) == len(styled(word, "Preformatted Text")) == 1
    assert len(styled(word, "Note")) == 5
    assert {table.style.name for table in word.tables[1:]} == {"Escalate Table"}
    numbering = word.part.numbering_part.element
    for level in (1, 2, 3):
        number = word.styles[f"Heading {level}"].element.pPr.numPr.numId.val
        made = next(each for each in numbering.findall(qn("w:num")) if each.get(qn("w:numId")) == str(number))
        kind = made.find(qn("w:abstractNumId")).get(qn("w:val"))
        abstract = next(
            each for each in numbering.findall(qn("w:abstractNum")) if each.get(qn("w:abstractNumId")) == kind
        )
        texts = [each.get(qn("w:val")) for each in abstract.iter(qn("w:lvlText"))]
        assert texts == ["%1", "%1.%2", "%1.%2.%3"]
        assert word.styles[f"Heading {level}"].element.pPr.numPr.ilvl.val == level - 1


def test_each_numbered_list_starts_at_one(word: Any) -> None:
    """Each numbered list has a numbering of its own that starts again."""
    numbers = [each._p.pPr.numPr.numId.val for each in styled(word, "List Number")]
    assert numbers == [numbers[0]] * 3 + [numbers[3]] * 2
    assert numbers[0] != numbers[3]
    numbering = word.part.numbering_part.element
    for number in set(numbers):
        made = next(each for each in numbering.findall(qn("w:num")) if each.get(qn("w:numId")) == str(number))
        assert [each.get(qn("w:val")) for each in made.iter(qn("w:startOverride"))] == ["1"]


def test_captions_count_by_themselves(word: Any) -> None:
    """A caption is a field that counts, within a bookmark; a reference is a field that names the bookmark."""
    captions = styled(word, "Caption")
    assert [re.split(r"\. ", shown(each))[0] for each in captions] == [
        "Table 1", "Table 2", "Figure 1", "Table 3", "Figure 2", "Table 4"
    ]  # fmt: skip
    assert [fields(each) for each in captions] == [
        [f"SEQ {kind} \\* ARABIC"] for kind in ("Table", "Table", "Figure", "Table", "Figure", "Table")
    ]
    bookmarks = [each.get(qn("w:name")) for each in word.element.body.iter(qn("w:bookmarkStart"))]
    assert len(bookmarks) == len(set(bookmarks))
    for paragraph in word.paragraphs:
        for field in fields(paragraph):
            if field.startswith("REF "):
                assert field.split()[1] in bookmarks
    first = next(each for each in word.paragraphs if "REF" in " ".join(fields(each)))
    assert fields(first) == ["REF _Ref_Table_1 \\h", "REF _Ref_Table_2 \\h"]
    assert "The dose levels are in Table 1, the decisions in Table 2." in shown(first)


def test_the_list_of_contents_is_a_field(word: Any) -> None:
    """The list of contents is Word's, and its entries lead to the headings."""
    entries = [*styled(word, "toc 1"), *styled(word, "toc 2")]
    assert sorted(map(shown, entries)) == [
        "1\tDesign", "1.1\tRules", "1.2\tStopping", "2\tDecisions", "3\tOperating characteristics", "4\tHow to repeat this"
    ]  # fmt: skip
    anchors = {each.get(qn("w:anchor")) for each in word.element.body.iter(qn("w:hyperlink"))}
    bookmarks = {each.get(qn("w:name")) for each in word.element.body.iter(qn("w:bookmarkStart"))}
    assert anchors <= bookmarks
    assert 'TOC \\o "1-2" \\h \\n' in [field for each in entries for field in fields(each)]
    kinds = [each.get(qn("w:fldCharType")) for each in word.element.body.iter(qn("w:fldChar"))]
    assert kinds.count("begin") == kinds.count("separate") == kinds.count("end")


def test_tables_go_over_the_page(word: Any) -> None:
    """The head of a table is repeated, no row splits, a caption stays with its table, and no table is wider than the text."""
    for table in word.tables[1:]:
        heads = [row._tr.trPr.find(qn("w:tblHeader")) is not None for row in table.rows]
        assert heads == [True] + [False] * (len(heads) - 1)
        assert all(row._tr.trPr.find(qn("w:cantSplit")) is not None for row in table.rows)
        assert sum(column.width for column in table.columns) <= Cm(16) + TWIP * len(table.columns)
    for caption in styled(word, "Caption"):
        if shown(caption).startswith("Table"):
            assert caption.paragraph_format.keep_with_next
            assert caption._p.getnext().tag == qn("w:tbl")
    small = {paragraph.style.name for row in word.tables[2].rows for cell in row.cells for paragraph in cell.paragraphs}
    assert small == {"Table Text Small"}


def test_cells_have_the_tint_of_what_they_say(word: Any) -> None:
    """A cell with a tone has its tint, and a plain one has none."""
    grid = word.tables[2]
    fills: dict[str, set[str | None]] = {}
    for row in grid.rows:
        for cell in row.cells:
            shade = cell._tc.tcPr.find(qn("w:shd"))
            fills.setdefault(cell.text, set()).add(None if shade is None else shade.get(qn("w:fill")))
    assert all(len(fills[word]) == 1 and fills[word] != {None} for word in ("E", "S", "D", "DU"))
    assert len({*fills["E"], *fills["S"], *fills["D"], *fills["DU"]}) == 4
    assert fills["n = 1"] == {None}


def test_figures_have_words(word: Any) -> None:
    """A figure is a picture of 300 dots to an inch, no wider than the text, and says what it shows."""
    assert [each.get("descr") for each in word.element.body.iter(qn("wp:docPr"))] == [
        "Bars of the share of trials that select each dose level.", "The same bars again."
    ]  # fmt: skip
    assert len({each.get("id") for each in word.element.body.iter(qn("wp:docPr"))}) == 2
    for shape in word.inline_shapes:
        assert shape.width <= Cm(16)
        image = word.part.related_parts[shape._inline.graphic.graphicData.pic.blipFill.blip.embed].image
        assert abs(image.px_width / (shape.width / 914400) - 300) < 1


def test_every_page_has_a_foot(word: Any) -> None:
    """Every page carries the foot of the document, its number and how many there are."""
    foot = word.sections[0].footer.paragraphs[0]
    assert fields(foot) == ["PAGE", "NUMPAGES"]
    assert shown(foot) == "Dose escalation, version 0.7.0, design 3f1a3f1a\tpage 1 of 1"


def test_what_the_file_says_of_itself(content: bytes, word: Any) -> None:
    """Title, subject and language are those of the document, the author is the program, and there is no date."""
    properties = word.core_properties
    assert (properties.title, properties.subject) == (sample().title, sample().subtitle)
    assert (properties.author, properties.language) == (f"escalate {__version__}", "en")
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        core = file.read("docProps/core.xml").decode()
        assert "created" not in core
        assert "modified" not in core
        assert {entry.date_time for entry in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert 'w:lang w:val="en-GB"' in file.read("word/styles.xml").decode()
        assert not [name for name in file.namelist() if "thumbnail" in name]


def test_a_new_page(word: Any) -> None:
    """What follows a break starts a page, without an empty paragraph."""
    broken = [shown(each) for each in word.paragraphs if each.paragraph_format.page_break_before]
    assert broken == ["How to repeat this"]
    assert all(shown(each) for each in word.paragraphs if each.style.name != "Figure")


def test_nasty_texts_stay_texts() -> None:
    """A nasty text is read as it is written, wherever it stands."""
    opened = docx.Document(io.BytesIO(as_bytes(nasty(), "docx")))
    held = "".join(node.text or "" for node in opened.element.body.iter(qn("w:t")))
    assert held.count("<script>alert(1)</script> & | ` * _x_ [a](b)") >= 16
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\u202e]", held)


def test_wide_tables_fit() -> None:
    """A table of many columns and long words fits the page."""
    many = Table("t", "Wide", tuple(f"column {k}" for k in range(20)), (("incomprehensibilities",) * 20,))
    opened = docx.Document(io.BytesIO(as_bytes(Document("protocol", "t", "", (many,)), "docx")))
    assert sum(column.width for column in opened.tables[0].columns) <= Cm(16) + TWIP * 20
    widths = columns([["level", "a long text " * 40]], 9, 400)
    assert abs(sum(widths) - 400) < 1e-6
    assert widths[0] > 25


def test_a_table_without_rows() -> None:
    """A table without rows has its head in every kind of file."""
    empty = Document("protocol", "t", "", (Table("t", "Nothing", ("a", "b"), ()),))
    assert [
        [cell.text for cell in row.cells] for row in docx.Document(io.BytesIO(as_bytes(empty, "docx"))).tables[0].rows
    ] == [["a", "b"]]
    for ending in ("html", "pdf", "md"):
        assert as_bytes(empty, ending)
