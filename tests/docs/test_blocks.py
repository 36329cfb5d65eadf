"""How pages are read and held to what they show; which blocks are not run, and why; that the check of the site finds faults."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from _ext import check, links
from tests.docs import pages
from tests.helpers import ROOT

PAGE = """# Page

Text.

    $ escalate methods
    methods:
    ...

* A list

      $ escalate schema

  goes on.

<!-- not run: serves until it is stopped -->

    escalate serve

```python
print(1)
# 1
```
"""


def test_blocks(tmp_path: Path) -> None:
    """Blocks set in, in lists and fenced are found, with their language, and those marked with the reason."""
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    found = pages.blocks(page)
    assert [block.language for block in found] == ["console", "console", "sh", "python"]
    assert [block.not_run for block in found] == [None, None, "serves until it is stopped", None]
    assert list(pages.commands(found[0])) == [("escalate methods", "methods:\n...")]


def test_slow_blocks(tmp_path: Path) -> None:
    """A block marked slow is run with the whole page alone, and the mark holds for one block."""
    page = tmp_path / "page.md"
    page.write_text("<!-- slow -->\n```python\nopen('a', 'x').close()\n```\n\n```python\nopen('b', 'x').close()\n```\n")
    assert [block.slow for block in pages.blocks(page)] == [True, False]
    for whole, left in ((False, {"b"}), (True, {"a", "b"})):
        folder = tmp_path / str(whole)
        folder.mkdir()
        assert pages.run(page, folder, whole=whole) == len(left)
        assert {path.name for path in folder.iterdir() if path.is_file()} == left


def test_what_is_not_run() -> None:
    """Blocks that are not run say why, and they are few: this list is what a reader has to try alone."""
    found = [
        f"{pages.name(page)}:{block.line} {block.not_run}"
        for page in pages.pages()
        for block in pages.blocks(page)
        if block.language in pages.RUN and block.not_run
    ]
    print("\n".join(found))
    assert all(len(line.split(" ", 1)[1]) > 8 for line in found)
    assert len(found) <= 16


@pytest.mark.parametrize(("page", "test"), [*pages.ELSEWHERE.items(), *pages.SLOW.items()])
def test_pages_tested_elsewhere(page: str, test: str) -> None:
    """A page that is not run here exists, and so does the test that stands for it."""
    assert (ROOT / page).is_file()
    assert (ROOT / test).is_file()
    if page in pages.ELSEWHERE:
        assert Path(page).name in (ROOT / test).read_text(encoding="utf-8").replace('" / "', "/")


def test_comparison() -> None:
    """What is shown must have been printed, in order; lines may be broken elsewhere, and `...` stands for anything."""
    assert pages.as_shown("a b\n...\nd", "a\nb c\nd")
    assert pages.as_shown("n   2\n3   4", "n   2\n9   9\n3   4")
    assert not pages.as_shown("n   2\n3   4", "3   4\nn   2")
    assert not pages.as_shown("level 2", "level 3")


def test_python_is_held_to_what_it_shows(tmp_path: Path) -> None:
    """A comment below what prints, and one behind a value, must say what comes."""
    page = tmp_path / "page.md"
    for text, good in (
        ("print(1)\n# 1", True),
        ("print(1)\n# 2", False),
        ("x = 3\nx  # 3", True),
        ("x = 3\nx  # 4", False),
    ):
        page.write_text(f"```python\n{text}\n```\n")
        if good:
            pages.run_block(pages.blocks(page)[0], {}, tmp_path, "here")
        else:
            with pytest.raises(AssertionError):
                pages.run_block(pages.blocks(page)[0], {}, tmp_path, "here")


def test_files_of_a_page(tmp_path: Path) -> None:
    """A block that begins with the name of a file is that file for the commands below it."""
    page = tmp_path / "page.md"
    page.write_text("```yaml\n# a.yaml\nx: 1\n```\n\n    $ cat a.yaml\n    # a.yaml\n    x: 1\n")
    (tmp_path / "folder").mkdir()
    assert pages.run(page, tmp_path / "folder") > 0
    page.write_text(page.read_text().replace("    x: 1", "    x: 2"))
    (tmp_path / "other").mkdir()
    with pytest.raises(AssertionError, match="reads otherwise"):
        pages.run(page, tmp_path / "other")


def test_links_are_rewritten(tmp_path: Path) -> None:
    """A link out of the documentation leads to where the site has its goal; code and addresses are left alone."""
    moved = {tmp_path / "CHANGELOG.md": tmp_path / "docs" / "made" / "changelog.md"}
    page = tmp_path / "docs" / "how-to" / "a.md"
    target = links.resolver(tmp_path, page, page, moved)
    text = "[a](../../CHANGELOG.md#b) [c](https://example.org/x) [d](e.md) `x`\n\n    [f](../../CHANGELOG.md)\n"
    assert links.rewritten(text, target) == text.replace("../../CHANGELOG.md#b", "../made/changelog.md#b")


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('<p id="x"><a href="#x">here</a>', None),
        ('<a href="b.html">gone</a>', "is not there"),
        ('<a href="#y">gone</a>', "an anchor that is not there"),
        ('<script src="https://example.org/a.js"></script>', "from a network"),
        ('<p style="background: url(//example.org/a.png)">', "a style loads"),
        ('<a href="https://example.org">elsewhere</a>', None),
    ],
)
def test_check_of_the_site(body: str, fault: str | None, tmp_path: Path) -> None:
    """A broken link or anchor, and whatever is loaded from a network, is found; links to other sites are not loads."""
    (tmp_path / "a.html").write_text(f"<html><body>{body}</body></html>")
    found = list(check.faults(tmp_path))
    assert (found == []) if fault is None else fault in found[0], json.dumps(found)


def test_links_of_every_page() -> None:
    """Every relative link of a page leads to a file or folder of the repository, as a reader of the repository follows it."""
    missing = []
    for page in pages.every_page():
        text = pages.without_code(page.read_text(encoding="utf-8"))
        links_of = re.findall(r"\]\((?!https?:|mailto:|#)([^)\s#]+)", text)
        missing += [f"{pages.name(page)}: {link}" for link in links_of if not (page.parent / link).exists()]
    assert not missing
