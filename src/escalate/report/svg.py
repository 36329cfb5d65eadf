"""Drawings as SVG text: elements whose every text is escaped, and lettering that fits without measuring a font.

No element has a `style` attribute, a script or a `<style>`, so that a page with a strict content security policy can hold the
drawing. Looks are presentation attributes, which any rule of a style sheet overrides by the class names of `LOOKS`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from html import escape
from math import isfinite
from types import MappingProxyType
from typing import Final, TypeAlias

BLUE, RED, INK, GREY, PALE = "#0072B2", "#B34700", "#222222", "#595959", "#8C8C8C"
"""Of Okabe and Ito's palette, the red darker: 4.5 to 1 against white, and apart for any colour vision."""
WIDTH: Final = 400.0
"""Units of every drawing: about the pixels of a telephone, so that its smallest letters can be read there."""
TEXT: Final = 14.0
SMALL: Final = 12.0
"""Sizes of letters; none is smaller."""

Look: TypeAlias = MappingProxyType[str, str]


def _look(**attributes: str) -> Look:
    return MappingProxyType(attributes)


LOOKS: Final = MappingProxyType(
    {
        "drawing": _look(font_family="system-ui, Helvetica, Arial, sans-serif", font_size=f"{TEXT:g}", fill=INK),
        "drawing-text": _look(fill=INK),
        "drawing-muted": _look(fill=GREY),
        "drawing-line": _look(stroke=INK, stroke_width="1.5", fill="none"),
        "drawing-grid": _look(stroke="#D0D0D0", stroke_width="1", fill="none"),
        "drawing-next": _look(fill="#E3F0F8", stroke=BLUE, stroke_width="2"),
        "drawing-barred": _look(fill="#EDEDED", stroke=PALE, stroke_width="1", stroke_dasharray="4 3"),
        "drawing-sign": _look(fill=INK, stroke=INK, stroke_width="1.5"),
        "drawing-none": _look(fill=BLUE, stroke=BLUE, stroke_width="1.5"),
        "drawing-dlt": _look(fill=RED, stroke=RED, stroke_width="1"),
        "drawing-hollow": _look(fill="#FFFFFF", stroke=INK, stroke_width="1.5"),
        "drawing-letter": _look(fill="#FFFFFF"),
        "drawing-frame": _look(fill="none", stroke=INK, stroke_width="1"),
        "drawing-interval": _look(stroke=BLUE, stroke_width="4", fill="none"),
        "drawing-estimate": _look(fill=BLUE, stroke="#FFFFFF", stroke_width="1"),
        "drawing-target": _look(stroke=RED, stroke_width="1.5", stroke_dasharray="6 4", fill="none"),
        "drawing-band": _look(fill="#CFE8DC", stroke="none"),
    }
)
"""The classes that elements may have, and the attributes that each brings:

* `drawing`: the whole; `drawing-text`, `drawing-muted`: letters, and letters of less weight; `drawing-letter`: on a filled mark.
* `drawing-line`: rails, rungs, axes; `drawing-grid`: lines that help the eye.
* `drawing-next`: behind the level to be given next, or the MTD; `drawing-barred`: behind a level that is barred.
* `drawing-sign`: the signs before words such as *next*.
* `drawing-none`, `drawing-dlt`: a patient without and with a DLT; `drawing-hollow`: a mark that is not filled (pending, not
  evaluable, an observed rate); `drawing-frame`: around a backfilled patient, and under a cohort.
* `drawing-interval`, `drawing-estimate`, `drawing-target`, `drawing-band`: an interval, an estimate, the target, a band of rates.
"""

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


def drawing(name: str, title: str, description: str, height: float, children: Iterable[Drawn]) -> Drawn:
    """Return a whole drawing, which says in words what it shows.

    Parameters
    ----------
    name
        Starts the ids of title and description; no two drawings of a page may share it.
    """
    return element(
        "svg",
        element("title", title, id=f"{name}-title"),
        element("desc", description, id=f"{name}-desc"),
        *children,
        look="drawing",
        xmlns="http://www.w3.org/2000/svg",
        role="img",
        aria_labelledby=f"{name}-title",
        aria_describedby=f"{name}-desc",
        view_box=f"0 0 {_value(WIDTH)} {_value(height)}",
        width=WIDTH,
        height=height,
    )


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
    return 0.72 if letter.isupper() else 0.61


def _text(text: str) -> str:
    return escape(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text), quote=True)


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
