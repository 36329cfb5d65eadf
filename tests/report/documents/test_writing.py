"""What holds for a document whatever kind of file it becomes."""

from __future__ import annotations

import builtins
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from escalate.core.errors import EscalateError
from escalate.report.documents import json as as_json
from escalate.report.documents.blocks import Document, Figure, Heading, Paragraph, Reference, Table
from escalate.report.documents.cleaning import cleaned, line
from escalate.report.documents.numbering import contents, sections
from escalate.report.documents.writing import ENDINGS, as_bytes, check_document, write
from tests.cli.run import environment
from tests.helpers import ROOT
from tests.report.documents.sample import NASTY, bars, nasty, sample

SCRIPT = """
import hashlib
from escalate.report.documents.writing import ENDINGS, as_bytes
from tests.report.documents.sample import sample
print(*(hashlib.sha256(as_bytes(sample(), ending)).hexdigest() for ending in ENDINGS))
"""


def test_same_bytes() -> None:
    """The same document is the same file, in another process, with other hashes of strings, at another time."""
    elsewhere = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**environment(), "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"},
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    here = [hashlib.sha256(as_bytes(sample(), ending)).hexdigest() for ending in ENDINGS]
    assert elsewhere.stdout.split() == here


@pytest.mark.parametrize("ending", ENDINGS)
def test_nasty_texts_are_written(ending: str) -> None:
    """No text that a design may hold breaks a file of any kind."""
    assert as_bytes(nasty(), ending)


def test_sections_are_numbered() -> None:
    """Sections are numbered by their level; a level that is left out is not counted, and the list shows two levels."""
    found = [(each.number, each.text) for each in sections(sample())]
    assert found == [
        ("1", "Design"),
        ("1.1", "Rules"),
        ("1.1.1", "Steps after a cohort"),
        ("1.2", "Stopping"),
        ("2", "Decisions"),
        ("3", "Operating characteristics"),
        ("4", "How to repeat this"),
    ]
    assert [each.number for each in contents(sample())] == ["1", "1.1", "1.2", "2", "3", "4"]
    deep = replace(sample(), blocks=(Heading("a"), Heading("b", 3), Heading("c", 6), Heading("d", 9), Heading("e")))
    assert [each.number for each in sections(deep)] == ["1", "1.1", "1.1.1", "1.1.2", "2"]


def test_a_short_document_has_no_contents() -> None:
    """Four headings need no list of contents, five have one, unless the document wants none."""
    four = replace(sample(), blocks=(Heading("a"),) * 4)
    five = replace(sample(), blocks=(Heading("a"),) * 5)
    assert contents(four) == ()
    assert len(contents(five)) == 5
    assert contents(replace(five, contents=False)) == ()
    assert b"<nav" not in as_bytes(four, "html")
    assert b"<nav" in as_bytes(five, "html")


@pytest.mark.parametrize("ending", [*ENDINGS, "json"])
def test_references_name_something(ending: str) -> None:
    """A reference to no table or figure, and two of one key, are refused in every kind of file."""
    lost = replace(sample(), blocks=(Paragraph((Reference("nowhere"),)),))
    twice = replace(sample(), blocks=(Figure("a", "b", bars()), Table("a", "b", ("c",), (("d",),))))
    for document, said in (
        (lost, "no table or figure has the key 'nowhere'"),
        (twice, "two tables or figures have the key 'a'"),
    ):
        with pytest.raises(ValueError, match=said):
            as_json.form(document) if ending == "json" else as_bytes(document, ending)


def test_powers_are_raised_outside_code() -> None:
    """Powers of ten read as powers, except in code and for a program."""
    document = replace(sample(), title="10^-3 and 10^8", blocks=())
    assert cleaned(document).title == "10⁻³ and 10⁸"
    assert "10⁶ PFU/mL" in as_bytes(sample(), "html").decode()
    assert as_json.form(document)["title"] == "10^-3 and 10^8"


def test_json_holds_the_whole_document() -> None:
    """As JSON, every text of the document is there, with numbers for references and the drawings."""
    form = as_json.form(sample())
    assert json.loads(json.dumps(form, allow_nan=False)) == form
    assert form["schema"] == "escalate/report/1"
    assert {*cleaned(sample(), line).texts()} <= {*_texts(form)}
    assert [block["type"] for block in form["blocks"]].count("page_break") == 1
    assert {block["type"] for block in form["blocks"]} == {
        "heading", "paragraph", "list", "table", "figure", "preformatted", "page_break"
    }  # fmt: skip
    table = next(block for block in form["blocks"] if block["type"] == "table")
    assert (table["number"], table["key"], table["align"]) == ("Table 1", "doses", ["l", "r", "r", "r"])
    figure = next(block for block in form["blocks"] if block["type"] == "figure")
    assert figure["svg"].startswith("<svg")
    first = next(block for block in form["blocks"] if block["type"] == "paragraph")
    assert {"text": "Table 1", "refers_to": "doses"} in first["text"]


def _texts(value: object) -> Iterator[str]:
    """Yield every text of a form; stretches that follow each other are one."""
    if (
        isinstance(value, list)
        and value
        and all(isinstance(part, dict) and "text" in part and len(part) == 2 for part in value)
    ):
        yield "".join(part["text"] for part in value if isinstance(part["text"], str))
    if isinstance(value, str):
        yield value
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in parts:
        yield from _texts(part)


