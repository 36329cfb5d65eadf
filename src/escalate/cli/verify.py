"""The command `verify`."""

from __future__ import annotations

from escalate.core.errors import EscalateError


def verify() -> None:
    """Not there yet."""
    raise EscalateError("not there yet")
