"""Figures: dose-toxicity of a trial so far, operating characteristics by scenario. One look, safe for colour-blind readers."""

from __future__ import annotations

import io
import textwrap
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from escalate.core.errors import EscalateError
from escalate.core.files import write_new
from escalate.study.metrics import Truths
from escalate.study.recommend import Recommendation
from escalate.study.simulate import OperatingCharacteristics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")
# Okabe and Ito's palette: distinguishable with any colour vision, and in grey.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
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
    """Draw the estimated DLT probability of each dose with its 95% interval, the target, the data and the next dose."""
    from escalate.report.tables import headline  # noqa: PLC0415 - rich is not needed otherwise

    design = found.design
    figure, (ax,) = _new(7.2, 4.6)
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
    ax.set(xlim=(0.5, design.n_doses + 0.5), ylim=(0, 1.08), ylabel="DLT probability, 95% interval")
    ax.set_yticks(np.arange(0, 1.01, 0.2))
    ax.set_xlabel(f"dose level, {design.doses.unit} (above: DLTs/patients)")
    figure.suptitle("\n".join(textwrap.wrap(headline(found), 72)), fontsize=11, fontweight="bold", x=0.02, ha="left")
    ax.set_title(design.title, fontsize=9, loc="left", color=INK)
    return figure


def simulation(found: OperatingCharacteristics) -> Figure:
    """Draw, for each scenario, how often each dose is selected and the share of patients it gets, design by design."""
    first = found.designs[0]
    n_scenarios = min(len(first.scenarios), MAX_PANELS)
    figure, axes = _new(9.6, 2.3 * n_scenarios + 1.2, n_scenarios, 2)
    for v in range(n_scenarios):
        for column, metric in enumerate(("selected", "patients")):
            _bars(axes[2 * v + column], found, v, metric)
    axes[0].set_title("selected as MTD", fontsize=10, loc="right", color=INK)
    axes[1].set_title("share of patients", fontsize=10, loc="right", color=INK)
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(
        handles,
        names,
        loc="outside lower center",
        ncols=1 if max(map(len, names)) > 35 else 3,
        frameon=False,
        fontsize=9,
    )
    how = "exact" if found.exact else f"{found.trials:,} trials each, seed {found.seed}"
    dropped = len(first.scenarios) - n_scenarios
    more = f"; the first {n_scenarios} of {len(first.scenarios)} scenarios" if dropped else ""
    figure.suptitle(f"Operating characteristics ({how}{more})", fontsize=11, fontweight="bold", x=0.02, ha="left")
    return figure


def _bars(ax: Axes, found: OperatingCharacteristics, v: int, metric: str) -> None:
    designs = found.designs
    scenario = designs[0].scenarios[v]
    n_doses = len(scenario.dlt)
    width = 0.8 / len(designs)
    for k, result in enumerate(designs):
        oc = result.characteristics
        values = np.array([x for x, _ in oc.of(v, metric)])
        if metric == "selected":
            place, values = np.arange(n_doses + 1), np.append(oc.value(v, "selected_none"), values)
        else:
            place, values = np.arange(1, n_doses + 1), values / oc.value(v, "mean_patients")
        ax.bar(place + (k - (len(designs) - 1) / 2) * width, values, width * 0.92, color=COLOURS[k % len(COLOURS)],
               label=result.design.title)  # fmt: skip
    target = designs[0].design.target
    names = [f"{level}\np = {p:g}" for level, p in enumerate(scenario.dlt, start=1)]
    ax.set_xticks(range(n_doses + 1), ["none", *names] if metric == "selected" else ["", *names])
    ax.set(xlim=(-0.6 if metric == "selected" else 0.4, n_doses + 0.6), ylim=(0, 1))
    if target is not None:
        right = Truths.of(np.array([scenario.dlt]), target)
        nearest = 0 if right.no_mtd[0] else int(np.argmax(right.mtd[0])) + 1
        if nearest > 0 or metric == "selected":
            ax.axvspan(nearest - 0.5, nearest + 0.5, color=PALE, alpha=0.3, lw=0, zorder=0)
    if metric == "selected":
        ax.set_title(scenario.name, fontsize=10, loc="left", fontweight="bold", color=INK)
