"""What can go wrong with a trial record."""

from __future__ import annotations

from escalate.core.errors import EscalateError


class RecordError(EscalateError):
    """A record that cannot be read, or an entry that it does not accept."""


class NotFoundError(RecordError):
    """A trial, patient or entry that is not there, or that the person may not know of."""


class NotAllowedError(RecordError):
    """Something that the person's roles do not include."""


class ConflictError(RecordError):
    """The record went on since the person looked at it; nothing was written."""


class AlreadyRecordedError(ConflictError):
    """The same request came before; `number` is the entry that it made."""

    def __init__(self, text: str, number: int) -> None:
        super().__init__(text)
        self.number = number


class TamperedError(RecordError):
    """An entry that is not what was written."""


class UnavailableError(RecordError):
    """A database that cannot be reached or written now; nothing is lost."""
