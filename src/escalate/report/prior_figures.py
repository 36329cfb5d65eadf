"""A picture of a prior: DLT probability by dose, where the MTD is, and the first decisions; a row a design."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from math import ceil
from typing import TYPE_CHECKING, Final

import numpy as np

from escalate.core.errors import EscalateError
from escalate.core.moves import Action
from escalate.core.wording import rounded
from escalate.report.by_matplotlib import settings
from escalate.report.lettering import inches, wrapped
from escalate.report.look import BAND, COLOURS, DLT, GREY, INK, PALE, SHEET
from escalate.report.path_figures import SIGN, STYLE
from escalate.report.svg import raised

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from escalate.study.first_cohorts import FirstOutcome
    from escalate.study.prior import Prior

MAX_DESIGNS: Final = 8
WIDTH: Final = 13.2
PANELS: Final = ((0.75, 3.7), (6.0, 3.5), (10.3, 2.75))
"""Left edge and width of the three panels; their places are given, since a layout that is solved for differs in its last bits."""
LEFT, TOP, AXIS_TEXT, BOTTOM = 0.15, 0.5, 0.72, 0.12
TITLE, NOTE, PANEL, ROW = 0.2, 0.165, 2.2, 0.34
"""Inches of a line of the title and of the notes, of the panels at least, and of a line of the strip."""
FEW_LEVELS, MANY_LEVELS = 8, 12
AXIS, GAP, LETTERS = 3.5, 0.08, (8.0, 7.0, 6.0, 5.5)
"""Inches of the axis of levels and between two names on it; sizes of letters, the first that fits."""
BOX: Final = 0.62
"""Part of the strip that the decisions take; the rest shows how likely the outcomes are."""
DEPENDS: Final = "depends on the grades"


@settings()
def priors(found: Sequence[Prior]) -> Figure:
    """Draw what the priors of designs say, one below the other.

    Raises
    ------
    EscalateError
        Where there are too many for one page.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow to import, seldom needed

    if len(found) > MAX_DESIGNS:
        raise EscalateError(
            f"the picture would have {len(found)} designs, and {MAX_DESIGNS} are the most that can be read"
        )
    bands = [_band(one) for one in found]
    height = sum(band.height for band in bands)
    figure = Figure(figsize=(WIDTH, height))
    ceiling, top = max(_tallest(one) for one in found), height
    for one, band in zip(found, bands, strict=True):
        below = top - TOP - TITLE * len(band.title) - band.panel
        figure.text(LEFT / WIDTH, (top - TOP / 3) / height, "\n".join(band.title), fontsize=11, fontweight="bold", va="top",
                    color=INK)  # fmt: skip
        figure.text(
            LEFT / WIDTH, (below - AXIS_TEXT) / height, "\n".join(band.notes), fontsize=8.5, va="top", color=INK
        )
        for draw, (left, width) in zip((_toxicity, _mtd, _decisions), PANELS, strict=True):
            ax = figure.add_axes((left / WIDTH, below / height, width / WIDTH, band.panel / height))
            ax.spines[["top", "right"]].set_visible(False)
            ax.tick_params(colors=INK, labelsize=9)
            draw(ax, one, ceiling)
        top -= band.height
    return figure


@dataclass(frozen=True)
class _Band:
    """What one design takes of the page: its title, its panels, and what stands below them; sizes in inches."""

    title: list[str]
    notes: list[str]
    panel: float

    @property
    def height(self) -> float:
        return TOP + TITLE * len(self.title) + self.panel + AXIS_TEXT + NOTE * len(self.notes) + BOTTOM


def _band(found: Prior) -> _Band:
    title, notes = _heading(found)
    return _Band(title, notes, max(PANEL, ROW * len(_rows(found))))


def _heading(found: Prior) -> tuple[list[str], list[str]]:
    """Return the title and what stands below the panels, in lines that fit."""
    from escalate.report.prior_tables import no_dlt, stops  # noqa: PLC0415 - rich is not needed otherwise

    title = wrapped(f"{found.design.title}: the prior, before any patient", 11, "bold", WIDTH - 0.5)
    texts = [f"{stops(found)} {no_dlt(found)}", *(f"Warning: {warning.text}" for warning in found.warnings)]
    return title, [line for text in texts for line in wrapped(text, 8.5, "normal", WIDTH - 0.5)]


