"""A study on the terminal: its plan, how far it is, what came of it, and its designs side by side."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from escalate.report.whole_numbers import table as _table
from escalate.study.calibration_axes import show

if TYPE_CHECKING:
    from escalate.report.study_means import Means
    from escalate.study.grid.journal import Kept
    from escalate.study.grid.plan import Plan
    from escalate.study.grid.results import Status
    from escalate.study.grid.run import Outcome, Standing
    from escalate.study.grid.study import Study


def duration(seconds: float) -> str:
    """Return a time as people say it.

    Examples
    --------
    >>> duration(42.4), duration(7300), duration(3e8)
    ('42 s', '2.0 hours', '9.5 years')
    """
    if not isfinite(seconds):
        return "an unknown time"
    for unit, size in (("years", 365.25 * 86400), ("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 1.5 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 1 else f"{seconds:.2f} s"


def size(n_bytes: float) -> str:
    """Return a number of bytes as people say it.

    Examples
    --------
    >>> size(2_500_000), size(3.2e12)
    ('2.5 MB', '3.2 TB')
    """
    for unit, whole in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if n_bytes >= whole:
            return f"{n_bytes / whole:,.1f} {unit}"
    return f"{n_bytes / 1e3:,.0f} kB"


def plan(study: Study, found: Plan, workers: int) -> RenderableType:
    """Return what a study will take."""
    how = "exact" if found.trials is None else f"{found.trials:,} random trials each"
    states = (
        ""
        if found.states is None
        else f" Designs tried have {found.states[0]:,} to {found.states[1]:,} reachable states."
    )
    lines = [
        f"{found.designs:,} design{'s' * (found.designs != 1)} x {found.scenarios:,} scenarios, {how}: {found.jobs:,} jobs of a "
        f"design and up to {min(study.block, found.scenarios):,} scenarios.{states}",
        f"About {duration(found.seconds)} of one processor; with {workers} worker{'s' * (workers != 1)} about "
        f"{duration(found.seconds / workers)}.",
        f"About {size(found.memory)} of memory a worker, and {size(found.disk)} on the disk in {study.folder}.",
    ]
    if found.large:
        lines.append("This is very large: 'escalate study run' asks for --yes.")
    drawn = _table("number", "design tried", "states", "seconds", "on disk")
    drawn.columns[1].justify = "left"
    for row in found.tried:
        if row.error is None:
            states_ = "-" if row.states is None else f"{row.states:,}"
            drawn.add_row(f"{row.number:,}", row.title, states_, f"{row.seconds:.3g}", size(row.bytes))
        else:
            drawn.add_row(f"{row.number:,}", f"{row.title} cannot be computed: {row.error}".strip(), "-", "-", "-")
    return Group(Text(study.title, style="bold"), *map(Text, lines), drawn)


def progress_line(standing: Standing) -> str:
    """Return how far a study is, in a line."""
    there = standing.reused + standing.done
    parts = [f"{there:,} of {standing.jobs:,} jobs"]
    if standing.failed:
        parts.append(f"{standing.failed:,} failed")
    if standing.rate is not None:
        parts.append(f"{standing.rate:,.1f} a second")
    if standing.remaining is not None and standing.left:
        parts.append(f"{duration(standing.remaining)} left")
    return ", ".join(parts)


def outcome(study: Study, found: Outcome) -> RenderableType:
    """Return what came of a run."""
    s = found.standing
    computed = f"{s.done + s.failed:,} computed in {duration(s.seconds)}" if s.done + s.failed else "nothing to compute"
    first = f"{study.title}: {s.jobs:,} jobs, {s.reused:,} kept, {computed}; results in {study.folder}"
    return Group(Text(first), *_failures(found.failures, s.failed))


def status(study: Study, found: Status) -> RenderableType:
    """Return how far a study is."""
    said = {
        "nothing": "not started",
        "running": "running or interrupted",
        "complete": "complete",
        "incomplete": "finished, with failed jobs",
    }[found.state]
    lines = [
        f"{study.title}: {said}; {found.done:,} of {study.n_jobs:,} jobs done, {found.n_failed:,} failed; {study.folder}"
    ]
    if found.damaged:
        lines.append(f"Damaged or missing, computed again by 'escalate study resume {study.name}':")
        lines += [f"  {path}" for path in found.damaged[:20]]
    return Group(*map(Text, lines), *_failures(found.failed, found.n_failed))


def _failures(failures: tuple[Kept, ...], n: int) -> list[Text]:
    if not failures:
        return []
    more = [f"  and {n - 20:,} more"] if n > 20 else []
    return [Text(line) for line in ("Failed:", *(f"  {each.error}" for each in failures[:20]), *more)]


def means(found: Means, top: int) -> RenderableType:
    """Return designs with the means of their metrics."""
    how = "exact" if found.trials is None else f"{found.trials:,} random trials each"
    order = "" if found.sort is None else f", ordered by {found.sort}"
    n, family = len(found.rows) + len(found.others), f" of {' and '.join(found.families)}" if found.families else ""
    kept = f"{n:,} designs"
    if found.where:
        kept = f"{len(found.rows):,} of {kept} with {' and '.join(map(str, found.where))}"
    over = f"{found.scenarios:,} scenario{'s' * (found.scenarios != 1)}{family}"
    head = f"{found.title}: {kept}, means over {over} ({how}){order}"
    # Designs that vary in the same settings have a column for each; else what was varied is said in words.
    alike = all(len(row.choices) == len(found.fields) for row in (*found.rows, *found.others))
    names = _names(found.fields)
    what = ["method", *(names if alike else ["settings"])] if names else ["design"]
    drawn = _table("number", *what, *found.metrics)
    drawn.columns[0].justify = "right"
    for column in drawn.columns[1 : 2 if alike else 3]:
        column.justify = "left"
    for row in found.rows[:top]:
        if not names:
            said = [row.title]
        elif alike:
            said = [row.method, *(show(row.choices[field]) for field in found.fields)]
        else:
            of_each = zip(names, found.fields, strict=True)
            chosen = [f"{name} {show(row.choices[field])}" for name, field in of_each if field in row.choices]
            said = [row.method, ", ".join(chosen) or "as in its file"]
        drawn.add_row(f"{row.number:,}", *said, *(_mean(row.means[name]) for name in found.metrics))
    more = f"{len(found.rows) - top:,} more; --top N shows them, 'escalate study export' writes all"
    return Group(Text(head, style="bold"), drawn, *([Text(more)] if len(found.rows) > top else []))


def _names(fields: tuple[str, ...]) -> list[str]:
    """Return the last word of each setting, or all of it where two end alike."""
    last = [field.rpartition(".")[2] for field in fields]
    return [name if last.count(name) == 1 else field for name, field in zip(last, fields, strict=True)]


def _mean(x: float | None) -> str:
    return "-" if x is None else f"{x:.4f}" if abs(x) < 10 else f"{x:.2f}"
