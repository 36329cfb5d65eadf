"""Make the body of an entry from what people gave, every fault as a sentence."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import ValidationError

from escalate.conduct.bodies import Body
from escalate.conduct.body_faults import in_words
from escalate.conduct.errors import RecordError

B = TypeVar("B", bound=Body)


def made(kind: type[B], **content: Any) -> B:
    """Return a body.

    Raises
    ------
    RecordError
        With the field, and what would be right.
    """
    try:
        return kind(**content)
    except ValidationError as error:
        raise RecordError(in_words(error)) from None


def reason_given(reason: str | None) -> str | None:
    """Return a reason, or None where nothing was written."""
    return reason.strip() if reason and reason.strip() else None