def _toxicity(ax: Axes, found: Prior, _ceiling: float) -> None:
    """Draw median, 50% and 95% intervals of each level, the target, and the target interval where there is one."""
    design = found.design
    if found.interval_limits is not None:
        low, high = found.interval_limits[:2]
        ax.axhspan(low, high, color=BAND, lw=0, zorder=0)
        for limit in (low, high):
            ax.axhline(limit, color=PALE, lw=0.8, zorder=1)
        _beside(ax, (low + high) / 2, f"{low:g} to {high:g}", INK)
    if design.target is not None:
        ax.axhline(design.target, color=DLT, lw=1.2, ls="--", zorder=1)
        where = design.target
        if found.interval_limits is not None:
            # Beside the name of the interval there is no room.
            where = found.interval_limits[1] + 0.035
        _beside(ax, where, f"target {design.target:g}", DLT)
    for dose in found.doses:
        low_95, low_50, median, high_50, high_95 = dose.quantiles
        ax.plot([dose.level] * 2, [low_95, high_95], color=COLOURS[0], lw=2, solid_capstyle="butt", zorder=2)
        ax.plot([dose.level] * 2, [low_50, high_50], color=COLOURS[0], lw=9, solid_capstyle="butt", zorder=3)
        ax.plot(dose.level, median, "o", color=SHEET, mec=INK, ms=6.5, zorder=4)
    ax.set(xlim=(0.5, design.n_doses + 0.5), ylim=(0, 1), ylabel="DLT probability")
    ax.set_title("Toxicity: median, 50% and 95% intervals", fontsize=9.5, loc="left", color=INK)
    _levels(ax, found)
    ax.set_yticks(np.arange(0, 1.01, 0.2))


def _beside(ax: Axes, y: float, text: str, colour: str) -> None:
    ax.text(1.02, y, text, transform=ax.get_yaxis_transform(), fontsize=8, va="center", color=colour)


def _levels(ax: Axes, found: Prior, *, before: Sequence[str] = (), after: str = "") -> None:
    """Name the levels, with their amounts where there is room."""
    design, n = found.design, found.design.n_doses
    amounts = [raised(rounded(amount)) for amount in design.doses.levels]
    size = _fitting(amounts, AXIS / (n + len(before)) - GAP) if n <= FEW_LEVELS else None
    # Of many levels every second or third is named, the highest among them.
    named = list(range(n, 0, -ceil(n / MANY_LEVELS)))[::-1]
    names = [f"{level}{after if level == n else ''}" for level in named]
    if size is not None:
        names = [f"{name}\n{amounts[level - 1]}" for name, level in zip(names, named, strict=True)]
    ax.set_xticks([*range(1 - len(before), 1), *named], [*before, *names])
    ax.tick_params(axis="x", labelsize=size or 8.0)
    ax.set_xlabel("dose level" if size is None else f"dose level, {design.doses.unit}", fontsize=9, color=INK)


def _fitting(texts: Sequence[str], room: float) -> float | None:
    """Return the largest size of letters in which each text is narrower than so many inches, or None."""
    return next((size for size in LETTERS if max(inches(text, size) for text in texts) < room), None)


def _tallest(found: Prior) -> float:
    mtd = found.mtd
    return 0.0 if mtd is None else max([mtd.none, *mtd.levels, *(mtd.nearest or ())])


