"""Figures: dose-toxicity of a trial so far, operating characteristics by scenario. One look, safe for colour-blind readers."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from escalate.core.errors import EscalateError
from escalate.core.files import write_new
from escalate.report.lettering import inches, wrapped
from escalate.report.truth import scored, trials_each, true_mtd, true_rates
from escalate.study.recommend import Recommendation
from escalate.study.simulate import OperatingCharacteristics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from escalate.core.scenario import Scenario
    from escalate.study.results import DesignResult

FORMATS = ("png", "svg", "pdf")
# Okabe and Ito's palette: distinguishable with any colour vision, and in grey.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
# Where colours look alike, as the seventh and the first do, and all of them on a grey printer.
HATCHES = ("", "////", "....", "xxxx", "----", "\\\\\\\\", "++++", "oo")
INK, PALE = "#222222", "#BBBBBB"
MAX_PANELS = 12


def check_name(path: str | Path) -> None:
    """Raise where the ending of a picture's name is not one we can write.

    Raises
    ------
    EscalateError
        Naming the endings.
    """
    if Path(path).suffix.lower().lstrip(".") not in FORMATS:
        raise EscalateError(f"{path}: a picture's name ends in {', '.join('.' + name for name in FORMATS)}")


def save(figure: Figure, path: str | Path, *, force: bool = False) -> None:
    """Write a figure whole or not at all, the same bytes each time."""
    import matplotlib as mpl  # noqa: PLC0415 - slow to import, seldom needed
    from matplotlib.text import Text  # noqa: PLC0415

    check_name(path)
    kind = Path(path).suffix.lower().lstrip(".")
    plain = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[kind]
    buffer = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "escalate"}), warnings.catch_warnings():
        # A letter that the font lacks is drawn as a box.
        warnings.simplefilter("ignore")
        for text in figure.findobj(Text):
            text.set_parse_math(False)
        figure.savefig(buffer, format=kind, dpi=150, metadata=plain)
    write_new(path, buffer.getvalue(), force=force)


def _new(width: float, height: float, rows: int = 1, columns: int = 1) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for ax in axes.flat:
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(colors=INK, labelsize=9)
    return figure, list(axes.flat)


def recommendation(found: Recommendation) -> Figure:
    """Draw the estimate of each dose, a DLT probability or a mean score, with its 95% interval, the target and the next dose."""
    from escalate.report.tables import headline  # noqa: PLC0415 - rich is not needed otherwise

    design = found.design
    head, title = wrapped(headline(found), 11, "bold", 6.9), wrapped(design.title, 9, "normal", 6.3)
    figure, (ax,) = _new(7.2, 4.2 + 0.2 * len(head) + 0.16 * len(title))
    for row in found.doses:
        colour = COLOURS[0] if row.level == (found.next_level or found.mtd_level) else INK if row.allowed else PALE
        if row.estimate is not None:
            if row.lower is not None and row.upper is not None:
                ax.plot([row.level, row.level], [row.lower, row.upper], color=colour, lw=2.5, solid_capstyle="butt")
            ax.plot(row.level, row.estimate, "o", color=colour, ms=8)
        ax.text(
            row.level, 1.02, f"{row.dlts}/{row.patients}" if row.patients else "-", ha="center", fontsize=9, color=INK
        )
    if design.target is not None:
        ax.axhline(design.target, color=COLOURS[5], lw=1.2, ls="--")
        ax.text(design.n_doses + 0.45, design.target, f"target {design.target:g}", va="bottom", ha="right", fontsize=9,
                color=COLOURS[5])  # fmt: skip
    chosen = found.next_level or found.mtd_level
    if chosen is not None:
        ax.axvspan(chosen - 0.3, chosen + 0.3, color=COLOURS[0], alpha=0.10, lw=0)
    labels = [f"{level}\n{design.doses.levels[level - 1]:g}" for level in range(1, design.n_doses + 1)]
    ax.set_xticks(range(1, design.n_doses + 1), labels)
    ax.set(xlim=(0.5, design.n_doses + 0.5), ylim=(0, 1.08))
    estimate = "mean score as a part of a DLT's" if scored(design) else "DLT probability"
    ax.set_ylabel(f"{estimate}, 95% interval")
    ax.set_yticks(np.arange(0, 1.01, 0.2))
    ax.set_xlabel(f"dose level, {design.doses.unit} (above: DLTs/patients)")
    figure.suptitle("\n".join(head), fontsize=11, fontweight="bold", x=0.02, ha="left")
    ax.set_title("\n".join(title), fontsize=9, loc="left", color=INK)
    return figure


WIDTH = 9.6
"""Inches of the picture of operating characteristics."""
MANY_DOSES = 7


def simulation(found: OperatingCharacteristics) -> Figure:
    """Draw, for each scenario, how often each dose is selected and the share of patients it gets, design by design."""
    scenarios = found.designs[0].scenarios
    shown = scenarios[:MAX_PANELS]
    names = [wrapped(scenario.name, 10, "bold", WIDTH / 2 - 0.7) for scenario in shown]
    titles = [wrapped(result.design.title, 9, "normal", WIDTH - 1) for result in found.designs]
    columns = _columns(titles)
    heading = _heading(found, len(shown))
    height = 2.35 * len(shown) + 0.16 * sum(map(len, names)) + 0.2 * len(heading) + 0.4
    height += 0.16 * sum(map(len, titles)) / columns + 0.05 * len(titles)
    figure, axes = _new(WIDTH, height, len(shown), 2)
    for v, name in enumerate(names):
        for ax, metric in zip(axes[2 * v : 2 * v + 2], ("selected", "patients"), strict=True):
            _bars(ax, found.designs, v, metric)
            _truth(ax, found.designs, scenarios[v], metric)
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


def _columns(titles: list[list[str]]) -> int:
    """Return how many columns a legend has room for."""
    widest = max(inches(line, 9) for title in titles for line in title)
    return max(1, min(3, len(titles), int((WIDTH - 0.4) / (widest + 0.7))))


def _heading(found: OperatingCharacteristics, n_shown: int) -> list[str]:
    first = found.designs[0]
    how = "exact" if found.trials is None else f"{trials_each(found.trials)}, seed {found.seed}"
    n_scenarios = len(first.scenarios)
    more = f"; the first {n_shown} of {n_scenarios} scenarios" if n_shown < n_scenarios else ""
    shaded = ""
    if first.design.target is not None:
        alike = all(_mtds(result)[:n_shown] == _mtds(first)[:n_shown] for result in found.designs)
        shaded = f"; shaded: the MTD{'' if alike else ' for the first design'}"
    return wrapped(f"Operating characteristics ({how}{more}){shaded}", 11, "bold", WIDTH - 0.3)


def _mtds(result: DesignResult) -> list[list[int] | None]:
    return [true_mtd(result.design, scenario) for scenario in result.scenarios]


def _bars(ax: Axes, designs: Sequence[DesignResult], v: int, metric: str) -> None:
    """Draw the bars of all designs: by dose, and for the selection first those of no dose."""
    n_doses = len(designs[0].scenarios[v].dlt)
    width = 0.8 / len(designs)
    for k, result in enumerate(designs):
        oc = result.characteristics
        values = np.array([x for x, _ in oc.of(v, metric)])
        if metric == "selected":
            place, values = np.arange(n_doses + 1), np.append(oc.value(v, "selected_none"), values)
        else:
            place, values = np.arange(1, n_doses + 1), values / oc.value(v, "mean_patients")
        ax.bar(place + (k - (len(designs) - 1) / 2) * width, values, width * 0.92, color=COLOURS[k % len(COLOURS)],
               hatch=HATCHES[k % len(HATCHES)], edgecolor=INK, linewidth=0.5, label=result.design.title)  # fmt: skip


def _truth(ax: Axes, designs: Sequence[DesignResult], scenario: Scenario, metric: str) -> None:
    """Label the doses with what is true of them, and shade every MTD, or 'none' where there is no MTD."""
    selected, n_doses = metric == "selected", len(scenario.dlt)
    rows, said = [scenario.dlt], "level, and below it the true DLT probability"
    judged = next((result.design for result in designs if scored(result.design)), None)
    if judged is not None:
        rows.append(tuple(true_rates(judged, scenario).tolist()))
        said += " and mean score"
    digits = 3 if n_doses < MANY_DOSES else 2
    names = ["\n".join([str(j + 1), *(f"{row[j]:.{digits}g}" for row in rows)]) for j in range(n_doses)]
    ax.set_xticks(range(n_doses + 1), ["none" if selected else "", *names])
    ax.tick_params(axis="x", labelsize=9 if n_doses < MANY_DOSES else 8)
    ax.set(xlim=(-0.6 if selected else 0.4, n_doses + 0.6), ylim=(0, 1))
    ax.set_xlabel(said, fontsize=8, color=INK)
    ax.set_ylabel("selected as MTD" if selected else "share of patients", fontsize=9, color=INK)
    mtd = true_mtd(designs[0].design, scenario)
    for level in ([0] if selected else []) if mtd == [] else mtd or []:
        ax.axvspan(level - 0.5, level + 0.5, color=PALE, alpha=0.3, lw=0, zorder=0)
