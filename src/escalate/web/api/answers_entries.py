"""Entries of the record as answers hold them: named by a write, in the history, and as verified."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from escalate.conduct import history
from escalate.conduct.chain import Entry
from escalate.conduct.verify import Report

_ENTRY: JsonDict = {
    "number": 7,
    "hash": "5f" * 32,
    "at": "2026-03-31T09:15:00.000000+00:00",
    "by": "ana",
    "kind": "decided",
}


class EntryRef(BaseModel):
    """An entry of the record."""

    number: int
    hash: str
    at: str = Field(description="When it was written, in UTC.")
    by: str
    kind: str

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """Return an entry."""
        return cls(number=entry.number, hash=entry.hash, at=entry.at, by=entry.by, kind=entry.kind)


class Written(BaseModel):
    """The entry that was written, and the head of the record just after it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"entry": _ENTRY, "head": "a0" * 32}]})

    entry: EntryRef
    head: str = Field(
        description="Hash of the last entry that the request wrote: a signature comes after the entry that it signs."
    )


class HistoryEntry(EntryRef):
    """An entry with what it says."""

    via: str
    request: str
    previous: str = Field(description="Hash of the entry before.")
    text: str = Field(description="What it says, in words.")
    content: dict[str, Any]

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """Return an entry."""
        return cls(
            **EntryRef.of(entry).model_dump(),
            via=entry.via,
            request=entry.request,
            previous=entry.previous,
            text=history.in_words(entry),
            content=dict(entry.content),
        )


class History(BaseModel):
    """Entries in order; `next` is what `after` must be for those that follow, null at the end."""

    head: str
    entries: list[HistoryEntry]
    next: int | None


class FaultLine(BaseModel):
    """What is wrong with the record."""

    entry: int | None
    text: str


class Verified(BaseModel):
    """What verifying the record found."""

    clean: bool
    entries: int
    head: str | None
    recomputed: int | None = Field(description="Recommendations computed again; null where that was not asked for.")
    faults: list[FaultLine]
    notes: list[str]

    @classmethod
    def of(cls, report: Report) -> Self:
        """Return a report."""
        return cls(
            clean=report.clean,
            entries=report.entries,
            head=report.head,
            recomputed=report.recomputed,
            faults=[FaultLine(entry=fault.number, text=fault.text) for fault in report.faults],
            notes=list(report.notes),
        )
