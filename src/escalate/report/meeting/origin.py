"""Where a pack comes from: design, data, version, time, and the record; and how to obtain its numbers again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from escalate.core.patients import outcome_string
from escalate.report.documents.blocks import Heading, Paragraph, Preformatted
from escalate.study.provenance import Provenance

if TYPE_CHECKING:
    from escalate.report.documents.blocks import Block
    from escalate.report.meeting.subject import Subject


def provenance(subject: Subject) -> Provenance:
    """Return what the answer came from; of the record itself where there is no answer yet."""
    if subject.found is not None:
        return subject.found.provenance
    if subject.record is None:
        return Provenance.now(subject.design.sha256, None)
    from escalate.conduct.snapshot import data_sha256  # noqa: PLC0415 - loads the record

    return Provenance.now(subject.record.version.kept.sha256, data_sha256(subject.record))


def clock(time: str) -> str:
    """Return a time as people read it.

    Examples
    --------
    >>> clock("2026-03-31T09:30:00+00:00")
    '2026-03-31 09:30:00'
    """
    return time[:19].replace("T", " ")


def subtitle(subject: Subject) -> str:
    """Return which trial it is."""
    record = subject.record
    return subject.design.title if record is None else f"{record.title} ({record.trial})"


def facts(subject: Subject) -> tuple[tuple[str, str], ...]:
    """Return what identifies the pack."""
    known, found, record = provenance(subject), subject.found, subject.record
    design_name, data_name = subject.sources
    day = None if found is None or found.as_of is None else str(found.as_of.day)
    rows = (
        ("Design", subject.design.title),
        ("Design file", design_name),
        ("Design SHA-256", known.design_sha256),
        ("Data file", data_name),
        ("Data SHA-256", known.data_sha256 or "no data yet"),
        ("Day looked at", day),
        ("Made with", f"escalate {known.version}"),
        ("Time (UTC)", clock(known.time)),
        ("Record", None if record is None else f"{record.trial}, design version {record.version.number}"),
        ("Head of the record", None if record is None else f"entry {record.last.number}, {record.head}"),
    )
    return tuple((name, value) for name, value in rows if value)


def footer(subject: Subject) -> str:
    """Return what every page carries."""
    known, record = provenance(subject), subject.record
    of = f"design {known.design_sha256[:12]}"
    if record is not None:
        made_up = "synthetic outcomes, " if record.synthetic else ""
        of = f"{made_up}entry {record.last.number}, head {record.head[:16]}"
    return f"{subtitle(subject)}: meeting pack, {of}, {clock(known.time)} UTC"


def blocks(subject: Subject) -> Iterator[Block]:
    """Yield the last section: how to obtain it again."""
    record, design_name = subject.record, subject.sources[0]
    known = provenance(subject)
    day = subject.found.as_of.day if subject.found is not None and subject.found.as_of is not None else None
    as_of = f" --as-of {day}" if day is not None else ""
    yield Heading("Where this comes from")
    if record is not None:
        yield Paragraph(
            f"Design and data are those of the record as of entry {record.last.number}. Every entry was verified before this was "
            "written; the same is done again with:"
        )
        yield Preformatted(
            f"escalate trial verify {record.trial} --head {record.head[:16]}\n"
            f"escalate trial recommend {record.trial} --look{as_of}"
        )
        return
    yield Paragraph(
        f"The answer depends on the design (SHA-256 {known.design_sha256[:12]}) and the data "
        f"({'none' if known.data_sha256 is None else f'SHA-256 {known.data_sha256[:12]}'}) alone. It is obtained again with:"
    )
    yield Preformatted(f"escalate recommend {design_name or 'DESIGN'}{_data(subject)}{as_of}")


def _data(subject: Subject) -> str:
    """Return how the data are given to a command."""
    data, name = subject.data, subject.sources[1]
    if data is None or name is not None:
        return "" if name is None else f" {name}"
    if subject.patients:
        return " DATA"
    told = outcome_string(((cohort.dose, cohort.counts) for cohort in data.cohorts), subject.design.outcomes)
    return f' --outcomes "{told}"'
