"""Tables on the terminal."""

from __future__ import annotations

import os
from collections.abc import Iterator
from math import isnan
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.text import Text

from escalate.core.moves import Action
from escalate.core.registry import summary_line
from escalate.report import as_of_forms
from escalate.report.pending_table import pending_table
from escalate.report.truth import scored, trials_each, true_mtd, true_rates
from escalate.report.whole_numbers import table as _table

if TYPE_CHECKING:
    from rich.table import Table

    from escalate.core.design import Design
    from escalate.study.check import Check
    from escalate.study.recommend import Recommendation
    from escalate.study.select import DoseRow, Selection
    from escalate.study.simulate import DesignResult, OperatingCharacteristics
    from escalate.study.table import DecisionTable


WIDTH = 120
MANY = 12
"""More scenarios than this are summarised, not printed one by one."""


class _Console(Console):
    """Leaves a reader that has gone to the command line, which ends quietly."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def show(content: RenderableType) -> None:
    """Print to standard output; plain, and 120 columns wide unless COLUMNS says otherwise, where that is no terminal."""
    console = _Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console = _Console(highlight=False, markup=False, emoji=False, width=WIDTH)
    # A table that is wider than the terminal is printed as it is: a number that is cut is a wrong one.
    console.print(content, crop=False)


def _p(x: float | None, digits: int = 3) -> str:
    return "-" if x is None or isnan(x) else f"{x:.{digits}f}"


def recommendation(found: Recommendation) -> RenderableType:
    """Return the answer in one sentence, the reasons, every dose, and the trace."""
    design = found.design
    trace = _table("asked", "answer", "because")
    trace.columns[1].justify = trace.columns[2].justify = "left"
    for line in found.trace:
        trace.add_row(line.source, line.verdict, line.text)
    parts: list[RenderableType] = [
        Text(headline(found), style="bold"),
        *(Text(f"  {reason.text}") for reason in found.reasons),
        *(Text(f"  Note: {note}", style="yellow") for note in found.notes),
        *([Text(f"  Margin: {found.margin.text}.")] if found.margin else []),
        *(as_of_forms.lines(found.as_of, waits=found.action is Action.SUSPEND) if found.as_of else []),
        _doses(design, found.doses),
        *as_of_forms.backfill_lines(found.backfill),
        trace,
        Text(_source(found), style="dim"),
    ]
    return Group(*parts)


def headline(found: Recommendation) -> str:
    """Return the recommendation as one sentence."""
    design = found.design
    if found.action is Action.STOP and found.as_of is not None and found.as_of.pending:
        return "Stop accrual; the MTD is selected when the pending outcomes are known."
    if found.action is Action.STOP:
        if found.mtd_level is None:
            return "Stop the trial: no dose can be declared the MTD."
        return f"Stop the trial: the MTD is level {found.mtd_level}, {design.amount(found.mtd_level - 1)}."
    if found.action is Action.SUSPEND:
        return "Suspend accrual: wait for pending outcomes."
    assert found.next_level is not None
    verb = {
        Action.START: "Start at",
        Action.ESCALATE: "Escalate to",
        Action.STAY: "Stay at",
        Action.DE_ESCALATE: "De-escalate to",
    }[found.action]
    n = found.next_cohort_size
    cohort = f"next cohort of {n} patient{'s' if n != 1 else ''}"
    return f"{verb} level {found.next_level}, {design.amount(found.next_level - 1)}: {cohort}."


def _source(found: Recommendation | Selection) -> str:
    p = found.provenance
    data = f", data {p.data_sha256[:12]}" if p.data_sha256 else ""
    return f"{found.design.title} (design {p.design_sha256[:12]}{data}), escalate {p.version}, {p.time}"


def _doses(design: Design, rows: tuple[DoseRow, ...]) -> Table:
    limit = design.method.overdose_limit(design)
    target = "target" if limit is None else f"{limit:g}"
    dated = any(row.pending for row in rows)
    graded = [name for row in rows[:1] for name in row.outcomes or {}]
    # The last interval, or the last two together, is the column that follows.
    middle = [name for row in rows[:1] for name in list(row.intervals or {})[1:2]]
    estimate, above = ("mean score", "score") if scored(design) else ("estimate", "p")
    head = [
        "level",
        "dose",
        "DLTs/patients",
        *(["pending"] if dated else []),
        *graded,
        estimate,
        "95% interval",
        *(f"Pr({name})" for name in middle),
        f"Pr({above} > {target})",
        "forbidden by",
    ]
    made = _table(*head)
    made.columns[-1].justify = "left"
    if design.doses.labels:
        made.columns[1].justify = "left"
    for row in rows:
        interval = "-" if row.lower is None else f"{_p(row.lower)} to {_p(row.upper)}"
        made.add_row(
            str(row.level),
            design.amount(row.level - 1),
            f"{row.dlts}/{row.patients}",
            *([str(row.pending)] if dated else []),
            *(str(row.outcomes[name]) for name in graded if row.outcomes),
            _p(row.estimate),
            interval,
            *(_p((row.intervals or {})[name]) for name in middle),
            _p(row.prob_overdose),
            row.why_not or "",
        )
    return made


def selection(found: Selection) -> RenderableType:
    """Return the MTD, the reasons and every dose."""
    text = "No dose can be declared the MTD." if found.mtd_level is None else (
        f"The MTD is level {found.mtd_level}, {found.design.amount(found.mtd_level - 1)}."
    )  # fmt: skip
    return Group(
        Text(text, style="bold"),
        *(Text(f"  {reason.text}") for reason in found.reasons),
        *(Text(f"  Note: {note}", style="yellow") for note in found.notes),
        _doses(found.design, found.doses),
        Text(_source(found), style="dim"),
    )


def decision_table(found: DecisionTable) -> RenderableType:
    """Return the table of a protocol."""
    what = "score" if found.graded else "DLTs"
    head = [
        "evaluable patients at the dose",
        f"escalate if {what} <=",
        f"de-escalate if {what} >=",
        f"eliminate if {what} >=",
    ]
    extra = any(
        row.stop_at_lowest_if_dlts_at_least != row.eliminate_if_dlts_at_least for row in found.rows if row.level is None
    )
    stops = any(row.stop_if_dlts_at_least is not None for row in found.rows)
    more = [*([f"stop at level 1 if {what} >="] if extra else []), *([f"stop if {what} >="] if stops else [])]
    made = _table(*(["level"] if found.by_level else []), *head, *more)
    for row in found.rows:
        cuts = [row.escalate_if_dlts_at_most, row.deescalate_if_dlts_at_least, row.eliminate_if_dlts_at_least]
        if extra:
            cuts.append(row.stop_at_lowest_if_dlts_at_least)
        if stops:
            cuts.append(row.stop_if_dlts_at_least)
        level = [str(row.level)] if found.by_level else []
        made.add_row(*level, str(row.patients), *("-" if cut is None else f"{cut:g}" for cut in cuts))
    notes = [Text(f"{name} = {value:.6f}") for name, value in found.boundaries.items()]
    notes += [Text(note) for note in found.notes]
    pending = pending_table(found.pending) if found.pending else []
    return Group(Text(found.design.title, style="bold"), made, *notes, *pending, *rules(found.design))


def rules(design: Design) -> Iterator[Text]:
    """Yield the rules in words."""
    source = "the published rules of the method" if design.published_rules else "the design file"
    if not design.rules:
        yield Text("No rules apply besides the maximum number of patients.")
        return
    yield Text(f"Rules, from {source}:")
    for rule in design.rules:
        yield Text(f"  {rule.kind}: {rule.describe(design)}")


def _frame(design: Design) -> str:
    levels = f"{design.n_doses} level{'s' * (design.n_doses > 1)}"
    target = f", target {design.target:g}." if design.target is not None else "."
    return (
        f"{design.method.kind}: {summary_line(type(design.method))} {levels}, cohorts of {design.cohort_size}, at most "
        f"{design.max_patients} patients, start at level {design.start_level}{target}"
    )


def _verdict(found: Check) -> str:
    if not found.passed:
        return "questionable"
    return "sound" if found.n_states else "nothing to question in its settings, but its states were not walked"


def check(found: Check) -> RenderableType:
    """Return the findings."""
    design = found.design
    states = f", {found.n_states:,} reachable states" if found.n_states else ""
    parts: list[RenderableType] = [
        Text(f"{design.title}: {_verdict(found)}{states}", style="bold"),
        Text(_frame(design)),
        *rules(design),
    ]
    for finding in found.findings:
        mark = Text("warning: ", style="bold red") if finding.warning else Text("note: ", style="bold")
        parts.append(mark.append(Text(finding.text, style="default not bold")))
        parts += [Text(f"    {example}") for example in finding.examples]
    return Group(*parts)


def simulation(found: OperatingCharacteristics) -> RenderableType:
    """Return operating characteristics, design by design, and their comparison; where scenarios are many, summaries alone."""
    from escalate.report import clock_tables, comparison_tables  # noqa: PLC0415 - needed here alone

    how = (
        "exact"
        if found.exact
        else f"{trials_each(found.trials or 0)}, seed {found.seed}; Monte-Carlo errors in brackets"
    )
    parts: list[RenderableType] = [Text(f"Operating characteristics ({how})", style="bold")]
    parts += [] if found.clock is None else [Text(clock_tables.heading(found.clock))]
    n_scenarios = len(found.designs[0].scenarios)
    if n_scenarios > MANY:
        parts.append(Text(f"{n_scenarios:,} scenarios, too many to print one by one; --json has them all."))
    for result in found.designs:
        parts.append(Text(f"\n{result.design.title}", style="bold"))
        if n_scenarios > MANY:
            parts += comparison_tables.summaries(result)
        else:
            for v in range(n_scenarios):
                parts += [_scenario(result, v, exact=found.exact), *clock_tables.scenario(result, v)]
    if n_scenarios <= MANY:
        parts.append(Text("\nA trial can stop for several reasons at once; it counts for each of them."))
    if found.comparison is not None:
        parts += comparison_tables.comparison(found.comparison)
    return Group(*parts)


_SHOWN = (
    ("correct selection", "pcs"),
    ("benchmark", "benchmark_pcs"),
    ("efficiency", "efficiency"),
    ("overdose selected", "overdose_selected"),
    ("patients at the MTD", "pca"),
    ("patients overdosed", "overdose_allocated"),
    ("risk 60% overdosed", "risk_overdose_60"),
    ("accuracy index", "accuracy_index"),
)


def _scenario(result: DesignResult, v: int, *, exact: bool) -> RenderableType:
    found, scenario = result.characteristics, result.scenarios[v]
    digits = 4 if exact else 3

    def cell(value: tuple[float, float]) -> str:
        text = _p(value[0], digits)
        return text if exact or isnan(value[0]) else f"{text} ({value[1]:.{digits}f})"

    levels = [str(level) for level in range(1, len(scenario.dlt) + 1)]
    no_mtd = true_mtd(result.design, scenario) == []
    made = _table(f"{scenario.name} (no MTD)" if no_mtd else scenario.name, *levels, "none / all")
    made.add_row("true DLT probability", *(f"{p:.4g}" for p in scenario.dlt), "")
    if scored(result.design):
        made.add_row("true mean score", *(f"{score:.4g}" for score in true_rates(result.design, scenario)), "")
    for label, metric, total in (
        ("selected as MTD", "selected", "selected_none"),
        ("mean patients", "patients", "mean_patients"),
        ("mean DLTs", "dlts", "mean_dlts"),
    ):
        made.add_row(label, *(cell(x) for x in found.of(v, metric)), cell(found.of(v, total)[0]))
    scalars = {metric: (values[v], errors[v]) for metric, (values, errors) in result.scalars.items()}
    shares = [f"{label} {cell(scalars[metric])}" for label, metric in _SHOWN]
    stopped = [
        f"{_reason(column.metric.removeprefix('stopped:'))} {cell((float(found.values[v, k]), float(found.errors[v, k])))}"
        for k, column in enumerate(found.columns)
        if column.metric.startswith("stopped:") and found.values[v, k] > 0
    ]
    return Group(made, Text("  " + "; ".join(shares)), Text("  stopped by: " + "; ".join(stopped)))


def _reason(code: str) -> str:
    return f"the method's own end ({code})" if code == "method_complete" else code
