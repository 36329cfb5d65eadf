"""The section of a protocol on dose escalation, put together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from escalate import __version__
from escalate.core.errors import EscalateError
from escalate.report.documents.blocks import Block, Document, Heading, Items, Paragraph, Reference, Table
from escalate.report.protocol import frame
from escalate.report.protocol.ahead import ahead
from escalate.report.protocol.characteristics import characteristics
from escalate.report.protocol.choosing import choosing
from escalate.report.protocol.decisions import decisions
from escalate.report.protocol.part import Part, amount
from escalate.report.protocol.software import literature, software
from escalate.report.protocol.stopping import stopping

if TYPE_CHECKING:
    from escalate.study.results import OperatingCharacteristics

TITLE = "Dose escalation: protocol section"
COHORTS = 2


def build(
    parts: Sequence[Part],
    found: OperatingCharacteristics | None = None,
    *,
    cohorts: int = COHORTS,
    commands: Sequence[str] = (),
) -> Document:
    """Return the section of a protocol on one design, or on several that are used side by side.

    Parameters
    ----------
    parts
        The designs, in the order in which they are described; each with its results, where there are any.
    found
        The operating characteristics that those results are of.
    cohorts
        How many cohorts ahead the table of paths looks; 0 leaves it out.
    commands
        By which the results, and this document, can be made again.

    Raises
    ------
    EscalateError
        Where a design is given twice.
    """
    for k, part in enumerate(parts):
        if part.sha256 in {each.sha256 for each in parts[:k]}:
            raise EscalateError(
                f"{part.file or part.design.title}: is given twice; give each dose escalation a design file of its own, with its "
                "own title"
            )
    if len(parts) > 1:
        parts = tuple(replace(part, place=k) for k, part in enumerate(parts))
    subtitle = "; ".join(part.design.title for part in parts)
    return Document(
        kind="protocol",
        title=TITLE,
        subtitle=subtitle,
        blocks=tuple(_blocks(parts, found, cohorts, commands)),
        facts=tuple(_facts(parts)),
        footer=f"escalate {__version__}; design {', '.join(part.sha256[:12] for part in parts)}",
    )


def _facts(parts: Sequence[Part]) -> Iterator[tuple[str, str]]:
    yield "Software", f"escalate {__version__}"
    for part in parts:
        name = "Design" if part.place is None else f"Design {part.place + 1}"
        file = "" if part.file is None else f"{part.file}, "
        yield name, f"{part.design.title} ({file}sha256 {part.sha256})"


def _blocks(
    parts: Sequence[Part], found: OperatingCharacteristics | None, cohorts: int, commands: Sequence[str]
) -> Iterator[Block]:
    if len(parts) > 1:
        yield from _several(parts)
    for part in parts:
        if part.place is not None:
            yield Heading(part.design.title)
        yield from _frame(part)
        yield from choosing(part)
        yield from decisions(part)
        yield from stopping(part)
        if cohorts:
            yield from ahead(part, cohorts)
        if found is not None:
            yield from characteristics(part, found)
    yield from software(parts, commands)
    yield from literature(parts)


def _several(parts: Sequence[Part]) -> Iterator[Block]:
    yield Paragraph(
        f"The trial has {len(parts)} dose escalations, each with a design and an MTD of its own. Each design decides from the "
        "data of its own escalation alone."
    )
    yield Items(tuple(part.design.title for part in parts), ordered=True)
    yield Paragraph(
        "To be completed: which patients belong to which escalation, and whether a level may be given in one only after it was "
        "given in another. The design files do not say it.",
        "warning",
    )


def _frame(part: Part) -> Iterator[Block]:
    design, depth = part.design, part.level_of_headings
    yield Heading("Study design in brief", depth)
    yield Items(frame.brief(design))
    yield Heading("Dose levels", depth)
    yield Paragraph(("Dose levels are in ", Reference(part.key("doses")), "."))
    yield _doses(part)
    yield Heading("Dose-limiting toxicity and evaluation period", depth)
    yield Items(frame.evaluation(design))
    missing = (
        "" if design.dlt_window is not None else ", the period in which they count (the design file sets no DLT window)"
    )
    yield Paragraph(
        f"To be completed: the toxicities that are dose-limiting{missing}, and whether patients who are not evaluable are "
        "replaced.",
        "warning",
    )


def _doses(part: Part) -> Table:
    design = part.design
    labels = design.doses.labels
    rows = tuple(
        (str(j + 1), amount(design, j), *(() if labels is None else (labels[j],))) for j in range(design.n_doses)
    )
    head = (
        "Level",
        "Dose",
        *(() if labels is None else ("Given as",)),
    )
    return Table(part.key("doses"), "Dose levels", head, rows, align="l" * len(head))
