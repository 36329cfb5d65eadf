"""A drawing as part of a page: no id twice, no style that reaches beyond it, nothing that loads or runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from math import inf
from typing import Final
from xml.etree import ElementTree

from escalate.report.picture import Picture

_SVG: Final = "{http://www.w3.org/2000/svg}"
_XLINK: Final = "{http://www.w3.org/1999/xlink}"
_LOCAL_URL: Final = re.compile(r"url\(\s*['\"]?#([^)'\"]+)['\"]?\s*\)")
_ANY_URL: Final = re.compile(r"url\((?!\s*['\"]?#)", re.IGNORECASE)
_OURS: Final = re.compile(r'\s*<svg[^>]*\bclass="(drawing[^"]*)"')
_LISTS: Final = ("aria-labelledby", "aria-describedby")


def is_ours(picture: Picture) -> bool:
    """Return whether a drawing is of the classes that have a dark look."""
    return _OURS.match(picture.svg) is not None


def size_in_text(picture: Picture, most: tuple[float, float] = (inf, inf)) -> tuple[float, float]:
    """Return width and height in points, no more than so much, where the letters are about as large as those of the text.

    A drawing made for the page has letters of 14 units, pixels there; Matplotlib's are drawn in points.
    """
    found = _OURS.match(picture.svg)
    wanted = 72 / 96 if found and found[1] == "drawing" else 1.0
    scale = min(wanted, most[0] / picture.width, most[1] / picture.height)
    return picture.width * scale, picture.height * scale


def inline(svg: str, prefix: str, description: str, size: tuple[float, float]) -> str:
    """Return a drawing to stand in a page.

    Parameters
    ----------
    prefix
        Starts each of its ids; no two drawings of a page may share it.
    description
        What it shows, for a person who cannot see it; it replaces what the drawing says of itself.
    size
        Width and height in points.

    Raises
    ------
    ValueError
        Where the drawing holds a script, an event handler, or an address of something outside it.

    Examples
    --------
    >>> inline('<svg xmlns="http://www.w3.org/2000/svg"><path id="a"/></svg>', "figure-1", "A line.", (72, 36))
    '<svg id="figure-1" role="img" aria-label="A line." width="72pt" height="36pt"><path id="figure-1-a"/></svg>'
    """
    root = ElementTree.fromstring(svg)
    if root.tag != f"{_SVG}svg":
        raise ValueError("a drawing is one svg element")
    for name in ("id", "role", "aria-label", *_LISTS):
        root.attrib.pop(name, None)
    for child in [each for each in root if each.tag in {f"{_SVG}title", f"{_SVG}desc"}]:
        root.remove(child)
    width, height = (f"{side:g}pt" for side in size)
    said = {"id": "", "role": "img", "aria-label": description}
    root.attrib = {**said, **root.attrib, "width": width, "height": height}
    return _written(root, prefix, None)


def standing_alone(svg: str, font: str) -> str:
    """Return a drawing as a file of its own, with every letter in one font.

    Raises
    ------
    ValueError
        Where the drawing holds a script, an event handler, or an address of something outside it.
    """
    text = _written(ElementTree.fromstring(svg), "", font)
    return text.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)


def _written(node: ElementTree.Element, prefix: str, font: str | None) -> str:
    if not isinstance(node.tag, str) or not node.tag.startswith(_SVG):
        # Comments, and data about the drawing in other vocabularies.
        return ""
    tag = node.tag.removeprefix(_SVG)
    if tag in {"script", "foreignObject", "metadata"}:
        if tag == "metadata":
            return ""
        raise ValueError(f"a drawing holds no {tag}")
    said = "".join(f' {name}="{escape(value)}"' for name, value in _attributes(node.attrib, prefix, font).items())
    text = _scoped(node.text or "", prefix) if tag == "style" else node.text or ""
    inner = escape(text, quote=False) + "".join(
        _written(child, prefix, font) + escape(child.tail or "", quote=False) for child in node
    )
    inner = inner if inner.strip() or tag in {"text", "tspan"} else ""
    return f"<{tag}{said}>{inner}</{tag}>" if inner else f"<{tag}{said}/>"


def _attributes(given: Mapping[str, str], prefix: str, font: str | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in given.items():
        name = "href" if key == f"{_XLINK}href" else key.replace("{http://www.w3.org/XML/1998/namespace}", "xml:")
        if name.startswith("{"):
            continue
        if name.lower().startswith("on"):
            raise ValueError(f"a drawing has no {name}")
        found[name] = _attribute(name, value, prefix, font)
    return found


def _attribute(name: str, value: str, prefix: str, font: str | None) -> str:
    if name == "id":
        return _own(value, prefix)
    if name == "href":
        if value.startswith("#"):
            return f"#{_own(value[1:], prefix)}"
        if not value.startswith("data:image/"):
            raise ValueError(f"a drawing loads nothing: {value[:60]}")
        return value
    if name in _LISTS:
        return " ".join(_own(each, prefix) for each in value.split())
    if _ANY_URL.search(value):
        raise ValueError(f"a drawing loads nothing: {value[:60]}")
    if font and name == "font-family":
        return font
    if font and name == "style":
        value = re.sub(r"font-family:[^;]*", f"font-family: {font}", value)
        value = re.sub(r"(?<![-\w])font:\s*((?:[\w.]+\s+)*?[\d.]+\w*)\s+[^;]*", rf"font: \1 {font}", value)
    return _LOCAL_URL.sub(lambda found: f"url(#{_own(found[1], prefix)})", value)


def _own(name: str, prefix: str) -> str:
    return f"{prefix}-{name}".rstrip("-") if prefix else name


def _scoped(rules: str, prefix: str) -> str:
    """Return rules of a drawing that hold in it alone, where it stands in a page."""
    if _ANY_URL.search(rules) or "@" in rules:
        raise ValueError("a drawing loads nothing: its style names an address or holds a rule with @")
    rules = _LOCAL_URL.sub(lambda found: f"url(#{_own(found[1], prefix)})", rules)
    if not prefix:
        return rules
    return re.sub(
        r"([^{}]+)\{",
        lambda found: ", ".join(f"#{prefix} {each.strip()}" for each in found[1].split(",")) + " {",
        rules,
    )
