"""The PDF of a document, read again."""

from __future__ import annotations

import io
from typing import Any

import pypdf
import pytest

from escalate.core.errors import EscalateError
from escalate.report.documents.blocks import Document, Paragraph
from escalate.report.documents.cleaning import cleaned
from escalate.report.documents.pdf import SANS, fetcher
from escalate.report.documents.writing import as_bytes
from tests.report.documents.sample import nasty, sample


@pytest.fixture(scope="module")
def pdf() -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(as_bytes(sample(), "pdf")))


@pytest.fixture(scope="module")
def pages(pdf: pypdf.PdfReader) -> list[str]:
    return [" ".join(page.extract_text().split()) for page in pdf.pages]


def test_every_text_is_there(pages: list[str]) -> None:
    """Every text of the document is on some page, as text and not as a picture of it."""
    held = "".join(pages).replace(" ", "")
    pictures = {"Bars of the share of trials that select each dose level.", "The same bars again."}
    for text in cleaned(sample()).texts():
        if text not in pictures and "0123456789abcdef" not in text:
            assert "".join(text.split()) in held, text


def test_pages_are_numbered(pages: list[str]) -> None:
    """Every page has its number, how many there are, and the foot of the document."""
    assert len(pages) > 4
    for number, text in enumerate(pages, 1):
        assert f"page {number} of {len(pages)}" in text
        assert "Dose escalation, version 0.7.0, design 3f1a3f1a" in text


def test_captions_and_heads(pages: list[str]) -> None:
    """Tables and figures have their captions; a table that goes over the page has its head on each; contents have pages."""
    text = " ".join(pages)
    for caption in ("Table 1. Dose levels", "Figure 2. The same drawing again", "Table 4. Every trial path"):
        assert text.count(caption) == 1
    assert sum("Path Outcome Decision Probability" in page for page in pages) > 1
    starts = ("1 Design", "1.1 Rules", "1.2 Stopping", "2 Decisions", "3 Operating", "4 How to repeat")
    # The first page lists them all, and may hold some of the sections themselves.
    places = [next((k for k, page in enumerate(pages[1:], 2) if start in page), 1) for start in starts]
    assert pages[0].startswith(" ".join(map(str, places)))


def test_what_the_file_says_of_itself(pdf: pypdf.PdfReader) -> None:
    """Title, language, outline and tags are there, and no date."""
    assert pdf.metadata is not None
    assert pdf.metadata.title == f"{sample().title}: {sample().subtitle}"
    assert pdf.metadata.creation_date is None
    root: Any = pdf.trailer["/Root"]
    assert root["/Lang"] == "en"
    assert root["/MarkInfo"]["/Marked"]
    assert [entry.title for entry in pdf.outline if not isinstance(entry, list)] == [
        "1 Design", "2 Decisions", "3 Operating characteristics", "4 How to repeat this"
    ]  # fmt: skip


def test_figures_have_words(pdf: pypdf.PdfReader) -> None:
    """A figure says what it shows to a reader that cannot see it."""
    said = [
        node.get("/Alt")
        for number in range(1, int(str(pdf.trailer["/Size"])))
        if isinstance(node := pdf.get_object(number), pypdf.generic.DictionaryObject)
    ]
    assert "Bars of the share of trials that select each dose level." in said
    assert "The same bars again." in said


def test_fonts_come_along(pdf: pypdf.PdfReader) -> None:
    """Every letter is of a font in the file, drawings included, so that the pages look the same anywhere."""
    fonts = set()
    for page in pdf.pages:
        resources: Any = page["/Resources"]
        fonts |= {each.get_object()["/BaseFont"].partition("+")[2] for each in resources.get("/Font", {}).values()}
    assert all(name.startswith("Document-") for name in fonts), fonts
    assert any(name.startswith(SANS.replace(" ", "-")) for name in fonts)


def test_nothing_is_loaded() -> None:
    """The pages get the fonts and drawings given to them, and nothing from a disk or a network."""
    give = fetcher({"escalate:a.svg": b"<svg/>"})
    assert give.fetch("escalate:a.svg").read() == b"<svg/>"
    for address in ("http://192.0.2.1/a.css", "file:///etc/passwd", "data:text/plain,a", "escalate:b.svg"):
        with pytest.raises(ValueError, match="a document loads nothing"):
            give.fetch(address)


def test_letters_that_no_font_has_are_told() -> None:
    """No letter becomes an empty box: a document with one that no font has is refused, in a sentence with a remedy."""
    # Never assigned to a letter, so that no font of any machine has them.
    letters = "\U000e1000\U000e1001"
    document = Document("protocol", "T", "", (Paragraph(f"Pr(p \u2265 0.3) \u03b1 {letters}"),))
    with pytest.raises(EscalateError) as refused:
        as_bytes(document, "pdf")
    assert str(refused.value) == (
        r"PDF: no font here has \U000e1000 \U000e1001; install one that has, such as those of the packages fonts-noto-core and "
        "fonts-noto-cjk (Debian, Ubuntu), or write .html or .docx"
    )


def test_nasty_texts_stay_texts() -> None:
    """A nasty text is read as it is written."""
    text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(as_bytes(nasty(), "pdf"))).pages)
    assert "".join(text.split()).count("<script>alert(1)</script>&|`*_x_[a](b)") >= 14
