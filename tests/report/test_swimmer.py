"""The swimmer plot of a trial: a bar a patient, marks of DLTs and drop-outs, waits and decisions."""

from __future__ import annotations

from typing import Any

import pytest
from matplotlib.colors import to_hex

from escalate import Scenario
from escalate.core.clock import Clock
from escalate.report.swimmer import swimmer
from escalate.study.trace import Story, trace
from tests.helpers import make

TRUTH = Scenario(name="steep", dlt=(0.05, 0.15, 0.30, 0.45, 0.60))


def _story(number: int = 0, n_doses: int = 5, **settings: Any) -> Story:
    clock = Clock.from_dict({"accrual": {"kind": "poisson", "mean_days": 8}, **settings})
    truth = TRUTH if n_doses == 5 else Scenario(name="flat", dlt=(0.02,) * n_doses)
    design = make({"kind": "boin"}, n_doses, dlt_window=28, max_patients=30 if n_doses == 5 else 60)
    return trace(design, truth, clock, 6, number + 1)[number]


@pytest.mark.parametrize(
    "settings", [{}, {"arrivals": "queue", "drop_out": 0.2, "stagger_days": 4}], ids=["lost", "queue"]
)
def test_everything_is_drawn(settings: dict[str, Any]) -> None:
    """One bar a patient with his days, one mark a DLT, a drop-out and a decision, one span a wait."""
    story = _story(**settings)
    top, ax = swimmer(story).axes
    bars = [patch for container in ax.containers for patch in container]
    assert [(bar.get_x(), bar.get_width()) for bar in bars] == [
        (pytest.approx(each.start), pytest.approx(each.end - each.start)) for each in story.bars
    ]
    colours = {each.level: to_hex(bar.get_facecolor()) for bar, each in zip(bars, story.bars, strict=True)}
    assert len(set(colours.values())) == len(colours)
    marks = [line.get_marker() for line in ax.lines]
    assert marks.count("X") == sum(bar.dlt for bar in story.bars)
    assert marks.count("D") == sum(bar.left for bar in story.bars)
    assert sum(line.get_linestyle() == ":" for line in ax.lines) == sum(bar.start > bar.arrived for bar in story.bars)
    decisions = [event for event in story.events if event.action is not None]
    assert sum(line.get_marker() in tuple("^svX") for line in top.lines) == len(decisions)
    assert [text.get_text() for text in top.texts if text.get_text()] == [
        str(event.level) for event in decisions if event.level is not None
    ]
    assert len(ax.patches) - len(bars) == len(story.suspended)


def test_backfilled_patients_are_marked() -> None:
    """One mark at the start of each bar of a backfilled patient, named in the legend."""
    clock = Clock.from_dict({"accrual": {"kind": "fixed", "days": 10}})
    design = make({"kind": "bf_boin"}, max_patients=9, dlt_window=28, backfill={"activity": "none"}, rules=())
    (story,) = trace(design, Scenario(name="safe", dlt=(1e-12,) * 5), clock, 1, 1)
    figure = swimmer(story)
    marks = [line for line in figure.axes[1].lines if line.get_marker() == ">"]
    assert [line.get_xydata().tolist() for line in marks] == [[[80, 7]], [[90, 8]]]  # type: ignore[union-attr]
    assert "backfilled" in [text.get_text() for text in figure.legends[0].get_texts()]


def test_legend_has_each_thing_once() -> None:
    """Levels come first, in order, and nothing is named twice or without being there."""
    figure = swimmer(_story(drop_out=0.2))
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    levels = [label for label in labels if label.startswith("level ")]
    assert labels[: len(levels)] == levels == sorted(levels)
    assert len(set(labels)) == len(labels)


def test_many_levels_and_patients() -> None:
    """Twelve levels have twelve looks."""
    story = _story(n_doses=12)
    figure = swimmer(story)
    bars = [patch for container in figure.axes[1].containers for patch in container]
    looks = {
        (each.level, to_hex(bar.get_facecolor()), bar.get_hatch()) for bar, each in zip(bars, story.bars, strict=True)
    }
    assert len({look[1:] for look in looks}) == len(looks) == len({bar.level for bar in story.bars})
