"""Pages of the site that are written elsewhere: read-me files of the repository, and the listing of the design files."""

from __future__ import annotations

from pathlib import Path

from _ext.links import resolver, rewritten
from _ext.words import fenced, plain, write


def moved(root: Path) -> dict[Path, Path]:
    """Return where the site has what lies elsewhere in the repository, directories included."""
    docs, made = root / "docs", root / "docs" / "_generated"
    found = {
        root / "CHANGELOG.md": made / "changelog.md",
        root / "CONTRIBUTING.md": made / "contributing.md",
        root / "README.md": docs / "index.md",
        root / "designs": made / "designs.md",
        docs / "methods": docs / "methods.md",
        docs / "decisions": docs / "decisions.md",
    }
    for page in (*root.glob("simulations/**/*.md"), root / "benchmarks" / "README.md"):
        inside = page.relative_to(root).with_suffix("").parts
        name = "-".join(part for part in inside[1:] if part != "README") or inside[0]
        found[page] = made / "studies" / f"{name}.md"
        if page.stem == "README":
            found[page.parent] = found[page]
    found[root / "conformance" / "README.md"] = found[root / "conformance"] = made / "studies" / "conformance.md"
    return found


def write_copies(root: Path) -> list[Path]:
    """Write the pages that are copies, their links as seen from their new place, and return them."""
    places = moved(root)
    written = []
    for original, page in places.items():
        if original.is_file() and "_generated" in page.parts:
            text = rewritten(original.read_text(encoding="utf-8"), resolver(root, original, page, places))
            write(page, text)
            written.append(page)
    return written


def designs(root: Path) -> str:
    """Return the listing of the design files, each with what it holds."""
    parts = ["# Design files\n\nReady to run, and to start from; they lie in `designs/`.\n"]
    for path in sorted(root.glob("designs/**/*.yaml")):
        name = path.relative_to(root)
        parts.append(f"## {plain(str(name.relative_to('designs')))}\n\n[{path.name}](../../{name})\n")
        parts.append(fenced(path.read_text(encoding="utf-8"), "yaml"))
    return "\n".join(parts)
