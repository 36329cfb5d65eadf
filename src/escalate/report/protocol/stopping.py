"""Rules on safety and stopping, and the end of the trial."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from escalate.core.wording import counted, listed
from escalate.report.documents.blocks import Block, Heading, Items, Paragraph
from escalate.report.protocol import frame
from escalate.report.protocol.part import Part

if TYPE_CHECKING:
    from escalate.core.design import Design


def stopping(part: Part) -> Iterator[Block]:
    """Yield rules on safety and stopping, and then the end of the trial and the selection of the MTD."""
    design, depth = part.design, part.level_of_headings
    yield Heading("Rules on safety, dose steps and stopping", depth)
    if design.rules:
        yield Paragraph(frame.rules_opening(design))
        yield Items(tuple(frame.rule_said(design, rule) for rule in design.rules))
        together = frame.safety_and_vetoes(design)
        if together:
            yield Paragraph(" ".join(together))
    else:
        yield Paragraph("No rules apply besides the method and the maximum number of patients.")
    yield Heading("End of the trial and selection of the MTD", depth)
    yield Paragraph(_end(design))
    yield Items(design.method.describe_selection(design))


def _end(design: Design) -> str:
    most = counted(design.max_patients, "evaluable patient")
    full = f"with the maximum of {most}" + (", backfilled patients not counted" if design.backfill is not None else "")
    ends = [
        *(["where a rule above stops it"] if design.rules else []),
        *(["where the method ends it, as described above,"] if _method_ends(design) else []),
    ]
    if not ends:
        return f"The trial ends {full}."
    return f"The trial ends {listed([*ends, full], 'or')}, whichever comes first."


def _method_ends(design: Design) -> bool:
    """Return whether the method's own sentences say that it ends the trial."""
    return any("trial ends" in sentence or "trial stops" in sentence for sentence in design.method.describe(design))
