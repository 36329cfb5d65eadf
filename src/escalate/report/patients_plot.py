"""The patients of a trial with dates as a swimmer plot: a bar a patient up to the day looked at."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from escalate.report import paper
from escalate.report.by_matplotlib import settings
from escalate.report.lettering import wrapped
from escalate.report.look import DLT, HATCHES, INK, PALE, SHEET
from escalate.report.paper import spread
from escalate.report.swimmer import LEVELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from escalate.core.dated_patients import DatedTrial, Patient
    from escalate.core.design import Design

WIDTH = 9.0
"""Inches."""
BAR, BAR_ON_PAPER = 0.26, 0.185
"""Inches of a patient."""
BELOW = 1.25
"""Inches of the axis and the legend on paper."""


@settings()
def patients(design: Design, trial: DatedTrial) -> Figure:
    """Draw who was treated when and at which level, DLTs, who left, who was backfilled, and what of each window lies ahead."""
    everybody, heading = _in_order(trial), wrapped(design.title, 11, "bold", WIDTH - 0.4)
    figure = _bars(trial, everybody, WIDTH, 1.9 + BAR * len(everybody) + 0.2 * len(heading), 9, 4)
    figure.suptitle("\n".join(heading), fontsize=11, fontweight="bold", x=0.02, ha="left")
    return figure


@settings()
def patients_on_paper(trial: DatedTrial) -> list[Figure]:
    """Draw the patients for the pages of a document, which says the rest."""
    everybody = _in_order(trial)
    if not everybody:
        return []
    parts = spread(len(everybody), int((paper.HEIGHT - BELOW) / BAR_ON_PAPER))
    drawn = [
        _bars(trial, [everybody[k] for k in part], paper.WIDTH, BELOW + BAR_ON_PAPER * len(part), paper.LETTERS, 3)
        for part in parts
    ]
    # The same days below each other.
    ends = [end for figure in drawn for end in figure.axes[0].get_xlim()]
    for figure in drawn:
        figure.axes[0].set_xlim(min(ends), max(ends))
        figure.axes[0].xaxis.get_offset_text().set_fontsize(paper.LETTERS)
    return drawn


def _in_order(trial: DatedTrial) -> list[Patient]:
    return sorted(trial.patients, key=lambda p: (p.treated, p.name))


def _bars(
    trial: DatedTrial, everybody: Sequence[Patient], width: float, height: float, letters: float, columns: int
) -> Figure:
    from matplotlib import dates  # noqa: PLC0415 - slow to import, seldom needed
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(width, height), layout="constrained")
    ax = figure.subplots()
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(colors=INK, labelsize=letters)
    for row, patient in enumerate(everybody):
        _bar(ax, row, patient, trial)
    today = float(dates.date2num(trial.as_of))  # type: ignore[no-untyped-call]
    ax.axvline(today, color=INK, lw=1, ls="--", label=f"day looked at, {trial.as_of}")
    ax.set(ylim=(len(everybody) - 0.4, -0.6))
    ax.set_yticks(range(len(everybody)), [_name(p) for p in everybody])
    locator = dates.AutoDateLocator(maxticks=8)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    found: dict[str, Any] = {}
    for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
        found.setdefault(label, handle)
    labels = sorted(found, key=lambda label: (not label.startswith("level "), label))
    figure.legend([found[label] for label in labels], labels, loc="outside lower center", ncols=columns, frameon=False,
                  fontsize=min(letters, 8.5))  # fmt: skip
    return figure


def _name(patient: Patient) -> str:
    return f"{patient.name} (backfill)" if patient.cohort is None else f"{patient.name} (cohort {patient.cohort})"


def _bar(ax: Any, row: int, patient: Patient, trial: DatedTrial) -> None:
    share, had_dlt = patient.seen(trial.as_of, trial.window), patient.had_dlt(trial.as_of, trial.window)
    ends = patient.treated + timedelta(days=trial.window)
    if had_dlt and patient.dlt is not None:
        until = patient.dlt
    elif share is None and patient.followed is not None:
        until = patient.followed
    else:
        until = patient.treated + timedelta(days=round((share or 0) * trial.window))
    k = patient.dose
    # A bar of no days would not be seen.
    shown = max(until, patient.treated + timedelta(days=1))
    ax.barh(row, (shown - patient.treated).days, left=patient.treated, height=0.62, color=LEVELS[k % len(LEVELS)],
            hatch=HATCHES[k % len(HATCHES)], edgecolor=INK, linewidth=0.5, label=f"level {k + 1}")  # fmt: skip
    if share is not None and share < 1 and not had_dlt:
        ax.barh(row, (ends - until).days, left=until, height=0.62, color="none", edgecolor=PALE, linestyle=":", linewidth=1.2,
                label=f"still within the window of {trial.window} days")  # fmt: skip
    if had_dlt:
        ax.plot(until, row, "X", color=DLT, mec=INK, mew=0.6, ms=9, label="DLT")
    elif share is None:
        ax.plot(until, row, "D", color=SHEET, mec=INK, mew=1, ms=6, label="not evaluable")
    if patient.responded:
        ax.plot(patient.treated + timedelta(days=1), row, "*", color=SHEET, mec=INK, mew=0.6, ms=9, label="response")
