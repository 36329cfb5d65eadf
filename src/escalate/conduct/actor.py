"""Who acts on a record, and through what."""

from __future__ import annotations

from dataclasses import dataclass

from escalate.conduct.errors import RecordError
from escalate.core.errors import harmless


@dataclass(frozen=True)
class Actor:
    """Who acts, and through what.

    Parameters
    ----------
    request
        Names the request, so that the same one twice makes one entry.
    everywhere
        Whether roles are not asked: the command line, whose user could write the file anyway.
    admin
        Whether the person administers the whole server.
    """

    name: str
    via: str
    request: str = ""
    everywhere: bool = False
    admin: bool = False

    def __post_init__(self) -> None:
        """Refuse what the columns do not hold.

        Raises
        ------
        RecordError
            Where a name is empty, too long, or holds control characters.
        """
        for field_, text, most in (("by", self.name, 150), ("via", self.via, 80), ("request", self.request, 80)):
            if len(text) > most or (text and not text.isprintable()) or (field_ != "request" and not text.strip()):
                raise RecordError(
                    f"{field_}: '{harmless(text[:40])}' is empty, longer than {most} letters, or not printable"
                )
