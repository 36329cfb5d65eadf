"""The extension of Sphinx: pages are generated before the build, and each page's links and blocks are made ready when read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from _ext import blocks, commands, copies, http_api, json_examples, methods, python_api, requirements, settings
from _ext.links import resolver, rewritten
from _ext.words import write

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
MADE = DOCS / "_generated"


def pages(root: Path = ROOT) -> dict[str, str]:
    """Return every generated page by its name."""
    return {
        "commands.md": commands.page(),
        "settings.md": settings.page(root),
        "python.md": python_api.page(),
        "http.md": http_api.page(),
        "json.md": json_examples.page(root),
        "requirements.md": requirements.page(root),
        "designs.md": copies.designs(root),
    }


def generate(_app: Any = None) -> None:
    """Write every generated page, take the copies, and remove what is made no more."""
    kept = set(copies.write_copies(ROOT))
    for name, text in pages().items():
        write(MADE / name, text)
        kept.add(MADE / name)
    for old in MADE.rglob("*.md"):
        if old not in kept:
            old.unlink()


def ready(app: Any, docname: str, source: list[str]) -> None:
    """Make the text of a page ready: links out of the documentation, blocks with their language, the table of the methods."""
    page = Path(app.env.doc2path(docname))
    if page.suffix != ".md":
        return
    text = source[0].replace("<!-- generated: methods -->", methods.overview(ROOT))
    if MADE not in page.parents:
        text = rewritten(text, resolver(ROOT, page, page, copies.moved(ROOT)))
    source[0] = blocks.fenced(text)


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("builder-inited", generate)
    app.connect("source-read", ready)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
