"""Results under each scenario: selection, allocation, why trials end, days on a clock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from escalate.report import on_paper
from escalate.report.documents.blocks import Block, Cell, Heading, Paragraph, Reference, Table
from escalate.report.simulation_report.cells import MEAN, PERCENT, cell, error_note, number, percent
from escalate.report.simulation_report.methods import stop_words
from escalate.report.simulation_report.metrics import ALLOCATION, SELECTION, Shown, by_scenario
from escalate.report.simulation_report.subject import Subject


def results(subject: Subject) -> Iterator[Block]:
    """Yield the section."""
    yield Heading("Results")
    if subject.many:
        yield from _by_family(subject)
        return
    yield Paragraph(
        ("Which level is selected, and who is treated at which, is shown in ", Reference("characteristics"),
         "; selection as a whole is in ", Reference("selection"), ", patients and DLTs are in ", Reference("allocation"),
         ", and why trials end is in ", Reference("stopped"), ".")
    )  # fmt: skip
    yield from on_paper.characteristics(
        "characteristics",
        "Selection of each level as the MTD and patients treated at it, by scenario",
        subject.by_name,
    )
    yield _scalars(subject, SELECTION, "selection", "Selection of the MTD")
    yield _scalars(subject, ALLOCATION, "allocation", "Patients and DLTs")
    yield _stopped(subject)
    if subject.found.clock is not None:
        yield Heading("Time", 2)
        yield from _clock(subject)
    yield Heading("By dose level", 2)
    for v in range(len(subject.scenarios)):
        yield _levels(subject, v)


def _scalars(subject: Subject, shown: Sequence[Shown], key: str, caption: str) -> Table:
    rows = []
    for v, scenario in enumerate(subject.scenarios):
        for d, result in enumerate(subject.found.designs):
            values = (
                cell(float(found[v]), float(errors[v]), each.kind)
                for each in shown
                for found, errors in (by_scenario(result, each.metric),)
            )
            rows.append((scenario.name if d == 0 else "", *subject.named(d), *values))
    return _by_design(subject, key, caption, tuple(each.head for each in shown), rows, error_note(subject))


def _by_design(
    subject: Subject,
    key: str,
    caption: str,
    heads: tuple[str, ...],
    rows: list[tuple[str, ...]],
    notes: tuple[str, ...],
) -> Table:
    """Return a table of scenarios, and of designs where there are several."""
    first = ("Scenario", *subject.named_head)
    return Table(key, caption, (*first, *heads), tuple(rows), "l" * len(first) + "r" * len(heads), notes)


def _levels(subject: Subject, v: int) -> Table:
    scenario, n, several = subject.scenarios[v], subject.designs[0].n_doses, len(subject.designs) > 1
    mtd = (subject.mtd(0, v) or []) if subject.one_truth else []

    def row(label: str, measure: str, values: Sequence[str], last: str) -> tuple[str | Cell, ...]:
        cells = (Cell(text, "chosen" if j + 1 in mtd else "plain") for j, text in enumerate(values))
        return (*([label] if several else []), measure, *cells, last)

    rows = [
        row(
            "Truth",
            "DLT probability, %" if several else "True DLT probability, %",
            [percent(p) for p in scenario.dlt],
            "",
        )
    ]
    for d, result in enumerate(subject.found.designs):
        found = result.characteristics
        for k, (measure, metric, total, kind) in enumerate((
            ("Selected, %", "selected", "selected_none", PERCENT),
            ("Patients", "patients", "mean_patients", MEAN),
            ("DLTs", "dlts", "mean_dlts", MEAN),
        )):  # fmt: skip
            values = [cell(*both, kind) for both in found.of(v, metric)]
            rows.append(row(subject.names[d] if k == 0 else "", measure, values, cell(*found.of(v, total)[0], kind)))
    heads = tuple(f"Level {level}" for level in range(1, n + 1))
    return Table(
        f"levels-{v + 1}",
        f"By dose level under '{scenario.name}' (MTD: {subject.mtd_words(v)})",
        (*subject.named_head, "Mean or share", *heads, "None, or all"),
        tuple(rows),
        align="l" * (1 + several) + "r" * (n + 1),
        notes=error_note(subject),
    )


def _stopped(subject: Subject) -> Table:
    codes = list(
        dict.fromkeys(
            column.metric.removeprefix("stopped:")
            for result in subject.found.designs
            for k, column in enumerate(result.characteristics.columns)
            if column.metric.startswith("stopped:") and (result.characteristics.values[:, k] > 0).any()
        )
    )
    rows = []
    for v, scenario in enumerate(subject.scenarios):
        for d, result in enumerate(subject.found.designs):
            cells = []
            for code in codes:
                both = result.characteristics.of(v, f"stopped:{code}")
                cells.append(cell(*both[0], PERCENT) if both else "-")
            rows.append((scenario.name if d == 0 else "", *subject.named(d), *cells))
    heads = tuple(f"{stop_words(code)[:1].upper()}{stop_words(code)[1:]}" for code in codes)
    notes = ("A trial can end for several reasons at once; it counts for each of them.", *error_note(subject))
    return _by_design(subject, "stopped", "Why trials end, in percent of the trials", heads, rows, notes)


_TIMES = (
    ("duration_days", "Days, mean"),
    ("duration_p10", "10%"),
    ("duration_p50", "Median"),
    ("duration_p90", "90%"),
    ("waiting_days", "Days suspended"),
    ("turned_away", "Turned away"),
    ("queued_days", "Days queued"),
    ("not_evaluable", "Not evaluable"),
)


def _clock(subject: Subject) -> Iterator[Block]:
    has = {column.metric for result in subject.found.designs for column in result.characteristics.columns}
    shown = [(metric, head) for metric, head in _TIMES if metric in has]
    rows = []
    for v, scenario in enumerate(subject.scenarios):
        for d, result in enumerate(subject.found.designs):
            values = (number(*result.characteristics.of(v, metric)[0]) for metric, _ in shown)
            rows.append((scenario.name if d == 0 else "", *subject.named(d), *values))
    caption = "Duration of a trial in days, days of suspended accrual, and patients lost to it"
    yield _by_design(subject, "time", caption, tuple(head for _, head in shown), rows, error_note(subject))


def _by_family(subject: Subject) -> Iterator[Block]:
    kept = " Every scenario is in the file of results." if subject.results_file is not None else ""
    yield Paragraph(f"Scenarios are many; their results are summarised by family.{kept}")
    yield from on_paper.characteristics(
        "characteristics", "Distribution of operating characteristics over the scenarios", subject.by_name
    )
    families = [found.family for found in subject.found.designs[0].summary]
    for f, family in enumerate(families if len(families) != 2 else families[1:], start=len(families) == 2):
        rows = []
        for each in (*SELECTION, *ALLOCATION):
            for d, result in enumerate(subject.found.designs):
                stats = result.summary[f].metrics[each.metric]
                spread = (cell(stats.quantiles[q], 0.0, each.kind) for q in ("min", "q05", "median", "q95", "max"))
                rows.append(
                    (each.head if d == 0 else "", *subject.named(d), cell(stats.mean, stats.se, each.kind), *spread)
                )
        drawn = subject.found.designs[0].summary[f].drawn
        n = subject.found.designs[0].summary[f].scenarios
        note = (
            "In brackets: standard error of the mean, as an estimate of that of the law from which the scenarios were drawn."
            if drawn
            else "In brackets: standard error of the mean, where it has one."
        )
        yield Table(
            f"family-{f + 1}",
            f"{family or 'All families'}: operating characteristics over {n:,} scenarios",
            ("Measure", *subject.named_head, "Mean", "Lowest", "5%", "Median", "95%", "Highest"),
            tuple(rows),
            align="l" * (1 + len(subject.named_head)) + "rrrrrr",
            notes=(note,),
        )
