"""The designs compared: a table of their settings, then each in words."""

from __future__ import annotations

from collections.abc import Iterator

from escalate.core.design import Design
from escalate.core.wording import percent
from escalate.report.documents.blocks import Block, Heading, Items, Paragraph, Reference, Table
from escalate.report.simulation_report.subject import Subject


def designs(subject: Subject) -> Iterator[Block]:
    """Yield the section."""
    one = len(subject.designs) == 1
    yield Heading("Design" if one else "Designs compared")
    yield Paragraph(("Settings are in ", Reference("designs"), " and dose levels in ", Reference("doses"), "."))
    yield _settings(subject)
    yield _doses(subject)
    for k, design in enumerate(subject.designs):
        if not one:
            name = subject.names[k]
            yield Heading(design.title if name in design.title else f"{name}: {design.title}", 2)
        yield from _words(design)


def _settings(subject: Subject) -> Table:
    windows = any(design.dlt_window is not None for design in subject.designs)
    head = (*subject.named_head, "Method", "Target", "Cohort", "Patients, at most", "Start level", "Rules")
    rows = []
    for k, design in enumerate(subject.designs):
        rules = ", ".join(rule.kind for rule in design.rules) or "none"
        row = (
            *subject.named(k),
            design.method.kind,
            "none" if design.target is None else percent(design.target),
            str(design.cohort_size),
            str(design.max_patients),
            str(design.start_level),
            rules,
        )
        window = () if not windows else ("none" if design.dlt_window is None else f"{design.dlt_window} days",)
        rows.append((*row, *window))
    return Table(
        "designs",
        "Settings of the designs" if len(rows) > 1 else "Settings of the design",
        (*head, *(("DLT window",) if windows else ())),
        tuple(rows),
        align="l" * len(subject.named_head) + "l" + "r" * 4 + "l" + "r" * windows,
        notes=("Method and rules by the names that the design file has for them; in words below.",),
    )


def _doses(subject: Subject) -> Table:
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, design in zip(subject.names, subject.designs, strict=True):
        groups.setdefault(tuple(design.amount(j) for j in range(design.n_doses)), []).append(name)
    heads = ["Dose"] if len(groups) == 1 else [f"Dose ({', '.join(names)})" for names in groups]
    n = max(len(amounts) for amounts in groups)
    rows = [(str(j + 1), *(amounts[j] if j < len(amounts) else "-" for amounts in groups)) for j in range(n)]
    return Table("doses", "Dose levels", ("Level", *heads), tuple(rows), align="l" + "l" * len(heads))


def _words(design: Design) -> Iterator[Block]:
    sentences = (*design.method.describe_model(design), *design.method.describe(design))
    yield Paragraph(" ".join(sentences))
    if design.rules:
        yield Paragraph("Rules:")
        yield Items(tuple(rule.describe(design) for rule in design.rules))
    else:
        yield Paragraph(f"No rule applies besides the maximum of {design.max_patients} patients.")
    yield Paragraph(" ".join(design.method.describe_selection(design)))
