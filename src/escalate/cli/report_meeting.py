"""The command that writes the meeting document."""

from __future__ import annotations

from escalate.core.errors import EscalateError


def meeting() -> None:
    """Write the meeting document."""
    raise EscalateError("not there yet")
