"""Drawings as SVG text: elements whose every text is escaped, and lettering that fits without measuring a font.

No element has a `style` attribute, a script or a `<style>`, so that a page with a strict content security policy can hold the
drawing. Looks are presentation attributes, which any rule of a style sheet overrides by the class names of `look.MARKS`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from html import escape
from math import isfinite
from types import MappingProxyType
from typing import Final

from escalate.report.look import MARKS, SMALL, TEXT, attributes

WIDTH: Final = 400.0
"""Units of every drawing: about the pixels of a telephone, so that its smallest letters can be read there."""
LOOKS: Final = MappingProxyType({mark: attributes(mark) for mark in MARKS})
"""The classes that elements may have, and the attributes that each brings."""

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_POWER: Final = re.compile(r"\^(-?\d+)")
_RAISED: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Drawn(str):
    """SVG that is escaped already. Django's templates and `html.escape`'s friends know it by `__html__`."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


def element(tag: str, *children: str | Drawn, look: str | None = None, **attributes: str | float | None) -> Drawn:
    """Return one element; children that are not `Drawn` are text and are escaped.

    Parameters
    ----------
    look
        One of `LOOKS`: its class, and the attributes that it has without a style sheet.
    attributes
        An underscore stands for a hyphen, `view_box` for `viewBox`. None leaves an attribute out.

    Raises
    ------
    ValueError
        For a name that is not one, for `style` and handlers of events, and for a number that is not finite.

    Examples
    --------
    >>> element("text", "a < b", x=3, font_size=12)
    '<text x="3" font-size="12">a &lt; b</text>'
    """
    given: dict[str, str | float | None] = {}
    if look is not None:
        given = {"class": look, **LOOKS[look]}
    given |= attributes
    said = "".join(f' {_name(name)}="{_value(value)}"' for name, value in given.items() if value is not None)
    inner = "".join(child if isinstance(child, Drawn) else _text(child) for child in children)
    if not _NAME.fullmatch(tag) or tag in {"style", "script"}:
        raise ValueError(f"{tag!r} is no element of a drawing")
    return Drawn(f"<{tag}{said}>{inner}</{tag}>" if inner else f"<{tag}{said}/>")


def drawing(
    name: str,
    title: str,
    description: str,
    height: float,
    children: Iterable[Drawn],
    *,
    heading: Sequence[str] = (),
    width: float = WIDTH,
) -> Drawn:
    """Return a whole drawing, which says in words what it shows.

    Parameters
    ----------
    name
        Starts the ids of title and description; no two drawings of a page may share it.
    heading
        Texts above the drawing, the first in bold; with them it is a sheet of its own, on paper. None where a page or a caption
        says them.
    """
    head, top = _heading(heading, width)
    inner = [element("g", *children, transform=f"translate(0 {_value(top)})")] if heading else list(children)
    sheet = [element("rect", look="drawing-sheet", width=width, height=height + top)] if heading else []
    return element(
        "svg",
        element("title", title, id=f"{name}-title"),
        element("desc", description, id=f"{name}-desc"),
        *sheet,
        *head,
        *inner,
        look="drawing",
        xmlns="http://www.w3.org/2000/svg",
        role="img",
        aria_labelledby=f"{name}-title",
        aria_describedby=f"{name}-desc",
        view_box=f"0 0 {_value(width)} {_value(height + top)}",
        width=width,
        height=height + top,
    )


def _heading(texts: Sequence[str], width: float) -> tuple[list[Drawn], float]:
    """Return the lines above a drawing, and where it begins."""
    drawn: list[Drawn] = []
    y = 10.0
    for k, text in enumerate(texts):
        size, room = (SMALL, width - 16) if k else (TEXT, (width - 16) / 1.1)
        for line in wrapped(raised(text), size, room):
            y += size + 4
            shown = line if k else element("tspan", line, font_weight="bold")
            drawn.append(words(8, y, shown, look="drawing-muted" if k else "drawing-text", size=size))
    return drawn, y + 12 if texts else 0.0


def words(x: float, y: float, text: str | Drawn, *more: str | Drawn, look: str = "drawing-text", size: float = TEXT,
          anchor: str | None = None) -> Drawn:  # fmt: skip
    """Return a line of text with its left end, or as `anchor` says its middle or right end, on the base line at (x, y)."""
    return element("text", text, *more, look=look, x=x, y=y, font_size=size, text_anchor=anchor)


def raised(text: str) -> str:
    """Return a text with its powers raised.

    Examples
    --------
    >>> raised("10^8 PFU/mL, up to 4 mL")
    '10⁸ PFU/mL, up to 4 mL'
    """
    return _POWER.sub(lambda found: found[1].translate(_RAISED), text)


def width_of(text: str, size: float) -> float:
    """Return how wide a text is at most, in any usual sans serif font."""
    return size * sum(map(_em, text))


def wrapped(text: str, size: float, width: float) -> list[str]:
    """Return a text in lines no wider than so much; a word that is wider alone is broken.

    Examples
    --------
    >>> wrapped("10 mg once a day", 12, 60)
    ['10 mg', 'once a', 'day']
    """
    lines: list[str] = []
    line = ""
    # Not at a no-break space.
    for word in text.split(" "):
        for piece in _pieces(word, size, width):
            longer = f"{line} {piece}".lstrip()
            if line and width_of(longer, size) > width:
                lines.append(line)
                line = piece
            else:
                line = longer
    return [*lines, line]


def _pieces(word: str, size: float, width: float) -> Iterable[str]:
    while width_of(word, size) > width and len(word) > 1:
        fits = 1
        while fits < len(word) - 1 and width_of(word[: fits + 1], size) <= width:
            fits += 1
        yield word[:fits]
        word = word[fits:]
    yield word


def _em(letter: str) -> float:
    if letter in "\N{NO-BREAK SPACE} .,:;'|!()[]iljtfrI/-·":
        return 0.38
    if letter in "mwMW@%" or unicodedata.east_asian_width(letter) in "WF":
        return 1.0
    if letter in "#&+<=>^~±≤≥→↑↓\N{MULTIPLICATION SIGN}":
        return 0.84
    return 0.72 if letter.isupper() else 0.61


def clean(text: str) -> str:
    """Return a text without the characters that XML does not have."""
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)


def _text(text: str) -> str:
    return escape(clean(text), quote=True)


def _value(value: str | float) -> str:
    if isinstance(value, str):
        return _text(value)
    if not isfinite(value):
        raise ValueError(f"{value} is no place in a drawing")
    return f"{round(value, 2):g}"


def _name(name: str) -> str:
    said = "viewBox" if name == "view_box" else name.replace("_", "-")
    if not _NAME.fullmatch(said) or said == "style" or said.lower().startswith("on"):
        raise ValueError(f"{name!r} is no attribute of a drawing")
    return said
