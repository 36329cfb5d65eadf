"""The one look of all drawings: colours by what they are for, on white and on a dark page, hatches, and sizes of letters.

No other drawing file names a colour. The light values are written into the drawings, as presentation attributes; a style sheet
turns them into the dark look by the classes that stand beside them (`stylesheet`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias


@dataclass(frozen=True)
class Shade:
    """A colour on white and on a dark page, and the variable of the web page's style sheet that holds it."""

    light: str
    dark: str
    variable: str


ROLES: Final = MappingProxyType(
    {
        "ink": Shade("#18212C", "#E9EEF4", "ink"),
        "muted": Shade("#4F5B68", "#AAB5C1", "muted"),
        "sheet": Shade("#FFFFFF", "#18202A", "sheet"),
        "ground": Shade("#F4F6F8", "#10151B", "ground"),
        "line": Shade("#D3DAE1", "#324050", "line"),
        "pale": Shade("#75818E", "#7F8C9A", "strong-line"),
        "next": Shade("#0A5A9C", "#7CBCF5", "blue"),
        "next-pale": Shade("#E6F0F9", "#17304A", "blue-pale"),
        "band": Shade("#E2F4EC", "#11332A", "green-pale"),
        "amber-pale": Shade("#FFF3D9", "#35290F", "amber-pale"),
        "red-pale": Shade("#FDEAE5", "#3D1A12", "red-pale"),
        "dlt": Shade("#B34700", "#FF8F52", "dlt"),
        "no-dlt": Shade("#0072B2", "#56B4E9", "no-dlt"),
        "orange": Shade("#E69F00", "#F0B43C", "orange"),
        "green": Shade("#009E73", "#0B9A73", "series-green"),
        "pink": Shade("#CC79A7", "#CC79A7", "pink"),
        "sky": Shade("#56B4E9", "#BDE6FB", "sky"),
        "vermilion": Shade("#D55E00", "#D9570F", "vermilion"),
        "brown": Shade("#6B1D00", "#F3A58B", "brown"),
        "grey": Shade("#C4C4C4", "#5D6874", "grey"),
        "on-orange": Shade("#1A1400", "#1A1401", "on-orange"),
    }
)
"""What colours are for:

* `ink`, `muted`: letters and axes, and letters of less weight; `sheet`: paper, and letters on dark marks; `on-orange`: letters on
  orange.
* `line`, `ground`: what helps the eye, and need not be seen to read the drawing; `pale`: marks of less weight.
* `next`, `next-pale`: the level to be given next; `band`: an interval of rates.
* `no-dlt`, `dlt`: patients without and with a DLT; the target is drawn in the colour of DLTs.
* `band`, `next-pale`, `amber-pale`, `red-pale`: escalate, stay, de-escalate, eliminate in a decision table, behind their letters.
* The others, with `no-dlt` first: series, always outlined in ink. They are Okabe and Ito's palette on white.
* `brown`, `grey`: eliminate and end in the safety atlas.
"""


def light(role: str) -> str:
    """Return the colour of a role on white."""
    return ROLES[role].light


INK, MUTED, PALE, LINE, SHEET, GROUND = map(light, ("ink", "muted", "pale", "line", "sheet", "ground"))
DLT, BAND, NEXT_PALE, ON_ORANGE, GREY = map(light, ("dlt", "band", "next-pale", "on-orange", "grey"))

SERIES: Final = ("no-dlt", "orange", "green", "pink", "sky", "vermilion")
"""Roles of series in their order."""
COLOURS: Final = tuple(map(light, SERIES))
HATCHES: Final = ("", "////", "\\\\\\\\", "----", "||||", "xxxx", "++++", "oo")
"""Beside the colours: where these look alike, as the seventh and the first do, and all of them on a grey printer."""

TEXT: Final = 14.0
SMALL: Final = 12.0
"""Sizes of letters in drawings for the page, of 400 units in width; none is smaller."""
FAMILY: Final = "system-ui, Helvetica, Arial, sans-serif"

Look: TypeAlias = MappingProxyType[str, str]


def _look(**attributes: str) -> Look:
    return MappingProxyType(attributes)