def test_json_of_nasty_texts() -> None:
    """A program gets texts without control characters and half characters."""
    text = json.dumps(as_json.form(nasty()), ensure_ascii=False)
    assert text.encode()
    assert not {"\x00", "\x08", "\x1b", "\ud800", "\u202e"} & set(text)
    assert "<script>" in text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("report.doc", "report.doc: the name of a document ends in .html, .docx, .pdf or .md"),
        ("report", "report: the name of a document ends in .html, .docx, .pdf or .md"),
        ("there.md", "there.md: exists already; use --force to replace it"),
        ("folder.pdf", "folder.pdf: is a directory; name a file in it"),
        ("nowhere/a.docx", "nowhere/a.docx: there is no directory {here}/nowhere"),
    ],
)
def test_what_cannot_be_written_is_refused_before_the_work(
    name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ending, a file in the way, a directory, and a folder that is not there are told before anything is computed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.md").write_text("old")
    (tmp_path / "folder.pdf").mkdir()
    with pytest.raises(EscalateError) as refused:
        check_document(name, force=False)
    assert str(refused.value) == said.format(here=tmp_path.resolve())
    check_document("there.md", force=True)
    check_document("NEW.HTML", force=False)


def forbid(monkeypatch: pytest.MonkeyPatch, package: str, fault: Exception) -> None:
    """Let a package fail when it is imported."""
    real = builtins.__import__

    def importing(
        name: str, given: Mapping[str, object] | None = None, own: Mapping[str, object] | None = None,
        listed: Sequence[str] | None = (), level: int = 0,
    ) -> Any:  # fmt: skip
        if level == 0 and name.partition(".")[0] == package:
            raise fault
        return real(name, given, own, listed, level)

    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", importing)


@pytest.mark.parametrize(
    ("ending", "package", "fault", "said"),
    [
        ("docx", "docx", ImportError("No module named 'docx'"),
         "Word documents need the Python package python-docx, which cannot be loaded; install it, or write .html or .md"),
        ("docx", "resvg_py", ImportError("No module named 'resvg_py'"),
         "Word documents need the Python package resvg-py, which cannot be loaded; install it, or write .html or .md"),
        ("pdf", "weasyprint", ImportError("No module named 'weasyprint'"),
         "PDF needs the Python package weasyprint, which cannot be loaded; install it, or write .html or .docx"),
        ("pdf", "weasyprint", OSError("cannot load library 'libpango-1.0-0'"),
         "PDF needs the system library Pango; install the packages libpango-1.0-0 and libpangoft2-1.0-0 (Debian, Ubuntu), or "
         "write .html or .docx"),
    ],
)  # fmt: skip
def test_a_missing_library_is_named(
    ending: str, package: str, fault: Exception, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a library is missing, one sentence names what to install, before the work; other kinds of files need it not."""
    forbid(monkeypatch, package, fault)
    for attempt in (
        lambda: check_document(str(tmp_path / f"a.{ending}"), force=False),
        lambda: as_bytes(sample(), ending),
    ):
        with pytest.raises(EscalateError) as refused:
            attempt()
        assert str(refused.value) == said
    for other in ("html", "md"):
        check_document(str(tmp_path / f"a.{other}"), force=False)
        assert as_bytes(sample(), other)


def test_missing_fonts_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the fonts that come with Matplotlib there is no PDF, and one sentence says what to do."""
    import matplotlib as mpl

    monkeypatch.setattr(mpl, "get_data_path", lambda: str(tmp_path))
    with pytest.raises(
        EscalateError, match=r"PDF needs the fonts that come with Matplotlib, and .*STIXGeneral\.ttf cannot be read"
    ):
        check_document(str(tmp_path / "a.pdf"), force=False)
    with pytest.raises(EscalateError, match=r"install Matplotlib anew, or write \.html or \.docx"):
        as_bytes(sample(), "pdf")


def test_writing(tmp_path: Path) -> None:
    """A file is written once; again only where it may be replaced."""
    path = tmp_path / "a.html"
    write(sample(), path)
    assert path.read_bytes() == as_bytes(sample(), "html")
    with pytest.raises(EscalateError, match="exists already; use --force to replace it"):
        write(nasty(), path)
    write(nasty(), path, force=True)
    assert path.read_bytes() == as_bytes(nasty(), "html")
    with pytest.raises(EscalateError, match=r"no document ends in \.txt; it ends in \.html, \.docx, \.pdf or \.md"):
        as_bytes(sample(), "txt")


def test_markdown_stands_with_its_figures(tmp_path: Path) -> None:
    """Markdown has its figures beside it, each of its own name, and links them."""
    write(sample(), tmp_path / "my report.md")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "my report-selection-2.svg", "my report-selection.svg", "my report.md"
    ]  # fmt: skip
    text = (tmp_path / "my report.md").read_text()
    assert "](my%20report-selection.svg)" in text
    assert "](my%20report-selection-2.svg)" in text
    assert (tmp_path / "my report-selection.svg").read_text() == bars().svg


def test_markdown_replaces_no_figure_unasked(tmp_path: Path) -> None:
    """A figure in the way keeps the whole document from being written; with force all is replaced."""
    figure = tmp_path / "a-selection-2.svg"
    figure.write_text("mine")
    with pytest.raises(EscalateError, match=r"a-selection-2\.svg: exists already; use --force to replace it"):
        write(sample(), tmp_path / "a.md")
    assert [path.name for path in tmp_path.iterdir()] == ["a-selection-2.svg"]
    assert figure.read_text() == "mine"
    write(sample(), tmp_path / "a.md", force=True)
    assert figure.read_text() == bars().svg


def test_markdown_leaves_no_half(tmp_path: Path) -> None:
    """Where the text cannot be written, no figure stays behind."""
    (tmp_path / "a.md").mkdir()
    with pytest.raises(EscalateError, match=r"a\.md: is a directory"):
        write(sample(), tmp_path / "a.md", force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.md"]


def test_nasty_is_nasty() -> None:
    """The nasty document has a nasty text in every place that `Document.texts` knows."""
    document: Document = nasty()
    assert all("<script>" in text for text in document.texts())
    assert NASTY in document.texts()
