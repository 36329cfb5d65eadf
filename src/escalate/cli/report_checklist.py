"""The command that writes the checklist document."""

from __future__ import annotations

from escalate.core.errors import EscalateError


def checklist() -> None:
    """Write the checklist document."""
    raise EscalateError("not there yet")
