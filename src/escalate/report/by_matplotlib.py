"""Figures that Matplotlib draws, in the look of all others: SVG that a strict page can hold, and files of it."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from threading import RLock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree as ET

from escalate.report.look import INK, ROLES, SHEET
from escalate.report.picture import Picture
from escalate.report.svg import clean

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

SVG: Final = "{http://www.w3.org/2000/svg}"
LINK: Final = "{http://www.w3.org/1999/xlink}href"
_ROLE_OF: Final = MappingProxyType({shade.light.lower(): role for role, shade in ROLES.items()})
_NUMBER: Final = re.compile(r"-?\d+\.\d+")
_INNER: Final = re.compile(r"url\(#([^)]+)\)")
SETTINGS: Final[Mapping[Any, str]] = MappingProxyType(
    {
        "svg.fonttype": "path",
        "svg.hashsalt": "escalate",
        "font.family": "DejaVu Sans",
    }
)
"""The same on every machine: letters are outlines, of the font that comes with Matplotlib."""
_LETTERS: Final = (
    "axes.edgecolor", "axes.labelcolor", "axes.titlecolor", "text.color", "xtick.color", "ytick.color", "hatch.color"
)  # fmt: skip
COLOUR_SETTINGS: Final[Mapping[Any, str]] = MappingProxyType(
    dict.fromkeys(_LETTERS, INK) | {"figure.facecolor": SHEET, "axes.facecolor": SHEET, "savefig.facecolor": SHEET}
)


_drawing: Final = RLock()


@contextmanager
def settings() -> Iterator[None]:
    """Draw with our colours and fonts, whatever the user's own settings of Matplotlib are."""
    import matplotlib as mpl  # noqa: PLC0415 - slow to import, seldom needed

    # The settings are those of the whole process, and pages are drawn by several threads.
    with _drawing, mpl.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a letter that the font lacks is drawn as a box
        mpl.rcdefaults()
        mpl.rcParams.update({**SETTINGS, **COLOUR_SETTINGS})
        yield


@dataclass(frozen=True)
class Plotted:
    """A figure by Matplotlib with its name, and what it shows in words."""

    name: str
    figure: Figure
    description: str

    @cached_property
    def picture(self) -> Picture:
        """The figure as a picture for pages and documents."""
        width, height = (round(72 * float(inches), 2) for inches in self.figure.get_size_inches())
        svg = _plain(self._bytes("svg").decode(), self.name, self.description)
        return Picture(self.name, svg, self.description, width, height)

    def pdf(self) -> bytes:
        """Return the figure as PDF, the same bytes each time."""
        return self._bytes("pdf")

    def _bytes(self, kind: str) -> bytes:
        buffer = io.BytesIO()
        with settings():
            for text in self.figure.findobj(_is_text):
                text.set_parse_math(False)  # type: ignore[attr-defined]
            self.figure.savefig(buffer, format=kind, metadata={"Date" if kind == "svg" else "CreationDate": None})
        return buffer.getvalue()


def _is_text(artist: Artist) -> bool:
    return hasattr(artist, "set_parse_math")


def _plain(text: str, name: str, description: str) -> str:
    """Return SVG without styles and metadata: looks as attributes, with classes beside them, and ids of its own."""
    root = ET.fromstring(re.sub(r"<!DOCTYPE[^>]*>", "", text, count=1))
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in {f"{SVG}style", f"{SVG}metadata"}:
                parent.remove(child)
    for node in root.iter():
        _attributes(node, name)
    _unused_ids(root)
    size = [value.removesuffix("pt") for value in (root.get("width", ""), root.get("height", ""))]
    root.attrib = {
        "xmlns": SVG.strip("{}"),
        "class": "drawing-plotted",
        "role": "img",
        "aria-label": clean(description),
        "viewBox": root.get("viewBox", ""),
        "width": size[0],
        "height": size[1],
        # What Matplotlib says in a style sheet.
        "stroke-linejoin": "round",
        "stroke-linecap": "butt",
    }
    return ET.tostring(root, encoding="unicode")


def _attributes(node: ET.Element, name: str) -> None:
    for entry in node.attrib.pop("style", "").split(";"):
        key, _, value = entry.partition(":")
        if value:
            node.set(key.strip(), value.strip())
    if LINK in node.attrib:
        node.set("href", node.attrib.pop(LINK))
    for key, value in node.attrib.items():
        if key == "id":
            node.set(key, f"{name}-{value}")
        elif key == "href":
            node.set(key, f"#{name}-{value[1:]}")
        elif key == "d":
            node.set(
                key,
                _NUMBER.sub(lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), " ".join(value.split())),
            )
        elif "url(" in value:
            node.set(key, _INNER.sub(rf"url(#{name}-\1)", value))
    roles = [f"drawing-{paint}-{_ROLE_OF[node.attrib[paint].lower()]}" for paint in ("fill", "stroke")
             if node.get(paint, "").lower() in _ROLE_OF]  # fmt: skip
    if roles:
        node.set("class", " ".join(roles))
    node.tag = node.tag.removeprefix(SVG)
    node.text = node.tail = None


def _unused_ids(root: ET.Element) -> None:
    """Drop the ids that nothing in the drawing points to."""
    used = {node.get("href", "")[1:] for node in root.iter()}
    used |= {found for node in root.iter() for value in node.attrib.values() for found in _INNER.findall(value)}
    for node in root.iter():
        if node.get("id") and node.get("id") not in used:
            del node.attrib["id"]
