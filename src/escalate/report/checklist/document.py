"""A checklist as a document, and as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from escalate.report.checklist import consort, spirit
from escalate.report.checklist.fill import filled
from escalate.report.documents.blocks import Cell, Document, Paragraph, Run, Table
from escalate.report.meeting.origin import clock
from escalate.study.provenance import Provenance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from escalate.report.checklist.fill import Of
    from escalate.report.checklist.item import Filled, Known
    from escalate.report.documents.blocks import Block, Tone, Words

SCHEMA: Final = "escalate/checklist/1"
_LISTS: Final = {"spirit": spirit, "consort": consort}
_WHAT: Final = {"spirit": "the protocol", "consort": "the report"}


def build(of: Of, known: Known, *, design_sha256: str | None = None, source: str | None = None) -> Document:
    """Return a checklist with what the design, the study and the record answer, and what a person must write.

    Parameters
    ----------
    of
        `spirit` for a protocol, `consort` for a report.
    design_sha256
        Hash to record; of the settings unless given.
    source
        Name of the design file.
    """
    items, listed, record = filled(of, known), _LISTS[of], known.record
    made = Provenance.now(design_sha256 or known.design.sha256, None)
    title = known.design.title if record is None else f"{record.title} ({record.trial})"
    facts = (
        ("Design", known.design.title),
        ("Design file", source),
        ("Design SHA-256", made.design_sha256),
        ("Record", None if record is None else f"{record.trial}, entry {record.last.number}, head {record.head}"),
        ("Made with", f"escalate {made.version}"),
        ("Time (UTC)", clock(made.time)),
    )
    return Document(
        kind="checklist",
        title=f"{listed.NAME} checklist",
        subtitle=title,
        blocks=tuple(_blocks(of, items, known)),
        facts=tuple((name, value) for name, value in facts if value),
        footer=f"{title}: {listed.NAME} checklist, design {made.design_sha256[:12]}, {clock(made.time)} UTC",
    )


def _blocks(of: Of, items: tuple[Filled, ...], known: Known) -> Iterator[Block]:
    listed = _LISTS[of]
    if known.record is not None and known.record.synthetic:
        yield Paragraph("Synthetic: the outcomes of this trial are made up.", "warning")
    yield Paragraph(
        f"The published checklist is what binds: {listed.PUBLISHED} This list says in other words what the extension asks of a "
        "dose-finding trial, and need not be divided item by item as the published one is. An item has its published number where "
        f"that could be verified; 'in 8' says that the topic belongs to item 8 of {listed.PARENT}, the parent."
    )
    yield Paragraph(counted(items))
    yield _table(f"{listed.NAME}, filled in", items)


def counted(items: tuple[Filled, ...]) -> str:
    """Return how many items are answered, in part, and open."""
    numbers = {state: sum(each.state == state for each in items) for state in ("answered", "in part", "open")}
    return (
        f"Of {len(items)} items {numbers['answered']} are answered, {numbers['in part']} are answered in part, and "
        f"{numbers['open']} are open."
    )


def _table(caption: str, items: tuple[Filled, ...]) -> Table:
    header = ("Item", "Topic", "Status", "What is there, and what is to be written")
    return Table("items", caption, header, tuple(map(_row, items)), "llll")


def _row(each: Filled) -> tuple[Words | Cell, ...]:
    tones: dict[str, Tone] = {"answered": "good", "in part": "stay", "open": "open"}
    topic: Words = (Run(f"{each.item.topic}. ", "strong"), each.item.asks)
    said: list[str | Run] = []
    if each.answer is not None:
        said += [each.answer.text, Run(f" (from the {each.answer.holder}: {each.answer.where})", "emphasis")]
    if each.to_write:
        said += [*([" "] if said else []), Run("To be written: ", "strong"), each.to_write]
    return each.item.place, topic, Cell(each.state, tones[each.state]), tuple(said)


def form(of: Of, known: Known, *, design_sha256: str | None = None) -> dict[str, Any]:
    """Return a checklist as plain data: every item with its status."""
    items, record = filled(of, known), known.record
    made = Provenance.now(design_sha256 or known.design.sha256, None)
    return {
        "schema": SCHEMA,
        "checklist": _LISTS[of].NAME,
        "published": _LISTS[of].PUBLISHED,
        "parent": _LISTS[of].PARENT,
        "design": known.design.title,
        "items": [
            {
                "key": each.item.key,
                "number": each.item.number,
                "section": each.item.section,
                "topic": each.item.topic,
                "asks": each.item.asks,
                "state": each.state,
                "status": each.status,
                "text": None if each.answer is None else each.answer.text,
                "holder": None if each.answer is None else each.answer.holder,
                "where": None if each.answer is None else each.answer.where,
                "to_write": each.to_write or None,
            }
            for each in items
        ],
        "record": None if record is None else {"trial": record.trial, "head": record.head},
        "provenance": {"version": made.version, "design_sha256": made.design_sha256, "time": made.time},
    }