MARKS: Final = MappingProxyType(
    {
        "drawing": _look(font_family=FAMILY, font_size=f"{TEXT:g}", fill="ink"),
        "drawing-sheet": _look(fill="sheet", stroke="none"),
        "drawing-text": _look(fill="ink"),
        "drawing-muted": _look(fill="muted"),
        "drawing-line": _look(stroke="ink", stroke_width="1.5", fill="none"),
        "drawing-grid": _look(stroke="line", stroke_width="1", fill="none"),
        "drawing-next": _look(fill="next-pale", stroke="next", stroke_width="2"),
        "drawing-barred": _look(fill="ground", stroke="pale", stroke_width="1", stroke_dasharray="4 3"),
        "drawing-sign": _look(fill="ink", stroke="ink", stroke_width="1.5"),
        "drawing-none": _look(fill="no-dlt", stroke="no-dlt", stroke_width="1.5"),
        "drawing-dlt": _look(fill="dlt", stroke="dlt", stroke_width="1"),
        "drawing-hollow": _look(fill="sheet", stroke="ink", stroke_width="1.5"),
        "drawing-letter": _look(fill="sheet"),
        "drawing-frame": _look(fill="none", stroke="ink", stroke_width="1"),
        "drawing-interval": _look(stroke="no-dlt", stroke_width="4", fill="none"),
        "drawing-estimate": _look(fill="no-dlt", stroke="sheet", stroke_width="1"),
        "drawing-target": _look(stroke="dlt", stroke_width="1.5", stroke_dasharray="6 4", fill="none"),
        "drawing-band": _look(fill="band", stroke="pale", stroke_width="1"),
        "drawing-escalate": _look(fill="band", stroke="pale", stroke_width="1"),
        "drawing-stay": _look(fill="next-pale", stroke="pale", stroke_width="1"),
        "drawing-deescalate": _look(fill="amber-pale", stroke="pale", stroke_width="1"),
        "drawing-eliminate": _look(fill="red-pale", stroke="pale", stroke_width="1"),
    }
)
"""The classes of drawn marks and what each brings; colours by role:

* `drawing`: the whole; `drawing-sheet`: behind it, where the drawing is a file of its own; `drawing-text`, `drawing-muted`:
  letters, and letters of less weight; `drawing-letter`: on a filled mark.
* `drawing-line`: rails, rungs, axes; `drawing-grid`: lines that help the eye.
* `drawing-next`: behind the level to be given next, or the MTD; `drawing-barred`: behind a level that is barred.
* `drawing-sign`: the signs before words such as *next*.
* `drawing-none`, `drawing-dlt`: a patient without and with a DLT; `drawing-hollow`: a mark that is not filled (pending, not
  evaluable, an observed rate); `drawing-frame`: around a backfilled patient, and under a cohort.
* `drawing-interval`, `drawing-estimate`, `drawing-target`, `drawing-band`: an interval, an estimate, the target, a band of rates.
* `drawing-escalate`, `drawing-stay`, `drawing-deescalate`, `drawing-eliminate`: cells of a decision table.
"""
_PAINTS: Final = ("fill", "stroke")


def attributes(mark: str) -> Look:
    """Return the presentation attributes of a class in the light look.

    Examples
    --------
    >>> dict(attributes("drawing-muted"))
    {'fill': '#4F5B68'}
    """
    return MappingProxyType({k: light(v) if k in _PAINTS and v in ROLES else v for k, v in MARKS[mark].items()})


def stylesheet() -> str:
    """Return the rules that turn drawings into the dark look where the reader prefers it, except on paper.

    Examples
    --------
    >>> ".drawing-muted { fill: #AAB5C1; }" in stylesheet()
    True
    """
    rules = "\n".join(f"  {rule}" for rule in _rules(lambda shade: shade.dark))
    return f"@media screen and (prefers-color-scheme: dark) {{\n{rules}\n}}\n"


def page_rules() -> str:
    """Return the same rules by the variables of the web page's style sheet, for either look."""
    return "\n".join(_rules(lambda shade: f"var(--{shade.variable})"))


def _rules(colour: Callable[[Shade], str]) -> Iterator[str]:
    """Yield a rule for each class of a mark, and for each role a rule of what is filled and of what is stroked with it."""
    for mark, look in MARKS.items():
        painted = {k: colour(ROLES[v]) for k, v in look.items() if k in _PAINTS and v in ROLES}
        yield f".{mark} {{ {' '.join(f'{k}: {v};' for k, v in painted.items())} }}"
    for role, shade in ROLES.items():
        for paint in _PAINTS:
            yield f".drawing-{paint}-{role} {{ {paint}: {colour(shade)}; }}"
