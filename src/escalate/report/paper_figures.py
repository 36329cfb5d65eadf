"""Operating characteristics by scenario for the page of a document: narrow, several pages where there are many scenarios."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from escalate.report.by_matplotlib import settings
from escalate.report.figures import bars, below_levels, columns_of, new_axes, truths, what_is_shaded
from escalate.report.lettering import inches, wrapped
from escalate.report.look import INK
from escalate.report.paper import HEIGHT, LETTERS, WIDTH, spread

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from escalate.study.results import OperatingCharacteristics

NAME: Final = 9.0
"""Points of the letters of a scenario's name."""
MARGINS: Final = 0.5
"""Inches beside the bars of a panel."""
PANEL, LINE, GAP = 1.06, 0.15, 0.06
"""Inches of a panel with its lowest labels, of a line of text, and around a panel."""


@dataclass(frozen=True)
class _Layout:
    """How the panels of a scenario stand: side by side or one below the other, and every how many levels one is named."""

    stacked: bool
    step: int

    @property
    def panels(self) -> int:
        return 2 if self.stacked else 1


@settings()
def characteristics(found: OperatingCharacteristics) -> list[tuple[Figure, range]]:
    """Return the figures, each with the places of the scenarios that it shows."""
    scenarios = found.designs[0].scenarios
    names = [wrapped(scenario.name, NAME, "bold", WIDTH - 2 * MARGINS) for scenario in scenarios]
    titles = [wrapped(result.design.title, LETTERS, "normal", WIDTH - 1) for result in found.designs]
    layout = _layout(found)
    # Alone, a design needs no name: the caption has it.
    legend = titles if len(titles) > 1 else []
    below = 0.1 + LINE * sum(map(len, legend)) / (columns_of(titles, LETTERS, WIDTH) if legend else 1)
    heights = [_height(found, v, len(name), layout) for v, name in enumerate(names)]
    parts = (spread(len(heights), most) for most in range(len(heights), 0, -1))
    fitting = next((part for part in parts if all(below + sum(heights[v] for v in shown) <= HEIGHT for shown in part)),
                   spread(len(heights), 1))  # fmt: skip
    return [
        (_figure(found, shown, names, legend, layout, below + sum(heights[v] for v in shown)), shown)
        for shown in fitting
    ]


def notes(found: OperatingCharacteristics) -> tuple[str, ...]:
    """Return what a reader of the figures must know."""
    first, second = ("upper", "lower") if _layout(found).stacked else ("left", "right")
    shaded = what_is_shaded(found, range(len(found.designs[0].scenarios)))
    return (
        f"{first.capitalize()}: how often each level is selected as the MTD, and how often none is; {second}: the share of the "
        f"patients treated at it. Below each level: its {below_levels(found.designs)}."
        + (f" Shaded: {shaded}, or 'none' where there is none." if shaded else ""),
    )


def _layout(found: OperatingCharacteristics) -> _Layout:
    """Return the first layout in which no two labels touch."""
    n_doses = len(found.designs[0].scenarios[0].dlt)
    texts = {line for scenario in found.designs[0].scenarios for text in truths(found.designs, scenario, 3)
             for line in text.split("\n")}  # fmt: skip
    needed = max(inches(text, LETTERS) for text in (*texts, "none")) + 0.08
    for stacked in (False, True):
        room = (WIDTH / (1 if stacked else 2) - MARGINS) / (n_doses + 1.2)
        if needed <= room:
            return _Layout(stacked, 1)
    return _Layout(stacked=True, step=ceil(needed / room))


def _height(found: OperatingCharacteristics, v: int, name: int, layout: _Layout) -> float:
    lines = truths(found.designs, found.designs[0].scenarios[v], 3)[0].count("\n") + 1
    return LINE * name + layout.panels * (PANEL + LINE * lines + GAP)


def _figure(
    found: OperatingCharacteristics, shown: range, names: list[list[str]], legend: list[list[str]], layout: _Layout, height: float
) -> Figure:  # fmt: skip
    panels = 2 * len(shown)
    rows, columns = (panels, 1) if layout.stacked else (panels // 2, 2)
    figure, axes = new_axes(WIDTH, height, rows, columns)
    engine: Any = figure.get_layout_engine()
    engine.set(h_pad=0.045, w_pad=0.03)
    for k, v in enumerate(shown):
        for ax, metric in zip(axes[2 * k : 2 * k + 2], ("selected", "patients"), strict=True):
            bars(ax, found.designs, v, metric)
            labels = truths(found.designs, found.designs[0].scenarios[v], 3)
            named = range(len(labels), 0, -layout.step)
            none = [0] if metric == "selected" else []
            ax.set_xticks([*none, *named], [*("none" for _ in none), *(labels[level - 1] for level in named)])
            ax.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
            ax.tick_params(labelsize=LETTERS)
            ax.set_ylabel(metric, fontsize=LETTERS, color=INK)
            # The same place for a dose in both, where they are one below the other.
            if layout.stacked:
                ax.set_xlim(-0.6, len(labels) + 0.6)
        axes[2 * k].set_title("\n".join(names[v]), fontsize=NAME, loc="left", fontweight="bold", color=INK)
    if legend:
        handles, _ = axes[0].get_legend_handles_labels()
        figure.legend(handles, ["\n".join(title) for title in legend], loc="outside lower center",
                      ncols=columns_of(legend, LETTERS, WIDTH), frameon=False, fontsize=LETTERS)  # fmt: skip
    return figure
