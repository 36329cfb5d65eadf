"""Operating characteristics by scenario: how often each dose is selected, and the share of patients that it gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from escalate.report.by_matplotlib import settings
from escalate.report.lettering import inches, wrapped
from escalate.report.look import COLOURS, HATCHES, INK, LINE
from escalate.report.truth import scored, trials_each, true_mtd, true_rates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from escalate.core.scenario import Scenario
    from escalate.study.results import DesignResult, OperatingCharacteristics

MAX_PANELS = 12


def new_axes(width: float, height: float, rows: int = 1, columns: int = 1) -> tuple[Figure, list[Axes]]:
    """Return a figure of so many inches with its panels."""
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for ax in axes.flat:
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(colors=INK, labelsize=9)
    return figure, list(axes.flat)


WIDTH = 9.6
"""Inches of the picture of operating characteristics."""
MANY_DOSES = 7


@settings()
def simulation(found: OperatingCharacteristics) -> Figure:
    """Draw, for each scenario, how often each dose is selected and the share of patients it gets, design by design."""
    scenarios = found.designs[0].scenarios
    shown = scenarios[:MAX_PANELS]
    names = [wrapped(scenario.name, 10, "bold", WIDTH / 2 - 0.7) for scenario in shown]
    titles = [wrapped(result.design.title, 9, "normal", WIDTH - 1) for result in found.designs]
    columns = columns_of(titles, 9, WIDTH)
    heading = _heading(found, len(shown))
    height = 2.35 * len(shown) + 0.16 * sum(map(len, names)) + 0.2 * len(heading) + 0.4
    height += 0.16 * sum(map(len, titles)) / columns + 0.05 * len(titles)
    figure, axes = new_axes(WIDTH, height, len(shown), 2)
    digits, letters = (3, 9) if len(shown[0].dlt) < MANY_DOSES else (2, 8)
    for v, name in enumerate(names):
        for ax, metric in zip(axes[2 * v : 2 * v + 2], ("selected", "patients"), strict=True):
            bars(ax, found.designs, v, metric)
            selected = metric == "selected"
            ax.set_xticks(range(len(scenarios[v].dlt) + 1),
                          ["none" if selected else "", *truths(found.designs, scenarios[v], digits)])  # fmt: skip
            ax.tick_params(axis="x", labelsize=letters)
            ax.set_xlabel(f"level, and below it the {below_levels(found.designs)}", fontsize=8, color=INK)
            ax.set_ylabel("selected as MTD" if selected else "share of patients", fontsize=9, color=INK)
        axes[2 * v].set_title("\n".join(name), fontsize=10, loc="left", fontweight="bold", color=INK)
    handles, _ = axes[0].get_legend_handles_labels()
    figure.legend(
        handles,
        ["\n".join(title) for title in titles],
        loc="outside lower center",
        ncols=columns,
        frameon=False,
        fontsize=9,
    )
    figure.suptitle("\n".join(heading), fontsize=11, fontweight="bold", x=0.02, ha="left")
    return figure


def columns_of(titles: list[list[str]], size: float, width: float) -> int:
    """Return how many columns a legend has room for, in letters of so many points and so many inches."""
    widest = max(inches(line, size) for title in titles for line in title)
    return max(1, min(3, len(titles), int((width - 0.4) / (widest + 0.7))))


def _heading(found: OperatingCharacteristics, n_shown: int) -> list[str]:
    how = "exact" if found.trials is None else f"{trials_each(found.trials)}, seed {found.seed}"
    n_scenarios = len(found.designs[0].scenarios)
    more = f"; the first {n_shown} of {n_scenarios} scenarios" if n_shown < n_scenarios else ""
    shaded = what_is_shaded(found, range(n_shown))
    said = f"; shaded: {shaded}" if shaded else ""
    return wrapped(f"Operating characteristics ({how}{more}){said}", 11, "bold", WIDTH - 0.3)


def what_is_shaded(found: OperatingCharacteristics, shown: range) -> str:
    """Return what the grounds of levels in these scenarios mean; nothing of a design without target."""
    first = found.designs[0]
    if first.design.target is None:
        return ""
    alike = all(_mtds(result, shown) == _mtds(first, shown) for result in found.designs)
    return "the MTD" if alike else "the MTD for the first design"


def _mtds(result: DesignResult, shown: range) -> list[list[int] | None]:
    return [true_mtd(result.design, result.scenarios[v]) for v in shown]


def bars(ax: Axes, designs: Sequence[DesignResult], v: int, metric: str) -> None:
    """Draw the bars of all designs by dose, and for the selection first those of no dose, with every MTD shaded."""
    scenario = designs[0].scenarios[v]
    selected, n_doses = metric == "selected", len(scenario.dlt)
    width = 0.8 / len(designs)
    for k, result in enumerate(designs):
        oc = result.characteristics
        values = np.array([x for x, _ in oc.of(v, metric)])
        if selected:
            place, values = np.arange(n_doses + 1), np.append(oc.value(v, "selected_none"), values)
        else:
            place, values = np.arange(1, n_doses + 1), values / oc.value(v, "mean_patients")
        ax.bar(place + (k - (len(designs) - 1) / 2) * width, values, width * 0.92, color=COLOURS[k % len(COLOURS)],
               hatch=HATCHES[k % len(HATCHES)], edgecolor=INK, linewidth=0.5, label=result.design.title)  # fmt: skip
    ax.set(xlim=(-0.6 if selected else 0.4, n_doses + 0.6), ylim=(0, 1))
    mtd = true_mtd(designs[0].design, scenario)
    # Where there is no MTD, 'none' is right.
    for level in ([0] if selected else []) if mtd == [] else mtd or []:
        ax.axvspan(level - 0.5, level + 0.5, color=LINE, alpha=0.6, lw=0, zorder=0)


def truths(designs: Sequence[DesignResult], scenario: Scenario, digits: int) -> list[str]:
    """Return each level with what is true of it below: the DLT probability, and the mean score where that is judged."""
    rows = [scenario.dlt]
    judged = _judged(designs)
    if judged is not None:
        rows.append(tuple(true_rates(judged.design, scenario).tolist()))
    return ["\n".join([str(j + 1), *(f"{row[j]:.{digits}g}" for row in rows)]) for j in range(len(scenario.dlt))]


def below_levels(designs: Sequence[DesignResult]) -> str:
    """Return what stands below the levels."""
    return "true DLT probability" + (" and mean score" if _judged(designs) else "")


def _judged(designs: Sequence[DesignResult]) -> DesignResult | None:
    return next((result for result in designs if scored(result.design)), None)
