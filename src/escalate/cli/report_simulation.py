"""The command that writes the simulation document."""

from __future__ import annotations

from escalate.core.errors import EscalateError


def simulation() -> None:
    """Write the simulation document."""
    raise EscalateError("not there yet")
