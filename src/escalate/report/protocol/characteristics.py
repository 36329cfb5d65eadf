"""Operating characteristics: what the design does under each scenario."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isnan
from typing import TYPE_CHECKING, Final

from escalate.report import on_paper
from escalate.report.documents.blocks import Block, Cell, Figure, Heading, Paragraph, Reference, Table
from escalate.report.protocol.frame import has_pending
from escalate.report.protocol.part import Part
from escalate.report.truth import scored, true_mtd, true_rates
from escalate.study.metrics import TOXIC

if TYPE_CHECKING:
    from escalate.study.results import DesignResult, OperatingCharacteristics

MANY: Final = 12
"""More scenarios than this are summarised over all of them."""
SHOWN: Final = (
    ("Correct selection, %", "pcs", 100.0),
    ("Overdose selected, %", "overdose_selected", 100.0),
    ("No MTD, %", "selected_none", 100.0),
    ("Patients at the MTD, %", "pca", 100.0),
    ("Patients overdosed, %", "overdose_allocated", 100.0),
    ("Mean patients", "mean_patients", 1.0),
    ("Mean DLTs", "mean_dlts", 1.0),
    ("Stopped early, %", "stopped_early", 100.0),
)
TIMES: Final = (
    ("Mean days", "duration_days"),
    ("Days, 10%", "duration_p10"),
    ("Days, median", "duration_p50"),
    ("Days, 90%", "duration_p90"),
    ("Suspended, days", "waiting_days"),
    ("Patients turned away", "turned_away"),
    ("Days in the queue", "queued_days"),
)


def characteristics(part: Part, found: OperatingCharacteristics) -> Iterator[Block]:
    """Yield the section of one design."""
    result = part.result
    if result is None:
        return
    yield Heading("Operating characteristics", part.level_of_headings)
    n = len(result.scenarios)
    scenarios = "one scenario" if n == 1 else f"{n:,} scenarios"
    how = (
        "They are exact: every state that the trial can reach is followed with its probability."
        if found.exact
        else f"They are from {found.trials:,} simulated trials under each scenario, with the seed {found.seed}."
    )
    levels = () if n > MANY else (", and by level in ", Reference(part.key("oc-levels")))
    yield Paragraph(
        (
            f"Operating characteristics under {scenarios} are in ",
            Reference(part.key("oc")),
            *levels,
            f". {how}{_timing(part, found)}",
        )
    )
    if n > MANY:
        yield _summary(part, result)
        return
    yield _by_scenario(part, result, exact=found.exact)
    yield _by_level(part, result, exact=found.exact)
    yield from _times(part, result)
    yield from _figure(part, found, result)


def _timing(part: Part, found: OperatingCharacteristics) -> str:
    """Return what is assumed of pending outcomes, or how patients and outcomes come on a clock."""
    if found.clock is not None:
        from escalate.report.clock_tables import heading  # noqa: PLC0415 - rich is not needed otherwise

        return f" {heading(found.clock)} The first patient arrives on day 0."
    if not has_pending(part.design):
        return ""
    beside = " and nobody is backfilled" if part.design.backfill is not None else ""
    return (
        " Every outcome is taken as known before the next dose is chosen: no patient is pending"
        f"{beside}. What the design does while outcomes are pending has no part in these numbers, and they say nothing of the "
        "duration of the trial."
    )


def _times(part: Part, result: DesignResult) -> Iterator[Table]:
    """Yield days and patients lost by scenario, where trials ran on a clock."""
    has = {column.metric for column in result.characteristics.columns}
    shown = [(head, metric) for head, metric in TIMES if metric in has]
    if not shown:
        return
    rows = (
        (scenario.name, *(_number(*result.characteristics.of(v, metric)[0]) for _, metric in shown))
        for v, scenario in enumerate(result.scenarios)
    )
    yield Table(
        part.key("oc-times"),
        "Duration of a trial by scenario",
        ("Scenario", *(head for head, _ in shown)),
        tuple(rows),
        notes=(
            "Suspended: days on which patients could not be treated because outcomes were awaited.",
            *_errors(exact=False),
        ),
    )


def _figure(part: Part, found: OperatingCharacteristics, result: DesignResult) -> Iterator[Figure]:
    from dataclasses import replace  # noqa: PLC0415

    alone = replace(found, designs=(result,), squares=None)
    caption = "Selection of each level as the MTD, and patients treated at it, by scenario"
    yield from on_paper.characteristics(part.key("oc-figure"), caption, alone)


def _number(value: float, error: float, digits: int = 1) -> str:
    if isnan(value):
        return "-"
    text = f"{value + 0.0:.{digits}f}"
    return text if isnan(error) or error == 0 else f"{text} ({error:.{digits}f})"


def _errors(*, exact: bool) -> tuple[str, ...]:
    return () if exact else ("In brackets: Monte-Carlo standard errors.",)


def _by_scenario(part: Part, result: DesignResult, *, exact: bool) -> Table:
    rows = []
    for v, scenario in enumerate(result.scenarios):
        values = ((result.scalars[metric][0][v], result.scalars[metric][1][v], scale) for _, metric, scale in SHOWN)
        rows.append(
            (scenario.name, *(_number(scale * float(value), scale * float(error)) for value, error, scale in values))
        )
    target = part.design.target
    rate = "true mean score" if scored(part.design) else "true DLT probability"
    meaning = (
        f"Correct: the level whose {rate} is nearest to the target, or no level where level 1 is above {TOXIC:g} times the target. "
        f"Overdose: a level whose {rate} is above the target. Patients at the MTD and overdosed: mean shares of the patients of a "
        "trial; where there is no MTD, level 1 counts as it. Stopped early: before the maximum number of patients."
    )
    return Table(
        part.key("oc"),
        "Operating characteristics by scenario",
        ("Scenario", *(head for head, _, _ in SHOWN)),
        tuple(rows),
        notes=(*((meaning,) if target is not None else ()), *_errors(exact=exact)),
    )


def _by_level(part: Part, result: DesignResult, *, exact: bool) -> Table:
    design, found = part.design, result.characteristics
    rows: list[tuple[str | Cell, ...]] = []
    for v, scenario in enumerate(result.scenarios):
        mtd = true_mtd(design, scenario)
        rates = true_rates(design, scenario)
        right = [] if mtd is None else mtd

        def cells(texts: Sequence[str], right: list[int] = right) -> tuple[Cell, ...]:
            return tuple(
                Cell(text, "chosen" if level in right else "plain") for level, text in enumerate(texts, start=1)
            )

        what = "True mean score" if scored(design) else "True DLT probability"
        rows.append((scenario.name, what, *cells([f"{p:.4g}" for p in rates]), "no MTD" if mtd == [] else ""))
        for label, metric, total, scale in (
            ("Selected as the MTD, %", "selected", "selected_none", 100.0),
            ("Mean patients", "patients", "mean_patients", 1.0),
            ("Mean DLTs", "dlts", "mean_dlts", 1.0),
        ):
            values = [_number(scale * value, scale * error) for value, error in found.of(v, metric)]
            value, error = found.of(v, total)[0]
            rows.append(("", label, *cells(values), _number(scale * value, scale * error)))
    heads = tuple(f"Level {level}" for level in range(1, design.n_doses + 1))
    return Table(
        part.key("oc-levels"),
        "Selection, patients and DLTs by level",
        ("Scenario", "", *heads, "None, or all"),
        tuple(rows),
        align="ll" + "r" * (len(heads) + 1),
        notes=("Marked: the MTD of the scenario.", *_errors(exact=exact))
        if design.target is not None
        else _errors(exact=exact),
    )


def _summary(part: Part, result: DesignResult) -> Table:
    whole = result.summary[0]
    rows = []
    for head, metric, scale in SHOWN:
        stats = whole.metrics[metric]
        spread = (scale * stats.quantiles[q] for q in ("min", "q05", "median", "q95", "max"))
        rows.append((head, _number(scale * stats.mean, scale * stats.se), *(_number(x, 0.0) for x in spread)))
    return Table(
        part.key("oc"),
        f"Operating characteristics over {whole.scenarios:,} scenarios",
        ("Measure", "Mean", "Lowest", "5%", "Median", "95%", "Highest"),
        tuple(rows),
    )
