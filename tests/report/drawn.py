"""What the tests of drawings share: a drawing read back, and what must hold of every one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

from escalate.report.look import SMALL
from escalate.report.svg import LOOKS, width_of

SVG = "{http://www.w3.org/2000/svg}"


def read(drawing: str) -> ET.Element:
    """Return the root of a drawing after checking what holds of all: words, sizes, and nothing that a strict page forbids."""
    root = ET.fromstring(drawing)
    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img"
    first, second = list(root)[:2]
    assert (first.tag, second.tag) == (f"{SVG}title", f"{SVG}desc")
    assert (first.get("id"), second.get("id")) == (root.get("aria-labelledby"), root.get("aria-describedby"))
    assert first.text
    assert second.text
    x, y, width, height = map(float, str(root.get("viewBox")).split())
    assert (x, y, str(width), str(height)) == (
        0,
        0,
        str(float(root.get("width", 0))),
        str(float(root.get("height", 0))),
    )
    for node in root.iter():
        assert node.tag not in {f"{SVG}style", f"{SVG}script", f"{SVG}foreignObject", f"{SVG}a"}
        assert not {name for name in node.attrib if name == "style" or name.startswith("on") or "href" in name}
        assert node.get("class", "drawing") in LOOKS
    for text in texts(root):
        size = float(text.get("font-size", 0))
        assert size >= SMALL
        assert 0 < float(text.get("y", -1)) < height
        _within(text, size, width)
    return root


def _within(text: ET.Element, size: float, width: float) -> None:
    wide = width_of(said(text), size)
    at, anchor = float(text.get("x", -1)), text.get("text-anchor", "start")
    start = at - {"start": 0.0, "middle": wide / 2, "end": wide}[anchor]
    assert start >= -1
    assert start + wide <= width + 1, said(text)


def texts(root: ET.Element) -> Iterator[ET.Element]:
    """Yield the lines of text."""
    yield from root.iter(f"{SVG}text")


def said(node: ET.Element) -> str:
    """Return the text of an element and of all in it."""
    return "".join(node.itertext())


def lines(root: ET.Element) -> list[str]:
    """Return what is written, with plain blanks."""
    return [re.sub(r"\s", " ", said(text)) for text in texts(root)]


def described(root: ET.Element) -> str:
    """Return the description in words."""
    return said(list(root)[1])


def of_class(root: ET.Element, look: str) -> list[ET.Element]:
    """Return the elements of a class."""
    return [node for node in root.iter() if node.get("class") == look]
