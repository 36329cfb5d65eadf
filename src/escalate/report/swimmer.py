"""One trial on a clock as a swimmer plot: a bar a patient, coloured by level, with DLTs, waits and decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from escalate.core.moves import Action
from escalate.report.by_matplotlib import settings
from escalate.report.lettering import wrapped
from escalate.report.look import COLOURS, DLT, HATCHES, INK, LINE, SHEET
from escalate.study.trace import Kind

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from escalate.study.trace import Story

WIDTH: Final = 9.6
"""Inches."""
# The fifth colour last: the sixth is that of DLTs, and levels must not look like them.
LEVELS: Final = (COLOURS[4], COLOURS[0], COLOURS[2], COLOURS[1], COLOURS[3])
_MARKS: Final = {Action.ESCALATE: "^", Action.STAY: "s", Action.DE_ESCALATE: "v", Action.STOP: "X"}
_NARROW: Final = 0.022
"""Of the width of the picture: decisions nearer than this have their levels written one above the other."""


@settings()
def swimmer(story: Story) -> Figure:
    """Draw a trial: time to the right, patients from top to bottom in the order of treatment, decisions above them."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow to import, seldom needed

    heading = wrapped(story.design.title, 11, "bold", WIDTH - 0.4)
    below = wrapped(_subtitle(story), 9, "normal", WIDTH - 1.2)
    n = len(story.bars)
    body = max(1.6, 0.19 * n)
    figure = Figure(figsize=(WIDTH, body + 2.2 + 0.2 * len(heading) + 0.16 * len(below)), layout="constrained")
    top, ax = figure.subplots(2, 1, sharex=True, height_ratios=(0.75, body))
    for each in (top, ax):
        each.spines[["top", "right"]].set_visible(False)
        each.tick_params(colors=INK, labelsize=9)
        for k, (begin, end) in enumerate(story.suspended):
            each.axvspan(
                begin, end, color=LINE, alpha=0.8, lw=0, zorder=0, label="accrual suspended" if k == 0 else None
            )
    last = max(event.day for event in story.events)
    ax.set(xlim=(-0.01 * last, 1.02 * last), ylim=(n + 0.7, 0.3))
    _patients(ax, story)
    _decisions(top, story, last)
    ax.set_xlabel("days since the first patient arrived", fontsize=9, color=INK)
    ax.set_ylabel("patient", fontsize=9, color=INK)
    step = 1 if n <= 20 else 5
    ax.set_yticks([k for k in range(1, n + 1) if k == 1 or k % step == 0])
    handles, labels = _legend(top, ax)
    figure.legend(handles, labels, loc="outside lower center", ncols=min(5, len(labels)), frameon=False, fontsize=8.5)
    figure.suptitle("\n".join(heading), fontsize=11, fontweight="bold", x=0.02, ha="left")
    top.set_title("\n".join(below), fontsize=9, loc="left", color=INK)
    return figure


def _subtitle(story: Story) -> str:
    end = max(bar.end for bar in story.bars)
    mtd = "no dose selected" if story.mtd_level is None else f"level {story.mtd_level} selected"
    return (
        f"Scenario {story.scenario.name}; trial {story.trial} of seed {story.seed}: {len(story.bars)} patient"
        f"{'s' * (len(story.bars) != 1)}, last outcome on day {end:.0f}, {mtd}"
    )


def _patients(ax: Axes, story: Story) -> None:
    for bar in story.bars:
        k = bar.level - 1
        if bar.start > bar.arrived:
            ax.plot([bar.arrived, bar.start], [bar.patient, bar.patient], color=INK, lw=0.8, ls=":", zorder=1,
                    label="in the queue")  # fmt: skip
        ax.barh(bar.patient, bar.end - bar.start, left=bar.start, height=0.66, color=LEVELS[k % len(LEVELS)],
                hatch=HATCHES[k % len(HATCHES)], edgecolor=INK, linewidth=0.5, zorder=2,
                label=f"level {bar.level}")  # fmt: skip
        if bar.backfilled:
            ax.plot(bar.start, bar.patient, ">", color=SHEET, mec=INK, mew=1, ms=6, zorder=3, label="backfilled")
        if bar.dlt:
            ax.plot(bar.end, bar.patient, "X", color=DLT, mec=INK, mew=0.6, ms=8, zorder=3, label="DLT")
        elif bar.left:
            ax.plot(
                bar.end, bar.patient, "D", color=SHEET, mec=INK, mew=1, ms=6, zorder=3, label="leaves before the end"
            )


def _decisions(ax: Axes, story: Story, last: float) -> None:
    """Draw the decisions in the strip above the patients, each with the level that follows, and below them who was lost."""
    lost = [event.day for event in story.events if event.kind == Kind.TURNED_AWAY]
    ax.set(ylim=(-0.6, 1.75))
    ax.spines["left"].set_visible(False)
    ax.set_yticks([0.75, *([-0.15] if lost else [])], ["next level", *(["turned away"] if lost else [])])
    ax.tick_params(axis="y", length=0)
    ax.tick_params(axis="x", length=0, labelbottom=False)
    if lost:
        ax.plot(lost, [-0.15] * len(lost), "|", color=INK, ms=7, mew=1)
    before, raised = -last, False
    for event in story.events:
        if event.action is None:
            continue
        stop = event.action == Action.STOP
        ax.plot(event.day, 0.55, _MARKS[event.action], color=DLT if stop else INK, ms=6, label=str(event.action))
        raised = event.day - before < _NARROW * last and not raised
        ax.text(
            event.day, 1.45 if raised else 0.95, "" if stop else str(event.level), ha="center", fontsize=8.5, color=INK
        )
        before = event.day


def _legend(top: Axes, ax: Axes) -> tuple[list[Artist], list[str]]:
    """Return one entry of each: levels in order, then outcomes, waits and decisions."""
    found: dict[str, Artist] = {}
    for each in (ax, top):
        for handle, label in zip(*each.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    levels = sorted((label for label in found if label.startswith("level ")), key=lambda label: int(label.split()[1]))
    labels = [*levels, *(label for label in found if label not in levels)]
    return [found[label] for label in labels], labels
