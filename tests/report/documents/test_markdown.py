"""The Markdown of a document, read as GitHub and Sphinx read it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from escalate.report.documents.blocks import Document, Heading, Items, Paragraph, Preformatted, Run, Table, Words
from escalate.report.documents.cleaning import cleaned
from escalate.report.documents.markdown import escaped, written
from escalate.report.documents.writing import as_bytes
from tests.report.documents.sample import nasty, sample


def rendered(document: Document) -> str:
    """Return the HTML that a reader of Markdown makes of a document."""
    return (
        MarkdownIt("commonmark", {"html": True})
        .enable(["table", "strikethrough"])
        .render(as_bytes(document, "md").decode())
    )


class Said(HTMLParser):
    """Reads the words of HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.found.append(data)


def text_of(page: str) -> str:
    """Return the words of HTML."""
    reader = Said()
    reader.feed(page)
    reader.close()
    return " ".join("".join(reader.found).split())


def test_every_text_is_there() -> None:
    """Every text of the document is read as it was meant."""
    held = text_of(rendered(sample()))
    for text in cleaned(sample()).texts():
        assert " ".join(text.split()) in held, text


def test_tables_are_tables() -> None:
    """Every table is read as one, with the columns aligned as they are to be."""
    text = as_bytes(sample(), "md").decode()
    assert (
        "| Level | Dose | Volume | Prior guess |\n| :--- | ---: | ---: | ---: |\n| 1 | 10⁶ PFU/mL | 1 mL | 0.05 |"
        in text
    )
    page = rendered(sample())
    assert page.count("<table>") == 5
    assert page.count("<tr>") == sum(1 + len(block.rows) for block in sample().blocks if isinstance(block, Table)) + 5
    assert text.index("**Table 1.** Dose levels") < text.index("| Level |")


def test_figures_are_told_or_shown() -> None:
    """Without a file for it, a figure is told in words; with one, it is shown with its words."""
    words = "Bars of the share of trials that select each dose level."
    assert f"> Figure, in words: {words}" in written(cleaned(sample()))
    assert f"![{words}](a%20b.svg)\n\n**Figure 1.** Share" in written(cleaned(sample()), {"selection": "a b.svg"})


def test_nasty_texts_stay_texts() -> None:
    """A nasty text is read as it is written, wherever it stands, and starts no element, link or list."""
    page = rendered(nasty())
    assert "<script" not in page
    assert '<a href="b"' not in page
    assert page.count("<table>") == 2
    assert page.count("<li>") == 3
    held = text_of(page)
    assert held.count("<script>alert(1)</script> & | ` * _x_ [a](b)") >= 16
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\ud800\u202e]", page)


STARTS = ["- a", "+ a", "1. a", "12) a", "# a", "> a", "=== a", "--- a", ":: a", "*a* b", "| a", "&amp; b", "a _b_ c_d", "a # ",
          "~~a~~", "a\\b", "`a", "<b>a</b>", "< 0.3", "2 * 3 * 4", "$x$", "a#", "[a]: b"]  # fmt: skip


@pytest.mark.parametrize("text", STARTS)
def test_no_text_is_read_as_a_sign(text: str) -> None:
    """A text that looks like a sign of Markdown is read as the text it is: as heading, paragraph, item and cell."""
    blocks = (Heading(text), Paragraph(text), Items((text,)), Table("t", text, (text,), ((text,),), notes=(text,)))
    page = rendered(Document("protocol", text, text, blocks))
    read = text_of(page)
    assert read.count(" ".join(text.split())) == 9, page
    assert "<blockquote" not in page
    assert page.count("<li>") == 1
    assert page.count("<h") == 2


@pytest.mark.parametrize("text", ["a`b", "`a`", "``", "a|b", " a ", "a\\|b"])
def test_code_is_read_as_it_is(text: str) -> None:
    """Code keeps its letters, ticks and bars included, in a paragraph; in a table a bar is read as one."""
    words: Words = (Run(text, "code"),)
    page = rendered(Document("protocol", "t", "", (Paragraph(words), Preformatted(text))))
    assert text_of(page).count(" ".join(text.split())) == 2, page
    if "\\" not in text:
        page = rendered(Document("protocol", "t", "", (Table("k", "c", ("h",), ((words,),)),)))
        assert f"<code>{text.strip()}</code>" in page


def test_emphasis_touches_its_letters() -> None:
    """Spaces at the ends of a strong stretch stand outside its marks, so that it is read as strong."""
    words: Words = ("a", Run(" b ", "strong"), Run("c ", "emphasis"), "d", Run(" ", "strong"))
    page = rendered(Document("protocol", "t", "", (Paragraph(words),)))
    assert "<p>a <strong>b</strong> <em>c</em> d</p>" in page


def test_what_needs_no_escape_has_none() -> None:
    """Names with underscores, comparisons and brackets stay readable in the file itself."""
    assert escaped("p_saf < 0.3 (Table 1); a > b & c") == "p_saf < 0.3 (Table 1); a > b & c"
