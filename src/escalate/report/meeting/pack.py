"""The document of a meeting, section by section."""

from __future__ import annotations

from typing import TYPE_CHECKING

from escalate.report.documents.blocks import Document
from escalate.report.meeting import ahead, allowed, answer, decided, estimates, form, origin, seen
from escalate.report.meeting.subject import Subject, from_data

if TYPE_CHECKING:
    from escalate.core.design import Design
    from escalate.core.patients import TrialData


def build(
    design: Design,
    data: TrialData | str | None = None,
    *,
    design_sha256: str | None = None,
    text: str | None = None,
    sources: tuple[str | None, str | None] = (None, None),
) -> Document:
    """Return the pack of a meeting on a design and the data so far.

    Parameters
    ----------
    data
        Trial data, or an outcome string such as `1NNN 2NNT`; None before the first patient.
    design_sha256
        Hash to record; of the settings unless given.
    text
        The CSV of the data, for the listing of patients.
    sources
        Names of the design file and of the data file.

    Raises
    ------
    EscalateError
        As `recommend`.

    Examples
    --------
    >>> import escalate as esc
    >>> design = esc.Design.from_dict({
    ...     "title": "example", "doses": {"unit": "mg", "levels": (10.0, 20.0, 40.0)}, "target": 0.3,
    ...     "max_patients": 30, "method": {"kind": "boin"}})
    >>> next(text for text in build(design, "1NNN 2NNT").texts() if text.startswith("Treat"))
    'Treat the next 3 patients at level 2 (20 mg): stay.'
    """
    if isinstance(data, str):
        from escalate.core.patients import from_outcomes  # noqa: PLC0415 - for outcome strings alone

        data = from_outcomes(data, design, design.outcomes)
    return document(from_data(design, data, design_sha256=design_sha256, text=text, sources=sources))


def document(subject: Subject) -> Document:
    """Return the pack of a meeting."""
    return Document(
        kind="meeting",
        title="Meeting pack",
        subtitle=origin.subtitle(subject),
        blocks=(
            *answer.blocks(subject),
            *seen.blocks(subject),
            *estimates.blocks(subject),
            *allowed.blocks(subject),
            *ahead.blocks(subject),
            *decided.blocks(subject),
            *form.blocks(subject),
            *origin.blocks(subject),
        ),
        facts=origin.facts(subject),
        footer=origin.footer(subject),
        contents=False,
    )
