"""The command that writes the protocol document."""

from __future__ import annotations

from escalate.core.errors import EscalateError


def protocol() -> None:
    """Write the protocol document."""
    raise EscalateError("not there yet")
