"""Look through a built site for links and anchors that lead nowhere, and for anything loaded from a network."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADS = {
    "script": "src",
    "img": "src",
    "link": "href",
    "iframe": "src",
    "source": "src",
    "object": "data",
    "video": "src",
}


class _Page(HTMLParser):
    """The links of a page, what it loads, and its anchors."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.styles: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag links to, loads, and is called."""
        named = {key: value or "" for key, value in attrs}
        if "id" in named:
            self.anchors.add(named["id"])
        if tag == "a" and "href" in named:
            self.links.append(named["href"])
        if (
            tag in LOADS
            and LOADS[tag] in named
            and named.get("rel") not in {"canonical", "search", "index", "next", "prev"}
        ):
            self.loads.append(named[LOADS[tag]])
        if "style" in named:
            self.styles.append(named["style"])


@cache
def page(path: Path) -> _Page:
    """Return what a page holds."""
    found = _Page()
    found.feed(path.read_text(encoding="utf-8"))
    return found


def faults(site: Path) -> Iterator[str]:
    """Yield a sentence for each fault of a built site."""
    for path in sorted(site.rglob("*.html")):
        here, name = page(path), path.relative_to(site)
        for link in (*here.links, *here.loads):
            yield from _fault(site, path, link, loaded=link in here.loads)
        for style in here.styles:
            yield from (f"{name}: a style loads {found}" for found in _from_network(style))
    for path in sorted(site.rglob("*.css")):
        yield from (
            f"{path.relative_to(site)}: loads {found}" for found in _from_network(path.read_text(encoding="utf-8"))
        )


def _from_network(text: str) -> list[str]:
    return re.findall(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')\s]+)", text)


def _fault(site: Path, path: Path, link: str, *, loaded: bool) -> Iterator[str]:
    parts = urlsplit(link)
    name = path.relative_to(site)
    if parts.scheme in {"http", "https"} or parts.netloc:
        if loaded:
            yield f"{name}: loads {link} from a network"
        return
    if parts.scheme in {"mailto", "data"}:
        return
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target.is_dir():
        target /= "index.html"
    if not target.is_file():
        yield f"{name}: links to {link}, which is not there"
    elif parts.fragment and target.suffix == ".html" and unquote(parts.fragment) not in page(target).anchors:
        yield f"{name}: links to {link}, an anchor that is not there"


if __name__ == "__main__":
    found = list(dict.fromkeys(faults(Path(sys.argv[1]).resolve())))
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    sys.exit(1 if found else 0)
