"""What is believed of each dose: estimates with their intervals, observed rates, the target; the highest level on top."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from escalate.core.method import TableMethod
from escalate.core.outcome import burden_units
from escalate.methods.families.dose_choice import DoseChoice
from escalate.methods.families.toxicity_intervals import EquivalenceInterval
from escalate.report.look import SMALL, TEXT
from escalate.report.plan import lit_level
from escalate.report.sentences import dose_words, level_words
from escalate.report.svg import WIDTH, Drawn, drawing, element, raised, width_of, words, wrapped

if TYPE_CHECKING:
    from escalate.core.design import Design
    from escalate.report.plan import Plan
    from escalate.study.recommend import Recommendation
    from escalate.study.select import DoseRow

LEFT: Final = 16.0
ROOM: Final = WIDTH - 2 * LEFT
NBSP: Final = "\N{NO-BREAK SPACE}"


def posterior_plot(
    found: Recommendation, *, plan: Plan | None = None, name: str = "posterior", heading: Sequence[str] = ()
) -> Drawn:
    """Draw the estimate of each dose with its 95% interval, the observed rate, the target, and the interval around it.

    A dose without an estimate says so. Where the method estimates nothing, observed rates alone are drawn.

    Parameters
    ----------
    plan
        What was decided: its level stands out instead of the recommended one.
    name
        Starts the ids of the drawing.
    heading
        Texts above it.
    """
    design, band = found.design, band_of(found.design)
    any_estimate = any(row.estimate is not None for row in found.doses)
    drawn: list[Drawn] = []
    said, y = [], 6.0
    for row in reversed(found.doses):
        text = _numbers(design, row, any_estimate)
        said.append(f"L{level_words(design, row.level)[1:]}: {text.replace(NBSP, ' ')}.")
        shown, bottom = _row(design, row, text, band, y)
        if row.level == lit_level(found, plan):
            drawn.append(element("rect", look="drawing-next", x=4, y=y, width=WIDTH - 8, height=bottom - y, rx=3))
        drawn += shown
        y = bottom + 4
    key, height = _legend(found, band, any_estimate, y + 42)
    what = _what(design)
    target = "" if design.target is None else f" The target is {design.target:g}."
    about = f"Highest level first. {' '.join(said)}{target}{'' if band is None else f' Band: {band[2]}.'}"
    return drawing(name, f"{what[0].upper()}{what[1:]} by dose level", about, height, [*drawn, *_axis(y + 2), *key],
                   heading=heading)  # fmt: skip


def band_of(design: Design) -> tuple[float, float, str] | None:
    """Return the ends of the interval that the method compares with, and its words; None where it has none.

    It is the target interval where the method has one, else the observed rates at which a table stays at a dose.
    """
    method = design.method
    if isinstance(method, DoseChoice):
        low, high = method.limits
        return low, high, f"target interval {low:g} to {high:g}"
    if isinstance(method, EquivalenceInterval):
        low, high = map(float, method.interval(design))
        return low, high, f"target interval {low:g} to {high:g}"
    cuts = sorted(method.boundaries(design).values()) if isinstance(method, TableMethod) else []
    if len(cuts) == 2:
        return cuts[0], cuts[1], f"stay at observed {_rate(design)}s between {cuts[0]:.3f} and {cuts[1]:.3f}"
    return None


def observed(design: Design, row: DoseRow) -> tuple[float, float] | None:
    """Return the DLT rate seen so far and the one if every pending patient had a DLT; None where nobody had the dose.

    Where outcomes are scored it is the mean score as a part of a DLT's.
    """
    if not row.patients:
        return None
    if row.outcomes is None:
        return row.dlts / row.patients, (row.dlts + row.pending) / row.patients
    units, whole = burden_units(design.outcomes)
    burden = sum(int(u) * row.outcomes[each.letter] for u, each in zip(units, design.outcomes, strict=True))
    return burden / whole / row.patients, burden / whole / row.patients + row.pending / row.patients


def _scored(design: Design) -> bool:
    return burden_units(design.outcomes)[1] > 1


def _what(design: Design) -> str:
    return "mean score as a part of a DLT's" if _scored(design) else "DLT probability"


def _rate(design: Design) -> str:
    return "mean score" if _scored(design) else "DLT rate"


def _numbers(design: Design, row: DoseRow, any_estimate: bool) -> str:
    """Return what a row shows, in words."""
    parts = [f"{row.dlts}/{row.patients} DLTs" if row.patients else "no patients"]
    if row.pending:
        parts[0] += f", {row.pending} pending"
    seen = observed(design, row)
    if _scored(design) and seen is not None:
        parts.append(f"observed {seen[0]:.2f}")
    if row.estimate is not None:
        interval = "" if row.lower is None or row.upper is None else f" ({row.lower:.2f} to {row.upper:.2f})"
        parts.append(f"estimate {row.estimate:.2f}{interval}")
    elif any_estimate:
        parts.append("no estimate")
    limit = design.method.overdose_limit(design)
    if row.prob_overdose is not None and limit is not None:
        parts.append(f"Pr({'score' if _scored(design) else 'p'} > {limit:g}) = {row.prob_overdose:.2f}")
    # A part is not broken over two lines.
    return "; ".join(part.replace(" ", NBSP) for part in parts)


def _row(
    design: Design, row: DoseRow, text: str, band: tuple[float, float, str] | None, top: float
) -> tuple[list[Drawn], float]:
    """Return a dose's words and its marks, and where the row ends."""
    drawn, y = [], top + 18
    for k, line in enumerate(wrapped(f"Level {row.level} · {raised(dose_words(design, row.level))}", TEXT, ROOM)):
        bold = f"Level {row.level}" if k == 0 else ""
        head = [element("tspan", bold, font_weight="bold")] if bold else []
        drawn.append(words(LEFT, y, *head, line.removeprefix(bold)))
        y += 17
    for line in wrapped(text, SMALL, ROOM):
        drawn.append(words(LEFT, y, line, look="drawing-muted", size=SMALL))
        y += 15
    drawn += _marks(design, row, band, y + 4)
    return drawn, y + 23


