"""Tables of what a clock adds to the operating characteristics, and trials told event by event."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from escalate.report.whole_numbers import table as _table
from escalate.study.clock_metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from escalate.core.clock import Clock
    from escalate.study.results import DesignResult
    from escalate.study.trace import Story


def heading(clock: Clock) -> str:
    """Return the clock in one line."""
    settings = clock.to_dict()

    def said(part: str) -> str:
        rest = [f"{key} {_plain(value)}" for key, value in settings[part].items() if key not in {"kind", "days"}]
        if clock.n_listed and part == "accrual":
            rest = [f"{clock.n_listed} arrival days"]
        elif "days" in settings[part]:
            rest.append(f"every {settings[part]['days']:g} days")
        return " ".join([settings[part]["kind"], *(f"({', '.join(rest)})" for _ in rest[:1])]).replace("_", " ")

    words = [f"accrual {said('accrual')}", f"DLT times {said('dlt_times')}"]
    words.append("patients queue" if clock.queues else "patients are turned away while accrual is suspended")
    if clock.drop_out:
        words.append(f"drop-out {clock.drop_out:g}")
    if clock.stagger_days:
        words.append(f"{clock.stagger_days:g} days between the first and the second patient of a cohort")
    return f"On a clock: {'; '.join(words)}."


def _plain(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def scenario(result: DesignResult, v: int) -> Iterator[RenderableType]:
    """Yield what the clock says of a scenario: lines of days and patients, and a table by level; nothing without a clock."""
    found = result.characteristics
    has = {column.metric for column in found.columns} & set(METRICS)
    if not has:
        return
    yield Text("  " + "; ".join(_sentences(result, v, has)))
    levels = [str(level) for level in range(1, result.design.n_doses + 1)]
    made = _table("on the clock", *levels)
    made.add_row("trials that reach the level", *(_cell(both, 3) for both in found.of(v, "level_reached")))
    made.add_row("mean day of its first patient", *(_cell(both, 1) for both in found.of(v, "days_to_level")))
    if "backfilled" in has:
        made.add_row("patients backfilled", *(_cell(both, 2) for both in found.of(v, "backfilled")))
    yield made


def _sentences(result: DesignResult, v: int, has: set[str]) -> Iterator[str]:
    found = result.characteristics

    def cell(metric: str, digits: int = 1) -> str:
        return _cell(found.of(v, metric)[0], digits)

    p10, p50, p90 = (found.value(v, f"duration_p{p}") for p in (10, 50, 90))
    yield f"duration {cell('duration_days')} days, median {p50:.0f}, 10% to 90% of the trials {p10:.0f} to {p90:.0f}"
    yield f"accrual suspended for {cell('waiting_days')} days"
    if "turned_away" in has:
        yield f"{cell('turned_away', 2)} patients turned away"
    if "queued_days" in has:
        yield f"{cell('queued_days')} patient days in the queue"
    yield f"{cell('not_evaluable', 2)} patients not evaluable"
    if "beyond_list" in has and found.value(v, "beyond_list"):
        yield f"the list of arrival days ran out in {cell('beyond_list', 3)} of the trials: its last gap was repeated"


def _cell(both: tuple[float, float], digits: int) -> str:
    value, error = both
    return "-" if isnan(value) else f"{value:.{digits}f} ({error:.{digits}f})"


def story(stories: tuple[Story, ...]) -> str:
    """Return trials as text: for each a heading, then one event a line."""
    return "\n".join(line for story in stories for line in (*_lines(story), ""))


def _lines(story: Story) -> Iterator[str]:
    rates = ", ".join(f"{p:g}" for p in story.scenario.dlt)
    yield f"Trial {story.trial} of seed {story.seed}: {story.design.title}"
    yield f"Scenario: {story.scenario.name} (true DLT probabilities {rates})"
    yield heading(story.clock)
    yield f"{'day':>8}  {'patient':>7}  {'level':>5}  {'event':<11}  what"
    for event in story.events:
        patient, level = ("-" if x is None else str(x) for x in (event.patient, event.level))
        yield f"{event.day:8.1f}  {patient:>7}  {level:>5}  {event.kind:<11}  {event.text}"
