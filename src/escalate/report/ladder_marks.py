"""The marks of the dose ladder: a shape for each status, signs beside words, and the legend."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from escalate.report.look import SMALL
from escalate.report.svg import WIDTH, Drawn, element, width_of, words

if TYPE_CHECKING:
    from escalate.report.ladder import Status

PITCH: Final = 17.0
"""Units from one patient to the next."""
Sign: TypeAlias = Literal["decided", "proposed", "recommended", "mtd", "current", "barred", ""]
_R: Final = 6.5


def patient_mark(status: Status, letter: str, said: str, x: float, y: float, *, backfilled: bool) -> Drawn:
    """Return the mark of one patient: a shape for its status, in a frame where it was backfilled."""
    frame = [element("rect", look="drawing-frame", x=x - 8, y=y - 8, width=16, height=16)] if backfilled else []
    return element("g", element("title", said), *frame, *_shape(status, letter, x, y))


def _shape(status: Status, letter: str, x: float, y: float) -> Iterator[Drawn]:
    if status == "dlt":
        yield element("path", look="drawing-dlt", d=_cross(x, y, 6.5, 2.6))
    elif status == "pending":
        yield element("circle", look="drawing-hollow", cx=x, cy=y, r=_R - 0.5)
        yield element("path", look="drawing-line", d=f"M{x:g} {y - 3.5:g}V{y:g}H{x + 3:g}")
    elif status == "not_evaluable":
        yield element("path", look="drawing-hollow", d=f"M{x - 5.5:g} {y - 2:g}h11v4h-11z")
    else:
        yield element("circle", look="drawing-none", cx=x, cy=y, r=_R - 0.5)
        if letter:
            yield words(x, y + 4.3, letter, look="drawing-letter", size=SMALL, anchor="middle")


def _cross(x: float, y: float, reach: float, half: float) -> str:
    """Return the outline of a broad x."""
    a, b = reach, reach - half
    corners = ((-a, -b), (-b, -a), (0, -half), (b, -a), (a, -b), (half, 0), (a, b), (b, a), (0, half), (-b, a), (-a, b),
               (-half, 0))  # fmt: skip
    return "M" + "L".join(f"{x + dx:g} {y + dy:g}" for dx, dy in corners) + "z"


def flag(sign: Sign, text: str, x: float, y: float) -> Iterator[Drawn]:
    """Yield a sign and its words on the base line at y."""
    m = y - 4.5
    arrow = f"M{x + 1:g} {m - 5:g}L{x + 11:g} {m:g}L{x + 1:g} {m + 5:g}z"
    if sign == "decided":
        yield element("path", look="drawing-sign", d=arrow)
    elif sign == "recommended":
        yield element("path", look="drawing-hollow", d=arrow)
    elif sign == "proposed":
        yield element("circle", look="drawing-hollow", cx=x + 6, cy=m, r=5)
        yield element("circle", look="drawing-sign", cx=x + 6, cy=m, r=1)
    elif sign == "mtd":
        yield element("path", look="drawing-sign", d=f"M{x + 1:g} {m + 5:g}V{m - 6:g}H{x + 11:g}L{x + 8:g} {m - 3:g}"
                      f"L{x + 11:g} {m:g}H{x + 1:g}")  # fmt: skip
    elif sign == "current":
        yield element("path", look="drawing-line", d=f"M{x + 2:g} {m - 4:g}l5 4l-5 4")
    elif sign == "barred":
        yield element("circle", look="drawing-line", cx=x + 6, cy=m, r=5)
        yield element("line", look="drawing-line", x1=x + 2.5, y1=m + 3.5, x2=x + 9.5, y2=m - 3.5)
    bold = "bold" if sign in {"decided", "proposed", "mtd"} else None
    yield words(x + 16, y, element("tspan", text, font_weight=bold), size=SMALL)


def flag_width(text: str) -> float:
    """Return the room that a flag takes, to the next one."""
    return 16 + 1.08 * width_of(text, SMALL) + 12


def legend(
    statuses: Iterable[Status],
    backfill: bool,
    cohorts: bool,
    y: float,
    letters: Sequence[tuple[str, str]] = (),
) -> tuple[list[Drawn], float]:
    """Return what the marks mean, in lines from y on, and the height of the drawing.

    Parameters
    ----------
    letters
        Letters in the marks of patients without a DLT, and what each means; none where outcomes are not graded.
    """
    there = set(statuses)
    entries: list[tuple[Status | Literal["backfill", "number"], str]] = []
    entries += [("none", name) for _, name in letters] or [("none", "no DLT")]
    entries += [("dlt", "DLT")]
    entries += [("pending", "pending")] if "pending" in there else []
    entries += [("not_evaluable", "not evaluable")] if "not_evaluable" in there else []
    entries += [("backfill", "backfilled")] if backfill else []
    entries += [("number", "number of the cohort")] if cohorts else []
    drawn, x = [], 6.0
    for k, (mark, text) in enumerate(entries):
        wide = 22 + width_of(text, SMALL) + 10
        if x + wide > WIDTH and x > 6:
            x, y = 6.0, y + 20
        if mark == "backfill":
            drawn.append(element("rect", look="drawing-frame", x=x + 1, y=y - 12, width=16, height=16))
        elif mark == "number":
            drawn.append(element("line", look="drawing-frame", x1=x, y1=y - 11, x2=x + 16, y2=y - 11))
            drawn.append(words(x + 8, y + 2, "1", look="drawing-muted", size=SMALL, anchor="middle"))
        else:
            drawn += _shape(mark, letters[k][0] if k < len(letters) else "", x + 8, y - 4)
        drawn.append(words(x + 21, y, text, size=SMALL))
        x += wide
    return drawn, y + 12
