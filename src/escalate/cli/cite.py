"""The command `cite`."""

from __future__ import annotations

from escalate.core.errors import EscalateError


def cite() -> None:
    """Not there yet."""
    raise EscalateError("not there yet")