def _marks(design: Design, row: DoseRow, band: tuple[float, float, str] | None, y: float) -> Iterator[Drawn]:
    if band is not None:
        low, high = _x(band[0]), _x(band[1])
        yield element("rect", look="drawing-band", x=low, y=y - 11, width=high - low, height=26)
    yield element("line", look="drawing-grid", x1=LEFT, y1=y, x2=LEFT + ROOM, y2=y)
    if design.target is not None:
        x = _x(design.target)
        yield element("line", look="drawing-target", x1=x, y1=y - 12, x2=x, y2=y + 16)
    if row.lower is not None and row.upper is not None:
        yield element("line", look="drawing-interval", x1=_x(row.lower), y1=y, x2=_x(row.upper), y2=y)
    if row.estimate is not None:
        yield element("circle", look="drawing-estimate", cx=_x(row.estimate), cy=y, r=6)
    seen = observed(design, row)
    if seen is not None:
        # Below the line, so that neither hides the other.
        yield element("line", look="drawing-line", x1=_x(seen[0]), y1=y + 8, x2=_x(seen[1]), y2=y + 8)
        yield element("path", look="drawing-hollow", d=_diamond(_x(seen[0]), y + 8))


def _diamond(x: float, y: float) -> str:
    return f"M{x:.2f} {y - 6:g}l6 6l-6 6l-6 -6z"


def _x(rate: float) -> float:
    return LEFT + ROOM * min(max(rate, 0.0), 1.0)


def _axis(y: float) -> Iterator[Drawn]:
    yield element("line", look="drawing-line", x1=LEFT, y1=y, x2=LEFT + ROOM, y2=y)
    for k in range(6):
        x = _x(k / 5)
        yield element("line", look="drawing-line", x1=x, y1=y, x2=x, y2=y + 5)
        yield words(x, y + 18, f"{k / 5:g}", size=SMALL, anchor="middle")


def _legend(
    found: Recommendation, band: tuple[float, float, str] | None, any_estimate: bool, y: float
) -> tuple[list[Drawn], float]:
    """Return what the marks mean, in lines from y on, and the height of the drawing."""
    design, pending = found.design, any(row.pending for row in found.doses)
    entries: list[tuple[str, str]] = [("estimate", "estimate, 95% interval")] if any_estimate else []
    so_far = " so far; line: if all pending had a DLT" if pending else ""
    entries.append(("observed", f"observed {_rate(design)}{so_far}"))
    entries += [("target", f"target {design.target:g}")] if design.target is not None else []
    entries += [("band", band[2])] if band is not None else []
    drawn, x = [words(LEFT, y, _what(design), size=SMALL)], 6.0
    y += 20
    for mark, text in entries:
        wide = 26 + width_of(text, SMALL) + 10
        if x + wide > WIDTH and x > 6:
            x, y = 6.0, y + 20
        drawn += [*_sample(mark, x, y - 4), words(x + 25, y, text, size=SMALL)]
        x += wide
    return drawn, y + 12


def _sample(mark: str, x: float, y: float) -> Iterator[Drawn]:
    if mark == "estimate":
        yield element("line", look="drawing-interval", x1=x, y1=y, x2=x + 20, y2=y)
        yield element("circle", look="drawing-estimate", cx=x + 10, cy=y, r=6)
    elif mark == "observed":
        yield element("path", look="drawing-hollow", d=_diamond(x + 10, y))
    elif mark == "target":
        yield element("line", look="drawing-target", x1=x + 10, y1=y - 8, x2=x + 10, y2=y + 8)
    else:
        yield element("rect", look="drawing-band", x=x, y=y - 6, width=20, height=12)