def _mtd(ax: Axes, found: Prior, ceiling: float) -> None:
    """Draw where the prior expects the MTD; hatched beside it, which level is nearest to the target."""
    mtd, n = found.mtd, found.design.n_doses
    ax.set_title("Where the MTD is", fontsize=9.5, loc="left", color=INK)
    if mtd is None:
        ax.text(0.5, 0.5, "not shown: the DLT probability\nmay fall with the dose", ha="center", va="center",
                transform=ax.transAxes, fontsize=9, color=INK)  # fmt: skip
        ax.axis("off")
        return
    shares = [(np.arange(n + 1), [mtd.none, *mtd.levels], f"highest level with p of at most {mtd.limit:g}")]
    if mtd.nearest is not None:
        shares.append((np.arange(1, n + 1), [*mtd.nearest], f"level nearest to {mtd.limit:g}"))
    width = 0.84 / len(shares)
    size = _fitting(["0.00"], width * AXIS / (n + 1.2) - GAP / 2)
    for k, (place, heights, label) in enumerate(shares):
        # 'None' has one bar and stands in the middle.
        x = np.where(place > 0, place + (k - (len(shares) - 1) / 2) * width, place)
        ax.bar(x, heights, width, color=COLOURS[k], hatch="////" * k, edgecolor=INK, lw=0.5, label=label)
        for at, height in zip(x, heights, strict=True):
            if size is not None:
                ax.text(
                    at, height + 0.01 * ceiling, f"{height:.2f}", ha="center", va="bottom", fontsize=size, color=INK
                )
    _levels(ax, found, before=("none",), after="+")
    top = ceiling * 1.35 + 0.01
    ax.set(xlim=(-0.6, n + 0.6), ylim=(0, top), ylabel="prior probability")
    ax.set_yticks([tick for tick in ax.get_yticks() if 0 <= tick <= min(1.0, top)])
    ax.legend(loc="upper left", frameon=False, fontsize=8, borderaxespad=0.1)


def _decisions(ax: Axes, found: Prior, _ceiling: float) -> None:
    """Draw what every outcome of the first cohort leads to, and how likely it is under the prior."""
    from matplotlib.patches import Rectangle  # noqa: PLC0415 - slow to import, seldom needed

    rows = _rows(found)
    n, start = found.first_cohort[0].patients, found.design.start_level
    ax.set_title(f"First cohort: {n} at level {start}", fontsize=9.5, loc="left", color=INK)
    for y, (_seen, probability, outcome) in enumerate(rows):
        fill, letters = (GREY, INK) if outcome is None else STYLE[outcome.action]
        ax.add_patch(Rectangle((0, y - 0.4), BOX, 0.8, facecolor=fill, edgecolor=INK, lw=0.8))
        said = DEPENDS if outcome is None else _follows(outcome)
        ax.text(BOX / 2, y, said, ha="center", va="center", fontsize=9, color=letters)
        length = (1 - BOX - 0.16) * probability
        ax.add_patch(Rectangle((BOX + 0.03, y - 0.2), length, 0.4, facecolor=GREY, edgecolor=INK, lw=0.5))
        share = "<0.001" if 0 < probability < 0.0005 else f"{probability:.3f}"
        ax.text(BOX + 0.045 + length, y, share, va="center", fontsize=8.5, color=INK)
    ax.set(xlim=(0, 1), ylim=(len(rows) - 0.5, -0.5), ylabel="DLTs among the patients")
    ax.set_yticks(range(len(rows)), [name for name, *_rest in rows])
    ax.set_xticks([BOX / 2, BOX + 0.03 + (1 - BOX - 0.03) / 2], ["what follows", "how likely"])
    ax.tick_params(axis="both", length=0)
    ax.spines[["left", "bottom"]].set_visible(False)


def _rows(found: Prior) -> list[tuple[str, float, FirstOutcome | None]]:
    """Return by number of DLTs how likely it is and an outcome that stands for all; None where grades make a difference."""
    rows = []
    for dlts, same in groupby(found.first_cohort, key=lambda outcome: outcome.dlts):
        outcomes = list(same)
        alike = len({(one.next_level, one.mtd_level) for one in outcomes}) == 1
        probability = sum(one.probability for one in outcomes)
        rows.append((f"{dlts}/{outcomes[0].patients}", probability, outcomes[0] if alike else None))
    return rows


def _follows(outcome: FirstOutcome) -> str:
    if outcome.next_level is not None:
        return f"{SIGN[outcome.action]} level {outcome.next_level}"
    assert outcome.action is Action.STOP
    return "stop: no MTD" if outcome.mtd_level is None else f"stop: MTD level {outcome.mtd_level}"
