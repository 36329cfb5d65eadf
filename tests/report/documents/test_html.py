"""The HTML file of a document."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from escalate.report.documents.cleaning import cleaned
from escalate.report.documents.inline_svg import inline
from escalate.report.documents.writing import as_bytes
from tests.browser import axe_faults, browser, overflow, page
from tests.report.documents.sample import TONES, nasty, sample

VOID = {"meta", "col", "img", "br", "hr", "link", "input"}
SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">{}</svg>'


class Reader(HTMLParser):
    """Reads a page: its texts, tags, ids and addresses, and whether each element ends where it should."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that starts."""
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element without content."""
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        """Check an end against its start."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note a text."""
        if self.open[-1:] != ["style"]:
            self.texts.append(data)

    def values(self, name: str) -> list[str]:
        """Return the values of an attribute."""
        return [attributes[name] for _, attributes in self.tags if name in attributes]

    def count(self, tag: str) -> int:
        """Return how many elements there are of a tag."""
        return sum(each == tag for each, _ in self.tags)

    @property
    def text(self) -> str:
        """The words of the page."""
        return " ".join("".join(self.texts).replace("\xa0", " ").split())


@pytest.fixture(scope="module")
def read() -> Reader:
    return Reader(as_bytes(sample(), "html").decode())


def test_every_text_is_there(read: Reader) -> None:
    """Every text of the document is on the page as it is."""
    said = {*read.values("aria-label")}
    for text in cleaned(sample()).texts():
        assert " ".join(text.split()) in read.text or text in said, text


def test_what_leads_somewhere(read: Reader) -> None:
    """No id stands twice, and every link and label leads to something on the page."""
    ids = read.values("id")
    assert len(ids) == len(set(ids))
    for name in ("href", "aria-labelledby"):
        for value in read.values(name):
            assert value.removeprefix("#") in ids, value
    assert "#table-1" in read.values("href")
    assert "#figure-1" in read.values("href")


def test_it_is_well_made(read: Reader) -> None:
    """The page has a language, one title, one main part, tables with captions and heads, and drawings with words."""
    assert read.values("lang") == ["en"]
    assert (read.count("h1"), read.count("main"), read.count("title")) == (1, 1, 1)
    assert read.count("caption") == read.count("thead") == 4
    assert {"col", "row"} == set(read.values("scope"))
    drawings = [attributes for tag, attributes in read.tags if tag == "svg"]
    assert [each["role"] for each in drawings] == ["img", "img"]
    assert all(each["aria-label"] for each in drawings)
    assert {tone for tone in TONES if tone != "plain"} <= {
        name for value in read.values("class") for name in value.split()
    }


def test_nothing_is_loaded(read: Reader) -> None:
    """The file names no address of anything outside it, has no script, and forbids a browser to load anything."""
    text = as_bytes(sample(), "html").decode()
    assert not re.search(r"https?:|//[a-z]|@import|javascript:", text)
    assert not re.search(r"url\((?!#)", text)
    assert read.count("script") == read.count("link") == 0
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in read.values("content")


def test_nasty_texts_stay_texts() -> None:
    """A nasty text is read as it is written, wherever it stands, and starts no element."""
    read = Reader(as_bytes(nasty(), "html").decode())
    assert read.count("script") == read.count("b") == 0
    assert read.text.count("<script>alert(1)</script>") >= 18
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\ud800\u202e]", as_bytes(nasty(), "html").decode())
    foot = re.search(r'content: "([^"\n]*)"; \} \}', as_bytes(nasty(), "html").decode())
    assert foot is not None
    assert "<" not in foot[1]


@pytest.mark.parametrize(
    ("inner", "said"),
    [
        ("<script>1</script>", "a drawing holds no script"),
        ("<foreignObject/>", "a drawing holds no foreignObject"),
        ('<path onclick="1"/>', "a drawing has no onclick"),
        ('<image xlink:href="http://192.0.2.1/a.png"/>', "a drawing loads nothing"),
        ('<image href="file:///etc/passwd"/>', "a drawing loads nothing"),
        ('<path fill="url(http://192.0.2.1/#a)"/>', "a drawing loads nothing"),
        ("<style>@import 'a.css';</style>", "a drawing loads nothing"),
        ("<style>path { fill: url(a.svg) }</style>", "a drawing loads nothing"),
    ],
)
def test_a_drawing_loads_and_runs_nothing(inner: str, said: str) -> None:
    """A drawing with a script, a handler or an address outside it is refused."""
    with pytest.raises(ValueError, match=said):
        inline(SVG.format(inner), "a", "b", (1, 1))


def test_a_drawing_keeps_to_itself() -> None:
    """Ids of a drawing are its own, and so are its styles; what it says about itself in other vocabularies goes."""
    inner = (
        "<metadata>m</metadata><!-- c --><title>t</title><style>path, .a { fill: url(#g) } </style>"
        '<g id="g" clip-path="url(#c)"/><use xlink:href="#g" style="fill: url(\'#g\')"/>'
    )
    made = inline(SVG.format(inner), "p", "words", (72, 36))
    assert made == (
        '<svg id="p" role="img" aria-label="words" width="72pt" height="36pt">'
        "<style>#p path, #p .a { fill: url(#p-g) } </style>"
        '<g id="p-g" clip-path="url(#p-c)"/><use href="#p-g" style="fill: url(#p-g)"/></svg>'
    )
    with pytest.raises(ValueError, match="a drawing is one svg element"):
        inline("<g/>", "p", "words", (1, 1))


def test_in_a_browser(tmp_path: Path) -> None:
    """In either look and on a phone, axe finds no serious fault, nothing is wider than the window, nothing is asked for."""
    file = tmp_path / "sample.html"
    file.write_bytes(as_bytes(sample(), "html"))
    with browser() as running:
        for width, scheme in ((1400, "light"), (900, "dark"), (390, "light")):
            with page(width, using=running, allow=["request to another host: file:"]) as shown:
                shown.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
                shown.goto(file.as_uri())
                assert axe_faults(shown) == []
                assert overflow(shown) == 0
