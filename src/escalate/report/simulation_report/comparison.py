"""The designs beside each other: paired differences with their errors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from escalate.report import on_paper
from escalate.report.documents.blocks import Block, Heading, Paragraph, Reference, Table
from escalate.report.simulation_report.cells import difference
from escalate.report.simulation_report.metrics import COMPARED
from escalate.report.simulation_report.subject import Subject
from escalate.study.compare import Comparison


def comparison(subject: Subject) -> Iterator[Block]:
    """Yield the section; nothing where there is one design."""
    found = subject.found.comparison
    if found is None:
        return
    first = subject.names[0]
    yield Heading("Comparison by paired difference")
    yield Paragraph(
        (
            f"By how much each design exceeds {first} is in ",
            Reference("differences"),
            ": percentage points, or patients and DLTs. ",
            _exact(subject)
            if subject.error_free
            else "The designs treated the same patients: the error in brackets is that of the paired difference, not of two "
            "separate studies. A difference within twice its error may be chance.",
        )
    )
    for note in found.notes:
        yield Paragraph(note, look="warning")
    yield _table(subject, found)
    yield from on_paper.differences(
        "difference-figure", f"Differences to {first}", replace(found, titles=subject.names)
    )


def _exact(subject: Subject) -> str:
    if subject.many and any(scenario.drawn for scenario in subject.scenarios):
        return (
            "Under each scenario the differences are exact; in brackets is the error of their mean over scenarios drawn at random. "
            "A mean difference within twice its error may be chance."
        )
    return "The differences are exact."


def _table(subject: Subject, found: Comparison) -> Table:
    rows: list[tuple[str, ...]] = []
    where = [found.metrics.index(each.metric) for each in COMPARED]
    each = [(*found.differences(d), subject.names[d]) for d in range(1, len(subject.names))]
    if not subject.many:
        for v, scenario in enumerate(subject.scenarios):
            for k, (gaps, errors, name) in enumerate(each):
                cells = (
                    difference(float(gaps[m, v]), float(errors[m, v]), shown.kind)
                    for m, shown in zip(where, COMPARED, strict=True)
                )
                rows.append((scenario.name if k == 0 else "", name, *cells))
    families = found.families
    if subject.many and len(families) == 2:
        families = families[1:]
    for family in families if subject.many else families[: len(subject.scenarios) > 1]:
        for d, name in enumerate(subject.names[1:], start=1):
            cells = (difference(*family.difference(d, shown.metric), shown.kind) for shown in COMPARED)
            label = family.family or "Mean of all scenarios"
            rows.append((label if d == 1 else "", name, *cells))
    return Table(
        "differences",
        f"Differences to {subject.names[0]}",
        ("Scenario", "Design", *(shown.head for shown in COMPARED)),
        tuple(rows),
        align="ll" + "r" * len(COMPARED),
        notes=() if subject.error_free and not subject.many else ("In brackets: standard error of the difference.",),
    )
